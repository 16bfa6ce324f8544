//! Readers of calls that share a resource outside the account: data leaves without being copied.

use serde_json::Value;

use super::{Act, Call, Exposure, policy, weight};

/// Parameters that hold a resource's policy.
pub(super) const POLICIES: &[&str] = &[
    "bucketPolicy",
    "policy",
    "policyText",
    "policyDocument",
    "resourcePolicy",
    "accessPolicies",
    "Policy",
    "policyInJson",
    "registryPolicyText",
    "fileSystemPolicy",
    "keyPolicy",
    "attributeValue",
    "accessPolicy",
    "repositoryPolicyText",
];
/// Parameters that hold a resource's name.
const NAMES: &[&str] = &[
    "bucketName",
    "bucket",
    "functionName",
    "keyId",
    "secretId",
    "queueUrl",
    "topicArn",
    "repositoryName",
    "domainName",
    "fileSystemId",
    "vaultName",
    "backupVaultName",
    "resourceArn",
    "name",
    "registryId",
];

/// A resource policy, and the receivers it allows.
pub(super) fn resource_policy(act: &mut Act, call: &Call<'_>) {
    let name = call.text(NAMES);
    act.on(name.rsplit('/').next().unwrap_or(name));
    let attributes = call.get("attributes").unwrap_or(&call.parameters);
    // Glacier wraps its policy in another object.
    let attributes = call.get("policy").filter(|inner| inner.get("policy").is_some()).unwrap_or(attributes);
    let document = POLICIES.iter().find_map(|key| attributes.get(key).or_else(|| call.get(key)));
    match document.and_then(|document| policy::reach(document, call.account())) {
        Some(reach) if reach.is_public => opened(act, "*"),
        Some(reach) => match reach.accounts.first() {
            Some(account) => opened(act, account),
            None => act.weigh(weight::ROUTINE, "within the account"),
        },
        None => act.weigh(weight::ROUTINE, ""),
    }
}

/// Marks an act as opening a resource to `whom`: an account, or `*`.
pub(super) fn opened(act: &mut Act, whom: &str) {
    act.to(whom);
    if matches!(whom, "*" | "all") {
        act.exposure = Exposure::Public;
        act.weigh(weight::SEVERE, "open to everybody");
    } else {
        act.exposure = Exposure::OtherAccount;
        act.weigh(weight::BAD + 0.05, format!("open to account {whom}"));
    }
}

/// `{"add":{"items":[{"userId":...} or {"group":"all"}]}}`: EC2's format for sharing snapshots and images.
pub(super) fn launch_permission(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["snapshotId", "imageId", "fpgaImageId"]));
    let changes =
        ["createVolumePermission", "launchPermission", "loadPermission"].iter().find_map(|key| call.get(key));
    let Some(added) = changes.and_then(|changes| changes.get("add")?.get("items")?.as_array()) else {
        return act.weigh(weight::ROUTINE, "shares with nobody new");
    };
    let receivers = added.iter().filter_map(|item| {
        ["group", "userId", "organizationArn", "organizationalUnitArn"]
            .iter()
            .find_map(|key| item.get(key)?.as_str())
    });
    share(act, call, receivers);
}

/// `valuesToAdd`: RDS's format for sharing snapshots.
pub(super) fn snapshot_attribute(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["dBSnapshotIdentifier", "dBClusterSnapshotIdentifier"]));
    let added = call.get("valuesToAdd").and_then(Value::as_array);
    share(act, call, added.into_iter().flatten().filter_map(Value::as_str));
}

/// Shares with the first receiver that is not the account itself.
fn share<'c>(act: &mut Act, call: &Call<'_>, receivers: impl Iterator<Item = &'c str>) {
    match receivers.into_iter().find(|receiver| *receiver != call.account()) {
        Some(receiver) if receiver.starts_with("arn:aws:organizations") => {
            act.weigh(weight::TELLING, "shared with an organisation: is it ours?");
        }
        Some(receiver) => {
            opened(act, receiver);
            act.weight = act.weight.max(weight::SEVERE);
        }
        None => act.weigh(weight::ROUTINE, "shares with nobody new"),
    }
}

