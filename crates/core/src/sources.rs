//! Sources: readers of log formats, from bytes to events.
//!
//! A source reads one object (a file, a message) as a stream, so that memory does not grow with its size. An
//! unreadable record is reported with its position, and reading continues.

mod cloudtrail;
mod config_rule;
mod record;
mod stream;

use std::io::Read;

pub use config_rule::{Evaluation, RuleChange};

use crate::event::Event;

/// All sources, in the order of recognition.
pub const ALL: &[&Source] = &[&cloudtrail::SOURCE];

/// A log format.
pub struct Source {
    /// Stable name, equal to the file's.
    pub id: &'static str,
    /// Name for people.
    pub title: &'static str,
    /// Whether an object that begins with these bytes, after gunzip, may be of this format.
    pub recognises: fn(&[u8]) -> bool,
    /// Reads a whole object and passes each item to the sink.
    pub read: fn(&mut dyn Read, Limits, Sink<'_>),
}

/// Receiver of items.
pub type Sink<'a> = &'a mut dyn FnMut(Item<'_>);

/// One item of an object.
pub enum Item<'a> {
    /// An event.
    Event(Box<Event<'a>>),
    /// A changed verdict of an AWS Config rule, with the record's bytes.
    RuleChange(Box<RuleChange>, &'a [u8]),
    /// A well-formed record that is not an identity's event.
    Other(Other),
    /// An unreadable record.
    Malformed(Malformed),
}

/// Records that look like CloudTrail events but are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Other {
    /// A digest file, which proves that log files are unchanged.
    Digest,
    /// An Insight event: CloudTrail's own statistics.
    Insight,
    /// JSON that is no CloudTrail record.
    NotCloudTrail,
}

impl Other {
    /// The kind as text, for the summary.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Digest => "CloudTrail digest",
            Self::Insight => "CloudTrail Insight",
            Self::NotCloudTrail => "JSON that is no CloudTrail record",
        }
    }
}

/// An unreadable record: position and reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {record}: {reason}")]
pub struct Malformed {
    /// Number of the record in the object, from 1.
    pub record: u64,
    /// The reason, as text; never the record's own content.
    pub reason: String,
}

/// Limits on input, against hostile logs.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Most uncompressed bytes of an object, against zip bombs.
    pub object_bytes: u64,
    /// Most bytes of a record. CloudTrail's own limit is 256 KB; envelopes of many events may be larger.
    pub record_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { object_bytes: 8 << 30, record_bytes: 8 << 20 }
    }
}

/// Reads `input` with the source that recognises its first bytes; gzip is unpacked.
///
/// # Errors
/// [`Unrecognised`] if no source recognises the object. Later errors are [`Item::Malformed`].
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
/// Bytes that are enough to see an object's first key.
const PEEK: usize = 4096;

fn dispatch(head: Vec<u8>, rest: impl Read, limits: Limits, sink: Sink<'_>) -> Result<(), Unrecognised> {
    if head.is_empty() {
        return Err(Unrecognised::Empty);
    }
    let source = ALL.iter().find(|source| (source.recognises)(&head)).ok_or(Unrecognised::NotLogs)?;
    (source.read)(&mut std::io::Cursor::new(head).chain(rest), limits, sink);
    Ok(())
}

/// Reason why an object as a whole was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrecognised {
    /// The object has no bytes.
    #[error("the file is empty")]
    Empty,
    /// The format is unknown.
    #[error("not JSON, so not a CloudTrail log")]
    NotLogs,
    /// Reading or unpacking failed at the start.
    #[error("{0}")]
    Unreadable(String),
}
