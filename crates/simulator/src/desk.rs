//! Generator of one person's day: tasks, sessions and sign-ins.

use serde_json::json;

use crate::{
    calls::everyday,
    draw::Draw,
    identity::Access,
    log::Log,
    oddities::Oddities,
    people::{HOUR, Person, accesses},
    personas::{CURIOSITY, Persona, persona},
    record::{Call, Session, call},
    tools::{System, Tool, agent},
    world::{Network, World},
};

/// Place of work and equipment of a person on one day.
pub(crate) struct Seat {
    pub(crate) network: Network,
    pub(crate) block: u8,
    pub(crate) host: u8,
    pub(crate) system: System,
}

impl Person {
    /// Writes all records of the person's day.
    pub(crate) fn work(&self, world: &World, seed: u64, day: i64, odd: &Oddities, log: &mut Log) {
        let mut draw = Draw::of(seed, &self.email, day as u64);
        let today = odd.of(&self.email, day);
        let is_weekend = (day + 3).rem_euclid(7) >= 5;
        let is_working =
            self.is_present(day) && if is_weekend { draw.chance(self.weekends) } else { draw.chance(0.96) };
        let persona = odd.persona_of(&self.email, day).map_or(self.persona, persona);
        let mut desk = Desk {
            person: self,
            persona,
            world,
            seat: self.seat(world, day, odd, &mut draw),
            day,
            draw,
            log,
        };
        if is_working {
            let share = if is_weekend { 0.35 } else { 1.0 };
            desk.tasks(share);
        }
        if self.is_present(day) {
            today.into_iter().for_each(|oddity| desk.oddity(oddity));
        }
    }

    fn seat(&self, world: &World, day: i64, odd: &Oddities, draw: &mut Draw) -> Seat {
        let mut fixed = Draw::of(
            self.favourites as u64,
            &self.email,
            if self.is_moved_by_provider { (day / 11) as u64 } else { 0 },
        );
        let (block, host) = (fixed.within(0, 256) as u8, fixed.within(1, 255) as u8);
        let system = odd.system_of(&self.email, day).unwrap_or(self.system);
        if let Some(network) = odd.trip_of(&self.email, day) {
            return Seat { network, block: (day / 3) as u8, host, system };
        }
        let small = self.email.bytes().map(u32::from).sum::<u32>() as u8;
        match (&self.office, &world.company_vpn) {
            (Some((office, share)), _) if draw.chance(*share) => {
                Seat { network: office.clone(), block: 0, host: draw.within(1, 8) as u8, system }
            }
            (_, Some(vpn)) if self.has_company_vpn => {
                Seat { network: vpn.clone(), block: 0, host: draw.within(1, 5) as u8, system }
            }
            _ if draw.chance(0.03) => {
                let mobile = world.network(draw, self.country, "mobile");
                Seat { network: mobile, block: draw.within(0, 256) as u8, host: small, system }
            }
            _ => Seat { network: self.home.clone(), block, host, system },
        }
    }
}

/// State of a person's day while its records are written.
pub(crate) struct Desk<'d> {
    pub(crate) person: &'d Person,
    pub(crate) persona: &'static Persona,
    pub(crate) world: &'d World,
    pub(crate) seat: Seat,
    pub(crate) day: i64,
    pub(crate) draw: Draw,
    pub(crate) log: &'d mut Log,
}

