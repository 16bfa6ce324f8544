//! Settings of the organisation: one TOML document, for the command and the functions.

mod facts;
mod invalid;
mod response;
mod suppression;

use std::collections::BTreeMap;

use facts::{ChangeWindow, Wrong, patterns};
pub use facts::{Data, Facts, Protected, ProtectedRule, WindowRule};
pub use invalid::Invalid;
use invalid::check_account;
pub use response::{Directory, Enforced, PLAYBOOKS, Response};
use serde::Deserialize;
pub use suppression::Suppression;
use wildmatch::WildMatch;

use crate::event::{is_region, is_session_of_person};

/// The organisation's settings. Every key is optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The organisation's other accounts, whose logs are not read here: sharing with them is not
    /// exfiltration.
    pub accounts: Vec<String>,
    /// Regions in use. If given, activity elsewhere weighs more.
    pub allowed_regions: Vec<String>,
    /// Break-glass principals that no response may touch: ARN patterns with `*` and `?`.
    pub protected_principals: Vec<String>,
    /// Accepted false alerts per 1,000 principal-days, 0.5 to 100; verdicts move the thresholds towards it.
    pub bearable_false_alerts: Option<f32>,
    /// Emergency identities, as ARN patterns: each use makes a finding.
    pub break_glass_principals: Vec<String>,
    /// Keys of tags that classify a resource: removing one makes a finding.
    pub protected_tags: Vec<String>,
    /// Resources with restricted access.
    pub protected: Vec<ProtectedRule>,
    /// Windows for changes of configuration.
    #[serde(rename = "change_window")]
    pub change_windows: Vec<WindowRule>,
    /// Accounts in scope of a compliance framework, by the framework's id; a framework not listed covers all
    /// accounts.
    pub scope: BTreeMap<String, Vec<String>>,
    /// The above, compiled for compliance checks.
    #[serde(skip)]
    pub facts: Facts,
    /// Limits and permissions of responses.
    pub response: Response,
    /// Rules for known and accepted findings.
    #[serde(rename = "suppression")]
    pub suppressions: Vec<Suppression>,
}

impl Settings {
    /// Parses and checks a document; `detectors` are the ids that a suppression may name, `frameworks` those
    /// that a scope may.
    ///
    /// # Errors
    /// [`Invalid`], with the place and what would be valid.
    pub fn parse(text: &str, detectors: &[&str], frameworks: &[&str]) -> Result<Self, Invalid> {
        let mut settings: Self = toml::from_str(text)?;
        for account in &settings.accounts {
            check_account("accounts", account)?;
        }
        if let Some(region) = settings.allowed_regions.iter().find(|region| !is_region(region)) {
            let reason = format!("{region:?} is not a region such as \"eu-west-1\"");
            return Err(Invalid::Value { place: "allowed_regions".to_owned(), reason });
        }
        for (place, list) in [
            ("protected_principals", &settings.protected_principals),
            ("break_glass_principals", &settings.break_glass_principals),
        ] {
            if list.iter().any(|pattern| !pattern.starts_with("arn:")) {
                let reason = "each is an ARN, with * and ? where it may differ".to_owned();
                return Err(Invalid::Value { place: place.to_owned(), reason });
            }
        }
        if settings.bearable_false_alerts.is_some_and(|borne| !(0.5..=100.0).contains(&borne)) {
            let reason = "a number from 0.5 to 100, per 1,000 principal-days".to_owned();
            return Err(Invalid::Value { place: "bearable_false_alerts".to_owned(), reason });
        }
        for (at, rule) in settings.suppressions.iter().enumerate() {
            rule.check(&format!("suppression {}", at + 1), detectors)?;
        }
        settings.response.check()?;
        settings.facts = settings.read_facts(frameworks)?;
        Ok(settings)
    }

