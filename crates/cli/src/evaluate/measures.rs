//! Counting what was found, missed, and wrongly accused.

use std::collections::{BTreeMap, BTreeSet};

use trailwarden_core::finding::{Finding, Severity};
use trailwarden_simulator::Difficulty;

use super::Organisation;

/// One attack, and what became of it.
pub(super) struct Case {
    pub(super) id: String,
    pub(super) organisation: String,
    pub(super) difficulty: Difficulty,
    pub(super) tactics: Vec<String>,
    pub(super) is_detected: bool,
    pub(super) has_right_detector: bool,
    pub(super) has_right_technique: bool,
    /// Hours from its first event to the last event of the first alert's evidence.
    pub(super) hours: Option<f64>,
    /// The best that was said of it, below an alert too.
    pub(super) said: String,
}

/// What came of some organisations.
#[derive(Default)]
pub(super) struct Measures {
    pub(super) cases: Vec<Case>,
    pub(super) alerts: usize,
    pub(super) right: usize,
    pub(super) benign_days: usize,
    pub(super) accused_days: usize,
    pub(super) attack_days: usize,
    pub(super) days: u32,
    /// What innocents were accused of, with who, when and what odd thing had happened to them.
    pub(super) accused: Vec<String>,
    /// By tenth of confidence: alerts, and right ones.
    pub(super) calibration: BTreeMap<u8, (usize, usize)>,
}

impl Measures {
    pub(super) fn add(
        &mut self,
        organisation: &Organisation,
        findings: &[Finding],
        active: &BTreeSet<(String, u32)>,
    ) {
        let truth = &organisation.truth;
        let events: BTreeMap<&str, usize> = truth
            .iter()
            .enumerate()
            .flat_map(|(at, attack)| attack.event_ids.iter().map(move |id| (id.as_str(), at)))
            .collect();
        let attacked: BTreeSet<(&str, u32)> = truth
            .iter()
            .flat_map(|attack| attack.principal_days.iter().map(|(who, day)| (who.as_str(), *day)))
            .collect();
        let benign = active.iter().filter(|(who, day)| !attacked.contains(&(who.as_str(), *day))).count();
        self.benign_days += benign;
        self.attack_days += attacked.len();
        self.days += active.iter().map(|(_, day)| day).collect::<BTreeSet<_>>().len() as u32;
        let mut of_attack: Vec<Vec<&Finding>> = vec![Vec::new(); truth.len()];
        let mut accused: BTreeSet<(String, u32)> = BTreeSet::new();
        for finding in findings.iter().filter(|finding| finding.last_seen.day() >= organisation.from) {
            let hit: BTreeSet<usize> =
                finding.event_ids.iter().filter_map(|id| events.get(id.as_str()).copied()).collect();
            hit.iter().for_each(|at| of_attack[*at].push(finding));
            if !finding.is_alert() {
                continue;
            }
            self.alerts += 1;
            self.right += usize::from(!hit.is_empty());
            let bin = self.calibration.entry((finding.confidence * 10.0) as u8).or_default();
            bin.0 += 1;
            bin.1 += usize::from(!hit.is_empty());
            if hit.is_empty() {
                accused.insert((finding.principal.clone(), finding.last_seen.day()));
                let odd = (organisation.oddities)(&finding.principal, finding.last_seen.day()).join(" ");
                let evidence = finding.evidence.first().map_or("", String::as_str);
                self.accused.push(format!(
                    "{}: {} {} {:.2} {} [{odd}] {evidence}",
                    organisation.name,
                    finding.severity.label(),
                    finding.detector,
                    finding.score,
                    finding.principal
                ));
            }
        }
        self.accused_days += accused.len();
        for (attack, found) in truth.iter().zip(of_attack) {
            self.cases.push(case(organisation, attack, &found));
        }
    }
}

fn case(organisation: &Organisation, attack: &trailwarden_simulator::Truth, found: &[&Finding]) -> Case {
    let alerts: Vec<&&Finding> = found.iter().filter(|finding| finding.is_alert()).collect();
    let is_right = |finding: &&&Finding| attack.behaviours.contains(&finding.detector);
    let techniques = |finding: &&&Finding| {
        finding
            .techniques
            .iter()
            .any(|technique| attack.techniques.iter().any(|other| other == technique.id()))
    };
    let first = alerts.iter().map(|finding| finding.last_seen.0).min();
    let best = found.iter().max_by(|a, b| a.score.total_cmp(&b.score));
    Case {
        id: attack.id.clone(),
        organisation: organisation.name.clone(),
        difficulty: attack.difficulty,
        tactics: attack.tactics.clone(),
        is_detected: !alerts.is_empty(),
        has_right_detector: alerts.iter().any(is_right),
        has_right_technique: alerts.iter().any(techniques),
        hours: first.map(|first| (first - attack.first).max(0) as f64 / 3600.0),
        said: best.map_or_else(
            || "nothing".to_owned(),
            |best| format!("{} {} {:.2}", Severity::label(best.severity), best.detector, best.score),
        ),
    }
}
