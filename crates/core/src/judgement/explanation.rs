//! Explanation of a finding: the principal's usual activity, and the day's deviations, as text.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    activity::{Hour, Words},
    baseline::{Baseline, Strangeness, service_of},
};

/// Usual activity before the day, as text.
pub(super) fn usual(own: &Baseline, before: &[(u32, Hour)]) -> Vec<String> {
    if own.active_days() == 0 {
        return vec!["Nothing is known of this principal before this day.".to_owned()];
    }
    let hours: Vec<String> = own.usual_hours().iter().map(|hour| format!("{hour:02}")).collect();
    let mut usual = vec![
        format!("Active on {} of the 30 days before.", own.active_days()),
        format!(
            "Usual hours of the day (UTC): {}.",
            if hours.is_empty() { "none in particular".to_owned() } else { hours.join(" ") }
        ),
    ];
    let names = |title: &str, of: fn(&Hour) -> Vec<String>| {
        let top = most_frequent(before, of);
        if top.is_empty() { None } else { Some(format!("{title}: {}.", top.join(", "))) }
    };
    usual.extend(names("Programs", |hour| hour.clients.values().map(ToString::to_string).collect()));
    usual.extend(names("Addresses", |hour| hour.addresses.values().map(ToString::to_string).collect()));
    usual.extend(names("Regions", |hour| hour.regions.values().map(ToString::to_string).collect()));
    usual.extend(names("Calls", |hour| hour.calls.values().map(ToString::to_string).collect()));
    usual
}

/// The names of the most hours.
fn most_frequent(hours: &[(u32, Hour)], of: fn(&Hour) -> Vec<String>) -> Vec<String> {
    const TOLD: usize = 6;
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    hours.iter().flat_map(|(_, hour)| of(hour)).for_each(|name| *counts.entry(name).or_default() += 1);
    let mut names: Vec<(String, u32)> = counts.into_iter().collect();
    names.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    names.into_iter().take(TOLD).map(|(name, _)| name).collect()
}

/// Deviations of the day so far, as text.
pub(super) fn observed(
    own: &Baseline,
    day: &[(u32, Hour)],
    strangeness: Option<&Strangeness>,
) -> Vec<String> {
    if !own.is_established() {
        return Vec::new();
    }
    let is_strange = |hour: &u32| own.strangeness_of_hour(*hour).is_some_and(|strange| strange >= 0.75);
    let hours = day.iter().map(|(hour, _)| *hour).filter(is_strange).map(|hour| format!("{:02}", hour % 24));
    let addresses = |hour: &Hour| {
        let new = hour.addresses.values().filter(|address| own.days_with_network(**address) == 0);
        new.map(ToString::to_string).collect()
    };
    let calls = |hour: &Hour| {
        let new = hour.calls.iter().filter(|(call, _)| own.days_with_call(*call) == 0);
        new.map(|(_, name)| name.to_string()).collect()
    };
    let services = |hour: &Hour| hour.calls.values().map(|call| service_of(call).to_owned()).collect();
    let new: [(&str, Vec<String>); 6] = [
        ("Hours at which it is hardly ever active (UTC)", hours.collect()),
        (
            "Programs it never used",
            new(day, |hour| words(&hour.clients), |name| own.days_with_client(name) == 0),
        ),
        ("Addresses in networks it never used", new(day, addresses, |_| true)),
        (
            "Regions where it never was",
            new(day, |hour| words(&hour.regions), |name| own.days_with_region(name) == 0),
        ),
        ("Services it never used", new(day, services, |name| own.days_with_service(name) == 0)),
        ("Calls it never made", new(day, calls, |_| true)),
    ];
    let told = new.into_iter().filter(|(_, names)| !names.is_empty());
    let mut observed: Vec<String> =
        told.map(|(title, names)| format!("{title}: {}.", listed(&names))).collect();
    if let Some(strangeness) = strangeness.filter(|strangeness| strangeness.is_anomalous()) {
        let mut words = strangeness.describe();
        words[..1].make_ascii_uppercase();
        observed.push(format!("{words}."));
    }
    observed
}

fn words<const N: usize>(words: &Words<N>) -> Vec<String> {
    words.values().map(ToString::to_string).collect()
}

/// The new names of the hours.
fn new(day: &[(u32, Hour)], of: impl Fn(&Hour) -> Vec<String>, is_new: impl Fn(&str) -> bool) -> Vec<String> {
    let names: BTreeSet<String> = day.iter().flat_map(|(_, hour)| of(hour)).collect();
    names.into_iter().filter(|name| !name.is_empty() && is_new(name)).collect()
}

/// The first names, and the number of others.
fn listed(names: &[String]) -> String {
    const TOLD: usize = 8;
    let few = names[..names.len().min(TOLD)].join(", ");
    if names.len() > TOLD { format!("{few} and {} more", names.len() - TOLD) } else { few }
}
