//! Detector: one address that fails to sign in as many users, with a few tries each.
//!
//! Spraying tries one likely password on every user, slowly, so that no user is locked and nobody notices. An
//! office's gateway also fails as many users, but many sign-ins from it succeed.

use super::{
    Aspect, Detector, ScopeKind, brute_force,
    credential_stuffing::{taken_over, users_who_failed},
};
use crate::{
    activity::Window,
    baseline::Habits,
    catalog::Technique,
    finding::Severity,
    risk::{Signal, confidence, signal},
};

pub(super) const DETECTOR: Detector = Detector {
    id: "password-spraying",
    title: "Password spraying: one address tries passwords of many users",
    scope: ScopeKind::Address,
    base_severity: Severity::High,
    assesses: Aspect::SignIn,
    playbook: "credential-compromise",
    guesses: true,
    mitigation: &[
        "End the sessions and reset the password of every user whose sign-in worked from the address",
        "Block the address, and require MFA for console sign-in",
    ],
    detect,
};

/// Users with failures that are too many for slips.
const USERS: usize = 5;
/// Most tries per user on average: more is brute force.
const TRIES_EACH: f64 = 12.0;

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    let now = window.now();
    if now.failed_sign_ins.is_empty() && now.sign_ins.is_empty() {
        return None;
    }
    let users = users_who_failed(window);
    let count = window.failed_sign_in_count();
    let successful: std::collections::BTreeSet<&str> =
        window.sign_ins().map(|(_, success)| &*success.user).collect();
    let is_office = successful.len() * 2 >= users.len();
    if users.len() < USERS || is_office || count > TRIES_EACH * users.len() as f64 {
        return None;
    }
    let what = format!("failed sign-ins as {} users, {count:.0} tries", users.len());
    let mut tries =
        brute_force::tried(window, &what, 0.6 + 0.06 * (users.len() as f32 / USERS as f32).log2());
    tries.techniques = vec![Technique::new("T1110.003")];
    let success = brute_force::succeeded(window);
    let mut signal = signal([Some(tries), success].into_iter().flatten().collect(), confidence(habits))?;
    signal.principal = taken_over(window);
    Some(signal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    fn spray(users: usize) -> Story {
        (0..users).fold(Story::new().of_address("198.51.100.9"), |story, n| {
            story.by(&format!("user{n}")).from("198.51.100.9").later(3_000).sign_in(false, Some(false))
        })
    }

    #[test]
    fn one_try_for_each_of_many_users_is_spraying() {
        assert!(spray(12).score(detect) >= 0.4);
    }

    #[test]
    fn a_few_users_or_an_office_are_not() {
        assert!(spray(4).signal(detect).is_none());
        let office =
            (0..10).fold(spray(6), |story, n| story.by(&format!("staff{n}")).sign_in(true, Some(true)));
        assert!(office.signal(detect).is_none());
    }
}
