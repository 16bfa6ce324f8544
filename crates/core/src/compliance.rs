//! What identities did against a control: one check, one file.

mod checks;

pub use checks::ALL;

use crate::{
    event::{Event, Identity, Principal},
    finding::Severity,
};

/// A rule of good conduct that a single event can break.
pub struct Check {
    /// Stable name, equal to the file's.
    pub id: &'static str,
    /// For people.
    pub title: &'static str,
    /// How bad breaking it is.
    pub severity: Severity,
    /// What to do.
    pub remediation: &'static [&'static str],
    /// Could this event break it? A cheap question, asked of every event.
    pub speaks_about: fn(&Event<'_>) -> bool,
    /// What happened, in words, if the event breaks it.
    pub violates: fn(&Event<'_>) -> Option<String>,
}

/// Does any check speak about this event?
pub fn speaks_about(event: &Event<'_>) -> bool {
    ALL.iter().any(|check| (check.speaks_about)(event))
}

/// Is this the root user at work, and not a service in its name?
fn is_root(identity: &Identity<'_>) -> bool {
    &*identity.kind == "Root" && identity.invoked_by.is_empty()
}

/// Who did it.
fn principal(event: &Event<'_>) -> Principal {
    event.identity.principal(&event.account_id)
}

/// The checks that an event breaks, each with what happened.
pub fn violations(event: &Event<'_>) -> Vec<(&'static Check, Principal, String)> {
    let asked = ALL.iter().filter(|check| (check.speaks_about)(event));
    asked.filter_map(|check| Some((*check, principal(event), (check.violates)(event)?))).collect()
}
