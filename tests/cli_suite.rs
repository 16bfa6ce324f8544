//! Integration tests of the command, the stages and the template, in one binary: linking one is faster than linking twelve.
#![allow(clippy::expect_used, reason = "a test ends where something is missing")]

mod command;
mod compliance;
mod controls;
mod corpus;
mod events;
mod incidents;
mod laws;
mod plans;
mod responses;
mod scenarios;
mod stages;
mod support;
mod template;
#[path = "support/world.rs"]
mod world;
