//! Ports: traits for everything outside the process that the stages need, and [`Memory`], a table in memory.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Mutex, PoisonError},
};

use crate::formats::asff::Asff;
use trailwarden_core::{activity::Damaged, event::Time};
use trailwarden_response::{Holder, Resource, State, incident::Incident};

/// Primary key of an item.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Partition key: a principal, an account, an address or the organisation.
    pub partition: String,
    /// Sort key.
    pub sort: String,
}

/// A stored item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Body as written.
    pub body: Vec<u8>,
    /// Version for optimistic locking: every write makes a new one.
    pub version: u64,
}

/// An item to write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Write {
    /// Body, at most 64 KB by the bounded law.
    pub body: Vec<u8>,
    /// TTL: a table may delete the item later, but must not return it any more.
    pub expires: Option<Time>,
    /// Index entry, if the index lists the item.
    pub listed: Option<Listing>,
}

/// Index entry to write: enough for a list, so that lists read no items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Key in the index.
    pub at: Key,
    /// Encoded entry, at most 1 KB.
    pub line: Vec<u8>,
}

/// An entry of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Sort key in the index.
    pub sort: String,
    /// Key of the item.
    pub key: Key,
    /// Encoded entry; empty if an older version wrote the item.
    pub line: Vec<u8>,
}

/// Condition of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The item must not exist.
    Nothing,
    /// The item must have this version.
    Version(u64),
    /// Unconditional.
    Anything,
}

/// Consistency of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Strongly consistent: sees every earlier write.
    Fresh,
    /// Eventually consistent: may miss the writes of the last seconds, at half the price.
    Stale,
}

/// Key-value table of small items, with one index.
#[expect(async_fn_in_trait, reason = "stages run on one thread; no Send bound is wanted")]
pub trait Table {
    /// Reads an item, strongly consistent.
    async fn get(&self, key: &Key) -> Result<Option<Item>, Unavailable>;

    /// Reads several items, eventually consistent; missing ones are left out.
    async fn get_many(&self, keys: Vec<Key>) -> Result<Vec<(Key, Item)>, Unavailable>;

    /// Items of a partition between two sort keys, both included, ascending.
    async fn range(
        &self,
        partition: &str,
        from: &str,
        to: &str,
        freshness: Freshness,
    ) -> Result<Vec<(String, Item)>, Unavailable>;

    /// Entries of an index partition between two sort keys, both included, ascending; eventually consistent.
    async fn listed(&self, partition: &str, from: &str, to: &str) -> Result<Vec<Listed>, Unavailable>;

    /// Writes an item; `false` if the condition `over` does not hold.
    async fn put(&self, key: &Key, write: Write, over: Over) -> Result<bool, Unavailable>;
}

/// Destination of messages, with at-least-once delivery once `send` has returned.
#[expect(async_fn_in_trait, reason = "stages run on one thread; no Send bound is wanted")]
pub trait Channel<M> {
    /// Sends all messages; after an error some may have been sent.
    async fn send(&self, messages: &[M]) -> Result<(), Unavailable>;
}

/// Security Hub.
#[expect(async_fn_in_trait, reason = "stages run on one thread; no Send bound is wanted")]
pub trait FindingsHub {
    /// Files findings; returns the refused ones by position, with the reason.
    async fn import(&self, findings: &[Asff]) -> Result<BTreeMap<usize, String>, Unavailable>;
}

/// IAM user, role or group with its tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// ARN.
    pub arn: String,
    /// Tags; groups have none.
    pub tags: BTreeMap<String, String>,
}

/// Error of reading or writing in an account.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Transient: retry.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// Permanent, with the reason, such as a missing resource or a denied call.
    #[error("{0}")]
    Refused(String),
}

/// AWS accounts in which responses act.
#[expect(async_fn_in_trait, reason = "stages run on one thread; no Send bound is wanted")]
pub trait Accounts {
    /// Looks up the ARN and tags of a user, role or group.
    async fn identity(&self, account: &str, holder: &Holder) -> Result<Identity, Trouble>;

    /// Reads the current state of a resource.
    async fn read(&self, account: &str, resource: &Resource) -> Result<State, Trouble>;

    /// Changes a resource from state `from` to state `to`.
    async fn write(
        &self,
        account: &str,
        resource: &Resource,
        from: &State,
        to: &State,
    ) -> Result<(), Trouble>;
}

/// Board that shows incidents to people: a chat channel or a ticket system.
#[expect(async_fn_in_trait, reason = "stages run on one thread; no Send bound is wanted")]
pub trait Board {
    /// Name of the board, part of the keys of what it shows.
    fn name(&self) -> &'static str;

    /// Whether the board's handle of an incident is its ticket.
    fn is_tickets(&self) -> bool {
        false
    }

    /// Shows a new incident; returns the board's handle, if the board has one. `again` is the time of the first
    /// attempt, if this is not the first: the incident may be there already.
    async fn open(&self, incident: &Incident, again: Option<Time>) -> Result<Option<String>, Unavailable>;

    /// Shows the current revision of an incident with this handle; returns the handle from now on.
    async fn update(&self, incident: &Incident, handle: Option<&str>) -> Result<Option<String>, Unavailable>;

    /// Shows how many further incidents an hour has, and the headlines of the worst. A ticket system needs none: it
    /// shows every incident.
    async fn digest(
        &self,
        _count: u32,
        _worst: &[String],
        handle: Option<&str>,
    ) -> Result<Option<String>, Unavailable> {
        Ok(handle.map(str::to_owned))
    }
}

