//! What can be done, each as a value, with how far it can be taken back.

use serde::{Deserialize, Serialize};

use super::{
    desired_state::{Impossible, QUARANTINE, REQUIRE_MFA, REVOKE, aim},
    resource::{Credential, Holder, HolderKind, Shareable, State, Thing},
};
use trailwarden_core::{event::Time, settings::Directory};

/// How far an action can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[expect(missing_docs, reason = "describe() says it")]
pub enum Action {
    DeactivateKeys { user: String },
    DeactivateNewKeys { user: String, since: Time },
    RevokeUserSessions { user: String },
    RevokeRoleSessions { role: String },
    QuarantineUser { user: String },
    DenyPerson { person: String, directory: Directory },
    RequireMfa { user: String },
    RemovePassword { user: String },
    Reissue { credential: Credential, user: String, secret: String },
    DetachPolicy { holder: Holder, policy: String },
    RemoveInlinePolicy { holder: Holder, policy: String },
    RestorePolicyVersion { policy: String },
    RemoveFromTrust { role: String, whom: String },
    RestartTrail { trail: String, region: String },
    RestartRecorder { recorder: String, region: String },
    EnableDetector { detector: String, region: String },
    Unshare { of: Shareable, resource: String, with: String, region: String },
    BlockPublicAccess { bucket: String, region: String },
    CancelKeyDeletion { key: String, region: String },
    EnableKey { key: String, region: String },
    RevokeIngress { group: String, rule: String, region: String },
}

