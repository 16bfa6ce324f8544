//! Detection engine: CloudTrail bytes in, events, activity, baselines and findings out.
//!
//! Pure: time, configuration and bytes are arguments; this crate opens no file, socket or clock.

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
