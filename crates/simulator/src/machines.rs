//! Machine identities: regular workloads, and an occasional new deployment.

mod kinds;

use kinds::KINDS;
use serde_json::json;

use crate::{
    calls::everyday,
    draw::Draw,
    identity::{Access, service},
    log::Log,
    people::{DAY, HOUR},
    record::{Call, Session, call},
    tools::{System, Tool, agent},
    world::{Network, World},
};

/// Kind of machine.
pub(crate) struct Kind {
    pub(crate) id: &'static str,
    account: &'static str,
    tool: Tool,
    /// Where it runs.
    place: Place,
    /// First and last hour of work (UTC); a range from greater to smaller passes midnight.
    hours: (i64, i64),
    /// Rounds of calls an hour.
    rounds: f64,
    calls: &'static [&'static str],
    /// Calls made occasionally instead of a round.
    seldom: &'static [&'static str],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Instances behind one gateway.
    Instances,
    /// A function or task, with AWS's addresses.
    Function,
    /// Hosted build machines, with a new address each time.
    Runners,
    /// A vendor's servers.
    Vendor,
    /// An AWS service that calls on its behalf.
    Service(&'static str),
    /// A program on one server, with an IAM user's key.
    Server,
}

/// A machine identity.
pub(crate) struct Machine {
    pub(crate) kind: &'static Kind,
    pub(crate) access: Vec<Access>,
    pub(crate) account: String,
    pub(crate) region: String,
    name: String,
    network: Network,
    block: u8,
    favourites: usize,
    pace: f64,
    pub(crate) starts: i64,
}

impl Machine {
    pub(crate) fn new(world: &World, seed: u64, number: usize, first: i64, days: i64) -> Self {
        let mut draw = Draw::of(seed, "machine", number as u64);
        let kind = &KINDS[number % KINDS.len()];
        let region = (*draw.favourite(&world.regions)).to_owned();
        let account = world.account(kind.account).id.clone();
        let name = if number < KINDS.len() {
            kind.id.to_owned()
        } else {
            format!("{}-{}", kind.id, number / KINDS.len() + 1)
        };
        let role = format!("{name}-{}", draw.hex(4));
        let sessions: Vec<String> = match kind.place {
            Place::Instances => (0..draw.count(1, 4)).map(|_| format!("i-{}", draw.hex(17))).collect(),
            Place::Runners => vec!["GitHubActions".to_owned()],
            Place::Service(_) => vec!["AWSBackup-1".to_owned()],
            _ => vec![name.clone()],
        };
        let access = match kind.place {
            Place::Server => vec![Access::user(&account, &format!("svc-{name}"), false, &mut draw)],
            _ => sessions.iter().map(|session| Access::role(&account, &role, session)).collect(),
        };
        let network = match kind.place {
            Place::Runners | Place::Vendor | Place::Server => world.network(&mut draw, "US", "hosting"),
            _ => world.amazon(&region),
        };
        let is_new = number >= KINDS.len() && draw.chance(0.15);
        let starts = if is_new { first + draw.within(days / 2, days) } else { first };
        Self {
            kind,
            access,
            account,
            region,
            name,
            network,
            favourites: draw.count(0, 12),
            block: draw.within(0, 256) as u8,
            pace: draw.about(1.0).max(0.4),
            starts,
        }
    }

    /// The session it calls with at a time.
    pub(crate) fn session(&self, at: i64, draw: &mut Draw) -> Session {
        let access = draw.pick(&self.access).clone();
        let (block, host) = match self.kind.place {
            Place::Runners => (draw.within(0, 256) as u8, draw.within(1, 255) as u8),
            Place::Function => (self.block.wrapping_add(draw.within(0, 40) as u8), draw.within(1, 255) as u8),
            _ => (self.block.wrapping_add((at / (30 * DAY)) as u8), 10),
        };
        // A session lasts an hour, so the hour determines the key.
        let key = Draw::of((at / HOUR) as u64, &self.name, 5).id("ASIA");
        let age = ((at / DAY / 16) % 10) as u32;
        let address = match self.kind.place {
            Place::Service(host) => host.to_owned(),
            _ => self.network.address(block, host),
        };
        let user_agent = match self.kind.place {
            Place::Service(host) => host.to_owned(),
            Place::Function => {
                format!("{} exec-env/AWS_Lambda_nodejs20.x", agent(self.kind.tool, System::Linux, age))
            }
            _ => agent(self.kind.tool, System::Linux, age),
        };
        Session {
            identity: access.identity(at - at % HOUR, &key, false),
            account: self.account.clone(),
            region: self.region.clone(),
            address,
            agent: user_agent,
        }
    }

