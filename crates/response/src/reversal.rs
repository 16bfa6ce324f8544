//! Taking back what was done: for each call that opened or broke something, the action that closes or mends it.

use super::{
    Action, Plan, Planned,
    resource::{Holder, HolderKind, Shareable},
};
use trailwarden_core::{
    catalog::INLINE,
    event::{Time, account_of, is_user},
    finding::Deed,
};

/// Adds to a plan what takes a deed back that was done not before `since`, or what people must do where we cannot.
///
/// `made` are the deeds that made identities: nothing of theirs was there before.
pub(crate) fn reverse(deed: &Deed, since: Time, made: &[&Deed], plan: &mut Plan) {
    let on = if deed.target.is_empty() { String::new() } else { format!(" on {}", deed.target) };
    let actions = of_identity(deed, since, &plan.principal);
    let actions = if actions.is_empty() {
        of_defences(deed).or_else(|| of_data(deed)).into_iter().collect()
    } else {
        actions
    };
    for action in &actions {
        let why = format!("takes back {}{on}", deed.call);
        let planned = Planned::new(action.clone(), &deed.account_id, why);
        // A role may be called as a user is, and in another account too: only the very one counts.
        let is_made = |call: &str, name: &str| {
            made.iter().any(|making| {
                making.call == call && making.target == name && making.account_id == deed.account_id
            })
        };
        let is_whose = |holder: &Holder| match holder.kind {
            HolderKind::User => {
                is_made("iam:CreateUser", &holder.name) || is_self(deed, &plan.principal, &holder.name)
            }
            HolderKind::Role => is_made("iam:CreateRole", &holder.name),
            HolderKind::Group => is_made("iam:CreateGroup", &holder.name),
        };
        let may_have_been = match action {
            // AWS takes an Attach of what is attached, and a Put over what was put: no log tells what was there before.
            Action::DetachPolicy { holder, .. } | Action::RemoveInlinePolicy { holder, .. } => {
                !is_whose(holder)
            }
            Action::RemoveFromTrust { role, .. } => !is_made("iam:CreateRole", role),
            Action::RestorePolicyVersion { .. } => true,
            _ => false,
        };
        // Somebody else's user may be at work everywhere: whose password was changed is the attacker's choice.
        let is_victim = |user: &str| !is_made("iam:CreateUser", user);
        let planned = match action {
            _ if may_have_been => planned.waiting(MAY_HAVE_BEEN),
            Action::QuarantineUser { user } if is_victim(user) => planned.waiting(VICTIM),
            _ => planned,
        };
        if !planned.waits.is_empty() || matches!(action, Action::BlockPublicAccess { .. }) {
            plan.hits.extend(hit(action, is_victim));
        }
        plan.actions.push(planned);
    }
    plan.next_steps.extend(left(deed, &on, &actions));
}

/// What is left to people, where actions do not take all of a deed back.
fn left(deed: &Deed, on: &str, actions: &[Action]) -> Vec<String> {
    let Deed { call, target, account_id, .. } = deed;
    let mut steps = Vec::new();
    for action in actions {
        match action {
            Action::RemoveFromTrust { .. } | Action::Unshare { .. } => steps.push(format!(
                "See whether {target} lets in anybody else: of one call, only the first is known here"
            )),
            Action::RevokeIngress { rule, .. } if rule.contains(", and more") => steps.push(format!(
                "Shut what else {target} let in: one call opened more doors than are known here"
            )),
            _ => {}
        }
    }
    if actions.is_empty() && is_telling(call) {
        steps.push(format!("Look at what {call}{on} did in account {account_id}, and take it back"));
    }
    steps
}

/// Rights and credentials that somebody got; those of the principal itself are stopped anyhow.
fn of_identity(deed: &Deed, since: Time, principal: &str) -> Vec<Action> {
    // A name that was cut is no name.
    let target = deed.target.clone();
    if target.len() >= TARGET {
        return Vec::new();
    }
    let is_another = !target.is_empty() && !is_self(deed, principal, &target);
    let holder = || HolderKind::of_call(&deed.call).map(|kind| Holder { kind, name: target.clone() });
    let whole = |name: &str| (deed.detail.len() < 120 && !name.is_empty()).then(|| name.to_owned());
    let one = match deed.call.as_str() {
        "iam:CreateAccessKey" if is_another => Some(Action::DeactivateNewKeys { user: target, since }),
        "iam:CreateUser" if is_another => Some(Action::QuarantineUser { user: target }),
        // Stopped at once, and its password taken away when a person says so: nobody can give it back.
        "iam:CreateLoginProfile" | "iam:UpdateLoginProfile" if is_another => {
            let user = target;
            return vec![Action::QuarantineUser { user: user.clone() }, Action::RemovePassword { user }];
        }
        "iam:AttachUserPolicy" | "iam:AttachRolePolicy" | "iam:AttachGroupPolicy" => holder()
            .zip(deed.detail.strip_prefix("attaches ").and_then(whole))
            .map(|(holder, policy)| Action::DetachPolicy { holder, policy }),
        "iam:PutUserPolicy" | "iam:PutRolePolicy" | "iam:PutGroupPolicy" => holder()
            .zip(deed.detail.rsplit_once(INLINE).and_then(|(_, name)| whole(name)))
            .map(|(holder, policy)| Action::RemoveInlinePolicy { holder, policy }),
        // Which version was the default before SetDefaultPolicyVersion is written nowhere.
        "iam:CreatePolicyVersion" if account_of(&target).is_some() => {
            Some(Action::RestorePolicyVersion { policy: target })
        }
        "iam:UpdateAssumeRolePolicy" | "iam:CreateRole" if !deed.recipient.is_empty() => {
            Some(Action::RemoveFromTrust { role: target, whom: deed.recipient.clone() })
        }
        _ => None,
    };
    one.into_iter().collect()
}

