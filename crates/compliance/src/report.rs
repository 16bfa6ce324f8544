//! Compliance report of a period, from the recorded activity and nothing else.

use std::{collections::BTreeMap, fmt::Write};

use serde::Serialize;
use sha2::{Digest, Sha256};

pub use super::window::{Period, Record};
use super::{
    Framework,
    control_status::{SCORE, Standing, score, standing},
    window::Window,
};
use trailwarden_core::settings::Facts;
use trailwarden_core::{
    event::Time,
    finding::{EVENT_IDS, Finding, Severity, Status},
};

/// Compliance of an organisation in a period.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// First and last day.
    pub period: Period,
    /// Time of creation.
    pub generated: Time,
    /// Number of events judged.
    pub total_activities: u64,
    /// Whether the counts are estimates (standard error 6% for all events, 18% for the events of one check).
    pub is_estimate: bool,
    /// Days of the period with at least one event.
    pub days_with_activity: usize,
    /// 0 to 100, over the controls of all frameworks together; `None` without evidence.
    pub compliance_score: Option<f64>,
    /// Definition of the score; see [`SCORE`].
    pub score_definition: &'static str,
    /// Status of each framework.
    pub frameworks: Vec<Standing>,
    /// Recommended actions, most urgent first.
    pub actions: Vec<Action>,
    /// All violations (open, accepted or remedied), in order of time.
    pub evidence: Vec<Violation>,
    /// SHA-256, in hex, of [`Report::evidence_lines`].
    pub evidence_sha256: String,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Action {
    /// Rank, from 1.
    pub priority: usize,
    /// Highest severity of its violations.
    pub severity: Severity,
    /// Id of the check, or of AWS Config's rule.
    pub check: String,
    /// Title of the violation.
    pub title: String,
    /// Number of open violations.
    pub violations: usize,
    /// Principals, at most ten.
    pub principals: Vec<String>,
    /// Names of the controls violated.
    pub controls: Vec<String>,
    /// What to do.
    pub remediation: Vec<String>,
}

/// A violation with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Violation {
    /// The finding's id.
    pub id: String,
    /// Id of the check, or of AWS Config's rule.
    pub check: String,
    /// Title of the violation.
    pub title: String,
    /// Severity.
    pub severity: Severity,
    /// `open`, `accepted: REASON` or `remedied: REASON`.
    pub status: String,
    /// Id of the principal.
    pub principal: String,
    /// Where.
    pub account_id: String,
    /// Where.
    pub region: String,
    /// Time of the first event.
    pub first_seen: Time,
    /// Time of the last event.
    pub last_seen: Time,
    /// Descriptions of what happened.
    pub evidence: Vec<String>,
    /// Names of the controls violated.
    pub controls: Vec<String>,
    /// CloudTrail ids of the events that prove it, at most a hundred.
    pub event_ids: Vec<String>,
    /// Whether more events may exist than `event_ids` names.
    pub has_more_events: bool,
}

impl Report {
    /// Reports on the `days` days ending with `last` (days since 1970, inclusive), for the given frameworks.
    pub fn new(
        record: &Record,
        frameworks: &[&Framework],
        facts: &Facts,
        last: u32,
        days: u32,
        generated: Time,
    ) -> Self {
        let first = (last + 1).saturating_sub(days);
        let now = Window::new(record, first..last + 1, |_| true);
        let evidence: Vec<Violation> =
            now.findings.iter().filter_map(|finding| violation(finding, frameworks)).collect();
        let mut report = Self {
            period: now.period(),
            generated,
            total_activities: now.tally.events,
            is_estimate: now.tally.is_estimate,
            days_with_activity: now.days,
            compliance_score: None,
            score_definition: SCORE,
            frameworks: frameworks
                .iter()
                .map(|framework| {
                    let window =
                        |span| Window::new(record, span, |account| facts.is_in_scope(framework.id, account));
                    standing(
                        framework,
                        facts,
                        &window(first..last + 1),
                        &window(first.saturating_sub(days)..first),
                    )
                })
                .collect(),
            actions: actions(&now, &evidence),
            evidence,
            evidence_sha256: String::new(),
        };
        let controls = report.frameworks.iter().flat_map(|standing| standing.controls.iter().cloned());
        report.compliance_score = score(controls);
        report.evidence_sha256 = hex(&Sha256::digest(report.evidence_lines()));
        report
    }

    /// The evidence as JSON Lines, one violation a line; [`Report::evidence_sha256`] is its hash.
    pub fn evidence_lines(&self) -> String {
        let mut lines = String::new();
        for violation in &self.evidence {
            lines.push_str(&serde_json::to_string(violation).unwrap_or_default());
            lines.push('\n');
        }
        lines
    }

    /// Violations that are open.
    pub fn open(&self) -> impl Iterator<Item = &Violation> {
        self.evidence.iter().filter(|violation| violation.status == OPEN)
    }
}

