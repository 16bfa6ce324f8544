//! Principal: a durable identity, made from one record alone.
//!
//! The same human or workload must get the same id tomorrow, with another session and another key.
//! `AssumeRole` chains are not followed here: they are joined when judging, so that order does not matter.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::Text;

/// `userIdentity`, borrowed from the record.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Identity<'a> {
    /// `type`, for example `IAMUser`; empty in service events.
    #[serde(borrow, rename = "type")]
    pub kind: Text<'a>,
    #[serde(borrow)]
    pub(crate) principal_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) arn: Text<'a>,
    #[serde(borrow)]
    pub(crate) account_id: Text<'a>,
    /// The access key that signed the call.
    #[serde(borrow)]
    pub access_key_id: Text<'a>,
    /// The user's name; empty if the record has none.
    #[serde(borrow)]
    pub user_name: Text<'a>,
    /// The service that called on this identity's behalf.
    #[serde(borrow)]
    pub invoked_by: Text<'a>,
    #[serde(borrow)]
    pub(crate) identity_provider: Text<'a>,
    #[serde(borrow)]
    pub(crate) session_context: Option<Session<'a>>,
    #[serde(borrow)]
    pub(crate) on_behalf_of: Option<OnBehalfOf<'a>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Session<'a> {
    #[serde(borrow)]
    pub(crate) session_issuer: Option<Issuer<'a>>,
    #[serde(borrow)]
    pub(crate) attributes: Option<Attributes<'a>>,
    #[serde(borrow)]
    ec2_role_delivery: Text<'a>,
    #[serde(borrow)]
    assumed_root: Text<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Issuer<'a> {
    #[serde(borrow)]
    arn: Text<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Attributes<'a> {
    #[serde(borrow)]
    pub(crate) mfa_authenticated: Text<'a>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct OnBehalfOf<'a> {
    #[serde(borrow)]
    user_id: Text<'a>,
}

/// Kind of identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrincipalKind {
    /// The account's root user.
    Root,
    /// An IAM user: a human, or a program with a long-lived key.
    User,
    /// A human behind a single sign-on role (`AWSReservedSSO_*`).
    Person,
    /// A human in Identity Center itself.
    IdentityCenter,
    /// A role without proof in the record that a machine uses it.
    Role,
    /// A role used by an EC2 instance, by the credentials of its metadata service.
    Workload,
    /// An identity of a SAML, OIDC or `GetFederationToken` federation.
    Federated,
    /// Another AWS account.
    ExternalAccount,
    /// The sender of an unsigned request.
    Anonymous,
    /// AWS itself.
    Service,
    /// Not stated in the record.
    Unknown,
}

impl PrincipalKind {
    /// Whether this is one identity whose behaviour can be compared from day to day. Anonymous senders, other
    /// accounts, AWS itself and unknown identities are not.
    pub fn is_somebody(self) -> bool {
        !matches!(self, Self::Anonymous | Self::ExternalAccount | Self::Service | Self::Unknown)
    }
}

/// A durable identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Principal {
    /// Kind of identity.
    pub kind: PrincipalKind,
    /// Durable id: a user ARN, a role ARN, or, for people behind single sign-on roles, the session ARN.
    pub id: Box<str>,
    /// The identity's account; empty if the record does not say.
    pub account_id: Box<str>,
    /// Short name, for people.
    pub name: Box<str>,
}

impl Principal {
    /// A principal with this id; its name is the last part of the id.
    pub fn new(kind: PrincipalKind, id: &str, account: &str) -> Self {
        let name = if id.ends_with(ROOT) { "root" } else { id.rsplit(['/', ':']).next().unwrap_or(id) };
        let (id, account_id, name) =
            (super::clip(id, ID_LIMIT), super::clip(account, 64), super::clip(name, 128));
        Self { kind, id: id.into(), account_id: account_id.into(), name: name.into() }
    }

    /// The human's user name behind a single sign-on role: the name in the directory, the same in every
    /// account.
    pub fn person(&self) -> Option<&str> {
        (self.kind == PrincipalKind::Person && permission_set(&self.id).is_some()).then_some(&*self.name)
    }
}

/// Most bytes of an id; AWS's own ARNs are shorter.
const ID_LIMIT: usize = 320;
const ROOT: &str = ":root";
/// Path of roles that only AWS services can assume and nobody can edit.
const SERVICE_ROLE: &str = "role/aws-service-role/";
/// Path of roles that only Identity Center creates:
/// <https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>.
const SINGLE_SIGN_ON: &str = "role/aws-reserved/sso.amazonaws.com/";

