//! Readers of calls on machines, databases, secrets and objects.

use serde_json::Value;

use super::{Act, Call, Exposure, Tactic, weight};
use crate::event::Outcome;

/// Instance families worth stealing: GPUs, accelerators, very large machines.
const EXPENSIVE: &[&str] = &["p", "g", "gr", "trn", "inf", "dl", "vt", "f", "hpc", "u"];
/// Number of very large machines in one call that is seldom a test.
const SEVERAL: u64 = 3;
/// Number of machines in one call that makes a fleet.
const FLEET: u64 = 8;

/// New instances: type and number.
pub(super) fn instances(act: &mut Act, call: &Call<'_>) {
    let kind = call.text(&["instanceType"]);
    act.on(kind);
    let items = call.get("instancesSet").and_then(|set| set.get("items")?.as_array());
    let count =
        items.into_iter().flatten().filter_map(|item| item.get("maxCount")?.as_u64()).max().unwrap_or(1);
    act.breadth = u16::try_from(count).unwrap_or(u16::MAX).max(1);
    let is_expensive = is_expensive(kind);
    let is_large = kind.contains("metal") || kind.split('.').nth(1).is_some_and(is_huge);
    let weight = match (is_expensive, count >= FLEET, is_large) {
        (true, true, _) => weight::SEVERE,
        (true, false, _) | (_, true, true) => weight::BAD,
        (false, false, true) if count >= SEVERAL => weight::TELLING,
        (false, true, false) | (false, false, true) => weight::MINOR,
        _ => weight::ROUTINE,
    };
    act.weigh(weight, format!("{count} of {kind}"));
    // AWS refused for lack of quota what was meant to run: it keeps the weight of a denied call.
    if call.event.outcome == Outcome::Failed && call.event.error_code.contains("LimitExceeded") {
        act.outcome = Outcome::Denied;
    }
}

/// The family is the letters before the generation: `p` of `p4d.24xlarge`.
fn is_expensive(kind: &str) -> bool {
    let family = kind.split(|c: char| c.is_ascii_digit() || c == '-').next().unwrap_or_default();
    EXPENSIVE.contains(&family)
}

/// Sizes from `16xlarge` on.
fn is_huge(size: &str) -> bool {
    const HUGE: u32 = 16;
    size.strip_suffix("xlarge").and_then(|times| times.parse::<u32>().ok()).is_some_and(|times| times >= HUGE)
}

/// Changes of a database: public, deletion protection off, no backups, new master password.
pub(super) fn database(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["dBInstanceIdentifier", "dBClusterIdentifier", "clusterIdentifier"]));
    let is_unprotected = call.is_off("deletionProtection");
    if is_made_public(call) {
        let more = if is_unprotected {
            &["T1133", "T1190", "T1567", "T1562.001"][..]
        } else {
            &["T1133", "T1190", "T1567"]
        };
        act.technique(Tactic::Persistence, more);
        act.exposure = Exposure::Public;
        act.to("*");
        act.weigh(weight::BAD, "reachable from the Internet");
    } else if is_unprotected && act.call.contains("Modify") {
        act.technique(Tactic::DefenseEvasion, &["T1562.001", "T1485"]);
        act.weigh(weight::ODD, "deletion protection switched off");
    } else if call.get("backupRetentionPeriod").and_then(Value::as_u64) == Some(0) {
        act.technique(Tactic::Impact, &["T1490"]);
        act.weigh(weight::ODD, "no backups any more");
    } else if call.get("masterUserPassword").is_some()
        && !act.call.contains("Create")
        && !act.call.contains("Restore")
    {
        act.weigh(weight::MINOR, "master password set");
    } else {
        act.weigh(weight::ROUTINE, "");
    }
}

/// Requested, or, for a restore, reported by AWS in the response.
fn is_made_public(call: &Call<'_>) -> bool {
    let is_restore = call.event.event_name.starts_with("Restore");
    call.is_on("publiclyAccessible")
        || (is_restore && call.event.response().get("publiclyAccessible") == Some(&Value::Bool(true)))
}

/// A database or its backups are deleted: a clean-up with a final snapshot, a loss without.
pub(super) fn database_deleted(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&[
        "dBInstanceIdentifier",
        "dBClusterIdentifier",
        "dBSnapshotIdentifier",
        "dBClusterSnapshotIdentifier",
        "clusterIdentifier",
        "tableName",
        "globalClusterIdentifier",
    ]));
    if call.is_on("skipFinalSnapshot") || call.is_on("skipFinalClusterSnapshot") {
        act.weigh(weight::BAD, "without a last snapshot");
    }
}

