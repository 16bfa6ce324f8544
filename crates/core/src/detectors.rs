//! Detectors: one file each, with a data sheet, a function and its tests.

mod anomalous_access;
mod brute_force;
mod credential_access;
mod credential_stuffing;
mod data_exfiltration;
mod dormant_identity;
mod evasion;
mod execution;
mod impact;
mod initial_access;
mod instance_credentials;
mod lateral_movement;
mod password_spraying;
mod persistence;
mod privilege_escalation;
mod reconnaissance;

use crate::{
    activity::{Scope, Window},
    baseline::Habits,
    catalog::Act,
    finding::Severity,
    risk::{Signal, confidence, reasons, signal},
};

/// All detectors.
pub const ALL: &[&Detector] = &[
    &anomalous_access::DETECTOR,
    &brute_force::DETECTOR,
    &credential_access::DETECTOR,
    &credential_stuffing::DETECTOR,
    &data_exfiltration::DETECTOR,
    &dormant_identity::DETECTOR,
    &evasion::DETECTOR,
    &execution::DETECTOR,
    &impact::DETECTOR,
    &initial_access::DETECTOR,
    &instance_credentials::DETECTOR,
    &lateral_movement::DETECTOR,
    &password_spraying::DETECTOR,
    &persistence::DETECTOR,
    &privilege_escalation::DETECTOR,
    &reconnaissance::DETECTOR,
];

/// Data sheet and function of a detector.
pub struct Detector {
    /// Stable name, equal to the file's in kebab-case.
    pub id: &'static str,
    /// Title of its findings, at most 256 bytes.
    pub title: &'static str,
    /// The kind of scope it judges.
    pub scope: ScopeKind,
    /// The severity of a finding that scores [`THREAT`](crate::finding::THREAT).
    pub base_severity: Severity,
    /// Which part of a principal's assessment a finding of it raises.
    pub assesses: Aspect,
    /// Which playbook answers it: an id of [`PLAYBOOKS`](crate::settings::PLAYBOOKS).
    pub playbook: &'static str,
    /// Whether it counts tries: a finding without the tactic Initial Access says that none succeeded.
    pub guesses: bool,
    /// Recommendations to the analyst.
    pub mitigation: &'static [&'static str],
    /// Judges a window; `None` if nothing is wrong.
    pub detect: fn(&Window<'_>, &Habits<'_>) -> Option<Signal>,
}

/// The parts of a principal's assessment that findings raise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// Authentication: attacks on passwords, weak or stolen credentials.
    SignIn,
    /// Authorization: changed rights, and what was done with them.
    Rights,
    /// Behavior: a day unlike the days before.
    Behavior,
}

/// Kinds of [`Scope`]; persons count as principals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are Scope's")]
pub enum ScopeKind {
    Principal,
    Address,
    Account,
}

impl ScopeKind {
    /// Whether `scope` is of this kind.
    pub fn is_of(self, scope: &Scope) -> bool {
        matches!(
            (self, scope),
            (Self::Principal, Scope::Principal(_) | Scope::Person(_))
                | (Self::Address, Scope::Address(_))
                | (Self::Account, Scope::Account(_))
        )
    }
}

/// The detector of this id.
pub fn find(id: &str) -> Option<&'static Detector> {
    ALL.iter().copied().find(|detector| detector.id == id)
}

/// Ids of all detectors.
pub fn ids() -> Vec<&'static str> {
    ALL.iter().map(|detector| detector.id).collect()
}

/// Common detection: weighs the day's acts that `belongs` selects.
fn weigh_acts(window: &Window<'_>, habits: &Habits<'_>, belongs: impl Fn(&Act) -> bool) -> Option<Signal> {
    signal(reasons(window, habits, belongs), confidence(habits))
}

#[cfg(test)]
pub(crate) mod testing;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sheets_are_complete_and_ids_unique() {
        let mut ids = ids();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), ALL.len());
        for detector in ALL {
            assert!(!detector.mitigation.is_empty(), "{}", detector.id);
            assert!(
                detector.title.len() <= 256
                    && detector.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
            );
            assert!(
                detector.mitigation.iter().map(|text| text.len()).sum::<usize>() < 480,
                "{}",
                detector.id
            );
        }
    }
}
