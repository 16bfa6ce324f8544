//! What a thing should be like after an action: from the state before, and nothing else.

use serde_json::{Value, json};

use super::{
    Action,
    resource::{DENIED, DOCUMENT, State},
};
use trailwarden_core::event::Time;

/// The inline policy by which sessions are revoked.
pub(super) const REVOKE: &str = "TrailwardenRevokeOlderSessions";
/// The inline policy by which a user is denied everything.
pub(super) const QUARANTINE: &str = "TrailwardenQuarantine";
/// The inline policy by which a user needs MFA.
pub(super) const REQUIRE_MFA: &str = "TrailwardenRequireMfa";

/// Why an action changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Impossible {
    /// All is well without it: what it would end is not there.
    #[error("{0}")]
    Needless(&'static str),
    /// What it would change is not found, or not understood: a person has to look.
    #[error("{0}")]
    Lost(&'static str),
}

use Impossible::{Lost, Needless};

/// See [`Action::aim`].
pub(super) fn aim(action: &Action, before: &State, now: Time) -> Result<State, Impossible> {
    let one = |name: &str, value: &str| Ok(State::from([(name.to_owned(), value.to_owned())]));
    let document = |document: &Value| one(DOCUMENT, &document.to_string());
    match action {
        Action::DeactivateKeys { .. } | Action::DeactivateNewKeys { .. } => some(
            before.keys().map(|key| (key.clone(), "Inactive".to_owned())).collect(),
            Needless("it has no keys"),
        ),
        Action::RevokeUserSessions { .. } | Action::RevokeRoleSessions { .. } => document(&revoking(now)),
        Action::QuarantineUser { .. } => document(&denying(&json!({}))),
        Action::RequireMfa { .. } => document(&demanding_mfa()),
        Action::DenyPerson { .. } => {
            let denied = before.keys().map(|id| (id.clone(), DENIED.to_owned())).collect();
            some(denied, Lost("nobody of that name is in Identity Center"))
        }
        Action::RemovePassword { .. } => {
            some(before.clone(), Needless("it has no password")).map(|_| State::new())
        }
        Action::Reissue { .. } => one("handed over", "yes"),
        Action::RemoveInlinePolicy { .. } => {
            some(before.clone(), Needless("there is no such policy")).map(|_| State::new())
        }
        Action::DetachPolicy { policy, .. } => {
            without(before, |_, name| name == policy, Needless("it is not attached"))
        }
        Action::RestorePolicyVersion { .. } => earlier_version(before),
        Action::RemoveFromTrust { whom, .. } => {
            let trust = before.get(DOCUMENT).ok_or(Lost("there is no such role"))?;
            one(DOCUMENT, &distrust(trust, whom)?)
        }
        Action::RestartTrail { .. } => one("logging", "true"),
        Action::RestartRecorder { .. } => one("recording", "true"),
        Action::EnableDetector { .. } => one("enabled", "true"),
        Action::Unshare { with, .. } => {
            let whom = if with == "*" { "all" } else { with };
            without(before, |account, _| account == whom, Needless("it is not shared with them"))
        }
        Action::BlockPublicAccess { .. } => {
            Ok(SWITCHES.map(|switch| (switch.to_owned(), "true".to_owned())).into())
        }
        Action::CancelKeyDeletion { .. } | Action::EnableKey { .. } => one("state", "Enabled"),
        Action::RevokeIngress { rule, .. } => {
            without(before, |entry, _| is_open_at(entry, rule), Needless("there is no such rule"))
        }
    }
}

/// The four switches of S3's public access block, by their names in its API.
pub const SWITCHES: [&str; 4] =
    ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];

fn some(state: State, missing: Impossible) -> Result<State, Impossible> {
    if state.is_empty() { Err(missing) } else { Ok(state) }
}

fn without(
    before: &State,
    goes: impl Fn(&str, &str) -> bool,
    missing: Impossible,
) -> Result<State, Impossible> {
    let mut after = before.clone();
    after.retain(|name, value| !goes(name, value));
    if after.len() == before.len() { Err(missing) } else { Ok(after) }
}

fn denying(condition: &Value) -> Value {
    let mut statement = json!({ "Effect": "Deny", "Action": "*", "Resource": "*" });
    if condition.as_object().is_some_and(|condition| !condition.is_empty()) {
        statement["Condition"] = condition.clone();
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

/// As AWS's own `AWSRevokeOlderSessions` does it.
fn revoking(now: Time) -> Value {
    denying(&json!({ "DateLessThan": { "aws:TokenIssueTime": now.to_string() } }))
}

/// Nobody registers a device of their own by it: it may be whoever has the password who asks. An administrator does.
fn demanding_mfa() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny",
        "NotAction": ["iam:GetUser", "iam:ListMFADevices", "sts:GetSessionToken"],
        "Resource": "*",
        "Condition": { "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } },
    }] })
}

