//! Activity per scope and hour: the [`Hour`], its fold and merge, and the [`Window`] of 24 hours.
//!
//! **Set law**: an [`Hour`] is a function of the set of its events; merging is commutative, associative and
//! idempotent. **Bounded law**: an hour has a bounded size whatever happens in it, and the event's own hash
//! decides what is dropped, never the order of arrival.

mod acts;
mod bottom_k;
mod client;
mod fold;
mod window;

use std::{collections::BTreeSet, net::IpAddr};

#[cfg(any(test, feature = "testing"))]
pub use acts::testing;
pub use acts::{Acts, Group, Notable};
pub use bottom_k::{BottomK, Words};
pub use client::client;
#[cfg(test)]
pub(crate) use fold::address_key;
pub use fold::{Fold, Folded};
use serde::{Deserialize, Serialize};
pub use window::Window;

use crate::{
    catalog::weight,
    event::{EventId, Outcome, Principal, PrincipalKind, account_of, checksum, permission_set, role_name},
};

/// Denied calls in an hour from which the hour is judged before it ends.
const MANY_DENIED: usize = 8;

/// Owner of a series of hours: a principal, a person, an address or an account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// A principal, by its durable id: all its events.
    Principal(Box<str>),
    /// A source address: sign-ins, and the principals that used it with instance credentials or a browser.
    Address(IpAddr),
    /// An account: sign-ins, and the Regions in use.
    Account(Box<str>),
    /// A human behind single sign-on, by user name in lower case, across accounts and permission sets: all
    /// events.
    Person(Box<str>),
}

impl Scope {
    /// The scope of a principal. A human behind single sign-on has one scope, whatever roles it uses.
    pub fn of(principal: &Principal) -> Self {
        match principal.person() {
            Some(person) => Self::Person(person.to_lowercase().into()),
            None => Self::Principal(principal.id.clone()),
        }
    }

    /// The table partition of the scope, for example `ACCOUNT#111122223333`.
    pub fn partition(&self) -> String {
        match self {
            Self::Principal(id) => format!("PRINCIPAL#{id}"),
            Self::Address(address) => format!("ADDRESS#{address}"),
            Self::Account(account) => format!("ACCOUNT#{account}"),
            Self::Person(person) => format!("PERSON#{person}"),
        }
    }

    /// The scope of a partition key; `None` if the key is not a scope's.
    pub fn of_partition(partition: &str) -> Option<Self> {
        let (kind, name) = partition.split_once('#')?;
        match kind {
            "PRINCIPAL" => Some(Self::Principal(name.into())),
            "PERSON" => Some(Self::Person(name.into())),
            "ACCOUNT" => Some(Self::Account(name.into())),
            "ADDRESS" => name.parse().ok().map(Self::Address),
            _ => None,
        }
    }

    /// Whether the scope is an identity (principal or person), not an address or account.
    pub fn is_identity(&self) -> bool {
        matches!(self, Self::Principal(_) | Self::Person(_))
    }
}

/// One event in the sample of an hour.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Trace {
    /// The event's id.
    pub event_id: EventId,
    /// Seconds into the hour.
    pub second: u16,
    /// The low half of the call's key ([`call_key`](crate::catalog::call_key)).
    pub call: u32,
    /// Outcome of the call.
    pub outcome: Outcome,
    /// The low half of the address's hash; 0 if there is no public address.
    pub address: u32,
}

/// A console sign-in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SignIn {
    /// The event's id.
    pub event_id: EventId,
    /// Seconds into the hour.
    pub second: u16,
    /// The principal's id; empty in the principal's own hours.
    pub user: Box<str>,
    /// Public source address.
    pub address: Option<IpAddr>,
    /// Whether MFA was used; `None` if the record does not say.
    pub mfa: Option<bool>,
}

/// Use of an address: in the address's own hours, by a browser or an instance's credentials; in a role's
/// hours, by an instance's credentials.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seat {
    /// The principal's id.
    pub principal: Box<str>,
    /// The instance whose credentials were used; empty for a browser.
    pub instance: Box<str>,
    /// Public source address.
    pub address: Option<IpAddr>,
    /// The program, as `client()` names it.
    pub client: Box<str>,
    /// Seconds into the hour of the earliest event of this use.
    pub second: u16,
    /// The id of that event.
    pub event_id: EventId,
}

/// A role assumption.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge {
    /// Hash of the caller's access key; 0 if none.
    pub parent: u64,
    /// The session's ARN.
    pub role: Box<str>,
}

/// Identity fields of a principal's hour; the id itself is in the scope.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Who {
    /// Kind of identity.
    pub kind: PrincipalKind,
    /// The principal's account.
    pub account_id: Box<str>,
}

