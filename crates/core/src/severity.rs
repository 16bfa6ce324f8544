//! How bad something is.

pub mod thresholds;

use serde::{Deserialize, Serialize};
use thresholds::Thresholds;

/// How bad, by ASFF's labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Nothing to do.
    Informational,
    /// Worth knowing.
    Low,
    /// Worth a look today.
    Medium,
    /// Worth a look now.
    High,
    /// Worth waking somebody.
    Critical,
}

impl Severity {
    /// From bad to worse.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// ASFF's label.
    pub fn label(self) -> &'static str {
        ["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"][self as usize]
    }

    /// The severity of a detector's finding: its base, one step worse when nearly certain, one better below
    /// a threat, two below an alert, as the thresholds have it.
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

/// How bad a principal's day, or a session, or an identity provider is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// As always.
    Low,
    /// Worth a look today.
    Medium,
    /// Worth a look now.
    High,
    /// Worth waking somebody.
    Critical,
}

impl Level {
    /// The word, as findings spell severities.
    pub fn label(self) -> &'static str {
        ["LOW", "MEDIUM", "HIGH", "CRITICAL"][self as usize]
    }
}
