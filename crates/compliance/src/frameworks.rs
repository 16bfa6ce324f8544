//! Registry of compliance frameworks. Frameworks map their controls to checks; they own none.

mod fedramp_moderate;
mod gdpr;
mod hipaa;
mod pci_dss;
mod soc2;

use super::Check;
use trailwarden_core::settings::Data;

/// All frameworks.
pub const ALL: &[&Framework] = &[
    &soc2::FRAMEWORK,
    &pci_dss::FRAMEWORK,
    &hipaa::FRAMEWORK,
    &gdpr::FRAMEWORK,
    &fedramp_moderate::FRAMEWORK,
];

/// A compliance framework: a list of controls.
pub struct Framework {
    /// Stable kebab-case id, equal to the file's name.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// Edition.
    pub version: &'static str,
    /// Prefix of a control's id in a list of several frameworks, for example `PCI DSS v4.0.1/`.
    pub(super) label: &'static str,
    /// Kind of data that the framework covers; `None` covers all.
    pub(super) data: Option<Data>,
    /// All controls, including those without a check.
    pub controls: &'static [Control],
}

/// One control.
pub struct Control {
    /// The framework's own id of the control.
    pub id: &'static str,
    /// Short title.
    pub title: &'static str,
    /// Checks that can prove a violation; empty if activity cannot.
    pub checks: &'static [&'static Check],
}

const fn control(id: &'static str, title: &'static str, checks: &'static [&'static Check]) -> Control {
    Control { id, title, checks }
}

impl Framework {
    /// A control's name with the framework's prefix: `PCI DSS v4.0.1/10.2.1`.
    pub fn name(&self, control: &Control) -> String {
        format!("{}{}", self.label, control.id)
    }

    /// Whether `name` is the prefixed name of one of its controls.
    pub(super) fn has(&self, name: &str) -> bool {
        let id = name.strip_prefix(self.label);
        id.is_some_and(|id| self.controls.iter().any(|control| control.id == id))
    }

    /// Prefixed names of the controls that map to a check.
    pub(super) fn labels_of(&self, check: &Check) -> impl Iterator<Item = String> {
        let speaks = |control: &&Control| control.checks.iter().any(|known| known.id == check.id);
        self.controls.iter().filter(speaks).map(|control| self.name(control)).collect::<Vec<_>>().into_iter()
    }

    /// Controls with at least one check.
    pub fn spoken_of(&self) -> impl Iterator<Item = &'static Control> {
        self.controls.iter().filter(|control| !control.checks.is_empty())
    }

    /// Checks that the controls map to, without duplicates, in the order of [`ALL`](super::ALL).
    pub fn checks(&self) -> Vec<&'static Check> {
        let mapped = |check: &&Check| {
            self.controls.iter().any(|control| control.checks.iter().any(|known| known.id == check.id))
        };
        super::ALL.iter().copied().filter(mapped).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_check_is_used_and_every_control_is_named_once() {
        for check in super::super::ALL {
            assert!(
                ALL.iter().any(|framework| framework.labels_of(check).count() > 0),
                "{} is in no framework",
                check.id
            );
        }
        for framework in ALL {
            let ids: BTreeSet<&str> = framework.controls.iter().map(|control| control.id).collect();
            assert_eq!(ids.len(), framework.controls.len(), "{}", framework.id);
            assert!(framework.controls.iter().all(|control| !control.title.is_empty()), "{}", framework.id);
            let is_known = |check: &&Check| super::super::ALL.iter().any(|known| known.id == check.id);
            assert!(
                framework.controls.iter().flat_map(|control| control.checks).all(is_known),
                "{}",
                framework.id
            );
        }
    }

    #[test]
    fn what_frameworks_publish_as_their_size_is_what_is_here() {
        let sizes: Vec<(&str, usize)> =
            ALL.iter().map(|framework| (framework.id, framework.controls.len())).collect();
        // The trust services criteria: 33 common, 28 additional. FedRAMP's published count for Moderate: 323.
        assert!(sizes.contains(&("soc2", 61)) && sizes.contains(&("fedramp-moderate", 323)), "{sizes:?}");
    }

    #[test]
    fn security_hub_takes_the_names() {
        for framework in ALL {
            assert!(framework.controls.iter().all(|control| framework.name(control).len() <= 64));
        }
    }
}
