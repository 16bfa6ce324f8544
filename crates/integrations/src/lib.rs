//! Everything of Trailwarden that leaves the process in AWS: one file per service, on core's ports.
//!
//! Clients are built once, in a function's `main`, from an environment that is read once, there.

pub mod bus;
pub mod environment;
pub mod http;
pub mod knowledge;
pub mod lambda;
pub mod objects;
pub mod ops_items;
pub mod people;
pub mod provider;
pub mod quarantine;
pub mod queue;
pub mod reading;
pub mod secrets;
pub mod security_hub;
pub mod slack;
pub mod table;
pub mod telemetry;
pub mod web;
pub mod webhook;

use std::time::SystemTime;

use trailwarden_core::event::Time;

/// The clock, asked once per batch.
pub fn now() -> Time {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since_1970.as_secs()).unwrap_or_default())
}

/// A number of this copy of a function, which no other copy has.
pub fn copy() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

/// Waits before the nth try of something that AWS refused for now: longer each time.
async fn pause(nth: usize) {
    let longest = 100u64 << nth.min(6);
    let chance = copy() % longest;
    tokio::time::sleep(std::time::Duration::from_millis(longest / 2 + chance / 2)).await;
}