/// The version before the default one. Which was the default before is written nowhere; it is the one before, unless
/// somebody had gone back on purpose.
fn earlier_version(before: &State) -> Result<State, Impossible> {
    let number = |version: &str| version.strip_prefix('v')?.parse::<u32>().ok();
    let default = before.iter().find(|(_, is)| *is == "default").and_then(|(version, _)| number(version));
    let default = default.ok_or(Lost("there is no such policy"))?;
    let earlier =
        before.keys().filter_map(|version| number(version)).filter(|version| *version < default).max();
    let earlier = earlier.ok_or(Lost("there is no earlier version"))?;
    let is = |version: &str| if number(version) == Some(earlier) { "default" } else { "" };
    Ok(before.keys().map(|version| (version.clone(), is(version).to_owned())).collect())
}

/// A trust policy without somebody: an account's id, or `*` for everybody.
fn distrust(trust: &str, whom: &str) -> Result<String, Impossible> {
    let mut policy: Value =
        serde_json::from_str(trust).map_err(|_| Lost("the trust policy cannot be read"))?;
    let statements = match policy["Statement"].take() {
        Value::Array(statements) => statements,
        one => vec![one],
    };
    let count = statements.len();
    let mut is_changed = false;
    let mut left: Vec<Value> =
        statements.into_iter().filter_map(|statement| keep(statement, whom, &mut is_changed)).collect();
    if !is_changed {
        return Err(Needless("they are not in the trust policy"));
    }
    if left.is_empty() && count > 0 {
        // IAM takes no empty policy: one that trusts nobody says so.
        left.push(json!({ "Effect": "Deny", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" }));
    }
    policy["Statement"] = Value::Array(left);
    Ok(policy.to_string())
}

/// A statement without somebody; `None` if nobody is left in it.
fn keep(mut statement: Value, whom: &str, is_changed: &mut bool) -> Option<Value> {
    if statement["Effect"] != "Allow" {
        return Some(statement);
    }
    let is_whom = |principal: &Value| {
        let principal = principal.as_str().unwrap_or_default();
        principal == whom || trailwarden_core::event::account_of(principal) == Some(whom)
    };
    let trusted = statement.get_mut("Principal")?;
    if is_whom(trusted) {
        *is_changed = true;
        return None;
    }
    let Some(kinds) = trusted.as_object_mut() else { return Some(statement) };
    kinds.retain(|kind, list| {
        let goes = |one: &Value| kind == "AWS" && is_whom(one);
        match list {
            Value::Array(several) => {
                let before = several.len();
                several.retain(|one| !goes(one));
                *is_changed |= several.len() < before;
                !several.is_empty()
            }
            one => {
                *is_changed |= goes(one);
                !goes(one)
            }
        }
    });
    if kinds.is_empty() { None } else { Some(statement) }
}

/// Does an entry, `tcp 22-22 0.0.0.0/0`, let everybody in where rules in words, `port 22, port 3389 open to everybody`, say?
fn is_open_at(entry: &str, rule: &str) -> bool {
    let mut parts = entry.split(' ').skip(1);
    let (span, range) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if !["0.0.0.0/0", "::/0"].contains(&range) {
        return false;
    }
    let doors = rule.strip_suffix(" open to everybody").unwrap_or_default();
    doors.split(", ").any(|door| match door.strip_prefix("port ") {
        Some(port) => port.parse::<u32>().is_ok() && span.split('-').next() == Some(port),
        None => door == "every port" && span == "all",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Holder;

    fn state(entries: &[(&str, &str)]) -> State {
        entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn aimed(action: &Action, before: &[(&str, &str)]) -> Result<State, Impossible> {
        action.aim(&state(before), Time(1_772_445_600))
    }

    #[test]
    fn every_key_sleeps_and_nobody_without_keys_is_touched() {
        let action = Action::DeactivateKeys { user: "kim".into() };
        let after = aimed(&action, &[("AKIA1", "Active"), ("AKIA2", "Inactive")]).unwrap();
        assert_eq!(after, state(&[("AKIA1", "Inactive"), ("AKIA2", "Inactive")]));
        assert_eq!(aimed(&action, &[]), Err(Needless("it has no keys")));
    }

    #[test]
    fn sessions_are_denied_by_the_time_their_tokens_were_issued() {
        let after = aimed(&Action::RevokeRoleSessions { role: "web".into() }, &[]).unwrap();
        let policy: Value = serde_json::from_str(&after[DOCUMENT]).unwrap();
        assert_eq!(
            policy["Statement"][0]["Condition"]["DateLessThan"]["aws:TokenIssueTime"],
            "2026-03-02T10:00:00Z"
        );
        assert_eq!(policy["Statement"][0]["Effect"], "Deny");
    }

    #[test]
    fn a_policy_goes_by_its_name_and_the_others_stay() {
        let action = Action::DetachPolicy { holder: Holder::role("web"), policy: "Admin".into() };
        let attached = [("arn:aws:iam::aws:policy/Admin", "Admin"), ("arn:aws:iam::1:policy/p", "p")];
        assert_eq!(aimed(&action, &attached).unwrap(), state(&attached[1..]));
        assert!(aimed(&action, &attached[1..]).is_err());
    }

    #[test]
    fn the_version_before_the_default_one_becomes_it() {
        let action = Action::RestorePolicyVersion { policy: "arn:aws:iam::1:policy/p".into() };
        let after = aimed(&action, &[("v1", ""), ("v10", "default"), ("v9", "")]).unwrap();
        assert_eq!(after, state(&[("v1", ""), ("v10", ""), ("v9", "default")]));
        assert!(aimed(&action, &[("v1", "default")]).is_err());
    }

    #[test]
    fn a_foreign_account_goes_from_a_trust_policy_and_the_rest_stays() {
        let trust = |principals: Value| {
            json!({ "Version": "2012-10-17", "Statement": [
                { "Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole" }] })
            .to_string()
        };
        let action = Action::RemoveFromTrust { role: "web".into(), whom: "999900001111".into() };
        let before =
            trust(json!({ "AWS": ["arn:aws:iam::999900001111:root", "arn:aws:iam::111122223333:root"],
            "Service": "ec2.amazonaws.com" }));
        let after = aimed(&action, &[(DOCUMENT, &before)]).unwrap();
        let expected =
            trust(json!({ "AWS": ["arn:aws:iam::111122223333:root"], "Service": "ec2.amazonaws.com" }));
        assert_eq!(after[DOCUMENT], expected);
        let alone = trust(json!({ "AWS": "999900001111" }));
        let after = aimed(&action, &[(DOCUMENT, &alone)]).unwrap();
        assert!(after[DOCUMENT].contains("Deny") && !after[DOCUMENT].contains("Allow"), "{after:?}");
        assert!(aimed(&action, &[(DOCUMENT, &trust(json!({ "Service": "ec2.amazonaws.com" })))]).is_err());
        let anybody = Action::RemoveFromTrust { role: "web".into(), whom: "*".into() };
        assert!(aimed(&anybody, &[(DOCUMENT, &trust(json!("*")))]).unwrap()[DOCUMENT].contains("Deny"));
    }

    #[test]
    fn a_door_that_was_opened_is_shut_and_no_other() {
        let action = Action::RevokeIngress {
            group: "sg-1".into(),
            rule: "port 22 open to everybody".into(),
            region: "eu-west-1".into(),
        };
        let kept = [("tcp 22-22 10.0.0.0/8", ""), ("tcp 443-443 0.0.0.0/0", "web")];
        let opened = [kept[0], kept[1], ("tcp 22-22 0.0.0.0/0", ""), ("tcp 22-22 ::/0", "")];
        assert_eq!(aimed(&action, &opened).unwrap(), state(&kept));
        assert!(aimed(&action, &kept).is_err());
        let several = Action::RevokeIngress {
            group: "sg-1".into(),
            rule: "port 22, port 3389, and more open to everybody".into(),
            region: "eu-west-1".into(),
        };
        let opened = [kept[0], kept[1], ("tcp 22-22 0.0.0.0/0", ""), ("tcp 3389-3389 0.0.0.0/0", "")];
        assert_eq!(aimed(&several, &opened).unwrap(), state(&kept));
    }

    #[test]
    fn a_share_ends_for_whom_it_was_opened() {
        let unshare = |with: &str| Action::Unshare {
            of: crate::resource::Shareable::Snapshot,
            resource: "snap-1".into(),
            with: with.into(),
            region: "eu-west-1".into(),
        };
        let shared = [("999900001111", ""), ("all", "")];
        assert_eq!(aimed(&unshare("*"), &shared).unwrap(), state(&shared[..1]));
        assert_eq!(aimed(&unshare("999900001111"), &shared).unwrap(), state(&shared[1..]));
    }
}
