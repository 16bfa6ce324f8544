//! Baseline of a principal: a digest of its last 30 days of activity.
//!
//! **Past law**: a judgement uses only days before its own. A day is digested when it is over, counts for 30
//! days and then fades; so a baseline is a function of its days and can always be rebuilt.

mod aspects;
mod counts;
mod peers;
pub mod profile;

use std::{
    collections::{HashMap, HashSet, VecDeque},
    net::IpAddr,
};

use aspects::{Aspect, duty_key, key, provider_key, things};
pub use aspects::{act_key, network_key, service_of};
pub use counts::{COUNTED, Counts, Strangeness};
pub(crate) use counts::{Days, Tally};
pub use peers::{About, Fact, Group, LONGEST_CHAIN, Others, Peers, facts, questions};
use serde::{Deserialize, Serialize};

use crate::{
    activity::{Damaged, Hour, Notable},
    catalog::{Act, weight},
    event::hash,
    networks::{Network, Networks},
    settings::Settings,
};

/// Days a baseline covers.
pub const MEMORY_DAYS: u32 = 30;
/// Days of hours from which a baseline can be rebuilt bit for bit: what was new on a remembered day depends
/// on the 30 days before that one.
pub const REBUILD_DAYS: u32 = 2 * MEMORY_DAYS + 2;
/// Active days from which a baseline is established: a value it has not seen is then new.
pub const ESTABLISHED_DAYS: u32 = 5;

/// Most keys of a baseline, at 12 bytes each, so that it stays below 32 KB. Keys unseen for longest go first.
const THINGS: usize = 2_500;
/// Mask of a key's day bits. Bit n stands for n days ago; bit 0 is today.
const REMEMBERED: u32 = (1 << (MEMORY_DAYS + 1)) - 1;

/// Digest of one day of a principal.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Day {
    day: u32,
    /// Bit n: active in UTC hour n.
    hours: u32,
    events: f64,
    /// Called from a network not seen on any remembered day.
    has_moved: bool,
    /// Counts of the day, if the baseline before it was established.
    counts: Option<Counts>,
}

/// A key and its day bits, as bytes.
type Thing = ([u8; 8], [u8; 4]);

/// Digest of one principal's activity in the 30 days before a given day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// The current day: bit 0 of the day bits in `seen`.
    today: u32,
    days: VecDeque<Day>,
    /// Day bits per key.
    seen: HashMap<u64, u32>,
}

impl Baseline {
    /// Adds a completed day; ignores one that is not later than the last.
    pub fn close(&mut self, day: u32, hours: &[(u32, Hour)]) {
        if self.last_active().is_some_and(|last| day <= last) {
            return;
        }
        self.fade(day);
        let counts = self.is_established().then(|| self.counts_of(hours));
        let mut networks = hours.iter().flat_map(|(_, hour)| hour.addresses.values());
        let is_new = |address: &IpAddr| !self.has_seen_network(*address);
        let has_moved = !self.days.is_empty() && networks.any(is_new);
        let untrusted = self.untrusted(hours);
        for key in things(hours).into_iter().filter(|key| !untrusted.contains(key)) {
            *self.seen.entry(key).or_default() |= 1;
        }
        self.days.push_back(Day {
            day,
            hours: hours.iter().fold(0, |active, (hour, _)| active | 1 << (hour % 24)),
            events: hours.iter().map(|(_, hour)| hour.events.distinct()).sum(),
            has_moved,
            counts,
        });
        self.make_room();
    }

    /// Networks and programs to leave out: new ones that came with a new grave act. An attacker's
    /// circumstances must not become usual.
    fn untrusted(&self, hours: &[(u32, Hour)]) -> HashSet<u64> {
        let mut untrusted = HashSet::new();
        if !self.is_established() {
            return untrusted;
        }
        let acts = hours.iter().flat_map(|(_, hour)| hour.acts.iter()).map(|(notable, _)| notable);
        for notable in
            acts.filter(|notable| notable.act.weight >= weight::BAD && self.days_with_act(notable) == 0)
        {
            let Some(address) = notable.address else { continue };
            let is_new = |aspect: Aspect, value: u64| self.days_with(aspect, value) == 0;
            let (network, provider) = (network_key(address), provider_key(address));
            if !is_new(Aspect::SeenNetwork, network) {
                continue;
            }
            untrusted.insert(key(Aspect::Network, network));
            if is_new(Aspect::SeenProvider, provider) {
                untrusted.insert(key(Aspect::Provider, provider));
            }
            let client = hash(&notable.client);
            if is_new(Aspect::SeenClient, client) {
                untrusted.insert(key(Aspect::Client, client));
            }
        }
        untrusted
    }

