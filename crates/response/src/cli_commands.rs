//! An action as commands of the AWS CLI, for whoever carries it out by hand.
//!
//! Names come from logs, and the commands go into a shell: a name with any character but those that AWS's names need makes
//! no command.

use crate::Action;
use trailwarden_core::event::Time;

/// Commands that carry an action out, and those that take it back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// To carry it out.
    pub forth: Vec<String>,
    /// To take it back, as far as that can be said without knowing what was there before.
    pub back: Vec<String>,
}

/// The commands of an action, to be run in its account; `None` if a name in it is not safe in a shell.
pub fn commands(action: &Action, now: Time) -> Option<Commands> {
    let (commands, names) = action.unchecked_commands(now);
    let is_safe = |c: char| c.is_ascii_alphanumeric() || "+=,.@_/:-*".contains(c);
    names
        .iter()
        .all(|name| !name.is_empty() && !name.starts_with('-') && name.chars().all(is_safe))
        .then_some(commands)
}
