//! Detector: an instance's credentials used outside the instance.
//!
//! The metadata service gives a role's credentials to an attacker who can make the instance ask for them
//! (SSRF, a shell); they then work from anywhere until they expire. A gateway that changes its address looks
//! alike, but the program stays the same; a gateway that people share serves several instances.

use std::{collections::BTreeMap, net::IpAddr};

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
    reasons.extend(moved(habits, seats));
    told_once(reasons)
}

/// Joins reasons that say the same: one fact counts once a day, however many hours see it.
fn told_once(reasons: Vec<Reason>) -> Vec<Reason> {
    let mut told: Vec<Reason> = Vec::new();
    for mut reason in reasons {
        if let Some(known) = told.iter_mut().find(|known| known.text == reason.text) {
            known.times.append(&mut reason.times);
            known.event_ids.append(&mut reason.event_ids);
        } else if told.len() < MOST {
            told.push(reason);
        }
    }
    told
}

/// Most reasons for one instance.
const MOST: usize = 4;

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

/// Days after which a program or network is the role's own. A thief is told on each of the first.
const USUAL_DAYS: u32 = 3;

/// One instance, two addresses and two programs: the instance keeps its own of each, the thief has others. An agent beside the
/// application, a gateway with several addresses, IPv4 beside IPv6 look alike: both sides are then usual for the role.
fn moved(habits: &Habits<'_>, seats: &[(u32, &Seat)]) -> Option<Reason> {
    let own = habits.own;
    let days = |address: IpAddr| own.days_with_network(address);
    let is_usual = |seat: &Seat, address: IpAddr| {
        own.days_with_client(&seat.client) >= USUAL_DAYS && days(address) >= USUAL_DAYS
    };
    let (first_hour, first) = seats.iter().min_by_key(|(hour, seat)| seat.time(*hour))?;
    let (hour, other) = seats.iter().filter(|(_, seat)| seat.client != first.client).find(|(_, seat)| {
        match (first.address, seat.address) {
            (Some(one), Some(other)) => one != other && !(is_usual(first, one) && is_usual(seat, other)),
            // Calls by an endpoint in the VPC have a private address, and say nothing of where the others come from.
            (None, Some(public)) | (Some(public), None) => own.is_established() && days(public) == 0,
            (None, None) => false,
        }
    })?;
    let place = |seat: &Seat| {
        seat.address.map_or_else(|| "a private address".to_owned(), |address| address.to_string())
    };
    let how = format!(
        "with {} from {}, at first with {} from {}",
        other.client,
        place(other),
        first.client,
        place(first)
    );
    let mut reason = reason(*hour, other, 0.72, &how);
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

    #[test]
    fn an_agent_on_another_address_is_usual_after_a_day_and_a_thief_beside_it_is_not() {
        let both = |story: Story| {
            let agent = story.from("2001:db8:1f0:100::abc").client("aws-sdk-go/1.55 exec-env/EC2");
            let agent = agent.call("ssm", "UpdateInstanceInformation", "{}");
            agent.from("198.51.100.7").client("aws-sdk-java/2 Linux").call("s3", "GetObject", "{}")
        };
        let mut story = instance();
        for _ in 0..3 {
            story = both(story).later(86_400);
        }
        assert!(both(story.clone()).signal(detect).is_none());
        let thief =
            both(story).from("203.0.113.7").client("Boto3/1.40 os/linux").call("s3", "ListBuckets", "{}");
        assert!(thief.score(detect) >= 0.7);
        let again = both(thief.later(86_400)).from("203.0.113.7").client("Boto3/1.40 os/linux");
        assert!(again.call("s3", "ListBuckets", "{}").score(detect) >= 0.7, "on the next day too");
    }

    #[test]
    fn an_endpoint_beside_a_gateway_is_no_second_place() {
        let inside = Story::new()
            .instance("web", "i-0123456789abcdef0")
            .from("10.0.0.7")
            .client("aws-sdk-java/2 Linux");
        let outside = |story: Story| {
            story.from("198.51.100.7").client("aws-sdk-go/1.55 Linux").call("ssm", "ListCommands", "{}")
        };
        assert!(
            outside(inside.clone().call("s3", "GetObject", "{}")).signal(detect).is_none(),
            "a new machine"
        );
        let established = inside.on_days(20, "s3", "GetObject", "{}").call("s3", "GetObject", "{}");
        assert!(outside(established).score(detect) >= 0.7, "it never called from a public address before");
    }

    #[test]
    fn a_fact_that_many_hours_see_counts_once() {
        let desk = || {
            Story::new().by("kim").from("198.51.100.7").client("Mozilla/5.0").call("s3", "ListBuckets", "{}")
        };
        let call = |story: Story| {
            let at_work = story.instance("web", "i-0123456789abcdef0").client("aws-cli/1");
            at_work.call("s3", "ListBuckets", "{}").later(3_600)
        };
        let (once, often) = (call(desk()), (0..4).fold(desk(), |story, _| call(story)));
        let signal = often.signal(detect).unwrap();
        assert_eq!(signal.evidence.len(), 1, "{signal:?}");
        assert!((signal.score - once.score(detect)).abs() < 0.01, "more of the same is not more");
    }
}
