//! Check: disk, image, database, bucket, key or queue shared with an account outside the organisation.
//!
//! Data leaves without a copy being made. Not a violation: sharing with an account of the organisation, and
//! revoking a share.

use crate::{Check, Group, Rule, Speaks, opened_to_accounts};
use trailwarden_core::finding::Severity;

pub(crate) const CHECK: Check = Check {
    id: "data-shared-outside",
    title: "Data was opened to an account outside the organisation",
    group: Group::DataAccess,
    severity: Severity::High,
    remediation: &[
        "Take the share back",
        "Ask whose account it is; name it in the settings if it is yours",
        "Find out what was read there",
    ],
    blind_spot: "Whether an account is the organisation's that the settings do not name and whose logs are not read; what is done there.",
    needs: None,
    speaks_about: Speaks::Calls(super::made_public::OPENING),
    rule: Rule::Event(opened_to_accounts),
    config_rules: &[],
};

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::testing::call, *};

    fn share(account: &str, way: &str) -> Value {
        json!({ "snapshotId": "snap-1", "createVolumePermission": { way: { "items": [{ "userId": account }] } } })
    }

    #[test]
    fn a_snapshot_for_a_stranger_breaks_it() {
        let said = call("ec2:ModifySnapshotAttribute", share("999900001111", "add")).breaks(&CHECK);
        assert_eq!(
            said.as_deref(),
            Some("ec2:ModifySnapshotAttribute on snap-1: open to account 999900001111")
        );
    }

    #[test]
    fn a_stranger_beside_a_sister_account_breaks_it_and_aws_itself_does_not() {
        let own = "accounts = [\"444455556666\"]";
        let both = json!({ "dBSnapshotIdentifier": "s", "valuesToAdd": ["444455556666", "999900001111"] });
        let said = call("rds:ModifyDBSnapshotAttribute", both).breaks_given(own, &CHECK);
        assert_eq!(said.as_deref(), Some("rds:ModifyDBSnapshotAttribute on s: open to account 999900001111"));
        let logs = json!({ "bucketName": "b", "bucketPolicy": { "Statement": { "Effect": "Allow", "Action": "s3:PutObject",
            "Resource": "*", "Principal": { "AWS": "arn:aws:iam::156460612806:root" } } } });
        assert_eq!(call("s3:PutBucketPolicy", logs).breaks(&CHECK), None);
        let organisation =
            json!({ "name": "n", "principals": ["arn:aws:organizations::222222222222:organization/o-1"] });
        assert_eq!(call("ram:CreateResourceShare", organisation).breaks(&CHECK), None);
    }

    #[test]
    fn ones_own_account_and_a_share_taken_back_do_not() {
        let own = "accounts = [\"999900001111\"]";
        assert_eq!(
            call("ec2:ModifySnapshotAttribute", share("999900001111", "add")).breaks_given(own, &CHECK),
            None
        );
        assert_eq!(call("ec2:ModifySnapshotAttribute", share("999900001111", "remove")).breaks(&CHECK), None);
        assert_eq!(
            call("ec2:ModifySnapshotAttribute", share("999900001111", "add")).refused().breaks(&CHECK),
            None
        );
    }
}
