//! Frameworks map their controls to checks; they own none.

mod fedramp_moderate;
mod gdpr;
mod hipaa;
mod pci_dss;
mod soc2;

use super::Check;
use trailwarden_core::settings::Data;

/// Every framework.
pub const ALL: &[&Framework] = &[
    &soc2::FRAMEWORK,
    &pci_dss::FRAMEWORK,
    &hipaa::FRAMEWORK,
    &gdpr::FRAMEWORK,
    &fedramp_moderate::FRAMEWORK,
];

/// A list of controls that an organisation is held to.
pub struct Framework {
    /// Stable name, equal to the file's.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// Which edition.
    pub version: &'static str,
    /// What stands before a control's id where it is named among those of others.
    pub(super) label: &'static str,
    /// The sort of data it is about; of anything, if `None`.
    pub(super) data: Option<Data>,
    /// All of them, also those of which activity says nothing.
    pub controls: &'static [Control],
}

/// One control.
pub struct Control {
    /// The framework's own id.
    pub id: &'static str,
    /// In short words.
    pub title: &'static str,
    /// What speaks to it; empty where activity cannot.
    pub checks: &'static [&'static Check],
}

const fn control(id: &'static str, title: &'static str, checks: &'static [&'static Check]) -> Control {
    Control { id, title, checks }
}

impl Framework {
    /// A control's name among those of other frameworks: `PCI DSS v4.0.1/10.2.1`.
    pub fn name(&self, control: &Control) -> String {
        format!("{}{}", self.label, control.id)
    }

    /// Is this the name of one of its controls?
    pub(super) fn has(&self, name: &str) -> bool {
        let id = name.strip_prefix(self.label);
        id.is_some_and(|id| self.controls.iter().any(|control| control.id == id))
    }

    /// The names of the controls that a check speaks to.
    pub(super) fn labels_of(&self, check: &Check) -> impl Iterator<Item = String> {
        let speaks = |control: &&Control| control.checks.iter().any(|known| known.id == check.id);
        self.controls.iter().filter(speaks).map(|control| self.name(control)).collect::<Vec<_>>().into_iter()
    }

    /// The controls that activity can speak to.
    pub fn spoken_of(&self) -> impl Iterator<Item = &'static Control> {
        self.controls.iter().filter(|control| !control.checks.is_empty())
    }

    /// The checks that it maps to, each once.
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
