//! Response settings: limits, enforced playbooks, approvers.

use serde::{Deserialize, Serialize};

use super::invalid::{Invalid, check_account};
use crate::{event::is_region, severity::Severity};

/// Ids of the playbooks, as used in the settings.
pub const PLAYBOOKS: [&str; 6] = [
    "credential-compromise",
    "data-exfiltration",
    "privilege-escalation",
    "evasion",
    "unusual-access",
    "compliance-violation",
];

/// Response settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Response {
    /// Most actions per account and clock hour; 1 to 100.
    pub hourly_limit: u32,
    /// Playbooks that act without approval, where the deployment allows it.
    pub enforce: Vec<Enforced>,
    /// Approvers in Slack and on the page: `slack:U012AB3CD`, `person:kim@example.com`, `group:security`.
    pub approvers: Vec<String>,
    /// Identity Center's directory, for stopping people behind it.
    pub identity_center: Option<Directory>,
}

/// A playbook that acts without approval.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enforced {
    /// The playbook's id.
    pub playbook: String,
    /// Lowest severity that it handles without approval.
    pub severity: Severity,
}

impl Default for Response {
    fn default() -> Self {
        Self { hourly_limit: 20, enforce: Vec::new(), approvers: Vec::new(), identity_center: None }
    }
}

impl Response {
    /// Whether somebody with one of these names may approve.
    pub fn lets(&self, names: &[String]) -> bool {
        // Mail addresses are case-insensitive.
        let is = |approver: &String, name: &String| {
            approver == name || (name.starts_with("person:") && approver.eq_ignore_ascii_case(name))
        };
        names.iter().any(|name| self.approvers.iter().any(|approver| is(approver, name)))
    }

    /// Whether a playbook acts without approval at this severity.
    pub fn enforces(&self, playbook: &str, severity: Severity) -> bool {
        self.enforce.iter().any(|rule| rule.playbook == playbook && severity >= rule.severity)
    }

    pub(super) fn check(&self) -> Result<(), Invalid> {
        let wrong = |place: &str, reason: String| Err(Invalid::Value { place: place.to_owned(), reason });
        if !(1..=100).contains(&self.hourly_limit) {
            return wrong(
                "response.hourly_limit",
                "a number from 1 to 100, in an account and hour".to_owned(),
            );
        }
        let is_kind = |who: &str, kind: &str| who.strip_prefix(kind).is_some_and(|name| !name.is_empty());
        let is_known =
            |who: &String| ["slack:U", "slack:W", "person:", "group:"].iter().any(|kind| is_kind(who, kind));
        if !self.approvers.iter().all(is_known) {
            let reason = "each is slack:U012AB3CD, person:kim@example.com, or group:security".to_owned();
            return wrong("response.approvers", reason);
        }
        if let Some(directory) = &self.identity_center {
            check_directory(directory)?;
        }
        match self.enforce.iter().find(|rule| !PLAYBOOKS.contains(&rule.playbook.as_str())) {
            None => Ok(()),
            Some(rule) => wrong(
                "response.enforce",
                format!("no playbook is called {:?}; there are {}", rule.playbook, PLAYBOOKS.join(", ")),
            ),
        }
    }
}

/// Identity Center's directory, and the service control policy that denies its people everything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Directory {
    /// The organisation's management account.
    pub account: String,
    /// The Region of Identity Center.
    pub region: String,
    /// The id of its identity store.
    pub store: String,
    /// The id of the policy.
    pub policy: String,
}

/// Allows only the id formats of Identity Center and Organizations: nothing else may reach a command or call.
fn check_directory(directory: &Directory) -> Result<(), Invalid> {
    let Directory { account, region, store, policy } = directory;
    check_account("response.identity_center", account)?;
    let is_id = |text: &str, beginning: &str| {
        let rest = text.strip_prefix(beginning).unwrap_or_default();
        (8..=128).contains(&rest.len())
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let reason = if !is_region(region) {
        format!("{region:?} is not a region such as \"eu-west-1\"")
    } else if !is_id(store, "d-") {
        format!("{store:?} is not the id of an identity store such as \"d-1234567890\"")
    } else if !is_id(policy, "p-") {
        format!("{policy:?} is not the id of a service control policy such as \"p-examplepolicyid\"")
    } else {
        return Ok(());
    };
    Err(Invalid::Value { place: "response.identity_center".to_owned(), reason })
}
