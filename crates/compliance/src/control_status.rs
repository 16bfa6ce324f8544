//! Status of one framework in a period, control by control.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Check, Control, Framework, Keeping, Rule,
    window::{Period, Window},
};
use trailwarden_core::finding::{Finding, Severity, Status};
use trailwarden_core::settings::Facts;

/// Definition of the compliance score; printed beside every score.
pub const SCORE: &str = "The share, in percent, of the controls with evidence that have no open violation, each control weighing as the severest of its checks \
    (LOW 1, MEDIUM 2, HIGH 4, CRITICAL 8). A control has evidence if activity of the period was judged for it. Controls that were not exercised, \
    that need a setting, or to which activity cannot speak do not count: the score says nothing of them.";

/// Status of one framework in a period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// The framework's id.
    pub framework: &'static str,
    /// For people.
    pub title: &'static str,
    /// Edition.
    pub version: &'static str,
    /// Account ids in scope; `None` means all.
    pub scope: Option<Vec<String>>,
    /// In short.
    pub status: Outcome,
    /// 0 to 100; `None` if no control has evidence.
    pub compliance_score: Option<f64>,
    /// Number of open violations.
    pub violations: usize,
    /// Open violations by severity, highest first.
    pub by_severity: Vec<(Severity, usize)>,
    /// Violations that the settings suppress.
    pub accepted: usize,
    /// Number of controls by state.
    pub counts: BTreeMap<State, usize>,
    /// The preceding period of equal length, if it has any event.
    pub previous: Option<Previous>,
    /// All controls of the framework.
    pub controls: Vec<ControlStanding>,
}

/// In short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// At least one violation is open.
    ViolationsOpen,
    /// Activity was judged, without an open violation.
    NoViolationSeen,
    /// No activity was judged.
    NothingJudged,
}

/// State of a control, from the activity seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Has an open violation.
    Violated,
    /// Activity was judged, without an open violation.
    NoViolationSeen,
    /// No activity that its checks judge.
    NotExercised,
    /// Its checks need settings that are missing.
    NeedsSettings,
    /// No check: activity cannot prove or disprove it.
    BeyondActivity,
}

/// Result of the preceding period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Previous {
    /// First and last day.
    pub period: Period,
    /// 0 to 100.
    pub compliance_score: Option<f64>,
    /// Number of open violations.
    pub violations: usize,
    /// Change of the score since then.
    pub trend: Trend,
}

/// Change of a score between two periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// Higher now.
    Better,
    /// Lower now.
    Worse,
    /// Unchanged.
    Same,
    /// One of the two periods has no score.
    Unknown,
}

impl Trend {
    fn of(before: Option<f64>, now: Option<f64>) -> Self {
        match before.zip(now).map(|(before, now)| now.total_cmp(&before)) {
            None => Self::Unknown,
            Some(std::cmp::Ordering::Greater) => Self::Better,
            Some(std::cmp::Ordering::Less) => Self::Worse,
            Some(std::cmp::Ordering::Equal) => Self::Same,
        }
    }

    /// For people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Better => "better since",
            Self::Worse => "worse since",
            Self::Same => "the same since",
            Self::Unknown => "no comparison",
        }
    }
}

/// Status of one control.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ControlStanding {
    /// The framework's own id of the control.
    pub id: &'static str,
    /// Short title.
    pub title: &'static str,
    /// State.
    pub state: State,
    /// Highest severity of its checks; `None` if it has none.
    pub severity: Option<Severity>,
    /// Largest number of events that one of its checks judged.
    pub judged: u64,
    /// Number of open violations.
    pub violations: usize,
    /// Ids of its checks.
    pub checks: Vec<&'static str>,
    /// Missing settings that some of its checks need.
    pub needs: Vec<&'static str>,
}

impl State {
    /// All states, worst first.
    pub const ALL: [Self; 5] = [
        Self::Violated,
        Self::NoViolationSeen,
        Self::NotExercised,
        Self::NeedsSettings,
        Self::BeyondActivity,
    ];

    /// For people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Violated => "violated",
            Self::NoViolationSeen => "no violation seen",
            Self::NotExercised => "not exercised",
            Self::NeedsSettings => "needs a setting",
            Self::BeyondActivity => "beyond activity",
        }
    }
}

impl Outcome {
    /// For people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::ViolationsOpen => "violations open",
            Self::NoViolationSeen => "no violation seen",
            Self::NothingJudged => "nothing to judge",
        }
    }
}

