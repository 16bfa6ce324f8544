//! What really happened: beside the logs, for whoever grades what was found in them.

use serde::{Deserialize, Serialize};

/// How hard an attack is to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Difficulty {
    /// Loud: much at once, from somewhere else, with other programs.
    Easy,
    /// A few telling calls among others.
    Medium,
    /// Slow, or in the victim's own place, program and hours, or made of calls that are everybody's work.
    Hard,
}

/// One attack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Its name, and its number in this organisation.
    pub id: String,
    /// What it is.
    pub title: String,
    /// The report it is told after.
    pub source: String,
    /// How hard.
    pub difficulty: Difficulty,
    /// ATT&CK tactics, `TA0003`.
    pub tactics: Vec<String>,
    /// ATT&CK techniques, `T1098.001`.
    pub techniques: Vec<String>,
    /// The behaviours, in the field's words, any of which is a right name for it: `data-exfiltration`.
    pub behaviours: Vec<String>,
    /// As whom it acts, by durable ARN, on which days since 1970.
    pub principal_days: Vec<(String, u32)>,
    /// Its events.
    pub event_ids: Vec<String>,
    /// First event, seconds since 1970.
    pub first: i64,
    /// Last event.
    pub last: i64,
}
