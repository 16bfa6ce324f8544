//! What everybody in the organisation did, day by day.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, hash_map::Entry},
    net::IpAddr,
    ops::RangeInclusive,
};

use super::{MEMORY_DAYS, act_key};
use crate::{
    activity::{Acts, Hour, Notable},
    event::{Principal, PrincipalKind, hash},
};

/// Who did which act, which account used which region, who was where, who assumed what: each with its days,
/// so that every question looks back the same 30 days and never ahead.
#[derive(Debug, Default)]
pub struct Peers {
    acts: HashMap<(u64, u64), BTreeMap<u32, Vec<u64>>>,
    regions: HashMap<(u64, u64), BTreeSet<u32>>,
    /// Days on which an account's log was read, each with its first hour.
    accounts: HashMap<Box<str>, BTreeMap<u32, u32>>,
    addresses: HashMap<IpAddr, BTreeMap<u32, Occupants>>,
    sessions: HashMap<u64, Caller>,
}

/// Who was seen at an address on a day.
#[derive(Clone, Debug, Default)]
struct Occupants {
    first_human: Option<u32>,
    /// With the first hour of each; at most the two earliest: that there are several is all that matters.
    instances: BTreeSet<(u32, u64)>,
}

impl Occupants {
    fn add_human(&mut self, hour: u32) {
        self.first_human = Some(self.first_human.map_or(hour, |first| first.min(hour)));
    }

    fn add_instance(&mut self, hour: u32, instance: u64) {
        match self.instances.iter().find(|(_, known)| *known == instance) {
            Some((first, _)) if *first <= hour => return,
            Some(known) => _ = self.instances.remove(&known.clone()),
            None => {}
        }
        self.instances.insert((hour, instance));
        if self.instances.len() > 2 {
            self.instances.pop_last();
        }
    }

    fn merge(&mut self, other: &Self) {
        self.first_human = [self.first_human, other.first_human].into_iter().flatten().min();
        other.instances.iter().for_each(|(hour, instance)| self.add_instance(*hour, *instance));
    }
}

/// Who assumed a role. Of the two records of one cross-account call, the one that names the caller is the lesser.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Caller {
    is_outside: bool,
    id: Box<str>,
    parent: u64,
}

/// Principals remembered for one act on one day: more make no difference.
const PEERS_A_DAY: usize = 8;

/// The days that a judgement on `today` may look at.
fn memory(today: u32) -> RangeInclusive<u32> {
    today.saturating_sub(MEMORY_DAYS)..=today
}

impl Peers {
    /// Adds an hour of a principal.
    pub fn add(&mut self, principal: &Principal, hour: u32, folded: &Hour) {
        let (account, who) = (hash(&principal.account_id), hash(&principal.id));
        self.add_acts(&folded.acts, account, who, hour);
        for (region, _) in folded.regions.iter() {
            self.regions.entry((account, region)).or_default().insert(hour / 24);
        }
        for account in folded.accounts.values() {
            self.add_account(account, hour);
        }
        let is_outside = principal.kind == PrincipalKind::ExternalAccount;
        for (session, edge) in folded.sessions.iter() {
            self.add_session(session, Caller { is_outside, id: principal.id.clone(), parent: edge.parent });
        }
    }

    fn add_acts(&mut self, acts: &Acts, account: u64, who: u64, hour: u32) {
        for (notable, _) in acts.iter() {
            let days = self.acts.entry((account, act_key(notable))).or_default();
            add_peer(days.entry(hour / 24).or_default(), who);
        }
    }

    fn add_account(&mut self, account: &str, hour: u32) {
        let days = self.accounts.entry(account.into()).or_default();
        days.entry(hour / 24).and_modify(|first| *first = hour.min(*first)).or_insert(hour);
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

    /// Adds an hour of an address: who used it.
    pub fn add_address(&mut self, address: IpAddr, hour: u32, folded: &Hour) {
        for seat in folded.seats.values() {
            let occupants = self.addresses.entry(address).or_default().entry(hour / 24).or_default();
            if seat.instance.is_empty() {
                occupants.add_human(hour);
            } else {
                occupants.add_instance(hour, hash(&seat.instance));
            }
        }
    }

    /// Adds what `other` knows.
    pub fn merge(&mut self, other: Self) {
        for (act, days) in other.acts {
            let known = self.acts.entry(act).or_default();
            for (day, principals) in days {
                let list = known.entry(day).or_default();
                principals.into_iter().for_each(|principal| add_peer(list, principal));
            }
        }
        for (region, days) in other.regions {
            self.regions.entry(region).or_default().extend(days);
        }
        for (account, days) in other.accounts {
            days.into_values().for_each(|hour| self.add_account(&account, hour));
        }
        for (address, days) in other.addresses {
            let known = self.addresses.entry(address).or_default();
            for (day, occupants) in days {
                known.entry(day).or_default().merge(&occupants);
            }
        }
        for (session, caller) in other.sessions {
            self.add_session(session, caller);
        }
    }

    /// How many other principals of the account did such an act in the 30 days before `today`.
    pub fn others_who_did(&self, principal: &Principal, notable: &Notable, today: u32) -> usize {
        let who = hash(&principal.id);
        let Some(days) = self.acts.get(&(hash(&principal.account_id), act_key(notable))) else { return 0 };
        let before = days.range(memory(today)).filter(|(day, _)| **day < today);
        let others: HashSet<u64> =
            before.flat_map(|(_, principals)| principals).filter(|other| **other != who).copied().collect();
        others.len()
    }

    /// Was this region used by the account's principals in the 30 days before `today`?
    pub fn knows_region(&self, account: &str, region: &str, today: u32) -> bool {
        let days = self.regions.get(&(hash(account), hash(region)));
        days.is_some_and(|days| days.range(memory(today)).any(|day| *day < today))
    }

    /// Was the account's log read in the 30 days up to `hour`?
    pub fn is_own_account(&self, account: &str, hour: u32) -> bool {
        let days = self.accounts.get(account);
        days.is_some_and(|days| days.range(memory(hour / 24)).any(|(_, first)| *first <= hour))
    }

    /// Was the account's log read so many days before `today`, or, of the 30 remembered, earlier?
    pub fn has_watched(&self, account: &str, days: u32, today: u32) -> bool {
        let watched = self.accounts.get(account);
        watched.is_some_and(|watched| watched.range(memory(today)).any(|(day, _)| *day + days <= today))
    }

    /// Did a human work at a browser at this address in the 30 days up to `hour`, where at most one instance was seen?
    /// Where several instances are, it is their gateway, and humans may sit behind it too.
    pub fn is_where_humans_work(&self, address: IpAddr, hour: u32) -> bool {
        let Some(days) = self.addresses.get(&address) else { return false };
        let days = || days.range(memory(hour / 24)).map(|(_, occupants)| occupants);
        let instances: HashSet<u64> = days()
            .flat_map(|occupants| &occupants.instances)
            .filter(|(first, _)| *first <= hour)
            .map(|(_, instance)| *instance)
            .collect();
        instances.len() <= 1
            && days().any(|occupants| occupants.first_human.is_some_and(|first| first <= hour))
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

/// The least hashes stay, so that order does not matter.
fn add_peer(list: &mut Vec<u64>, who: u64) {
    if let Err(at) = list.binary_search(&who) {
        list.insert(at, who);
        list.truncate(PEERS_A_DAY);
    }
}
