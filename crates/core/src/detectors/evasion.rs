//! Detector: defences weakened. Trails, detectors, recorders, logs, guard rails, firewalls.
//!
//! An attacker wants no record and no alert. A platform team that replaces a trail or opens a web server's
//! port looks alike: it uses its pipeline, and enables the new one before it disables the old one.

use super::{Aspect, Detector, ScopeKind, weigh_acts};
use crate::{activity::Window, baseline::Habits, catalog::Tactic, finding::Severity, risk::Signal};

pub(super) const DETECTOR: Detector = Detector {
    id: "evasion",
    title: "Defense impairment: logging or detection weakened",
    scope: ScopeKind::Principal,
    base_severity: Severity::High,
    assesses: Aspect::Rights,
    playbook: "evasion",
    guesses: false,
    mitigation: &[
        "Switch the defence on again, and look at what happened while it was off in other logs",
        "Revoke the sessions of the principal, unless the change was announced",
        "Deny these calls to everybody but one role with a service control policy",
    ],
    detect,
};

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    weigh_acts(window, habits, |act| act.tactic == Tactic::DefenseEvasion)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    #[test]
    fn a_stopped_trail_is_evasion() {
        assert!(Story::new().call("cloudtrail", "StopLogging", r#"{"name":"main"}"#).score(detect) >= 0.7);
    }

    #[test]
    fn an_attempt_that_failed_is_still_seen() {
        let score = Story::new()
            .failed("cloudtrail", "DeleteTrail", r#"{"name":"main"}"#, "AccessDenied")
            .score(detect);
        assert!((0.4..0.7).contains(&score), "{score}");
    }

    #[test]
    fn a_port_opened_to_a_private_network_is_not() {
        let rule = r#"{"groupId":"sg-1","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"10.0.0.0/8"}]}}]}}"#;
        assert!(Story::new().call("ec2", "AuthorizeSecurityGroupIngress", rule).score(detect) < 0.15);
    }
}
