//! Check: encryption by default switched off.
//!
//! Resources created afterwards are unencrypted, and nobody notices. Not a violation: a change of key, and
//! switching encryption on.

use crate::{Check, Group, Rule, Speaks, told};
use trailwarden_core::{catalog::Call, finding::Severity};

pub(crate) const CHECK: Check = Check {
    id: "encryption-switched-off",
    title: "Encryption by default was switched off",
    group: Group::Encryption,
    severity: Severity::Medium,
    remediation: &["Switch it on again", "Find what was made meanwhile, and encrypt it"],
    blind_spot: "S3 encrypts all the same since 2023, with a key of its own.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        ("ec2", &["DisableEbsEncryptionByDefault"]),
        ("s3", &["DeleteBucketEncryption"]),
    ]),
    rule: Rule::Event(|event, _| Some(told(event, Call::new(event).text(&["bucketName"]), "").into())),
    config_rules: &[
        "ec2-ebs-encryption-by-default",
        "s3-bucket-server-side-encryption-enabled",
        "s3-default-encryption-kms",
    ],
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::call, *};

    #[test]
    fn switching_off_breaks_it_and_switching_on_or_a_refusal_does_not() {
        assert!(call("ec2:DisableEbsEncryptionByDefault", json!({})).breaks(&CHECK).is_some());
        assert_eq!(call("ec2:EnableEbsEncryptionByDefault", json!({})).breaks(&CHECK), None);
        assert_eq!(
            call("s3:DeleteBucketEncryption", json!({ "bucketName": "b" })).refused().breaks(&CHECK),
            None
        );
    }
}
