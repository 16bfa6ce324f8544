//! How an organisation stood by one framework in a period, control by control.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Check, Control, Framework, Keeping, Rule,
    window::{Period, Window},
};
use trailwarden_core::finding::{Finding, Severity, Status};
use trailwarden_core::settings::Facts;

/// What the score means; it stands beside every score.
pub const SCORE: &str = "The share, in percent, of the controls with evidence that have no open violation, each control weighing as the severest of its checks \
    (LOW 1, MEDIUM 2, HIGH 4, CRITICAL 8). A control has evidence if activity of the period was judged for it. Controls that were not exercised, \
    that need a setting, or to which activity cannot speak do not count: the score says nothing of them.";

/// How an organisation stood by one framework.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// The framework's name.
    pub framework: &'static str,
    /// For people.
    pub title: &'static str,
    /// Which edition.
    pub version: &'static str,
    /// The accounts that it is about, where the settings say so; all, otherwise.
    pub scope: Option<Vec<String>>,
    /// In short.
    pub status: Outcome,
    /// 0 to 100; `None` without evidence.
    pub compliance_score: Option<f64>,
    /// Open violations.
    pub violations: usize,
    /// Open violations by severity, worst first.
    pub by_severity: Vec<(Severity, usize)>,
    /// Violations that a rule of the settings accepts.
    pub accepted: usize,
    /// How many controls are in which state.
    pub counts: BTreeMap<State, usize>,
    /// How it stood in as many days before, if anything was seen then.
    pub previous: Option<Previous>,
    /// Every control.
    pub controls: Vec<ControlStanding>,
}

/// In short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Controls were broken.
    ViolationsOpen,
    /// Activity was judged, and none was.
    NoViolationSeen,
    /// No activity was judged.
    NothingJudged,
}

/// The state of a control, by what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Broken, and not accepted.
    Violated,
    /// Activity was judged, and did not break it.
    NoViolationSeen,
    /// Nothing happened that could be judged.
    NotExercised,
    /// The settings do not say what it takes to judge.
    NeedsSettings,
    /// Activity cannot speak to it.
    BeyondActivity,
}

/// Of the period before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Previous {
    /// Its days.
    pub period: Period,
    /// 0 to 100.
    pub compliance_score: Option<f64>,
    /// Open violations.
    pub violations: usize,
    /// What has become of the score since.
    pub trend: Trend,
}

/// What has become of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// It is higher now.
    Better,
    /// It is lower now.
    Worse,
    /// It is the same.
    Same,
    /// There was none, or there is none.
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

/// How one control stood.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ControlStanding {
    /// The framework's id.
    pub id: &'static str,
    /// In short words.
    pub title: &'static str,
    /// Its state.
    pub state: State,
    /// How severe breaking it is; `None` if activity cannot speak to it.
    pub severity: Option<Severity>,
    /// Events judged for it, by the check that judged most.
    pub judged: u64,
    /// Open violations.
    pub violations: usize,
    /// The checks that speak to it.
    pub checks: Vec<&'static str>,
    /// Settings that would let more of them judge.
    pub needs: Vec<&'static str>,
}

impl State {
    /// All, worst first.
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

/// What weighs how much in a score.
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

/// See [`SCORE`].
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

/// How many events a check judged that are evidence.
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
