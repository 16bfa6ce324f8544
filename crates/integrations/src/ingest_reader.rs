//! Batch reader of `ingest`: streams logs and sends the folded hours and selected events as it goes.
//!
//! A blocking thread reads; a short channel carries the results back, so memory stays bounded however large an object
//! is. Parts of an object that fails later may have been sent already: merging is idempotent, so that is harmless.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    task::spawn_blocking,
};
use trailwarden_compliance::{Census, Counted, Screen, Screened};
use trailwarden_core::{
    activity::{Fold, Folded},
    event::Time,
    settings::Settings,
    sources::{Limits, Malformed, Other, Unrecognised},
};
use trailwarden_pipeline::{
    ingest::{ReadCounts, Sinks, ingest},
    messages::{MESSAGE_BYTES, pack, pack_counts},
    ports::{Channel, Unavailable},
    triggers::{Contents, Object, Parcel},
};

use crate::{
    lambda::Failed,
    now,
    objects::{Objects, place},
    quarantine::{Quarantine, Unread},
    queue::Queue,
    settings_cache::StoredSettings,
};

/// Sources and destinations of ingest.
pub struct IngestReader {
    /// Source of log objects.
    pub objects: Objects,
    /// Queue for hours.
    pub activity: Queue,
    /// Queue for the events that compliance checks judge, and for counts.
    pub compliance: Queue,
    /// Destination of unreadable input.
    pub quarantine: Quarantine,
    /// Settings of the organisation.
    pub settings: StoredSettings,
}

/// Result of a batch.
#[derive(Debug, Default)]
pub struct Batch {
    /// Parcels to be redelivered, by position.
    pub failed: Failed,
    /// Counts of records read.
    pub tally: ReadCounts,
    /// Records and whole objects quarantined.
    pub quarantined: u64,
}

/// Message from the reading thread to the sending side.
enum Gathered {
    Hours(Vec<Folded>),
    Checked(String),
    Counted(Vec<Counted>),
}

/// Capacity of the channel between them.
const UNDER_WAY: usize = 2;
/// Longest record sent to the compliance queue, in bytes: CloudTrail's are at most 256 KB.
const LONGEST: usize = 512 << 10;
/// Uncompressed bytes read of one object: what fits a function's time limit.
const OBJECT_BYTES: u64 = 4 << 30;

impl IngestReader {
    /// Reads a batch. A parcel fails as a whole if one of its objects is unavailable or sending fails.
    pub async fn read(&self, parcels: Vec<Parcel>) -> Batch {
        let mut read = Batch::default();
        let mut hours = Unsent::default();
        let all = 0..parcels.len();
        for (at, parcel) in parcels.into_iter().enumerate() {
            let outcome = match parcel.contents {
                Contents::Nothing => Ok(()),
                Contents::Logs(bytes) => self.message(bytes, &parcel.id, &mut hours, &mut read).await,
                Contents::Objects(objects) => self.objects(&objects, &mut hours, &mut read).await,
            };
            if let Err(error) = outcome {
                read.failed.insert(at, error);
            }
        }
        hours.send(&self.activity).await;
        hours.send_counts(&self.compliance).await;
        if let Some(reason) = hours.failure {
            read.failed = all.map(|at| (at, Unavailable::because("sqs", reason.clone()))).collect();
        }
        read
    }

    async fn objects(
        &self,
        objects: &[Object],
        hours: &mut Unsent,
        read: &mut Batch,
    ) -> Result<(), Unavailable> {
        for object in objects {
            let place = place(&object.bucket, &object.key);
            let Some(stream) = self.objects.open(&object.bucket, &object.key).await? else {
                let mut unread = Unread::default();
                unread.whole("the object is gone");
                read.quarantined += unread.count;
                self.quarantine.keep(&place, None, &unread, now()).await?;
                continue;
            };
            self.stream(stream, &place, None, hours, read).await?;
        }
        Ok(())
    }

