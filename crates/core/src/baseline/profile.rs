//! Profile of a principal, for people: the thirty days of a [`Baseline`], with names instead of hashes.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use serde::Serialize;

use super::{Baseline, MEMORY_DAYS, is_weekend, service_of};
use crate::{
    activity::{Hour, Scope},
    event::{DAY, Outcome, PrincipalKind, Time},
    networks::{Networks, describe},
};

/// A name, and the number of days on which it was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Seen {
    /// The name, for example of a service.
    pub name: String,
    /// Number of days.
    pub days: u32,
}

/// Profile of a principal's normal activity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Portrait {
    /// Durable ARNs of the principals it acts as.
    pub principals: Vec<String>,
    /// Kind of identity.
    pub kind: Option<PrincipalKind>,
    /// First day with activity, for example `2026-03-02`.
    pub from: String,
    /// Last day with activity.
    pub to: String,
    /// Number of days with activity.
    pub active_days: u32,
    /// Number of calls; an estimate where an hour has more than 48.
    pub calls: f64,
    /// Share (0 to 1) of calls that were denied or failed.
    pub error_rate: f64,
    /// Median of calls per active day.
    pub median_day: f64,
    /// Calls of the busiest day.
    pub busiest_day: f64,
    /// Active days per hour of the week: Monday first, UTC hours.
    pub week: [[u32; 24]; 7],
    /// First and last hour (UTC, the last exclusive) of the usual activity; `None` around the clock or
    /// without a rhythm.
    pub workday: Option<(u32, u32)>,
    /// Services, most frequent first, as are all lists below.
    pub services: Vec<Seen>,
    /// Networks as /24 or /48, with country, provider and use where listed.
    pub networks: Vec<Seen>,
    /// Programs.
    pub programs: Vec<Seen>,
    /// Regions.
    pub regions: Vec<Seen>,
    /// Accounts of the calls.
    pub accounts: Vec<Seen>,
    /// Calls by name.
    pub api_calls: Vec<Seen>,
    /// Buckets, tables and secrets.
    pub resources: Vec<Seen>,
    /// Acts by call.
    pub acts: Vec<Seen>,
    /// Share of days with a network new to the principal.
    pub mobility: f32,
    /// New calls on one of its more curious days.
    pub usual_new_calls: Option<f32>,
    /// What the data cannot tell yet, in sentences.
    pub uncertain: Vec<String>,
    /// Size of the encoded baseline, in bytes.
    pub stored_bytes: usize,
}

/// Builds the profile from the last 30 calendar days of `hours` (ascending); `None` without hours.
pub fn portrait(scope: &Scope, hours: &[(u32, Hour)], networks: &Networks) -> Option<Portrait> {
    let last = hours.last()?.0 / 24;
    let oldest = (last + 1).saturating_sub(MEMORY_DAYS) * 24;
    let hours = &hours[hours.partition_point(|(hour, _)| *hour < oldest)..];
    let mut own = Baseline::default();
    for day in hours.chunk_by(|a, b| a.0 / 24 == b.0 / 24) {
        own.close(day[0].0 / 24, day);
    }
    let seen = |of: &dyn Fn(&Hour) -> Vec<String>| seen(hours, of);
    let events: f64 = hours.iter().map(|(_, hour)| hour.events.distinct()).sum();
    let failed: f64 = hours
        .iter()
        .map(|(_, hour)| {
            let failed = hour.events.values().filter(|trace| trace.outcome != Outcome::Success).count();
            failed as f64 * hour.events.scale()
        })
        .sum();
    let mut by_day: Vec<f64> = own.days.iter().map(|day| day.events).collect();
    by_day.sort_by(f64::total_cmp);
    let identities: BTreeSet<String> = match scope {
        Scope::Person(_) => {
            hours.iter().flat_map(|(_, hour)| hour.identities.values()).map(ToString::to_string).collect()
        }
        Scope::Principal(id) => BTreeSet::from([id.to_string()]),
        _ => BTreeSet::new(),
    };
    Some(Portrait {
        principals: identities.into_iter().collect(),
        kind: hours.iter().filter_map(|(_, hour)| hour.who.as_ref()).min().map(|who| who.kind),
        from: date(hours.first()?.0 / 24),
        to: date(last),
        active_days: own.active_days(),
        calls: events,
        error_rate: failed / events.max(1.0),
        median_day: by_day[by_day.len() / 2],
        busiest_day: own.busiest_day(),
        week: week(hours),
        workday: workday(&own),
        services: seen(&|hour| hour.calls.values().map(|call| service_of(call).to_owned()).collect()),
        networks: seen(&|hour| hour.addresses.values().map(|address| network(*address, networks)).collect()),
        programs: seen(&|hour| hour.clients.values().map(ToString::to_string).collect()),
        regions: seen(&|hour| hour.regions.values().map(ToString::to_string).collect()),
        accounts: seen(&|hour| hour.accounts.values().map(ToString::to_string).collect()),
        api_calls: seen(&|hour| hour.calls.values().map(ToString::to_string).collect()),
        resources: seen(&|hour| hour.resources.values().map(ToString::to_string).collect()),
        acts: seen(&|hour| hour.acts.iter().map(|(notable, _)| notable.act.call.to_string()).collect()),
        mobility: own.mobility().min(1.0),
        usual_new_calls: own.usual_new_calls(),
        uncertain: uncertain(&own, hours, networks),
        stored_bytes: own.encode().len(),
    })
}