impl Identity<'_> {
    /// Hash of all that [`Identity::principal`] reads, to look up a known identity without building it.
    pub fn key(&self, recipient: &str) -> u64 {
        let mut hasher = Xxh3::new();
        for part in [
            &self.kind,
            &self.arn,
            &self.principal_id,
            &self.user_name,
            &self.invoked_by,
            &self.identity_provider,
            &self.account_id,
        ] {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
        hasher.update(self.issuer_arn().as_bytes());
        hasher.update(&[u8::from(self.is_machine_session())]);
        hasher.update(self.directory_user().unwrap_or_default().as_bytes());
        hasher.update(recipient.as_bytes());
        hasher.digest()
    }

    /// The durable identity; `recipient` is the account of the log that holds the record.
    pub fn principal(&self, recipient: &str) -> Principal {
        let (kind, id) = self.kind_and_id(recipient);
        let account = account_of(&id).or(self.account_id.filled()).unwrap_or(recipient);
        Principal::new(kind, &id, account)
    }

    /// The session name: the last part of an assumed role's ARN.
    pub fn session_name(&self) -> &str {
        let from_arn = self.arn.split_once(":assumed-role/").and_then(|(_, rest)| rest.split_once('/'));
        from_arn
            .map_or_else(|| self.principal_id.split_once(':').map_or("", |(_, name)| name), |(_, name)| name)
    }

    /// Whether the session has an instance's credentials: EC2 names such sessions after the instance.
    pub fn is_instance_session(&self) -> bool {
        is_instance_id(self.session_name())
    }

    fn kind_and_id(&self, recipient: &str) -> (PrincipalKind, String) {
        let account = self.account_id.filled().unwrap_or(recipient);
        match self.kind.as_str() {
            "Root" => (PrincipalKind::Root, format!("arn:aws:iam::{account}{ROOT}")),
            "IAMUser" | "User" => (PrincipalKind::User, self.user_arn(account)),
            "AssumedRole" | "Role" => self.role(account),
            "FederatedUser" => (
                PrincipalKind::Federated,
                self.arn_or(|| format!("federated:{account}:{}", self.principal_id)),
            ),
            "SAMLUser" | "WebIdentityUser" => {
                let name = self.user_name.filled().unwrap_or(&self.principal_id);
                (PrincipalKind::Federated, format!("federated:{account}:{}:{name}", self.identity_provider))
            }
            "AWSService" => (PrincipalKind::Service, self.service_host().to_owned()),
            "AWSAccount" if self.account_id.eq_ignore_ascii_case("ANONYMOUS_PRINCIPAL") => {
                (PrincipalKind::Anonymous, format!("anonymous:{recipient}"))
            }
            "AWSAccount" => (PrincipalKind::ExternalAccount, self.arn_or(|| format!("account:{account}"))),
            _ => self.untyped(account),
        }
    }

    /// Identity Center writes `IdentityCenterUser`, older records `Unknown`, service events nothing.
    fn untyped(&self, account: &str) -> (PrincipalKind, String) {
        if let Some(user) = self.directory_user() {
            return (PrincipalKind::IdentityCenter, format!("arn:aws:identitystore:::user/{user}"));
        }
        if resource_of(&self.arn).starts_with("assumed-role/") {
            return self.role(account);
        }
        if resource_of(&self.arn).starts_with("user/") {
            return (PrincipalKind::User, self.user_arn(account));
        }
        if self.invoked_by.ends_with(".amazonaws.com") && self.arn.is_empty() {
            return (PrincipalKind::Service, self.service_host().to_owned());
        }
        let named = self.user_name.filled().or(self.principal_id.filled()).unwrap_or("unknown");
        (PrincipalKind::Unknown, self.arn_or(|| format!("unknown:{account}:{named}")))
    }

    fn directory_user(&self) -> Option<&str> {
        if !matches!(self.kind.as_str(), "IdentityCenterUser" | "Unknown" | "") {
            return None;
        }
        self.on_behalf_of.as_ref()?.user_id.filled()
    }

    /// A failed sign-in names a user without an ARN.
    fn user_arn(&self, account: &str) -> String {
        let name = self.user_name.filled().or(self.principal_id.filled()).unwrap_or("unknown");
        self.arn_or(|| format!("arn:aws:iam::{account}:user/{name}"))
    }

    fn arn_or(&self, other: impl Fn() -> String) -> String {
        self.arn.filled().map_or_else(other, str::to_owned)
    }

    fn role(&self, account: &str) -> (PrincipalKind, String) {
        let role = self.role_arn(account);
        if is_service_role(&role) {
            return (PrincipalKind::Service, role);
        }
        // The role's path, where present, is proof: only AWS creates roles in it, while anybody may choose a
        // name.
        let is_proven = self.issuer_arn().is_empty() || is_role_of_single_sign_on(&role);
        if is_proven && is_single_sign_on_role(&role) && !self.session_name().is_empty() {
            return (PrincipalKind::Person, self.arn_or(|| format!("{role}/{}", self.session_name())));
        }
        let kind = if self.is_machine_session() { PrincipalKind::Workload } else { PrincipalKind::Role };
        (kind, role)
    }

    fn role_arn(&self, account: &str) -> String {
        if let Some(arn) = Some(self.issuer_arn()).filter(|arn| arn.contains(":role/")) {
            return arn.to_owned();
        }
        let Some((head, rest)) = self.arn.split_once(":assumed-role/") else {
            let name = self
                .arn
                .filled()
                .or(self.user_name.filled())
                .or(self.principal_id.filled())
                .unwrap_or("unknown");
            return if name.starts_with("arn:") {
                name.to_owned()
            } else {
                format!("arn:aws:iam::{account}:role/{name}")
            };
        };
        let owner = account_of(&self.arn).unwrap_or(account);
        let partition = head.split(':').nth(1).unwrap_or("aws");
        format!("arn:{partition}:iam::{owner}:role/{}", rest.split('/').next().unwrap_or(rest))
    }

    fn issuer_arn(&self) -> &str {
        let issuer = self.session_context.as_ref().and_then(|session| session.session_issuer.as_ref());
        issuer.map_or("", |issuer| issuer.arn.as_str())
    }

    /// Whether this is a session that `sts:AssumeRoot` began: root's, but bounded to one task and without root's credentials.
    pub fn is_assumed_root(&self) -> bool {
        self.session_context.as_ref().is_some_and(|session| session.assumed_root.as_str() == "true")
    }

    /// Whether this is an AWS service, in a role that only AWS creates and assumes.
    pub fn is_linked_service(&self) -> bool {
        match self.issuer_arn() {
            "" => resource_of(&self.arn).starts_with("assumed-role/AWSServiceRoleFor"),
            issuer => is_service_role(issuer),
        }
    }

    /// Proof of a machine: delivery by the metadata service, or a session named after an instance.
    fn is_machine_session(&self) -> bool {
        let delivered =
            self.session_context.as_ref().is_some_and(|session| !session.ec2_role_delivery.is_empty());
        delivered || self.is_instance_session()
    }

    fn service_host(&self) -> &str {
        self.invoked_by.filled().or(self.arn.filled()).unwrap_or("amazonaws.com")
    }
}