    async fn message(
        &self,
        bytes: Vec<u8>,
        id: &str,
        hours: &mut Unsent,
        read: &mut Batch,
    ) -> Result<(), Unavailable> {
        let body: Arc<[u8]> = bytes.into();
        self.stream(io::Cursor::new(body.clone()), &format!("message {id}"), Some(&body), hours, read).await
    }

    /// Reads a stream to its end and sends what it yields; the remainder stays in `hours`.
    async fn stream(
        &self,
        stream: impl Read + Send + 'static,
        place: &str,
        body: Option<&[u8]>,
        hours: &mut Unsent,
        read: &mut Batch,
    ) -> Result<(), Unavailable> {
        let (sender, receiver) = mpsc::channel(UNDER_WAY);
        let settings = self.settings.current().await?;
        let reading = spawn_blocking(move || read_blocking(stream, &settings, &sender));
        let sent = self.send_on(receiver, hours).await;
        let Outcome { tally, unread, broken } = reading
            .await
            .map_err(|error| Unavailable::because("ingest", format!("reading {place}: {error}")))?;
        sent?;
        if let Some(error) = broken {
            return Err(Unavailable::because("s3", format!("reading {place}: {error}")));
        }
        read.tally.add(&tally);
        if unread.count > 0 {
            read.quarantined += unread.count;
            self.quarantine.keep(place, body, &unread, now()).await?;
        }
        Ok(())
    }

