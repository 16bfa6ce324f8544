//! Detector: console sign-in without MFA.
//!
//! A password alone can be guessed, bought or phished. A small account whose people always sign in this way
//! looks alike; as part of their baseline it weighs little after some days.

use super::{Aspect, Detector, ScopeKind, weigh_acts};
use crate::{activity::Window, baseline::Habits, catalog::Tactic, finding::Severity, risk::Signal};

pub(super) const DETECTOR: Detector = Detector {
    id: "initial-access",
    title: "Initial access: sign-in that should not be possible",
    scope: ScopeKind::Principal,
    base_severity: Severity::High,
    assesses: Aspect::SignIn,
    playbook: "credential-compromise",
    guesses: false,
    mitigation: &[
        "Ask the person; if it was not them, end the sessions and reset the password",
        "Require MFA for every console user, or replace IAM users by single sign-on",
    ],
    detect,
};

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    weigh_acts(window, habits, |act| act.tactic == Tactic::InitialAccess)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    #[test]
    fn a_password_alone_is_weak() {
        assert!(Story::new().sign_in(true, Some(false)).score(detect) >= 0.4);
    }

    #[test]
    fn a_second_factor_or_an_unknown_one_is_not() {
        assert!(Story::new().sign_in(true, Some(true)).score(detect) < 0.15);
        assert!(Story::new().sign_in(true, None).score(detect) < 0.15);
        assert!(Story::new().sign_in(false, Some(false)).score(detect) < 0.15);
    }
}