    pub(crate) fn work(&self, world: &World, seed: u64, day: i64, log: &mut Log) {
        if day < self.starts {
            return;
        }
        let mut draw = Draw::of(seed, &self.name, day as u64);
        let is_weekend = (day + 3).rem_euclid(7) >= 5;
        if is_weekend && self.kind.place == Place::Runners && draw.chance(0.8) {
            return;
        }
        let (from, to) = self.kind.hours;
        for hour in from..to {
            let rounds = draw.about(self.kind.rounds * self.pace);
            let whole = rounds.floor() as i64 + i64::from(draw.chance(rounds.fract()));
            for _ in 0..whole {
                let at = day * DAY + hour * HOUR + draw.within(0, HOUR - 120);
                self.round(world, at, log, &mut draw);
            }
        }
    }

    fn round(&self, world: &World, at: i64, log: &mut Log, draw: &mut Draw) {
        let session = self.session(at, draw);
        self.begin(at, &session, log, draw);
        let account =
            world.accounts.iter().find(|account| account.id == self.account).unwrap_or(&world.accounts[0]);
        let calls = if draw.chance(0.12) { self.kind.seldom } else { self.kind.calls };
        let mut at = at;
        for entry in calls {
            let (api, times) = entry.split_once('*').unwrap_or((entry, "1"));
            if api.contains("Object") && !world.has_data_events {
                continue;
            }
            for _ in 0..draw.about(times.parse().unwrap_or(1.0)).round().max(1.0) as usize {
                let is_denied = draw.chance(0.002);
                let call = everyday(api, account, &self.region, self.favourites, draw).denied_if(is_denied);
                log.add(at, &session, call, draw);
                at += draw.within(0, 4);
            }
        }
    }

    /// Records the call that begins a role session; some sessions of services have none.
    fn begin(&self, at: i64, session: &Session, log: &mut Log, draw: &mut Draw) {
        let host = match self.kind.place {
            Place::Instances => "ec2.amazonaws.com",
            Place::Function => "lambda.amazonaws.com",
            Place::Service(host) => host,
            Place::Runners => return self.begin_from_web(at, session, log, draw),
            _ => return,
        };
        if !draw.chance(0.3) {
            return;
        }
        let caller = Session {
            identity: service(host),
            address: host.to_owned(),
            agent: host.to_owned(),
            ..session.clone()
        };
        log.add(at - 2, &caller, self.assumed("sts:AssumeRole", session), draw);
    }

    fn begin_from_web(&self, at: i64, session: &Session, log: &mut Log, draw: &mut Draw) {
        let identity = json!({"type": "WebIdentityUser", "principalId": "token.actions.githubusercontent.com:repo", "userName": "repo:app:ref:refs/heads/main", "identityProvider": format!("arn:aws:iam::{}:oidc-provider/token.actions.githubusercontent.com", self.account)});
        let caller = Session { identity, ..session.clone() };
        log.add(at - 2, &caller, self.assumed("sts:AssumeRoleWithWebIdentity", session), draw);
    }

    fn assumed(&self, api: &str, session: &Session) -> Call {
        let key = session.identity["accessKeyId"].clone();
        call(api).with(json!({"roleArn": self.access[0].arn(), "roleSessionName": self.name})).gives(
            json!({"credentials": {"accessKeyId": key}, "assumedRoleUser": {"arn": session.identity["arn"]}}),
        )
    }
}
