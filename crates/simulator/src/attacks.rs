//! Registry of attacks, each a data sheet and a function that follows published incident reports.

mod data;
mod doors;
mod impact;
mod intrusion;
mod movement;
mod sign_ins;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    Options,
    draw::Draw,
    identity::Access,
    log::Log,
    machines::Machine,
    people::{DAY, HOUR, Person},
    record::{Call, Session, call},
    tools::{System, Tool, agent},
    truth::{Difficulty, Truth},
    world::{Network, World},
};

/// All attacks, by file.
const ALL: &[&[Attack]] = &[
    data::ATTACKS,
    doors::ATTACKS,
    impact::ATTACKS,
    intrusion::ATTACKS,
    movement::ATTACKS,
    sign_ins::ATTACKS,
];

/// Data sheet of an attack.
pub(crate) struct Attack {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    /// The published report it follows.
    pub(crate) source: &'static str,
    pub(crate) difficulty: Difficulty,
    pub(crate) tactics: &'static [&'static str],
    pub(crate) techniques: &'static [&'static str],
    pub(crate) behaviours: &'static [&'static str],
    pub(crate) victim: Victim,
    pub(crate) disguise: Disguise,
    pub(crate) act: fn(&mut Stage<'_>),
}

/// Kind of principal whose credentials the attacker uses.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Victim {
    /// Long-lived key of a person or a machine.
    Key,
    /// Any person.
    Person,
    /// A person who signs in through Identity Center.
    SignedOn,
    /// A person with many rights.
    Administrator,
    /// An instance's role.
    Instance,
    /// A build pipeline's role.
    Pipeline,
}

/// Network, tool and hours of the attacker.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disguise {
    /// A rented server or a VPN, a scripting tool, any hour.
    None,
    /// A home connection of the victim's country, the victim's kind of program, in working hours.
    LooksLikeVictim,
    /// The victim's own network and tools: an insider, or malware on the victim's computer.
    IsVictim,
}

impl Disguise {
    /// Draws the attacker's network.
    fn network(self, world: &World, country: &str, draw: &mut Draw) -> Network {
        if self != Self::None {
            return world.network(draw, country, "isp");
        }
        let usage = *draw.pick(&["hosting", "hosting", "vpn", "tor", "isp"]);
        world.network(draw, if usage == "isp" { "RO" } else { "" }, usage)
    }
}

/// Draws attacks, times and victims, and writes their records; returns the ground truth.
pub(crate) fn plan(
    options: &Options,
    world: &World,
    people: &[Person],
    machines: &[Machine],
    log: &mut Log,
) -> Vec<Truth> {
    let mut draw = Draw::of(options.seed, "attacks", 0);
    let mut deck: Vec<&'static Attack> = ALL.iter().copied().flatten().collect();
    draw.shuffle(&mut deck);
    let last = i64::from(options.first_day) + i64::from(options.days);
    let first = last - i64::from(options.attack_days.min(options.days));
    let mut truth = Vec::new();
    for (number, attack) in deck.iter().cycle().take(deck.len() * 3).enumerate() {
        if truth.len() >= options.attacks {
            break;
        }
        let draw = Draw::of(options.seed, attack.id, number as u64 + 1);
        if let Some(mut stage) = Stage::new(attack, world, people, machines, (first, last), log, draw) {
            (attack.act)(&mut stage);
            truth.push(stage.truth(number));
        }
    }
    truth
}

/// State of one attack while its records are written.
pub(crate) struct Stage<'s> {
    pub(crate) attack: &'static Attack,
    pub(crate) world: &'s World,
    pub(crate) draw: Draw,
    pub(crate) session: Session,
    pub(crate) access: Access,
    /// Id of an account outside the organisation.
    pub(crate) outside: String,
    pub(crate) system: System,
    network: Network,
    place: (u8, u8),
    log: &'s mut Log,
    now: i64,
    end: i64,
    event_ids: Vec<String>,
    /// Durable ARN of the principal it acts as now.
    acting: String,
    principal_days: BTreeSet<(String, u32)>,
    first: Option<i64>,
}

