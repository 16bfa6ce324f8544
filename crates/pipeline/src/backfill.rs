//! A trail's past in: the objects of its last days, sent to be read as new ones are.
//!
//! Newest first, so that baselines are useful soon. Where it stands is recorded after each page of the listing:
//! a run that ends early, for whatever reason, is taken up by the next.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    ports::{Channel, Key, Over, Table, Unavailable, Write},
    table_schema::{self, ORGANISATION},
};
use trailwarden_core::event::{DAY, Time, hash};

/// Which part of which trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The trail's bucket.
    pub bucket: String,
    /// What its keys have before `AWSLogs/`; empty, or ending in a slash.
    #[serde(default)]
    pub prefix: String,
    /// How many days back from today; at most [`DAYS`].
    pub days: u32,
}

/// How far it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The newest day of the range, since 1970.
    newest: u32,
    /// Days that are done.
    pub days_done: u32,
    /// Days in all.
    pub days: u32,
    /// Folders of the day in work that are done: one for each account and Region.
    folders_done: usize,
    /// The last key sent of the folder in work.
    last_key: Option<String>,
    /// Objects sent.
    pub objects: u64,
    /// Is everything sent?
    pub is_done: bool,
}

/// One page of a listing.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Keys, ascending.
    pub keys: Vec<String>,
    /// Folders, if asked for.
    pub folders: Vec<String>,
    /// Is there more behind them?
    pub is_last: bool,
}

/// Lists objects.
#[expect(async_fn_in_trait, reason = "stages run on one thread; no Send bound is wanted")]
pub trait Listing {
    /// A page of what begins with `prefix`, after a key; with folders, only those directly below it.
    async fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: Option<&str>,
        folders: bool,
    ) -> Result<Page, Unavailable>;
}

/// Days that a backfill may go back: older hours would be forgotten before anybody is judged by them.
pub const DAYS: u32 = table_schema::HOURS_KEPT - 4;

/// Objects named by one message: the function that reads them has some minutes.
const OBJECTS: usize = 20;

/// Sends objects until all are sent or `is_time` no longer says so; gives how far it has come.
///
/// # Errors
/// [`Unavailable`] if the table, the listing or the queue is; the next run goes on from what was recorded.
pub async fn backfill(
    table: &impl Table,
    listing: &impl Listing,
    queue: &impl Channel<String>,
    request: &Request,
    now: Time,
    is_time: impl Fn() -> bool,
) -> Result<Progress, Unavailable> {
    if request.days > DAYS {
        let reason = format!("{} days back is too far: habits are made of the last {DAYS}", request.days);
        return Err(Unavailable { service: "backfill", source: reason.into() });
    }
    let name = format!("BACKFILL#{:016x}", hash(&format!("{request:?}")));
    let cursor = Key { partition: ORGANISATION.to_owned(), sort: name };
    let known = table.get(&cursor).await?.as_ref().map(table_schema::read::<Progress>).transpose()?;
    let fresh = Progress { newest: now.day(), days: request.days, ..Progress::default() };
    // One that is done begins anew: somebody asks for it again.
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

/// The folders of a trail that hold days: one for each account and Region, of one account or of an organisation.
async fn folders(listing: &impl Listing, request: &Request) -> Result<Vec<String>, Unavailable> {
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

async fn below(listing: &impl Listing, request: &Request, prefix: &str) -> Result<Vec<String>, Unavailable> {
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
    listing: &impl Listing,
    queue: &impl Channel<String>,
    request: &Request,
    folder: &str,
    progress: &mut Progress,
) -> Result<(), Unavailable> {
    let date = table_schema::date(progress.newest.saturating_sub(progress.days_done)).replace('-', "/");
    let prefix = format!("{folder}{date}/");
    let page = listing.list(&request.bucket, &prefix, progress.last_key.as_deref(), false).await?;
    // In the words in which CloudTrail itself announces objects.
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
