//! Simulator of an organisation in realistic CloudTrail records, for demos, load tests and evaluation.
//!
//! People have working hours, homes, tools and preferred resources; machines are regular; benign oddities
//! happen to people; and attacks follow published incident reports, with their ground truth beside them. The
//! simulator shares no table with the core, or it would grade itself. Equal options give equal output, byte
//! for byte.

mod attacks;
mod calls;
mod desk;
mod draw;
mod identity;
mod log;
mod machines;
mod odd_days;
mod oddities;
mod people;
mod personas;
mod record;
mod tools;
mod truth;
mod world;

pub use record::Record;
pub use truth::{Difficulty, Truth};

use serde::{Deserialize, Serialize};

use crate::{log::Log, machines::Machine, oddities::Oddities, people::Person, world::World};

/// Size of the simulation, and its seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Seed of all random draws.
    pub seed: u64,
    /// First day, in days since 1970.
    pub first_day: u32,
    /// Number of days.
    pub days: u32,
    /// Number of people.
    pub people: usize,
    /// Number of machine identities.
    pub workloads: usize,
    /// Number of days at the end that may have attacks.
    pub attack_days: u32,
    /// Number of attacks.
    pub attacks: usize,
}

impl Options {
    /// First day that may have attacks, in days since 1970.
    pub fn first_attack_day(&self) -> u32 {
        self.first_day + self.days - self.attack_days.min(self.days)
    }

    /// Default organisation: 40 people, 20 machines, 30 days without attacks, then 15 days with 18 attacks.
    pub fn new(seed: u64) -> Self {
        // 2026-02-02, a Monday.
        Self { seed, first_day: 20_486, days: 45, people: 40, workloads: 20, attack_days: 15, attacks: 18 }
    }
}

/// A planned simulation that yields its records day by day.
pub struct Simulation {
    options: Options,
    world: World,
    people: Vec<Person>,
    machines: Vec<Machine>,
    oddities: Oddities,
    log: Log,
    truth: Vec<Truth>,
}

impl Simulation {
    /// Plans the organisation, its oddities and its attacks.
    pub fn new(options: Options) -> Self {
        let Options { seed, people, workloads, .. } = options;
        let (first, days) = (i64::from(options.first_day), i64::from(options.days));
        let world = World::new(seed);
        let mut people: Vec<Person> =
            (0..people).map(|number| Person::new(&world, seed, number, first, days)).collect();
        people.sort_by(|a, b| a.email.cmp(&b.email));
        people.dedup_by(|a, b| a.email == b.email);
        let machines: Vec<Machine> =
            (0..workloads).map(|number| Machine::new(&world, seed, number, first, days)).collect();
        let oddities = Oddities::plan(&world, &people, seed, first, days);
        let mut log = Log::default();
        let truth = attacks::plan(&options, &world, &people, &machines, &mut log);
        Self { options, world, people, machines, oddities, log, truth }
    }

    /// Records of each day, unordered within a day.
    pub fn records(&mut self) -> impl Iterator<Item = Vec<Record>> {
        let first = i64::from(self.options.first_day);
        (first..first + i64::from(self.options.days)).map(|day| {
            let seed = self.options.seed;
            self.people
                .iter()
                .for_each(|person| person.work(&self.world, seed, day, &self.oddities, &mut self.log));
            self.machines.iter().for_each(|machine| machine.work(&self.world, seed, day, &mut self.log));
            self.log.take_before(day)
        })
    }

    /// Records after the last day, of people who work past midnight.
    pub fn rest(&mut self) -> Vec<Record> {
        self.log.take_before(i64::MAX)
    }

    /// Ground truth: the attacks.
    pub fn truth(&self) -> &[Truth] {
        &self.truth
    }

    /// Networks of the addresses, as CSV: `cidr,country,asn,organisation,use`.
    pub fn networks(&self) -> String {
        self.world.networks_csv()
    }

    /// Benign oddities of the person with this name on a day since 1970, by name, for example `trip`.
    pub fn oddities(&self, principal: &str, day: u32) -> Vec<&'static str> {
        let name = principal.rsplit('/').next().unwrap_or(principal);
        let is_it = |person: &&Person| person.email == name || person.email.split('@').next() == Some(name);
        self.people
            .iter()
            .find(is_it)
            .map_or_else(Vec::new, |person| self.oddities.names(&person.email, i64::from(day)))
    }

    /// Organisation id, as in the S3 keys of an organisation trail.
    pub fn organisation(&self) -> &str {
        &self.world.id
    }
}
