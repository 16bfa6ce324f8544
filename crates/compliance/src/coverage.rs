//! How much of each framework activity can speak to.

use serde::Serialize;

use super::{Control, Framework};
use trailwarden_core::settings::Facts;

/// How much of a framework activity can speak to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The framework's name.
    pub framework: &'static str,
    /// For people.
    pub title: &'static str,
    /// Which edition.
    pub version: &'static str,
    /// All its controls.
    pub controls: usize,
    /// Those that activity can speak to.
    pub spoken_of: usize,
    /// Those of them that need a setting.
    pub need_settings: usize,
    /// The checks that it maps to.
    pub checks: usize,
}

/// How much of a framework activity can speak to, given what the settings say.
pub fn coverage(framework: &Framework, facts: &Facts) -> Coverage {
    let is_waiting = |control: &&Control| control.checks.iter().all(|check| !check.is_in_force(facts));
    Coverage {
        framework: framework.id,
        title: framework.title,
        version: framework.version,
        controls: framework.controls.len(),
        spoken_of: framework.spoken_of().count(),
        need_settings: framework.spoken_of().filter(is_waiting).count(),
        checks: framework.checks().len(),
    }
}
