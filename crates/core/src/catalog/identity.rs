//! Readers of IAM, STS, Organizations and sign-in calls: rights and credentials that change hands.

use serde_json::Value;

use super::{Act, Call, Exposure, Grants, Tactic, blank, policy, weight};
use crate::event::{Event, Outcome, clip};

/// A credential or sign-in for a user. For oneself it is rotation; for another user it is a way back in.
pub(super) fn credential(act: &mut Act, call: &Call<'_>) {
    let user = call.text(&["userName", "UserName", "serviceUserName"]);
    let own = own_user(call.event);
    act.grants = Grants::Access;
    act.on(user);
    act.to(user);
    if call.event.identity.kind.as_str() == "Root" && user.is_empty() {
        act.weigh(weight::CRITICAL, "for the root user");
        act.on("root");
    } else if user.is_empty() || user == own {
        act.weigh(weight::MINOR * 0.6, "for itself");
    } else {
        act.detail = format!("for another user, {user}").into();
    }
}

/// Tag key of identities that no response may touch; any value but `false` counts.
pub const PROTECTED_TAG: &str = "trailwarden:protected";

/// Our tag keeps responses away from an identity. It is seldom set; an attacker may set it for that reason.
pub(super) fn tagged(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["userName", "roleName"]));
    if protects(call) {
        act.detail = SHIELD.into();
    } else {
        act.weigh(weight::ROUTINE, "");
    }
}

/// Effect of the tag.
const SHIELD: &str = "keeps every response from it";

fn protects(call: &Call<'_>) -> bool {
    let is = |tag: &Value, key: &str, value: &str| tag.get(key).and_then(Value::as_str) == Some(value);
    let protects = |tag: &Value| is(tag, "key", PROTECTED_TAG) && !is(tag, "value", "false");
    call.get("tags").and_then(Value::as_array).is_some_and(|tags| tags.iter().any(protects))
}

/// A new user; severe if it has our tag from the start.
pub(super) fn user_made(act: &mut Act, call: &Call<'_>) {
    super::resources::named(act, call);
    if protects(call) {
        act.weigh(weight::SEVERE, SHIELD);
    }
}

/// A new role: its trust, and whether it has our tag from the start.
pub(super) fn role_made(act: &mut Act, call: &Call<'_>) {
    trust(act, call);
    if protects(call) && act.weight < weight::SEVERE {
        act.weigh(weight::SEVERE, SHIELD);
    }
}

/// The IAM user that calls. A role session's name is not a user name, so a session never acts on itself.
fn own_user<'e>(event: &'e Event<'_>) -> &'e str {
    if event.identity.kind.as_str() == "IAMUser" { event.identity.user_name.as_str() } else { "" }
}

/// A key or MFA device is disabled or removed: maintenance for oneself, lock-out for others.
pub(super) fn access_removed(act: &mut Act, call: &Call<'_>) {
    let user = call.text(&["userName"]);
    act.on(user);
    if call.text(&["status"]) == "Active" {
        act.technique(Tactic::Persistence, &["T1098.001"]);
        act.weigh(
            if user == own_user(call.event) { weight::ROUTINE } else { weight::MINOR },
            "switched on again",
        );
    } else if user.is_empty() || user == own_user(call.event) {
        act.weigh(weight::ROUTINE, "its own");
    } else {
        act.detail = format!("of another user, {user}").into();
    }
}

/// Removing MFA weakens a sign-in: for another user it is a step of an attack, for oneself a new phone.
pub(super) fn mfa_removed(act: &mut Act, call: &Call<'_>) {
    let serial = call.text(&["serialNumber"]);
    let user = call.text(&["userName"]);
    let target = if user.is_empty() { serial.rsplit('/').next().unwrap_or(serial) } else { user };
    act.on(target);
    if target == own_user(call.event) && !target.is_empty() {
        act.weigh(weight::MINOR, "its own");
    } else {
        act.detail = format!("of another user, {target}").into();
    }
}

/// AWS-managed policies that give administrator rights, or nearly.
const ADMINISTRATORS: &[&str] = &[
    "AdministratorAccess",
    "IAMFullAccess",
    "PowerUserAccess",
    "AdministratorAccess-Amplify",
    "AdministratorAccess-AWSElasticBeanstalk",
    "AmazonEKSClusterAdminPolicy",
];
/// Policies that AWS attaches to a user whose key was found in public.
const QUARANTINE: &[&str] = &["AWSCompromisedKeyQuarantine", "AWSExposedCredentialPolicy"];

fn holder<'c>(call: &'c Call<'_>) -> &'c str {
    call.text(&["userName", "roleName", "groupName", "permissionSetArn", "principalArn"])
}