/// The resource part of an ARN, for example
/// `role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123456789abcdef`.
///
/// The creator of a role or user chooses its path, and may put colons in it: only the beginning of this part
/// proves what the resource is.
fn resource_of(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or_default()
}

/// Whether only an AWS service can assume this role, and nobody can edit it.
pub fn is_service_role(arn: &str) -> bool {
    resource_of(arn).starts_with(SERVICE_ROLE)
}

/// Whether Identity Center created this role, which nobody can edit in IAM.
pub fn is_role_of_single_sign_on(arn: &str) -> bool {
    resource_of(arn).starts_with(SINGLE_SIGN_ON)
}

/// Whether this is an IAM user.
pub fn is_user(arn: &str) -> bool {
    resource_of(arn).starts_with("user/")
}

/// Whether this is the session of a person behind Identity Center.
pub fn is_session_of_person(arn: &str) -> bool {
    resource_of(arn).starts_with("assumed-role/AWSReservedSSO_")
}

/// Whether the role is named like one of Identity Center, whose session names are user names.
fn is_single_sign_on_role(arn: &str) -> bool {
    arn.rsplit('/').next().is_some_and(|name| name.starts_with("AWSReservedSSO_"))
}

/// The permission set in a session's ARN: `Admin` of `.../AWSReservedSSO_Admin_0123456789abcdef/kim`. It is
/// the same in every account.
pub fn permission_set(arn: &str) -> Option<&str> {
    let name = arn.split('/').find_map(|part| part.strip_prefix("AWSReservedSSO_"))?;
    Some(name.rsplit_once('_').map_or(name, |(set, _)| set))
}

/// The name in a role's ARN. Roles that are rolled out to many accounts share a name.
pub fn role_name(arn: &str) -> Option<&str> {
    arn.contains(":role/").then(|| arn.rsplit('/').next())?
}

/// Whether a name is an instance id: `i-` and 8 or 17 hexadecimal digits.
fn is_instance_id(name: &str) -> bool {
    let Some(digits) = name.strip_prefix("i-") else { return false };
    matches!(digits.len(), 8 | 17) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The account in an ARN, if any.
pub fn account_of(arn: &str) -> Option<&str> {
    let account = arn.strip_prefix("arn:")?.split(':').nth(3)?;
    (account.len() >= 9 && account.bytes().all(|byte| byte.is_ascii_digit())).then_some(account)
}

#[cfg(test)]
mod tests;
