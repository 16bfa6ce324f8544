//! Taking back what was done: for each call that opened or broke something, the action that closes or mends it.

use super::{Action, Plan, Planned};
use crate::finding::Deed;

/// Adds to a plan what takes a deed back, or what people must do where we cannot.
pub(crate) fn reverse(deed: &Deed, plan: &mut Plan) {
    let on = if deed.target.is_empty() { String::new() } else { format!(" on {}", deed.target) };
    match of_identity(deed, &plan.principal).or_else(|| of_defences(deed)).or_else(|| of_data(deed)) {
        Some(action) => plan.actions.push(Planned::new(action, format!("takes back {}{on}", deed.call))),
        None if is_telling(&deed.call) => plan.next_steps.push(format!(
            "Look at what {}{on} did in account {}, and take it back",
            deed.call, deed.account_id
        )),
        None => {}
    }
}

/// Rights and credentials that somebody got; those of the principal itself are stopped anyhow.
fn of_identity(deed: &Deed, principal: &str) -> Option<Action> {
    let target = deed.target.clone();
    let is_another = !target.is_empty() && principal.rsplit('/').next() != Some(target.as_str());
    match deed.call.as_str() {
        "iam:CreateAccessKey" if is_another => Some(Action::DeactivateNewKeys { user: target }),
        "iam:CreateUser" | "iam:CreateLoginProfile" | "iam:UpdateLoginProfile" if is_another => {
            Some(Action::QuarantineUser { user: target })
        }
        "iam:AttachUserPolicy" | "iam:AttachRolePolicy" | "iam:AttachGroupPolicy" => {
            let policy = deed.detail.strip_prefix("attaches ")?.to_owned();
            Some(Action::DetachPolicy { holder: target, policy })
        }
        "iam:CreatePolicyVersion" | "iam:SetDefaultPolicyVersion" => {
            Some(Action::RestorePolicyVersion { policy: target })
        }
        "iam:UpdateAssumeRolePolicy" | "iam:CreateRole" if !deed.recipient.is_empty() => {
            Some(Action::RemoveFromTrust { role: target, whom: deed.recipient.clone() })
        }
        _ => None,
    }
}

/// Logs and watchers that were stopped, doors that were opened.
fn of_defences(deed: &Deed) -> Option<Action> {
    let (target, region) = (deed.target.clone(), deed.region.clone());
    match deed.call.as_str() {
        "cloudtrail:StopLogging" => Some(Action::RestartTrail { trail: target, region }),
        "config:StopConfigurationRecorder" => Some(Action::RestartRecorder { recorder: target, region }),
        "guardduty:UpdateDetector" => Some(Action::EnableDetector { detector: target, region }),
        "ec2:AuthorizeSecurityGroupIngress" if !deed.detail.is_empty() => {
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
        "ec2:ModifySnapshotAttribute"
        | "ec2:ModifyImageAttribute"
        | "rds:ModifyDBSnapshotAttribute"
        | "rds:ModifyDBClusterSnapshotAttribute"
            if !deed.recipient.is_empty() =>
        {
            Some(Action::Unshare { resource: target, with: deed.recipient.clone(), region })
        }
        "s3:PutBucketPolicy"
        | "s3:PutBucketAcl"
        | "s3:DeleteBucketPublicAccessBlock"
        | "s3:PutBucketPublicAccessBlock" => Some(Action::BlockPublicAccess { bucket: target }),
        "kms:ScheduleKeyDeletion" => Some(Action::CancelKeyDeletion { key: key(), region }),
        "kms:DisableKey" => Some(Action::EnableKey { key: key(), region }),
        _ => None,
    }
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
