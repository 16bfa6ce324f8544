//! Severity thresholds: fixed defaults, then learnt from analysts' verdicts.
//!
//! Each organisation chooses how many false alerts it accepts per 1,000 principal-days. The MEDIUM threshold
//! is the lowest score that keeps false alerts below that number; HIGH and CRITICAL move with it. Nine in ten
//! alerts that analysts confirmed stay alerts. Steps are small, bounds hold whatever the verdicts (an
//! attacker may give some), and every change is stored with its reason.

use serde::{Deserialize, Serialize};

use super::Level;

/// Default HIGH threshold, where a threat begins.
pub const THREAT: f32 = 0.7;
/// Default CRITICAL threshold.
pub const CERTAIN: f32 = 0.9;
/// Default MEDIUM threshold, where an alert begins.
pub const NOTEWORTHY: f32 = 0.4;
/// Default LOW threshold: nothing below it is reported, such as a minor act or two, however rare.
pub const SILENCE: f32 = 0.35;

/// The scores at which LOW, MEDIUM, HIGH and CRITICAL begin, for a detector of base severity HIGH.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thresholds {
    /// LOW: nothing below it is reported.
    pub low: f32,
    /// MEDIUM: an alert.
    pub medium: f32,
    /// HIGH: a threat.
    pub high: f32,
    /// CRITICAL: near certainty.
    pub critical: f32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { low: SILENCE, medium: NOTEWORTHY, high: THREAT, critical: CERTAIN }
    }
}

/// Bounds of the MEDIUM threshold.
const BOUNDS: (f32, f32) = (0.36, 0.60);
/// Most that MEDIUM moves in a day.
const STEP: f32 = 0.02;
/// Share of MEDIUM's move by which the others move: near certainty stays near.
const HIGH_MOVES: f32 = 0.5;
const CRITICAL_MOVES: f32 = 0.15;
/// One in this many confirmed alerts may be lost.
const RIGHT_LOST: usize = 10;
/// Fewest verdicts to learn from.
const ENOUGH: usize = 5;
/// Default of accepted false alerts, per 1,000 principal-days.
pub const FALSE_ALERTS: f32 = 5.0;

/// Verdict of an analyst on a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The finding was right.
    TruePositive,
    /// The activity was innocent.
    FalsePositive,
}

/// A change of the thresholds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// First day on which it applies.
    pub day: u32,
    /// The thresholds from that day on.
    pub thresholds: Thresholds,
    /// The reason, as text.
    pub reason: String,
}

/// Thresholds by day. Those of a day are learnt from the days before it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// The changes, ascending by day; at most [`CHANGES`], a few KB.
    pub changes: Vec<Change>,
}

/// Most changes kept: a quarter's, with one a day.
pub const CHANGES: usize = 90;
/// Days of verdicts that count.
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

    /// Learns the thresholds of `day` from the verdicts before it. A day is learnt once; returns `true` if
    /// something changed.
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

    /// All thresholds, given MEDIUM; it is clamped to its bounds.
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

    /// The thresholds of the next day, one step towards what the verdicts of the last 30 days ask for; with
    /// the reason.
    ///
    /// `verdicts` are scores of alerts and their verdicts; `principal_days` is the number of judged days of
    /// principals; `bearable` is the accepted number of false alerts per 1,000 of those. `None` if nothing
    /// changes.
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
        // The first false alert beyond the accepted number, from the highest score down: the threshold must
        // exceed it.
        let wanted = false_alerts.get(borne.floor() as usize).map_or(BOUNDS.0, |too_many| too_many + 0.005);
        // Confirmed alerts stay alerts, but for one in ten: one verdict must not outvote all others.
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
