//! From which score on a finding is worth what: fixed at first, then learnt from the analysts' verdicts.
//!
//! Each organisation chooses how many false alerts it bears, per 1,000 principal-days. The threshold of MEDIUM is
//! the lowest score above which the alerts called false stay below that; HIGH and CRITICAL move with it. What an
//! analysts called right stays an alert, but for one in ten. The steps are small, the bounds hold whatever is said (a verdict may
//! be an attacker's), and every change is kept with its reason.

use serde::{Deserialize, Serialize};

use super::Level;

/// A score above this is a threat, until verdicts say otherwise; ASFF's HIGH begins here too.
pub const THREAT: f32 = 0.7;
/// ASFF's CRITICAL begins here.
pub const CERTAIN: f32 = 0.9;
/// ASFF's MEDIUM begins here.
pub const NOTEWORTHY: f32 = 0.4;
/// Below this nothing is reported: a minor act or two, rare as they may be.
pub const SILENCE: f32 = 0.35;

/// The scores at which LOW, MEDIUM, HIGH and CRITICAL begin, for a detector of base severity HIGH.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// Below it nothing is reported.
    pub low: f32,
    /// An alert.
    pub medium: f32,
    /// A threat.
    pub high: f32,
    /// Nearly certain.
    pub critical: f32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { low: SILENCE, medium: NOTEWORTHY, high: THREAT, critical: CERTAIN }
    }
}

/// How far verdicts may move the threshold of MEDIUM.
const BOUNDS: (f32, f32) = (0.36, 0.60);
/// How far it moves in a day.
const STEP: f32 = 0.02;
/// The others move by these parts of it: what is certain stays so.
const HIGH_MOVES: f32 = 0.5;
const CRITICAL_MOVES: f32 = 0.15;
/// One in so many alerts that were called right may be lost to quiet.
const RIGHT_LOST: usize = 10;
/// Fewer verdicts say nothing.
const ENOUGH: usize = 5;
/// False alerts that are borne, per 1,000 principal-days, unless the settings say otherwise.
pub const FALSE_ALERTS: f32 = 5.0;

/// What an analyst said of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was what it said.
    TruePositive,
    /// It was innocent.
    FalsePositive,
}

/// A change of the thresholds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// From which day on.
    pub day: u32,
    /// The thresholds from then on.
    pub thresholds: Thresholds,
    /// Why.
    pub reason: String,
}

/// The thresholds by day: those of a day are what was learnt before it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The changes, by day; at most [`CHANGES`]: a few KB.
    pub changes: Vec<Change>,
}

/// Changes that are kept: a quarter's, if each day brings one.
pub const CHANGES: usize = 90;
/// Days whose verdicts count.
pub const VERDICT_DAYS: u32 = 30;

impl History {
    /// The thresholds in force on a day.
    pub fn at(&self, day: u32) -> Thresholds {
        self.changes
            .iter()
            .rev()
            .find(|change| change.day <= day)
            .map_or_else(Thresholds::default, |change| change.thresholds)
    }

    /// Learns, before `day` begins, from the verdicts of the days before it. A day is learnt once; `true` if something changed.
    pub fn learn(
        &mut self,
        day: u32,
        verdicts: &[(f32, Verdict)],
        principal_days: usize,
        bearable: f32,
    ) -> bool {
        if self.changes.last().is_some_and(|change| change.day >= day) {
            return false;
        }
        let Some((thresholds, reason)) = self.at(day).learn(verdicts, principal_days, bearable) else {
            return false;
        };
        self.changes.push(Change { day, thresholds, reason });
        let surplus = self.changes.len().saturating_sub(CHANGES);
        self.changes.drain(..surplus);
        true
    }
}

impl Thresholds {
    /// The level of a score.
    pub fn level(&self, score: f32) -> Level {
        match score {
            score if score >= self.critical => Level::Critical,
            score if score >= self.high => Level::High,
            score if score >= self.medium => Level::Medium,
            _ => Level::Low,
        }
    }

    /// With MEDIUM at this score, and the others where they belong then.
    fn at(medium: f32) -> Self {
        let usual = Self::default();
        let medium = medium.clamp(BOUNDS.0, BOUNDS.1);
        let moved = medium - usual.medium;
        Self {
            low: usual.low,
            medium,
            high: usual.high + moved * HIGH_MOVES,
            critical: usual.critical + moved * CRITICAL_MOVES,
        }
    }