impl Desk<'_> {
    pub(crate) fn tasks(&mut self, share: f64) {
        let count = self.draw.about(self.persona.tasks * self.person.intensity * share).round() as usize;
        let begin =
            self.person.midnight(self.day) + self.person.start + self.draw.within(-HOUR / 2, HOUR / 2);
        let mut times: Vec<i64> =
            (0..count).map(|_| begin + self.draw.within(0, self.person.length)).collect();
        if self.draw.chance(self.person.evenings) {
            times.push(begin + self.person.length + self.draw.within(HOUR, 4 * HOUR));
        }
        times.sort_unstable();
        let mut signed_in: Option<(usize, Session)> = None;
        for at in times {
            let access = self.draw.favourite(&(0..self.accesses().len()).collect::<Vec<_>>()).to_owned();
            let task = &self.persona.work
                [self.draw.weighted(&self.persona.work.iter().map(|task| task.often).collect::<Vec<_>>())];
            let at_console = task.tool == Tool::Browser;
            let session = match &signed_in {
                Some((known, session)) if at_console && *known == access => session.clone(),
                _ => {
                    let session = self.session(access, task.tool, at);
                    if at_console {
                        self.sign_in(&session, at - 30);
                        signed_in = Some((access, session.clone()));
                    }
                    session
                }
            };
            self.calls(&session, task.calls, at);
            if self.draw.chance(0.12) {
                let count = self.draw.count(1, 4);
                let curious: Vec<&str> = (0..count).map(|_| *self.draw.pick(CURIOSITY)).collect();
                self.calls(&session, &curious, at + 200);
            }
        }
    }

    fn accesses(&self) -> Vec<Access> {
        if self.persona.id == self.person.persona.id {
            return self.person.accesses.clone();
        }
        let mut draw = Draw::of(3, &self.person.email, 1);
        let is_single_sign_on = matches!(self.person.accesses[0], Access::SingleSignOn { .. });
        if is_single_sign_on {
            accesses(self.world, self.persona, &self.person.email, true, true, &mut draw)
        } else {
            self.person.accesses.clone()
        }
    }

    pub(crate) fn session(&mut self, access: usize, tool: Tool, since: i64) -> Session {
        let accesses = self.accesses();
        let access = &accesses[access % accesses.len()];
        let key = self.draw.id("ASIA");
        let age = ((self.day / 13) % 10) as u32;
        let session = Session {
            identity: access.identity(since, &key, tool == Tool::Browser),
            account: access.account().to_owned(),
            region: self.region(),
            address: self.seat.network.address(self.seat.block, self.seat.host),
            agent: agent(tool, self.seat.system, age),
        };
        if let Access::Role { .. } = access {
            self.assume(access, &session, &key, since);
        }
        session
    }

    fn region(&mut self) -> String {
        let at = usize::from(self.draw.chance(0.15)) % self.world.regions.len();
        self.world.regions[at].to_owned()
    }

    /// An IAM user assumes a role of another account: one record in each account.
    fn assume(&mut self, role: &Access, session: &Session, key: &str, at: i64) {
        let first = self.person.accesses[0].clone();
        let caller = Session {
            identity: first.identity(at, "", false),
            account: first.account().to_owned(),
            ..session.clone()
        };
        let response = json!({"credentials": {"accessKeyId": key, "expiration": "Mar 1, 2026, 1:00:00 PM"},
            "assumedRoleUser": {"arn": format!("arn:aws:sts::{}:assumed-role/{}/{}", role.account(), role.role_name(), self.person.email)}});
        let call = call("sts:AssumeRole")
            .with(json!({"roleArn": role.arn(), "roleSessionName": self.person.email}))
            .gives(response);
        self.log.add(at - 5, &caller, call, &mut self.draw);
    }

    pub(crate) fn sign_in(&mut self, session: &Session, at: i64) {
        let mfa = if session.identity["type"] == "IAMUser" && self.person.has_mfa { "Yes" } else { "No" };
        let call = call("signin:ConsoleLogin")
            .gives(json!({"ConsoleLogin": "Success"}))
            .extra("additionalEventData", json!({"MobileVersion": "No", "MFAUsed": mfa, "LoginTo": "https://console.aws.amazon.com/console/home"}));
        let mut identity = session.identity.clone();
        if identity["type"] == "IAMUser" {
            if let Some(fields) = identity.as_object_mut() {
                fields.remove("sessionContext");
            }
            identity["accessKeyId"] = "".into();
        }
        let session = Session { identity, ..session.clone() };
        self.log.add(at, &session, call, &mut self.draw);
    }

    pub(crate) fn calls(&mut self, session: &Session, calls: &[&str], at: i64) {
        let mut at = at;
        for entry in calls {
            let (api, times) = entry.split_once('*').unwrap_or((entry, "1"));
            let times = self.draw.about(times.parse().unwrap_or(1.0)).round().max(1.0) as usize;
            for _ in 0..times {
                let is_denied = self.draw.chance(0.012);
                let call = self.everyday(api, session).denied_if(is_denied);
                self.add(at, session, call);
                at += self.draw.within(1, 25);
            }
        }
    }

    pub(crate) fn everyday(&mut self, api: &str, session: &Session) -> Call {
        let account = self
            .world
            .accounts
            .iter()
            .find(|account| account.id == session.account)
            .unwrap_or(&self.world.accounts[0]);
        everyday(api, account, &session.region, self.person.favourites, &mut self.draw)
    }

    pub(crate) fn add(&mut self, at: i64, session: &Session, call: Call) {
        self.log.add(at, session, call, &mut self.draw);
    }
}
