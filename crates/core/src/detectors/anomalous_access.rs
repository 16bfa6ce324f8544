//! Detector: a principal that deviates from its own baseline in network, program, hour, Region or calls.
//!
//! An attacker with stolen credentials is elsewhere, has other tools, works at other times, and explores.
//! Each deviation alone is innocent: a trip changes the network, a new laptop the program, an on-call night
//! the hour, a new project the calls. Together they indicate another person.

use std::net::IpAddr;

use super::{Aspect, Detector, ScopeKind};
use crate::networks::describe;
use crate::{
    activity::{Hour, Notable, Scope, Window},
    baseline::{Baseline, Habits, service_of},
    catalog::{Tactic, Technique, weight},
    event::hash,
    finding::Severity,
    risk::{Reason, Signal, confidence, is_human, signal},
};

pub(super) const DETECTOR: Detector = Detector {
    id: "anomalous-access",
    title: "Anomalous behavior: principal does not behave like itself",
    scope: ScopeKind::Principal,
    base_severity: Severity::High,
    assesses: Aspect::Behavior,
    playbook: "unusual-access",
    guesses: false,
    mitigation: &[
        "Ask the person, over another channel, whether it was them",
        "If not, revoke the sessions, rotate the keys, and review what was read",
    ],
    detect,
};

/// Factor on every facet when the program is the usual one.
const FAMILIAR: f32 = 0.65;
/// Factor on a new network and a new program at once: a new laptop is set up at the usual desk, and the old
/// one goes on trips.
const BOTH: f32 = 1.5;
/// New calls in the hour that are too many for a principal that hardly ever makes new ones.
const ASTRAY: usize = 5;

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    if !habits.own.is_established() || !window.principal.is_some_and(|principal| principal.kind.is_somebody())
    {
        return None;
    }
    // Grave acts are left to the specific detectors, whose findings also name the network: one attack, one
    // alert.
    let is_grave =
        |notable: &Notable| notable.act.weight >= weight::BAD && habits.own.days_with_act(notable) == 0;
    if window.groups().any(|(_, group)| group.acts.values().any(is_grave)) {
        return None;
    }
    let news = News::of(window, habits);
    let facets: [Option<(f32, String)>; 6] = [
        place(window, habits),
        program(window, habits),
        hour(window, habits),
        calls(&news, habits),
        region(window, habits),
        day(habits),
    ];
    let (is_elsewhere, is_both) =
        (facets[0].is_some() || facets[1].is_some(), facets[0].is_some() && facets[1].is_some());
    let is_hidden = facets[0].as_ref().is_some_and(|(probability, _)| *probability > 0.4);
    let is_astray = news.is_routine && news.calls.len() >= ASTRAY && news.services.len() >= 2;
    if !is_hidden && !is_astray && (!is_elsewhere || facets.iter().flatten().count() < 2) {
        return None;
    }
    // The usual laptop travels with its owner: on call, at home, on a trip. At the usual desk, a new program
    // is a new tool.
    let is_at_its_desk = facets[0].is_none() && is_at_its_desk(window, habits);
    let is_familiar = (facets[1].is_none() || is_at_its_desk) && !is_hidden && !is_astray;
    let factor = if is_familiar { FAMILIAR } else { 1.0 };
    let mut reasons: Vec<Reason> = Vec::new();
    for (at, (probability, text)) in
        facets.into_iter().enumerate().filter_map(|(at, facet)| Some((at, facet?)))
    {
        let reason = Reason::of_hour(window, probability, text, |_| true);
        let factor = if is_both && at < 2 { factor * BOTH } else { factor };
        reasons.push(Reason { force: reason.force * factor, ..reason });
    }
    let first = reasons.first_mut()?;
    first.techniques = vec![Technique::new("T1078.004")];
    first.tactics = vec![Tactic::InitialAccess];
    signal(reasons, confidence(habits))
}

/// Whether a human calls only from networks seen on several earlier days.
fn is_at_its_desk(window: &Window<'_>, habits: &Habits<'_>) -> bool {
    const SEVERAL: u32 = 3;
    let mut addresses = window.now().addresses.values();
    let known = |address: &IpAddr| habits.own.days_with_network(*address) >= SEVERAL;
    is_human(window) && !window.now().addresses.is_empty() && addresses.all(known)
}

