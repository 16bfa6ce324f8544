//! An incident: findings that belong together, what is planned about them, what was done, what is left to people.
//!
//! Findings belong together if the same identity stands behind them: the principal itself, or whoever a chain of
//! assumed roles began with.

mod act;
mod approval;
mod decision;
mod joining;
mod metrics;

pub use act::{Act, Change, Progress, same};
pub use approval::{APPROVAL_HOURS, Refusal};
pub use decision::Decision;
pub use metrics::{Metrics, metrics};
use serde::{Deserialize, Serialize};

use crate::Level;
use trailwarden_core::{
    activity::Scope,
    event::{DAY, HOUR, Time, clip, date, hash, is_session_of_person},
    finding::{Finding, FindingRaised, Kind, Severity, Status},
};

/// What became of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentState {
    /// Somebody has to look.
    Open,
    /// All that was planned is done; people's steps may be left.
    Contained,
    /// Over: closed by a person, or none of its findings stands any more.
    Closed,
}

/// A finding of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Joined {
    /// Its id.
    pub id: String,
    /// The partition in which it is kept.
    pub partition: String,
    /// Its title.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// Does it stand?
    pub is_open: bool,
    /// Why, in words; the weightiest reasons.
    pub evidence: Vec<String>,
}

/// What is left to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What.
    pub text: String,
    /// When, and by whom, it was done.
    pub done: Option<(Time, String)>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// By whom: a person's name, or `trailwarden`.
    pub by: String,
    /// What.
    pub what: String,
}

/// An incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// The day it began, and of whom it is: `2026-03-02-0123456789abcdef`.
    pub id: String,
    /// Who stands behind it.
    pub principal: String,
    /// The account acted in, of its first finding.
    pub account_id: String,
    /// Of its worst finding.
    pub severity: Severity,
    /// What became of it.
    pub state: IncidentState,
    /// The earliest and latest evidence.
    pub first_seen: Time,
    /// See there.
    pub last_seen: Time,
    /// When we knew.
    pub opened: Time,
    /// When it was contained, if it was.
    pub contained: Option<Time>,
    /// Its findings, at most [`FINDINGS`].
    pub findings: Vec<Joined>,
    /// By which playbooks.
    pub playbooks: Vec<String>,
    /// What it is taken for, of its worst finding.
    pub classification: String,
    /// Who decides, and why: of its worst finding.
    pub level: Level,
    /// See there.
    pub because: String,
    /// What is planned and done, in this order; at most [`ACTS`].
    pub acts: Vec<Act>,
    /// What is left to people.
    pub next_steps: Vec<Step>,
    /// Who else is hit.
    pub hits: Vec<String>,
    /// What remains at risk.
    pub residual: Vec<String>,
    /// When what waits for approval was last looked at.
    pub planned: Time,
    /// Who closed it, if it is closed.
    #[serde(default)]
    pub closed_by: Option<String>,
    /// Who looks after it.
    pub assignee: Option<String>,
    /// The ticket's id or address elsewhere.
    pub ticket: Option<String>,
    /// What happened, oldest first; at most 60.
    pub timeline: Vec<Entry>,
    /// Counts changes that people should see; the last that was announced.
    pub revision: u32,
    /// See there.
    pub announced: u32,
}

/// Findings of one incident that are named.
pub const FINDINGS: usize = 30;
/// Acts of one incident.
pub const ACTS: usize = 30;
/// Bytes of a reason, and of an entry of the timeline.
const TEXT: usize = 200;
/// Entries of the timeline.
const ENTRIES: usize = 60;
/// Bytes that an incident may take: what was there before has to fit too, or it is not touched.
const ROOM: usize = 60_000;

/// We, in timelines.
pub const US: &str = "trailwarden";

impl Incident {
    /// Does a finding make an incident? Others join one that is there.
    pub fn begins_with(finding: &Finding, now: Time) -> bool {
        let least = if finding.kind == Kind::Compliance { Severity::High } else { Severity::Medium };
        finding.status == Status::Open && finding.severity >= least && finding.last_seen.0 > now.0 - DAY
    }

