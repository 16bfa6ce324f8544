//! Inline policy of a user, role or group. State: its document, or nothing.
//!
//! Containment of IAM principals works by inline policies of ours: one that denies everything, one that denies sessions
//! issued before a time, one that denies everything without MFA.

use serde_json::{Value, json};

use super::{ActionSheet, ResourceSheet, one, removed, word};
use crate::{Commands, DOCUMENT, Holder, HolderKind, Impossible, Resource, State, Undo};
use trailwarden_core::event::Time;

/// Policy that revokes sessions.
const REVOKE: &str = "TrailwardenRevokeOlderSessions";
/// Policy that denies a user everything.
const QUARANTINE: &str = "TrailwardenQuarantine";
/// Policy that denies a user everything without MFA.
const REQUIRE_MFA: &str = "TrailwardenRequireMfa";

pub(crate) fn sheet(holder: &Holder) -> ResourceSheet<'_> {
    let calls: &[&str] = match holder.kind {
        HolderKind::User => &["iam:GetUserPolicy", "iam:PutUserPolicy", "iam:DeleteUserPolicy"],
        HolderKind::Role => &["iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"],
        HolderKind::Group => &["iam:GetGroupPolicy", "iam:PutGroupPolicy", "iam:DeleteGroupPolicy"],
    };
    ResourceSheet { name: &holder.name, calls, region: None }
}

/// Revokes the sessions that a user has.
pub(crate) fn revoke_user_sessions(user: &str, now: Time) -> ActionSheet<'_> {
    let text = format!("Revoke the sessions that {user} has (deny by the time their tokens were issued)");
    revoke(text, Holder::user(user), user, now)
}

/// Revokes all sessions of a role.
pub(crate) fn revoke_role_sessions(role: &str, now: Time) -> ActionSheet<'_> {
    let text = format!("Revoke all sessions of the role {role} (deny by the time their tokens were issued)");
    revoke(text, Holder::role(role), role, now)
}

fn revoke(text: String, holder: Holder, name: &str, now: Time) -> ActionSheet<'_> {
    let undo = "remove the inline policy TrailwardenRevokeOlderSessions (sessions not over yet work again, stolen ones too)";
    put(text, undo, holder, name, REVOKE, now, revoking)
}

/// Denies a user everything.
pub(crate) fn quarantine(user: &str, now: Time) -> ActionSheet<'_> {
    let text = format!("Quarantine {user} (an inline policy that denies everything)");
    let undo = "remove the inline policy TrailwardenQuarantine";
    put(text, undo, Holder::user(user), user, QUARANTINE, now, |_| denying(None))
}

/// Denies a user everything without MFA.
pub(crate) fn require_mfa(user: &str, now: Time) -> ActionSheet<'_> {
    let text = format!("Demand MFA of {user} anew (an inline policy that denies everything else without it)");
    let undo = "remove the inline policy TrailwardenRequireMfa";
    put(text, undo, Holder::user(user), user, REQUIRE_MFA, now, |_| demanding_mfa())
}

/// Puts a policy of ours.
fn put<'a>(
    text: String,
    undone_by: &'static str,
    holder: Holder,
    name: &'a str,
    policy: &'static str,
    now: Time,
    document: fn(Time) -> Value,
) -> ActionSheet<'a> {
    let kind = word(&holder);
    let whose = format!("--{kind}-name '{name}' --policy-name {policy}");
    let commands = Commands {
        forth: vec![format!("aws iam put-{kind}-policy {whose} --policy-document '{}'", document(now))],
        back: vec![format!("aws iam delete-{kind}-policy {whose}")],
    };
    ActionSheet {
        text,
        undo: (Undo::Exact, undone_by),
        resource: Resource::InlinePolicy { holder, policy: policy.to_owned() },
        desired: Box::new(move |_: &State, now| Ok(one(DOCUMENT, &document(now).to_string()))),
        commands,
        names: vec![name],
    }
}

/// Removes a policy that somebody else put there.
pub(crate) fn remove<'a>(holder: &'a Holder, policy: &'a str) -> ActionSheet<'a> {
    let kind = word(holder);
    let whose = format!("--{kind}-name '{}' --policy-name '{policy}'", holder.name);
    ActionSheet {
        text: format!("Remove the inline policy {policy} of {}", holder.name),
        undo: (Undo::Exact, "put it back: its document is recorded before"),
        resource: Resource::InlinePolicy { holder: holder.clone(), policy: policy.to_owned() },
        desired: removed(Impossible::Needless("there is no such policy")),
        commands: Commands {
            forth: vec![
                format!("aws iam get-{kind}-policy {whose} --query PolicyDocument > before.json"),
                format!("aws iam delete-{kind}-policy {whose}"),
            ],
            back: vec![format!("aws iam put-{kind}-policy {whose} --policy-document file://before.json")],
        },
        names: vec![&holder.name, policy],
    }
}

fn denying(condition: Option<Value>) -> Value {
    let mut statement = json!({ "Effect": "Deny", "Action": "*", "Resource": "*" });
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

/// As AWS's own `AWSRevokeOlderSessions` does it.
fn revoking(now: Time) -> Value {
    denying(Some(json!({ "DateLessThan": { "aws:TokenIssueTime": now.to_string() } })))
}

/// The policy lets nobody register a device: the thief may have the password. An administrator registers it.
fn demanding_mfa() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny",
        "NotAction": ["iam:GetUser", "iam:ListMFADevices", "sts:GetSessionToken"],
        "Resource": "*",
        "Condition": { "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } },
    }] })
}

#[cfg(test)]
mod tests {
    use super::{super::testing::desired, *};
    use crate::{Action, commands};

    #[test]
    fn sessions_are_denied_by_the_time_their_tokens_were_issued() {
        let after = desired(&Action::RevokeRoleSessions { role: "web".into() }, &[]).unwrap();
        let policy: Value = serde_json::from_str(&after[DOCUMENT]).unwrap();
        assert_eq!(
            policy["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"],
            "2026-03-02T10:00:00Z"
        );
        assert_eq!(policy["Statement"][0]["Effect"], "Deny");
    }

    #[test]
    fn a_hostile_name_makes_no_command() {
        let quarantine = |user: &str| commands(&Action::QuarantineUser { user: user.into() }, Time(0));
        let made = quarantine("kim@x.example").unwrap();
        assert!(
            made.forth[0].starts_with("aws iam put-user-policy --user-name 'kim@x.example' --policy-name")
        );
        for hostile in ["", "kim'; rm -rf ~; '", "$(id)", "`id`", "a b", "--cli-input-json", "a\nb", "ä"] {
            assert_eq!(quarantine(hostile), None, "{hostile}");
        }
    }
}
