//! Resources that responses change: one file a kind, with its calls, and its actions' wording, undo, desired state and
//! AWS CLI commands.
//!
//! [`Action`](crate::Action) and [`Resource`](crate::Resource) name the variants, since incidents store them; everything else
//! about a variant stands in its file here.

pub(crate) mod access_keys;
pub(crate) mod attached_policies;
pub(crate) mod config_recorder;
pub(crate) mod guardduty_detector;
pub(crate) mod inline_policy;
pub(crate) mod kms_key;
pub(crate) mod password;
pub(crate) mod person_denial;
pub(crate) mod policy_versions;
pub(crate) mod public_access_block;
pub(crate) mod reissued_credential;
pub(crate) mod security_group;
pub(crate) mod shares;
pub(crate) mod trail;
pub(crate) mod trust_policy;

use crate::{Commands, Holder, HolderKind, Impossible, Resource, State, Undo};
use trailwarden_core::event::Time;

/// Computes the state that an action wants, from the state before and the time.
pub(crate) type Desired<'a> = Box<dyn Fn(&State, Time) -> Result<State, Impossible> + 'a>;

/// Facts about one action.
pub(crate) struct ActionSheet<'a> {
    /// The action as an order.
    pub(crate) text: String,
    /// How far it can be undone, and how.
    pub(crate) undo: (Undo, &'static str),
    /// The resource that it changes.
    pub(crate) resource: Resource,
    /// The state that it wants.
    pub(crate) desired: Desired<'a>,
    /// AWS CLI commands that do it, and undo it.
    pub(crate) commands: Commands,
    /// Names that the commands contain: each must be safe in a shell.
    pub(crate) names: Vec<&'a str>,
}

/// Facts about one resource.
#[derive(Clone, Copy)]
pub(crate) struct ResourceSheet<'a> {
    /// Its name in AWS's calls.
    pub(crate) name: &'a str,
    /// Calls that read and write it, as CloudTrail names them.
    pub(crate) calls: &'static [&'static str],
    /// Region, for a regional service.
    pub(crate) region: Option<&'a str>,
}

/// A state with one entry.
fn one(name: &str, value: &str) -> State {
    State::from([(name.to_owned(), value.to_owned())])
}

/// The same desired state, whatever was there before.
fn always<'a>(state: State) -> Desired<'a> {
    Box::new(move |_, _| Ok(state.clone()))
}

/// Removes the resource; `missing` if it is not there.
fn removed<'a>(missing: Impossible) -> Desired<'a> {
    Box::new(move |before, _| if before.is_empty() { Err(missing) } else { Ok(State::new()) })
}

/// The state before without the entries that `goes` selects; `missing` if it selects none.
fn without(
    before: &State,
    goes: impl Fn(&str, &str) -> bool,
    missing: Impossible,
) -> Result<State, Impossible> {
    let mut after = before.clone();
    after.retain(|name, value| !goes(name, value));
    if after.len() == before.len() { Err(missing) } else { Ok(after) }
}

/// One command to do it, and one to undo it.
fn pair(forth: String, back: String) -> Commands {
    Commands { forth: vec![forth], back: vec![back] }
}

/// The word for a holder in IAM's commands.
fn word(holder: &Holder) -> &'static str {
    match holder.kind {
        HolderKind::User => "user",
        HolderKind::Role => "role",
        HolderKind::Group => "group",
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::Action;

    pub(crate) fn state(entries: &[(&str, &str)]) -> State {
        entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// The desired state of an action on 2026-03-02 at 10:00 UTC.
    pub(crate) fn desired(action: &Action, before: &[(&str, &str)]) -> Result<State, Impossible> {
        action.desired_state(&state(before), Time(1_772_445_600))
    }
}