    fn read_facts(&self, frameworks: &[&str]) -> Result<Facts, Invalid> {
        let invalid = |Wrong { place, reason }| Invalid::Value { place, reason };
        for (framework, accounts) in &self.scope {
            if !frameworks.contains(&framework.as_str()) {
                let reason =
                    format!("no framework is called {framework:?}; there are {}", frameworks.join(", "));
                return Err(Invalid::Value { place: "scope".to_owned(), reason });
            }
            accounts.iter().try_for_each(|account| check_account("scope", account))?;
        }
        for window in &self.change_windows {
            window.accounts.iter().try_for_each(|account| check_account("change_window", account))?;
        }
        let protected = (1..).zip(&self.protected);
        let windows = (1..).zip(&self.change_windows);
        Ok(Facts {
            accounts: self.accounts.clone(),
            regions: self.allowed_regions.clone(),
            break_glass: patterns(&self.break_glass_principals),
            protected: protected
                .map(|(at, rule)| Protected::read(rule, &format!("protected {at}")).map_err(invalid))
                .collect::<Result<_, _>>()?,
            scope: self.scope.clone(),
            protected_tags: self.protected_tags.clone(),
            change_windows: windows
                .map(|(at, rule)| ChangeWindow::read(rule, &format!("change_window {at}")).map_err(invalid))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether responses must leave this principal alone.
    pub fn is_protected(&self, principal: &str) -> bool {
        let is_person = is_session_of_person(principal);
        self.protecting().any(|pattern| WildMatch::new(pattern).matches(principal))
            || (is_person && self.is_protected_person(principal))
    }

    /// Whether responses must leave this person behind Identity Center alone, whatever the session. A person
    /// matches by user name or id, alone or at the end of an ARN.
    pub fn is_protected_person(&self, person: &str) -> bool {
        let last = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_lowercase();
        let of_people =
            |pattern: &&String| pattern.contains(":assumed-role/") || pattern.contains(":identitystore:");
        // A pattern for all sessions of a role protects the role's sessions, not people.
        let names =
            self.protecting().filter(of_people).map(|pattern| last(pattern)).filter(|name| name != "*");
        let person = last(person);
        names.into_iter().any(|name| WildMatch::new(&name).matches(&person))
    }

    fn protecting(&self) -> impl Iterator<Item = &String> {
        [&self.protected_principals, &self.break_glass_principals].into_iter().flatten()
    }

    /// The rule, as text, that suppresses a finding of `detector` about `principal` in `account` on `day`, if
    /// any. Expiry is judged by that day, so that a run over old logs gives the same result.
    pub fn suppression(&self, principal: &str, account: &str, detector: &str, day: u32) -> Option<String> {
        let rule = self.suppressions.iter().find(|rule| rule.covers(principal, account, detector, day))?;
        Some(rule.describe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Time;

    const DETECTORS: &[&str] = &["evasion", "persistence"];

    fn wrong(text: &str) -> String {
        Settings::parse(text, DETECTORS, &["soc2", "pci-dss"]).unwrap_err().to_string()
    }

    #[test]
    fn a_document_is_read() {
        let text = "accounts = [\"111122223333\"]\nallowed_regions = [\"eu-west-1\"]\n[[suppression]]\nprincipal = \"arn:*:role/ci\"\ndetector = \"evasion\"\nreason = \"known\"\nexpires = \"2026-12-31\"\n";
        let settings = Settings::parse(text, DETECTORS, &["soc2", "pci-dss"]).unwrap();
        assert_eq!(
            settings.suppressions[0].describe(),
            "known (principal arn:*:role/ci, detector evasion, until 2026-12-31)"
        );
        assert!(Settings::parse("", DETECTORS, &["soc2", "pci-dss"]).is_ok());
    }

    #[test]
    fn a_rule_covers_all_that_it_names_until_it_expires() {
        let text = "[[suppression]]\nprincipal = \"arn:*:role/ci\"\ndetector = \"evasion\"\nreason = \"known\"\nexpires = \"2026-03-02\"\n";
        let settings = Settings::parse(text, DETECTORS, &["soc2", "pci-dss"]).unwrap();
        let last = Time::parse("2026-03-02T12:00:00Z").unwrap().day();
        let covers = |principal: &str, detector: &str, day: u32| {
            settings.suppression(principal, "1", detector, day).is_some()
        };
        assert!(covers("arn:aws:iam::1:role/ci", "evasion", last));
        assert!(!covers("arn:aws:iam::1:role/ci", "evasion", last + 1));
        assert!(!covers("arn:aws:iam::1:role/ci", "persistence", last));
        assert!(!covers("arn:aws:iam::1:role/web", "evasion", last));
    }

    #[test]
    fn a_protected_person_is_protected_in_every_session() {
        let text = "protected_principals = [\"arn:aws:sts::1:assumed-role/AWSReservedSSO_Glass_0/Kim@x\", \"arn:aws:identitystore:::user/24a8\", \"arn:aws:sts::*:assumed-role/AWSReservedSSO_Root_0/*\"]";
        let settings = Settings::parse(text, DETECTORS, &[]).unwrap();
        let session = |role: &str, name: &str| {
            settings.is_protected(&format!("arn:aws:sts::2:assumed-role/AWSReservedSSO_{role}_1/{name}"))
        };
        assert!(session("Admin", "kim@x") && !session("Admin", "eva@x"));
        assert!(settings.is_protected_person("24a8") && !settings.is_protected_person("eva@x"));
        assert!(settings.is_protected("arn:aws:sts::2:assumed-role/AWSReservedSSO_Root_0/eva@x"));
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        assert!(wrong("acounts = []").contains("acounts"));
        assert!(wrong("accounts = [\"1\"]").contains("12 digits"));
        assert!(wrong("allowed_regions = [\"europe\"]").contains("eu-west-1"));
        assert!(wrong("bearable_false_alerts = 0").contains("0.5 to 100"));
        assert!(wrong("protected_principals = [\"\"]").contains("ARN"));
        assert!(wrong("break_glass_principals = [\"kim\"]").contains("break_glass_principals"));
        assert!(wrong("[[protected]]\nresources = []").contains("protected 1: names no resources"));
        assert!(wrong("[[protected]]\nresources = [\"arn:*\"]\ndata = \"secret\"").contains("cardholder"));
        assert!(
            wrong("[[protected]]\nresources = [\"arn:*\"]\nnetworks = [\"home\"]").contains("192.0.2.0/24")
        );
        assert!(wrong("[response]\nhourly_limit = 0").contains("1 to 100"));
        assert!(wrong("[response]\napprovers = [\"kim\"]").contains("person:kim@example.com"));
        assert!(wrong("[response]\napprovers = [\"group:\"]").contains("group:security"));
        assert!(
            wrong("[[response.enforce]]\nplaybook = \"all\"\nseverity = \"HIGH\"")
                .contains("there are credential-compromise")
        );
        let center = |store: &str, policy: &str| {
            let known = "[response.identity_center]\naccount = \"111122223333\"\nregion = \"eu-west-1\"\n";
            wrong(&format!("{known}store = \"{store}\"\npolicy = \"{policy}\""))
        };
        assert!(center("store", "p-examplepolicyid").contains("d-1234567890"));
        assert!(center("d-1234567890", "p-1' --x").contains("p-examplepolicyid"));
        assert!(wrong("[scope]\nsox = []").contains("there are soc2, pci-dss"));
        assert!(wrong("[scope]\nsoc2 = [\"1\"]").contains("12 digits"));
        assert!(wrong("[[change_window]]\nfrom = \"9\"\nuntil = \"10:00\"").contains("22:00"));
        assert!(wrong("[[suppression]]\nreason = \"x\"").contains("everything"));
        assert!(wrong("[[suppression]]\ndetector = \"evasion\"\nreason = \" \"").contains("reason"));
        assert!(
            wrong("[[suppression]]\ndetector = \"evason\"\nreason = \"x\"")
                .contains("there are evasion, persistence")
        );
        assert!(
            wrong("[[suppression]]\ndetector = \"evasion\"\nreason = \"x\"\nexpires = \"soon\"")
                .contains("2026-12-31")
        );
    }
}
