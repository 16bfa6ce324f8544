//! People: working hours, desk, home, tools and preferred resources.

use std::ops::Range;

use crate::{
    draw::Draw,
    identity::Access,
    personas::{PERSONAS, Persona},
    tools::{System, desk},
    world::{COUNTRIES, Network, World},
};

pub(crate) const DAY: i64 = 86_400;
pub(crate) const HOUR: i64 = 3_600;

/// A person.
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) persona: &'static Persona,
    /// Offset of standard time from UTC, in hours.
    offset: i64,
    pub(crate) country: &'static str,
    /// Start of the working day, local time, in seconds.
    pub(crate) start: i64,
    pub(crate) length: i64,
    pub(crate) home: Network,
    /// Whether the provider changes the home address occasionally.
    pub(crate) is_moved_by_provider: bool,
    /// Office network and share of office days; `None` means always at home.
    pub(crate) office: Option<(Network, f64)>,
    pub(crate) has_company_vpn: bool,
    pub(crate) system: System,
    pub(crate) accesses: Vec<Access>,
    pub(crate) favourites: usize,
    /// Days with the company, since 1970.
    pub(crate) days: Range<i64>,
    away: Vec<Range<i64>>,
    pub(crate) weekends: f64,
    pub(crate) evenings: f64,
    pub(crate) intensity: f64,
    pub(crate) has_mfa: bool,
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

    /// Start of the local day, in UTC seconds.
    pub(crate) fn midnight(&self, day: i64) -> i64 {
        let summer = match self.country {
            "US" => day >= 20_520,                      // 2026-03-08
            "GB" | "DE" | "PL" | "ES" => day >= 20_541, // 2026-03-29
            _ => false,
        };
        day * DAY - (self.offset + i64::from(summer)) * HOUR
    }

    /// Middle of the working day, in UTC seconds.
    pub(crate) fn noon(&self, day: i64) -> i64 {
        self.midnight(day) + self.start + self.length / 2
    }

    pub(crate) fn is_present(&self, day: i64) -> bool {
        self.days.contains(&day) && !self.away.iter().any(|away| away.contains(&day))
    }
}

/// A person's access to the accounts, the most used first.
pub(crate) fn accesses(
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

impl Person {
    /// The person's usual address on a day.
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
