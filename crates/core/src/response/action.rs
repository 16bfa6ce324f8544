//! What can be done, each as a value, with how far it can be taken back.

use serde::Serialize;

/// How far an action can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Undo {
    /// To just what was there before.
    Exact,
    /// In part.
    Partial,
    /// Not at all: it always needs a person's approval.
    None,
}

impl Undo {
    /// For people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Partial => "in part",
            Self::None => "none",
        }
    }
}

/// Something that can be done in an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[expect(missing_docs, reason = "describe() says it")]
pub enum Action {
    DeactivateKeys { user: String },
    DeactivateNewKeys { user: String },
    RevokeUserSessions { user: String },
    RevokeRoleSessions { role: String },
    QuarantineUser { user: String },
    DetachPolicy { holder: String, policy: String },
    RestorePolicyVersion { policy: String },
    RemoveFromTrust { role: String, whom: String },
    RestartTrail { trail: String, region: String },
    RestartRecorder { recorder: String, region: String },
    EnableDetector { detector: String, region: String },
    Unshare { resource: String, with: String, region: String },
    BlockPublicAccess { bucket: String },
    CancelKeyDeletion { key: String, region: String },
    EnableKey { key: String, region: String },
    RevokeIngress { group: String, rule: String, region: String },
}

impl Action {
    /// In words, as an order.
    pub fn describe(&self) -> String {
        match self {
            Self::DeactivateKeys { user } => format!("Deactivate the access keys of {user}"),
            Self::DeactivateNewKeys { user } => format!("Deactivate the access keys that {user} got since"),
            Self::RevokeUserSessions { user } => {
                format!("Revoke the sessions that {user} has (deny by the time their tokens were issued)")
            }
            Self::RevokeRoleSessions { role } => {
                format!("Revoke all sessions of the role {role} (deny by the time their tokens were issued)")
            }
            Self::QuarantineUser { user } => {
                format!("Quarantine {user} (an inline policy that denies everything)")
            }
            Self::DetachPolicy { holder, policy } => format!("Detach {policy} from {holder}"),
            Self::RestorePolicyVersion { policy } => {
                format!("Make the version before the default one of {policy}")
            }
            Self::RemoveFromTrust { role, whom } => format!("Take {whom} out of the trust policy of {role}"),
            Self::RestartTrail { trail, region } => format!("Start the trail {trail} in {region} again"),
            Self::RestartRecorder { recorder, region } => {
                format!("Start AWS Config's recorder {recorder} in {region} again")
            }
            Self::EnableDetector { detector, region } => {
                format!("Enable GuardDuty's detector {detector} in {region} again")
            }
            Self::Unshare { resource, with, .. } => format!("Stop sharing {resource} with {with}"),
            Self::BlockPublicAccess { bucket } => format!("Block public access to the bucket {bucket}"),
            Self::CancelKeyDeletion { key, region } => {
                format!("Cancel the deletion of the key {key} in {region}")
            }
            Self::EnableKey { key, region } => format!("Enable the key {key} in {region} again"),
            Self::RevokeIngress { group, rule, .. } => format!("Revoke the rule of {group}: {rule}"),
        }
    }

    /// How far it can be taken back, and how.
    pub fn undo(&self) -> (Undo, &'static str) {
        match self {
            Self::DeactivateKeys { .. } | Self::DeactivateNewKeys { .. } => {
                (Undo::Exact, "activate those keys that were active before")
            }
            Self::RevokeUserSessions { .. } | Self::RevokeRoleSessions { .. } => {
                (Undo::Exact, "remove the inline policy TrailwardenRevokeOlderSessions")
            }
            Self::QuarantineUser { .. } => (Undo::Exact, "remove the inline policy TrailwardenQuarantine"),
            Self::DetachPolicy { .. } => (Undo::Exact, "attach it again"),
            Self::RestorePolicyVersion { .. } => {
                (Undo::Exact, "make the newer version the default again: it is kept")
            }
            Self::RemoveFromTrust { .. } => {
                (Undo::Exact, "put back the trust policy, which is recorded before")
            }
            Self::RestartTrail { .. } | Self::RestartRecorder { .. } | Self::EnableDetector { .. } => {
                (Undo::Exact, "stop it again")
            }
            Self::Unshare { .. } => (Undo::Exact, "share it again with those recorded before"),
            Self::BlockPublicAccess { .. } => {
                (Undo::Exact, "put back the four switches, which are recorded before")
            }
            Self::CancelKeyDeletion { .. } => {
                (Undo::Partial, "schedule the deletion again: the waiting time begins anew")
            }
            Self::EnableKey { .. } => (Undo::Exact, "disable it again"),
            Self::RevokeIngress { .. } => (Undo::Exact, "authorise the rule again, which is recorded before"),
        }
    }
}
