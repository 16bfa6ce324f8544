//! In-memory store of hours, shared by the threads of a run.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use trailwarden_core::activity::{Damaged, Hour, Scope};

type Shard = HashMap<Scope, BTreeMap<u32, Box<[u8]>>>;

/// Hours by scope, stored encoded: a tenth of their decoded size.
pub(crate) struct Hours {
    shards: Vec<Mutex<Shard>>,
}

const SHARDS: usize = 64;

impl Default for Hours {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Hours {
    fn shard(&self, scope: &Scope) -> std::sync::MutexGuard<'_, Shard> {
        use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(scope);
        self.shards[hash as usize % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All scopes, sorted.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        let lock = |shard| Mutex::lock(shard).unwrap_or_else(PoisonError::into_inner);
        let mut scopes: Vec<Scope> =
            self.shards.iter().flat_map(|shard| lock(shard).keys().cloned().collect::<Vec<_>>()).collect();
        scopes.sort_unstable();
        scopes
    }

    /// Merges a delta into a scope's hour.
    ///
    /// # Errors
    /// [`Damaged`] if the stored hour cannot be decoded.
    pub(crate) fn add(&self, scope: &Scope, hour: u32, mut delta: Hour) -> Result<(), Damaged> {
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

    /// Encoded hours of a scope, ascending.
    pub(crate) fn encoded(&self, scope: &Scope) -> Vec<(u32, Box<[u8]>)> {
        let shard = self.shard(scope);
        let hours = shard.get(scope).into_iter().flatten();
        hours.map(|(hour, bytes)| (*hour, bytes.clone())).collect()
    }
}