/// Secrets and parameters read: names, and number in one call.
pub(super) fn secrets(act: &mut Act, call: &Call<'_>) {
    let names = ["names", "secretIdList"].iter().find_map(|key| call.get(key)?.as_array());
    let name = call.text(&["secretId", "name", "path", "instanceId", "functionName"]);
    let first = names.and_then(|names| names.first()?.as_str());
    act.on(first.unwrap_or(name));
    let count = names.map_or(1, Vec::len);
    act.breadth = u16::try_from(count).unwrap_or(u16::MAX).max(1);
    if count > 1 {
        act.detail = format!("{count} at once").into();
    }
}

/// Parameters count as secrets only when decrypted.
pub(super) fn parameters(act: &mut Act, call: &Call<'_>) {
    secrets(act, call);
    if !call.is_on("withDecryption") {
        act.weigh(weight::ROUTINE, "not decrypted");
    }
}

/// An instance's user data often holds passwords.
pub(super) fn instance_attribute_read(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["instanceId"]));
    if call.text(&["attribute"]) != "userData" {
        act.weigh(weight::ROUTINE, "");
    }
}

/// User data runs as root at the next start: changing it runs a command.
pub(super) fn instance_attribute_changed(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["instanceId"]));
    let names_user_data = call.get("userData").is_some() || call.text(&["attribute"]) == "userData";
    if names_user_data {
        act.detail = "its start-up script changed".into();
    } else {
        act.weigh(weight::ROUTINE, "");
    }
}

/// AWS's own documents that run no code of the caller's.
const UPKEEP: &[&str] = &[
    "AWS-RunPatchBaseline",
    "AWS-RunPatchBaselineAssociation",
    "AWS-RunPatchBaselineWithHooks",
    "AWS-GatherSoftwareInventory",
    "AWS-UpdateSSMAgent",
    "AWS-ConfigureAWSPackage",
    "AWS-FindWindowsUpdates",
    "AWS-InstallWindowsUpdates",
    "AmazonCloudWatch-ManageAgent",
    "AmazonInspector2-InspectLinuxServers",
];

/// A log group is deleted. AWS creates those of functions and builds itself, and they are deleted with them.
pub(super) fn log_group(act: &mut Act, call: &Call<'_>) {
    const OF_SERVICES: &[&str] =
        &["/aws/lambda/", "/aws/codebuild/", "/aws/apigateway/", "/aws/batch/", "/aws/sagemaker/", "/ecs/"];
    const TRACES: &[&str] =
        &["trail", "flow", "audit", "dns", "resolver", "waf", "eks", "guardduty", "config"];
    let name = call.text(&["logGroupName"]);
    act.on(name);
    if OF_SERVICES.iter().any(|prefix| name.starts_with(prefix)) {
        act.weigh(weight::MINOR * 0.5, "a service's own logs");
    } else if !TRACES.iter().any(|word| name.to_ascii_lowercase().contains(word)) {
        act.weight = weight::MINOR;
    }
}

/// Commands on instances, and the number of instances.
pub(super) fn command(act: &mut Act, call: &Call<'_>) {
    let instances = call.get("instanceIds").and_then(Value::as_array);
    let count = instances.map_or(0, Vec::len);
    act.breadth = u16::try_from(count).unwrap_or(u16::MAX).max(1);
    let target = call.text(&["target", "documentName", "instanceId"]);
    act.on(target);
    if UPKEEP.contains(&call.text(&["documentName"])) {
        act.weigh(weight::MINOR * 0.5, format!("{target}, AWS's own upkeep"));
    } else if count > 0 {
        act.detail = format!("{target} on {count} instance(s)").into();
    }
}

