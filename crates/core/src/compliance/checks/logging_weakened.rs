//! A log of what happens in the account was stopped, deleted, or made to see less.
//!
//! Without it no other control can be shown to work. Innocent twin: an attempt that AWS refused, and a trail that is
//! made to see more; both leave the log whole.

use super::super::Check;
use crate::{
    catalog::{Tactic, call_key, meaning, tactic_of, weight},
    event::{Event, Outcome, PrincipalKind},
    finding::Severity,
};

pub(super) const CHECK: Check = Check {
    id: "logging-weakened",
    title: "An audit log was stopped or weakened",
    severity: Severity::High,
    remediation: &[
        "Switch the log on again, as it was",
        "Find out what happened in the account while it was off",
        "Deny the call to everybody by a service control policy",
    ],
    speaks_about: |event| {
        matches!(event.service(), "cloudtrail" | "config" | "logs")
            && event.outcome == Outcome::Success
            && tactic_of(event.service(), &event.event_name) == Some(Tactic::DefenseEvasion)
    },
    violates,
};

fn violates(event: &Event<'_>) -> Option<String> {
    let act = meaning(event, call_key(event.service(), &event.event_name), PrincipalKind::User)?;
    let is_weaker = act.tactic == Tactic::DefenseEvasion && act.weight >= weight::ODD;
    let target = if act.target.is_empty() { String::new() } else { format!(" on {}", act.target) };
    is_weaker.then(|| format!("{}{target}", act.call))
}

#[cfg(test)]
mod tests {
    use super::{super::testing::says, *};

    fn record(name: &str, error: &str) -> String {
        format!(
            r#"{{"eventName":"{name}","eventSource":"cloudtrail.amazonaws.com","errorCode":"{error}","requestParameters":{{"name":"main"}}}}"#
        )
    }

    #[test]
    fn a_stopped_trail_breaks_it() {
        assert_eq!(says(&CHECK, &record("StopLogging", "")), Some("cloudtrail:StopLogging on main".into()));
    }

    #[test]
    fn a_refused_attempt_and_a_started_trail_do_not() {
        assert_eq!(says(&CHECK, &record("StopLogging", "AccessDenied")), None);
        assert_eq!(says(&CHECK, &record("StartLogging", "")), None);
    }
}
