//! Peer facts: activity of everybody in the organisation, by day.
//!
//! Facts are small and keyed by their subject, so that a store keeps each in its own item and a judgement
//! reads only those it needs. Merging facts is commutative, associative and idempotent.

mod facts;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    net::IpAddr,
    ops::RangeInclusive,
};

use serde::{Deserialize, Serialize};

use super::{MEMORY_DAYS, act_key, service_of};
use crate::{
    activity::{Hour, Notable, Scope, Window},
    event::{Principal, PrincipalKind, hash},
};
pub use facts::facts;

/// Key of a fact: its subject.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum About {
    /// An act (by its [`act_key`]) or a service, in a group of peers.
    Act(Group, u64),
    /// An account: when its log was read, by Region.
    Account(Box<str>),
    /// An address: the humans and instances seen there.
    Address(IpAddr),
    /// A session, by the hash of its access key: its caller.
    Session(u64),
}

/// Peer group, by its hash: the identities of an account, the people of a permission set, or the roles of one
/// name, in any account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Group(pub u64);

impl Group {
    /// A group of one: the scope itself.
    pub fn of_one(scope: &Scope) -> Self {
        Self(who(scope))
    }

    fn account(account: &str) -> Self {
        Self(hash(account))
    }

    /// The holders of a part, in any account: a permission set or a role name.
    fn part(part: &str) -> Self {
        Self(hash(&format!("part:{part}")))
    }
}

/// Content of a fact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fact {
    /// Hashes of the identities that did an act, by day; at most 8 a day.
    Doers(BTreeMap<u32, Vec<u64>>),
    /// Hours in which an account's principals acted, by Region and day; bit n is hour n.
    Watched(BTreeMap<Box<str>, BTreeMap<u32, u32>>),
    /// Humans and instances at an address, by day.
    Occupants(BTreeMap<u32, Occupants>),
    /// Caller that assumed a role.
    Caller(Caller),
}

/// Humans and instances seen at an address on one day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occupants {
    first_human: Option<u32>,
    /// First hour and hash of each; at most the two earliest, since it only matters that there are several.
    instances: BTreeSet<(u32, u64)>,
}

/// Caller that assumed a role. Of the two records of a cross-account call, the one that names the caller
/// sorts first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Caller {
    is_outside: bool,
    id: Box<str>,
    parent: u64,
}

/// Days with a human from which an address is a desk.
const DESK_DAYS: usize = 3;
/// Identities kept per act and day: more make no difference.
const PEERS_A_DAY: usize = 8;
/// Regions kept per account: AWS has fewer; a forged log may name any number.
const REGIONS: usize = 48;

/// The days that a judgement on `today` may use.
fn memory(today: u32) -> RangeInclusive<u32> {
    today.saturating_sub(MEMORY_DAYS)..=today
}

impl Fact {
    /// Merges a fact about the same subject. If the kinds differ, which our code never writes, this fact
    /// stays.
    pub fn merge(&mut self, other: Self) {
        match (self, other) {
            (Self::Doers(known), Self::Doers(days)) => {
                for (day, doers) in days {
                    let list = known.entry(day).or_default();
                    doers.into_iter().for_each(|doer| add_peer(list, doer));
                }
            }
            (Self::Watched(known), Self::Watched(regions)) => {
                for (region, days) in regions {
                    let known = known.entry(region).or_default();
                    days.into_iter().for_each(|(day, hours)| *known.entry(day).or_default() |= hours);
                }
                while known.len() > REGIONS {
                    known.pop_last();
                }
            }
            (Self::Occupants(known), Self::Occupants(days)) => {
                days.into_iter().for_each(|(day, other)| known.entry(day).or_default().merge(&other));
            }
            (Self::Caller(known), Self::Caller(other)) if other < *known => *known = other,
            _ => {}
        }
    }

