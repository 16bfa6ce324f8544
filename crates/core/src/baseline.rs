//! What is usual: for a principal, from its own last 30 days; for an account, from everybody's.
//!
//! **Past law**: a judgement uses only days before its own. A day is digested when it is over, counts for
//! 30 days, and then fades; so a baseline is a function of its days, and can always be made again.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque, hash_map::Entry},
    net::IpAddr,
};

use crate::{
    activity::{Acts, Hour, Notable},
    catalog::{Exposure, Tactic},
    event::{Principal, PrincipalKind, hash},
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
    calls: f64,
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

/// By what an act is known again: the call, what it opened or granted, and for whom outside; for secrets, which.
/// Who creates roles creates new ones; who reads secrets reads its own.
pub fn act_key(notable: &Notable) -> u64 {
    let act = &notable.act;
    let outside = if act.exposure == Exposure::None { "" } else { &act.recipient };
    let secret = if act.tactic == Tactic::CredentialAccess { &act.target } else { "" };
    hash(&format!("{}|{:?}|{:?}|{outside}|{secret}", act.call, act.exposure, act.grants))
}

impl Day {
    fn digest(day: u32, hours: &[(u32, Hour)]) -> Self {
        let mut digest = Self { day, ..Self::default() };
        for (hour, folded) in hours {
            digest.hours |= 1 << (hour % 24);
            digest.events += folded.events.distinct();
            digest.calls += folded.calls.distinct();
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
        keys.extend(hour.acts.iter().map(|(notable, _)| key(Aspect::Act, act_key(notable))));
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
    /// Adds a day that is over, and forgets those 30 days older.
    pub fn close(&mut self, day: u32, hours: &[(u32, Hour)]) {
        self.fade(day + 1);
        let digest = Day::digest(day, hours);
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

/// What everybody in the organisation did, day by day: who did which act, which account used which call or region since when.
#[derive(Debug, Default)]
pub struct Peers {
    acts: HashMap<(u64, u64), BTreeMap<u32, Vec<u64>>>,
    regions: HashMap<(u64, u64), BTreeSet<u32>>,
    first_hour: HashMap<Box<str>, u32>,
    addresses: HashMap<IpAddr, Occupants>,
    sessions: HashMap<u64, Caller>,
}

/// Who assumed a role. Of the two records of one cross-account call, the one that names the caller is the lesser.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Caller {
    is_outside: bool,
    id: Box<str>,
    parent: u64,
}

/// Who was seen at an address.
#[derive(Clone, Debug, Default)]
struct Occupants {
    first_human: Option<u32>,
    /// At most two: that there are several is all that matters.
    instances: Vec<u64>,
}

impl Occupants {
    fn add_instance(&mut self, instance: u64) {
        if self.instances.len() < 2 && !self.instances.contains(&instance) {
            self.instances.push(instance);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.first_human = [self.first_human, other.first_human].into_iter().flatten().min();
        other.instances.iter().for_each(|instance| self.add_instance(*instance));
    }
}

/// Principals remembered for one act on one day: more make no difference.
const PEERS_A_DAY: usize = 8;

impl Peers {
    /// Adds an hour of a principal.
    pub fn add(&mut self, principal: &Principal, hour: u32, folded: &Hour) {
        let (account, who) = (hash(&principal.account_id), hash(&principal.id));
        let day = hour / 24;
        self.add_acts(&folded.acts, account, who, hour);
        for (region, _) in folded.regions.iter() {
            self.regions.entry((account, region)).or_default().insert(day);
        }
        for account in folded.accounts.values() {
            self.add_account(account, hour);
        }
        let is_outside = principal.kind == PrincipalKind::ExternalAccount;
        for (session, edge) in folded.sessions.iter() {
            self.add_session(session, Caller { is_outside, id: principal.id.clone(), parent: edge.parent });
        }
    }

    fn add_session(&mut self, session: u64, caller: Caller) {
        match self.sessions.entry(session) {
            Entry::Vacant(vacant) => _ = vacant.insert(caller),
            Entry::Occupied(mut known) => {
                if caller < *known.get() {
                    known.insert(caller);
                }
            }
        }
    }

    fn add_acts(&mut self, acts: &Acts, account: u64, who: u64, hour: u32) {
        for (notable, _) in acts.iter() {
            let principals =
                self.acts.entry((account, act_key(notable))).or_default().entry(hour / 24).or_default();
            if !principals.contains(&who) && principals.len() < PEERS_A_DAY {
                principals.push(who);
            }
        }
    }

    fn add_account(&mut self, account: &str, hour: u32) {
        self.first_hour.entry(account.into()).and_modify(|first| *first = hour.min(*first)).or_insert(hour);
    }

    /// Adds an hour of an address: who used it.
    pub fn add_address(&mut self, address: IpAddr, hour: u32, folded: &Hour) {
        let occupants = self.addresses.entry(address).or_default();
        for seat in folded.seats.values() {
            if seat.instance.is_empty() {
                occupants.first_human = Some(occupants.first_human.map_or(hour, |first| first.min(hour)));
            } else {
                occupants.add_instance(hash(&seat.instance));
            }
        }
    }

    /// Adds what `other` knows.
    pub fn merge(&mut self, other: Self) {
        for (act, days) in other.acts {
            let known = self.acts.entry(act).or_default();
            for (day, principals) in days {
                let list = known.entry(day).or_default();
                for principal in principals {
                    if !list.contains(&principal) {
                        list.push(principal);
                    }
                }
                list.sort_unstable();
                list.truncate(PEERS_A_DAY);
            }
        }
        for (region, days) in other.regions {
            self.regions.entry(region).or_default().extend(days);
        }
        other.first_hour.iter().for_each(|(account, hour)| self.add_account(account, *hour));
        for (address, occupants) in other.addresses {
            self.addresses.entry(address).or_default().merge(&occupants);
        }
        for (session, caller) in other.sessions {
            self.add_session(session, caller);
        }
    }

    /// How many other principals of the account did such an act in the 30 days before `today`.
    pub fn others_who_did(&self, principal: &Principal, notable: &Notable, today: u32) -> usize {
        let who = hash(&principal.id);
        let Some(days) = self.acts.get(&(hash(&principal.account_id), act_key(notable))) else { return 0 };
        let others: HashSet<u64> = days
            .range(today.saturating_sub(MEMORY_DAYS)..today)
            .flat_map(|(_, principals)| principals)
            .filter(|other| **other != who)
            .copied()
            .collect();
        others.len()
    }

    /// Was this region used by the account's principals in the 30 days before `today`?
    pub fn knows_region(&self, account: &str, region: &str, today: u32) -> bool {
        let days = self.regions.get(&(hash(account), hash(region)));
        days.is_some_and(|days| days.range(today.saturating_sub(MEMORY_DAYS)..today).next().is_some())
    }

    /// Has the account's log been read since before `hour`?
    pub fn is_own_account(&self, account: &str, hour: u32) -> bool {
        self.first_hour.get(account).is_some_and(|first| *first <= hour)
    }

    /// Days since the account's log begins.
    pub fn days_of_account(&self, account: &str, today: u32) -> u32 {
        self.first_hour.get(account).map_or(0, |first| today.saturating_sub(first / 24))
    }

    /// Did a human work at a browser at this address up to `hour`, where at most one instance was ever seen?
    /// Where several instances are, it is their gateway, and humans may sit behind it too.
    pub fn is_where_humans_work(&self, address: IpAddr, hour: u32) -> bool {
        self.addresses.get(&address).is_some_and(|occupants| {
            occupants.instances.len() <= 1 && occupants.first_human.is_some_and(|first| first <= hour)
        })
    }

    /// Who assumed the role whose session has this key: from the nearest caller to the first.
    pub fn callers(&self, session: u64) -> Vec<&str> {
        /// AWS allows longer chains; nobody builds them.
        const LONGEST: usize = 4;
        let mut chain: Vec<&str> = Vec::new();
        let mut next = self.sessions.get(&session);
        while let Some(Caller { id, parent, .. }) = next
            && !chain.contains(&&**id)
            && chain.len() < LONGEST
        {
            chain.push(id);
            next = self.sessions.get(parent);
        }
        chain
    }
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
