//! Detector: an instance's credentials used outside the instance.
//!
//! The metadata service gives a role's credentials to an attacker who can make the instance ask for them
//! (SSRF, a shell); they then work from anywhere until they expire. A gateway that changes its address looks
//! alike, but the program stays the same; a gateway that people share serves several instances.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::{Aspect, Detector, ScopeKind};
use crate::networks::describe;
use crate::{
    activity::{Seat, Window},
    baseline::Habits,
    catalog::{Tactic, Technique, call_key},
    finding::Severity,
    risk::{Reason, Signal, confidence, force, signal},
};

pub(super) const DETECTOR: Detector = Detector {
    id: "instance-credentials",
    title: "Credential theft: instance credentials used from outside",
    scope: ScopeKind::Principal,
    base_severity: Severity::High,
    assesses: Aspect::SignIn,
    playbook: "credential-compromise",
    guesses: false,
    mitigation: &[
        "Revoke the role's sessions, and isolate the instance: somebody made it give its keys away",
        "Look at everything the role did from the outside address",
        "Require IMDSv2, and tie roles to their VPC with aws:SourceVpc or aws:EC2InstanceSourceVPC",
    ],
    detect,
};

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    if window.now().seats.values().all(|seat| seat.instance.is_empty()) {
        return None;
    }
    let mut instances: BTreeMap<&str, Vec<(u32, &Seat)>> = BTreeMap::new();
    for (hour, folded) in window.today() {
        for seat in folded.seats.values().filter(|seat| !seat.instance.is_empty()) {
            instances.entry(&seat.instance).or_default().push((*hour, seat));
        }
    }
    let mut reasons: Vec<Reason> =
        instances.values().flat_map(|seats| judge(window, habits, seats)).collect();
    if let (Some(first), true) = (reasons.first_mut(), reads_buckets(window)) {
        first.techniques.push(Technique::new("T1530"));
        first.tactics.push(Tactic::Collection);
    }
    signal(reasons, confidence(habits))
}

/// Reasons that one instance's credentials give.
fn judge(window: &Window<'_>, habits: &Habits<'_>, seats: &[(u32, &Seat)]) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for (hour, seat) in seats {
        let Some(address) = seat.address.filter(|address| habits.own.days_with_network(*address) == 0) else {
            continue;
        };
        if habits.peers.is_where_humans_work(address, window.hour) {
            reasons.push(reason(
                *hour,
                seat,
                0.76,
                &format!("from {address}, where people work with browsers"),
            ));
        } else if let Some(network) = habits.network(address).filter(|network| is_elsewhere(&network.usage)) {
            reasons.push(reason(*hour, seat, 0.8, &format!("from {address}, {}", describe(&network))));
        } else if is_desktop(&seat.client) && habits.own.days_with_client(&seat.client) == 0 {
            reasons.push(reason(
                *hour,
                seat,
                0.72,
                &format!("from {address} with {}: instances run no such system", seat.client),
            ));
        }
    }
    reasons.extend(moved(seats));
    reasons.truncate(4);
    reasons
}

/// Network uses that no instance has.
fn is_elsewhere(usage: &str) -> bool {
    matches!(
        usage,
        "isp" | "mobile" | "office" | "vpn" | "tor" | "proxy" | "hosting" | "residential" | "business"
    )
}

/// Desktop and phone systems. (EC2 rents Macs, rarely, and for long to the same principal.)
fn is_desktop(client: &str) -> bool {
    ["(mac)", "(ios)", "(android)"].iter().any(|system| client.ends_with(system))
}

/// One instance, two addresses and two programs: the instance keeps its own of each, the thief has others.
fn moved(seats: &[(u32, &Seat)]) -> Option<Reason> {
    let addresses: BTreeSet<IpAddr> = seats.iter().filter_map(|(_, seat)| seat.address).collect();
    let (first_hour, first) = seats.iter().min_by_key(|(hour, seat)| seat.time(*hour))?;
    let (hour, other) = seats.iter().find(|(_, seat)| {
        seat.address.is_some() && seat.address != first.address && seat.client != first.client
    })?;
    let mut reason = reason(
        *hour,
        other,
        0.72,
        &format!("with {} from {} addresses, at first with {}", other.client, addresses.len(), first.client),
    );
    reason.times.push(first.time(*first_hour));
    reason.event_ids.push(first.event_id.to_string());
    Some(reason)
}

fn reason(hour: u32, seat: &Seat, probability: f32, how: &str) -> Reason {
    Reason {
        force: force(probability),
        text: format!("credentials of {} used {how}", seat.instance),
        times: vec![seat.time(hour)],
        event_ids: vec![seat.event_id.to_string()],
        techniques: vec![Technique::new("T1552.005")],
        tactics: vec![Tactic::CredentialAccess],
        ..Reason::default()
    }
}

fn reads_buckets(window: &Window<'_>) -> bool {
    ["ListBuckets", "ListObjects", "ListObjectsV2", "GetObject"]
        .iter()
        .any(|name| window.now().calls.get(call_key("s3", name)).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    fn instance() -> Story {
        Story::new()
            .instance("web", "i-0123456789abcdef0")
            .from("198.51.100.7")
            .client("aws-sdk-java/2 Linux")
            .call("s3", "GetObject", "{}")
    }

    #[test]
    fn another_address_and_another_program_are_a_thief() {
        let score = instance()
            .from("203.0.113.7")
            .client("aws-cli/2 os/macos")
            .call("s3", "ListBuckets", "{}")
            .score(detect);
        assert!(score >= 0.7, "{score}");
    }

    #[test]
    fn a_desktop_is_no_instance() {
        let story = Story::new().instance("web", "i-0123456789abcdef0").client("aws-cli/1 Darwin/19").call(
            "s3",
            "ListBuckets",
            "{}",
        );
        assert!(story.score(detect) >= 0.7);
    }

    #[test]
    fn a_gateway_that_changes_its_address_is_not() {
        assert!(instance().from("203.0.113.7").call("s3", "GetObject", "{}").signal(detect).is_none());
    }

    #[test]
    fn where_a_person_works_no_instance_runs() {
        let story =
            Story::new().by("kim").from("198.51.100.7").client("Mozilla/5.0").call("s3", "ListBuckets", "{}");
        let story =
            story.instance("web", "i-0123456789abcdef0").client("aws-cli/1").call("s3", "ListBuckets", "{}");
        assert!(story.score(detect) >= 0.7);
    }
}