    /// Drops days before `oldest`.
    pub fn forget(&mut self, oldest: u32) {
        match self {
            Self::Doers(days) => days.retain(|day, _| *day >= oldest),
            Self::Watched(regions) => regions.retain(|_, days| {
                days.retain(|day, _| *day >= oldest);
                !days.is_empty()
            }),
            Self::Occupants(days) => days.retain(|day, _| *day >= oldest),
            Self::Caller(_) => {}
        }
    }
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

/// Hash of an identity; 0 for other scopes.
fn who(scope: &Scope) -> u64 {
    match scope {
        Scope::Principal(id) | Scope::Person(id) => hash(id),
        _ => 0,
    }
}

/// Keys to compare with peers in an hour: acts by group, and services by part.
fn asked_of_groups(scope: &Scope, principal: &Principal, folded: &Hour) -> BTreeSet<About> {
    let mut asked = BTreeSet::new();
    for (notable, _) in folded.acts.iter() {
        let groups = groups(scope, &principal.account_id, &notable.account_id, |account| {
            folded.part_in(scope, account)
        });
        asked.extend(groups.map(|group| About::Act(group, act_key(notable))));
    }
    for part in folded.parts(scope) {
        let services = folded.calls.values().map(|call| service_key(service_of(call)));
        asked.extend(services.map(|service| About::Act(Group::part(part), service)));
    }
    asked
}

fn service_key(service: &str) -> u64 {
    hash(&format!("service:{service}"))
}

/// The peer groups for an act in `account`: the account's, then the part's.
fn groups<'s>(
    scope: &Scope,
    home: &str,
    account: &str,
    part: impl Fn(&str) -> Option<&'s str>,
) -> impl Iterator<Item = Group> {
    let account = if matches!(scope, Scope::Person(_)) { account } else { home };
    std::iter::once(Group::account(account)).chain(part(account).map(Group::part))
}

/// Keys of the facts that judging these hours may need; callers lead to more, see [`Peers::parents`].
pub fn questions(scope: &Scope, hours: &[(u32, Hour)]) -> BTreeSet<About> {
    let mut asked = BTreeSet::new();
    for (_, hour) in hours {
        let principal = hour.principal_of(scope);
        asked.extend(principal.iter().map(|principal| About::Account(principal.account_id.clone())));
        asked.extend(principal.iter().flat_map(|principal| asked_of_groups(scope, principal, hour)));
        for (notable, _) in hour.acts.iter() {
            let accounts = [&notable.account_id, &notable.act.recipient];
            let named = accounts.into_iter().filter(|account| !account.is_empty());
            asked.extend(named.map(|account| About::Account(account.clone())));
            asked.insert(About::Session(notable.session));
        }
        asked.extend(hour.seats.values().filter_map(|seat| seat.address).map(About::Address));
        if principal.is_some_and(|principal| principal.kind != PrincipalKind::Workload) {
            asked.extend(hour.addresses.values().copied().map(About::Address));
        }
    }
    asked.remove(&About::Session(0));
    asked
}

/// Number of peers that did the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// Other identities of the account.
    pub in_account: usize,
    /// Other holders of the permission set or role name, in any account.
    pub alike: usize,
}

/// The facts loaded for a judgement.
#[derive(Debug, Default)]
pub struct Peers {
    facts: HashMap<About, Fact>,
}

impl Peers {
    /// Adds a fact.
    pub fn add(&mut self, about: About, fact: Fact) {
        match self.facts.get_mut(&about) {
            Some(known) => known.merge(fact),
            None => _ = self.facts.insert(about, fact),
        }
    }

    /// Adds the facts of one hour of a scope.
    pub fn learn(&mut self, scope: &Scope, hour: u32, folded: &Hour) {
        facts(scope, hour, folded).into_iter().for_each(|(about, fact)| self.add(about, fact));
    }

    /// Merges `other` into these facts.
    pub fn merge(&mut self, other: Self) {
        other.facts.into_iter().for_each(|(about, fact)| self.add(about, fact));
    }

    /// Keys of parent sessions not loaded yet: load them next.
    pub fn parents(&self) -> BTreeSet<About> {
        let parents = self.facts.values().filter_map(|fact| match fact {
            Fact::Caller(caller) if caller.parent != 0 => Some(About::Session(caller.parent)),
            _ => None,
        });
        parents.filter(|parent| !self.facts.contains_key(parent)).collect()
    }

    /// Number of peers that did such an act in the 30 days before the window's day.
    pub fn others_who_did(&self, window: &Window<'_>, notable: &Notable) -> Others {
        let home = window.principal.map_or("", |principal| &*principal.account_id);
        let groups = groups(window.scope, home, &notable.account_id, |account| window.part_in(account));
        let others: Vec<usize> = groups.map(|group| self.others(window, group, act_key(notable))).collect();
        let at = |place: usize| others.get(place).copied().unwrap_or_default();
        Others { in_account: at(0), alike: at(1) }
    }