const OPEN: &str = "open";

/// A finding as evidence, if one of the frameworks has one of its controls.
fn violation(finding: &Finding, frameworks: &[&Framework]) -> Option<Violation> {
    let touched = |name: &&String| frameworks.iter().any(|framework| framework.has(name));
    let controls: Vec<String> = finding.controls.iter().filter(touched).cloned().collect();
    let status = match &finding.status {
        Status::Suppressed(reason) => format!("accepted: {reason}"),
        Status::Closed(reason) => format!("remedied: {reason}"),
        Status::Open => OPEN.to_owned(),
    };
    (!controls.is_empty()).then(|| Violation {
        id: finding.id.clone(),
        check: finding.detector.clone(),
        title: finding.title.clone(),
        severity: finding.severity,
        status,
        principal: finding.principal.clone(),
        account_id: finding.account_id.clone(),
        region: finding.region.clone(),
        first_seen: finding.first_seen,
        last_seen: finding.last_seen,
        evidence: finding.evidence.clone(),
        controls,
        event_ids: finding.event_ids.clone(),
        has_more_events: finding.event_ids.len() >= EVENT_IDS,
    })
}

/// Maximum number of principals named with an action.
const PRINCIPALS: usize = 10;

/// Actions for open violations, sorted by severity, then by number of violations.
fn actions(window: &Window<'_>, evidence: &[Violation]) -> Vec<Action> {
    let mut actions: BTreeMap<&str, Action> = BTreeMap::new();
    for violation in evidence.iter().filter(|violation| violation.status == OPEN) {
        let remediation = || {
            let finding = window.findings.iter().find(|finding| finding.id == violation.id);
            finding.map(|finding| finding.recommendations.clone()).unwrap_or_default()
        };
        let action = actions.entry(&violation.title).or_insert_with(|| Action {
            priority: 0,
            severity: violation.severity,
            check: violation.check.clone(),
            title: violation.title.clone(),
            violations: 0,
            principals: Vec::new(),
            controls: Vec::new(),
            remediation: remediation(),
        });
        action.violations += 1;
        action.severity = action.severity.max(violation.severity);
        let add = |list: &mut Vec<String>, item: &String| {
            if !list.contains(item) {
                list.push(item.clone());
            }
        };
        if action.principals.len() < PRINCIPALS {
            add(&mut action.principals, &violation.principal);
        }
        violation.controls.iter().for_each(|control| add(&mut action.controls, control));
    }
    let mut actions: Vec<Action> = actions.into_values().collect();
    actions.sort_by(|a, b| {
        (b.severity, b.violations).cmp(&(a.severity, a.violations)).then_with(|| a.title.cmp(&b.title))
    });
    (1..).zip(&mut actions).for_each(|(priority, action)| action.priority = priority);
    actions
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            ALL, FRAMEWORKS, Tally,
            control_status::{Outcome, State, Trend},
            finding,
        },
        *,
    };
    use std::ops::Range;

    use trailwarden_core::event::{DAY, Principal, PrincipalKind};

    const DAY_0: u32 = 20_000;

    fn at(day: u32) -> Time {
        Time(i64::from(day) * DAY + 3600)
    }

    fn found(check: &str, day: u32) -> Finding {
        let check = ALL.iter().find(|known| known.id == check).unwrap();
        let kim = Principal::new(PrincipalKind::User, "arn:aws:iam::111122223333:user/kim", "111122223333");
        Finding {
            controls: check.controls(None, "111122223333", &Facts::default()),
            event_ids: vec!["e1".into()],
            ..finding(check, &kim, "111122223333", "eu-west-1", at(day))
        }
    }

    /// A day on which everything was asked about, once.
    fn day() -> Tally {
        Tally { events: 100, checks: vec![1; ALL.len()], is_estimate: false }
    }

    fn record(findings: Vec<Finding>, days: Range<u32>) -> Record {
        Record { tallies: days.map(|at| (at, [("111122223333".into(), day())].into())).collect(), findings }
    }

    fn soc2(record: &Record) -> Report {
        Report::new(record, &FRAMEWORKS[..1], &Facts::default(), DAY_0 + 29, 30, at(DAY_0 + 30))
    }

    #[test]
    fn a_quiet_month_scores_a_hundred_and_says_what_it_did_not_see() {
        let report = soc2(&record(vec![], DAY_0..DAY_0 + 30));
        let standing = &report.frameworks[0];
        assert_eq!((standing.status, standing.compliance_score), (Outcome::NoViolationSeen, Some(100.0)));
        assert_eq!((report.total_activities, report.days_with_activity), (3_000, 30));
        assert!(standing.counts[&State::BeyondActivity] > 40 && standing.previous.is_none());
    }

    #[test]
    fn what_is_out_of_scope_neither_counts_nor_violates() {
        let scope = "[scope]\nsoc2 = [\"444455556666\"]\n";
        let facts = trailwarden_core::settings::Settings::parse(scope, &[], &["soc2"]).unwrap().facts;
        let check = ALL.iter().find(|check| check.id == "root-use").unwrap();
        let controls = check.controls(None, "111122223333", &facts);
        assert!(!controls.is_empty() && controls.iter().all(|control| !control.starts_with("SOC 2")));
        let outside = Finding { controls, ..found("root-use", DAY_0) };
        let record = record(vec![outside], DAY_0..DAY_0 + 30);
        let report = Report::new(&record, FRAMEWORKS, &facts, DAY_0 + 29, 30, at(DAY_0 + 30));
        assert_eq!(report.frameworks[0].status, Outcome::NothingJudged);
        assert_eq!(report.frameworks[0].scope, Some(vec!["444455556666".to_owned()]));
        assert_eq!(report.frameworks[1].status, Outcome::ViolationsOpen);
        assert_eq!(report.total_activities, 3_000);
    }

    #[test]
    fn without_activity_there_is_no_score() {
        let standing = soc2(&record(vec![], 0..0)).frameworks.remove(0);
        assert_eq!((standing.status, standing.compliance_score), (Outcome::NothingJudged, None));
    }

    #[test]
    fn a_violation_costs_the_weight_of_its_controls() {
        let mut two = record(vec![found("self-approved-change", DAY_0 + 3)], DAY_0..DAY_0 + 30);
        two.tallies.values_mut().flat_map(BTreeMap::values_mut).for_each(|tally| {
            tally.events = 0;
            tally.checks =
                ALL.iter().map(|check| u64::from(matches!(check.id, "retention-lock-removed"))).collect();
        });
        let standing = soc2(&two).frameworks.remove(0);
        let violated: Vec<&str> = standing
            .controls
            .iter()
            .filter(|control| control.state == State::Violated)
            .map(|control| control.id)
            .collect();
        let kept: Vec<&str> = standing
            .controls
            .iter()
            .filter(|control| control.state == State::NoViolationSeen)
            .map(|control| control.id)
            .collect();
        assert_eq!((violated, kept), (vec!["CC5.1", "CC8.1"], vec!["A1.2", "C1.1"]));
        let all = Report::new(&two, FRAMEWORKS, &Facts::default(), DAY_0 + 29, 30, at(DAY_0 + 30));
        let scores = all.frameworks.iter().filter_map(|standing| standing.compliance_score);
        let (least, most) =
            scores.fold((100.0_f64, 0.0_f64), |(least, most), score| (least.min(score), most.max(score)));
        assert!(
            all.compliance_score.is_some_and(|overall| overall > least && overall < most),
            "{least} {most}"
        );
        // 4 + 2 of them broken (CC5.1 is HIGH by another check), 4 + 4 not.
        assert_eq!(standing.compliance_score, Some(57.1));
    }

    #[test]
    fn the_period_before_is_compared() {
        let findings =
            vec![found("root-use", DAY_0 - 5), found("root-use", DAY_0 + 5), found("root-use", DAY_0 + 6)];
        let report = soc2(&record(findings, DAY_0 - 30..DAY_0 + 30));
        let previous = report.frameworks[0].previous.clone().unwrap();
        assert_eq!((previous.violations, report.frameworks[0].violations), (1, 2));
        assert_eq!((previous.trend, previous.period.days), (Trend::Same, 30));
        assert_eq!(report.actions[0].violations, 2);
        assert!(report.actions[0].remediation[0].contains("root"));
    }

    #[test]
    fn an_accepted_violation_is_shown_and_costs_nothing() {
        let accepted = Finding { status: Status::Suppressed("exercise".into()), ..found("root-use", DAY_0) };
        let report = soc2(&record(vec![accepted], DAY_0..DAY_0 + 30));
        assert_eq!(report.frameworks[0].compliance_score, Some(100.0));
        assert_eq!((report.frameworks[0].accepted, report.actions.len()), (1, 0));
        assert_eq!(report.evidence[0].status, "accepted: exercise");
    }

    #[test]
    fn the_evidence_has_a_hash_that_anybody_can_make_again() {
        let report = soc2(&record(vec![found("root-use", DAY_0)], DAY_0..DAY_0 + 30));
        assert_eq!(report.evidence_lines().lines().count(), 1);
        assert_eq!(report.evidence_sha256, hex(&Sha256::digest(report.evidence_lines())));
        let other = soc2(&record(vec![found("root-use", DAY_0 + 1)], DAY_0..DAY_0 + 30));
        assert_ne!(report.evidence_sha256, other.evidence_sha256);
        // SHA-256 of empty input, from NIST's example.
        let empty = soc2(&record(vec![], DAY_0..DAY_0 + 30));
        assert!(empty.evidence_sha256.starts_with("e3b0c44298fc1c149afbf4c8996fb924"));
    }
}
