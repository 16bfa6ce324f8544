//! Facts that an hour tells peers: who called from where, with which program, about what.

use std::{collections::BTreeMap, net::IpAddr};

use super::{About, Caller, Fact, Occupants, asked_of_groups, who};
use crate::{
    activity::{Hour, Scope},
    event::{Principal, PrincipalKind, hash},
};

/// The facts of one hour of a scope.
pub fn facts(scope: &Scope, hour: u32, folded: &Hour) -> Vec<(About, Fact)> {
    match scope {
        Scope::Principal(_) | Scope::Person(_) => folded
            .principal_of(scope)
            .map_or_else(Vec::new, |principal| of_principal(scope, &principal, hour, folded)),
        Scope::Address(address) => of_address(*address, hour, folded).into_iter().collect(),
        Scope::Account(account) => of_account(account, hour, folded).into_iter().collect(),
    }
}

fn of_principal(scope: &Scope, principal: &Principal, hour: u32, folded: &Hour) -> Vec<(About, Fact)> {
    let who = who(scope);
    let acts = asked_of_groups(scope, principal, folded)
        .into_iter()
        .map(|about| (about, Fact::Doers([(hour / 24, vec![who])].into())));
    let is_outside = principal.kind == PrincipalKind::ExternalAccount;
    let sessions = folded.sessions.iter().map(|(session, edge)| {
        let caller = Caller { is_outside, id: principal.id.clone(), parent: edge.parent };
        (About::Session(session), Fact::Caller(caller))
    });
    acts.chain(sessions).collect()
}

fn of_address(address: IpAddr, hour: u32, folded: &Hour) -> Option<(About, Fact)> {
    if folded.seats.is_empty() {
        return None;
    }
    let mut occupants = Occupants::default();
    for seat in folded.seats.values() {
        if seat.instance.is_empty() {
            occupants.add_human(hour);
        } else {
            occupants.add_instance(hour, hash(&seat.instance));
        }
    }
    Some((About::Address(address), Fact::Occupants([(hour / 24, occupants)].into())))
}

fn of_account(account: &str, hour: u32, folded: &Hour) -> Option<(About, Fact)> {
    if folded.regions.is_empty() {
        return None;
    }
    let mut regions: BTreeMap<Box<str>, BTreeMap<u32, u32>> = BTreeMap::new();
    for region in folded.regions.values() {
        regions.insert(region.clone(), [(hour / 24, 1 << (hour % 24))].into());
    }
    Some((About::Account(account.into()), Fact::Watched(regions)))
}
