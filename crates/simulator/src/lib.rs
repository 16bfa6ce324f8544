//! A made-up organisation in truthful CloudTrail: a demo, a load, and a yardstick.
//!
//! People have rhythms, homes, programs and favourite things; machines are steady; innocent oddities happen to
//! both; and attacks are told as published incident reports tell them, with their truth beside them. It shares
//! no table with the core, or it would grade itself. The same seed makes the same organisation, to the last byte.

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

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// What everything is drawn from.
    pub seed: u64,
    /// The first day, since 1970.
    pub first_day: u32,
    /// How many days.
    pub days: u32,
    /// How many people.
    pub people: usize,
    /// How many machines.
    pub workloads: usize,
    /// How many of the last days have attacks.
    pub attack_days: u32,
    /// How many attacks.
    pub attacks: usize,
}

impl Options {
    /// The first day that may have attacks, since 1970.
    pub fn first_attack_day(&self) -> u32 {
        self.first_day + self.days - self.attack_days.min(self.days)
    }

    /// The usual organisation: 40 people, 20 machines, 30 quiet days and 15 with 18 attacks.
    pub fn new(seed: u64) -> Self {
        // 2026-02-02, a Monday.
        Self { seed, first_day: 20_486, days: 45, people: 40, workloads: 20, attack_days: 15, attacks: 18 }
    }
}

/// The organisation, ready to be lived day by day.
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
    /// Plans everything.
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

    /// The records of the next days, each in no particular order: day by day, to the end.
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

    /// What was left when the days were over: of those who work past midnight.
    pub fn rest(&mut self) -> Vec<Record> {
        self.log.take_before(i64::MAX)
    }

    /// What the attacks were.
    pub fn truth(&self) -> &[Truth] {
        &self.truth
    }

    /// The networks that addresses are from: `cidr,country,asn,organisation,use`.
    pub fn networks(&self) -> String {
        self.world.networks_csv()
    }

    /// Which innocent oddities befell the person with this name on a day.
    pub fn oddities(&self, principal: &str, day: u32) -> Vec<&'static str> {
        let name = principal.rsplit('/').next().unwrap_or(principal);
        let is_it = |person: &&Person| person.email == name || person.email.split('@').next() == Some(name);
        self.people
            .iter()
            .find(is_it)
            .map_or_else(Vec::new, |person| self.oddities.names(&person.email, i64::from(day)))
    }

    /// The organisation's id, as in an organisation trail's keys.
    pub fn organisation(&self) -> &str {
        &self.world.id
    }
}
