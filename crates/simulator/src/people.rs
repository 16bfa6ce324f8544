//! People at work: each with a rhythm, a desk, a home, programs, and favourite things.

use std::ops::Range;

use serde_json::json;

use crate::{
    calls::everyday,
    draw::Draw,
    identity::Access,
    log::Log,
    oddities::{Oddities, Oddity},
    personas::{CURIOSITY, PERSONAS, Persona, persona},
    record::{Call, Session, call},
    tools::{System, Tool, agent, desk},
    world::{COUNTRIES, Network, World},
};

pub(crate) const DAY: i64 = 86_400;
pub(crate) const HOUR: i64 = 3_600;

/// A human.
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) persona: &'static Persona,
    /// Hours between UTC and the clock on the wall, without summer time.
    offset: i64,
    pub(crate) country: &'static str,
    /// When the day begins, by the clock on the wall, in seconds.
    start: i64,
    length: i64,
    home: Network,
    /// Does the provider give out a new address now and then?
    is_moved_by_provider: bool,
    /// The share of days in the office; `None` works from home.
    office: Option<(Network, f64)>,
    has_company_vpn: bool,
    pub(crate) system: System,
    pub(crate) accesses: Vec<Access>,
    pub(crate) favourites: usize,
    /// First and last day with the company.
    pub(crate) days: Range<i64>,
    away: Vec<Range<i64>>,
    weekends: f64,
    evenings: f64,
    intensity: f64,
    has_mfa: bool,
}

/// Where somebody sits today.
struct Seat {
    network: Network,
    block: u8,
    host: u8,
    system: System,
}

impl Person {
    pub(crate) fn new(world: &World, seed: u64, number: usize, first: i64, days: i64) -> Self {
        let mut draw = Draw::of(seed, "person", number as u64);
        let persona = if number < PERSONAS.len() {
            &PERSONAS[number]
        } else {
            &PERSONAS[draw.weighted(&PERSONAS.iter().map(|persona| persona.share).collect::<Vec<_>>())]
        };
        let (country, offset) = *draw.favourite(COUNTRIES);
        let email = format!("{}@{}", name(&mut draw), world.domain);
        let has_mfa = draw.chance(0.75);
        let is_single_sign_on = draw.chance(world.single_sign_on);
        let accesses = accesses(world, persona, &email, is_single_sign_on, has_mfa, &mut draw);
        let has_office = draw.chance(0.55) && matches!(country, "US" | "DE");
        let office = world.offices.iter().find(|office| office.country == country).cloned();
        let office = office.filter(|_| has_office).map(|office| (office, draw.about(0.5)));
        let mut away = Vec::new();
        if draw.chance(0.35) {
            let from = first + draw.within(0, days);
            away.push(from..from + draw.within(3, 15));
        }
        let is_new = number >= PERSONAS.len() && draw.chance(0.07);
        let joins = if is_new { first + draw.within(days / 2, days) } else { first };
        Self {
            email,
            persona,
            offset,
            country,
            start: draw.within(7 * 4, 10 * 4) * HOUR / 4,
            length: draw.within(7, 10) * HOUR,
            home: world.network(&mut draw, country, "isp"),
            is_moved_by_provider: draw.chance(0.4),
            office,
            has_company_vpn: world.company_vpn.is_some() && draw.chance(0.4),
            system: desk(&mut draw),
            accesses,
            favourites: draw.count(0, 12),
            days: joins..first + days,
            away,
            weekends: *draw.pick(&[0.02, 0.02, 0.08, 0.3]),
            evenings: *draw.pick(&[0.05, 0.1, 0.35]),
            intensity: draw.about(1.0).max(0.3),
            has_mfa,
        }
    }

    /// When the local day begins, in UTC.
    pub(crate) fn midnight(&self, day: i64) -> i64 {
        let summer = match self.country {
            "US" => day >= 20_520,                      // 2026-03-08
            "GB" | "DE" | "PL" | "ES" => day >= 20_541, // 2026-03-29
            _ => false,
        };
        day * DAY - (self.offset + i64::from(summer)) * HOUR
    }

