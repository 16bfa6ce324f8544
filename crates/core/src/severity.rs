//! Severity of findings, and level of risk scores.

pub mod thresholds;

use serde::{Deserialize, Serialize};
use thresholds::Thresholds;

/// Severity, by ASFF's labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// No action needed.
    Informational,
    /// For information.
    Low,
    /// Look at it today.
    Medium,
    /// Look at it now.
    High,
    /// Wake somebody.
    Critical,
}

impl Severity {
    /// All severities, ascending.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// ASFF's label.
    pub fn label(self) -> &'static str {
        ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"][self as usize]
    }

    /// Severity of a detector's finding: its base; one step up from the CRITICAL threshold, one down below
    /// HIGH, two down below MEDIUM.
    pub fn of(base: Self, score: f32, thresholds: &Thresholds) -> Self {
        let step = match thresholds.level(score) {
            Level::Critical => 1,
            Level::High => 0,
            Level::Medium => -1,
            Level::Low => -2,
        };
        let level = (base as i8 + step).clamp(0, Self::Critical as i8);
        Self::ALL[level as usize]
    }
}

/// Risk level of a principal's day, a session or an identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Usual.
    Low,
    /// Look at it today.
    Medium,
    /// Look at it now.
    High,
    /// Wake somebody.
    Critical,
}

impl Level {
    /// The label, spelled as a severity.
    pub fn label(self) -> &'static str {
        ["LOW", "MEDIUM", "HIGH", "CRITICAL"][self as usize]
    }
}
