//! Bytes in, events out.
//!
//! A source reads one object (a file, a message) as a stream, so that memory does not grow with its size.
//! What cannot be read is named by its place, and the rest goes on.

mod cloudtrail;
mod config_rule;
mod record;
mod stream;

use std::io::Read;

pub use config_rule::{Evaluation, RuleChange};

use crate::event::Event;

/// Every source, in the order in which they are asked.
pub const ALL: &[&Source] = &[&cloudtrail::SOURCE];

/// A kind of log that can be read.
pub struct Source {
    /// Stable name, equal to the file's.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// Could an object that begins with these bytes be of this kind? Gzip is already undone.
    pub recognises: fn(&[u8]) -> bool,
    /// Reads a whole object, giving each item to the sink.
    pub read: fn(&mut dyn Read, Limits, Sink<'_>),
}

/// Takes what is read, item by item.
pub type Sink<'a> = &'a mut dyn FnMut(Item<'_>);

/// One thing found in an object.
pub enum Item<'a> {
    /// An event.
    Event(Box<Event<'a>>),
    /// A verdict of AWS Config on a resource, with the record itself.
    RuleChange(Box<RuleChange>, &'a [u8]),
    /// A well-formed record that is not an event of an identity.
    Other(Other),
    /// Something that could not be read.
    Malformed(Malformed),
}

/// Records that look like CloudTrail and are something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Other {
    /// A digest file, which signs the log files.
    Digest,
    /// An Insight: CloudTrail's own statistics.
    Insight,
    /// Valid JSON that is no CloudTrail record.
    NotCloudTrail,
}

impl Other {
    /// In words, for the summary.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Digest => "CloudTrail digest",
            Self::Insight => "CloudTrail Insight",
            Self::NotCloudTrail => "JSON that is no CloudTrail record",
        }
    }
}

/// What could not be read, where, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {record}: {reason}")]
pub struct Malformed {
    /// Which record of the object, from 1.
    pub record: u64,
    /// Why, in words; never the record's own content.
    pub reason: String,
}

/// Bounds on hostile input.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Uncompressed bytes of one object, so that a zip bomb ends.
    pub object_bytes: u64,
    /// Bytes of one record. CloudTrail's own limit is 256 KB; envelopes of many events may be larger.
    pub record_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { object_bytes: 8 << 30, record_bytes: 8 << 20 }
    }
}

/// Reads `input` with the source that recognises its first bytes; gzip is recognised and undone.
///
/// # Errors
/// [`Unrecognised`] if no source knows the bytes. Everything else is an [`Item::Malformed`].
pub fn read(mut input: impl Read, limits: Limits, sink: Sink<'_>) -> Result<(), Unrecognised> {
    let mut head = Vec::with_capacity(PEEK);
    if let Err(error) = (&mut input).take(PEEK as u64).read_to_end(&mut head) {
        return Err(Unrecognised::Unreadable(error.to_string()));
    }
    if head.starts_with(&GZIP) {
        let mut plain = flate2::read::MultiGzDecoder::new(std::io::Cursor::new(head).chain(input));
        let mut inner = Vec::with_capacity(PEEK);
        if let Err(error) = (&mut plain).take(PEEK as u64).read_to_end(&mut inner) {
            return Err(Unrecognised::Unreadable(format!("damaged gzip: {error}")));
        }
        return dispatch(inner, plain, limits, sink);
    }
    dispatch(head, input, limits, sink)
}

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Enough to see the first key of an object.
const PEEK: usize = 4096;

fn dispatch(head: Vec<u8>, rest: impl Read, limits: Limits, sink: Sink<'_>) -> Result<(), Unrecognised> {
    if head.is_empty() {
        return Err(Unrecognised::Empty);
    }
    let source = ALL.iter().find(|source| (source.recognises)(&head)).ok_or(Unrecognised::NotLogs)?;
    (source.read)(&mut std::io::Cursor::new(head).chain(rest), limits, sink);
    Ok(())
}

/// Why an object as a whole was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrecognised {
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// Not a kind of log we know.
    #[error("not JSON, so not a CloudTrail log")]
    NotLogs,
    /// Reading or decompressing failed at the start.
    #[error("{0}")]
    Unreadable(String),
}
