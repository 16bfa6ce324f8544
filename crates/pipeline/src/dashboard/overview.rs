//! Key figures of the overview: threat level, findings, sign-ins, risk and responses of the last 24 hours.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::{
    dashboard::daily_counts::DailyCounts,
    index_entries::{IncidentLine, RiskLine},
};
use trailwarden_core::{
    event::{DAY, Time, date},
    finding::Severity,
    severity::thresholds::Thresholds,
};
use trailwarden_response::incident::IncidentState;

/// Input of the key figures.
#[derive(Default)]
pub struct Seen<'a> {
    /// Counts of findings, one tally per day.
    pub findings: Vec<&'a DailyCounts>,
    /// Incidents.
    pub incidents: Vec<&'a IncidentLine>,
    /// Failed sign-ins, by clock hour.
    pub failed_sign_ins: BTreeMap<u32, u64>,
    /// Risk of the identities with recent findings.
    pub risk: Vec<RiskLine>,
    /// Number of watched identities.
    pub watched: usize,
    /// Whether compliance checks run at all.
    pub judges_controls: bool,
}

/// Count of the last 24 hours beside that of the 24 before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Last 24 hours.
    pub now: u64,
    /// The 24 hours before.
    pub before: u64,
}

/// Threat level with its reasons.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Threat {
    /// Score, 0 to 100.
    pub score: u32,
    /// Level, as an ASFF severity.
    pub level: Severity,
    /// Reasons, weightiest first.
    pub because: Vec<Because>,
}

/// Reason for the threat level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Because {
    /// Incident id; `None` for the summary of further incidents.
    pub incident: Option<String>,
    /// The reason in words.
    pub text: String,
}

/// Key figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// End of the 24 hours.
    pub as_of: Time,
    /// Threat level.
    pub threat: Threat,
    /// Open HIGH and CRITICAL incidents that are not contained.
    pub active_threats: u64,
    /// Number of watched identities.
    pub watched: usize,
    /// Number of identities at high risk.
    pub high_risk: usize,
    /// Behaviour findings.
    pub anomalies: Change,
    /// Failed sign-ins to the console.
    pub failed_sign_ins: Change,
    /// Violations; `None` if no checks run.
    pub violations: Option<Change>,
    /// Executed actions.
    pub responses: Change,
    /// Riskiest identities, worst first.
    pub riskiest: Vec<RiskLine>,
    /// Identities with findings, each with its worst severity on each of the last seven days, oldest first.
    pub matrix: Vec<(String, Vec<Option<Severity>>)>,
    /// Days of the matrix, as `2026-03-02`.
    pub days: Vec<String>,
    /// Thresholds in force.
    pub thresholds: Thresholds,
}

/// Risk score from which an identity is at high risk: the level HIGH of an assessment.
const HIGH_RISK: f32 = 0.6;
/// Identities in the lists.
const LISTED: usize = 10;
/// Days of the matrix.
const DAYS: u32 = 7;
/// Reasons for the threat level.
const REASONS: usize = 3;

impl Overview {
    /// Computes the key figures at `as_of`, the last second of a minute; `thresholds` are those in force.
    pub fn at(as_of: Time, seen: &Seen<'_>, thresholds: Thresholds) -> Self {
        let mut riskiest = seen.risk.clone();
        riskiest.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.principal.cmp(&b.principal)));
        let high_risk = riskiest.iter().filter(|one| one.score >= HIGH_RISK).count();
        riskiest.truncate(LISTED);
        let acts = seen.incidents.iter().flat_map(|incident| &incident.done_at);
        let first = as_of.day().saturating_sub(DAYS - 1);
        Self {
            as_of,
            threat: threat(as_of, seen),
            active_threats: active(seen).count() as u64,
            watched: seen.watched,
            high_risk,
            anomalies: count(as_of, seen.findings.iter().flat_map(|day| day.anomalies())),
            failed_sign_ins: {
                let hours = seen.failed_sign_ins.iter();
                count(as_of, hours.map(|(hour, failed)| (Time(i64::from(*hour) * 3_600), *failed)))
            },
            violations: seen
                .judges_controls
                .then(|| count(as_of, seen.findings.iter().flat_map(|day| day.violations()))),
            responses: count(as_of, acts.map(|at| (*at, 1))),
            riskiest,
            matrix: matrix(seen, first),
            days: (first..first + DAYS).map(date).collect(),
            thresholds,
        }
    }
}

/// Counts events of the last 24 hours and of the 24 before.
fn count(as_of: Time, events: impl Iterator<Item = (Time, u64)>) -> Change {
    let mut change = Change::default();
    for (at, count) in events {
        match as_of.0 - at.0 {
            0..DAY => change.now += count,
            age if (DAY..2 * DAY).contains(&age) => change.before += count,
            _ => {}
        }
    }
    change
}

fn active<'s>(seen: &'s Seen<'_>) -> impl Iterator<Item = &'s IncidentLine> {
    let is_active = |incident: &&IncidentLine| {
        incident.state == IncidentState::Open && incident.severity >= Severity::High
    };
    seen.incidents.iter().copied().filter(is_active)
}