    /// Number of other holders of `part` that used a service in the 30 days before the window's day.
    pub fn others_who_use(&self, window: &Window<'_>, part: &str, service: &str) -> usize {
        self.others(window, Group::part(part), service_key(service))
    }

    fn others(&self, window: &Window<'_>, group: Group, key: u64) -> usize {
        let (who, today) = (who(window.scope), window.hour / 24);
        let Some(Fact::Doers(days)) = self.facts.get(&About::Act(group, key)) else { return 0 };
        let before = days.range(memory(today)).filter(|(day, _)| **day < today);
        let others: HashSet<u64> =
            before.flat_map(|(_, principals)| principals).filter(|other| **other != who).copied().collect();
        others.len()
    }

    fn watched(&self, account: &str) -> Option<&BTreeMap<Box<str>, BTreeMap<u32, u32>>> {
        match self.facts.get(&About::Account(account.into())) {
            Some(Fact::Watched(regions)) => Some(regions),
            _ => None,
        }
    }

    /// Whether anybody acted in this Region of the account in the 30 days before `today`.
    pub fn knows_region(&self, account: &str, region: &str, today: u32) -> bool {
        let days = self.watched(account).and_then(|regions| regions.get(region));
        days.is_some_and(|days| days.range(memory(today)).any(|(day, _)| *day < today))
    }

    /// Whether the account's log was read in the 30 days up to `hour`.
    pub fn is_own_account(&self, account: &str, hour: u32) -> bool {
        let is_by_then = |(day, hours): (&u32, &u32)| day * 24 + hours.trailing_zeros() <= hour;
        let regions = self.watched(account).into_iter().flatten();
        regions.into_iter().any(|(_, days)| days.range(memory(hour / 24)).any(is_by_then))
    }

    /// Whether the account's log was read at least `days` days before `today`, within the 30 days remembered.
    pub fn has_watched(&self, account: &str, days: u32, today: u32) -> bool {
        let regions = self.watched(account).into_iter().flatten();
        regions.into_iter().any(|(_, known)| known.range(memory(today)).any(|(day, _)| *day + days <= today))
    }

    /// Whether a human used a browser at this address in the 30 days up to `hour` and at most one instance
    /// was seen there. Several instances mean a gateway, which humans may share.
    pub fn is_where_humans_work(&self, address: IpAddr, hour: u32) -> bool {
        let Some(Fact::Occupants(days)) = self.facts.get(&About::Address(address)) else { return false };
        let days = || days.range(memory(hour / 24)).map(|(_, occupants)| occupants);
        let instances: HashSet<u64> = days()
            .flat_map(|occupants| &occupants.instances)
            .filter(|(first, _)| *first <= hour)
            .map(|(_, instance)| *instance)
            .collect();
        instances.len() <= 1
            && days().any(|occupants| occupants.first_human.is_some_and(|first| first <= hour))
    }

    /// Whether a human used a browser at this address on at least three days before `today`: a colleague's
    /// desk or the office, not the place of a single sign-in.
    pub fn is_known_desk(&self, address: IpAddr, today: u32) -> bool {
        let Some(Fact::Occupants(days)) = self.facts.get(&About::Address(address)) else { return false };
        let is_human =
            |(day, occupants): &(&u32, &Occupants)| **day < today && occupants.first_human.is_some();
        days.range(memory(today)).filter(is_human).count() >= DESK_DAYS
    }

    /// Ids of the callers behind a session, by the hash of its access key: nearest first.
    pub fn callers(&self, session: u64) -> Vec<&str> {
        let mut chain: Vec<&str> = Vec::new();
        let mut next = self.caller(session);
        while let Some(Caller { id, parent, .. }) = next
            && !chain.contains(&&**id)
            && chain.len() < LONGEST_CHAIN
        {
            chain.push(id);
            next = self.caller(*parent);
        }
        chain
    }

    fn caller(&self, session: u64) -> Option<&Caller> {
        match self.facts.get(&About::Session(session)) {
            Some(Fact::Caller(caller)) => Some(caller),
            _ => None,
        }
    }
}

/// Longest role chain that is followed: AWS allows longer ones; nobody builds them.
pub const LONGEST_CHAIN: usize = 4;

/// Keeps the smallest hashes, so that order does not matter.
fn add_peer(list: &mut Vec<u64>, who: u64) {
    if let Err(at) = list.binary_search(&who) {
        list.insert(at, who);
        list.truncate(PEERS_A_DAY);
    }
}

#[cfg(test)]
mod tests;