impl<'s> Stage<'s> {
    fn new(
        attack: &'static Attack,
        world: &'s World,
        people: &[Person],
        machines: &[Machine],
        days: (i64, i64),
        log: &'s mut Log,
        mut draw: Draw,
    ) -> Option<Self> {
        let day = days.0 + draw.within(0, (days.1 - days.0 - 4).max(1));
        let person = person(attack.victim, people, day, &mut draw);
        let machine = machine(attack.victim, machines, day, &mut draw);
        let (access, system, country) = match (person, machine) {
            (Some(person), _) => (person.accesses[0].clone(), person.system, person.country),
            (None, Some(machine)) => (machine.access[0].clone(), System::Linux, "US"),
            _ => return None,
        };
        let is_stealthy = attack.disguise != Disguise::None;
        let now = match person {
            Some(person) if is_stealthy => person.noon(day) + draw.within(-3 * HOUR, 2 * HOUR),
            _ => day * DAY + draw.within(0, 22 * HOUR),
        };
        let network = attack.disguise.network(world, country, &mut draw);
        let system =
            if is_stealthy { system } else { *draw.pick(&[System::Linux, System::Linux, System::Windows]) };
        let place = (draw.within(0, 256) as u8, draw.within(1, 255) as u8);
        let mut stage = Self {
            attack,
            world,
            session: Session {
                identity: Value::Null,
                account: String::new(),
                region: world.home_region().to_owned(),
                address: network.address(place.0, place.1),
                agent: String::new(),
            },
            access: access.clone(),
            outside: draw.digits(12),
            system,
            network,
            place,
            log,
            now,
            end: days.1 * DAY,
            event_ids: Vec::new(),
            acting: String::new(),
            principal_days: BTreeSet::new(),
            first: None,
            draw,
        };
        let tool = stage.usual_tool();
        stage.become_(&access, tool);
        if attack.disguise == Disguise::IsVictim
            && let Some(person) = person
        {
            stage.session.address = person.usual_address(day);
        }
        Some(stage)
    }

    fn usual_tool(&mut self) -> Tool {
        if self.attack.disguise == Disguise::None {
            *self.draw.pick(&[Tool::Python, Tool::Cli, Tool::Cli])
        } else {
            Tool::Cli
        }
    }

    /// Switches to other credentials and another tool, from the same address.
    pub(crate) fn become_(&mut self, access: &Access, tool: Tool) {
        let key = self.draw.id("ASIA");
        self.session.identity = access.identity(self.now, &key, tool == Tool::Browser);
        access.account().clone_into(&mut self.session.account);
        self.session.agent = agent(tool, self.system, 9);
        self.acting = access.arn();
    }

    /// Switches to another address of the same kind.
    pub(crate) fn move_on(&mut self) {
        self.place = (self.draw.within(0, 256) as u8, self.draw.within(1, 255) as u8);
        self.session.address = self.network.address(self.place.0, self.place.1);
    }

    pub(crate) fn tool(&mut self, tool: Tool) {
        self.session.agent = agent(tool, self.system, 9);
    }

    pub(crate) fn region(&mut self, region: &str) {
        region.clone_into(&mut self.session.region);
    }

    /// Records a call, and advances the clock a few seconds.
    pub(crate) fn call(&mut self, call: Call) {
        let at = self.now.min(self.end - 1);
        let id = self.log.add(at, &self.session, call, &mut self.draw);
        self.event_ids.push(id);
        self.principal_days.insert((self.acting.clone(), (at / DAY) as u32));
        self.first.get_or_insert(at);
        self.now += self.draw.within(2, 20);
    }

    pub(crate) fn calls(&mut self, apis: &[&str]) {
        apis.iter().for_each(|api| self.call(call(api)));
    }

    /// Records many read calls, a share of them refused.
    pub(crate) fn ask(&mut self, apis: &[&str], refused: f64) {
        for api in apis {
            let is_denied = self.draw.chance(refused);
            self.call(call(api).denied_if(is_denied));
        }
    }

    pub(crate) fn minutes(&mut self, low: i64, high: i64) {
        self.now += self.draw.within(low * 60, high * 60);
    }