    /// An incident without findings.
    pub fn new(raised: &FindingRaised, now: Time) -> Self {
        let finding = &raised.finding;
        let (principal, partition) = behind(raised);
        Self {
            id: format!("{}-{:016x}", date(finding.last_seen.day()), hash(&partition)),
            principal,
            account_id: finding.account_id.clone(),
            severity: Severity::Informational,
            state: IncidentState::Open,
            first_seen: finding.first_seen,
            last_seen: finding.last_seen,
            opened: now,
            contained: None,
            findings: Vec::new(),
            playbooks: Vec::new(),
            classification: String::new(),
            level: Level::Escalate,
            because: String::new(),
            acts: Vec::new(),
            next_steps: Vec::new(),
            hits: Vec::new(),
            residual: Vec::new(),
            planned: now,
            closed_by: None,
            assignee: None,
            ticket: None,
            timeline: Vec::new(),
            revision: 0,
            announced: 0,
        }
    }

    /// Adds to the timeline; of too many entries, the oldest but the first go.
    pub fn say(&mut self, at: Time, by: &str, what: impl Into<String>) {
        if self.timeline.len() >= ENTRIES {
            self.timeline.remove(1);
        }
        self.timeline.push(Entry {
            at,
            by: clip(by, 200).to_owned(),
            what: clip(&what.into(), TEXT).to_owned(),
        });
    }

    /// Plans an act once more: somebody undid it.
    pub fn do_again(&mut self, at: usize, progress: Progress, now: Time) {
        if self.acts.len() >= ACTS {
            return;
        }
        let act = &self.acts[at];
        let again = Act::new(act.planned.clone(), &act.playbook, progress);
        self.acts.push(again);
        let what = format!("it no longer holds: {}", self.acts[at].planned.text);
        self.planned = now;
        self.say(now, US, what);
        self.settle(now);
        self.revision += 1;
    }

    /// Is it small enough to be kept, with what undoing needs?
    pub fn fits(&self) -> bool {
        serde_json::to_vec(self).is_ok_and(|json| json.len() <= ROOM)
    }

    /// Until when what waits may be approved.
    pub fn expires(&self) -> Time {
        Time(self.planned.0 + APPROVAL_HOURS * HOUR)
    }
}

/// Who stands behind a finding, and the partition in which the incident is kept: that identity's own, also where it was
/// an account or an address that gave it away.
pub fn behind(raised: &FindingRaised) -> (String, String) {
    let finding = &raised.finding;
    let root = finding.callers.last().unwrap_or(&finding.principal);
    if !root.starts_with("arn:") || (finding.callers.is_empty() && raised.scope.is_identity()) {
        return (root.clone(), raised.scope.partition());
    }
    (root.clone(), scope_of(root).partition())
}

/// Whose doing it is that an ARN did: a person's, behind a role of Identity Center.
pub fn scope_of(arn: &str) -> Scope {
    match arn.rsplit_once('/') {
        Some((_, person)) if is_session_of_person(arn) => Scope::Person(person.to_lowercase().into()),
        _ => Scope::Principal(arn.into()),
    }
}

#[cfg(any(test, feature = "testing"))]
#[allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::wildcard_imports,
    reason = "tests start from it"
)]
pub mod testing {
    //! Incidents to start tests from.

    use super::*;
    use crate::planner::plan;
    use trailwarden_core::settings::Settings;

    /// A finding as the bus carries it, at revision 1.
    pub fn raised(finding: Finding) -> FindingRaised {
        let scope = Scope::Principal(finding.principal.as_str().into());
        FindingRaised { scope, revision: 1, finding }
    }

    /// An incident of a finding, whose acts all stand so.
    pub fn incident(finding: Finding, progress: Progress) -> Incident {
        let now = finding.last_seen;
        let plan = plan(&[&finding], &Settings::default());
        let raised = raised(finding);
        let mut incident = Incident::new(&raised, now);
        incident.join(&raised, plan.as_ref(), |_| progress, now);
        incident
    }
}
