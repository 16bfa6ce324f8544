//! Check: database with a publicly accessible address.
//!
//! Not a violation: any change to a database that stays inside its network.

use serde_json::Value;

use crate::{Broken, Check, Group, Rule, Speaks, told};
use trailwarden_core::{catalog::Call, event::Event, finding::Severity, settings::Facts};

pub(crate) const CHECK: Check = Check {
    id: "database-made-public",
    title: "A database can be reached from the Internet",
    group: Group::Exposure,
    severity: Severity::High,
    remediation: &[
        "Take the public address away",
        "Look for connections from outside meanwhile (flow logs, the database's own log)",
    ],
    blind_spot: "Whether a security group keeps it closed all the same.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        (
            "rds",
            &[
                "CreateDBInstance",
                "ModifyDBInstance",
                "RestoreDBInstanceFromDBSnapshot",
                "RestoreDBInstanceToPointInTime",
                "CreateDBInstanceReadReplica",
            ],
        ),
        ("redshift", &["CreateCluster", "ModifyCluster", "RestoreFromClusterSnapshot"]),
        ("redshift-serverless", &["CreateWorkgroup", "UpdateWorkgroup"]),
        ("dms", &["CreateReplicationInstance"]),
    ]),
    rule: Rule::Event(violates),
    config_rules: &["rds-instance-public-access-check", "redshift-cluster-public-access-check"],
};

fn violates(event: &Event<'_>, _: &Facts) -> Option<Broken> {
    let call = Call::new(event);
    let answer = event.response();
    let answer = ["cluster", "workgroup", "replicationInstance"]
        .iter()
        .find_map(|key| answer.get(key))
        .unwrap_or(&answer);
    let is_new = !event.event_name.starts_with("Modify") && !event.event_name.starts_with("Update");
    let became = is_new && answer.get("publiclyAccessible") == Some(&Value::Bool(true));
    let name = call.text(&[
        "dBInstanceIdentifier",
        "clusterIdentifier",
        "workgroupName",
        "replicationInstanceIdentifier",
    ]);
    (call.is_on("publiclyAccessible") || became).then(|| told(event, name, "publicly accessible").into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::call, *};

    #[test]
    fn a_public_database_breaks_it_asked_for_or_by_default() {
        assert!(
            call("rds:ModifyDBInstance", json!({ "dBInstanceIdentifier": "db", "publiclyAccessible": true }))
                .breaks(&CHECK)
                .is_some()
        );
        let answered = json!({ "dBInstanceIdentifier": "db", "publiclyAccessible": true });
        assert!(
            call("rds:CreateDBInstance", json!({ "dBInstanceIdentifier": "db" }))
                .with("responseElements", answered)
                .breaks(&CHECK)
                .is_some()
        );
    }

    #[test]
    fn an_inner_one_and_another_change_do_not() {
        assert_eq!(call("rds:CreateDBInstance", json!({ "publiclyAccessible": false })).breaks(&CHECK), None);
        let answered = json!({ "publiclyAccessible": true });
        assert_eq!(
            call("rds:ModifyDBInstance", json!({ "allocatedStorage": 9 }))
                .with("responseElements", answered)
                .breaks(&CHECK),
            None
        );
    }
}