/// A network the principal never used; it counts less for principals that change networks. Anonymising
/// networks weigh more, other addresses of a known provider less.
fn place(window: &Window<'_>, habits: &Habits<'_>) -> Option<(f32, String)> {
    let address = new_address(window, habits)?;
    let settled = 1.0 - habits.own.mobility();
    let network = habits.network(address);
    let usage = network.as_ref().map_or("", |network| network.usage.as_str());
    let probability = match usage {
        _ if is_hiding(usage) => 0.44,
        "hosting" if is_human(window) => 0.36 * settled,
        _ if habits.own.days_with_provider(address) > 0 => 0.12 * settled,
        _ if habits.peers.is_known_desk(address, window.hour / 24) => 0.12 * settled,
        _ => 0.27 * settled,
    };
    let described = network.map_or_else(String::new, |network| format!(", {}", describe(&network)));
    (probability > 0.1)
        .then(|| (probability, format!("calls from {address}{described}, a network it never used")))
}

/// The most telling new address of the hour: one in an anonymising network, if any.
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

/// New calls and services of the hour.
struct News<'h> {
    calls: Vec<&'h str>,
    services: Vec<&'h str>,
    /// Number of new calls to services that colleagues use.
    shared: usize,
    /// The principal hardly ever does anything new, and no human uses a browser.
    is_routine: bool,
}

impl<'h> News<'h> {
    fn of(window: &Window<'h>, habits: &Habits<'_>) -> Self {
        const HARDLY_EVER: f32 = 1.6;
        let (calls, services) = news(window.now(), habits.own);
        let parts = window.now().parts(window.scope);
        // For a role name, one other role is enough: it stands for everybody who assumes it.
        let enough = if matches!(window.scope, Scope::Person(_)) { 2 } else { 1 };
        let is_shared = |call: &&&str| {
            let service = service_of(call);
            habits.own.days_with_service(service) == 0
                && parts.iter().any(|part| habits.peers.others_who_use(window, part, service) >= enough)
        };
        let shared = calls.iter().filter(is_shared).count();
        let is_browsing = window
            .now()
            .clients
            .values()
            .any(|client| client.starts_with("browser") || **client == *"console");
        let is_routine =
            !is_browsing && habits.own.usual_new_calls().is_some_and(|usual| usual <= HARDLY_EVER);
        Self { calls, services, shared, is_routine }
    }
}

/// New calls and services. Any new project brings some, and some people explore every day.
fn calls(news: &News<'_>, habits: &Habits<'_>) -> Option<(f32, String)> {
    const NEW_PROJECT: f32 = 4.0;
    let News { calls, services, .. } = news;
    let usual = habits.own.usual_new_calls().unwrap_or_default();
    let unexplained = calls.len() as f32 - 0.75 * news.shared as f32;
    if unexplained < NEW_PROJECT.max(usual * 0.75) && (services.len() < 2 || unexplained < 2.0) {
        return None;
    }
    let probability = 0.2 + 0.02 * unexplained + 0.03 * services.len() as f32;
    let probability = if news.is_routine { probability + 0.1 } else { probability };
    let examples: Vec<&str> = calls.iter().take(4).copied().collect();
    Some((
        probability.min(0.6),
        format!(
            "{} calls it never made, of {} service(s) new to it ({}, ...)",
            calls.len(),
            services.len(),
            examples.join(", ")
        ),
    ))
}

/// The whole day against earlier days; off by default, since it changes no alert (see `evaluate`).
fn day(habits: &Habits<'_>) -> Option<(f32, String)> {
    let strangeness = habits.strangeness?;
    let excess = strangeness.excess();
    (excess > 0.4).then(|| (0.3 * excess, strangeness.describe()))
}

/// The calls and services of an hour that the baseline does not hold.
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
    fn where_a_grave_act_was_done_those_speak_who_know_it() {
        let story = looks_around(office().from("203.0.113.77").client("Boto3/1 Linux"));
        assert!(story.call("cloudtrail", "StopLogging", r#"{"name":"main"}"#).signal(detect).is_none());
    }

    #[test]
    fn without_history_nothing_is_anomalous() {
        assert!(looks_around(Story::new()).signal(detect).is_none());
    }
}
