//! What is usual: for a principal, from its own last 30 days; for an account, from everybody's.
//!
//! **Past law**: a judgement uses only days before its own. A day is digested when it is over, counts for
//! 30 days, and then fades; so a baseline is a function of its days, and can always be made again.

mod peers;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::IpAddr,
};

pub use peers::Peers;

use crate::{
    activity::{Hour, Notable},
    catalog::Exposure,
    event::hash,
    networks::{Network, Networks},
    settings::Settings,
};

/// Days a baseline looks back.
pub const MEMORY_DAYS: u32 = 30;
/// With so many active days a baseline is established: what it has not seen is new.
pub const ESTABLISHED_DAYS: u32 = 5;

/// One day of a principal, digested.
#[derive(Clone, Debug, Default)]
struct Day {
    day: u32,
    keys: HashSet<u64>,
    hours: u32,
    events: f64,
    /// It called from a network that no remembered day knew.
    has_moved: bool,
}

/// What a key of a day stands for, so that the sets of a day can share one table.
#[derive(Clone, Copy)]
enum Aspect {
    Call = 1,
    Service,
    Network,
    Client,
    Region,
    Resource,
    Act,
    Target,
}

fn key(aspect: Aspect, value: u64) -> u64 {
    value.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(7) ^ aspect as u64
}

/// The network an address counts as: its /24 or /48, since providers change the rest.
pub fn network_key(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(v4) => hash(&v4.octets()[..3].escape_ascii().to_string()),
        IpAddr::V6(v6) => hash(&v6.octets()[..6].escape_ascii().to_string()),
    }
}

/// By what an act is known again: the call, what it opened or granted, and for whom outside.
/// Not by its target: who creates roles creates new ones.
pub fn act_key(notable: &Notable) -> u64 {
    let act = &notable.act;
    let outside = if act.exposure == Exposure::None { "" } else { &act.recipient };
    hash(&format!("{}|{:?}|{:?}|{outside}", act.call, act.exposure, act.grants))
}

impl Day {
    fn digest(day: u32, hours: &[(u32, Hour)]) -> Self {
        let mut digest = Self { day, ..Self::default() };
        for (hour, folded) in hours {
            digest.hours |= 1 << (hour % 24);
            digest.events += folded.events.distinct();
            digest.add(folded);
        }
        digest
    }

    fn add(&mut self, hour: &Hour) {
        let keys = &mut self.keys;
        keys.extend(hour.calls.iter().map(|(call, _)| key(Aspect::Call, call)));
        keys.extend(hour.calls.values().map(|call| key(Aspect::Service, hash(service_of(call)))));
        keys.extend(hour.addresses.values().map(|address| key(Aspect::Network, network_key(*address))));
        keys.extend(hour.clients.iter().map(|(client, _)| key(Aspect::Client, client)));
        keys.extend(hour.regions.iter().map(|(region, _)| key(Aspect::Region, region)));
        keys.extend(hour.resources.iter().map(|(resource, _)| key(Aspect::Resource, resource)));
        for group in hour.acts.groups() {
            keys.extend(group.acts.values().map(|notable| key(Aspect::Act, act_key(notable))));
            keys.extend(group.targets.iter().map(|(target, ())| key(Aspect::Target, target)));
        }
    }
}

/// The service of a call such as `iam:ListUsers`.
pub fn service_of(call: &str) -> &str {
    call.split(':').next().unwrap_or_default()
}

/// What one principal did in the 30 days before some day.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    days: VecDeque<Day>,
    /// On how many of the days each thing was seen.
    seen: HashMap<u64, u32>,
    /// On how many of the days each hour of the day, UTC, was active: workdays and weekends apart.
    rhythm: [[u32; 24]; 2],
    last_active: Option<u32>,
}

