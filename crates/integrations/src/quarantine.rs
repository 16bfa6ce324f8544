//! Quarantine: keeps unreadable input in the data bucket, with the reasons, until a person has looked at it.
//!
//! An object's name is the checksum of its subject, so a redelivery overwrites the same object.

use serde_json::{Value, json};
use trailwarden_core::{
    event::{Time, checksum, clip},
    sources::Malformed,
};
use trailwarden_pipeline::ports::Unavailable;

use crate::objects::Objects;

/// Reasons kept per object or message; further records are only counted.
const REASONS: usize = 100;
/// Bytes kept of a message: the largest that a queue can hold.
const BODY: usize = 1 << 20;

/// The folder `quarantine/` of a bucket.
#[derive(Clone, Debug)]
pub struct Quarantine {
    objects: Objects,
    bucket: String,
}

/// Unreadable records of one object or message.
#[derive(Clone, Debug, Default)]
pub struct Unread {
    /// Number of records.
    pub count: u64,
    reasons: Vec<Value>,
}

impl Unread {
    /// Adds an unreadable record.
    pub fn add(&mut self, malformed: &Malformed) {
        self.count += 1;
        if self.reasons.len() < REASONS {
            self.reasons.push(json!({ "record": malformed.record, "reason": malformed.reason }));
        }
    }

    /// Adds the whole object or message, with the reason.
    pub fn whole(&mut self, reason: &str) {
        self.count += 1;
        self.reasons.push(json!({ "record": null, "reason": reason }));
    }
}

impl Quarantine {
    /// Quarantine in this bucket.
    pub fn new(objects: Objects, bucket: String) -> Self {
        Self { objects, bucket }
    }

    /// Stores a note on unreadable input: an S3 object by its URL only, as S3 still has it, a message with its body.
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
