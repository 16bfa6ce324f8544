//! Objects in, deltas out.

use std::{collections::BTreeMap, io::Read, ops::Range};

use trailwarden_compliance::Screen;
use trailwarden_core::{
    activity::Fold,
    event::Time,
    sources::{Item, Limits, Malformed, Other, Unrecognised, read},
};

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events folded.
    pub events: u64,
    /// Events without a time, kept under 1970.
    pub undated: u64,
    /// Verdicts of AWS Config.
    pub rule_changes: u64,
    /// Records that could not be read.
    pub malformed: u64,
    /// Records that are something else, by kind.
    pub others: BTreeMap<Other, u64>,
}

impl Tally {
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

    /// Was there anything of CloudTrail's in it?
    pub fn has_read(&self) -> bool {
        self.events + self.rule_changes > 0 || self.others.keys().any(|kind| *kind != Other::NotCloudTrail)
    }
}

/// Hours gathered before they are handed on: bounds what reading holds, however large an object is.
const GATHERED: usize = 4_096;

/// Where the things go that are not folded.
pub struct Sinks<'a> {
    /// Takes from the fold whenever it has gathered much.
    pub full: &'a mut dyn FnMut(&mut Fold),
    /// Takes what could not be read.
    pub malformed: &'a mut dyn FnMut(Malformed),
    /// Picks the events that some compliance check wants to see, if any is wanted.
    pub screen: Option<Screen<'a>>,
}

/// Reads one object into `fold`; events outside `span` are left out.
///
/// # Errors
/// [`Unrecognised`] if the object as a whole is not a log.
pub fn ingest(
    input: impl Read,
    limits: Limits,
    span: &Range<Time>,
    fold: &mut Fold,
    sinks: &mut Sinks<'_>,
) -> Result<Tally, Unrecognised> {
    let mut tally = Tally::default();
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