impl Baseline {
    /// Adds a day that is over.
    pub fn close(&mut self, day: u32, hours: &[(u32, Hour)]) {
        let mut digest = Day::digest(day, hours);
        let networks = hours.iter().flat_map(|(_, hour)| hour.addresses.values());
        digest.has_moved = !self.days.is_empty()
            && networks.into_iter().any(|address| self.days_with_network(*address) == 0);
        for key in &digest.keys {
            *self.seen.entry(*key).or_default() += 1;
        }
        self.shift_rhythm(&digest, 1);
        self.last_active = Some(day);
        self.days.push_back(digest);
    }

    /// Forgets what is too old to count on `today`.
    pub fn fade(&mut self, today: u32) {
        self.last_active = self.last_active.filter(|last| last + MEMORY_DAYS >= today);
        while let Some(old) = self.days.pop_front_if(|old| old.day + MEMORY_DAYS < today) {
            for key in &old.keys {
                if let Some(count) = self.seen.get_mut(key) {
                    *count -= 1;
                    if *count == 0 {
                        self.seen.remove(key);
                    }
                }
            }
            self.shift_rhythm(&old, -1);
        }
    }

    fn shift_rhythm(&mut self, day: &Day, by: i32) {
        for hour in (0..24).filter(|hour| day.hours >> hour & 1 == 1) {
            let slot = &mut self.rhythm[usize::from(is_weekend(day.day))][hour];
            *slot = slot.saturating_add_signed(by);
        }
    }

    /// On how many of the 30 days it was active.
    pub fn active_days(&self) -> u32 {
        self.days.len() as u32
    }

    /// Enough days to say what is new.
    pub fn is_established(&self) -> bool {
        self.active_days() >= ESTABLISHED_DAYS
    }

    /// The last active day of those remembered.
    pub fn last_active(&self) -> Option<u32> {
        self.last_active
    }

    fn days_with(&self, aspect: Aspect, value: u64) -> u32 {
        self.seen.get(&key(aspect, value)).copied().unwrap_or_default()
    }

    /// On how many days this call was made, by its key.
    pub fn days_with_call(&self, call: u64) -> u32 {
        self.days_with(Aspect::Call, call)
    }

    /// On how many days this service was used.
    pub fn days_with_service(&self, service: &str) -> u32 {
        self.days_with(Aspect::Service, hash(service))
    }

    /// On how many days it called from this address's network.
    pub fn days_with_network(&self, address: IpAddr) -> u32 {
        self.days_with(Aspect::Network, network_key(address))
    }

    /// On how many days it used this program.
    pub fn days_with_client(&self, client: &str) -> u32 {
        self.days_with(Aspect::Client, hash(client))
    }

    /// On how many days it called in this region.
    pub fn days_with_region(&self, region: &str) -> u32 {
        self.days_with(Aspect::Region, hash(region))
    }

    /// On how many days it named this bucket, table or secret.
    pub fn days_with_resource(&self, resource: u64) -> u32 {
        self.days_with(Aspect::Resource, resource)
    }

    /// On how many days it did such an act.
    pub fn days_with_act(&self, notable: &Notable) -> u32 {
        self.days_with(Aspect::Act, act_key(notable))
    }

    /// Did it act on this target before? By the target's hash.
    pub fn knows_target(&self, target: u64) -> bool {
        self.days_with(Aspect::Target, target) > 0
    }

    /// How unusual this hour of the day is, 0 (always active then) to 1 (never near it); `None` if not established.
    pub fn strangeness_of_hour(&self, hour: u32) -> Option<f32> {
        if !self.is_established() {
            return None;
        }
        let weekend = is_weekend(hour / 24);
        let of_day = (hour % 24) as usize;
        let near = [(of_day + 23) % 24, of_day, (of_day + 1) % 24];
        let active = |kind: usize| near.iter().map(|near| self.rhythm[kind][*near]).max().unwrap_or_default();
        // A person who never works weekends is strange on one, whatever the hour; workdays judge the hour.
        let days = self.days.iter().filter(|day| is_weekend(day.day) == weekend).count() as u32;
        let kind = if days == 0 { usize::from(!weekend) } else { usize::from(weekend) };
        let share = active(kind) as f32 / days.max(1).min(self.active_days()) as f32;
        let by_hour = (1.0 - share * 4.0).clamp(0.0, 1.0);
        Some(if weekend && days == 0 { by_hour.max(0.5) } else { by_hour })
    }

