//! Dashboard: one HTTP router with HTML pages and a JSON API.
//!
//! An anonymous request sees no data. A layer in front of the router identifies the user ([`Who`]): by a key
//! on loopback, by token claims behind API Gateway. Without a user the router serves an empty page with a
//! sign-in button.
//!
//! maud renders HTML and SVG, charts included, and escapes all log content. A chart library is deliberately
//! absent: it writes its colours into the picture, where neither dark mode nor a strict
//! Content-Security-Policy can change them. The charts here are a few rectangles with style sheet classes.

mod headers;
mod loopback;
mod pages;
mod queries;
mod routes;
mod worker;

pub use axum::Router;
pub use loopback::{Key, listen};
pub use pages::Entrance;
pub use routes::{Who, router};
pub use worker::{Orders, Worker, orders};
