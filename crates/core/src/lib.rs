//! Trailwarden's core: what AWS identities did, what is normal for them, and what is not.
//!
//! Pure: time, configuration and bytes are arguments; nothing here opens a file or a socket.

pub mod activity;
pub mod analysis;
pub mod arrivals;
pub mod baseline;
pub mod catalog;
pub mod compliance;
pub mod detectors;
pub mod event;
pub mod fast_lane;
pub mod features;
pub mod finding;
pub mod formats;
pub mod incident;
pub mod judgement;
pub mod kept;
pub mod lines;
pub mod messages;
pub mod models;
pub mod networks;
pub mod overview;
pub mod own_role;
pub mod planning;
pub mod playbooks;
pub mod ports;
pub mod response;
pub mod risk;
pub mod settings;
pub mod severity;
pub mod silence;
pub mod sources;
pub mod stages;
pub mod tally;