/// Who else is hit when a deed is taken back, if anybody was there before it.
fn hit(action: &Action, is_victim: impl Fn(&str) -> bool) -> Option<String> {
    match action {
        Action::QuarantineUser { user } if is_victim(user) => {
            Some(format!("{user}: whoever and whatever works as this user is denied everything."))
        }
        Action::RemovePassword { user } if is_victim(user) => {
            Some(format!("{user}: signs in no more until it gets a new password."))
        }
        Action::DetachPolicy { holder, .. } | Action::RemoveInlinePolicy { holder, .. } => {
            Some(format!("{}: loses what the policy allows, also to those who had it before.", holder.name))
        }
        Action::RestorePolicyVersion { policy } => {
            Some(format!("Whoever holds {policy}: what the newer version allows ends for all."))
        }
        Action::RemoveFromTrust { role, whom } => Some(format!("{whom}: cannot assume {role} any more.")),
        Action::BlockPublicAccess { bucket, .. } => Some(format!(
            "Whoever reads {bucket} by a public policy: the public, and other accounts whom it lets in."
        )),
        _ => None,
    }
}

/// Why somebody else's user is not stopped without asking.
const VICTIM: &str = "it is somebody else's user, and may be at work";
/// Why what a call gave somebody is not taken away without asking.
const MAY_HAVE_BEEN: &str = "no log tells whether it was so before";
/// Bytes of a target that acts keep.
const TARGET: usize = 96;

/// Is a user of this name the principal itself? A role, or another account's user, may be called the same.
fn is_self(deed: &Deed, principal: &str, name: &str) -> bool {
    let is_user = is_user(principal) && account_of(principal) == Some(deed.account_id.as_str());
    is_user && principal.rsplit('/').next() == Some(name)
}

/// Logs and watchers that were stopped, doors that were opened.
fn of_defences(deed: &Deed) -> Option<Action> {
    let (target, region) = (deed.target.clone(), deed.region.clone());
    match deed.call.as_str() {
        _ if target.len() >= TARGET => None,
        "cloudtrail:StopLogging" => Some(Action::RestartTrail { trail: target, region }),
        "config:StopConfigurationRecorder" => Some(Action::RestartRecorder { recorder: target, region }),
        // One that only lost a protection is on: people have to look.
        "guardduty:UpdateDetector" if deed.detail == "switched off" => {
            Some(Action::EnableDetector { detector: target, region })
        }
        // By its name, a group may be any VPC's.
        "ec2:AuthorizeSecurityGroupIngress" if !deed.detail.is_empty() && target.starts_with("sg-") => {
            Some(Action::RevokeIngress { group: target, rule: deed.detail.clone(), region })
        }
        _ => None,
    }
}

/// Data that was opened to somebody, and keys without which it is lost.
fn of_data(deed: &Deed) -> Option<Action> {
    let (target, region) = (deed.target.clone(), deed.region.clone());
    let key = || target.rsplit([':', '/']).next().unwrap_or_default().to_owned();
    match deed.call.as_str() {
        call if !deed.recipient.is_empty() && shared(call).is_some() => shared(call)
            .map(|of| Action::Unshare { of, resource: target, with: deed.recipient.clone(), region }),
        // The switches shut out the public, not an account that is let in by name.
        "s3:PutBucketPolicy" | "s3:PutBucketAcl" if deed.recipient == "*" => {
            Some(Action::BlockPublicAccess { bucket: target, region })
        }
        "s3:DeleteBucketPublicAccessBlock" | "s3:PutBucketPublicAccessBlock" => {
            Some(Action::BlockPublicAccess { bucket: target, region })
        }
        "kms:ScheduleKeyDeletion" => Some(Action::CancelKeyDeletion { key: key(), region }),
        "kms:DisableKey" => Some(Action::EnableKey { key: key(), region }),
        _ => None,
    }
}

fn shared(call: &str) -> Option<Shareable> {
    Some(match call {
        "ec2:ModifySnapshotAttribute" => Shareable::Snapshot,
        "ec2:ModifyImageAttribute" => Shareable::Image,
        "rds:ModifyDBSnapshotAttribute" => Shareable::DbSnapshot,
        "rds:ModifyDBClusterSnapshotAttribute" => Shareable::DbClusterSnapshot,
        _ => return None,
    })
}

/// How calls begin that change nothing that could be put back.
const READING: &[&str] = &[
    "Get",
    "List",
    "Describe",
    "BatchGet",
    "Lookup",
    "ConsoleLogin",
    "AssumeRole",
    "GenerateDataKey",
    "Decrypt",
    "Invoke",
];

fn is_telling(call: &str) -> bool {
    let name = call.split(':').nth(1).unwrap_or_default();
    !READING.iter().any(|verb| name.starts_with(verb))
}
