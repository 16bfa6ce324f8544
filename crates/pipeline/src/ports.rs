//! The outside world, as far as the stages need it.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::{Mutex, PoisonError},
};

use crate::formats::asff::Asff;
use trailwarden_core::{activity::Damaged, event::Time};
use trailwarden_response::{Holder, State, Thing, incident::Incident};

/// Where an item is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Whose: a principal, an account, an address, the organisation.
    pub partition: String,
    /// What of it.
    pub sort: String,
}

/// What was kept, and its version: every write makes a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What was written.
    pub body: Vec<u8>,
    /// To be named when it is written over.
    pub version: u64,
}

/// What to keep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Write {
    /// At most 64 KB, by the bounded law.
    pub body: Vec<u8>,
    /// When it may be forgotten; a table may forget later, but must not show it any more.
    pub expires: Option<Time>,
    /// Where the index lists it, if anywhere.
    pub listed: Option<Listing>,
}

/// Where the index lists an item, and what it says of it: enough for a list, so that nothing of many items is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Where.
    pub at: Key,
    /// What it says: at most 1 KB.
    pub line: Vec<u8>,
}

/// An entry of the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its sort key in the index.
    pub sort: String,
    /// Which item it is of.
    pub key: Key,
    /// What it says of it.
    pub line: Vec<u8>,
}

/// What a write may replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Nothing: it must be new.
    Nothing,
    /// Just this version.
    Version(u64),
    /// Whatever is there.
    Anything,
}

/// How fresh a reading must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Everything written before is seen.
    Fresh,
    /// What was written in the last seconds may be missing; half the price.
    Stale,
}

/// Keeps small items.
#[expect(async_fn_in_trait, reason = "stages run on one thread; no Send bound is wanted")]
pub trait Table {
    /// One item, fresh.
    async fn get(&self, key: &Key) -> Result<Option<Item>, Unavailable>;

    /// Those of several items that are there; they may be some seconds old.
    async fn get_many(&self, keys: Vec<Key>) -> Result<Vec<(Key, Item)>, Unavailable>;

    /// The items of a partition from one sort key to another, both included, ascending.
    async fn range(
        &self,
        partition: &str,
        from: &str,
        to: &str,
        freshness: Freshness,
    ) -> Result<Vec<(String, Item)>, Unavailable>;

    /// What the index lists in one of its partitions, from one sort key to another, both included, ascending; of what was
    /// written in the last seconds some may be missing.
    async fn listed(&self, partition: &str, from: &str, to: &str) -> Result<Vec<Listed>, Unavailable>;

    /// Writes an item; `false` if something else is there than `over` says.
    async fn put(&self, key: &Key, write: Write, over: Over) -> Result<bool, Unavailable>;
}

/// Takes messages on: when it has returned, each will arrive, at least once.
#[expect(async_fn_in_trait, reason = "stages run on one thread; no Send bound is wanted")]
pub trait Channel<M> {
    /// Sends all of them, or fails; then some may have been sent.
    async fn send(&self, messages: &[M]) -> Result<(), Unavailable>;
}

/// Where findings are filed.
#[expect(async_fn_in_trait, reason = "stages run on one thread; no Send bound is wanted")]
pub trait FindingsHub {
    /// Files them; gives those that were refused, by position, with the reason.
    async fn import(&self, findings: &[Asff]) -> Result<BTreeMap<usize, String>, Unavailable>;
}

/// An identity of an account, as its tags are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its ARN.
    pub arn: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// Why an account's state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// For now: it is tried again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// For good, and why: not there, not allowed.
    #[error("{0}")]
    Refused(String),
}

/// The accounts that are responded in.
#[expect(async_fn_in_trait, reason = "stages run on one thread; no Send bound is wanted")]
pub trait Accounts {
    /// Who somebody is.
    async fn identity(&self, account: &str, holder: &Holder) -> Result<Identity, Trouble>;

    /// The state of a thing.
    async fn read(&self, account: &str, thing: &Thing) -> Result<State, Trouble>;

    /// Makes a thing that is like `from` like `to`.
    async fn write(&self, account: &str, thing: &Thing, from: &State, to: &State) -> Result<(), Trouble>;
}

/// Where people see incidents: a channel, a ticket system.
#[expect(async_fn_in_trait, reason = "stages run on one thread; no Send bound is wanted")]
pub trait Board {
    /// Its name, under which it is remembered what is shown there.
    fn name(&self) -> &'static str;

    /// Is what an incident is called there its ticket?
    fn is_tickets(&self) -> bool {
        false
    }

    /// Shows an incident for the first time; gives what it is called there, if it can be changed later. `again` since
    /// when it has been tried: it may be there already.
    async fn open(&self, incident: &Incident, again: Option<Time>) -> Result<Option<String>, Unavailable>;

    /// Shows it as it now is; `handle` is what it is called there, and what is given is what it is called then.
    async fn update(&self, incident: &Incident, handle: Option<&str>) -> Result<Option<String>, Unavailable>;

    /// Shows that there are so many more incidents in an hour, and the worst of them; a ticket system shows each instead.
    async fn digest(
        &self,
        _count: u32,
        _worst: &[String],
        handle: Option<&str>,
    ) -> Result<Option<String>, Unavailable> {
        Ok(handle.map(str::to_owned))
    }
}

/// A part of the outside world that could not be reached, or gave back what it should not.
#[derive(Debug, thiserror::Error)]
#[error("{service}: {source}")]
pub struct Unavailable {
    /// Which part of the outside world.
    pub service: &'static str,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl Unavailable {
    /// Wraps a client's error, with the text of every cause that the error's own text leaves out.
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

    /// States a reason of our own.
    pub fn because(service: &'static str, reason: impl Into<String>) -> Self {
        Self { service, source: reason.into().into() }
    }

    /// The same, once more: for each of several that fail by it.
    pub(crate) fn again(&self) -> Self {
        Self { service: self.service, source: self.source.to_string().into() }
    }
}

impl From<Damaged> for Unavailable {
    fn from(damaged: Damaged) -> Self {
        Self { service: "table", source: Box::new(damaged) }
    }
}

/// Times a lost race is run again. Each time somebody else has won, so more than this many were at it at once.
const RACES: usize = 32;

/// Reads an item, lets `change` say what to write instead, and writes it; again, if somebody else was faster.
///
/// # Errors
/// [`Unavailable`] if the table is; and if the race is lost too often.
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

/// A table in memory. It never forgets.
#[derive(Debug, Default)]
pub struct Memory {
    items: Mutex<BTreeMap<Key, Item>>,
    index: Mutex<Index>,
}

/// What is listed where, and where each item is listed.
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

    /// Everything in it, by key.
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
