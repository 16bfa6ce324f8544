//! Context of an act: network, program, hour, Region, MFA. What is unknown is left out.

use super::Notable;
use crate::{
    activity::Window, baseline::Habits, catalog::Exposure, event::PrincipalKind, networks::describe,
};

/// A factor, and its reasons as text.
#[derive(Clone, Debug)]
pub(crate) struct Factor {
    pub(crate) factor: f32,
    pub(crate) because: Vec<String>,
}

impl Factor {
    pub(crate) const NEUTRAL: Self = Self { factor: 1.0, because: Vec::new() };

    pub(crate) fn new(factor: f32, because: String) -> Self {
        Self { factor, because: vec![because] }
    }

    pub(crate) fn times(&mut self, factor: f32, because: String) {
        self.factor *= factor;
        self.because.push(because);
    }

    pub(crate) fn note(&mut self, because: &str) {
        self.because.push(because.to_owned());
    }
}

/// A network the principal never used.
const NEW_NETWORK: f32 = 1.3;
/// Share of days on new networks from which a principal is always on the move: build machines, phones.
const RESTLESS: f32 = 0.4;
/// A well-known network.
const KNOWN_NETWORK: f32 = 0.85;
/// A well-known network, with a well-known program, at a usual hour.
const AT_ITS_DESK: f32 = 0.85;
/// A program or system the principal never used.
const NEW_CLIENT: f32 = 1.2;
/// An hour at which the principal is never active.
const STRANGE_HOUR: f32 = 1.15;
/// A Region the account never used.
const NEW_REGION: f32 = 1.2;
/// A Region that the settings do not allow.
const FORBIDDEN_REGION: f32 = 1.4;
/// An anonymising network, or a rented machine: humans seldom work there.
const HIDDEN: f32 = 1.4;
const RENTED: f32 = 1.2;
/// Done by a service, such as CloudFormation, on the principal's behalf.
const BY_SERVICE: f32 = 0.65;
/// Shared with an account of the same organisation.
const SISTER: f32 = 0.3;
/// The session had MFA.
const WITH_MFA: f32 = 0.9;
/// Days the account's log must have been read before a Region is new to it.
const ACCOUNT_DAYS: u32 = 7;
/// Bounds of the context's factor.
const BOUNDS: (f32, f32) = (0.25, 2.0);

/// Factor of an act's circumstances.
pub(crate) fn context(window: &Window<'_>, habits: &Habits<'_>, hour: u32, notable: &Notable) -> Factor {
    let mut factor = Factor::NEUTRAL;
    if !habits.parts.context {
        return factor;
    }
    place(&mut factor, window, habits, notable);
    let own = habits.own;
    if own.is_established()
        && own.days_with_client(&notable.client) == 0
        && notable.client.as_ref() != "console"
    {
        factor.times(NEW_CLIENT, format!("with {}, new for it", notable.client));
    }
    if is_human(window) && own.strangeness_of_hour(hour).is_some_and(|strangeness| strangeness >= 0.9) {
        factor.times(STRANGE_HOUR, format!("at {:02}:00 UTC, when it is never active", hour % 24));
    }
    region(&mut factor, window, habits, notable);
    if notable.via_service {
        factor.times(BY_SERVICE, "by a service in its name".to_owned());
    }
    if notable.act.exposure == Exposure::OtherAccount
        && habits.is_own_account(&notable.act.recipient, window.hour)
    {
        factor.times(SISTER, "an account of the organisation".to_owned());
    }
    if notable.mfa == Some(true) {
        factor.factor *= WITH_MFA;
    }
    factor.factor = factor.factor.clamp(BOUNDS.0, BOUNDS.1);
    factor
}

/// Whether this is a human by its kind, and not a role, which anything may use.
pub(crate) fn is_human_kind(window: &Window<'_>) -> bool {
    is_human(window) && window.principal.is_some_and(|principal| principal.kind != PrincipalKind::Role)
}

/// Whether a human may be behind this principal, by its kind.
pub(crate) fn is_human(window: &Window<'_>) -> bool {
    window.principal.is_some_and(|principal| {
        !matches!(
            principal.kind,
            PrincipalKind::Workload | PrincipalKind::Service | PrincipalKind::ExternalAccount
        )
    })
}

fn place(factor: &mut Factor, window: &Window<'_>, habits: &Habits<'_>, notable: &Notable) {
    let Some(address) = notable.address else { return };
    let known = habits.own.days_with_network(address);
    if known > 1 {
        factor.factor *= KNOWN_NETWORK;
        let is_usual_program = habits.own.days_with_client(&notable.client) > 1;
        if is_usual_program
            && habits.own.strangeness_of_hour(window.hour).is_some_and(|strange| strange < 0.5)
        {
            factor.factor *= AT_ITS_DESK;
        }
    } else if known == 0
        && habits.own.is_established()
        && habits.own.mobility() < RESTLESS
        && !habits.peers.is_known_desk(address, window.hour / 24)
    {
        let described =
            habits.network(address).map_or_else(String::new, |network| format!(", {}", describe(&network)));
        factor.times(NEW_NETWORK, format!("from {address}{described}, new for it"));
    }
    let Some(network) = habits.network(address).filter(|_| is_human(window) && known == 0) else { return };
    match network.usage.as_str() {
        "tor" | "vpn" | "proxy" => factor.times(HIDDEN, format!("through a {} network", network.usage)),
        "hosting" => factor.times(RENTED, "from a hosting network".to_owned()),
        _ => {}
    }
}

fn region(factor: &mut Factor, window: &Window<'_>, habits: &Habits<'_>, notable: &Notable) {
    let allowed = &habits.settings.allowed_regions;
    let is_global = notable.region.is_empty() || &*notable.region == "us-east-1";
    if !allowed.is_empty() && !is_global && !allowed.iter().any(|region| **region == *notable.region) {
        return factor
            .times(FORBIDDEN_REGION, format!("in {}, which the settings do not allow", notable.region));
    }
    let today = window.hour / 24;
    let is_judged = !is_global && habits.peers.has_watched(&notable.account_id, ACCOUNT_DAYS, today);
    if is_judged && !habits.peers.knows_region(&notable.account_id, &notable.region, today) {
        factor.times(NEW_REGION, format!("in {}, which the account never used", notable.region));
    }
}
