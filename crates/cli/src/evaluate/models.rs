//! The models of whole days: how well each tells an attacked identity-day from a benign one.
//!
//! Each says yes from the score on that the benign days *before* the attacks reach once in two hundred: as an
//! organisation would have set it, with no attack seen. A trained forest sees the same days' numbers, of other
//! organisations, with their truth.

use anyhow::{Context, Result};
use serde::Serialize;
use smartcore::{
    ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters},
    linalg::basic::matrix::DenseMatrix,
    metrics::roc_auc_score,
};
use trailwarden_core::{
    activity::Scope,
    finding::Finding,
    judgement::{Parts, Surroundings, assess_days},
    networks::Networks,
    risk::{assessment::Assessment, thresholds::History},
    settings::Settings,
};

use super::organisation::Organisation;
use crate::judging::spread;

/// Benign days that reach the score from which a model says yes.
const FALSE_SHARE: f64 = 1.0 / 200.0;
/// Days at the start that are only learnt from.
const LEARNT: u32 = 15;

/// An identity-day in numbers.
struct Day {
    is_attacked: bool,
    /// Of the days that count, rather than of those before.
    is_counted: bool,
    anomaly: f64,
    behavior: f64,
    risk: f64,
    threat: f64,
    /// What a trained model may look at.
    features: Vec<f64>,
}

/// Identity-days of some organisations.
#[derive(Default)]
pub(super) struct Days {
    days: Vec<Day>,
}

/// A forest that learnt from other organisations.
pub(super) struct Trained {
    forest: RandomForestRegressor<f64, f64, DenseMatrix<f64>, Vec<f64>>,
}

/// How well a model does.
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
        let parts = spread(&organisation.identities(), jobs, |scope, days: &mut Vec<Day>| {
            let hours = organisation.hours(scope)?;
            let own: Vec<&Finding> =
                findings.iter().filter(|(of, _)| of == scope).map(|(_, finding)| finding).collect();
            let first = organisation.from.saturating_sub(30) + LEARNT;
            for (day, assessment) in
                assess_days(scope, &hours, around, &own).into_iter().filter(|(day, _)| *day >= first)
            {
                let today = hours.iter().filter(|(hour, _)| hour / 24 == day);
                let mut principals =
                    today.flat_map(|(_, hour)| hour.identities.values().map(ToString::to_string));
                let is_attacked = match scope {
                    Scope::Principal(id) => attacked.contains(&(&**id, day)),
                    _ => principals.any(|principal| attacked.contains(&(principal.as_str(), day))),
                };
                let worst =
                    own.iter().filter(|finding| finding.last_seen.day() == day).map(|finding| finding.score);
                let threat = f64::from(worst.fold(0.0, f32::max));
                days.push(Day::new(&assessment, threat, is_attacked, day >= organisation.from));
            }
            Ok(())
        })?;
        self.days.extend(parts.into_iter().flatten());
        Ok(())
    }

    /// Grows a forest on these days.
    pub(super) fn train(&self) -> Result<Trained> {
        let rows: Vec<Vec<f64>> = self.days.iter().map(|day| day.features.clone()).collect();
        let truth: Vec<f64> = self.days.iter().map(|day| f64::from(u8::from(day.is_attacked))).collect();
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
        let of =
            |model, score: fn(&Day) -> f64| self.row(model, &self.days.iter().map(score).collect::<Vec<_>>());
        let mut rows = vec![
            of("anomaly", |day| day.anomaly),
            of("behaviour", |day| day.behavior),
            of("risk", |day| day.risk),
            of("threat", |day| day.threat),
        ];
        let features: Vec<Vec<f64>> = self.days.iter().map(|day| day.features.clone()).collect();
        if let (Some(trained), Ok(matrix)) = (trained, DenseMatrix::from_2d_vec(&features)) {
            let scores = trained.forest.predict(&matrix).unwrap_or_default();
            if scores.len() == self.days.len() {
                rows.push(self.row("trained forest", &scores));
            }
        }
        rows
    }

    fn row(&self, model: &'static str, scores: &[f64]) -> Row {
        let scored = || self.days.iter().zip(scores.iter().copied());
        let mut before: Vec<f64> =
            scored().filter(|(day, _)| !day.is_counted).map(|(_, score)| score).collect();
        before.sort_by(|a, b| b.total_cmp(a));
        let threshold = before.get((before.len() as f64 * FALSE_SHARE) as usize).copied().unwrap_or(0.5);
        let counted: Vec<(bool, f64)> =
            scored().filter(|(day, _)| day.is_counted).map(|(day, score)| (day.is_attacked, score)).collect();
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
}

impl Day {
    fn new(assessment: &Assessment, threat: f64, is_attacked: bool, is_counted: bool) -> Self {
        let known = |value: Option<f32>| value.map_or(-1.0, f64::from);
        let mut features =
            vec![threat, known(assessment.behavior.anomaly_score), f64::from(assessment.confidence)];
        features.extend(assessment.behavior_risk.components.iter().map(|part| known(part.value)));
        features.extend(assessment.access_context.components.iter().map(|part| known(part.value)));
        features.extend(assessment.components.iter().map(|part| known(part.value)));
        Self {
            is_attacked,
            is_counted,
            anomaly: assessment.behavior.anomaly_beyond.map_or(-1.0, f64::from),
            behavior: f64::from(assessment.behavior_risk.score),
            risk: f64::from(assessment.score),
            threat,
            features,
        }
    }
}
