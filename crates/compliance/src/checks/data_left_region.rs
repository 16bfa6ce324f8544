//! Check: data copied to a Region where it may not be stored.
//!
//! The storage location is a promise to the data's owners, and law for personal data. Not a violation: a copy
//! within the allowed Regions. If the settings name none: a copy within the European Economic Area or to a
//! country with an adequacy decision of the Commission (GDPR, Art. 45), and a copy of data from outside the
//! area.

use serde_json::Value;

use crate::{Broken, Check, Group, Rule, Speaks, told};
use trailwarden_core::{
    catalog::{Call, strings},
    event::{Event, is_region},
    finding::Severity,
    settings::Facts,
};

pub(crate) const CHECK: Check = Check {
    id: "data-left-region",
    title: "Data was copied to another jurisdiction",
    group: Group::DataAccess,
    severity: Severity::Medium,
    remediation: &[
        "Ask what was copied and on which ground",
        "Delete the copy, or document the transfer",
        "Deny other Regions by a service control policy (aws:RequestedRegion)",
    ],
    blind_spot: "What the data is; where a bucket in another account lies; transfers that are no copy by AWS.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        ("ec2", &["CopySnapshot", "CopyImage"]),
        (
            "rds",
            &[
                "CopyDBSnapshot",
                "CopyDBClusterSnapshot",
                "CreateDBInstanceReadReplica",
                "StartDBInstanceAutomatedBackupsReplication",
            ],
        ),
        ("dynamodb", &["UpdateTable", "CreateGlobalTable", "UpdateGlobalTable"]),
        ("secretsmanager", &["ReplicateSecretToRegions", "CreateSecret"]),
        ("kms", &["ReplicateKey"]),
        ("backup", &["StartCopyJob"]),
        ("redshift", &["EnableSnapshotCopy"]),
        ("elasticfilesystem", &["CreateReplicationConfiguration"]),
    ]),
    rule: Rule::Event(violates),
    config_rules: &[],
};

/// AWS's Regions in the European Economic Area.
const EEA: &[&str] =
    &["eu-central-1", "eu-west-1", "eu-west-3", "eu-north-1", "eu-south-1", "eu-south-2", "eusc-de-east-1"];
/// Regions in countries with a general adequacy decision: the United Kingdom, Switzerland, Japan, Korea,
/// Israel, New Zealand. (The Commission's list, "Adequacy decisions", 2025. Decisions for part of a country
/// do not count.)
const ADEQUATE: &[&str] = &[
    "eu-west-2",
    "eu-central-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "il-central-1",
    "ap-southeast-6",
];

fn violates(event: &Event<'_>, facts: &Facts) -> Option<Broken> {
    let call = Call::new(event);
    let (from, to) = way(event, &call);
    let may_not = |region: &&str| {
        if facts.regions.is_empty() {
            EEA.contains(&from) && !EEA.contains(region) && !ADEQUATE.contains(region)
        } else {
            !facts.regions.iter().any(|allowed| allowed == region)
        }
    };
    let to = to.into_iter().filter(|region| *region != from).find(may_not)?;
    Some(told(event, "", &format!("from {from} to {to}")).into())
}

/// Source Region and target Regions of a copy. Snapshot and image copies are requested in the target Region,
/// all others in the source Region.
fn way<'c>(event: &'c Event<'_>, call: &'c Call<'_>) -> (&'c str, Vec<&'c str>) {
    let source = call.text(&["sourceRegion"]);
    let is_asked_for_there = event.event_name.starts_with("Copy")
        || &*event.event_name == "CreateDBInstanceReadReplica"
        || event.event_name.starts_with("StartDB");
    if !is_asked_for_there {
        return (&event.aws_region, made(event, call));
    }
    let arn = call.text(&[
        "sourceDBSnapshotIdentifier",
        "sourceDBClusterSnapshotIdentifier",
        "sourceDBInstanceIdentifier",
        "sourceDBInstanceArn",
    ]);
    let of_arn = arn.split(':').nth(3).unwrap_or_default();
    let from = [source, of_arn].into_iter().find(|region| is_region(region)).unwrap_or(&event.aws_region);
    (from, vec![&event.aws_region])
}

/// Regions in which a copy is created. DynamoDB's parameters also name Regions whose replica is deleted.
fn made<'c>(event: &Event<'_>, call: &'c Call<'_>) -> Vec<&'c str> {
    if event.service() != "dynamodb" || &*event.event_name == "CreateGlobalTable" {
        return named(&call.parameters);
    }
    let updates = call.get("replicaUpdates").and_then(Value::as_array);
    updates.into_iter().flatten().filter_map(|update| update.get("create")).flat_map(named).collect()
}

/// Prefixes of AWS's Region names, because other names have the same shape (`by-user-1`).
const AREAS: &[&str] = &["us-", "eu-", "ap-", "sa-", "ca-", "me-", "af-", "il-", "mx-", "cn-", "eusc-"];

/// All Regions in the parameters, alone or in an ARN.
fn named(parameters: &Value) -> Vec<&str> {
    let of =
        |text| if str::starts_with(text, "arn:") { text.split(':').nth(3).unwrap_or_default() } else { text };
    let is_named = |region: &&str| is_region(region) && AREAS.iter().any(|area| region.starts_with(area));
    strings(parameters).into_iter().map(of).filter(is_named).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::call, *};

    #[test]
    fn leaving_the_allowed_regions_breaks_it() {
        let settings = "allowed_regions = [\"eu-west-1\", \"eu-central-1\"]";
        let copy = || {
            call("ec2:CopySnapshot", json!({ "sourceRegion": "eu-west-1", "sourceSnapshotId": "snap-1" }))
                .with("awsRegion", "us-east-1")
        };
        assert_eq!(
            copy().breaks_given(settings, &CHECK).as_deref(),
            Some("ec2:CopySnapshot: from eu-west-1 to us-east-1")
        );
        let secret = json!({ "secretId": "db", "addReplicaRegions": [{ "region": "sa-east-1" }] });
        assert!(
            call("secretsmanager:ReplicateSecretToRegions", secret).breaks_given(settings, &CHECK).is_some()
        );
    }

    #[test]
    fn without_them_leaving_europe_breaks_it_and_moving_within_does_not() {
        let key =
            |region: &str| call("kms:ReplicateKey", json!({ "keyId": "mrk-1", "replicaRegion": region }));
        assert!(key("us-east-1").breaks(&CHECK).is_some());
        assert_eq!(key("eu-central-1").breaks(&CHECK), None);
        assert_eq!(key("eu-west-2").breaks(&CHECK), None);
        assert_eq!(key("us-west-2").with("awsRegion", "us-east-1").breaks(&CHECK), None);
    }

    #[test]
    fn a_copy_at_home_does_not() {
        let vault = "arn:aws:backup:eu-west-1:111122223333:backup-vault:b";
        assert_eq!(
            call("backup:StartCopyJob", json!({ "destinationBackupVaultArn": vault })).breaks(&CHECK),
            None
        );
        let index = json!({ "tableName": "t", "globalSecondaryIndexUpdates": [{ "create": { "indexName": "by-user-1" } }] });
        assert_eq!(call("dynamodb:UpdateTable", index).breaks(&CHECK), None);
        let replica = |verb: &str| json!({ "tableName": "t", "replicaUpdates": [{ verb: { "regionName": "us-east-1" } }] });
        assert_eq!(call("dynamodb:UpdateTable", replica("delete")).breaks(&CHECK), None);
        assert!(call("dynamodb:UpdateTable", replica("create")).breaks(&CHECK).is_some());
    }
}
