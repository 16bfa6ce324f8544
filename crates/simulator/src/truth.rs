//! Ground truth of the attacks, for grading findings.

use serde::{Deserialize, Serialize};

/// Difficulty of detecting an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Difficulty {
    /// Loud: many calls at once, from another place, with other tools.
    Easy,
    /// A few suspicious calls among others.
    Medium,
    /// Slow, or with the victim's place, tool and hours, or made of everyday calls.
    Hard,
}

/// Ground truth of one attack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// The attack's id, and its number in this simulation.
    pub id: String,
    /// Title.
    pub title: String,
    /// The published report it follows.
    pub source: String,
    /// Difficulty of detection.
    pub difficulty: Difficulty,
    /// ATT&CK tactics, for example `TA0003`.
    pub tactics: Vec<String>,
    /// ATT&CK techniques, for example `T1098.001`.
    pub techniques: Vec<String>,
    /// Ids of behaviours that correctly name it, for example `data-exfiltration`.
    pub behaviours: Vec<String>,
    /// Durable ARN and day since 1970 of each principal it acts as.
    pub principal_days: Vec<(String, u32)>,
    /// CloudTrail ids of its events.
    pub event_ids: Vec<String>,
    /// Time of the first event, in seconds since 1970.
    pub first: i64,
    /// Time of the last event, in seconds since 1970.
    pub last: i64,
}
