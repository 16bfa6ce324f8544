//! A finding in other people's words.
pub mod alert;
pub mod asff;
pub mod plain;
pub mod signature;
pub mod slack;
pub mod ticket;
