//! Detector: many failed sign-ins of one user.
//!
//! An attacker tries passwords until one fits. A forgotten password fails a few times too, then its owner
//! stops and resets it; a script with an old password fails forever, from one place, at a steady pace, and
//! never succeeds.

use super::{Aspect, Detector, ScopeKind};
use crate::{
    activity::Window,
    baseline::Habits,
    catalog::{Tactic, Technique},
    event::{PrincipalKind, account_of},
    finding::Severity,
    risk::{Reason, Signal, confidence, force, signal},
};

pub(super) const DETECTOR: Detector = Detector {
    id: "brute-force",
    title: "Brute force: passwords tried for one user",
    scope: ScopeKind::Principal,
    base_severity: Severity::High,
    assesses: Aspect::SignIn,
    playbook: "credential-compromise",
    guesses: true,
    mitigation: &[
        "If a try succeeded, end the sessions of the user and reset the password",
        "Require MFA for console sign-in, or replace IAM users by single sign-on",
    ],
    detect,
};

/// Failures in 24 hours that a forgotten password explains.
const FORGOTTEN_PASSWORD: f64 = 9.0;
/// As above, for root: its password is in a safe and seldom forgotten.
const FORGOTTEN_ROOT_PASSWORD: f64 = 4.0;

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    let now = window.now();
    if now.failed_sign_ins.is_empty() && now.sign_ins.is_empty() {
        return None;
    }
    // AWS hides the names of users that do not exist: this principal stands for many.
    if window.principal.is_some_and(|principal| *principal.name == *"HIDDEN_DUE_TO_SECURITY_REASONS") {
        return None;
    }
    let is_root = window.principal.is_some_and(|principal| principal.kind == PrincipalKind::Root);
    let count = window.failed_sign_in_count();
    if count <= if is_root { FORGOTTEN_ROOT_PASSWORD } else { FORGOTTEN_PASSWORD } {
        return None;
    }
    let mut tries =
        tried(window, &format!("{count:.0} failed sign-ins"), 0.4 + 0.1 * (count / 10.0).log2() as f32);
    tries.techniques = vec![Technique::new("T1110")];
    let success = succeeded(window);
    signal([Some(tries), success].into_iter().flatten().collect(), confidence(habits))
}

/// The failed sign-ins as one reason: number, addresses, duration.
pub(super) fn tried(window: &Window<'_>, what: &str, probability: f32) -> Reason {
    let mut times: Vec<_> = window.failed_sign_ins().map(|(time, _)| time).collect();
    times.sort_unstable();
    let mut addresses: Vec<String> = window
        .failed_sign_ins()
        .filter_map(|(_, sign_in)| sign_in.address)
        .map(|address| address.to_string())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    let minutes = times.first().zip(times.last()).map_or(0, |(first, last)| (last.0 - first.0) / 60 + 1);
    let from = match addresses.as_slice() {
        [] => String::new(),
        [one] => format!(" from {one}"),
        many => format!(" from {} addresses ({}, ...)", many.len(), many[0]),
    };
    let long = if minutes > 120 { format!("{} hours", minutes / 60) } else { format!("{minutes} minutes") };
    Reason {
        force: force(probability.min(0.85)),
        text: format!("{what}{from} in {long}"),
        times,
        event_ids: window.failed_sign_ins().map(|(_, sign_in)| sign_in.event_id.to_string()).collect(),
        tactics: vec![Tactic::CredentialAccess],
        account_id: window
            .failed_sign_ins()
            .find_map(|(_, sign_in)| account_of(&sign_in.user))
            .unwrap_or_default()
            .to_owned(),
        ..Reason::default()
    }
}

/// A successful sign-in from an address with several failures before it.
pub(super) fn succeeded(window: &Window<'_>) -> Option<Reason> {
    let (time, success) = window.sign_ins().find(|(time, success)| {
        success.address.is_some()
            && window
                .failed_sign_ins()
                .filter(|(failed, sign_in)| sign_in.address == success.address && failed <= time)
                .count()
                > 2
    })?;
    let whose = if success.user.is_empty() { String::new() } else { format!(" as {}", success.user) };
    Some(Reason {
        force: force(0.7),
        text: format!("a sign-in that worked{whose}, from an address that had failed before"),
        times: vec![time],
        event_ids: vec![success.event_id.to_string()],
        techniques: vec![Technique::new("T1078.004")],
        tactics: vec![Tactic::CredentialAccess, Tactic::InitialAccess],
        ..Reason::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    fn failures(many: usize) -> Story {
        (0..many).fold(Story::new(), |story, _| story.sign_in(false, Some(false)))
    }

    #[test]
    fn forty_failures_are_not_forgetting() {
        assert!(failures(40).score(detect) >= 0.4);
        assert!(failures(40).sign_in(true, Some(false)).score(detect) >= 0.7);
    }

    #[test]
    fn a_forgotten_password_is() {
        assert!(failures(6).sign_in(true, Some(true)).signal(detect).is_none());
        assert!(failures(9).signal(detect).is_none());
        assert!(failures(10).signal(detect).is_some());
    }
}
