//! Evaluation of day models: how well each separates attacked identity-days from benign ones.
//!
//! A model's threshold is the score that one in two hundred benign days *before* the attacks exceeds, as an
//! organisation would set it without having seen an attack. A forest is trained on the same features of other
//! organisations, with the truth of half the kinds of attacks. It is measured on the other half, beside the
//! threat score, because it would recognise the kinds it was trained on.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde::Serialize;
use smartcore::{
    ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters},
    linalg::basic::matrix::DenseMatrix,
    metrics::roc_auc_score,
};
use trailwarden_core::{
    activity::Scope,
    baseline::Parts,
    event::hash,
    finding::Finding,
    judgement::{Surroundings, assess_days},
    networks::Networks,
    risk::assessment::Assessment,
    settings::Settings,
    severity::thresholds::History,
};

use super::organisation::Organisation;
use crate::judging::spread;

/// Share of benign days above a model's threshold.
const FALSE_SHARE: f64 = 1.0 / 200.0;
/// Days at the start that serve only for learning.
const LEARNT: u32 = 15;

/// Scores and features of an identity-day.
struct Day {
    is_attacked: bool,
    /// Attacked by a kind of attack that a forest may be trained on.
    is_taught: bool,
    /// Whether it is measured; earlier days only set the threshold.
    is_counted: bool,
    anomaly: f64,
    behavior: f64,
    risk: f64,
    threat: f64,
    /// Features for a trained model; -1 where unknown.
    features: Vec<f64>,
}

/// Identity-days of several organisations.
#[derive(Default)]
pub(super) struct Days {
    days: Vec<Day>,
}

/// A forest trained on other organisations.
pub(super) struct Trained {
    forest: RandomForestRegressor<f64, f64, DenseMatrix<f64>, Vec<f64>>,
}

/// Quality of a model.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) model: &'static str,
    pub(super) auc: f64,
    pub(super) threshold: f64,
    pub(super) recall: f64,
    pub(super) precision: f64,
    pub(super) f1: f64,
    pub(super) accuracy: f64,
    pub(super) false_per_1000: f64,
}

impl Days {
    /// Adds an organisation's identity-days.
    pub(super) fn add(
        &mut self,
        organisation: &Organisation,
        findings: &[(Scope, Finding)],
        jobs: usize,
    ) -> Result<()> {
        let peers = organisation.peers(jobs)?;
        let (networks, settings, thresholds) = (Networks::default(), Settings::default(), History::default());
        let around = Surroundings {
            peers: &peers,
            networks: &networks,
            settings: &settings,
            thresholds: &thresholds,
            parts: Parts::default(),
        };
        let attacked = organisation.attacked();
        let taught = organisation.attacked_by(is_taught);
        let parts = spread(&organisation.identities(), jobs, |scope, days: &mut Vec<(Scope, Day)>| {
            let hours = organisation.hours(scope)?;
            let own: Vec<&Finding> =
                findings.iter().filter(|(of, _)| of == scope).map(|(_, finding)| finding).collect();
            let first = organisation.from.saturating_sub(30) + LEARNT;
            for (day, assessment) in
                assess_days(scope, &hours, around, &own).into_iter().filter(|(day, _)| *day >= first)
            {
                let today = hours.iter().filter(|(hour, _)| hour / 24 == day);
                let principals =
                    today.flat_map(|(_, hour)| hour.identities.values().map(ToString::to_string));
                let principals: Vec<String> = match scope {
                    Scope::Principal(id) => vec![id.to_string()],
                    _ => principals.collect(),
                };
                let is_in = |days: &BTreeSet<(&str, u32)>| {
                    principals.iter().any(|principal| days.contains(&(principal.as_str(), day)))
                };
                let worst =
                    own.iter().filter(|finding| finding.last_seen.day() == day).map(|finding| finding.score);
                let threat = f64::from(worst.fold(0.0, f32::max));
                let mut known = Day::new(&assessment, threat);
                known.is_attacked = is_in(&attacked);
                known.is_taught = is_in(&taught);
                known.is_counted = day >= organisation.from;
                days.push((scope.clone(), known));
            }
            Ok(())
        })?;
        let mut days: Vec<(Scope, Day)> = parts.into_iter().flatten().collect();
        // Threads finish in any order, and a forest depends on the order of its rows.
        days.sort_by(|a, b| a.0.cmp(&b.0));
        self.days.extend(days.into_iter().map(|(_, day)| day));
        Ok(())
    }

    /// Trains a forest on these days.
    pub(super) fn train(&self) -> Result<Trained> {
        let taught: Vec<&Day> = self.days.iter().filter(|day| day.is_taught || !day.is_attacked).collect();
        let rows: Vec<Vec<f64>> = taught.iter().map(|day| day.features.clone()).collect();
        let truth: Vec<f64> = taught.iter().map(|day| f64::from(u8::from(day.is_attacked))).collect();
        let matrix = DenseMatrix::from_2d_vec(&rows).context("no day to learn from")?;
        let parameters = RandomForestRegressorParameters::default()
            .with_n_trees(100)
            .with_min_samples_leaf(3)
            .with_seed(42);
        let forest = RandomForestRegressor::fit(&matrix, &truth, parameters).context("training a forest")?;
        Ok(Trained { forest })
    }

