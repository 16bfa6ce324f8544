//! The outside world, as far as the stages need it.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    sync::{Mutex, PoisonError},
};

use crate::activity::{Damaged, Hour, Scope};

/// Keeps the hours of scopes.
///
/// Every implementation obeys the set law: merging the same delta twice, or two deltas in either order, leaves the same hours.
#[expect(async_fn_in_trait, reason = "stages run on one thread; no Send bound is wanted")]
pub trait Store {
    /// Adds a delta to what is kept of a scope's hour.
    async fn merge(&self, scope: &Scope, hour: u32, delta: Hour) -> Result<(), Unavailable>;

    /// The kept hours of a scope, ascending.
    async fn hours(&self, scope: &Scope, range: Range<u32>) -> Result<Vec<(u32, Hour)>, Unavailable>;
}

/// A store that could not be reached, or gave back what it should not.
#[derive(Debug, thiserror::Error)]
#[error("{service}: {source}")]
pub struct Unavailable {
    /// Which part of the outside world.
    pub service: &'static str,
    /// Why.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl From<Damaged> for Unavailable {
    fn from(damaged: Damaged) -> Self {
        Self { service: "store", source: Box::new(damaged) }
    }
}

type Shard = HashMap<Scope, BTreeMap<u32, Box<[u8]>>>;

/// A store in memory, shared by threads. Hours are kept encoded, a tenth of their size in use.
pub struct Memory {
    shards: Vec<Mutex<Shard>>,
}

const SHARDS: usize = 64;

impl Default for Memory {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Memory {
    fn shard(&self, scope: &Scope) -> std::sync::MutexGuard<'_, Shard> {
        use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(scope);
        self.shards[hash as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The scopes it has, in order.
    pub fn scopes(&self) -> Vec<Scope> {
        let lock = |shard| Mutex::lock(shard).unwrap_or_else(PoisonError::into_inner);
        let mut scopes: Vec<Scope> =
            self.shards.iter().flat_map(|shard| lock(shard).keys().cloned().collect::<Vec<_>>()).collect();
        scopes.sort_unstable();
        scopes
    }

    /// Adds a delta; see [`Store::merge`].
    ///
    /// # Errors
    /// [`Damaged`] if what was kept cannot be read back.
    pub fn add(&self, scope: &Scope, hour: u32, mut delta: Hour) -> Result<(), Damaged> {
        let mut shard = self.shard(scope);
        if !shard.contains_key(scope) {
            shard.insert(scope.clone(), BTreeMap::new());
        }
        let Some(hours) = shard.get_mut(scope) else { return Ok(()) };
        if let Some(kept) = hours.get(&hour) {
            delta.merge(Hour::decode(kept)?);
        }
        hours.insert(hour, delta.encode().into());
        Ok(())
    }

    /// The kept hours of a scope, ascending, still encoded.
    pub fn encoded(&self, scope: &Scope) -> Vec<(u32, Box<[u8]>)> {
        let shard = self.shard(scope);
        let hours = shard.get(scope).into_iter().flatten();
        hours.map(|(hour, bytes)| (*hour, bytes.clone())).collect()
    }
}

impl Store for Memory {
    async fn merge(&self, scope: &Scope, hour: u32, delta: Hour) -> Result<(), Unavailable> {
        Ok(self.add(scope, hour, delta)?)
    }

    async fn hours(&self, scope: &Scope, range: Range<u32>) -> Result<Vec<(u32, Hour)>, Unavailable> {
        let hours = self.encoded(scope).into_iter().filter(|(hour, _)| range.contains(hour));
        Ok(hours.map(|(hour, bytes)| Ok((hour, Hour::decode(&bytes)?))).collect::<Result<_, Damaged>>()?)
    }
}