/// A managed policy is attached to a user, role or group.
pub(super) fn policy_attached(act: &mut Act, call: &Call<'_>) {
    let name = call.text(&["policyArn", "managedPolicyArn"]).rsplit('/').next().unwrap_or_default();
    act.on(holder(call));
    act.to(holder(call));
    act.grants = Grants::Access;
    if QUARANTINE.iter().any(|quarantine| name.starts_with(quarantine)) {
        quarantined(act);
    } else if ADMINISTRATORS.contains(&name) {
        act.grants = Grants::Administrator;
        act.weigh(weight::SEVERE, format!("attaches {name}"));
    } else if !name.is_empty() {
        // Every project needs narrow rights for its roles; for a user they are notable.
        let weight = if call.text(&["roleName"]).is_empty() { act.weight } else { weight::MINOR * 0.5 };
        act.weigh(weight, format!("attaches {name}"));
    }
}

/// A policy is detached: rights are removed, or a guard against misuse.
pub(super) fn policy_detached(act: &mut Act, call: &Call<'_>) {
    const GUARDS: &[&str] = &["deny", "guard", "boundary", "restrict", "quarantine", "compromised"];
    let policy = call.text(&["policyArn", "policyName"]);
    let name = policy.rsplit('/').next().unwrap_or_default();
    act.on(holder(call));
    if GUARDS.iter().any(|word| name.to_ascii_lowercase().contains(word)) {
        act.weigh(weight::ODD, format!("takes away {name}"));
    } else {
        act.weigh(weight::MINOR * 0.5, "takes rights away");
    }
}

fn quarantined(act: &mut Act) {
    act.technique(Tactic::CredentialAccess, &["T1552.001"]);
    act.weigh(weight::SEVERE, "AWS's quarantine for a key found in public");
}

/// An inline policy or a policy version: the rights it allows.
pub(super) fn policy_written(act: &mut Act, call: &Call<'_>) {
    let holder = holder(call);
    act.on(if holder.is_empty() { call.text(&["policyArn", "policyName"]) } else { holder });
    act.to(holder);
    if QUARANTINE.iter().any(|quarantine| call.text(&["policyName"]).starts_with(quarantine)) {
        return quarantined(act);
    }
    let document = call.get("policyDocument").or_else(|| call.get("inlinePolicy"));
    if let Some(reach) = document.and_then(|document| policy::reach(document, call.account())) {
        granted(act, &reach);
    }
    let policy = call.text(&["policyName"]);
    if !policy.is_empty() && !holder.is_empty() {
        let what = if act.detail.is_empty() { String::new() } else { format!("{}, ", act.detail) };
        act.detail = clip(&format!("{what}{INLINE}{policy}"), 120).into();
    }
}

/// Prefix of an inline policy's name in a detail, so that a response can remove the policy.
pub const INLINE: &str = "inline policy ";

fn granted(act: &mut Act, reach: &policy::Reach) {
    act.grants = Grants::Access;
    if reach.is_administrator {
        act.grants = Grants::Administrator;
        act.weigh(weight::SEVERE, "allows every action on every resource");
    } else if reach.is_privileged {
        act.grants = Grants::Administrator;
        act.weigh(weight::BAD, "allows raising one's own rights");
    } else if reach.only_denies {
        act.weigh(weight::ROUTINE, "only denies");
    } else {
        act.weight *= 0.5;
    }
}

/// Principals that may assume a role.
pub(super) fn trust(act: &mut Act, call: &Call<'_>) {
    act.on(holder(call));
    let document = call.get("policyDocument").or_else(|| call.get("assumeRolePolicyDocument"));
    let Some(reach) = document.and_then(|document| policy::reach(document, call.account())) else { return };
    if reach.is_public {
        act.exposure = Exposure::Public;
        act.to("*");
        act.weigh(weight::CRITICAL, "anybody may assume the role");
    } else if let Some(account) = reach.accounts.first() {
        act.exposure = Exposure::OtherAccount;
        act.to(account);
        if reach.is_unguarded {
            act.weigh(weight::SEVERE, format!("account {account} may assume the role"));
        } else {
            act.weigh(weight::TELLING, format!("account {account} may assume the role, with an external id"));
        }
    } else if reach.is_any_federated {
        act.exposure = Exposure::Public;
        act.weigh(weight::BAD, "anybody of an identity provider may assume the role");
    } else if !reach.is_federated && reach.accounts.is_empty() && act.call.ends_with("CreateRole") {
        act.weigh(weight::MINOR * 0.5, "for a service or the own account");
    } else if reach.is_federated {
        act.detail = "an identity provider may assume the role".into();
    }
}

/// A role passed to a machine: escalation with a strong role and one's own code, routine with a weak one.
pub(super) fn role_passed(act: &mut Act, call: &Call<'_>) {
    let name = call.text(&[
        "functionName",
        "projectName",
        "name",
        "endpointName",
        "devEndpointName",
        "stackName",
        "notebookInstanceName",
    ]);
    act.on(name.rsplit(':').next().unwrap_or(name));
    let role = call.text(&["role", "roleArn", "roleARN", "serviceRole", "executionRoleArn", "taskRoleArn"]);
    if role.is_empty() {
        act.weigh(weight::ROUTINE, "without a role");
        return;
    }
    act.to(role.rsplit('/').next().unwrap_or(role));
    // The call does not say which rights the role has.
    act.weigh(weight::MINOR * 0.6, format!("runs with the role {}", act.recipient));
}

