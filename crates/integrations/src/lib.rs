//! Adapters of the Lambda functions to AWS and other services: one file per service, on the pipeline's ports.
//!
//! A function's `main` builds the clients and reads the environment once. The clients that change accounts are not
//! here, but in `trailwarden-accounts`.

pub mod bus;
pub mod environment;
pub mod http;
pub mod ingest_reader;
pub mod lambda;
pub mod objects;
pub mod ops_items;
pub mod people;
pub mod provider;
pub mod quarantine;
pub mod queue;
pub mod secrets;
pub mod security_hub;
pub mod settings_cache;
pub mod slack;
pub mod table;
pub mod telemetry;
pub mod web;
pub mod webhook;

use std::time::SystemTime;

use trailwarden_core::event::Time;

/// Current time; functions read it once per batch.
pub fn now() -> Time {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since_1970.as_secs()).unwrap_or_default())
}

/// Random id of this copy of a function, for claims and leases.
pub fn copy() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// Exponential backoff with jitter before the nth attempt: at most 6.4 seconds.
async fn pause(nth: usize) {
    let longest = 100u64 << nth.min(6);
    let chance = copy() % longest;
    tokio::time::sleep(std::time::Duration::from_millis(longest / 2 + chance / 2)).await;
}
