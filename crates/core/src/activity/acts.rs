//! Notable acts of an hour, in groups of like acts.
//!
//! Each group keeps a few acts, so that fifty denied calls cannot push out the one that succeeded. If there
//! are too many groups, the weightiest stay.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::BottomK;
use crate::{
    catalog::Act,
    event::{EventId, Time, hash},
};

/// An act, with its time, place, program and session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notable {
    /// The event's id.
    pub event_id: EventId,
    /// Seconds into the hour.
    pub second: u16,
    /// Public source address.
    pub address: Option<IpAddr>,
    /// Called by an AWS service, such as CloudFormation, on the principal's behalf.
    pub via_service: bool,
    /// The program, as `client()` names it.
    pub client: Box<str>,
    /// `awsRegion`.
    pub region: Box<str>,
    /// The account of the call.
    pub account_id: Box<str>,
    /// Hash of the access key that signed the call; 0 if none. Joins to the caller that assumed the role.
    pub session: u64,
    /// Whether the session had MFA; `None` if unknown.
    pub mfa: Option<bool>,
    /// The act itself.
    pub act: Act,
}

/// Ordered by event. Two acts of one event (only forged records have them) are ordered by their other fields.
impl Ord for Notable {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |notable: &Self| (notable.event_id.clone(), notable.second);
        key(self).cmp(&key(other)).then_with(|| format!("{self:?}").cmp(&format!("{other:?}")))
    }
}
impl PartialOrd for Notable {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Eq for Notable {}

/// Most groups of an hour.
const GROUPS: usize = 24;
/// Target hashes kept per group.
const TARGETS: usize = 24;
/// Acts kept per group.
const EACH: usize = 8;

/// The acts of an hour, by group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Acts {
    /// Weightiest first; equal weights by hash.
    groups: Vec<Group>,
}

/// Like acts: same call, outcome, weight, exposure and grants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    rank: (u32, u64),
    /// A sample of the acts, keyed by the hash of their event.
    pub acts: BottomK<Notable, EACH>,
    /// Distinct targets, by hash: exact up to 24, then within 21% (one standard error).
    pub targets: BottomK<(), TARGETS>,
}

impl Acts {
    /// Adds an act; `key` is the hash of its event.
    pub fn insert(&mut self, key: u64, notable: Notable) {
        let rank = rank(&notable.act);
        let at = match self.groups.binary_search_by_key(&rank, |group| group.rank) {
            Ok(at) => at,
            Err(at) if at < GROUPS => {
                self.groups.truncate(GROUPS - 1);
                self.groups.insert(at, Group { rank, acts: BottomK::default(), targets: BottomK::default() });
                at
            }
            Err(_) => return,
        };
        self.groups[at].targets.insert(hash(&notable.act.target), || ());
        self.groups[at].acts.insert(key, || notable);
    }

    /// Merges `other` into these acts.
    pub fn merge(&mut self, other: Self) {
        for group in other.groups {
            match self.groups.binary_search_by_key(&group.rank, |known| known.rank) {
                Ok(at) => {
                    self.groups[at].acts.merge(group.acts);
                    self.groups[at].targets.merge(group.targets);
                }
                Err(at) if at < GROUPS => {
                    self.groups.truncate(GROUPS - 1);
                    self.groups.insert(at, group);
                }
                Err(_) => {}
            }
        }
    }

    /// Every kept act, with the number of like acts it stands for.
    pub fn iter(&self) -> impl Iterator<Item = (&Notable, f64)> {
        self.groups.iter().flat_map(|group| group.acts.values().map(|notable| (notable, group.acts.scale())))
    }

    /// The groups, weightiest first.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter()
    }

    /// Whether there are no acts.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

impl Notable {
    /// Time of the act; `hour` is the hour that holds it, since 1970.
    pub fn time(&self, hour: u32) -> Time {
        Time(i64::from(hour) * crate::event::HOUR + i64::from(self.second))
    }
}

/// Sort key of a group: weight (descending), then the hash of the fields that define the group.
fn rank(act: &Act) -> (u32, u64) {
    let mut hasher = Xxh3::new();
    hasher.update(act.call.as_bytes());
    hasher.update(&[act.outcome as u8, act.exposure as u8, act.grants as u8]);
    (u32::MAX - act.weight.to_bits(), hasher.digest())
}

#[cfg(any(test, feature = "testing"))]
#[allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::wildcard_imports,
    reason = "tests start from it"
)]
pub mod testing {
    //! An act to start tests from.

    use super::*;
    use crate::{
        catalog::{Exposure, Grants, Tactic, weight},
        event::Outcome,
    };

    /// A grave act from an address.
    pub fn grave(address: IpAddr) -> Notable {
        let act = Act {
            call: "cloudtrail:StopLogging".into(),
            tactic: Tactic::DefenseEvasion,
            techniques: vec![],
            weight: weight::SEVERE,
            outcome: Outcome::Success,
            target: "".into(),
            recipient: "".into(),
            grants: Grants::Nothing,
            exposure: Exposure::None,
            detail: "".into(),
            breadth: 1,
        };
        Notable {
            event_id: EventId::new("e", 1),
            second: 0,
            address: Some(address),
            via_service: false,
            client: "aws-cli".into(),
            region: "us-east-1".into(),
            account_id: "111122223333".into(),
            session: 0,
            mfa: None,
            act,
        }
    }
}
