//! Detector: an identity that acts again after weeks of silence.
//!
//! Attackers look for forgotten users and roles: nobody misses them, and nobody rotated their keys. A holiday
//! looks alike: its owner worked on many days before, and returns to the same desk.

use super::{Aspect, Detector, ScopeKind};
use crate::{
    activity::Window,
    baseline::Habits,
    catalog::{Tactic, Technique},
    finding::Severity,
    risk::{Reason, Signal, confidence, signal},
};

pub(super) const DETECTOR: Detector = Detector {
    id: "dormant-identity",
    title: "Dormant identity: active again after months",
    scope: ScopeKind::Principal,
    base_severity: Severity::High,
    assesses: Aspect::SignIn,
    playbook: "credential-compromise",
    guesses: false,
    mitigation: &[
        "Ask the owner, if there is one; if not, disable the identity's keys and sessions",
        "Delete identities that nobody used for 90 days",
    ],
    detect,
};

/// Silent days that a holiday explains.
const DORMANT_DAYS: u32 = 14;
/// Active days among those remembered from which a silence is more likely a holiday.
const REGULAR_DAYS: u32 = 8;

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    let principal = window.principal.filter(|principal| principal.kind.is_somebody())?;
    let today = window.hour / 24;
    let silent = today - habits.own.last_active()?;
    if silent < DORMANT_DAYS {
        return None;
    }
    // A single earlier day shows no rhythm: a release may come every few weeks.
    if habits.own.active_days() < 2 {
        return None;
    }
    let is_regular = habits.own.active_days() >= REGULAR_DAYS;
    let now = window.now();
    let whole_hour = |probability: f32, text: String| Reason::of_hour(window, probability, text, |_| true);
    let awake = format!("{} was silent for {silent} days", principal.name);
    let mut awake = whole_hour(if is_regular { 0.2 } else { 0.36 }, awake);
    awake.techniques = vec![Technique::new("T1078.004")];
    awake.tactics = vec![Tactic::InitialAccess, Tactic::Persistence];
    let mut reasons = vec![awake];
    let is_settled = habits.own.mobility() < 0.5;
    let new = |address: &&std::net::IpAddr| {
        is_settled
            && habits.own.days_with_network(**address) == 0
            && habits.own.days_with_provider(**address) == 0
            && !habits.peers.is_known_desk(**address, today)
    };
    if let Some(address) = now.addresses.values().find(new) {
        reasons.push(whole_hour(0.34, format!("calls from {address}, a network it never used")));
    }
    if let Some(client) = now
        .clients
        .values()
        .find(|client| ***client != *"console" && habits.own.days_with_client(client) == 0)
    {
        reasons.push(whole_hour(0.2, format!("calls with {client}, which it never used")));
    }
    signal(reasons, confidence(habits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    fn silent_for(days: i64) -> Story {
        Story::new().on_days(2, "s3", "ListBuckets", "{}").later(days * 86_400)
    }

    #[test]
    fn a_forgotten_user_from_elsewhere_wakes() {
        let score = silent_for(20)
            .from("203.0.113.9")
            .client("aws-cli/2 Linux")
            .call("iam", "ListUsers", "{}")
            .score(detect);
        assert!(score >= 0.4, "{score}");
    }

    #[test]
    fn a_holiday_is_not() {
        assert!(silent_for(5).call("iam", "ListUsers", "{}").signal(detect).is_none());
        let back = Story::new().on_days(12, "s3", "ListBuckets", "{}").later(20 * 86_400).call(
            "s3",
            "ListBuckets",
            "{}",
        );
        assert!(back.score(detect) < 0.4);
    }
}
