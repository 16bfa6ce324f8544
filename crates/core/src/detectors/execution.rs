//! Detector: commands run on instances, start-up scripts changed, expensive instances started.
//!
//! Systems Manager runs commands as root on any instance; a start-up script runs at the next boot; stolen GPU
//! instances earn money. Patching with Systems Manager and a data scientist's training cluster look alike:
//! they recur.

use super::{Aspect, Detector, ScopeKind, weigh_acts};
use crate::{activity::Window, baseline::Habits, catalog::Tactic, finding::Severity, risk::Signal};

pub(super) const DETECTOR: Detector = Detector {
    id: "execution",
    title: "Execution: commands or machines out of the ordinary",
    scope: ScopeKind::Principal,
    base_severity: Severity::High,
    assesses: Aspect::Rights,
    playbook: "privilege-escalation",
    guesses: false,
    mitigation: &[
        "Stop the commands or machines, and isolate the instances they reached",
        "Look at the command's document, or the image that was started, and at who gave the principal its rights",
        "Limit instance types, regions and ssm:SendCommand with a service control policy",
    ],
    detect,
};

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    weigh_acts(window, habits, |act| act.tactic == Tactic::Execution)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    #[test]
    fn a_fleet_of_accelerators_is_worth_stealing() {
        let fleet = r#"{"instanceType":"p4d.24xlarge","instancesSet":{"items":[{"maxCount":16}]}}"#;
        assert!(Story::new().call("ec2", "RunInstances", fleet).score(detect) >= 0.9);
    }

    #[test]
    fn a_small_machine_is_not() {
        let small = r#"{"instanceType":"t3.small","instancesSet":{"items":[{"maxCount":1}]}}"#;
        assert!(Story::new().call("ec2", "RunInstances", small).score(detect) < 0.15);
    }
}
