//! Check: bucket, disk, image, database snapshot, function or queue opened to the public.
//!
//! Scanners find public resources within hours. Not a violation: a policy whose conditions restrict the
//! public to an organisation, a network or a distribution, and revoking a share.

use crate::{Check, Group, Rule, Speaks, opened_to_all};
use trailwarden_core::finding::Severity;

pub(crate) const CHECK: Check = Check {
    id: "made-public",
    title: "Something was opened to everybody",
    group: Group::Exposure,
    severity: Severity::High,
    remediation: &[
        "Close it, if it is no public website",
        "Find out what was read meanwhile (data events, access logs)",
        "Block public access for the whole account",
    ],
    blind_spot: "What it holds; whether a block of the account's keeps it closed all the same.",
    needs: None,
    speaks_about: Speaks::Calls(OPENING),
    rule: Rule::Event(|event, _| opened_to_all(event)),
    config_rules: &[
        "s3-bucket-public-read-prohibited",
        "s3-bucket-public-write-prohibited",
        "ebs-snapshot-public-restorable-check",
        "rds-snapshots-public-prohibited",
        "lambda-function-public-access-prohibited",
    ],
};

/// Calls that can give others access to a resource.
pub(super) const OPENING: &[(&str, &[&str])] = &[
    (
        "s3",
        &["PutBucketPolicy", "PutBucketAcl", "PutObjectAcl", "PutAccessPointPolicy", "PutBucketReplication"],
    ),
    ("ec2", &["ModifySnapshotAttribute", "ModifyImageAttribute"]),
    ("rds", &["ModifyDBSnapshotAttribute", "ModifyDBClusterSnapshotAttribute"]),
    ("redshift", &["AuthorizeSnapshotAccess"]),
    ("lambda", &["AddPermission", "CreateFunctionUrlConfig", "UpdateFunctionUrlConfig"]),
    ("sqs", &["SetQueueAttributes", "AddPermission"]),
    ("sns", &["SetTopicAttributes", "AddPermission"]),
    ("kms", &["PutKeyPolicy", "CreateGrant"]),
    ("secretsmanager", &["PutResourcePolicy"]),
    ("dynamodb", &["PutResourcePolicy"]),
    ("ecr", &["SetRepositoryPolicy"]),
    ("backup", &["PutBackupVaultAccessPolicy"]),
    ("elasticfilesystem", &["PutFileSystemPolicy"]),
    ("ram", &["CreateResourceShare", "AssociateResourceShare"]),
];

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{super::testing::call, *};

    fn policy(condition: &Value) -> Value {
        json!({ "bucketName": "b", "bucketPolicy": { "Statement": [
            { "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*", "Condition": condition }] } })
    }

    #[test]
    fn a_bucket_or_a_disk_for_everybody_breaks_it() {
        assert_eq!(
            call("s3:PutBucketPolicy", policy(&json!({}))).breaks(&CHECK).as_deref(),
            Some("s3:PutBucketPolicy on b: open to everybody")
        );
        let disk = json!({ "snapshotId": "snap-1", "createVolumePermission": { "add": { "items": [{ "group": "all" }] } } });
        assert!(call("ec2:ModifySnapshotAttribute", disk).breaks(&CHECK).is_some());
    }

    #[test]
    fn everybody_beside_an_account_breaks_it() {
        let both = json!({ "dBSnapshotIdentifier": "s", "valuesToAdd": ["444455556666", "all"] });
        assert!(call("rds:ModifyDBSnapshotAttribute", both).breaks(&CHECK).is_some());
    }

    #[test]
    fn a_narrowed_policy_and_a_refusal_do_not() {
        let organisation = json!({ "StringEquals": { "aws:PrincipalOrgID": "o-1" } });
        assert_eq!(call("s3:PutBucketPolicy", policy(&organisation)).breaks(&CHECK), None);
        assert_eq!(call("s3:PutBucketPolicy", policy(&json!({}))).refused().breaks(&CHECK), None);
    }
}
