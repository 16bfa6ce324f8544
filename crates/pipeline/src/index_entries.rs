//! What the index says of things, in a line each: enough for lists and counts, so that nothing else is read for them.

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
    incident::{Incident, Progress, State},
};

/// Bytes of a text in a line: the whole stays below 1 KB.
const TEXT: usize = 160;

/// A text in short, which says that there is more.
fn shortened(text: &str) -> String {
    if text.len() <= TEXT { text.to_owned() } else { format!("{}\u{2026}", clip(text, TEXT).trim_end()) }
}

/// A finding in a line. A week's are counted every few seconds: read from the index, it borrows its texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FindingLine<'l> {
    /// Its id.
    #[serde(borrow)]
    pub id: Cow<'l, str>,
    /// What sort.
    pub kind: Kind,
    /// Which detector, or check, says so.
    #[serde(borrow)]
    pub detector: Cow<'l, str>,
    /// The detector's title.
    #[serde(borrow)]
    pub title: Cow<'l, str>,
    /// How bad.
    pub severity: Severity,
    /// How strongly, 0 to 1.
    pub score: f32,
    /// How sure, 0 to 1.
    pub confidence: f32,
    /// The durable ARN.
    #[serde(borrow)]
    pub principal: Cow<'l, str>,
    /// The account acted in.
    #[serde(borrow)]
    pub account_id: Cow<'l, str>,
    /// Of the evidence.
    pub first_seen: Time,
    /// Of the evidence.
    pub last_seen: Time,
    /// Does it stand?
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
    /// The same with texts of its own.
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

/// An incident in a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentLine {
    /// Its id.
    pub id: String,
    /// Of its worst finding.
    pub severity: Severity,
    /// What became of it.
    pub state: State,
    /// Who stands behind it.
    pub principal: String,
    /// The account acted in.
    pub account_id: String,
    /// What it is taken for.
    pub classification: String,
    /// Who decides.
    pub level: Level,
    /// Of the evidence.
    pub first_seen: Time,
    /// Of the evidence.
    pub last_seen: Time,
    /// How many.
    pub findings: usize,
    /// Acts that wait for approval.
    pub acts_waiting: usize,
    /// Acts that were done.
    pub acts_done: usize,
    /// When each was done that was.
    pub done_at: Vec<Time>,
    /// Who looks after it.
    pub assignee: Option<String>,
    /// The ticket.
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

/// How risky somebody was on a day, in a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RiskLine {
    /// Their partition.
    pub of: String,
    /// The ARN, or a person's name.
    pub principal: String,
    /// The day that it is of.
    pub day: String,
    /// 0 to 1.
    pub score: f32,
    /// How sure, 0 to 1.
    pub confidence: f32,
    /// What makes most of it, in words.
    pub because: Vec<String>,
}

/// Reasons of a risk that its line tells.
const REASONS: usize = 2;

impl RiskLine {
    /// Of somebody who was assessed.
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

/// How a framework stands, in a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stands {
    /// Its title.
    pub framework: String,
    /// Of a hundred; nothing if nothing could be judged.
    pub score: Option<f64>,
    /// Open violations.
    pub open: usize,
}

/// How the organisation stood by its frameworks when that was last looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compliance {
    /// When.
    pub at: Time,
    /// The days that it is of.
    pub days: u32,
    /// By framework.
    pub frameworks: Vec<Stands>,
}

impl Compliance {
    /// As a report of some days has it.
    pub fn new(report: &Report, days: u32) -> Self {
        let stands = report.frameworks.iter().map(|one| Stands {
            framework: one.title.to_owned(),
            score: one.compliance_score,
            open: one.violations,
        });
        Self { at: report.generated, days, frameworks: stands.collect() }
    }
}
