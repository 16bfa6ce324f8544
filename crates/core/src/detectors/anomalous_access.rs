//! A principal that does not behave like itself: another place, another program, another hour, other calls.
//!
//! Stolen credentials are used by somebody else, who sits elsewhere, has other tools, sleeps at other
//! times, and looks around. Each alone happens to everybody: a trip changes the place, a new laptop the
//! program, an on-call night the hour, a new project the calls. Together they are another person.

use std::net::IpAddr;

use super::{Detector, ScopeKind};
use crate::{
    activity::{Hour, Window},
    baseline::{Baseline, Habits, service_of},
    catalog::{Tactic, Technique},
    event::hash,
    finding::Severity,
    risk::{Reason, Signal, confidence, describe, is_human, signal},
};

pub(super) const DETECTOR: Detector = Detector {
    id: "anomalous-access",
    title: "Principal does not behave like itself",
    scope: ScopeKind::Principal,
    base_severity: Severity::High,
    mitigation: &[
        "Ask the person, over another channel, whether it was them",
        "If not, revoke the sessions, rotate the keys, and review what was read",
    ],
    detect,
};

/// What is left of each facet when the program is the usual one.
const FAMILIAR: f32 = 0.7;

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    if !habits.own.is_established() || !window.principal.is_some_and(|principal| principal.kind.is_somebody())
    {
        return None;
    }
    let facets: [Option<(f32, String)>; 5] = [
        place(window, habits),
        program(window, habits),
        hour(window, habits),
        calls(window, habits),
        region(window, habits),
    ];
    let is_elsewhere = facets[0].is_some() || facets[1].is_some();
    let is_hidden = facets[0].as_ref().is_some_and(|(probability, _)| *probability > 0.4);
    if !is_hidden && (!is_elsewhere || facets.iter().flatten().count() < 2) {
        return None;
    }
    // The laptop it always uses goes with its owner: on call, at home, on a trip.
    let familiar = if facets[1].is_none() && !is_hidden { FAMILIAR } else { 1.0 };
    let mut reasons: Vec<Reason> = facets
        .into_iter()
        .flatten()
        .map(|(probability, text)| Reason::of_hour(window, probability, text, |_| true))
        .map(|reason| Reason { force: reason.force * familiar, ..reason })
        .collect();
    reasons[0].techniques = vec![Technique::new("T1078.004")];
    reasons[0].tactics = vec![Tactic::InitialAccess];
    signal(reasons, confidence(habits))
}

/// A network it never used, as far as it usually stays where it was; a network made to hide in weighs more.
fn place(window: &Window<'_>, habits: &Habits<'_>) -> Option<(f32, String)> {
    let address = new_address(window, habits)?;
    let settled = 1.0 - habits.own.mobility();
    let network = habits.network(address);
    let usage = network.as_ref().map_or("", |network| network.usage.as_str());
    let probability = match usage {
        _ if is_hiding(usage) => 0.44,
        "hosting" if is_human(window) => 0.36 * settled,
        _ => 0.27 * settled,
    };
    let described = network.map_or_else(String::new, |network| format!(", {}", describe(&network)));
    (probability > 0.1)
        .then(|| (probability, format!("calls from {address}{described}, a network it never used")))
}

/// The most telling address of the hour that is new to the principal.
fn new_address(window: &Window<'_>, habits: &Habits<'_>) -> Option<IpAddr> {
    let mut new = window
        .now()
        .addresses
        .values()
        .copied()
        .filter(|address| habits.own.days_with_network(*address) == 0);
    let is_hidden =
        |address: &IpAddr| habits.network(*address).is_some_and(|network| is_hiding(&network.usage));
    let first = new.next()?;
    Some(if is_hidden(&first) { first } else { new.find(is_hidden).unwrap_or(first) })
}

fn is_hiding(usage: &str) -> bool {
    matches!(usage, "tor" | "vpn" | "proxy")
}

fn program(window: &Window<'_>, habits: &Habits<'_>) -> Option<(f32, String)> {
    let client = window
        .now()
        .clients
        .values()
        .find(|client| ***client != *"console" && habits.own.days_with_client(client) == 0)?;
    Some((0.25, format!("calls with {client}, which it never used")))
}

fn hour(window: &Window<'_>, habits: &Habits<'_>) -> Option<(f32, String)> {
    let strangeness = habits
        .own
        .strangeness_of_hour(window.hour)
        .filter(|strangeness| *strangeness >= 0.75 && is_human(window))?;
    if habits.own.is_around_the_clock() {
        return None;
    }
    Some((0.16 * strangeness, format!("active at {:02}:00 UTC, when it never is", window.hour % 24)))
}

/// Calls and services it never used: some come with any new project.
fn calls(window: &Window<'_>, habits: &Habits<'_>) -> Option<(f32, String)> {
    const NEW_PROJECT: usize = 4;
    let (calls, services) = news(window.now(), habits.own);
    if calls.len() < NEW_PROJECT && services.len() < 2 {
        return None;
    }
    let probability = (0.2 + 0.02 * calls.len() as f32 + 0.03 * services.len() as f32).min(0.55);
    let examples: Vec<&str> = calls.iter().take(4).copied().collect();
    Some((
        probability,
        format!(
            "{} calls it never made, of {} service(s) new to it ({}, ...)",
            calls.len(),
            services.len(),
            examples.join(", ")
        ),
    ))
}

/// The calls and services of an hour that a baseline does not have.
pub(super) fn news<'h>(hour: &'h Hour, own: &Baseline) -> (Vec<&'h str>, Vec<&'h str>) {
    let calls: Vec<&str> = hour
        .calls
        .iter()
        .filter(|(call, _)| own.days_with_call(*call) == 0)
        .map(|(_, name)| &**name)
        .collect();
    let mut services: Vec<&str> = calls
        .iter()
        .map(|call| service_of(call))
        .filter(|service| own.days_with_service(service) == 0)
        .collect();
    services.sort_unstable();
    services.dedup();
    (calls, services)
}

fn region(window: &Window<'_>, habits: &Habits<'_>) -> Option<(f32, String)> {
    let region = window
        .now()
        .regions
        .iter()
        .find(|(key, region)| {
            !region.is_empty() && habits.own.days_with_region(region) == 0 && *key == hash(region)
        })?
        .1;
    Some((0.18, format!("calls in {region}, where it never was")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    fn office() -> Story {
        Story::new().client("aws-cli/2 Darwin").on_days(10, "s3", "ListBuckets", "{}")
    }

    fn looks_around(story: Story) -> Story {
        ["ListUsers", "ListRoles", "GetAccountSummary", "ListPolicies", "ListGroups"]
            .iter()
            .fold(story, |story, name| story.call("iam", name, "{}"))
    }

    #[test]
    fn another_place_program_and_curiosity_are_another_person() {
        let story = looks_around(office().from("203.0.113.77").client("Boto3/1 Linux"));
        assert!(story.score(detect) >= 0.4, "{}", story.score(detect));
    }

    #[test]
    fn a_trip_or_a_new_laptop_is_not() {
        assert!(office().from("203.0.113.77").call("s3", "ListBuckets", "{}").score(detect) < 0.4);
        assert!(office().client("aws-cli/2 Windows").call("s3", "ListBuckets", "{}").score(detect) < 0.4);
        assert!(looks_around(office()).score(detect) < 0.4);
    }

    #[test]
    fn without_history_nothing_is_anomalous() {
        assert!(looks_around(Story::new()).signal(detect).is_none());
    }
}
