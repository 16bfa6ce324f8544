//! Check: disk, file system or database created without encryption.
//!
//! The check reads AWS's response, because the request may omit the setting. Not a violation: an encrypted
//! store, and a response without the field.

use serde_json::Value;

use crate::{Broken, Check, Group, Rule, Speaks, told};
use trailwarden_core::{catalog::Call, event::Event, finding::Severity, settings::Facts};

pub(crate) const CHECK: Check = Check {
    id: "unencrypted-store-created",
    title: "A store was made without encryption",
    group: Group::Encryption,
    severity: Severity::Medium,
    remediation: &[
        "Copy it to an encrypted one, and delete it",
        "Switch encryption by default on, in each Region",
        "Deny unencrypted stores by policy",
    ],
    blind_spot: "Stores that are older than the log; what an application encrypts by itself.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        ("ec2", &["CreateVolume"]),
        (
            "rds",
            &[
                "CreateDBInstance",
                "CreateDBCluster",
                "RestoreDBInstanceFromDBSnapshot",
                "RestoreDBClusterFromSnapshot",
            ],
        ),
        ("elasticfilesystem", &["CreateFileSystem"]),
        ("redshift", &["CreateCluster"]),
        ("elasticache", &["CreateReplicationGroup"]),
    ]),
    rule: Rule::Event(violates),
    config_rules: &[
        "encrypted-volumes",
        "rds-storage-encrypted",
        "efs-encrypted-check",
        "redshift-cluster-configuration-check",
    ],
};

fn violates(event: &Event<'_>, _: &Facts) -> Option<Broken> {
    let answer = event.response();
    let answer = answer.get("cluster").unwrap_or(&answer);
    let is_clear = ["encrypted", "storageEncrypted", "atRestEncryptionEnabled"]
        .iter()
        .any(|key| answer.get(key) == Some(&Value::Bool(false)));
    let name = [
        "volumeId",
        "dBInstanceIdentifier",
        "dBClusterIdentifier",
        "fileSystemId",
        "clusterIdentifier",
        "replicationGroupId",
    ]
    .iter()
    .find_map(|key| answer.get(key)?.as_str());
    let asked = Call::new(event);
    let name = name.unwrap_or(asked.text(&["availabilityZone"]));
    is_clear.then(|| told(event, name, "not encrypted").into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::call, *};

    #[test]
    fn a_disk_or_database_in_clear_breaks_it() {
        let disk = call("ec2:CreateVolume", json!({ "size": 8 }))
            .with("responseElements", json!({ "volumeId": "vol-1", "encrypted": false }));
        assert_eq!(disk.breaks(&CHECK).as_deref(), Some("ec2:CreateVolume on vol-1: not encrypted"));
        let database = call("rds:CreateDBInstance", json!({}))
            .with("responseElements", json!({ "storageEncrypted": false }));
        assert!(database.breaks(&CHECK).is_some());
    }

    #[test]
    fn an_encrypted_one_and_an_answer_that_does_not_say_do_not() {
        let disk = call("ec2:CreateVolume", json!({ "size": 8 }))
            .with("responseElements", json!({ "volumeId": "vol-1", "encrypted": true }));
        assert_eq!(disk.breaks(&CHECK), None);
        assert_eq!(call("rds:CreateDBCluster", json!({})).breaks(&CHECK), None);
    }
}