    /// The middle of the working day, in UTC.
    pub(crate) fn noon(&self, day: i64) -> i64 {
        self.midnight(day) + self.start + self.length / 2
    }

    pub(crate) fn is_present(&self, day: i64) -> bool {
        self.days.contains(&day) && !self.away.iter().any(|away| away.contains(&day))
    }

    /// Everything the person does on a day of its own.
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

fn accesses(
    world: &World,
    persona: &Persona,
    email: &str,
    is_single_sign_on: bool,
    has_mfa: bool,
    draw: &mut Draw,
) -> Vec<Access> {
    let name = email.split('@').next().unwrap_or(email);
    let accounts = persona.accounts.iter().map(|account| &world.account(account).id);
    if is_single_sign_on {
        return accounts.map(|account| Access::single_sign_on(account, persona.set, email)).collect();
    }
    let first = Access::user(&world.account(persona.accounts[0]).id, name, has_mfa, draw);
    let others =
        accounts.skip(1).map(|account| Access::role(account, &format!("{}-from-users", persona.id), name));
    std::iter::once(first).chain(others).collect()
}

fn name(draw: &mut Draw) -> String {
    const FIRST: &[&str] = &[
        "ana", "bela", "carl", "dora", "emil", "fay", "gus", "hana", "ivo", "jana", "kofi", "lena", "milo",
        "nora", "omar", "pia", "quin", "rosa", "sven", "tara", "uri", "vera", "wim", "yara", "zeno",
    ];
    const LAST: &[&str] = &[
        "abel", "brand", "costa", "duarte", "engel", "fonseca", "grau", "huber", "ito", "jansen", "kaur",
        "lund", "moreau", "novak", "okafor", "petit", "quist", "rossi", "silva", "tanaka", "ueda", "varga",
        "weiss", "yilmaz", "zeman",
    ];
    format!("{}.{}", draw.pick(FIRST), draw.pick(LAST))
}

/// A person's day, while it is written down.
struct Desk<'d> {
    person: &'d Person,
    persona: &'static Persona,
    world: &'d World,
    seat: Seat,
    day: i64,
    draw: Draw,
    log: &'d mut Log,
}

