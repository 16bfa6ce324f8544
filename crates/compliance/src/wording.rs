//! Shared predicates on events, and the wording of violations.

use super::Broken;
use trailwarden_core::settings::Facts;
use trailwarden_core::{
    catalog::{Act, call_key, meaning, receivers},
    event::{Event, Principal, PrincipalKind},
};

/// Principal of an event.
pub(super) fn principal(event: &Event<'_>) -> Principal {
    event.identity.principal(&event.account_id)
}

/// Whether the root user made the call itself, and no service on its behalf.
pub(super) fn is_root(event: &Event<'_>) -> bool {
    &*event.identity.kind == "Root" && event.identity.invoked_by.is_empty()
}

/// Meaning of a call in the catalogue.
pub(super) fn act(event: &Event<'_>) -> Option<Act> {
    meaning(event, call_key(event.service(), &event.event_name), PrincipalKind::User)
}

/// Wording of a violation: `iam:CreateUser on kim: detail`; an empty target or detail is left out.
pub(super) fn told(event: &Event<'_>, target: &str, more: &str) -> String {
    let target = if target.is_empty() { String::new() } else { format!(" on {target}") };
    let more = if more.is_empty() { String::new() } else { format!(": {more}") };
    format!("{}:{}{target}{more}", event.service(), event.event_name)
}

/// Violation if a call gives access to accounts outside the organisation, but not to the public.
pub(crate) fn opened_to_accounts(event: &Event<'_>, facts: &Facts) -> Option<Broken> {
    let act = act(event);
    let receivers = receivers(event, act.as_ref().map(|act| (act.exposure, &*act.recipient)));
    let strangers: Vec<String> =
        receivers.accounts.into_iter().filter(|account| !facts.owns(account)).collect();
    let target = act.as_ref().map_or("", |act| &act.target);
    (!strangers.is_empty() && !receivers.is_public).then(|| Broken {
        what: told(event, target, &format!("open to {}", counted(&strangers))),
        data: None,
        outsiders: strangers,
    })
}

/// Violation if a call gives access to the public.
pub(crate) fn opened_to_all(event: &Event<'_>) -> Option<Broken> {
    let act = act(event);
    let receivers = receivers(event, act.as_ref().map(|act| (act.exposure, &*act.recipient)));
    let target = act.as_ref().map_or("", |act| &act.target);
    receivers.is_public.then(|| told(event, target, "open to everybody").into())
}

/// `account 1` or `accounts 1, 2`; a long list is shortened.
fn counted(accounts: &[String]) -> String {
    const TOLD: usize = 5;
    let few = accounts[..accounts.len().min(TOLD)].join(", ");
    let more = accounts.len().saturating_sub(TOLD);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("account{} {few}{more}", if accounts.len() == 1 { "" } else { "s" })
}

/// Violation worded by the catalogue, if the call's meaning satisfies `is`.
pub(super) fn done(event: &Event<'_>, is: impl Fn(&Act) -> bool) -> Option<Broken> {
    let act = act(event).filter(is)?;
    Some(told(event, &act.target, &act.detail).into())
}