impl Action {
    /// In words, as an order.
    pub fn describe(&self) -> String {
        match self {
            Self::DeactivateKeys { user } => format!("Deactivate the access keys of {user}"),
            Self::DeactivateNewKeys { user, since } => {
                format!("Deactivate the access keys that {user} got since {since}")
            }
            Self::RevokeUserSessions { user } => {
                format!("Revoke the sessions that {user} has (deny by the time their tokens were issued)")
            }
            Self::RevokeRoleSessions { role } => {
                format!("Revoke all sessions of the role {role} (deny by the time their tokens were issued)")
            }
            Self::QuarantineUser { user } => {
                format!("Quarantine {user} (an inline policy that denies everything)")
            }
            Self::DenyPerson { person, directory } => format!(
                "Deny {} everything where the service control policy {} is attached (its user id in that)",
                person_name(person),
                directory.policy
            ),
            Self::RequireMfa { user } => {
                format!("Demand MFA of {user} anew (an inline policy that denies everything else without it)")
            }
            Self::RemovePassword { user } => format!("Remove the password of {user}"),
            Self::Reissue { credential, user, secret } => describe_reissue(*credential, user, secret),
            Self::DetachPolicy { holder, policy } => format!("Detach {policy} from {}", holder.name),
            Self::RemoveInlinePolicy { holder, policy } => {
                format!("Remove the inline policy {policy} of {}", holder.name)
            }
            Self::RestorePolicyVersion { policy } => {
                format!("Make the version before the default one of {policy} the default")
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
            Self::BlockPublicAccess { bucket, .. } => {
                format!("Block public access to the bucket {bucket}")
            }
            Self::CancelKeyDeletion { key, region } => {
                format!("Cancel the deletion of the key {key} in {region}, and enable it")
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
            Self::RevokeUserSessions { .. } | Self::RevokeRoleSessions { .. } => (
                Undo::Exact,
                "remove the inline policy TrailwardenRevokeOlderSessions (sessions not over yet work again, stolen ones too)",
            ),
            Self::QuarantineUser { .. } => (Undo::Exact, "remove the inline policy TrailwardenQuarantine"),
            Self::DenyPerson { .. } => (Undo::Exact, "take its user id out of the policy again"),
            Self::RequireMfa { .. } => (Undo::Exact, "remove the inline policy TrailwardenRequireMfa"),
            Self::RemovePassword { .. } | Self::Reissue { credential: Credential::Password, .. } => {
                (Undo::None, "nobody can read a password: a new one has to be given")
            }
            Self::Reissue { credential: Credential::Key, .. } => {
                (Undo::Exact, "delete the new key, and its secret")
            }
            Self::DetachPolicy { .. } => (Undo::Exact, "attach it again"),
            Self::RemoveInlinePolicy { .. } => (Undo::Exact, "put it back: its document is recorded before"),
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
                (Undo::Partial, "disable it: to schedule the deletion again is left to people")
            }
            Self::EnableKey { .. } => (Undo::Exact, "disable it again"),
            Self::RevokeIngress { .. } => (Undo::Exact, "authorise the rule again, which is recorded before"),
        }
    }

    /// What it changes.
    pub fn thing(&self) -> Thing {
        let inline = |holder: Holder, policy: &str| Thing::InlinePolicy { holder, policy: policy.to_owned() };
        match self.clone() {
            Self::DeactivateKeys { user } => Thing::Keys { user, since: None },
            Self::DeactivateNewKeys { user, since } => Thing::Keys { user, since: Some(since) },
            Self::RevokeUserSessions { user } => inline(Holder::user(user), REVOKE),
            Self::RevokeRoleSessions { role } => inline(Holder::role(role), REVOKE),
            Self::QuarantineUser { user } => inline(Holder::user(user), QUARANTINE),
            Self::RequireMfa { user } => inline(Holder::user(user), REQUIRE_MFA),
            Self::DenyPerson { person, directory } => Thing::Denial { person, directory },
            Self::RemovePassword { user } => Thing::Password { user },
            Self::Reissue { credential, user, secret } => Thing::Reissued { credential, user, secret },
            Self::DetachPolicy { holder, .. } => Thing::Attached { holder },
            Self::RemoveInlinePolicy { holder, policy } => Thing::InlinePolicy { holder, policy },
            Self::RestorePolicyVersion { policy } => Thing::Versions { policy },
            Self::RemoveFromTrust { role, .. } => Thing::Trust { role },
            Self::RestartTrail { trail, region } => Thing::Trail { trail, region },
            Self::RestartRecorder { recorder, region } => Thing::Recorder { recorder, region },
            Self::EnableDetector { detector, region } => Thing::Detector { detector, region },
            Self::Unshare { of, resource, region, .. } => Thing::Shares { of, resource, region },
            Self::BlockPublicAccess { bucket, region } => Thing::PublicAccess { bucket, region },
            Self::CancelKeyDeletion { key, region } | Self::EnableKey { key, region } => {
                Thing::Key { key, region }
            }
            Self::RevokeIngress { group, region, .. } => Thing::Ingress { group, region },
        }
    }

    /// The account in which it has to be done, where that is not the one that it is about.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::DenyPerson { directory, .. } => Some(&directory.account),
            _ => None,
        }
    }

    /// Does it stop or mend something? What is asked for beyond that gives somebody back what they need.
    pub fn contains(&self) -> bool {
        !matches!(self, Self::Reissue { .. })
    }

    /// Does it end what was begun before a time, and nothing later?
    pub fn is_revocation(&self) -> bool {
        matches!(self, Self::RevokeRoleSessions { .. } | Self::RevokeUserSessions { .. })
    }

    /// What the thing should be like afterwards.
    ///
    /// # Errors
    /// [`Impossible`] if there is nothing that this could change.
    pub fn aim(&self, before: &State, now: Time) -> Result<State, Impossible> {
        aim(self, before, now)
    }
}

fn describe_reissue(credential: Credential, user: &str, secret: &str) -> String {
    match credential {
        Credential::Key => format!("Make a new access key for {user}, handed over in the secret {secret}"),
        Credential::Password => format!(
            "Give {user} a new password, handed over in the secret {secret}, to be changed at the first sign-in"
        ),
    }
}

/// What somebody behind Identity Center is called: a user name, or the id in the ARN of a user of the store.
pub(super) fn person_name(person: &str) -> &str {
    person.rsplit('/').next().unwrap_or_default()
}

impl HolderKind {
    /// Of whom a call of IAM speaks: `iam:PutUserPolicy`.
    pub(crate) fn of_call(call: &str) -> Option<Self> {
        [("User", Self::User), ("Role", Self::Role), ("Group", Self::Group)]
            .into_iter()
            .find(|(word, _)| call.ends_with(&format!("{word}Policy")))
            .map(|(_, kind)| kind)
    }
}
