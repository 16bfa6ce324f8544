//! Finding: severity, principal, score, confidence, techniques, and the events that prove it.

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

/// Kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Score of at least the HIGH threshold ([`THREAT`] by default).
    Threat,
    /// Score below it.
    Anomaly,
    /// Violation of a control of a compliance framework.
    Compliance,
}

/// Workflow status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Not closed or suppressed.
    Open,
    /// Closed, with the reason.
    Closed(String),
    /// Suppressed by a rule of the settings, with the rule's reason.
    Suppressed(String),
}

/// A reason for a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Text for the analyst.
    pub text: String,
    /// Contribution to the score; the points of a finding add up to its score.
    pub points: f32,
    /// Time of the first event.
    pub first_seen: Time,
    /// Time of the last event.
    pub last_seen: Time,
    /// Ids of the events that prove it.
    pub event_ids: Vec<String>,
    /// The calls behind the reason, where it is an act: a response needs them to undo it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deeds: Vec<Deed>,
}

/// Result of one call, as a response needs it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Deed {
    /// Service and name, for example `iam:CreateUser`.
    pub call: String,
    /// Target of the call, at most 96 bytes.
    pub target: String,
    /// Beneficiary of the call.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub recipient: String,
    /// Details from the parameters, as text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Outcome of the call.
    pub outcome: Outcome,
    /// The account of the call.
    pub account_id: String,
    /// The Region of the call.
    pub region: String,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Id made from detector, subject and day, so that a second publication updates the first.
    pub id: String,
    /// Kind of finding.
    pub kind: Kind,
    /// Id of the detector or check.
    pub detector: String,
    /// Title of the detector or check.
    pub title: String,
    /// Severity.
    pub severity: Severity,
    /// Score, 0 to 1.
    pub score: f32,
    /// Confidence, 0 to 1.
    pub confidence: f32,
    /// Durable ARN or id of the principal.
    pub principal: String,
    /// Kind of the principal.
    pub principal_kind: PrincipalKind,
    /// Ids of the callers behind an assumed role, nearest first.
    pub callers: Vec<String>,
    /// The account of the weightiest evidence, else the principal's.
    pub account_id: String,
    /// The Region of the weightiest evidence.
    pub region: String,
    /// Time of the first evidence.
    pub first_seen: Time,
    /// Time of the last evidence.
    pub last_seen: Time,
    /// ATT&CK techniques.
    pub techniques: Vec<Technique>,
    /// ATT&CK tactics.
    pub tactics: Vec<Tactic>,
    /// Ids of the events that prove it, at most [`EVENT_IDS`].
    pub event_ids: Vec<String>,
    /// Texts of the reasons, weightiest first.
    pub evidence: Vec<String>,
    /// Recommendations to the analyst.
    pub recommendations: Vec<String>,
    /// Ids of the compliance controls concerned.
    pub controls: Vec<String>,
    /// Workflow status.
    pub status: Status,
    /// The thresholds that judged it.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// The reasons with their points, for `explain`.
    pub contributions: Vec<Evidence>,
    /// The principal's usual activity, as text, for `explain`.
    pub usual: Vec<String>,
    /// The day's deviations, as text.
    #[serde(default)]
    pub observed: Vec<String>,
    /// Features of the 24 hours up to the finding's worst hour.
    pub features: Option<Features>,
}

/// Detector id of findings from AWS Config rules.
pub const CONFIG_RULE: &str = "config-rule";
/// Most event ids of a finding.
pub const EVENT_IDS: usize = 100;

impl Finding {
    /// Id of a finding: detector, day, and subject (the principal, with the address or account that was
    /// judged).
    pub fn id_of(detector: &str, subject: &str, day: u32) -> String {
        let date = Time(i64::from(day) * crate::event::DAY).to_string();
        format!("{detector}/{}/{:016x}", &date[..10], hash(subject))
    }

    /// Recomputes severity and kind with other thresholds. The score does not depend on them.
    pub fn relabel(&mut self, base: Severity, thresholds: Thresholds) {
        self.severity = Severity::of(base, self.score, &thresholds);
        self.kind = if self.score >= thresholds.high { Kind::Threat } else { Kind::Anomaly };
        self.thresholds = thresholds;
    }

    /// Whether a person should look at it: MEDIUM or above, and open.
    pub fn is_alert(&self) -> bool {
        self.severity >= Severity::Medium && self.status == Status::Open
    }
}

/// Message: a finding is new, worse, or closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingRaised {
    /// The scope whose partition holds the finding.
    pub scope: Scope,
    /// Number of the publication: a later one replaces an earlier one, in whatever order they arrive.
    pub revision: u32,
    /// The finding.
    pub finding: Finding,
}

#[cfg(any(test, feature = "testing"))]
#[allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::wildcard_imports,
    reason = "tests start from it"
)]
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