/// Noisy-or over the incidents that are not closed: each weighs by severity, halves every three days without news, and
/// counts a third if contained.
fn threat(as_of: Time, seen: &Seen<'_>) -> Threat {
    let weight = |incident: &IncidentLine| {
        let by_severity = match incident.severity {
            Severity::Critical => 0.6,
            Severity::High => 0.35,
            Severity::Medium => 0.08,
            Severity::Low | Severity::Informational => 0.02,
        };
        let days = (as_of.0 - incident.last_seen.0).max(0) as f32 / DAY as f32;
        let by_state = match incident.state {
            IncidentState::Open => 1.0,
            IncidentState::Contained => 1.0 / 3.0,
            IncidentState::Closed => 0.0,
        };
        by_severity * by_state * 0.5f32.powf(days / 3.0)
    };
    let mut weighed: Vec<(f32, &IncidentLine)> = seen
        .incidents
        .iter()
        .map(|incident| (weight(incident), *incident))
        .filter(|(weight, _)| *weight > 0.005)
        .collect();
    weighed.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.id.cmp(&b.1.id)));
    let calm: f32 = weighed.iter().map(|(weight, _)| 1.0 - weight).product();
    let score = ((1.0 - calm) * 100.0).round() as u32;
    let told = |(_, incident): &(f32, &IncidentLine)| {
        let left = match incident.acts_waiting {
            0 => String::new(),
            1 => ", 1 act is planned and not done".to_owned(),
            many => format!(", {many} acts are planned and not done"),
        };
        let who = incident.principal.rsplit('/').next().unwrap_or_default();
        let (severity, account, what) =
            (incident.severity.label(), &incident.account_id, &incident.classification);
        let text = format!("{severity} {who} in {account}: {what}{left}");
        Because { incident: Some(incident.id.clone()), text }
    };
    let mut because: Vec<Because> = weighed.iter().take(REASONS).map(told).collect();
    if weighed.len() > REASONS {
        because.push(Because { incident: None, text: format!("and {} more", weighed.len() - REASONS) });
    }
    let level = match score {
        0..=9 => Severity::Informational,
        10..=29 => Severity::Low,
        30..=54 => Severity::Medium,
        55..=79 => Severity::High,
        _ => Severity::Critical,
    };
    Threat { score, level, because }
}

fn matrix(seen: &Seen<'_>, first: u32) -> Vec<(String, Vec<Option<Severity>>)> {
    let mut rows: HashMap<&str, Vec<Option<Severity>>> = HashMap::new();
    for tally in &seen.findings {
        let Some(day) = tally.day.checked_sub(first).filter(|day| *day < DAYS) else { continue };
        for (who, worst) in &tally.worst {
            rows.entry(who).or_insert_with(|| vec![None; DAYS as usize])[day as usize] = Some(*worst);
        }
    }
    let mut rows: Vec<_> = rows.into_iter().map(|(who, row)| (who.to_owned(), row)).collect();
    rows.sort_by(|a, b| b.1.iter().max().cmp(&a.1.iter().max()).then_with(|| a.0.cmp(&b.0)));
    rows.truncate(LISTED);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index_entries::FindingLine;
    use trailwarden_core::finding::{Finding, Kind};
    use trailwarden_response::{
        incident::{Incident, Progress, testing::incident},
        playbooks::testing::found,
    };

    fn at(as_of: Time, seen: &Seen<'_>) -> Overview {
        Overview::at(as_of, seen, Thresholds::default())
    }

    #[test]
    fn nothing_is_calm() {
        let calm = at(Time(0), &Seen::default());
        assert_eq!((calm.threat.score, calm.threat.level), (0, Severity::Informational));
        assert!(calm.threat.because.is_empty() && calm.matrix.is_empty());
    }

    #[test]
    fn an_open_incident_threatens_more_than_a_contained_one_and_an_old_one_less() {
        let finding = Finding { severity: Severity::Critical, ..found("evasion", &[]) };
        let open = incident(finding.clone(), Progress::Waiting);
        let contained = incident(finding.clone(), Progress::Done);
        let score = |incident: &Incident, days: i64| {
            let as_of = Time(finding.last_seen.0 + days * DAY);
            at(as_of, &Seen { incidents: vec![&incident.into()], ..Seen::default() }).threat.score
        };
        assert_eq!((score(&open, 0), score(&contained, 0), score(&open, 3)), (60, 20, 30));
        let told = at(finding.last_seen, &Seen { incidents: vec![&(&open).into()], ..Seen::default() });
        assert!(
            told.threat.because[0].text.contains("acts are planned and not done"),
            "{:?}",
            told.threat.because
        );
        assert_eq!(told.threat.because[0].incident.as_ref(), Some(&open.id));
        assert_eq!(told.active_threats, 1);
    }

    #[test]
    fn today_stands_beside_yesterday() {
        let finding = found("evasion", &[]);
        let as_of = Time(finding.last_seen.0 + 60);
        let before = Finding { last_seen: Time(as_of.0 - DAY - 60), ..finding.clone() };
        let violation = Finding { kind: Kind::Compliance, ..finding.clone() };
        let lines = [&finding, &before, &before, &violation].map(FindingLine::from);
        let days = DailyCounts::by_day(lines.iter());
        let seen = Seen {
            findings: days.iter().collect(),
            judges_controls: true,
            failed_sign_ins: [(as_of.hour(), 3), (as_of.hour() - 30, 2), (as_of.hour() - 60, 9)].into(),
            ..Seen::default()
        };
        let overview = at(as_of, &seen);
        assert_eq!(overview.anomalies, Change { now: 1, before: 2 });
        assert_eq!(overview.violations, Some(Change { now: 1, before: 0 }));
        assert_eq!(overview.failed_sign_ins, Change { now: 3, before: 2 });
        assert_eq!(overview.matrix[0].1.iter().flatten().count(), 2);
        assert_eq!(
            at(as_of, &Seen { judges_controls: false, ..seen }).violations,
            None,
            "unknown is not none"
        );
    }
}