    /// Most events of any remembered day.
    pub fn busiest_day(&self) -> f64 {
        self.days.iter().map(|day| day.events).fold(0.0, f64::max)
    }

    /// The share of its days on which it called from a network new to it: 0 at a desk, 1 for hosted build machines.
    pub fn mobility(&self) -> f32 {
        let moved = self.days.iter().filter(|day| day.has_moved).count();
        moved as f32 / (self.days.len().max(2) - 1) as f32
    }

    /// Is the principal active at all hours, as machines are?
    pub fn is_around_the_clock(&self) -> bool {
        const HOURS_OF_A_MACHINE: usize = 18;
        (0..24).filter(|hour| self.rhythm[0][*hour] + self.rhythm[1][*hour] > 0).count() >= HOURS_OF_A_MACHINE
    }

    /// The hours of the day, UTC, at which it is usually active.
    pub fn usual_hours(&self) -> Vec<usize> {
        let often = self.active_days().div_ceil(5);
        (0..24).filter(|hour| self.rhythm[0][*hour] + self.rhythm[1][*hour] >= often.max(1)).collect()
    }
}

fn is_weekend(day: u32) -> bool {
    // Day 0 was a Thursday.
    matches!((day + 3) % 7, 5 | 6)
}

/// All that a detector may know besides the window.
#[derive(Clone, Copy)]
pub struct Habits<'a> {
    /// The principal's own past.
    pub own: &'a Baseline,
    /// Everybody's.
    pub peers: &'a Peers,
    /// What is known of addresses.
    pub networks: &'a Networks,
    /// The organisation's own facts.
    pub settings: &'a Settings,
}

impl Habits<'_> {
    /// What is known of an address.
    pub fn network(&self, address: IpAddr) -> Option<Network> {
        self.networks.find(address)
    }

    /// Is this one of the organisation's own accounts, as its logs or settings say?
    pub fn is_own_account(&self, account: &str, hour: u32) -> bool {
        self.peers.is_own_account(account, hour) || self.settings.accounts.iter().any(|own| own == account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::Words;

    fn hour_with_call(call: u64) -> Hour {
        let mut calls = Words::default();
        calls.insert(call, "iam:X");
        Hour { calls, ..Hour::default() }
    }

    #[test]
    fn old_days_fade() {
        let mut baseline = Baseline::default();
        baseline.close(100, &[(2400, hour_with_call(7))]);
        baseline.close(101, &[(2424, hour_with_call(7))]);
        assert_eq!(baseline.days_with_call(7), 2);
        baseline.fade(131);
        assert_eq!((baseline.days_with_call(7), baseline.active_days()), (1, 1));
        baseline.fade(132);
        assert_eq!((baseline.days_with_call(7), baseline.active_days()), (0, 0));
        assert_eq!(baseline.last_active(), None);
    }

    #[test]
    fn an_hour_is_strange_only_against_an_established_rhythm() {
        let mut baseline = Baseline::default();
        assert_eq!(baseline.strangeness_of_hour(3), None);
        let monday = 4; // 1970-01-05
        for day in monday..monday + 5 {
            let hours: Vec<_> = (9..17).map(|hour| (day * 24 + hour, hour_with_call(1))).collect();
            baseline.close(day, &hours);
        }
        let next_monday = monday + 7;
        assert_eq!(baseline.strangeness_of_hour(next_monday * 24 + 12), Some(0.0));
        assert_eq!(baseline.strangeness_of_hour(next_monday * 24 + 3), Some(1.0));
        assert_eq!(baseline.strangeness_of_hour((next_monday - 1) * 24 + 12), Some(0.5));
        assert!(!baseline.is_around_the_clock());
    }
}
