//! The acts of an hour that are worth remembering one by one.
//!
//! Kept in groups of like acts, a few of each, so that fifty denied calls cannot push out the one
//! that succeeded; if there are too many groups, the weightiest stay.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::Xxh3;

use super::BottomK;
use crate::{
    catalog::Act,
    event::{EventId, Time, hash},
};

/// An act, with when, where and by what it was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notable {
    /// The event's id.
    pub event_id: EventId,
    /// Seconds into the hour.
    pub second: u16,
    /// Where from, if from an address that says something.
    pub address: Option<IpAddr>,
    /// Called by a service, such as CloudFormation, in the principal's name.
    pub via_service: bool,
    /// The program.
    pub client: Box<str>,
    /// `awsRegion`.
    pub region: Box<str>,
    /// The account acted in.
    pub account_id: Box<str>,
    /// Hash of the access key it was signed with; 0 if none. Joins to who assumed the role.
    pub session: u64,
    /// Whether the session had MFA, if known.
    pub mfa: Option<bool>,
    /// What was done.
    pub act: Act,
}

/// Notables are told apart by their event; two of one event (which only forged records give) by all they say.
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

/// Most groups of one hour.
const GROUPS: usize = 24;
/// Targets of one group whose hashes are kept.
const TARGETS: usize = 24;
/// Most acts kept of one group.
const EACH: usize = 8;

/// The acts of an hour, by group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Acts {
    /// Weightiest first; equal weights by hash.
    groups: Vec<Group>,
}

/// Acts that are alike: same call, outcome, weight, and kind of target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    rank: (u32, u64),
    /// Which acts, by the hash of their event.
    pub acts: BottomK<Notable, EACH>,
    /// On which targets, by their hash: exact up to 24, then within 21% (one standard error).
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

    /// Adds everything of `other`.
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

    /// Every kept act with the start of its hour and how many like acts it stands for.
    pub fn iter(&self) -> impl Iterator<Item = (&Notable, f64)> {
        self.groups.iter().flat_map(|group| group.acts.values().map(|notable| (notable, group.acts.scale())))
    }

    /// The groups, weightiest first.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

impl Notable {
    /// When, given the hour it is kept in.
    pub fn time(&self, hour: u32) -> Time {
        Time(i64::from(hour) * crate::event::HOUR + i64::from(self.second))
    }
}

/// Weight first (descending), then what makes a group, hashed.
fn rank(act: &Act) -> (u32, u64) {
    let mut hasher = Xxh3::new();
    hasher.update(act.call.as_bytes());
    hasher.update(&[act.outcome as u8, act.exposure as u8, act.grants as u8]);
    (u32::MAX - act.weight.to_bits(), hasher.digest())
}

#[cfg(any(test, feature = "testing"))]
#[allow(clippy::unwrap_used, reason = "a test ends where something is missing")]
pub mod testing {
    //! An act to start tests from.

    use super::*;
    use crate::{
        catalog::{Exposure, Grants, Tactic, weight},
        event::Outcome,
    };

    /// A grave act done from an address.
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
