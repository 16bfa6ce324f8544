//! Detector: persistence, a new way into the account. A credential, a user, a trust, or code that others run.
//!
//! An attacker expects to lose the stolen credential and creates another: a key or password for another user,
//! a new user, a role that the attacker's account may assume, a certificate authority for Roles Anywhere, a
//! layer in somebody's function. Rotating one's own key, and an infrastructure owner who creates roles every
//! week, look alike.

use super::{Aspect, Detector, ScopeKind, weigh_acts};
use crate::{activity::Window, baseline::Habits, catalog::Tactic, finding::Severity, risk::Signal};

pub(super) const DETECTOR: Detector = Detector {
    id: "persistence",
    title: "Persistence: new way back into the account",
    scope: ScopeKind::Principal,
    base_severity: Severity::High,
    assesses: Aspect::Rights,
    playbook: "credential-compromise",
    guesses: false,
    mitigation: &[
        "Disable the credential, user, trust or code that was added, and look for what used it since",
        "Find out how the principal was taken over: revoke its sessions and rotate its keys",
        "Require approval for new credentials and external trust with a service control policy",
    ],
    detect,
};

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    weigh_acts(window, habits, |act| act.tactic == Tactic::Persistence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    #[test]
    fn a_key_for_another_user_is_a_way_back_in() {
        let story = Story::new().call("iam", "CreateAccessKey", r#"{"userName":"lee"}"#);
        assert!(story.score(detect) >= 0.4);
    }

    #[test]
    fn ones_own_key_is_rotation() {
        assert!(Story::new().call("iam", "CreateAccessKey", r#"{"userName":"kim"}"#).score(detect) < 0.15);
    }

    #[test]
    fn what_is_done_every_day_is_work() {
        let role = r#"{"roleName":"r","assumeRolePolicyDocument":"{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"444455556666\"}}]}"}"#;
        let new = Story::new().call("iam", "CreateRole", role).score(detect);
        let old =
            Story::new().on_days(10, "iam", "CreateRole", role).call("iam", "CreateRole", role).score(detect);
        assert!(new >= 0.7 && old < 0.4, "{new} {old}");
    }
}
