//! Metrics of incidents: time to detect and to respond, and the shares that were automatable and undone.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Incident, Progress};
use crate::{Level, planner::STOPS};

/// Numbers of some incidents.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Metrics {
    /// How many.
    pub incidents: usize,
    /// From the first evidence to our knowing, seconds, in the middle; nothing without incidents.
    pub time_to_detect: Option<i64>,
    /// From our knowing to containment, seconds, in the middle of those contained.
    pub time_to_respond: Option<i64>,
    /// The share that can be answered without a person: the plan does not escalate.
    pub automatable: Option<f64>,
    /// The share whose principal itself can be stopped without a person: of people behind single sign-on, IAM stops nobody.
    pub stoppable: Option<f64>,
    /// The share of acts done that were taken back.
    pub undone: Option<f64>,
}

/// Of all, and by playbook.
pub fn metrics(incidents: &[Incident]) -> (Metrics, BTreeMap<String, Metrics>) {
    let mut by_playbook: BTreeMap<String, Vec<&Incident>> = BTreeMap::new();
    for incident in incidents {
        for playbook in &incident.playbooks {
            by_playbook.entry(playbook.clone()).or_default().push(incident);
        }
    }
    let by_playbook = by_playbook.into_iter().map(|(playbook, some)| (playbook, of(&some))).collect();
    (of(&incidents.iter().collect::<Vec<_>>()), by_playbook)
}

fn of(incidents: &[&Incident]) -> Metrics {
    let acts = || incidents.iter().flat_map(|incident| &incident.acts);
    let undone = acts().filter(|act| matches!(act.progress, Progress::Undone | Progress::UndoDue)).count();
    let done = acts().filter(|act| act.progress == Progress::Done).count() + undone;
    let responded = |incident: &&Incident| Some(incident.contained?.0 - incident.opened.0);
    Metrics {
        incidents: incidents.len(),
        time_to_detect: middle(
            incidents.iter().map(|incident| incident.opened.0 - incident.first_seen.0).collect(),
        ),
        time_to_respond: middle(incidents.iter().filter_map(responded).collect()),
        automatable: share(
            incidents.iter().filter(|incident| is_automatable(incident)).count(),
            incidents.len(),
        ),
        stoppable: share(incidents.iter().filter(|incident| is_stoppable(incident)).count(), incidents.len()),
        undone: share(undone, done),
    }
}

fn is_automatable(incident: &Incident) -> bool {
    incident.level != Level::Escalate
}

fn is_stoppable(incident: &Incident) -> bool {
    is_automatable(incident) && incident.acts.iter().any(|act| act.planned.why == STOPS)
}

fn middle(mut values: Vec<i64>) -> Option<i64> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

fn share(part: usize, of: usize) -> Option<f64> {
    (of > 0).then(|| part as f64 / of as f64)
}

#[cfg(test)]
mod tests {
    use super::{super::testing::incident, *};
    use crate::playbooks::testing::found;
    use trailwarden_core::event::Time;

    #[test]
    fn numbers_are_of_all_and_of_each_playbook() {
        let mut fast = incident(found("evasion", &[]), Progress::Done);
        (fast.first_seen, fast.opened, fast.contained) = (Time(0), Time(60), Some(Time(90)));
        fast.acts[0].progress = Progress::Undone;
        let asked = incident(found("anomalous-access", &[]), Progress::Waiting);
        let (all, by_playbook) = metrics(&[fast, asked]);
        assert_eq!((all.incidents, all.time_to_respond, all.automatable), (2, Some(30), Some(0.5)));
        assert_eq!((all.undone, all.stoppable), (Some(1.0 / 3.0), Some(0.5)));
        assert_eq!(by_playbook["evasion"].automatable, Some(1.0));
        assert_eq!(metrics(&[]).0, Metrics::default());
    }
}