/// `AssumeRole`: routine within the account; repeated denials mean that somebody tries roles in turn.
pub(super) fn role_assumed(act: &mut Act, call: &Call<'_>) {
    let role = call.text(&["roleArn"]);
    act.on(role);
    let is_own =
        crate::event::account_of(role).is_none_or(|account| account == &*call.event.identity.account_id);
    if call.event.outcome == Outcome::Denied {
        act.weigh(weight::TELLING, "");
    } else if is_own {
        act.weigh(weight::ROUTINE, "within the account");
    }
}

/// A console sign-in of an IAM user or root, with or without MFA. Single sign-on checks MFA elsewhere.
pub(super) fn sign_in(act: &mut Act, call: &Call<'_>) {
    let is_root = call.event.identity.kind.as_str() == "Root";
    if call.event.outcome != Outcome::Success {
        act.weigh(weight::ROUTINE, "failed");
    } else if is_root {
        act.tactic = Tactic::PrivilegeEscalation;
        let strength = if call.event.mfa == Some(true) { "with MFA" } else { "without MFA" };
        act.weigh(
            if call.event.mfa == Some(true) { weight::BAD } else { weight::SEVERE },
            format!("root signs in {strength}"),
        );
    } else if call.event.identity.kind.as_str() != "IAMUser" || call.event.mfa != Some(false) {
        act.weigh(weight::ROUTINE, "");
    } else {
        act.detail = "without MFA".into();
    }
}

/// A session of a member account's root user, bounded by AWS's policy for one task ([AWS: perform a privileged task on a member
/// account](https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user-privileged-task.html)): to audit credentials is
/// housekeeping, to create a root password is not.
pub(super) fn root_assumed(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["targetPrincipal"]));
    let policy = call.get("taskPolicyArn").map(|policy| policy.get("arn").unwrap_or(policy));
    let task =
        policy.and_then(Value::as_str).and_then(|arn| Some(arn.split_once(":iam::aws:policy/root-task/")?.1));
    match task {
        Some("IAMAuditRootUserCredentials") => act.weigh(weight::MINOR, "to audit root's credentials"),
        Some("IAMDeleteRootUserCredentials") => act.weigh(weight::TELLING, "to delete root's credentials"),
        Some("S3UnlockBucketPolicy") => act.weigh(weight::ODD, "to delete a bucket's policy"),
        Some("SQSUnlockQueuePolicy") => act.weigh(weight::ODD, "to delete a queue's policy"),
        Some("IAMCreateRootUserPassword") => act.weigh(weight::SEVERE, "to create a root password"),
        _ => {}
    }
}

/// An account moves within the organisation. From the root into a unit it only gains guard rails, as account vending does;
/// between units, or back to the root, it may lose some.
pub(super) fn account_moved(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["accountId"]));
    if call.text(&["sourceParentId"]).starts_with("r-") {
        act.weigh(weight::ROUTINE, "from the organisation's root into a unit");
    }
}

/// A temporary credential that outlives the key it came from.
pub(super) fn federation_token(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["name"]));
    act.grants = Grants::Access;
    let Some(reach) = call.get("policy").and_then(|policy| policy::reach(policy, call.account())) else {
        return;
    };
    if reach.is_administrator {
        act.weigh(weight::SEVERE, "with every right of the user");
    }
}

/// Calls that AWS's consoles make for any user who opens them.
const ROOT_ROUTINE: &[&str] =
    &["CreateServiceLinkedRole", "ConsoleLogin", "CheckMfa", "GenerateDataKey", "Decrypt"];

/// A call by root that the table does not list: any change is notable.
pub(super) fn root_use(event: &Event<'_>) -> Act {
    let name = event.event_name.as_str();
    let is_reading = event.read_only.unwrap_or_else(|| {
        ["Get", "List", "Describe", "Head", "Lookup"].iter().any(|verb| name.starts_with(verb))
    });
    let is_quiet = is_reading || ROOT_ROUTINE.contains(&name) || &*event.event_type == "AwsServiceEvent";
    let weight = if is_quiet { weight::ROUTINE } else { weight::ODD };
    let mut act = blank(event, Tactic::PrivilegeEscalation, &["T1078.004"], weight);
    act.detail = "done by the root user".into();
    act
}

/// A listed call by root weighs at least as much as an unlisted one: root should do nothing.
pub(super) fn done_by_root(act: &mut Act, event: &Event<'_>) {
    let floor = root_use(event);
    if act.weight < floor.weight {
        *act = floor;
    }
}

/// A policy of the organisation is detached, deleted or rewritten; new content that only denies weighs
/// little.
pub(super) fn guard_rail(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["targetId", "policyId"]));
    let content = call.get("content");
    if content.is_some_and(|content| {
        matches!(content, Value::String(_))
            && policy::reach(content, "").is_some_and(|reach| reach.only_denies)
    }) {
        act.weigh(weight::MINOR, "only denies");
    }
}
