//! Detector: privilege escalation by policies, removed boundaries, passed roles, or use of root.
//!
//! Stolen credentials seldom have the rights an attacker needs; rights to change IAM give the rest. An
//! administrator who sets up a new colleague looks alike, but does it often, and with policies that others
//! use too.

use super::{Aspect, Detector, ScopeKind, weigh_acts};
use crate::{activity::Window, baseline::Habits, catalog::Tactic, finding::Severity, risk::Signal};

pub(super) const DETECTOR: Detector = Detector {
    id: "privilege-escalation",
    title: "Privilege escalation: rights raised",
    scope: ScopeKind::Principal,
    base_severity: Severity::High,
    assesses: Aspect::Rights,
    playbook: "privilege-escalation",
    guesses: false,
    mitigation: &[
        "Detach the policy, restore the boundary or policy version, or delete the function that got the role",
        "Review everything the principal did with the new rights",
        "Limit who may change IAM with permissions boundaries and service control policies; lock root away",
    ],
    detect,
};

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    weigh_acts(window, habits, |act| act.tactic == Tactic::PrivilegeEscalation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    #[test]
    fn administrator_rights_are_escalation() {
        let story = Story::new().call(
            "iam",
            "AttachUserPolicy",
            r#"{"userName":"lee","policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}"#,
        );
        assert!(story.score(detect) >= 0.7);
    }

    #[test]
    fn a_narrow_policy_is_not() {
        let story = Story::new().call(
            "iam",
            "AttachRolePolicy",
            r#"{"roleName":"web","policyArn":"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}"#,
        );
        assert!(story.score(detect) < 0.4);
    }
}