/// Weight of a control in the score; see [`SCORE`].
fn weight(severity: Severity) -> f64 {
    [1.0, 1.0, 2.0, 4.0, 8.0][severity as usize]
}

pub(super) fn standing(
    framework: &Framework,
    facts: &Facts,
    now: &Window<'_>,
    before: &Window<'_>,
) -> Standing {
    let controls: Vec<ControlStanding> =
        framework.controls.iter().map(|control| control_standing(framework, control, facts, now)).collect();
    let touches = |finding: &&&Finding| finding.controls.iter().any(|name| framework.has(name));
    let open: Vec<&&Finding> = now.open().filter(touches).collect();
    let judged = controls.iter().any(|control| control.state == State::NoViolationSeen);
    let mut counts: BTreeMap<State, usize> = State::ALL.map(|state| (state, 0)).into();
    controls.iter().for_each(|control| *counts.entry(control.state).or_default() += 1);
    let of = |severity: &Severity| open.iter().filter(|finding| finding.severity == *severity).count();
    let compliance_score = score(controls.iter().cloned());
    let previous = (before.tally.events > 0).then(|| {
        let then = score(
            framework.controls.iter().map(|control| control_standing(framework, control, facts, before)),
        );
        Previous {
            period: before.period(),
            compliance_score: then,
            violations: before.open().filter(touches).count(),
            trend: Trend::of(then, compliance_score),
        }
    });
    Standing {
        framework: framework.id,
        title: framework.title,
        version: framework.version,
        scope: facts.scope.get(framework.id).cloned(),
        status: match (open.is_empty(), judged) {
            (false, _) => Outcome::ViolationsOpen,
            (true, true) => Outcome::NoViolationSeen,
            (true, false) => Outcome::NothingJudged,
        },
        compliance_score,
        violations: open.len(),
        by_severity: Severity::ALL
            .iter()
            .rev()
            .map(|severity| (*severity, of(severity)))
            .filter(|(_, count)| *count > 0)
            .collect(),
        accepted: now
            .findings
            .iter()
            .filter(|finding| matches!(finding.status, Status::Suppressed(_)))
            .filter(|finding| touches(finding))
            .count(),
        counts,
        previous,
        controls,
    }
}

/// Compliance score, 0 to 100, rounded down to one decimal; see [`SCORE`].
pub(super) fn score(controls: impl Iterator<Item = ControlStanding>) -> Option<f64> {
    let (mut kept, mut all) = (0.0, 0.0);
    for control in controls {
        let weight = control.severity.map_or(0.0, weight);
        match control.state {
            State::NoViolationSeen => (kept, all) = (kept + weight, all + weight),
            State::Violated => all += weight,
            _ => {}
        }
    }
    (all > 0.0).then(|| (1000.0 * kept / all).floor() / 10.0)
}

/// Number of events that a check judged and that count as evidence.
fn judged_by(check: &Check, window: &Window<'_>) -> u64 {
    let is_evidence = match check.rule {
        Rule::Event(_) => true,
        Rule::Together { sheet, .. } => match sheet.evidence {
            Keeping::Always => true,
            Keeping::Never => false,
            Keeping::AfterDays(days) => window.log_days >= days,
        },
    };
    if is_evidence { window.tally.judged_by(check) } else { 0 }
}

fn control_standing(
    framework: &Framework,
    control: &Control,
    facts: &Facts,
    window: &Window<'_>,
) -> ControlStanding {
    let name = framework.name(control);
    let violations = window.open().filter(|finding| finding.controls.contains(&name)).count();
    let in_force: Vec<&&Check> = control.checks.iter().filter(|check| check.is_in_force(facts)).collect();
    let judged = in_force.iter().map(|check| judged_by(check, window)).max().unwrap_or_default();
    let needs = control
        .checks
        .iter()
        .filter(|check| !check.is_in_force(facts))
        .filter_map(|check| Some(check.needs.as_ref()?.key));
    ControlStanding {
        id: control.id,
        title: control.title,
        state: match (violations, control.checks.is_empty(), in_force.is_empty(), judged) {
            (1.., ..) => State::Violated,
            (0, true, ..) => State::BeyondActivity,
            (0, false, true, _) => State::NeedsSettings,
            (0, false, false, 0) => State::NotExercised,
            (0, false, false, 1..) => State::NoViolationSeen,
        },
        severity: control.checks.iter().map(|check| check.severity).max(),
        judged,
        violations,
        checks: control.checks.iter().map(|check| check.id).collect(),
        needs: needs.collect(),
    }
}
