//! CloudTrail's `userIdentity` element.

use serde_json::{Value, json};

use crate::{draw::Draw, record::rfc3339};

/// Durable access of a principal; sessions derive from it.
#[derive(Clone)]
pub(crate) enum Access {
    /// An IAM user with a long-lived key.
    User { account: String, name: String, id: String, key: String, has_mfa: bool },
    /// A person who uses a role of Identity Center.
    SingleSignOn { account: String, set: String, suffix: String, id: String, email: String },
    /// A role that a machine or an IAM user assumes.
    Role { account: String, name: String, id: String, session: String, is_instance: bool },
}

impl Access {
    pub(crate) fn user(account: &str, name: &str, has_mfa: bool, draw: &mut Draw) -> Self {
        Self::User {
            account: account.into(),
            name: name.into(),
            id: draw.id("AIDA"),
            key: draw.id("AKIA"),
            has_mfa,
        }
    }

    pub(crate) fn single_sign_on(account: &str, set: &str, email: &str) -> Self {
        // A permission set has one role in an account, shared by all its users.
        let mut draw = Draw::of(account.bytes().map(u64::from).sum(), set, 7);
        Self::SingleSignOn {
            account: account.into(),
            set: set.into(),
            suffix: draw.hex(16),
            id: draw.id("AROA"),
            email: email.into(),
        }
    }

    pub(crate) fn role(account: &str, name: &str, session: &str) -> Self {
        let mut draw = Draw::of(account.bytes().map(u64::from).sum(), name, 8);
        let is_instance = session.starts_with("i-");
        Self::Role {
            account: account.into(),
            name: name.into(),
            id: draw.id("AROA"),
            session: session.into(),
            is_instance,
        }
    }

    pub(crate) fn account(&self) -> &str {
        match self {
            Self::User { account, .. } | Self::SingleSignOn { account, .. } | Self::Role { account, .. } => {
                account
            }
        }
    }

    /// Durable ARN: of the user or role; for people of Identity Center, of the session.
    pub(crate) fn arn(&self) -> String {
        match self {
            Self::User { account, name, .. } => format!("arn:aws:iam::{account}:user/{name}"),
            Self::SingleSignOn { email, .. } => {
                format!("arn:aws:sts::{}:assumed-role/{}/{email}", self.account(), self.role_name())
            }
            Self::Role { account, name, .. } => format!("arn:aws:iam::{account}:role/{name}"),
        }
    }

    pub(crate) fn role_name(&self) -> String {
        match self {
            Self::SingleSignOn { set, suffix, .. } => format!("AWSReservedSSO_{set}_{suffix}"),
            Self::Role { name, .. } => name.clone(),
            Self::User { .. } => String::new(),
        }
    }

    /// `userIdentity` of a session that began at `since`, in seconds since 1970. `key` is the session's
    /// temporary access key; an IAM user outside the console uses its own key instead.
    pub(crate) fn identity(&self, since: i64, key: &str, at_console: bool) -> Value {
        let attributes =
            |mfa: bool| json!({"creationDate": rfc3339(since), "mfaAuthenticated": mfa.to_string()});
        match self {
            Self::User { account, name, id, key: own, has_mfa } => {
                let mut identity = json!({"type": "IAMUser", "principalId": id, "arn": self.arn(), "accountId": account,
                    "accessKeyId": if at_console { key } else { own }, "userName": name});
                if at_console {
                    identity["sessionContext"] = json!({"sessionIssuer": {}, "webIdFederationData": {}, "attributes": attributes(*has_mfa)});
                }
                identity
            }
            Self::SingleSignOn { account, email, id, .. } => assumed(
                account,
                &self.role_name(),
                "aws-reserved/sso.amazonaws.com/",
                id,
                email,
                key,
                &attributes(false),
            ),
            Self::Role { account, name, id, session, is_instance } => {
                let mut identity = assumed(account, name, "", id, session, key, &attributes(false));
                if *is_instance {
                    identity["sessionContext"]["ec2RoleDelivery"] = "2.0".into();
                }
                identity
            }
        }
    }
}

fn assumed(
    account: &str,
    role: &str,
    path: &str,
    id: &str,
    session: &str,
    key: &str,
    attributes: &Value,
) -> Value {
    json!({"type": "AssumedRole", "principalId": format!("{id}:{session}"),
        "arn": format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"), "accountId": account, "accessKeyId": key,
        "sessionContext": {
            "sessionIssuer": {"type": "Role", "principalId": id, "arn": format!("arn:aws:iam::{account}:role/{path}{role}"),
                "accountId": account, "userName": role},
            "webIdFederationData": {}, "attributes": attributes}})
}

/// `userIdentity` of an AWS service.
pub(crate) fn service(host: &str) -> Value {
    json!({"type": "AWSService", "invokedBy": host})
}
