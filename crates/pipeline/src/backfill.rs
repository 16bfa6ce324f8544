//! Backfill of a trail: queues the log objects of its last days for `ingest`.
//!
//! Newest day first, so that baselines are useful early. A cursor is stored after each page of the listing, so the next
//! run resumes wherever the last one ended.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    ports::{Channel, Key, Over, Table, Unavailable, Write},
    table_schema::{self, ORGANISATION},
};
use trailwarden_core::event::{DAY, Time, hash};

/// A backfill request: a trail and a number of days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillRequest {
    /// The trail's bucket.
    pub bucket: String,
    /// Key prefix before `AWSLogs/`: empty, or with a trailing slash.
    #[serde(default)]
    pub prefix: String,
    /// Days back from today; at most [`DAYS`].
    pub days: u32,
}

/// Cursor of a backfill, stored in the table and returned to the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackfillProgress {
    /// Newest day of the range, in days since 1970.
    newest: u32,
    /// Days whose objects are all queued.
    pub days_done: u32,
    /// Days requested; today is sent besides.
    pub days: u32,
    /// Folders of the current day that are queued; there is one per account and Region.
    folders_done: usize,
    /// Last key queued of the current folder.
    last_key: Option<String>,
    /// Objects queued so far.
    pub objects: u64,
    /// Whether everything is queued.
    pub is_done: bool,
}

/// A page of a listing.
#[derive(Clone, Debug, Default)]
pub struct BackfillPage {
    /// Keys, ascending.
    pub keys: Vec<String>,
    /// Folders, if requested.
    pub folders: Vec<String>,
    /// Whether no page follows.
    pub is_last: bool,
}

/// Port to the objects of a bucket.
#[expect(async_fn_in_trait, reason = "stages run on one thread; no Send bound is wanted")]
pub trait BackfillListing {
    /// A page of the keys below `prefix`, starting after a key; with `folders`, only what lies directly below it.
    async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
        folders: bool,
    ) -> Result<BackfillPage, Unavailable>;
}

/// Most days of a backfill: older hours would expire before a baseline uses them.
pub const DAYS: u32 = table_schema::HOURS_KEPT - 4;

/// Objects per message: `ingest` reads them within its time limit of minutes.
const OBJECTS: usize = 20;

/// Queues objects until all are queued or `is_time` returns `false`; returns the cursor. A finished backfill starts
/// again.
///
/// # Errors
/// [`Unavailable`] if the table, the listing or the queue is, or if the request exceeds [`DAYS`]; the next run
/// resumes at the cursor.
pub async fn backfill(
    table: &impl Table,
    listing: &impl BackfillListing,
    queue: &impl Channel<String>,
    request: &BackfillRequest,
    now: Time,
    is_time: impl Fn() -> bool,
) -> Result<BackfillProgress, Unavailable> {
    if request.days > DAYS {
        let reason = format!("{} days back is too far: at most {DAYS} days feed baselines", request.days);
        return Err(Unavailable { service: "backfill", source: reason.into() });
    }
    let name = format!("BACKFILL#{:016x}", hash(&format!("{request:?}")));
    let cursor = Key { partition: ORGANISATION.to_owned(), sort: name };
    let known = table.get(&cursor).await?.as_ref().map(table_schema::read::<BackfillProgress>).transpose()?;
    let fresh = BackfillProgress { newest: now.day(), days: request.days, ..BackfillProgress::default() };
    // A request for a finished backfill runs it again.
    let mut progress = known.filter(|known| !known.is_done).unwrap_or(fresh);
    let folders = folders(listing, request).await?;
    while !progress.is_done && is_time() {
        if progress.days_done > progress.days {
            progress.is_done = true;
        } else if let Some(folder) = folders.get(progress.folders_done) {
            send_page(listing, queue, request, folder, &mut progress).await?;
        } else {
            progress.folders_done = 0;
            progress.days_done += 1;
        }
        let expires = Some(Time(now.0 + 30 * DAY));
        let write = Write { body: table_schema::write(&progress), expires, listed: None };
        table.put(&cursor, write, Over::Anything).await?;
    }
    Ok(progress)
}

/// Folders of a trail that contain days: one per account and Region, for a trail of one account or of an organisation.
async fn folders(
    listing: &impl BackfillListing,
    request: &BackfillRequest,
) -> Result<Vec<String>, Unavailable> {
    let mut accounts = Vec::new();
    for folder in below(listing, request, &format!("{}AWSLogs/", request.prefix)).await? {
        match last_part(&folder) {
            part if part.starts_with("o-") => accounts.extend(below(listing, request, &folder).await?),
            _ => accounts.push(folder),
        }
    }
    let mut folders = Vec::new();
    for account in accounts {
        folders.extend(below(listing, request, &format!("{account}CloudTrail/")).await?);
    }
    if folders.is_empty() {
        let place = format!("s3://{}/{}AWSLogs/", request.bucket, request.prefix);
        let reason = format!("no trail below {place}: is the prefix right, and may this function list it?");
        return Err(Unavailable { service: "s3", source: reason.into() });
    }
    Ok(folders)
}

fn last_part(folder: &str) -> &str {
    folder.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

async fn below(
    listing: &impl BackfillListing,
    request: &BackfillRequest,
    prefix: &str,
) -> Result<Vec<String>, Unavailable> {
    let mut folders: Vec<String> = Vec::new();
    loop {
        let page = listing.list(&request.bucket, prefix, folders.last().map(String::as_str), true).await?;
        let is_last = page.is_last || page.folders.is_empty();
        folders.extend(page.folders);
        if is_last {
            return Ok(folders);
        }
    }
}

async fn send_page(
    listing: &impl BackfillListing,
    queue: &impl Channel<String>,
    request: &BackfillRequest,
    folder: &str,
    progress: &mut BackfillProgress,
) -> Result<(), Unavailable> {
    let date = table_schema::date(progress.newest.saturating_sub(progress.days_done)).replace('-', "/");
    let prefix = format!("{folder}{date}/");
    let page = listing.list(&request.bucket, &prefix, progress.last_key.as_deref(), false).await?;
    // The format of CloudTrail's own SNS notifications.
    let named = |keys: &[String]| json!({ "s3Bucket": request.bucket, "s3ObjectKey": keys }).to_string();
    let messages: Vec<String> = page.keys.chunks(OBJECTS).map(named).collect();
    if !messages.is_empty() {
        queue.send(&messages).await?;
    }
    progress.objects += page.keys.len() as u64;
    progress.last_key = page.keys.last().cloned().or(progress.last_key.take());
    if page.is_last || page.keys.is_empty() {
        progress.last_key = None;
        progress.folders_done += 1;
    }
    Ok(())
}
