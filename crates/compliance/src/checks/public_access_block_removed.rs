//! Check: public access block switched off, for a bucket, an account, snapshots or images.
//!
//! Nothing becomes public yet, but the next mistake will. Not a violation: a call that leaves every switch
//! on.

use crate::{Check, Group, Rule, Speaks, done};
use trailwarden_core::{catalog::weight, finding::Severity};

pub(crate) const CHECK: Check = Check {
    id: "public-access-block-removed",
    title: "A block of public access was switched off",
    group: Group::Exposure,
    severity: Severity::Medium,
    remediation: &[
        "Switch it on again, all of it",
        "If a website needs it: serve it through CloudFront, and keep the bucket closed",
    ],
    blind_spot: "Whether the account's own block still holds.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        (
            "s3",
            &[
                "PutBucketPublicAccessBlock",
                "PutPublicAccessBlock",
                "PutAccountPublicAccessBlock",
                "DeleteBucketPublicAccessBlock",
                "DeletePublicAccessBlock",
                "DeleteAccountPublicAccessBlock",
            ],
        ),
        ("ec2", &["DisableSnapshotBlockPublicAccess", "DisableImageBlockPublicAccess"]),
    ]),
    rule: Rule::Event(|event, _| done(event, |act| act.weight >= weight::ODD)),
    config_rules: &[
        "s3-account-level-public-access-blocks",
        "s3-account-level-public-access-blocks-periodic",
        "s3-bucket-level-public-access-prohibited",
    ],
};

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::testing::call, *};

    fn block(restricts: bool) -> Value {
        json!({ "bucketName": "b", "PublicAccessBlockConfiguration": { "BlockPublicAcls": true, "IgnorePublicAcls": true,
            "BlockPublicPolicy": true, "RestrictPublicBuckets": restricts } })
    }

    #[test]
    fn a_switch_off_or_the_block_gone_breaks_it() {
        assert!(call("s3:PutBucketPublicAccessBlock", block(false)).breaks(&CHECK).is_some());
        assert!(call("s3:DeleteAccountPublicAccessBlock", json!({})).breaks(&CHECK).is_some());
    }

    #[test]
    fn all_switches_on_and_a_refusal_do_not() {
        assert_eq!(call("s3:PutBucketPublicAccessBlock", block(true)).breaks(&CHECK), None);
        assert_eq!(call("s3:PutBucketPublicAccessBlock", block(false)).refused().breaks(&CHECK), None);
    }
}
