//! Action: one change that a response can make, as a value. Its resource's file says everything about it.

use serde::{Deserialize, Serialize};

use crate::{
    Commands, Credential, Holder, HolderKind, Resource, Shareable, State,
    resources::{
        ActionSheet, access_keys, attached_policies, config_recorder, guardduty_detector, inline_policy,
        kms_key, password, person_denial, policy_versions, public_access_block, reissued_credential,
        security_group, shares, trail, trust_policy,
    },
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
    /// Everything about the action; `now` is the time that its commands name.
    fn sheet(&self, now: Time) -> ActionSheet<'_> {
        match self {
            Self::DeactivateKeys { user } => access_keys::deactivate(user, None),
            Self::DeactivateNewKeys { user, since } => access_keys::deactivate(user, Some(*since)),
            Self::RevokeUserSessions { user } => inline_policy::revoke_user_sessions(user, now),
            Self::RevokeRoleSessions { role } => inline_policy::revoke_role_sessions(role, now),
            Self::QuarantineUser { user } => inline_policy::quarantine(user, now),
            Self::DenyPerson { person, directory } => person_denial::deny(person, directory),
            Self::RequireMfa { user } => inline_policy::require_mfa(user, now),
            Self::RemovePassword { user } => password::remove(user),
            Self::Reissue { credential, user, secret } => {
                reissued_credential::reissue(*credential, user, secret)
            }
            Self::DetachPolicy { holder, policy } => attached_policies::detach(holder, policy),
            Self::RemoveInlinePolicy { holder, policy } => inline_policy::remove(holder, policy),
            Self::RestorePolicyVersion { policy } => policy_versions::restore(policy),
            Self::RemoveFromTrust { role, whom } => trust_policy::remove(role, whom),
            Self::RestartTrail { trail, region } => trail::restart(trail, region),
            Self::RestartRecorder { recorder, region } => config_recorder::restart(recorder, region),
            Self::EnableDetector { detector, region } => guardduty_detector::enable(detector, region),
            Self::Unshare { of, resource, with, region } => shares::unshare(*of, resource, with, region),
            Self::BlockPublicAccess { bucket, region } => public_access_block::block(bucket, region),
            Self::CancelKeyDeletion { key, region } => kms_key::cancel_deletion(key, region),
            Self::EnableKey { key, region } => kms_key::enable(key, region),
            Self::RevokeIngress { group, rule, region } => security_group::revoke(group, rule, region),
        }
    }

    /// The action as an order, in words.
    pub fn describe(&self) -> String {
        self.sheet(Time(0)).text
    }

    /// How far it can be undone, and how.
    pub fn undo(&self) -> (Undo, &'static str) {
        self.sheet(Time(0)).undo
    }

    /// The resource that it changes.
    pub fn resource(&self) -> Resource {
        self.sheet(Time(0)).resource
    }

    /// The resource's desired state, from its state before and the time.
    ///
    /// # Errors
    /// [`Impossible`] if there is nothing that this could change.
    pub fn desired_state(&self, before: &State, now: Time) -> Result<State, Impossible> {
        (self.sheet(now).desired)(before, now)
    }

    /// AWS CLI commands that do it and undo it, and the names in them; see [`commands`](crate::commands).
    pub(crate) fn unchecked_commands(&self, now: Time) -> (Commands, Vec<&str>) {
        let sheet = self.sheet(now);
        (sheet.commands, sheet.names)
    }

    /// The account in which it has to be done, where that is not the one that it is about.
    pub fn account(&self) -> Option<&str> {
        match self {
            Self::DenyPerson { directory, .. } => Some(&directory.account),
            _ => None,
        }
    }

    /// Whether it stops or repairs something; reissuing a credential gives a user back what they need.
    pub fn contains(&self) -> bool {
        !matches!(self, Self::Reissue { .. })
    }

    /// Whether it ends only sessions issued before a time.
    pub fn is_revocation(&self) -> bool {
        matches!(self, Self::RevokeRoleSessions { .. } | Self::RevokeUserSessions { .. })
    }
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
