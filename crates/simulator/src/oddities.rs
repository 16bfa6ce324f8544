//! Schedule of benign oddities: unusual but innocent behaviour that a detector must not report.

use std::collections::BTreeMap;

use crate::{
    draw::Draw,
    people::Person,
    tools::{System, desk},
    world::{FAR_REGIONS, Network, World},
};

/// An unusual but innocent event.
#[derive(Clone)]
pub(crate) enum Oddity {
    Trip(Network),
    NewLaptop(System),
    RoleChange(&'static str),
    OnCall,
    QuarterEnd,
    Drill(&'static str),
    KeyRotation,
    BigApply,
    ForgottenPassword,
    NewProject,
    Denials,
    BulkRead,
    CleanUp,
    VendorOnboarding(String),
    MachineUser,
}

impl Oddity {
    fn name(&self) -> &'static str {
        match self {
            Self::Trip(_) => "trip",
            Self::NewLaptop(_) => "new-laptop",
            Self::RoleChange(_) => "role-change",
            Self::OnCall => "on-call-night",
            Self::QuarterEnd => "quarter-end",
            Self::Drill(_) => "disaster-recovery-drill",
            Self::KeyRotation => "key-rotation",
            Self::BigApply => "terraform-apply",
            Self::ForgottenPassword => "forgotten-password",
            Self::NewProject => "new-project",
            Self::Denials => "missing-permission",
            Self::BulkRead => "bulk-read",
            Self::CleanUp => "clean-up",
            Self::VendorOnboarding(_) => "vendor-onboarding",
            Self::MachineUser => "machine-user",
        }
    }
}

/// Schedule of oddities by person.
#[derive(Default)]
pub(crate) struct Oddities {
    /// By email: first day, last day, oddity.
    planned: BTreeMap<String, Vec<(i64, i64, Oddity)>>,
}

/// Possible oddities of a persona; repeated entries are more likely.
fn choices(persona: &str) -> &'static [&'static str] {
    match persona {
        "infrastructure" => &[
            "trip", "laptop", "call", "drill", "rotation", "apply", "apply", "cleanup", "vendor", "denials",
            "project",
        ],
        "identity-admin" => &["trip", "laptop", "machine", "machine", "password"],
        "data-scientist" => &["trip", "laptop", "quarter", "bulk", "project", "denials", "rotation"],
        "finance" => &["trip", "laptop", "quarter", "password"],
        "database-admin" => &["trip", "laptop", "call", "drill", "rotation", "cleanup"],
        "security" => &["trip", "laptop", "project", "call", "denials"],
        "support" => &["trip", "laptop", "call", "password", "project", "denials", "change"],
        _ => &["trip", "laptop", "call", "rotation", "password", "project", "denials", "change", "cleanup"],
    }
}

impl Oddities {
    pub(crate) fn plan(world: &World, people: &[Person], seed: u64, first: i64, days: i64) -> Self {
        let mut odd = Self::default();
        let vendor = Draw::of(seed, "vendor", 0).digits(12);
        for person in people {
            let mut draw = Draw::of(seed, &person.email, 1 << 40);
            for _ in 0..draw.count(1, 4) {
                let from = first + draw.within(3, days);
                let choice = *draw.pick(choices(person.persona.id));
                let (last, oddity) = one(choice, world, person, &vendor, from, &mut draw);
                odd.planned.entry(person.email.clone()).or_default().push((from, last, oddity));
            }
        }
        odd
    }

    fn in_force(&self, email: &str, day: i64) -> impl Iterator<Item = &Oddity> {
        let planned = self.planned.get(email).into_iter().flatten();
        planned.filter(move |(from, last, _)| (*from..=*last).contains(&day)).map(|(.., oddity)| oddity)
    }

    pub(crate) fn of(&self, email: &str, day: i64) -> Vec<Oddity> {
        self.in_force(email, day).cloned().collect()
    }

    pub(crate) fn trip_of(&self, email: &str, day: i64) -> Option<Network> {
        self.in_force(email, day).find_map(|oddity| match oddity {
            Oddity::Trip(network) => Some(network.clone()),
            _ => None,
        })
    }

    pub(crate) fn system_of(&self, email: &str, day: i64) -> Option<System> {
        self.in_force(email, day).find_map(|oddity| match oddity {
            Oddity::NewLaptop(system) => Some(*system),
            _ => None,
        })
    }

    pub(crate) fn persona_of(&self, email: &str, day: i64) -> Option<&'static str> {
        self.in_force(email, day).find_map(|oddity| match oddity {
            Oddity::RoleChange(persona) => Some(*persona),
            _ => None,
        })
    }

    /// Names of a person's oddities on a day.
    pub(crate) fn names(&self, email: &str, day: i64) -> Vec<&'static str> {
        self.in_force(email, day).map(Oddity::name).collect()
    }
}

/// The oddity of a choice that begins on `from`, with its last day.
fn one(
    choice: &str,
    world: &World,
    person: &Person,
    vendor: &str,
    from: i64,
    draw: &mut Draw,
) -> (i64, Oddity) {
    let for_good = i64::MAX;
    match choice {
        "trip" => {
            let country = *draw.pick(&["GB", "ES", "US", "PL", "BR", "AU"]);
            let usage = if draw.chance(0.8) { "isp" } else { "mobile" };
            (from + draw.within(1, 6), Oddity::Trip(world.network(draw, country, usage)))
        }
        "laptop" => (for_good, Oddity::NewLaptop(desk(draw))),
        "change" => (
            for_good,
            Oddity::RoleChange(if person.persona.id == "support" { "developer" } else { "data-scientist" }),
        ),
        "call" => (from, Oddity::OnCall),
        "quarter" => (from + 2, Oddity::QuarterEnd),
        "drill" => (from, Oddity::Drill(FAR_REGIONS[draw.count(0, FAR_REGIONS.len())])),
        "rotation" => (from, Oddity::KeyRotation),
        "apply" => (from, Oddity::BigApply),
        "password" => (from, Oddity::ForgottenPassword),
        "bulk" => (from, Oddity::BulkRead),
        "cleanup" => (from, Oddity::CleanUp),
        "vendor" => (from, Oddity::VendorOnboarding(vendor.to_owned())),
        "machine" => (from, Oddity::MachineUser),
        "denials" => (from, Oddity::Denials),
        _ => (from, Oddity::NewProject),
    }
}
