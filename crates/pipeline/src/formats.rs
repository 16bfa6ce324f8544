//! Output formats of findings and incidents: ASFF, alerts, Slack, tickets.
//!
//! Text from a log is hostile: every format neutralises it.
pub mod alert;
pub mod asff;
pub mod plain;
pub mod signature;
pub mod slack;
pub mod ticket;
