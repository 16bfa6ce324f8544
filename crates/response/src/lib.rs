//! Response: incidents, plans, and the desired state of what a response changes.
//!
//! Everything here is a value. Playbooks choose actions by findings; an action computes a resource's desired state from its
//! current state; only the pipeline's responder writes one, through a port.

mod action;
mod cli_commands;
mod containment;
mod denial;
pub mod incident;
mod plan;
pub mod planner;
pub mod playbooks;
mod resource;
mod resources;
pub mod response_role;
mod reversal;

pub use action::{Action, Impossible, Undo};
pub use cli_commands::{Commands, commands};
pub use containment::{Containment, containment};
pub use denial::{denying, is_denied};
pub use plan::{Case, Level, Plan, Planned};
pub use resource::{Credential, DENIED, DOCUMENT, Holder, HolderKind, Resource, Shareable, State};
pub use resources::public_access_block::SWITCHES;
pub(crate) use reversal::reverse;
