//! Keys of a baseline: calls, services, networks, programs, Regions, resources, acts and targets of a day.

use std::{collections::HashSet, net::IpAddr};

use crate::{
    activity::{Hour, Notable},
    catalog::{Act, Exposure, weight},
    event::{Outcome, hash},
};

/// Namespace of a key, so that all kinds of keys share one table.
#[derive(Clone, Copy)]
pub(super) enum Aspect {
    Call = 1,
    Service,
    Network,
    Client,
    Region,
    Resource,
    Act,
    Target,
    Provider,
    Duty,
    /// As Network, Provider and Client, but for every day, trusted or not. Trust depends on what was seen,
    /// never on what was trusted; otherwise a baseline would depend on days it no longer holds.
    SeenNetwork,
    SeenProvider,
    SeenClient,
}

/// The key of a value in an aspect.
pub(super) fn key(aspect: Aspect, value: u64) -> u64 {
    value.wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(7) ^ aspect as u64
}

/// Hash of an address's network: its /24 or /48, since providers change the rest.
pub fn network_key(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(v4) => hash(&v4.octets()[..3].escape_ascii().to_string()),
        IpAddr::V6(v6) => hash(&v6.octets()[..6].escape_ascii().to_string()),
    }
}

/// Hash of a provider's network: the address's /16 or /32. A new address from the same provider mostly stays
/// within it.
pub(super) fn provider_key(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(v4) => hash(&v4.octets()[..2].escape_ascii().to_string()),
        IpAddr::V6(v6) => hash(&v6.octets()[..4].escape_ascii().to_string()),
    }
}

/// Key of an act: the call, its exposure and grants, and the recipient if it is outside the account. The
/// target is left out: a principal that creates roles creates new ones.
pub fn act_key(notable: &Notable) -> u64 {
    let act = &notable.act;
    let outside = if act.exposure == Exposure::None { "" } else { &act.recipient };
    hash(&format!("{}|{:?}|{:?}|{outside}", act.call, act.exposure, act.grants))
}

/// Key of a duty: the tactic of a weighty act that succeeded. A principal whose task is to create users also
/// creates keys.
pub(super) fn duty_key(act: &Act) -> Option<u64> {
    (act.weight >= weight::TELLING && act.outcome == Outcome::Success).then_some(act.tactic as u64)
}

/// The keys of a day.
pub(super) fn things(hours: &[(u32, Hour)]) -> HashSet<u64> {
    let mut keys = HashSet::new();
    for (_, hour) in hours {
        keys.extend(hour.calls.iter().map(|(call, _)| key(Aspect::Call, call)));
        keys.extend(hour.calls.values().map(|call| key(Aspect::Service, hash(service_of(call)))));
        for address in hour.addresses.values() {
            let (network, provider) = (network_key(*address), provider_key(*address));
            keys.extend([key(Aspect::Network, network), key(Aspect::SeenNetwork, network)]);
            keys.extend([key(Aspect::Provider, provider), key(Aspect::SeenProvider, provider)]);
        }
        for (client, _) in hour.clients.iter() {
            keys.extend([key(Aspect::Client, client), key(Aspect::SeenClient, client)]);
        }
        keys.extend(hour.regions.iter().map(|(region, _)| key(Aspect::Region, region)));
        keys.extend(hour.resources.iter().map(|(resource, _)| key(Aspect::Resource, resource)));
        for group in hour.acts.groups() {
            keys.extend(group.acts.values().map(|notable| key(Aspect::Act, act_key(notable))));
            keys.extend(
                group
                    .acts
                    .values()
                    .filter_map(|notable| duty_key(&notable.act))
                    .map(|duty| key(Aspect::Duty, duty)),
            );
            keys.extend(group.targets.iter().map(|(target, ())| key(Aspect::Target, target)));
        }
    }
    keys
}

/// The service of a call: `iam` of `iam:ListUsers`.
pub fn service_of(call: &str) -> &str {
    call.split(':').next().unwrap_or_default()
}