/// A function's code or layers are replaced: the next invocation runs the attacker's code with the function's
/// role. Pipelines, which are roles, deploy code; a human who replaces it directly is unusual.
pub(super) fn function_code(act: &mut Act, call: &Call<'_>) {
    let name = call.text(&["functionName"]);
    act.on(name.rsplit(':').next().unwrap_or(name));
    let layers = call.get("layers").and_then(Value::as_array);
    let is_pipeline = call.event.identity.kind.as_str() == "AssumedRole"
        && !crate::event::is_session_of_person(&call.event.identity.arn);
    if act.call.ends_with("UpdateFunctionCode") && is_pipeline {
        act.weight = weight::TELLING;
    }
    if act.call.ends_with("UpdateFunctionConfiguration") {
        let foreign =
            layers.into_iter().flatten().filter_map(Value::as_str).find_map(|layer| {
                crate::event::account_of(layer).filter(|account| *account != call.account())
            });
        match (foreign, layers.is_some_and(|layers| !layers.is_empty())) {
            (Some(account), _) => {
                act.to(account);
                act.weigh(weight::BAD, format!("layer of account {account}"));
            }
            (None, true) => act.detail = "its layers changed".into(),
            (None, false) => act.weigh(weight::ROUTINE, ""),
        }
    }
}

/// Instances or disks by id, and their number.
pub(super) fn many(act: &mut Act, call: &Call<'_>) {
    let instances = call.items("instancesSet");
    let first = instances.first().and_then(|item| item.get("instanceId")?.as_str());
    act.on(first.unwrap_or_else(|| call.text(&["volumeId", "snapshotId", "recoveryPointArn", "imageId"])));
    act.breadth = u16::try_from(instances.len()).unwrap_or(u16::MAX).max(1);
}

/// Instances requested through a group or template, and their type, wherever the request states it.
pub(super) fn fleet(act: &mut Act, call: &Call<'_>) {
    let kind = super::strings(&call.parameters)
        .into_iter()
        .find(|text| text.contains('.') && !text.contains('/') && is_expensive(text));
    act.on(call.text(&["autoScalingGroupName", "launchConfigurationName", "launchTemplateName"]));
    match kind {
        Some(kind) => act.weigh(weight::BAD, format!("of {kind}")),
        None => act.weigh(weight::ROUTINE, ""),
    }
}

/// A key of another account holds to ransom what it encrypts.
pub(super) fn bucket_encryption(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["bucketName"]));
    match call.stranger() {
        Some(account) => act.weigh(weight::SEVERE, format!("encrypted with a key of account {account}")),
        None => act.weigh(weight::ROUTINE, ""),
    }
}

/// Objects rewritten under a key that the owner does not hold are held to ransom.
pub(super) fn object_written(act: &mut Act, call: &Call<'_>) {
    act.on(&format!("{}/{}", call.text(&["bucketName"]), call.text(&["key"])));
    let key = call.text(&["x-amz-server-side-encryption-aws-kms-key-id"]);
    let foreign = crate::event::account_of(key).filter(|account| *account != call.account());
    if let Some(account) = foreign {
        act.to(account);
        act.weigh(weight::SEVERE, format!("encrypted with a key of account {account}"));
    } else if !call.text(&["x-amz-server-side-encryption-customer-algorithm"]).is_empty() {
        act.weigh(weight::MINOR, "encrypted with a key that AWS does not keep");
    } else {
        act.weigh(weight::ROUTINE, "");
    }
}

/// Parameters that name a call's target, the most specific first.
const NAMES: &[&str] = &[
    "userName",
    "roleName",
    "groupName",
    "policyArn",
    "name",
    "trailName",
    "bucketName",
    "keyId",
    "detectorId",
    "functionName",
    "instanceId",
    "snapshotId",
    "imageId",
    "volumeId",
    "vpcId",
    "groupId",
    "resolverQueryLogConfigId",
    "configurationRecorderName",
    "configRuleName",
    "deliveryChannelName",
    "logGroupName",
    "RegionName",
    "regionName",
    "resourceArn",
    "accountId",
    "targetId",
    "policyId",
    "secretId",
    "sAMLProviderArn",
    "openIDConnectProviderArn",
    "trustAnchorId",
    "dbiResourceId",
    "dbClusterResourceId",
    "tableName",
    "backupVaultName",
    "recoveryPointArn",
    "webACLArn",
    "instanceProfileName",
    "virtualMFADeviceName",
    "ruleName",
    "fileSystemId",
    "stackName",
    "family",
    "serviceName",
    "clusterName",
    "cluster",
    "id",
];

/// Sets the target; for calls that need no other reading.
pub(super) fn named(act: &mut Act, call: &Call<'_>) {
    let name = call.text(NAMES);
    act.on(name.rsplit('/').next().unwrap_or(name));
}
