//! Trailwarden's core: what AWS identities did, what is normal for them, and what is not.
//!
//! Pure: time, configuration and bytes are arguments; nothing here opens a file or a socket.

pub mod catalog;
pub mod event;
pub mod sources;
