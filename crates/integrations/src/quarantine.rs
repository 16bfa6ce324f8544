//! Where what cannot be read is kept, with the reason, until a person has looked at it.
//!
//! An object's name is made from what it is about, so that a redelivery writes the same one again.

use serde_json::{Value, json};
use trailwarden_core::{
    event::{Time, checksum, clip},
    sources::Malformed,
};
use trailwarden_pipeline::ports::Unavailable;

use crate::objects::Objects;

/// Records of one object whose reasons are kept; the rest is counted.
const REASONS: usize = 100;
/// Bytes of a message that are kept: all that a queue can hold.
const BODY: usize = 1 << 20;

/// The folder `quarantine/` of a bucket.
#[derive(Clone, Debug)]
pub struct Quarantine {
    objects: Objects,
    bucket: String,
}

/// What could not be read of one object or message.
#[derive(Clone, Debug, Default)]
pub struct Unread {
    /// How many records.
    pub count: u64,
    reasons: Vec<Value>,
}

impl Unread {
    /// Adds a record.
    pub fn add(&mut self, malformed: &Malformed) {
        self.count += 1;
        if self.reasons.len() < REASONS {
            self.reasons.push(json!({ "record": malformed.record, "reason": malformed.reason }));
        }
    }

    /// Adds the whole, for this reason.
    pub fn whole(&mut self, reason: &str) {
        self.count += 1;
        self.reasons.push(json!({ "record": null, "reason": reason }));
    }
}

impl Quarantine {
    /// In this bucket.
    pub fn new(objects: Objects, bucket: String) -> Self {
        Self { objects, bucket }
    }

    /// Keeps what could not be read: an object of S3 by its place, which still has it, and a message by its body.
    ///
    /// # Errors
    /// [`Unavailable`] if S3 is.
    pub async fn keep(
        &self,
        place: &str,
        body: Option<&[u8]>,
        unread: &Unread,
        now: Time,
    ) -> Result<(), Unavailable> {
        let name = checksum(body.unwrap_or(place.as_bytes()));
        let body = body.map(|body| clip(&String::from_utf8_lossy(body), BODY).to_owned());
        let note = json!({
            "from": place,
            "kept_at": now.to_string(),
            "records": unread.count,
            "reasons": unread.reasons,
            "body": body,
        });
        tracing::warn!(from = place, records = unread.count, object = format!("{name:016x}"), "quarantined");
        let key = format!("quarantine/{name:016x}.json");
        self.objects.write(&self.bucket, &key, note.to_string().into_bytes()).await
    }
}
