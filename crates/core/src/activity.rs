//! What a scope did in an hour, and in the 24 hours up to one.
//!
//! **Set law**: an [`Hour`] is a function of the set of its events; merging is commutative, associative
//! and idempotent. **Bounded law**: its size is bounded whatever happens in it, and what is dropped is
//! chosen by the event itself, never by arrival.

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

/// So many refusals in an hour should not wait for its end.
const MANY_DENIED: usize = 8;

/// Whose hours are kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// A principal, by its durable id: everything it did.
    Principal(Box<str>),
    /// A source address: sign-ins, and who used it with which kind of credential.
    Address(IpAddr),
    /// An account: sign-ins.
    Account(Box<str>),
    /// A human behind single sign-on, across accounts and permission sets: everything they did.
    Person(Box<str>),
}

impl Scope {
    /// Where a principal's doings are kept: a human's in one place, whatever roles they come through.
    pub fn of(principal: &Principal) -> Self {
        match principal.person() {
            Some(person) => Self::Person(person.to_lowercase().into()),
            None => Self::Principal(principal.id.clone()),
        }
    }

    /// The partition of a table in which everything of it is kept.
    pub fn partition(&self) -> String {
        match self {
            Self::Principal(id) => format!("PRINCIPAL#{id}"),
            Self::Address(address) => format!("ADDRESS#{address}"),
            Self::Account(account) => format!("ACCOUNT#{account}"),
            Self::Person(person) => format!("PERSON#{person}"),
        }
    }

    /// Whose partition it is; `None` if it is nobody's.
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

    /// Is this somebody, rather than a place?
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
    /// The call, as the low half of its key.
    pub call: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// The address, as the low half of its hash; 0 if it came from none.
    pub address: u32,
}

/// A sign-in to the console.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SignIn {
    /// The event's id.
    pub event_id: EventId,
    /// Seconds into the hour.
    pub second: u16,
    /// Whose: a principal's id; empty in the principal's own hours.
    pub user: Box<str>,
    /// Where from.
    pub address: Option<IpAddr>,
    /// With MFA, if the record says.
    pub mfa: Option<bool>,
}

/// Somebody's use of an address, in the address's own hours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seat {
    /// The principal.
    pub principal: Box<str>,
    /// The instance whose credentials it used; empty for a human at a browser.
    pub instance: Box<str>,
    /// Where from.
    pub address: Option<IpAddr>,
    /// The program.
    pub client: Box<str>,
    /// Seconds into the hour of the first event that shows it.
    pub second: u16,
    /// That event.
    pub event_id: EventId,
}

/// A role assumed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge {
    /// Hash of the access key that the caller used; 0 if none.
    pub parent: u64,
    /// The session's ARN.
    pub role: Box<str>,
}

/// What a principal's hour says of it besides its id, which its scope has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Who {
    /// What sort of identity.
    pub kind: PrincipalKind,
    /// Its account.
    pub account_id: Box<str>,
}

/// What one scope did in one hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hour {
    /// What sort of principal, in a principal's hours; where records differ, the least special.
    pub who: Option<Who>,
    /// A fair sample of the events, and how many there were. Exact up to 48, then within 15% (one standard error).
    pub events: BottomK<Trace, 48>,
    /// Different calls, as `iam:ListUsers`.
    pub calls: Words<64>,
    /// Public addresses called from.
    pub addresses: BottomK<IpAddr, 24>,
    /// Programs called with.
    pub clients: Words<12>,
    /// Regions called in.
    pub regions: Words<24>,
    /// Accounts acted in.
    pub accounts: Words<12>,
    /// Buckets, tables and secrets named.
    pub resources: Words<24>,
    /// Acts that mean something.
    pub acts: Acts,
    /// Sign-ins that succeeded.
    pub sign_ins: BottomK<SignIn, 16>,
    /// Sign-ins that failed.
    pub failed_sign_ins: BottomK<SignIn, 64>,
    /// Roles assumed, by the hash of the access key that was issued: an edge of a chain.
    pub sessions: BottomK<Edge, 24>,
    /// Instances' credentials and browsers seen at an address; or, in a role's own hours, its instances' credentials and where they were used.
    pub seats: BottomK<Seat, 16>,
    /// As which principals a person acted.
    pub identities: Words<8>,
}

impl Hour {
    /// Adds everything of `other`.
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

    /// Who, given the scope: of a person, the first of the principals it acted as.
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

    /// What somebody acted in an account as, that others may act as too: a person's permission set, a role's name.
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

    /// Everything somebody acted as, that others may act as too.
    pub fn parts<'a>(&'a self, scope: &'a Scope) -> BTreeSet<&'a str> {
        match scope {
            Scope::Person(_) => self.identities.values().filter_map(|arn| permission_set(arn)).collect(),
            Scope::Principal(_) => self.part_in(scope, "").into_iter().collect(),
            _ => BTreeSet::new(),
        }
    }

    /// What of it should not wait for the hour's end, as a number that changes when more of it comes; 0 if nothing.
    ///
    /// Weighty acts, sign-ins, instances' credentials, and refusals by their order of magnitude.
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

    /// Compact bytes, for stores and messages.
    pub fn encode(&self) -> Vec<u8> {
        postcard::to_stdvec(self).unwrap_or_default()
    }

    /// Reads what [`Hour::encode`] wrote.
    ///
    /// # Errors
    /// [`Damaged`] if the bytes are not an hour.
    pub fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        postcard::from_bytes(bytes).map_err(|_| Damaged)
    }
}

/// Stored bytes that cannot be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored activity is damaged or of another version")]
pub struct Damaged;
