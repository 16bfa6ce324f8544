//! Objects in, deltas out.

use std::{collections::BTreeMap, io::Read};

use crate::{
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
        self.malformed += other.malformed;
        for (kind, count) in &other.others {
            *self.others.entry(*kind).or_default() += count;
        }
    }

    /// Was there anything of CloudTrail's in it?
    pub fn has_read(&self) -> bool {
        self.events > 0 || self.others.keys().any(|kind| *kind != Other::NotCloudTrail)
    }
}

/// Hours gathered before they are handed on: bounds what reading holds, however large an object is.
const GATHERED: usize = 4_096;

/// Reads one object into `fold`; events outside `span` are left out. What cannot be read goes to `report`;
/// whenever `fold` has gathered much, it goes to `full`, which takes from it.
///
/// # Errors
/// [`Unrecognised`] if the object as a whole is not a log.
pub fn ingest(
    input: impl Read,
    limits: Limits,
    span: &std::ops::Range<Time>,
    fold: &mut Fold,
    report: &mut dyn FnMut(Malformed),
    full: &mut dyn FnMut(&mut Fold),
) -> Result<Tally, Unrecognised> {
    let mut tally = Tally::default();
    read(input, limits, &mut |item| match item {
        Item::Event(event) => {
            if span.contains(&event.event_time) {
                tally.events += 1;
                tally.undated += u64::from(event.event_time == Time::UNDATED);
                fold.add(&event);
                if fold.len() >= GATHERED {
                    full(fold);
                }
            }
        }
        Item::Other(other) => *tally.others.entry(other).or_default() += 1,
        Item::Malformed(malformed) => {
            tally.malformed += 1;
            report(malformed);
        }
    })?;
    Ok(tally)
}