/// Access for a named principal: `AddPermission` of Lambda, SNS and SQS, `AuthorizeSnapshotAccess`,
/// `CreateGrant`.
pub(super) fn permission_added(act: &mut Act, call: &Call<'_>) {
    let name = call.text(NAMES);
    act.on(name.rsplit('/').next().unwrap_or(name));
    let listed = ["aWSAccountIds", "AWSAccountIds", "awsAccountIds"]
        .iter()
        .find_map(|key| call.get(key)?.get(0)?.as_str());
    let whom = listed.unwrap_or_else(|| {
        call.text(&[
            "principal",
            "accountWithRestoreAccess",
            "granteePrincipal",
            "targetAccountId",
            "consumerAccountId",
        ])
    });
    let source = call.text(&["sourceAccount", "sourceArn"]);
    let source = crate::event::account_of(source).unwrap_or(source);
    let is_narrowed = !source.is_empty() || !call.text(&["principalOrgID"]).is_empty();
    let account = crate::event::account_of(whom).unwrap_or(whom);
    if is_account(account) && account != call.account() {
        opened(act, account);
    } else if is_account(source) && source != call.account() {
        opened(act, source);
    } else if whom == "*" && !is_narrowed {
        let is_signed = call.text(&["functionUrlAuthType"]) == "AWS_IAM";
        opened(act, "*");
        act.weight = if is_signed { weight::ODD } else { weight::SEVERE };
    } else {
        act.weigh(weight::ROUTINE, "within the account, or a service");
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Calls that name another account's resource as receiver: a log destination, a target, a share.
pub(super) fn to_stranger(act: &mut Act, call: &Call<'_>) {
    let name = call.text(&["logGroupName", "rule", "name", "bucketName", "resourceShareArn"]);
    act.on(name);
    let listed = call
        .items("principals")
        .iter()
        .filter_map(serde_json::Value::as_str)
        .find(|account| is_account(account));
    match listed.filter(|account| *account != call.account()).or_else(|| call.stranger()) {
        Some(account) => opened(act, account),
        None => act.weigh(weight::ROUTINE, "within the account"),
    }
}

/// A function URL: signed requests only, or open to everybody.
pub(super) fn function_url(act: &mut Act, call: &Call<'_>) {
    let name = call.text(&["functionName"]);
    act.on(name.rsplit(':').next().unwrap_or(name));
    if call.text(&["authType"]) == "NONE" {
        opened(act, "*");
        act.weight = weight::BAD;
    }
}

/// An S3 access control list, as a canned name or as grants.
pub(super) fn acl(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["bucketName"]));
    let text = call.parameters.to_string();
    let is_public = [
        "public-read",
        "acs.amazonaws.com/groups/global/AllUsers",
        "acs.amazonaws.com/groups/global/AuthenticatedUsers",
    ]
    .iter()
    .any(|public| text.contains(public))
        || text.contains("authenticated-read");
    if is_public { opened(act, "*") } else { act.weigh(weight::ROUTINE, "private") }
}

/// Replication of a bucket; exfiltration if the copy belongs to another account.
pub(super) fn replication(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["bucketName"]));
    let configuration = call.get("ReplicationConfiguration").unwrap_or(&call.parameters);
    let rules = configuration.get("Rule").or_else(|| configuration.get("Rules"));
    let destinations = rules
        .into_iter()
        .flat_map(|rules| rules.as_array().map_or_else(|| std::slice::from_ref(rules), Vec::as_slice));
    for destination in destinations.filter_map(|rule| rule.get("Destination")) {
        let account = destination.get("Account").and_then(Value::as_str).unwrap_or_default();
        let bucket = destination.get("Bucket").and_then(Value::as_str).unwrap_or_default();
        if !account.is_empty() && account != call.account() {
            opened(act, account);
            act.weight = weight::SEVERE;
            return;
        }
        act.detail = format!("to {bucket}").into();
    }
}

/// Export of a whole disk, database or table to a bucket.
pub(super) fn export(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["sourceArn", "instanceId", "imageId", "tableArn", "exportTaskIdentifier"]));
    let bucket = call.text(&["s3BucketName", "s3Bucket"]);
    act.to(bucket);
    act.detail = format!("to bucket {bucket}").into();
}

/// Public access block: any of its four switches off opens the bucket or account.
pub(super) fn access_block(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["bucketName", "accountId"]));
    let block = call.get("PublicAccessBlockConfiguration").unwrap_or(&call.parameters);
    let is_off = ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]
        .iter()
        .any(|key| block.get(key).is_some_and(|value| value == false || value == "false"));
    if is_off {
        act.detail = "switched off in part".into();
    } else {
        act.weigh(weight::ROUTINE, "switched on");
    }
}

/// CodeBuild projects can publish their logs and artefacts.
pub(super) fn visibility(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["projectArn", "repositoryName"]));
    if call.text(&["projectVisibility"]).starts_with("PUBLIC") {
        opened(act, "*");
    } else {
        act.weigh(weight::ROUTINE, "private");
    }
}