    /// Measures each model.
    pub(super) fn measure(&self, trained: Option<&Trained>) -> Vec<Row> {
        let all: Vec<&Day> = self.days.iter().collect();
        let of = |model, days: &[&Day], score: fn(&Day) -> f64| {
            row(model, days, &days.iter().map(|day| score(day)).collect::<Vec<_>>())
        };
        let mut rows = vec![
            of("anomaly", &all, |day| day.anomaly),
            of("behaviour", &all, |day| day.behavior),
            of("risk", &all, |day| day.risk),
            of("threat", &all, |day| day.threat),
        ];
        let Some(trained) = trained else { return rows };
        let untaught: Vec<&Day> = self.days.iter().filter(|day| !day.is_taught).collect();
        let features: Vec<Vec<f64>> = untaught.iter().map(|day| day.features.clone()).collect();
        let scores = DenseMatrix::from_2d_vec(&features).and_then(|matrix| trained.forest.predict(&matrix));
        if let Ok(scores) = scores {
            rows.push(of("threat, half", &untaught, |day| day.threat));
            rows.push(row("trained, half", &untaught, &scores));
        }
        rows
    }
}

/// Whether a forest may be trained on this kind of attack: about half of them, by the hash of the name.
fn is_taught(kind: &str) -> bool {
    hash(kind).is_multiple_of(2)
}

/// Quality of `scores` in separating the days.
fn row(model: &'static str, days: &[&Day], scores: &[f64]) -> Row {
    let each = || days.iter().zip(scores.iter().copied());
    let mut before: Vec<f64> = each().filter(|(day, _)| !day.is_counted).map(|(_, score)| score).collect();
    before.sort_by(|a, b| b.total_cmp(a));
    let threshold = before.get((before.len() as f64 * FALSE_SHARE) as usize).copied().unwrap_or(0.5);
    let counted: Vec<(bool, f64)> =
        each().filter(|(day, _)| day.is_counted).map(|(day, score)| (day.is_attacked, score)).collect();
    let count = |is: bool, says: bool| {
        counted.iter().filter(|(attacked, score)| *attacked == is && (*score > threshold) == says).count()
            as f64
    };
    let (hit, missed, accused, left) =
        (count(true, true), count(true, false), count(false, true), count(false, false));
    let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
    let (recall, precision) = (share(hit, hit + missed), share(hit, hit + accused));
    let (truth, score): (Vec<f64>, Vec<f64>) =
        counted.iter().map(|(attacked, score)| (f64::from(u8::from(*attacked)), *score)).unzip();
    Row {
        model,
        auc: roc_auc_score(&truth, &score),
        threshold,
        recall,
        precision,
        f1: share(2.0 * precision * recall, precision + recall),
        accuracy: share(hit + left, hit + left + missed + accused),
        false_per_1000: share(accused, accused + left) * 1000.0,
    }
}

impl Day {
    fn new(assessment: &Assessment, threat: f64) -> Self {
        let known = |value: Option<f32>| value.map_or(-1.0, f64::from);
        let mut features =
            vec![threat, known(assessment.behavior.anomaly_score), f64::from(assessment.confidence)];
        features.extend(assessment.behavior_risk.components.iter().map(|part| known(part.value)));
        features.extend(assessment.access_context.components.iter().map(|part| known(part.value)));
        features.extend(assessment.components.iter().map(|part| known(part.value)));
        Self {
            is_attacked: false,
            is_taught: false,
            is_counted: true,
            anomaly: assessment.behavior.anomaly_beyond.map_or(-1.0, f64::from),
            behavior: f64::from(assessment.behavior_risk.score),
            risk: f64::from(assessment.score),
            threat,
            features,
        }
    }
}

#[cfg(test)]
mod tests {
    use trailwarden_simulator::Options;

    use super::*;
    use crate::evaluate::VARIANTS;

    #[test]
    fn any_number_of_threads_sees_the_same_days_in_the_same_order() {
        let small =
            Options { days: 24, people: 8, workloads: 3, attack_days: 5, attacks: 6, ..Options::new(5) };
        let organisation = Organisation::simulate(small).expect("an organisation");
        let rows = |jobs| {
            let mut days = Days::default();
            let findings = organisation.judge(&VARIANTS[0], jobs).expect("findings");
            days.add(&organisation, &findings, jobs).expect("days");
            days.days.into_iter().map(|day| day.features).collect::<Vec<_>>()
        };
        let one = rows(1);
        assert!(one.len() > 50, "{}", one.len());
        for _ in 0..3 {
            assert!(one == rows(3));
        }
    }
}
