//! Integration tests of the core: hostile input, and models against a reference.
#![allow(clippy::expect_used, reason = "a test ends where something is missing")]

mod hostile;
mod models;
