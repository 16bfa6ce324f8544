//! Resource: a part of an account whose state a response reads, writes, and restores.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::resources::{
    ResourceSheet, access_keys, attached_policies, config_recorder, guardduty_detector, inline_policy,
    kms_key, password, person_denial, policy_versions, public_access_block, reissued_credential,
    security_group, shares, trail, trust_policy,
};
use trailwarden_core::{event::Time, settings::Directory};

/// State of a resource as names and values, so that any two states can be compared, stored and restored.
pub type State = BTreeMap<String, String>;

/// The one entry of the state of a thing that has a document.
pub const DOCUMENT: &str = "document";
/// What the state of somebody says who is denied everything.
pub const DENIED: &str = "denied";

/// Who may hold policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "they are IAM's")]
pub enum HolderKind {
    User,
    Role,
    Group,
}

/// Somebody who holds policies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Holder {
    /// What it is.
    pub kind: HolderKind,
    /// Its name in its account.
    pub name: String,
}

impl Holder {
    /// A user.
    pub fn user(name: impl Into<String>) -> Self {
        Self { kind: HolderKind::User, name: name.into() }
    }

    /// A role.
    pub fn role(name: impl Into<String>) -> Self {
        Self { kind: HolderKind::Role, name: name.into() }
    }
}

/// What sort of data can be shared with other accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "they are AWS's")]
pub enum Shareable {
    Snapshot,
    Image,
    DbSnapshot,
    DbClusterSnapshot,
}

/// What lets a user in, and can be given anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Credential {
    /// An access key.
    Key,
    /// A password, which has to be changed at the first sign-in.
    Password,
}

/// A part of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// A user's access keys: `AKIA...` to `Active` or `Inactive`; of those made since then, if a time is given.
    Keys {
        /// Whose.
        user: String,
        /// The earliest creation that counts.
        since: Option<Time>,
    },
    /// Whether a user has a password: `password` to `set`, or nothing.
    Password {
        /// Whose.
        user: String,
    },
    /// Whether a credential was made anew and is handed over: `handed over` to `yes`, or nothing.
    Reissued {
        /// Which.
        credential: Credential,
        /// Whose.
        user: String,
        /// The name of the secret of Secrets Manager in which it is.
        secret: String,
    },
    /// Whether a person is denied everything: the user id to [`DENIED`] or to nothing; no entry if nobody is called so.
    Denial {
        /// Whose: a user name, or the ARN of a user of the store, `arn:aws:identitystore:::user/ID`.
        person: String,
        /// By which policy.
        directory: Directory,
    },
    /// An inline policy: its [`DOCUMENT`], or nothing.
    InlinePolicy {
        /// Whose.
        holder: Holder,
        /// Its name.
        policy: String,
    },
    /// The managed policies that somebody holds: ARN to name.
    Attached {
        /// Whose.
        holder: Holder,
    },
    /// The versions of a managed policy: `v1` to nothing, the default one to `default`.
    Versions {
        /// The policy's ARN.
        policy: String,
    },
    /// Who may assume a role: its [`DOCUMENT`].
    Trust {
        /// Which.
        role: String,
    },
    /// Whether a trail logs: `logging` to `true` or `false`.
    Trail {
        /// Name or ARN.
        trail: String,
        /// Where.
        region: String,
    },
    /// Whether a recorder of AWS Config records: `recording` to `true` or `false`.
    Recorder {
        /// Name.
        recorder: String,
        /// Where.
        region: String,
    },
    /// Whether a detector of GuardDuty is on: `enabled` to `true` or `false`.
    Detector {
        /// Id.
        detector: String,
        /// Where.
        region: String,
    },
    /// With whom something is shared: account ids, or `all`, to nothing.
    Shares {
        /// What it is.
        of: Shareable,
        /// Its id.
        resource: String,
        /// Where.
        region: String,
    },
    /// The four switches that keep a bucket from the public, each to `true` or `false`; nothing if there are none.
    PublicAccess {
        /// Which.
        bucket: String,
        /// Where.
        region: String,
    },
    /// A key of KMS: `state` to `Enabled`, `Disabled` or `PendingDeletion`.
    Key {
        /// Its id.
        key: String,
        /// Where.
        region: String,
    },
    /// Who may come in by a security group: `tcp 22-22 0.0.0.0/0` to the rule's description.
    Ingress {
        /// Its id.
        group: String,
        /// Where.
        region: String,
    },
}

impl Resource {
    /// Name, calls and Region.
    fn sheet(&self) -> ResourceSheet<'_> {
        match self {
            Self::Keys { user, .. } => access_keys::sheet(user),
            Self::Password { user } => password::sheet(user),
            Self::Reissued { credential, user, .. } => reissued_credential::sheet(*credential, user),
            Self::Denial { directory, .. } => person_denial::sheet(directory),
            Self::InlinePolicy { holder, .. } => inline_policy::sheet(holder),
            Self::Attached { holder } => attached_policies::sheet(holder),
            Self::Versions { policy } => policy_versions::sheet(policy),
            Self::Trust { role } => trust_policy::sheet(role),
            Self::Trail { trail, region } => trail::sheet(trail, region),
            Self::Recorder { recorder, region } => config_recorder::sheet(recorder, region),
            Self::Detector { detector, region } => guardduty_detector::sheet(detector, region),
            Self::Shares { of, resource, region } => shares::sheet(*of, resource, region),
            Self::PublicAccess { bucket, region } => public_access_block::sheet(bucket, region),
            Self::Key { key, region } => kms_key::sheet(key, region),
            Self::Ingress { group, region } => security_group::sheet(group, region),
        }
    }

    /// Its name in AWS's calls.
    pub fn name(&self) -> &str {
        self.sheet().name
    }

    /// Calls that read and write it, as CloudTrail names them.
    pub fn calls(&self) -> &'static [&'static str] {
        self.sheet().calls
    }

    /// Its Region, for a regional service.
    pub fn region(&self) -> Option<&str> {
        self.sheet().region
    }

    /// Second name in its calls: the secret, or the identity store.
    pub fn aside(&self) -> Option<&str> {
        match self {
            Self::Reissued { secret, .. } => Some(secret),
            Self::Denial { directory, .. } => Some(&directory.store),
            _ => None,
        }
    }

    /// The identity that it belongs to, which may be protected.
    pub fn holder(&self) -> Option<Holder> {
        match self {
            Self::Keys { user, .. } | Self::Password { user } | Self::Reissued { user, .. } => {
                Some(Holder::user(user))
            }
            Self::InlinePolicy { holder, .. } | Self::Attached { holder } => Some(holder.clone()),
            Self::Trust { role } => Some(Holder::role(role)),
            _ => None,
        }
    }

    /// The person behind Identity Center whom it denies, who may be protected.
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Denial { person, .. } => Some(person),
            _ => None,
        }
    }

    /// The same resource as found before it was changed: by id, since a person may have been renamed since, or deleted.
    #[must_use]
    pub fn as_found(self, before: &State) -> Self {
        match self {
            Self::Denial { person, directory } => {
                Self::Denial { person: person_denial::as_found(person, before), directory }
            }
            resource => resource,
        }
    }

    /// Lease name for a resource without optimistic locking.
    pub fn leased(&self) -> Option<&str> {
        match self {
            Self::Denial { directory, .. } => Some(&directory.policy),
            _ => None,
        }
    }
}