/// A service is unreachable, or gave an invalid answer.
#[derive(Debug, thiserror::Error)]
#[error("{service}: {source}")]
pub struct Unavailable {
    /// Name of the service, for example `dynamodb`.
    pub service: &'static str,
    /// Cause.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Unavailable {
    /// Wraps a client's error, with the text of each cause that the error's own text omits.
    pub fn from_error(service: &'static str, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut reason = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !reason.contains(&cause_text) {
                reason = format!("{reason}: {cause_text}");
            }
            source = cause.source();
        }
        Self::because(service, reason)
    }

    /// An error with a reason in words.
    pub fn because(service: &'static str, reason: impl Into<String>) -> Self {
        Self { service, source: reason.into().into() }
    }

    /// Copy of the error, for each of several messages that it fails.
    pub(crate) fn again(&self) -> Self {
        Self { service: self.service, source: self.source.to_string().into() }
    }
}

impl From<Damaged> for Unavailable {
    fn from(damaged: Damaged) -> Self {
        Self { service: "table", source: Box::new(damaged) }
    }
}

/// Attempts of [`change`]. Each failed one means that another writer succeeded, so more than this many were concurrent.
const RACES: usize = 32;

/// Read-modify-write under optimistic locking: writes what `change` makes of the stored item, and retries on conflict.
///
/// # Errors
/// [`Unavailable`] if the table is, or after too many conflicts; errors of `change` are passed on.
pub async fn change<E: Into<Unavailable>>(
    table: &impl Table,
    key: &Key,
    mut change: impl FnMut(Option<&Item>) -> Result<Option<Write>, E>,
) -> Result<(), Unavailable> {
    for _ in 0..RACES {
        let kept = table.get(key).await?;
        let Some(write) = change(kept.as_ref()).map_err(Into::into)? else { return Ok(()) };
        if table.put(key, write, Over::from(kept.as_ref())).await? {
            return Ok(());
        }
    }
    Err(Unavailable { service: "table", source: "too many writers at one item".into() })
}

impl From<Option<&Item>> for Over {
    fn from(kept: Option<&Item>) -> Self {
        kept.map_or(Self::Nothing, |item| Self::Version(item.version))
    }
}

/// Table in memory, for tests and the command. It ignores TTLs.
#[derive(Debug, Default)]
pub struct Memory {
    items: Mutex<BTreeMap<Key, Item>>,
    index: Mutex<Index>,
}

/// Entries by index key, and the index key of each item.
#[derive(Debug, Default)]
struct Index {
    entries: BTreeMap<Key, (Key, Vec<u8>)>,
    places: BTreeMap<Key, Key>,
}

impl Index {
    fn list(&mut self, key: &Key, listing: Option<Listing>) {
        if let Some(before) = self.places.remove(key) {
            self.entries.remove(&before);
        }
        if let Some(Listing { at, line }) = listing {
            self.places.insert(key.clone(), at.clone());
            self.entries.insert(at, (key.clone(), line));
        }
    }
}

impl Memory {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Key, Item>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All items by key.
    pub fn items(&self) -> BTreeMap<Key, Item> {
        self.lock().clone()
    }
}

impl Table for Memory {
    async fn get(&self, key: &Key) -> Result<Option<Item>, Unavailable> {
        Ok(self.lock().get(key).cloned())
    }

    async fn get_many(&self, keys: Vec<Key>) -> Result<Vec<(Key, Item)>, Unavailable> {
        let items = self.lock();
        let known = keys.into_iter().filter_map(|key| items.get(&key).cloned().map(|item| (key, item)));
        Ok(known.collect())
    }

    async fn range(
        &self,
        partition: &str,
        from: &str,
        to: &str,
        _: Freshness,
    ) -> Result<Vec<(String, Item)>, Unavailable> {
        let at = |sort: &str| Key { partition: partition.to_owned(), sort: sort.to_owned() };
        if from > to {
            return Ok(Vec::new());
        }
        let items = self.lock();
        let found = items.range(at(from)..=at(to));
        Ok(found.map(|(key, item)| (key.sort.clone(), item.clone())).collect())
    }

    async fn listed(&self, partition: &str, from: &str, to: &str) -> Result<Vec<Listed>, Unavailable> {
        let at = |sort: &str| Key { partition: partition.to_owned(), sort: sort.to_owned() };
        if from > to {
            return Ok(Vec::new());
        }
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let found = index.entries.range(at(from)..=at(to));
        let entry = |(at, (key, line)): (&Key, &(Key, Vec<u8>))| Listed {
            sort: at.sort.clone(),
            key: key.clone(),
            line: line.clone(),
        };
        Ok(found.map(entry).collect())
    }

    async fn put(&self, key: &Key, write: Write, over: Over) -> Result<bool, Unavailable> {
        let mut items = self.lock();
        let entry = items.entry(key.clone());
        let version = match &entry {
            Entry::Vacant(_) => None,
            Entry::Occupied(kept) => Some(kept.get().version),
        };
        let is_allowed = match over {
            Over::Nothing => version.is_none(),
            Over::Version(known) => version == Some(known),
            Over::Anything => true,
        };
        if is_allowed {
            let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
            index.list(key, write.listed);
            entry.insert_entry(Item { body: write.body, version: version.unwrap_or_default() + 1 });
        }
        Ok(is_allowed)
    }
}
