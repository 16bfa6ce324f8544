//! Share of each framework that activity can prove or disprove.

use serde::Serialize;

use super::{Control, Framework};
use trailwarden_core::settings::Facts;

/// Share of a framework that activity can prove or disprove.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The framework's id.
    pub framework: &'static str,
    /// For people.
    pub title: &'static str,
    /// Edition.
    pub version: &'static str,
    /// Number of controls.
    pub controls: usize,
    /// Controls with at least one check.
    pub spoken_of: usize,
    /// Those of them whose checks all need a missing setting.
    pub need_settings: usize,
    /// Number of checks that the controls map to.
    pub checks: usize,
}

/// Computes the coverage of a framework under the given settings.
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