    fn counts_of(&self, hours: &[(u32, Hour)]) -> Counts {
        let mut tally = Tally::default();
        hours.iter().for_each(|(hour, folded)| tally.add(*hour, folded, self));
        tally.counts()
    }

    /// Forgets what is too old to count on `today`.
    pub fn fade(&mut self, today: u32) {
        let passed = today.saturating_sub(self.today);
        self.today = self.today.max(today);
        if passed > 0 {
            self.seen.retain(|_, days| {
                *days = days.checked_shl(passed).unwrap_or_default() & REMEMBERED;
                *days != 0
            });
        }
        while self.days.pop_front_if(|old| old.day + MEMORY_DAYS < today).is_some() {}
    }

    /// Drops the keys unseen for longest; among equals the greater keys, so that order does not matter.
    fn make_room(&mut self) {
        if self.seen.len() <= THINGS {
            return;
        }
        let mut ages: Vec<(u32, u64)> =
            self.seen.iter().map(|(key, days)| (days.trailing_zeros(), *key)).collect();
        ages.sort_unstable();
        ages[THINGS..].iter().for_each(|(_, key)| _ = self.seen.remove(key));
    }

    /// Compact bytes for a store, at most 32 KB.
    pub fn encode(&self) -> Vec<u8> {
        let mut seen: Vec<Thing> =
            self.seen.iter().map(|(key, days)| (key.to_le_bytes(), days.to_le_bytes())).collect();
        seen.sort_unstable();
        postcard::to_stdvec(&(self.today, &self.days, seen)).unwrap_or_default()
    }

    /// Reads the bytes of [`Baseline::encode`].
    ///
    /// # Errors
    /// [`Damaged`] if the bytes are not a baseline.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let (today, days, seen): (u32, VecDeque<Day>, Vec<Thing>) =
            postcard::from_bytes(bytes).map_err(|_| Damaged)?;
        let seen = seen.into_iter().map(|(key, days)| (u64::from_le_bytes(key), u32::from_le_bytes(days)));
        Ok(Self { today, days, seen: seen.collect() })
    }

    /// Number of active days among the 30.
    pub fn active_days(&self) -> u32 {
        self.days.len() as u32
    }

    /// Whether there are enough active days to call anything new.
    pub fn is_established(&self) -> bool {
        self.active_days() >= ESTABLISHED_DAYS
    }

    /// The last active day remembered.
    pub fn last_active(&self) -> Option<u32> {
        self.days.back().map(|day| day.day)
    }

    fn days_with(&self, aspect: Aspect, value: u64) -> u32 {
        self.seen.get(&key(aspect, value)).map_or(0, |days| days.count_ones())
    }

    /// Number of active days in this hour of the day, among workdays or weekends.
    fn days_active_at(&self, of_day: u32, weekend: bool) -> u32 {
        let is_active = |day: &&Day| day.hours >> of_day & 1 == 1 && is_weekend(day.day) == weekend;
        self.days.iter().filter(is_active).count() as u32
    }

    /// Number of days active in this hour of the day.
    fn days_active(&self, of_day: u32) -> u32 {
        self.days_active_at(of_day, false) + self.days_active_at(of_day, true)
    }

    /// Number of days with this call, by its key.
    pub fn days_with_call(&self, call: u64) -> u32 {
        self.days_with(Aspect::Call, call)
    }

    /// Number of days with calls to this service.
    pub fn days_with_service(&self, service: &str) -> u32 {
        self.days_with(Aspect::Service, hash(service))
    }

    /// Number of days with calls from this address's network (/24 or /48).
    pub fn days_with_network(&self, address: IpAddr) -> u32 {
        self.days_with(Aspect::Network, network_key(address))
    }

    /// Whether this network was ever seen, trusted or not.
    fn has_seen_network(&self, address: IpAddr) -> bool {
        self.days_with(Aspect::SeenNetwork, network_key(address)) > 0
    }

    /// Whether this program was ever seen, trusted or not.
    fn has_seen_client(&self, client: &str) -> bool {
        self.days_with(Aspect::SeenClient, hash(client)) > 0
    }

    /// Number of days with calls from the same provider's network (/16 or /32).
    pub fn days_with_provider(&self, address: IpAddr) -> u32 {
        self.days_with(Aspect::Provider, provider_key(address))
    }

    /// New calls a day: the second-highest value of the remembered days, so that one outlier does not count;
    /// `None` with too few days.
    pub fn usual_new_calls(&self) -> Option<f32> {
        let mut new: Vec<f32> =
            self.days.iter().filter_map(|day| day.counts).map(Counts::new_calls).collect();
        new.sort_by(f32::total_cmp);
        (new.len() >= ESTABLISHED_DAYS as usize).then(|| new[new.len() - 2])
    }

    /// Number of days with this program.
    pub fn days_with_client(&self, client: &str) -> u32 {
        self.days_with(Aspect::Client, hash(client))
    }

    /// Number of days with calls in this Region.
    pub fn days_with_region(&self, region: &str) -> u32 {
        self.days_with(Aspect::Region, hash(region))
    }

    /// Number of days that named this bucket, table or secret, by its hash.
    pub fn days_with_resource(&self, resource: u64) -> u32 {
        self.days_with(Aspect::Resource, resource)
    }

    /// Number of days with such an act (see [`act_key`]).
    pub fn days_with_act(&self, notable: &Notable) -> u32 {
        self.days_with(Aspect::Act, act_key(notable))
    }

    /// Number of days with successful weighty acts of the same tactic.
    pub fn days_with_duty(&self, act: &Act) -> u32 {
        duty_key(act).map_or(0, |duty| self.days_with(Aspect::Duty, duty))
    }

    /// Whether it acted on this target before, by the target's hash.
    pub fn knows_target(&self, target: u64) -> bool {
        self.days_with(Aspect::Target, target) > 0
    }

    /// Unusualness of this hour, from 0 (active then, or an hour off, on a quarter of the days or more) to 1
    /// (never); `None` if the baseline is not established.
    pub fn strangeness_of_hour(&self, hour: u32) -> Option<f32> {
        if !self.is_established() {
            return None;
        }
        let weekend = is_weekend(hour / 24);
        let of_day = hour % 24;
        let near = [(of_day + 23) % 24, of_day, (of_day + 1) % 24];
        // On a weekend, somebody who never works weekends is unusual at any hour; their workdays then judge
        // the hour.
        let days = self.days.iter().filter(|day| is_weekend(day.day) == weekend).count() as u32;
        let kind = if days == 0 { !weekend } else { weekend };
        let active = near.iter().map(|near| self.days_active_at(*near, kind)).max().unwrap_or_default();
        let share = active as f32 / days.max(1).min(self.active_days()) as f32;
        let by_hour = (1.0 - share * 4.0).clamp(0.0, 1.0);
        Some(if weekend && days == 0 { by_hour.max(0.5) } else { by_hour })
    }

    /// Events of the busiest remembered day.
    pub fn busiest_day(&self) -> f64 {
        self.days.iter().map(|day| day.events).fold(0.0, f64::max)
    }

    /// Share of days with a network new to the principal: 0 at a desk, 1 for hosted build machines.
    pub fn mobility(&self) -> f32 {
        let moved = self.days.iter().filter(|day| day.has_moved).count();
        moved as f32 / (self.days.len().max(2) - 1) as f32
    }

    /// Whether the principal is active at all hours, as machines are.
    pub fn is_around_the_clock(&self) -> bool {
        const HOURS_OF_A_MACHINE: u32 = 18;
        let active = self.days.iter().fold(0, |active, day| active | day.hours);
        active.count_ones() >= HOURS_OF_A_MACHINE
    }

    /// Hours of the day (UTC) in which the principal is usually active.
    pub fn usual_hours(&self) -> Vec<u32> {
        let often = self.active_days().div_ceil(5);
        (0..24).filter(|hour| self.days_active(*hour) >= often.max(1)).collect()
    }
}