/// Activity of one scope in one hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hour {
    /// Kind and account, in a principal's hours; the smallest value where records differ.
    pub who: Option<Who>,
    /// Sample of the events, and their number: exact up to 48, then within 15% (one standard error).
    pub events: BottomK<Trace, 48>,
    /// Distinct calls, for example `iam:ListUsers`.
    pub calls: Words<64>,
    /// Public source addresses.
    pub addresses: BottomK<IpAddr, 24>,
    /// Programs, as `client()` names them.
    pub clients: Words<12>,
    /// Regions of the calls.
    pub regions: Words<24>,
    /// Accounts of the calls.
    pub accounts: Words<12>,
    /// Buckets, tables and secrets named in the calls.
    pub resources: Words<24>,
    /// Acts: calls to which the catalogue gives a meaning.
    pub acts: Acts,
    /// Successful sign-ins.
    pub sign_ins: BottomK<SignIn, 16>,
    /// Failed sign-ins.
    pub failed_sign_ins: BottomK<SignIn, 64>,
    /// Roles assumed, keyed by the hash of the issued access key: the edges of a role chain.
    pub sessions: BottomK<Edge, 24>,
    /// Uses of an address (see [`Seat`]).
    pub seats: BottomK<Seat, 16>,
    /// The principals a person acted as.
    pub identities: Words<8>,
}

impl Hour {
    /// Merges `other` into this hour.
    pub fn merge(&mut self, other: Self) {
        self.who = [self.who.take(), other.who].into_iter().flatten().min();
        self.events.merge(other.events);
        self.calls.merge(other.calls);
        self.addresses.merge(other.addresses);
        self.clients.merge(other.clients);
        self.regions.merge(other.regions);
        self.accounts.merge(other.accounts);
        self.resources.merge(other.resources);
        self.acts.merge(other.acts);
        self.sign_ins.merge(other.sign_ins);
        self.failed_sign_ins.merge(other.failed_sign_ins);
        self.sessions.merge(other.sessions);
        self.seats.merge(other.seats);
        self.identities.merge(other.identities);
    }

    /// The principal of the scope; for a person, the smallest of the principal ids of the hour.
    pub fn principal_of(&self, scope: &Scope) -> Option<Principal> {
        let who = self.who.as_ref()?;
        match scope {
            Scope::Principal(id) => Some(Principal::new(who.kind, id, &who.account_id)),
            Scope::Person(_) => {
                let id = self.identities.values().min()?;
                Some(Principal::new(who.kind, id, account_of(id).unwrap_or(&who.account_id)))
            }
            _ => None,
        }
    }

    /// The part somebody acted as in an account, which others may hold too: a person's permission set, or a
    /// role's name.
    pub fn part_in<'a>(&'a self, scope: &'a Scope, account: &str) -> Option<&'a str> {
        match scope {
            Scope::Person(_) => {
                let arns = self.identities.values().map(|arn| &**arn);
                arns.filter(|arn| account_of(arn) == Some(account)).find_map(permission_set)
            }
            Scope::Principal(id) if self.who.as_ref()?.kind == PrincipalKind::Role => role_name(id),
            _ => None,
        }
    }

    /// All parts somebody acted as (see [`Hour::part_in`]).
    pub fn parts<'a>(&'a self, scope: &'a Scope) -> BTreeSet<&'a str> {
        match scope {
            Scope::Person(_) => self.identities.values().filter_map(|arn| permission_set(arn)).collect(),
            Scope::Principal(_) => self.part_in(scope, "").into_iter().collect(),
            _ => BTreeSet::new(),
        }
    }

    /// Urgency mark: a hash that changes when the hour gains content to judge before it ends; 0 if it has
    /// none.
    ///
    /// Covers weighty acts, sign-ins, instance credentials, and the order of magnitude of refusals.
    pub fn mark(&self) -> u64 {
        let mut marks: Vec<u64> = Vec::new();
        for group in self.acts.groups() {
            let is_weighty = group.acts.values().any(|notable| notable.act.weight >= weight::TELLING);
            marks.extend(group.acts.iter().filter(|_| is_weighty).map(|(key, _)| key));
        }
        marks.extend(self.sign_ins.iter().map(|(key, _)| key));
        marks.extend(self.seats.iter().filter(|(_, seat)| !seat.instance.is_empty()).map(|(key, _)| key));
        let denied = self.events.values().filter(|trace| trace.outcome == Outcome::Denied).count();
        let refusals =
            [self.failed_sign_ins.distinct() as usize, denied * usize::from(denied >= MANY_DENIED)];
        marks.extend(refusals.into_iter().filter_map(|count| Some(u64::from(count.checked_ilog2()?) + 1)));
        let bytes: Vec<u8> = marks.iter().flat_map(|mark| mark.to_le_bytes()).collect();
        if marks.is_empty() { 0 } else { checksum(&bytes) }
    }

    /// Compact bytes (postcard), for stores and messages.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Reads the bytes of [`Hour::encode`].
    ///
    /// # Errors
    /// [`Damaged`] if the bytes are not an hour.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        postcard::from_bytes(bytes).map_err(|_| Damaged)
    }
}

/// Stored bytes that cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored activity is damaged or of another version")]
pub struct Damaged;