    /// Sends what the reading thread yields; small remainders wait for those of the next stream.
    async fn send_on(&self, mut gathered: Receiver<Gathered>, hours: &mut Unsent) -> Result<(), Unavailable> {
        while let Some(gathered) = gathered.recv().await {
            match gathered {
                Gathered::Checked(records) => self.compliance.send(&[records]).await?,
                Gathered::Counted(counted) => hours.count(counted),
                Gathered::Hours(more) => {
                    hours.hours.extend(more);
                    if hours.hours.len() >= MANY {
                        hours.send(&self.activity).await;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Number of hours from which they are sent before the end of the batch.
const MANY: usize = 2_048;

/// Unsent hours and counts of a batch's parcels, pooled.
///
/// They no longer show which parcel they are from, so if sending fails, every parcel must be redelivered.
#[derive(Default)]
struct Unsent {
    hours: Vec<Folded>,
    counted: BTreeMap<(Box<str>, u32), Census>,
    failure: Option<String>,
}

impl Unsent {
    fn count(&mut self, counted: Vec<Counted>) {
        for (account, day, census) in counted {
            self.counted.entry((account, day)).or_default().merge(census);
        }
    }

    async fn send_counts(&mut self, queue: &impl Channel<String>) {
        let counted = std::mem::take(&mut self.counted).into_iter();
        let counted: Vec<Counted> = counted.map(|((account, day), census)| (account, day, census)).collect();
        if counted.is_empty() {
            return;
        }
        if let Err(error) = queue.send(&pack_counts(&counted)).await {
            self.failure = Some(error.to_string());
        }
    }

    async fn send(&mut self, queue: &impl Channel<String>) {
        let messages = pack(std::mem::take(&mut self.hours));
        if let Err(error) = queue.send(&messages).await {
            self.failure = Some(error.to_string());
        }
    }
}

struct Outcome {
    tally: ReadCounts,
    unread: Unread,
    /// Error that ended the stream early.
    broken: Option<io::Error>,
}

/// Stream that remembers a read error, which the parser cannot tell from a truncated log.
struct Watched<R> {
    inner: R,
    broken: Arc<Mutex<Option<io::Error>>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).inspect_err(|error| {
            let copy = io::Error::new(error.kind(), error.to_string());
            self.broken.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(copy);
        })
    }
}

fn read_blocking(stream: impl Read, settings: &Settings, sender: &Sender<Gathered>) -> Outcome {
    let broken = Arc::new(Mutex::new(None));
    let watched = Watched { inner: stream, broken: broken.clone() };
    let mut fold = Fold::default();
    let mut checked = Checked { records: String::new(), too_long: Vec::new(), sender };
    let mut unread = Unread::default();
    // If the receiver is gone, sending has failed, and the stream will be read again.
    let mut full = |fold: &mut Fold| _ = sender.blocking_send(Gathered::Hours(fold.take()));
    let mut screened = |screened: Screened<'_>| match screened {
        Screened::Record(record) => checked.add(record),
        Screened::Counts(counts) => checked.count(counts),
    };
    let mut sinks = Sinks {
        full: &mut full,
        malformed: &mut |malformed| unread.add(&malformed),
        screen: Some(Screen::new(&settings.facts, &mut screened)),
    };
    let limits = Limits { object_bytes: OBJECT_BYTES, ..Limits::default() };
    let tally = match ingest(watched, limits, &(Time(i64::MIN)..Time(i64::MAX)), &mut fold, &mut sinks) {
        Ok(tally) => tally,
        Err(Unrecognised::Empty) => ReadCounts::default(),
        Err(error) => {
            unread.whole(&error.to_string());
            ReadCounts::default()
        }
    };
    let foreign = tally.others.get(&Other::NotCloudTrail).copied().unwrap_or_default();
    if foreign > 0 {
        unread.whole(&format!("{foreign} record(s) that are {}", Other::NotCloudTrail.describe()));
    }
    checked.too_long.iter().for_each(|malformed| unread.add(malformed));
    checked.flush();
    _ = sender.blocking_send(Gathered::Hours(fold.take()));
    let broken = broken.lock().unwrap_or_else(PoisonError::into_inner).take();
    Outcome { tally, unread, broken }
}

/// Records for the compliance queue: one per line, several per message.
struct Checked<'a> {
    records: String,
    too_long: Vec<Malformed>,
    sender: &'a Sender<Gathered>,
}

impl Checked<'_> {
    fn add(&mut self, record: &[u8]) {
        if record.len() > LONGEST {
            let reason = format!("longer than {LONGEST} bytes, so no compliance check reads it");
            return self.too_long.push(Malformed { record: 0, reason });
        }
        if self.records.len() + record.len() > MESSAGE_BYTES {
            self.flush();
        }
        self.records.push_str(&String::from_utf8_lossy(record));
        self.records.push('\n');
    }

    fn flush(&mut self) {
        if !self.records.is_empty() {
            let records = std::mem::take(&mut self.records);
            _ = self.sender.blocking_send(Gathered::Checked(records));
        }
    }

    fn count(&mut self, counts: Vec<Counted>) {
        _ = self.sender.blocking_send(Gathered::Counted(counts));
    }
}

/// Metrics of `ingest`.
pub fn metrics(read: &Batch) -> Vec<crate::telemetry::Metric> {
    let ReadCounts { events, undated, .. } = read.tally;
    let counts: BTreeMap<&'static str, u64> =
        [("Events", events), ("Undated", undated), ("Quarantined", read.quarantined)].into();
    counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| crate::telemetry::count(name, count as f64))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use trailwarden_core::activity::{Hour, Scope};

    use super::*;

    /// A queue that refuses the first messages it is sent.
    #[derive(Default)]
    struct Moody(Cell<bool>);

    impl Channel<String> for Moody {
        async fn send(&self, _: &[String]) -> Result<(), Unavailable> {
            if self.0.replace(true) { Ok(()) } else { Err(Unavailable::because("test", "not now")) }
        }
    }

    #[tokio::test]
    async fn hours_that_could_not_be_sent_are_not_forgotten_when_later_ones_can() {
        let mut unsent = Unsent::default();
        let queue = Moody::default();
        for hour in 0..2 {
            unsent.hours.push((Scope::Account("1".into()), hour, Hour::default()));
            unsent.send(&queue).await;
        }
        assert_eq!(unsent.failure.as_deref(), Some("test: not now"), "all parcels come again");
    }
}