fn is_weekend(day: u32) -> bool {
    // Day 0 was a Thursday.
    matches!((day + 3) % 7, 5 | 6)
}

/// Optional parts of a judgement; each can be switched off to measure its worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Comparison of the whole day with earlier days. Off: it changes no alert (`trailwarden evaluate
    /// --ablate`).
    pub days: bool,
    /// Circumstances of an act: network, program, hour, Region.
    pub context: bool,
}

impl Default for Parts {
    fn default() -> Self {
        Self { days: false, context: true }
    }
}

/// Context of a judgement: all that a detector may know besides the window.
#[derive(Clone, Copy)]
pub struct Habits<'a> {
    /// The principal's own baseline.
    pub own: &'a Baseline,
    /// Facts about everybody else.
    pub peers: &'a Peers,
    /// Networks by address.
    pub networks: &'a Networks,
    /// The organisation's settings.
    pub settings: &'a Settings,
    /// Deviation of the day so far from the principal's days; `None` with too few days.
    pub strangeness: Option<&'a Strangeness>,
    /// The parts of the judgement that are on.
    pub parts: Parts,
}

impl Habits<'_> {
    /// The network of an address, if listed.
    pub fn network(&self, address: IpAddr) -> Option<Network> {
        self.networks.find(address)
    }

    /// Whether the account is the organisation's own, by its logs or by the settings.
    pub fn is_own_account(&self, account: &str, hour: u32) -> bool {
        self.peers.is_own_account(account, hour) || self.settings.accounts.iter().any(|own| own == account)
    }
}

#[cfg(test)]
mod tests;
