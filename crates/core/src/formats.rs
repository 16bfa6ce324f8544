//! A finding in other people's words, with those formats' rules.

pub mod asff;
