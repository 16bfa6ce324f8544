//! A finding in other people's words.
pub mod alert;
pub mod asff;