impl Desk<'_> {
    fn tasks(&mut self, share: f64) {
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

    fn session(&mut self, access: usize, tool: Tool, since: i64) -> Session {
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

    /// An IAM user takes a role of another account: two records, one in each.
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

    fn sign_in(&mut self, session: &Session, at: i64) {
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

    fn calls(&mut self, session: &Session, calls: &[&str], at: i64) {
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

    fn everyday(&mut self, api: &str, session: &Session) -> Call {
        let account = self
            .world
            .accounts
            .iter()
            .find(|account| account.id == session.account)
            .unwrap_or(&self.world.accounts[0]);
        everyday(api, account, &session.region, self.person.favourites, &mut self.draw)
    }

    fn add(&mut self, at: i64, session: &Session, call: Call) {
        self.log.add(at, session, call, &mut self.draw);
    }

    /// What is out of the ordinary today, and innocent.
    fn oddity(&mut self, oddity: Oddity) {
        let noon = self.person.noon(self.day);
        match oddity {
            Oddity::OnCall => {
                let at = self.person.midnight(self.day) + self.draw.within(HOUR, 4 * HOUR);
                let session = self.session(0, Tool::Browser, at);
                self.sign_in(&session, at);
                self.calls(
                    &session,
                    &[
                        "monitoring:DescribeAlarms*3",
                        "monitoring:GetMetricData*12",
                        "ec2:DescribeInstances*3",
                        "logs:FilterLogEvents*6",
                        "health:DescribeEvents",
                    ],
                    at + 20,
                );
                let session = self.session(0, Tool::Cli, at);
                self.calls(
                    &session,
                    &[
                        "sts:GetCallerIdentity",
                        "ssm:StartSession*2",
                        "ec2:DescribeInstanceStatus*3",
                        "ec2:RebootInstances",
                        "ecs:DescribeServices*2",
                        "ecs:UpdateService",
                    ],
                    at + 600,
                );
            }
            Oddity::QuarterEnd => {
                for hour in 0..3 {
                    let session = self.session(0, Tool::Python, noon);
                    self.calls(
                        &session,
                        &[
                            "athena:StartQueryExecution*8",
                            "athena:GetQueryResults*8",
                            "s3:GetObject*40",
                            "ce:GetCostAndUsage*6",
                        ],
                        noon + hour * HOUR,
                    );
                }
            }
            Oddity::BulkRead => {
                let session = self.session(0, Tool::Python, noon);
                self.calls(&session, &["s3:ListObjects*4", "s3:GetObject*220"], noon);
            }
            Oddity::Drill(region) => {
                let session = Session { region: region.to_owned(), ..self.session(0, Tool::Cli, noon) };
                self.calls(
                    &session,
                    &[
                        "ec2:DescribeSnapshots*2",
                        "ec2:CopySnapshot*3",
                        "rds:CopyDBSnapshot*2",
                        "rds:RestoreDBInstanceFromDBSnapshot*2",
                        "ec2:RunInstances*3",
                        "ec2:DescribeInstances*6",
                        "ec2:CreateSecurityGroup",
                        "ec2:AuthorizeSecurityGroupIngress",
                        "elasticloadbalancing:CreateLoadBalancer",
                        "route53:ChangeResourceRecordSets",
                        "ec2:TerminateInstances*3",
                    ],
                    noon,
                );
            }
            Oddity::KeyRotation => self.rotate_key(noon),
            Oddity::BigApply => {
                let session = self.session(0, Tool::Terraform, noon);
                self.calls(
                    &session,
                    &[
                        "sts:GetCallerIdentity",
                        "iam:GetRole*20",
                        "iam:CreateRole*6",
                        "iam:AttachRolePolicy*9",
                        "iam:PutRolePolicy*5",
                        "iam:CreatePolicy*3",
                        "kms:CreateKey*2",
                        "s3:CreateBucket*3",
                        "s3:PutBucketPolicy*3",
                        "s3:PutBucketPublicAccessBlock*3",
                        "ec2:CreateSecurityGroup*4",
                        "ec2:AuthorizeSecurityGroupIngress*5",
                        "lambda:CreateFunction20150331*4",
                        "events:PutRule*3",
                        "events:PutTargets*3",
                        "sns:CreateTopic*2",
                        "monitoring:PutMetricAlarm*6",
                        "rds:CreateDBInstance",
                    ],
                    noon,
                );
            }
            Oddity::ForgottenPassword => self.forget_password(noon - 2 * HOUR),
            Oddity::NewProject => {
                let session = self.session(0, Tool::Browser, noon);
                self.sign_in(&session, noon - 30);
                let mut calls: Vec<&str> = CURIOSITY.to_vec();
                self.draw.shuffle(&mut calls);
                calls.truncate(self.draw.count(7, 14));
                self.calls(&session, &calls, noon);
            }
            Oddity::Denials => {
                let session = self.session(0, Tool::Cli, noon);
                let api = *self.draw.pick(&[
                    "s3:GetObject",
                    "dynamodb:DescribeTable",
                    "states:StartExecution",
                    "sqs:SendMessage",
                    "kms:Decrypt",
                ]);
                for at in 0..self.draw.within(8, 30) {
                    let call = self.everyday(api, &session).denied();
                    self.add(noon + at * 40, &session, call);
                }
            }
            Oddity::CleanUp => {
                let session = self.session(0, Tool::Cli, noon);
                self.calls(
                    &session,
                    &[
                        "ec2:DescribeSnapshots",
                        "ec2:DeleteSnapshot*15",
                        "ec2:DescribeVolumes",
                        "ec2:DeleteVolume*5",
                        "logs:DeleteLogGroup*4",
                        "s3:DeleteObject*20",
                    ],
                    noon,
                );
            }
            Oddity::VendorOnboarding(vendor) => {
                let session = self.session(0, Tool::Terraform, noon);
                let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{vendor}:root")}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"sts:ExternalId": self.draw.hex(16)}}}]}).to_string();
                self.add(
                    noon,
                    &session,
                    call("iam:CreateRole")
                        .with(json!({"roleName": "vendor-monitoring", "assumeRolePolicyDocument": trust})),
                );
                self.add(noon + 3, &session, call("iam:AttachRolePolicy").with(json!({"roleName": "vendor-monitoring", "policyArn": "arn:aws:iam::aws:policy/SecurityAudit"})));
            }
            Oddity::MachineUser => {
                let session = self.session(0, Tool::Browser, noon);
                self.sign_in(&session, noon - 30);
                let user = format!("svc-{}", self.draw.hex(4));
                self.add(noon, &session, call("iam:CreateUser").with(json!({"userName": user})));
                self.add(noon + 20, &session, call("iam:AttachUserPolicy").with(json!({"userName": user, "policyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"})));
                self.add(noon + 50, &session, call("iam:CreateAccessKey").with(json!({"userName": user})).gives(json!({"accessKey": {"userName": user, "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "status": "Active"}})));
            }
            // These change the day itself: who, where and with what.
            Oddity::Trip(_) | Oddity::NewLaptop(_) | Oddity::RoleChange(_) => {}
        }
    }

    fn rotate_key(&mut self, at: i64) {
        let Access::User { name, .. } = self.person.accesses[0].clone() else { return };
        let session = self.session(0, Tool::Cli, at);
        let new = self.draw.id("AKIA");
        self.add(at, &session, call("iam:ListAccessKeys").with(json!({"userName": name})));
        self.add(
            at + 10,
            &session,
            call("iam:CreateAccessKey")
                .with(json!({"userName": name}))
                .gives(json!({"accessKey": {"userName": name, "accessKeyId": new, "status": "Active"}})),
        );
        self.add(
            at + 900,
            &session,
            call("iam:UpdateAccessKey")
                .with(json!({"userName": name, "status": "Inactive", "accessKeyId": "AKIAIOSFODNN7EXAMPLE"})),
        );
        self.add(
            at + 1800,
            &session,
            call("iam:DeleteAccessKey")
                .with(json!({"userName": name, "accessKeyId": "AKIAIOSFODNN7EXAMPLE"})),
        );
    }

    fn forget_password(&mut self, at: i64) {
        let Access::User { account, name, .. } = self.person.accesses[0].clone() else { return };
        let mut session = self.session(0, Tool::Browser, at);
        session.identity =
            json!({"type": "IAMUser", "accountId": account, "accessKeyId": "", "userName": name});
        let failures = self.draw.within(2, 7);
        for n in 0..failures {
            let call = call("signin:ConsoleLogin")
                .gives(json!({"ConsoleLogin": "Failure"}))
                .fails("Failed")
                .extra("additionalEventData", json!({"MobileVersion": "No", "MFAUsed": "No", "LoginTo": "https://console.aws.amazon.com/console/home"}));
            self.add(at + n * 25, &session, call);
        }
        let session = self.session(0, Tool::Browser, at);
        self.sign_in(&session, at + failures * 25 + 40);
    }
}

impl Person {
    /// Where the person mostly sits.
    pub(crate) fn usual_address(&self, day: i64) -> String {
        let mut fixed = Draw::of(
            self.favourites as u64,
            &self.email,
            if self.is_moved_by_provider { (day / 11) as u64 } else { 0 },
        );
        let (block, host) = (fixed.within(0, 256) as u8, fixed.within(1, 255) as u8);
        self.home.address(block, host)
    }
}
