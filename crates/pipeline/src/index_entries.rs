//! Index entries: one short projection per item, enough for lists and counts without reading the items.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use trailwarden_compliance::report::Report;
use trailwarden_core::{
    activity::Scope,
    event::{Time, clip, date},
    finding::{Finding, Kind, Severity, Status},
    risk::assessment::Assessment,
};
use trailwarden_response::{
    Level,
    incident::{Incident, IncidentState, Progress},
};

/// Longest text of an entry, in bytes: the whole entry stays below 1 KB.
const TEXT: usize = 160;

/// Text cut to [`TEXT`] bytes, with an ellipsis if something is cut.
fn shortened(text: &str) -> String {
    if text.len() <= TEXT { text.to_owned() } else { format!("{}\u{2026}", clip(text, TEXT).trim_end()) }
}

/// Index entry of a finding. It borrows its texts: a week's entries are counted every few seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingLine<'l> {
    /// Finding id.
    #[serde(borrow)]
    pub id: Cow<'l, str>,
    /// Threat, anomaly or compliance.
    pub kind: Kind,
    /// Id of the detector or check.
    #[serde(borrow)]
    pub detector: Cow<'l, str>,
    /// The detector's title.
    #[serde(borrow)]
    pub title: Cow<'l, str>,
    /// Severity.
    pub severity: Severity,
    /// Score, 0 to 1.
    pub score: f32,
    /// Confidence, 0 to 1.
    pub confidence: f32,
    /// ARN of the principal, without the session.
    #[serde(borrow)]
    pub principal: Cow<'l, str>,
    /// Account acted in.
    #[serde(borrow)]
    pub account_id: Cow<'l, str>,
    /// Time of the first event of the evidence.
    pub first_seen: Time,
    /// Time of the last event of the evidence.
    pub last_seen: Time,
    /// Whether the finding is open.
    pub is_open: bool,
}

impl<'l> From<&'l Finding> for FindingLine<'l> {
    fn from(finding: &'l Finding) -> Self {
        Self {
            id: Cow::Borrowed(&finding.id),
            kind: finding.kind,
            detector: Cow::Borrowed(&finding.detector),
            title: Cow::Borrowed(clip(&finding.title, TEXT)),
            severity: finding.severity,
            score: finding.score,
            confidence: finding.confidence,
            principal: Cow::Borrowed(clip(&finding.principal, 2 * TEXT)),
            account_id: Cow::Borrowed(&finding.account_id),
            first_seen: finding.first_seen,
            last_seen: finding.last_seen,
            is_open: finding.status == Status::Open,
        }
    }
}

impl FindingLine<'_> {
    /// The same entry with owned texts.
    pub fn into_owned(self) -> FindingLine<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        FindingLine {
            id: owned(self.id),
            detector: owned(self.detector),
            title: owned(self.title),
            principal: owned(self.principal),
            account_id: owned(self.account_id),
            ..self
        }
    }
}

/// Index entry of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentLine {
    /// Incident id.
    pub id: String,
    /// Severity of the worst finding.
    pub severity: Severity,
    /// Open, contained or closed.
    pub state: IncidentState,
    /// Identity behind the incident.
    pub principal: String,
    /// Account acted in.
    pub account_id: String,
    /// Presumed kind of attack.
    pub classification: String,
    /// Level of the decision: who approves.
    pub level: Level,
    /// Time of the first event of the evidence.
    pub first_seen: Time,
    /// Time of the last event of the evidence.
    pub last_seen: Time,
    /// Number of findings.
    pub findings: usize,
    /// Actions that wait for approval.
    pub acts_waiting: usize,
    /// Executed actions.
    pub acts_done: usize,
    /// Times at which actions were executed.
    pub done_at: Vec<Time>,
    /// Assignee.
    pub assignee: Option<String>,
    /// Ticket id.
    pub ticket: Option<String>,
}

impl From<&Incident> for IncidentLine {
    fn from(incident: &Incident) -> Self {
        let count = |progress| incident.acts.iter().filter(|act| act.progress == progress).count();
        let short = |text: &Option<String>| text.as_deref().map(|text| clip(text, TEXT).to_owned());
        Self {
            id: incident.id.clone(),
            severity: incident.severity,
            state: incident.state,
            principal: clip(&incident.principal, 2 * TEXT).to_owned(),
            account_id: incident.account_id.clone(),
            classification: clip(&incident.classification, TEXT).to_owned(),
            level: incident.level,
            first_seen: incident.first_seen,
            last_seen: incident.last_seen,
            findings: incident.findings.len(),
            acts_waiting: count(Progress::Waiting),
            acts_done: count(Progress::Done),
            done_at: incident.acts.iter().filter_map(|act| act.at).collect(),
            assignee: short(&incident.assignee),
            ticket: short(&incident.ticket),
        }
    }
}

/// Index entry of an identity's risk on a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskLine {
    /// The identity's partition.
    pub of: String,
    /// ARN, or a person's name.
    pub principal: String,
    /// Day, as `2026-03-02`.
    pub day: String,
    /// Risk score, 0 to 1.
    pub score: f32,
    /// Confidence, 0 to 1.
    pub confidence: f32,
    /// Primary risk factors, in words.
    pub because: Vec<String>,
}

/// Risk factors of an entry.
const REASONS: usize = 2;

impl RiskLine {
    /// Entry of an assessment.
    pub fn new(scope: &Scope, day: u32, assessment: &Assessment) -> Self {
        let principal = match scope {
            Scope::Principal(id) | Scope::Person(id) => id,
            Scope::Address(_) | Scope::Account(_) => "",
        };
        let reasons = assessment.primary_factors.iter().take(REASONS);
        Self {
            of: scope.partition(),
            day: date(day),
            principal: clip(principal, 2 * TEXT).to_owned(),
            score: assessment.score,
            confidence: assessment.confidence,
            because: reasons.map(|reason| shortened(reason)).collect(),
        }
    }
}

/// Control status of a framework.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stands {
    /// The framework's title.
    pub framework: String,
    /// Compliance score, 0 to 100; `None` if nothing could be judged.
    pub score: Option<f64>,
    /// Open violations.
    pub open: usize,
}

/// Control status of the organisation at the last report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compliance {
    /// Time of the report.
    pub at: Time,
    /// Days that the report covers.
    pub days: u32,
    /// Status of each framework.
    pub frameworks: Vec<Stands>,
}

impl Compliance {
    /// Status in a report that covers `days` days.
    pub fn new(report: &Report, days: u32) -> Self {
        let stands = report.frameworks.iter().map(|one| Stands {
            framework: one.title.to_owned(),
            score: one.compliance_score,
            open: one.violations,
        });
        Self { at: report.generated, days, frameworks: stands.collect() }
    }
}