    /// Advances to about the same hour of the next day; by 20 minutes if no day is left.
    pub(crate) fn next_day(&mut self) {
        let next = self.now + DAY + self.draw.within(-HOUR, HOUR);
        if next < self.end - HOUR {
            self.now = next;
        } else {
            self.now += 20 * 60;
        }
    }

    pub(crate) fn account(&self) -> &'s crate::world::Account {
        let known = self.world.accounts.iter().find(|account| account.id == self.session.account);
        known.unwrap_or(&self.world.accounts[0])
    }

    pub(crate) fn bucket(&mut self) -> String {
        self.draw.pick(&self.account().things.buckets).clone()
    }

    /// Reads `count` different objects of a bucket; records nothing if the trail has no data events.
    pub(crate) fn read_objects(&mut self, bucket: &str, count: usize) {
        for n in 0..count {
            if self.world.has_data_events {
                self.call(
                    call("s3:GetObject")
                        .with(json!({"bucketName": bucket, "key": format!("customers/{n:05}.csv")})),
                );
                self.now -= 9;
            }
        }
    }

    /// Creates a user with a key, and continues as that user.
    pub(crate) fn new_user(&mut self, name: &str, policy: &str) -> Access {
        let account = self.session.account.clone();
        let access = Access::user(&account, name, false, &mut self.draw);
        let Access::User { key, .. } = &access else { return access };
        let key = key.clone();
        self.call(
            call("iam:CreateUser")
                .with(json!({"userName": name}))
                .gives(json!({"user": {"userName": name, "arn": access.arn()}})),
        );
        self.call(
            call("iam:AttachUserPolicy")
                .with(json!({"userName": name, "policyArn": format!("arn:aws:iam::aws:policy/{policy}")})),
        );
        self.call(
            call("iam:CreateAccessKey")
                .with(json!({"userName": name}))
                .gives(json!({"accessKey": {"userName": name, "accessKeyId": key, "status": "Active"}})),
        );
        access
    }

    fn truth(self, number: usize) -> Truth {
        let words = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        Truth {
            id: format!("{}-{number}", self.attack.id),
            title: self.attack.title.to_owned(),
            source: self.attack.source.to_owned(),
            difficulty: self.attack.difficulty,
            tactics: words(self.attack.tactics),
            techniques: words(self.attack.techniques),
            behaviours: words(self.attack.behaviours),
            principal_days: self.principal_days.into_iter().collect(),
            event_ids: self.event_ids,
            first: self.first.unwrap_or(self.now),
            last: self.now,
        }
    }
}

fn person<'p>(victim: Victim, people: &'p [Person], day: i64, draw: &mut Draw) -> Option<&'p Person> {
    let fits = |person: &&Person| {
        let has_key = matches!(person.accesses[0], Access::User { .. });
        let is_administrator = matches!(person.persona.id, "infrastructure" | "identity-admin");
        let is_wanted = match victim {
            Victim::Key => has_key,
            Victim::Person => !is_administrator,
            Victim::SignedOn => !has_key && !is_administrator,
            Victim::Administrator => is_administrator,
            Victim::Instance | Victim::Pipeline => false,
        };
        is_wanted && person.is_present(day) && person.is_present(day - 12)
    };
    let fitting: Vec<&Person> = people.iter().filter(fits).collect();
    if fitting.is_empty() { None } else { Some(*draw.pick(&fitting)) }
}

fn machine<'m>(victim: Victim, machines: &'m [Machine], day: i64, draw: &mut Draw) -> Option<&'m Machine> {
    let fits = |machine: &&Machine| match (victim, &machine.access[0]) {
        _ if machine.starts + 3 > day => false,
        (Victim::Instance, Access::Role { is_instance, .. }) => *is_instance,
        (Victim::Pipeline, _) => machine.kind.id.ends_with("-pipeline"),
        (Victim::Key, Access::User { .. }) => true,
        _ => false,
    };
    let fitting: Vec<&Machine> = machines.iter().filter(fits).collect();
    if fitting.is_empty() { None } else { Some(*draw.pick(&fitting)) }
}
