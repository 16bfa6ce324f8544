//! Parts of an account whose state can be read and written: what actions change, and what undoing puts back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use trailwarden_core::{event::Time, settings::Directory};

/// The state of a thing, as names and values: so that any two states can be compared, kept and put back.
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

/// The ARN of a user of Identity Center's store, by their id: as events of Identity Center itself have it.
fn directory_user(id: &str) -> String {
    format!("arn:aws:identitystore:::user/{id}")
}

/// A part of an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
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

impl Thing {
    /// Whose identity it changes: it may be protected.
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

    /// Which person behind Identity Center it is about: they may be protected.
    pub fn person(&self) -> Option<&str> {
        match self {
            Self::Denial { person, .. } => Some(person),
            _ => None,
        }
    }

    /// The same, as it was found before it was changed: somebody may have been renamed since, or deleted.
    #[must_use]
    pub fn as_found(self, before: &State) -> Self {
        match (self, before.keys().next()) {
            (Self::Denial { directory, .. }, Some(id)) => {
                Self::Denial { person: directory_user(id), directory }
            }
            (thing, _) => thing,
        }
    }

    /// What must be ours alone while it is written, as it has no versions to write over.
    pub fn leased(&self) -> Option<&str> {
        match self {
            Self::Denial { directory, .. } => Some(&directory.policy),
            _ => None,
        }
    }

    /// What it is called in AWS's calls.
    pub fn name(&self) -> &str {
        match self {
            Self::Keys { user: name, .. }
            | Self::Password { user: name }
            | Self::Reissued { user: name, .. }
            | Self::Denial { directory: Directory { policy: name, .. }, .. }
            | Self::InlinePolicy { holder: Holder { name, .. }, .. }
            | Self::Attached { holder: Holder { name, .. } }
            | Self::Versions { policy: name }
            | Self::Trust { role: name }
            | Self::Trail { trail: name, .. }
            | Self::Recorder { recorder: name, .. }
            | Self::Detector { detector: name, .. }
            | Self::Shares { resource: name, .. }
            | Self::PublicAccess { bucket: name, .. }
            | Self::Key { key: name, .. }
            | Self::Ingress { group: name, .. } => name,
        }
    }

    /// What else its calls may be about.
    pub fn aside(&self) -> Option<&str> {
        match self {
            Self::Reissued { secret, .. } => Some(secret),
            Self::Denial { directory, .. } => Some(&directory.store),
            _ => None,
        }
    }

    /// The calls by which it is read and written, as CloudTrail names them.
    pub fn calls(&self) -> &'static [&'static str] {
        match self {
            Self::Keys { .. } => &["iam:ListAccessKeys", "iam:UpdateAccessKey"],
            Self::Password { .. } => &["iam:GetLoginProfile", "iam:DeleteLoginProfile"],
            Self::Reissued { credential, .. } => calls_of_reissue(*credential),
            Self::Denial { .. } => &[
                "identitystore:GetUserId",
                "organizations:DescribePolicy",
                "organizations:ListTargetsForPolicy",
                "organizations:UpdatePolicy",
            ],
            Self::InlinePolicy { holder, .. } => match holder.kind {
                HolderKind::User => &["iam:GetUserPolicy", "iam:PutUserPolicy", "iam:DeleteUserPolicy"],
                HolderKind::Role => &["iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"],
                HolderKind::Group => &["iam:GetGroupPolicy", "iam:PutGroupPolicy", "iam:DeleteGroupPolicy"],
            },
            Self::Attached { holder } => match holder.kind {
                HolderKind::User => {
                    &["iam:ListAttachedUserPolicies", "iam:AttachUserPolicy", "iam:DetachUserPolicy"]
                }
                HolderKind::Role => {
                    &["iam:ListAttachedRolePolicies", "iam:AttachRolePolicy", "iam:DetachRolePolicy"]
                }
                HolderKind::Group => {
                    &["iam:ListAttachedGroupPolicies", "iam:AttachGroupPolicy", "iam:DetachGroupPolicy"]
                }
            },
            Self::Versions { .. } => &["iam:ListPolicyVersions", "iam:SetDefaultPolicyVersion"],
            Self::Trust { .. } => &["iam:GetRole", "iam:UpdateAssumeRolePolicy"],
            Self::Trail { .. } | Self::Recorder { .. } | Self::Detector { .. } => self.calls_of_defences(),
            _ => self.calls_of_data(),
        }
    }

    fn calls_of_defences(&self) -> &'static [&'static str] {
        match self {
            Self::Trail { .. } => {
                &["cloudtrail:GetTrailStatus", "cloudtrail:StartLogging", "cloudtrail:StopLogging"]
            }
            Self::Recorder { .. } => &[
                "config:DescribeConfigurationRecorderStatus",
                "config:StartConfigurationRecorder",
                "config:StopConfigurationRecorder",
            ],
            _ => &["guardduty:GetDetector", "guardduty:UpdateDetector"],
        }
    }

    fn calls_of_data(&self) -> &'static [&'static str] {
        match self {
            Self::Shares { of, .. } => match of {
                Shareable::Snapshot => &["ec2:DescribeSnapshotAttribute", "ec2:ModifySnapshotAttribute"],
                Shareable::Image => &["ec2:DescribeImageAttribute", "ec2:ModifyImageAttribute"],
                Shareable::DbSnapshot => {
                    &["rds:DescribeDBSnapshotAttributes", "rds:ModifyDBSnapshotAttribute"]
                }
                Shareable::DbClusterSnapshot => {
                    &["rds:DescribeDBClusterSnapshotAttributes", "rds:ModifyDBClusterSnapshotAttribute"]
                }
            },
            Self::PublicAccess { .. } => &[
                "s3:GetBucketPublicAccessBlock",
                "s3:PutBucketPublicAccessBlock",
                "s3:DeleteBucketPublicAccessBlock",
            ],
            Self::Key { .. } => {
                &["kms:DescribeKey", "kms:CancelKeyDeletion", "kms:EnableKey", "kms:DisableKey"]
            }
            _ => &[
                "ec2:DescribeSecurityGroupRules",
                "ec2:AuthorizeSecurityGroupIngress",
                "ec2:RevokeSecurityGroupIngress",
            ],
        }
    }
}

fn calls_of_reissue(credential: Credential) -> &'static [&'static str] {
    match credential {
        Credential::Key => &[
            "iam:ListAccessKeys",
            "iam:CreateAccessKey",
            "iam:DeleteAccessKey",
            "secretsmanager:CreateSecret",
            "secretsmanager:DescribeSecret",
            "secretsmanager:PutSecretValue",
            "secretsmanager:TagResource",
            "secretsmanager:DeleteSecret",
            // Secrets Manager's own, in the name of whoever asks it.
            "kms:GenerateDataKey",
            "kms:Decrypt",
        ],
        Credential::Password => &[
            "iam:CreateLoginProfile",
            "iam:UpdateLoginProfile",
            "secretsmanager:GetRandomPassword",
            "secretsmanager:CreateSecret",
            "secretsmanager:DescribeSecret",
            "secretsmanager:PutSecretValue",
            "secretsmanager:TagResource",
            "kms:GenerateDataKey",
            "kms:Decrypt",
        ],
    }
}
