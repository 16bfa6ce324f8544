//! Detector: lateral movement, into instances by pushed keys and sessions, into other accounts by roles.
//!
//! An attacker moves on from one foothold: a key pushed to an instance, the serial console, a role of another
//! account. Operators who log in to instances look alike, and do it from their usual places.

use super::{Aspect, Detector, ScopeKind, weigh_acts};
use crate::{activity::Window, baseline::Habits, catalog::Tactic, finding::Severity, risk::Signal};

pub(super) const DETECTOR: Detector = Detector {
    id: "lateral-movement",
    title: "Lateral movement: access to other machines or accounts",
    scope: ScopeKind::Principal,
    base_severity: Severity::High,
    assesses: Aspect::Rights,
    playbook: "credential-compromise",
    guesses: false,
    mitigation: &[
        "Close the sessions, and remove keys from the instances that were entered",
        "Revoke the sessions of the roles that were assumed, and follow the chain to its first caller",
        "Narrow the roles' trust policies, and who may open sessions on instances",
    ],
    detect,
};

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    weigh_acts(window, habits, |act| act.tactic == Tactic::LateralMovement)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    #[test]
    fn a_key_pushed_to_an_instance_is_movement() {
        assert!(
            Story::new()
                .call("ec2-instance-connect", "SendSSHPublicKey", r#"{"instanceId":"i-1"}"#)
                .score(detect)
                >= 0.4
        );
    }

    #[test]
    fn a_role_of_the_own_account_is_not() {
        assert!(
            Story::new()
                .call("sts", "AssumeRole", r#"{"roleArn":"arn:aws:iam::111122223333:role/x"}"#)
                .score(detect)
                < 0.15
        );
    }
}
