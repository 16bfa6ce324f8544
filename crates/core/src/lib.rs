//! Core: what AWS identities did, what is normal for each, and what is not.
//!
//! Pure: time, configuration and bytes are arguments; nothing here opens a file or a socket.

pub mod activity;
pub mod baseline;
pub mod catalog;
pub mod detectors;
pub mod event;
pub mod features;
pub mod finding;
pub mod judgement;
pub mod models;
pub mod networks;
pub mod risk;
pub mod settings;
pub mod severity;
pub mod silence;
pub mod sources;