    /// The thresholds of the next day: a step towards where the verdicts of the last 30 days put them.
    ///
    /// `verdicts` are scores of alerts with what was said of them; `principal_days` how many days of principals were judged; `bearable`
    /// false alerts per 1,000 of those. `None` if nothing changes.
    pub fn learn(
        &self,
        verdicts: &[(f32, Verdict)],
        principal_days: usize,
        bearable: f32,
    ) -> Option<(Self, String)> {
        if verdicts.len() < ENOUGH || principal_days == 0 {
            return None;
        }
        let of = |kind: Verdict| {
            verdicts.iter().filter(move |(_, verdict)| *verdict == kind).map(|(score, _)| *score)
        };
        let borne = f64::from(bearable) * principal_days as f64 / 1000.0;
        let mut false_alerts: Vec<f32> = of(Verdict::FalsePositive).collect();
        false_alerts.sort_by(|a, b| b.total_cmp(a));
        // The first false alert that is too many, from the worst down: the threshold must lie above it.
        let wanted = false_alerts.get(borne.floor() as usize).map_or(BOUNDS.0, |too_many| too_many + 0.005);
        // What was called right stays an alert, but for the odd one: one word must not outvote all others.
        let mut right: Vec<f32> = of(Verdict::TruePositive).collect();
        right.sort_by(f32::total_cmp);
        let kept_right = right.get(right.len() / RIGHT_LOST).copied().unwrap_or(f32::INFINITY);
        let wanted = wanted.min(kept_right).clamp(BOUNDS.0, BOUNDS.1);
        let next = self.medium + (wanted - self.medium).clamp(-STEP, STEP);
        if (next - self.medium).abs() < 0.001 {
            return None;
        }
        let direction = if next > self.medium { "raised" } else { "lowered" };
        let reason = format!(
            "{direction}: {} of {} verdicts on alerts of 30 days say false, {} right, in {principal_days} identity-days; {bearable} false per 1,000 are borne",
            false_alerts.len(),
            verdicts.len(),
            right.len()
        );
        Some((Self::at(next), reason))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_ordered(thresholds: &Thresholds) -> bool {
        thresholds.low <= thresholds.medium
            && thresholds.medium < thresholds.high
            && thresholds.high < thresholds.critical
            && thresholds.critical < 1.0
    }

    fn after(days: usize, verdicts: &[(f32, Verdict)], principal_days: usize) -> Thresholds {
        (0..days).fold(Thresholds::default(), |known, _| {
            known.learn(verdicts, principal_days, 5.0).map_or(known, |(next, _)| next)
        })
    }

    #[test]
    fn many_false_alerts_raise_and_few_lower() {
        let noisy = vec![(0.45, Verdict::FalsePositive); 30];
        let raised = after(20, &noisy, 1000);
        assert!((raised.medium - 0.455).abs() < 0.01, "{raised:?}");
        let quiet = vec![(0.8, Verdict::TruePositive); 10];
        assert!((after(20, &quiet, 1000).medium - BOUNDS.0).abs() < 0.001);
    }

    #[test]
    fn what_was_called_right_is_not_raised_above() {
        let mut verdicts = vec![(0.55, Verdict::FalsePositive); 30];
        verdicts.extend([(0.42, Verdict::TruePositive); 4]);
        assert!(after(30, &verdicts, 100).medium <= 0.42);
    }

    #[test]
    fn one_word_does_not_outvote_all_others() {
        let mut verdicts = vec![(0.55, Verdict::FalsePositive); 30];
        verdicts.push((0.37, Verdict::TruePositive));
        verdicts.extend([(0.8, Verdict::TruePositive); 12]);
        assert!(after(30, &verdicts, 100).medium > 0.5);
    }

    #[test]
    fn a_few_verdicts_say_nothing_and_a_day_moves_little() {
        assert_eq!(Thresholds::default().learn(&[(0.9, Verdict::FalsePositive); 4], 10, 5.0), None);
        let (next, reason) =
            Thresholds::default().learn(&[(0.9, Verdict::FalsePositive); 40], 10, 5.0).unwrap();
        assert!(next.medium - NOTEWORTHY <= STEP + 1e-6 && reason.starts_with("raised"), "{next:?} {reason}");
    }

    proptest! {
        #[test]
        fn they_stay_ordered_and_bounded_whatever_is_said(
            verdicts in prop::collection::vec((0.0f32..1.0, any::<bool>()), 0..60), days in 1usize..60, principal_days in 0usize..5000
        ) {
            let verdicts: Vec<(f32, Verdict)> = verdicts
                .into_iter()
                .map(|(score, right)| (score, if right { Verdict::TruePositive } else { Verdict::FalsePositive }))
                .collect();
            let thresholds = after(days, &verdicts, principal_days);
            prop_assert!(is_ordered(&thresholds), "{:?}", thresholds);
            prop_assert!((BOUNDS.0..=BOUNDS.1).contains(&thresholds.medium));
        }
    }
}
