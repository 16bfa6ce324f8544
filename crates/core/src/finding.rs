//! A finding: what is wrong, whose doing it is, how sure we are, and the events that prove it.

use serde::{Deserialize, Serialize};

pub use crate::severity::{
    Severity,
    thresholds::{CERTAIN, NOTEWORTHY, SILENCE, THREAT},
};
use crate::{
    activity::Scope,
    catalog::{Tactic, Technique},
    event::{Outcome, PrincipalKind, Time, hash},
    features::Features,
    severity::thresholds::Thresholds,
};

/// What sort of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Above [`THREAT`].
    Threat,
    /// Below it: out of the ordinary.
    Anomaly,
    /// An act against a control of a compliance framework.
    Compliance,
}

/// Open, or closed with a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It stands.
    Open,
    /// It no longer stands, for this reason.
    Closed(String),
    /// A rule of the settings suppresses it; the rule's reason.
    Suppressed(String),
}

/// One reason for a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// In words, for the analyst.
    pub text: String,
    /// Its part of the score; the parts of a finding add up to its score.
    pub points: f32,
    /// When it first showed.
    pub first_seen: Time,
    /// When it last showed.
    pub last_seen: Time,
    /// The events that prove it.
    pub event_ids: Vec<String>,
    /// What was done, where the reason is an act: so that a response knows what to take back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deeds: Vec<Deed>,
}

/// What one call did, as a response needs to know it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Deed {
    /// Service and name, as in `iam:CreateUser`.
    pub call: String,
    /// What it acted on, as far as 96 bytes hold it.
    pub target: String,
    /// Who gained by it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub recipient: String,
    /// What was read from its parameters, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// How it ended.
    pub outcome: Outcome,
    /// The account acted in.
    pub account_id: String,
    /// The Region acted in.
    pub region: String,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Made from what it is about: detector, principal, day. Publishing it twice updates it.
    pub id: String,
    /// What sort.
    pub kind: Kind,
    /// Which detector says so.
    pub detector: String,
    /// The detector's title.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// How strongly, 0 to 1.
    pub score: f32,
    /// How sure, 0 to 1.
    pub confidence: f32,
    /// The durable ARN.
    pub principal: String,
    /// What sort of identity that is.
    pub principal_kind: PrincipalKind,
    /// Who stands behind it, where a role was assumed: from the principal outwards.
    pub callers: Vec<String>,
    /// The account acted in.
    pub account_id: String,
    /// The region of the weightiest evidence.
    pub region: String,
    /// Of the evidence.
    pub first_seen: Time,
    /// Of the evidence.
    pub last_seen: Time,
    /// ATT&CK techniques.
    pub techniques: Vec<Technique>,
    /// ATT&CK tactics.
    pub tactics: Vec<Tactic>,
    /// The events that prove it, at most [`EVENT_IDS`].
    pub event_ids: Vec<String>,
    /// The reasons in words, weightiest first.
    pub evidence: Vec<String>,
    /// What to do.
    pub recommendations: Vec<String>,
    /// Compliance controls it touches.
    pub controls: Vec<String>,
    /// Open or closed.
    pub status: Status,
    /// The scores at which an alert and a threat began when it was judged.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// The reasons with their points, for `explain`.
    pub contributions: Vec<Evidence>,
    /// What was usual for this principal, in words, for `explain`.
    pub usual: Vec<String>,
    /// What was not usual that day, in words.
    #[serde(default)]
    pub observed: Vec<String>,
    /// The principal's 24 hours in numbers, up to the hour in which the finding was worst.
    pub features: Option<Features>,
}

/// The detector of findings that AWS Config's rules make.
pub const CONFIG_RULE: &str = "config-rule";
/// Most event ids of a finding.
pub const EVENT_IDS: usize = 100;

impl Finding {
    /// The id of what a detector says on a day of a subject: a principal, and the address or account it was seen from.
    pub fn id_of(detector: &str, subject: &str, day: u32) -> String {
        let date = Time(i64::from(day) * crate::event::DAY).to_string();
        format!("{detector}/{}/{:016x}", &date[..10], hash(subject))
    }

    /// The finding as other thresholds have it. Its score does not depend on them.
    pub fn relabel(&mut self, base: Severity, thresholds: Thresholds) {
        self.severity = Severity::of(base, self.score, &thresholds);
        self.kind = if self.score >= thresholds.high { Kind::Threat } else { Kind::Anomaly };
        self.thresholds = thresholds;
    }

    /// A finding that a person should look at: of its severity, and not closed or suppressed.
    pub fn is_alert(&self) -> bool {
        self.severity >= Severity::Medium && self.status == Status::Open
    }
}

/// A finding that is new, worse, or closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingRaised {
    /// Where it is kept.
    pub scope: Scope,
    /// Counts its publications: a later one replaces an earlier one, in whatever order they arrive.
    pub revision: u32,
    /// The finding.
    pub finding: Finding,
}

#[cfg(any(test, feature = "testing"))]
#[allow(clippy::unwrap_used, reason = "a test ends where something is missing")]
pub mod testing {
    //! A finding to start tests from.

    use super::*;

    /// An open HIGH finding of evasion by the user kim.
    pub fn finding() -> Finding {
        Finding {
            id: "evasion/2026-03-02/0123456789abcdef".into(),
            kind: Kind::Threat,
            detector: "evasion".into(),
            title: "Defences weakened".into(),
            severity: Severity::High,
            score: 0.76,
            confidence: 0.6,
            principal: "arn:aws:iam::111122223333:user/kim".into(),
            principal_kind: PrincipalKind::User,
            callers: vec![],
            account_id: "111122223333".into(),
            region: "eu-west-1".into(),
            first_seen: Time(1_772_445_600),
            last_seen: Time(1_772_445_700),
            techniques: vec![Technique::find("T1562.008").unwrap()],
            tactics: vec![Tactic::DefenseEvasion],
            event_ids: vec!["e1".into()],
            evidence: vec!["cloudtrail:StopLogging on main".into()],
            recommendations: vec!["Switch it on".into()],
            controls: vec![],
            status: Status::Open,
            thresholds: Thresholds::default(),
            contributions: vec![],
            usual: vec![],
            observed: vec![],
            features: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severity_follows_the_score_in_asffs_bands() {
        for (score, expected) in [
            (0.95, Severity::Critical),
            (0.9, Severity::Critical),
            (0.7, Severity::High),
            (0.4, Severity::Medium),
            (0.39, Severity::Low),
        ] {
            assert_eq!(Severity::of(Severity::High, score, &Thresholds::default()), expected, "{score}");
        }
        let of = |base, score| Severity::of(base, score, &Thresholds::default());
        assert_eq!(of(Severity::Medium, 0.75), Severity::Medium);
        assert_eq!(of(Severity::Low, 0.1), Severity::Informational);
    }

    #[test]
    fn an_id_is_the_same_for_the_same_thing() {
        let id = Finding::id_of("evasion", "arn:aws:iam::1:user/kim", 20_000);
        assert_eq!(id, Finding::id_of("evasion", "arn:aws:iam::1:user/kim", 20_000));
        assert!(id.starts_with("evasion/2024-10-04/"), "{id}");
        assert_ne!(id, Finding::id_of("evasion", "arn:aws:iam::1:user/lee", 20_000));
    }
}
