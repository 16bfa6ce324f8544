//! What people see in a browser: one router, its pages and its JSON.
//!
//! Nothing is shown to whoever has no name: a layer in front of the router says who asks ([`Who`]), by a key on loopback,
//! by the claims of a token behind API Gateway. Without one there is an empty page that knows how to sign in.
//!
//! The page is made here, charts included: maud writes HTML and SVG, everything from a log escaped. A chart library would
//! write its colours into the picture, where neither the reader's dark mode nor a strict Content-Security-Policy lets
//! them be changed; ours are a few rectangles with the style sheet's classes.

mod clerk;
mod headers;
mod loopback;
mod pages;
mod queries;
mod routes;

pub use axum::Router;
pub use clerk::{Clerk, Orders, orders};
pub use loopback::{Key, listen};
pub use pages::Entrance;
pub use routes::{Who, router};
