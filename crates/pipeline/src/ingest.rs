//! Ingest stage: reads a log object and folds its events into Hour deltas.
//!
//! A screen selects the events that compliance checks judge. A malformed record goes to a sink and does not fail the
//! object.

use std::{collections::BTreeMap, io::Read, ops::Range};

use trailwarden_compliance::Screen;
use trailwarden_core::{
    activity::Fold,
    event::Time,
    sources::{Item, Limits, Malformed, Other, Unrecognised, read},
};

/// Counts of records read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadCounts {
    /// Events folded.
    pub events: u64,
    /// Events without a time, filed under 1970.
    pub undated: u64,
    /// Compliance changes of AWS Config rules.
    pub rule_changes: u64,
    /// Unreadable records.
    pub malformed: u64,
    /// Records of other kinds, by kind.
    pub others: BTreeMap<Other, u64>,
}

impl ReadCounts {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.undated += other.undated;
        self.rule_changes += other.rule_changes;
        self.malformed += other.malformed;
        for (kind, count) in &other.others {
            *self.others.entry(*kind).or_default() += count;
        }
    }

    /// Whether the input contained any CloudTrail or AWS Config record.
    pub fn has_read(&self) -> bool {
        self.events + self.rule_changes > 0 || self.others.keys().any(|kind| *kind != Other::NotCloudTrail)
    }
}

/// Hours gathered before they are passed on: bounds memory, however large an object is.
const GATHERED: usize = 4_096;

/// Outputs of reading, besides the fold.
pub struct Sinks<'a> {
    /// Drains the fold when it is full.
    pub full: &'a mut dyn FnMut(&mut Fold),
    /// Receives malformed records.
    pub malformed: &'a mut dyn FnMut(Malformed),
    /// Selects the events that compliance checks judge; `None` without compliance.
    pub screen: Option<Screen<'a>>,
}

/// Reads one object into `fold`, without the events outside `span`.
///
/// # Errors
/// [`Unrecognised`] if the object is not a log.
pub fn ingest(
    input: impl Read,
    limits: Limits,
    span: &Range<Time>,
    fold: &mut Fold,
    sinks: &mut Sinks<'_>,
) -> Result<ReadCounts, Unrecognised> {
    let mut tally = ReadCounts::default();
    read(input, limits, &mut |item| match item {
        Item::Event(event) if !span.contains(&event.event_time) => {}
        Item::Event(event) => {
            tally.events += 1;
            tally.undated += u64::from(event.event_time == Time::UNDATED);
            if let Some(screen) = &mut sinks.screen {
                screen.look(&event);
            }
            fold.add(&event);
            if fold.len() >= GATHERED {
                (sinks.full)(fold);
            }
        }
        Item::RuleChange(_, record) => {
            tally.rule_changes += 1;
            if let Some(screen) = &mut sinks.screen {
                screen.pass(record);
            }
        }
        Item::Other(other) => *tally.others.entry(other).or_default() += 1,
        Item::Malformed(malformed) => {
            tally.malformed += 1;
            (sinks.malformed)(malformed);
        }
    })?;
    if let Some(screen) = &mut sinks.screen {
        screen.finish();
    }
    Ok(tally)
}
