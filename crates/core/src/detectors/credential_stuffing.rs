//! Detector: failed console sign-ins of many users, from many addresses, within 24 hours.
//!
//! An attacker tries a list of leaked passwords, and spreads the tries over many addresses to stay below
//! per-address rate limits. One person who forgot a password also fails often, but as one user from one
//! address; an office fails as many users from one address.

use std::collections::{BTreeMap, HashSet};

use super::{Aspect, Detector, ScopeKind, brute_force};
use crate::{
    activity::Window,
    baseline::Habits,
    catalog::Technique,
    finding::Severity,
    risk::{Signal, confidence, signal},
};

pub(super) const DETECTOR: Detector = Detector {
    id: "credential-stuffing",
    title: "Credential stuffing: passwords tried from many addresses",
    scope: ScopeKind::Account,
    base_severity: Severity::High,
    assesses: Aspect::SignIn,
    playbook: "credential-compromise",
    guesses: true,
    mitigation: &[
        "End the sessions and reset the password of every user whose sign-in worked",
        "Require MFA for console sign-in, or replace IAM users by single sign-on",
        "Tell the users whose names were on the list: their passwords leaked elsewhere",
    ],
    detect,
};

/// Failures in 24 hours that a large company's Monday explains.
const FAILURES: f64 = 15.0;
/// This many users ...
const USERS: usize = 4;
/// ... from this many addresses indicate a list of passwords.
const ADDRESSES: usize = 4;

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    let now = window.now();
    if now.failed_sign_ins.is_empty() && now.sign_ins.is_empty() {
        return None;
    }
    let users = users_who_failed(window);
    let addresses: HashSet<_> = window.failed_sign_ins().filter_map(|(_, sign_in)| sign_in.address).collect();
    let count = window.failed_sign_in_count();
    if count < FAILURES
        || users.len() < USERS
        || addresses.len() < ADDRESSES
        || !outweighs_success(window, count)
    {
        return None;
    }
    let what = format!("{count:.0} failed sign-ins of {} users", users.len());
    let mut tries = brute_force::tried(window, &what, 0.6 + 0.05 * (count / FAILURES).log2() as f32);
    tries.techniques = vec![Technique::new("T1110.004")];
    let success = brute_force::succeeded(window).or_else(|| new_success(window, &addresses));
    let mut signal = signal([Some(tries), success].into_iter().flatten().collect(), confidence(habits))?;
    signal.principal = taken_over(window);
    Some(signal)
}

/// In a company where most sign-ins succeed, the failures are slips.
fn outweighs_success(window: &Window<'_>, failures: f64) -> bool {
    let successes: f64 = window.hours.iter().map(|(_, hour)| hour.sign_ins.distinct()).sum();
    failures > successes
}

/// Any success from an address with failures, even its only try.
fn new_success(window: &Window<'_>, addresses: &HashSet<std::net::IpAddr>) -> Option<crate::risk::Reason> {
    let (time, success) = window
        .sign_ins()
        .find(|(_, success)| success.address.is_some_and(|address| addresses.contains(&address)))?;
    Some(crate::risk::Reason {
        force: crate::risk::force(0.6),
        text: format!("a sign-in that worked as {}, from an address that had failed before", success.user),
        times: vec![time],
        event_ids: vec![success.event_id.to_string()],
        techniques: vec![Technique::new("T1078.004")],
        tactics: vec![crate::catalog::Tactic::InitialAccess],
        ..Default::default()
    })
}

/// Number of failures per user.
pub(super) fn users_who_failed<'a>(window: &Window<'a>) -> BTreeMap<&'a str, usize> {
    let mut users = BTreeMap::new();
    for (_, sign_in) in window.failed_sign_ins() {
        *users.entry(&*sign_in.user).or_default() += 1;
    }
    users
}

/// The user whose sign-in succeeded from a failing address, if any: the finding is then about that user.
pub(super) fn taken_over(window: &Window<'_>) -> Option<String> {
    let failing: HashSet<_> = window.failed_sign_ins().filter_map(|(_, sign_in)| sign_in.address).collect();
    let mut successes = window.sign_ins();
    let success =
        successes.find(|(_, success)| success.address.is_some_and(|address| failing.contains(&address)));
    success.map(|(_, success)| success.user.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    fn tries(users: usize, addresses: usize, many: usize) -> Story {
        (0..many).fold(Story::new().of_account(), |story, n| {
            story
                .by(&format!("user{}", n % users))
                .from(&format!("198.51.100.{}", n % addresses))
                .sign_in(false, Some(false))
        })
    }

    #[test]
    fn a_list_tried_from_many_addresses_is_stuffing() {
        let signal = tries(12, 9, 40).signal(detect).unwrap();
        assert!(signal.score >= 0.4, "{}", signal.score);
        assert!(
            signal.evidence[0].text.contains("of 12 users from 9 addresses"),
            "{}",
            signal.evidence[0].text
        );
    }

    #[test]
    fn one_user_or_one_address_is_not() {
        assert!(tries(1, 9, 40).signal(detect).is_none());
        assert!(tries(12, 1, 40).signal(detect).is_none());
        assert!(tries(12, 9, 10).signal(detect).is_none());
    }
}
