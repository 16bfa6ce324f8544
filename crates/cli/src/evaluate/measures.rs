//! Counts of detected and missed attacks, and of false alerts.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde::Serialize;
use trailwarden_core::{
    activity::Scope,
    finding::{Finding, Severity},
};
use trailwarden_simulator::{Difficulty, Truth};

use super::organisation::Organisation;

/// Result for one attack.
#[derive(Serialize)]
pub(super) struct Case {
    pub(super) id: String,
    pub(super) organisation: String,
    pub(super) difficulty: Difficulty,
    pub(super) tactics: Vec<String>,
    pub(super) is_detected: bool,
    pub(super) has_right_detector: bool,
    pub(super) has_right_technique: bool,
    /// Hours from the attack's first event to the last evidence of the first alert.
    pub(super) hours_to_detect: Option<f64>,
    /// The finding with the highest score that names its events, alert or not.
    pub(super) said: String,
}

/// Result for several organisations.
#[derive(Default, Serialize)]
pub(super) struct Measures {
    pub(super) name: &'static str,
    pub(super) organisations: usize,
    pub(super) cases: Vec<Case>,
    pub(super) alerts: usize,
    pub(super) right_alerts: usize,
    /// For each true alert, the share of its events that belong to an attack.
    pub(super) named: Vec<f64>,
    /// Alerts a day in the organisation that has most.
    pub(super) most_alerts_a_day: f64,
    pub(super) benign_identity_days: usize,
    pub(super) accused_identity_days: usize,
    pub(super) attacked_identity_days: usize,
    pub(super) found_identity_days: usize,
    pub(super) days: usize,
    /// False alerts with principal and benign oddities, one line each.
    pub(super) accusations: Vec<String>,
    /// Number of alerts and of true alerts, by tenth of confidence.
    pub(super) calibration: BTreeMap<u8, (usize, usize)>,
}

impl Measures {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    /// Adds the findings of an organisation.
    pub(super) fn add(&mut self, organisation: &Organisation, findings: &[(Scope, Finding)]) -> Result<()> {
        let truth = &organisation.truth;
        let ids = |(at, attack): (usize, &'_ Truth)| {
            attack.event_ids.iter().map(move |id| (id.clone(), at)).collect::<Vec<_>>()
        };
        let events: BTreeMap<String, usize> = truth.iter().enumerate().flat_map(ids).collect();
        let (attacked, active) = (organisation.attacked(), organisation.active()?);
        let is_attacked = |(principals, day): (&BTreeSet<String>, u32)| {
            principals.iter().any(|principal| attacked.contains(&(principal.as_str(), day)))
        };
        let under_attack: BTreeSet<&(Scope, u32)> = active
            .iter()
            .filter(|((_, day), principals)| is_attacked((principals, *day)))
            .map(|(identity_day, _)| identity_day)
            .collect();
        self.organisations += 1;
        self.attacked_identity_days += under_attack.len();
        self.benign_identity_days += active.len() - under_attack.len();
        let days = active.keys().map(|(_, day)| day).collect::<BTreeSet<_>>().len();
        self.days += days;
        let mut alerts = 0;
        let mut of_attack: Vec<Vec<&Finding>> = vec![Vec::new(); truth.len()];
        let (mut accused, mut found) = (BTreeSet::new(), BTreeSet::new());
        let is_counted = |(_, finding): &&(Scope, Finding)| finding.last_seen.day() >= organisation.from;
        for (scope, finding) in findings.iter().filter(is_counted) {
            let hit: BTreeSet<usize> =
                finding.event_ids.iter().filter_map(|id| events.get(id).copied()).collect();
            hit.iter().for_each(|at| of_attack[*at].push(finding));
            if !finding.is_alert() {
                continue;
            }
            self.count(finding, !hit.is_empty());
            alerts += 1;
            if hit.is_empty() {
                accused.insert((scope.clone(), finding.last_seen.day()));
                self.accusations.push(accusation(organisation, finding));
            } else {
                let own = finding.event_ids.iter().filter(|id| events.contains_key(id.as_str())).count();
                self.named.push(own as f64 / finding.event_ids.len() as f64);
                found.insert((scope.clone(), finding.last_seen.day()));
            }
        }
        self.most_alerts_a_day = self.most_alerts_a_day.max(f64::from(alerts) / days.max(1) as f64);
        self.accused_identity_days += accused.len();
        self.found_identity_days += found.iter().filter(|day| under_attack.contains(day)).count();
        self.cases
            .extend(truth.iter().zip(of_attack).map(|(attack, found)| case(organisation, attack, &found)));
        Ok(())
    }

    fn count(&mut self, finding: &Finding, is_right: bool) {
        self.alerts += 1;
        self.right_alerts += usize::from(is_right);
        let tenth = self.calibration.entry((finding.confidence * 10.0) as u8).or_default();
        tenth.0 += 1;
        tenth.1 += usize::from(is_right);
    }
}

fn accusation(organisation: &Organisation, finding: &Finding) -> String {
    let day = finding.last_seen.day();
    format!(
        "{}: {} {} {:.2} {} [{}] {}",
        organisation.name,
        finding.severity.label(),
        finding.detector,
        finding.score,
        finding.principal,
        organisation.oddities(&finding.principal, day),
        finding.evidence.first().map_or("", String::as_str)
    )
}

fn case(organisation: &Organisation, attack: &Truth, found: &[&Finding]) -> Case {
    let alerts: Vec<&&Finding> = found.iter().filter(|finding| finding.is_alert()).collect();
    let is_named = |finding: &&&Finding| attack.behaviours.contains(&finding.detector);
    let is_technique = |finding: &&&Finding| {
        finding
            .techniques
            .iter()
            .any(|technique| attack.techniques.iter().any(|other| other == technique.id()))
    };
    let first = alerts.iter().map(|finding| finding.last_seen.0).min();
    let worst = found.iter().max_by(|a, b| a.score.total_cmp(&b.score));
    Case {
        id: attack.id.clone(),
        organisation: organisation.name.clone(),
        difficulty: attack.difficulty,
        tactics: attack.tactics.clone(),
        is_detected: !alerts.is_empty(),
        has_right_detector: alerts.iter().any(is_named),
        has_right_technique: alerts.iter().any(is_technique),
        hours_to_detect: first.map(|first| (first - attack.first).max(0) as f64 / 3600.0),
        said: worst.map_or_else(
            || "nothing".to_owned(),
            |worst| format!("{} {} {:.2}", Severity::label(worst.severity), worst.detector, worst.score),
        ),
    }
}
