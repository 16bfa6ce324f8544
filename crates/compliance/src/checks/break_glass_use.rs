//! Check: use of a break-glass identity.
//!
//! Such an identity has strong rights and little supervision, so each use needs an explanation. Not a
//! violation: any other identity, and a refused attempt.

use crate::{Check, Group, Need, Rule, Speaks, principal, told};
use trailwarden_core::finding::Severity;

pub(crate) const CHECK: Check = Check {
    id: "break-glass-use",
    title: "A break-glass identity was used",
    group: Group::PrivilegedAccess,
    severity: Severity::High,
    remediation: &[
        "Ask for the incident it was used for",
        "Review all that it did",
        "Change its credentials, and seal them again",
    ],
    blind_spot: "Whether there was an emergency.",
    needs: Some(Need { key: "break_glass_principals", is_given: |facts| !facts.break_glass.is_empty() }),
    speaks_about: Speaks::Every(|event, facts| facts.is_break_glass(&principal(event))),
    rule: Rule::Event(|event, _| Some(told(event, "", "").into())),
    config_rules: &[],
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{call, user},
        *,
    };

    const SETTINGS: &str = "break_glass_principals = [\"arn:aws:iam::*:user/glass-*\"]";

    #[test]
    fn its_use_breaks_it_and_anybody_elses_work_does_not() {
        assert!(
            call("ec2:RunInstances", json!({})).by(user("glass-1")).breaks_given(SETTINGS, &CHECK).is_some()
        );
        assert_eq!(call("ec2:RunInstances", json!({})).by(user("glass-1")).breaks(&CHECK), None);
        assert_eq!(call("ec2:RunInstances", json!({})).breaks_given(SETTINGS, &CHECK), None);
        assert_eq!(
            call("ec2:RunInstances", json!({})).by(user("glass-1")).refused().breaks_given(SETTINGS, &CHECK),
            None
        );
    }
}
