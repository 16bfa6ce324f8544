//! Check: backups deleted or switched off, or a database deleted without a final snapshot.
//!
//! Not a violation: a backup service that deletes by its plan, a database deleted with a final snapshot, and
//! the deletion of an old snapshot.

use crate::{Broken, Check, Group, Rule, Speaks, told};
use trailwarden_core::{catalog::Call, event::Event, finding::Severity, settings::Facts};

pub(crate) const CHECK: Check = Check {
    id: "backup-destroyed",
    title: "Backups were deleted or given up",
    group: Group::Retention,
    severity: Severity::Medium,
    remediation: &[
        "Ask who approved it",
        "Make a backup now, if the data is still there",
        "Lock backup vaults, and keep copies in another account",
    ],
    blind_spot: "Whether another copy exists; whether the data was still needed.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        ("backup", &["DeleteRecoveryPoint", "DeleteBackupVault", "DeleteBackupPlan"]),
        (
            "rds",
            &[
                "DeleteDBInstance",
                "DeleteDBCluster",
                "DeleteDBInstanceAutomatedBackup",
                "DeleteDBClusterAutomatedBackup",
                "ModifyDBInstance",
                "ModifyDBCluster",
            ],
        ),
        ("redshift", &["DeleteCluster"]),
        ("dynamodb", &["DeleteBackup", "UpdateContinuousBackups"]),
        ("elasticfilesystem", &["PutBackupPolicy"]),
    ]),
    rule: Rule::Event(violates),
    config_rules: &[
        "db-instance-backup-enabled",
        "dynamodb-pitr-enabled",
        "dynamodb-in-backup-plan",
        "rds-in-backup-plan",
    ],
};

fn violates(event: &Event<'_>, _: &Facts) -> Option<Broken> {
    if !event.identity.invoked_by.is_empty() {
        return None; // a service that deletes by its plan
    }
    let call = Call::new(event);
    let inner = |list: &str, key: &str| call.get(list).and_then(|inner| inner.get(key)).cloned();
    let why = match &*event.event_name {
        "DeleteDBInstance" | "DeleteDBCluster" | "DeleteCluster" => {
            // A cluster member or a replica has no final snapshot: its data lives on elsewhere.
            let answer = event.response();
            let is_part =
                ["dBClusterIdentifier", "readReplicaSourceDBInstanceIdentifier"].iter().any(|key| {
                    answer.get(key).and_then(serde_json::Value::as_str).is_some_and(|of| !of.is_empty())
                });
            if is_part && &*event.event_name == "DeleteDBInstance" {
                return None;
            }
            let is_gone = call.is_on("skipFinalSnapshot") || call.is_on("skipFinalClusterSnapshot");
            is_gone.then_some("without a last snapshot")
        }
        "ModifyDBInstance" | "ModifyDBCluster" => {
            (call.get("backupRetentionPeriod")?.as_u64() == Some(0)).then_some("no backups any more")
        }
        "UpdateContinuousBackups" => {
            let is_off = inner("pointInTimeRecoverySpecification", "pointInTimeRecoveryEnabled")
                .is_some_and(|on| on == false);
            is_off.then_some("point-in-time recovery switched off")
        }
        "PutBackupPolicy" => {
            (inner("backupPolicy", "status")? == "DISABLED").then_some("automatic backups switched off")
        }
        _ => Some(""),
    }?;
    let target = call.text(&[
        "dBInstanceIdentifier",
        "dBClusterIdentifier",
        "clusterIdentifier",
        "tableName",
        "backupVaultName",
        "backupArn",
        "backupPlanId",
        "fileSystemId",
    ]);
    Some(told(event, target, why).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{call, user},
        *,
    };

    #[test]
    fn a_recovery_point_deleted_or_backups_given_up_break_it() {
        assert!(
            call("backup:DeleteRecoveryPoint", json!({ "backupVaultName": "v" })).breaks(&CHECK).is_some()
        );
        assert!(
            call("rds:DeleteDBInstance", json!({ "dBInstanceIdentifier": "db", "skipFinalSnapshot": true }))
                .breaks(&CHECK)
                .is_some()
        );
        assert!(
            call("rds:ModifyDBInstance", json!({ "dBInstanceIdentifier": "db", "backupRetentionPeriod": 0 }))
                .breaks(&CHECK)
                .is_some()
        );
    }

    #[test]
    fn a_last_snapshot_another_change_and_a_service_that_clears_up_do_not() {
        assert_eq!(
            call("rds:DeleteDBInstance", json!({ "dBInstanceIdentifier": "db", "skipFinalSnapshot": false }))
                .breaks(&CHECK),
            None
        );
        assert_eq!(
            call("rds:ModifyDBInstance", json!({ "dBInstanceIdentifier": "db", "allocatedStorage": 9 }))
                .breaks(&CHECK),
            None
        );
        let mut service = user("kim");
        service["invokedBy"] = "backup.amazonaws.com".into();
        assert_eq!(
            call("backup:DeleteRecoveryPoint", json!({ "backupVaultName": "v" })).by(service).breaks(&CHECK),
            None
        );
    }
}