fn date(day: u32) -> String {
    Time(i64::from(day) * DAY).to_string()[..10].to_owned()
}

/// Number of days per name, most frequent first.
fn seen(hours: &[(u32, Hour)], of: &dyn Fn(&Hour) -> Vec<String>) -> Vec<Seen> {
    let mut days: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
    for (hour, folded) in hours {
        for name in of(folded).into_iter().filter(|name| !name.is_empty()) {
            days.entry(name).or_default().insert(hour / 24);
        }
    }
    let mut seen: Vec<Seen> =
        days.into_iter().map(|(name, days)| Seen { name, days: days.len() as u32 }).collect();
    seen.sort_by(|a, b| b.days.cmp(&a.days).then_with(|| a.name.cmp(&b.name)));
    seen
}

fn week(hours: &[(u32, Hour)]) -> [[u32; 24]; 7] {
    let mut week = [[0; 24]; 7];
    for (hour, _) in hours {
        // Day 0 was a Thursday.
        week[((hour / 24 + 3) % 7) as usize][(hour % 24) as usize] += 1;
    }
    week
}

/// The shortest span of the day that covers the usual hours.
fn workday(own: &Baseline) -> Option<(u32, u32)> {
    const LONGEST: u32 = 16;
    let usual = own.usual_hours();
    if own.is_around_the_clock() || usual.is_empty() || !own.is_established() {
        return None;
    }
    let span = |start: u32| usual.iter().map(|hour| (hour + 24 - start) % 24).max().unwrap_or(24);
    let start = usual.iter().copied().min_by_key(|start| span(*start))?;
    (span(start) < LONGEST).then(|| (start, (start + span(start) + 1) % 24))
}

fn network(address: IpAddr, networks: &Networks) -> String {
    let prefix = match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
    };
    match networks.find(address) {
        Some(known) => format!("{prefix} {}", describe(&known)),
        None => prefix,
    }
}

fn uncertain(own: &Baseline, hours: &[(u32, Hour)], networks: &Networks) -> Vec<String> {
    let mut uncertain = Vec::new();
    if !own.is_established() {
        uncertain.push(format!(
            "only {} active day(s) are known: nothing is called new before {}",
            own.active_days(),
            super::ESTABLISHED_DAYS
        ));
    }
    if own.days.iter().filter(|day| day.counts.is_some()).count() < super::counts::DAYS {
        uncertain.push("too few days to compare a whole day with".to_owned());
    }
    if own.days.iter().all(|day| !is_weekend(day.day)) {
        uncertain.push("never seen on a weekend".to_owned());
    }
    if networks.is_empty() {
        uncertain.push("no list of networks: countries and providers are unknown".to_owned());
    }
    if hours.iter().all(|(_, hour)| hour.addresses.is_empty()) {
        uncertain.push("no public address: it calls from within AWS".to_owned());
    }
    uncertain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{activity::Words, event::hash};

    fn hour(day: u32, of_day: u32, call: &str) -> (u32, Hour) {
        let mut folded = Hour::default();
        let mut calls = Words::default();
        calls.insert(hash(call), call);
        folded.calls = calls;
        (day * 24 + of_day, folded)
    }

    #[test]
    fn a_rhythm_is_seen_and_what_is_unknown_is_said() {
        let monday = 20_486; // 2026-02-02
        let hours: Vec<_> = (0..5)
            .flat_map(|day| (9..17).map(move |of_day| hour(monday + day, of_day, "s3:GetObject")))
            .collect();
        let portrait = portrait(&Scope::Principal("arn:kim".into()), &hours, &Networks::default()).unwrap();
        assert_eq!((portrait.active_days, portrait.workday), (5, Some((9, 17))));
        assert_eq!((portrait.week[0][9], portrait.week[5][9], portrait.from.as_str()), (1, 0, "2026-02-02"));
        assert_eq!(portrait.services, [Seen { name: "s3".into(), days: 5 }]);
        assert!(portrait.uncertain.iter().any(|doubt| doubt.contains("weekend")), "{:?}", portrait.uncertain);
    }

    #[test]
    fn without_hours_there_is_no_portrait() {
        assert_eq!(portrait(&Scope::Principal("arn:kim".into()), &[], &Networks::default()), None);
    }
}
