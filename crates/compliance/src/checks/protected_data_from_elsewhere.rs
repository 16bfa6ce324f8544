//! Check: protected resource accessed from outside its declared networks.
//!
//! The right principal in the wrong place may be an impostor. Not a violation: a declared network, a service
//! acting on the principal's behalf, and an address inside a declared VPC.

use crate::{Broken, Check, Group, Need, Rule, Speaks, told, touched_resources};
use trailwarden_core::{
    event::Event,
    finding::Severity,
    settings::{Facts, Protected},
};

pub(crate) const CHECK: Check = Check {
    id: "protected-data-from-elsewhere",
    title: "Protected data was touched from outside its networks",
    group: Group::DataAccess,
    severity: Severity::High,
    remediation: &[
        "Ask where the person was",
        "Let only the declared networks in, by the resource's policy or a VPC endpoint's",
    ],
    blind_spot: "Where a service called from in somebody's name; reads of objects, unless CloudTrail records data events.",
    needs: Some(Need {
        key: "protected.networks",
        is_given: |facts| facts.protected.iter().any(Protected::has_networks),
    }),
    speaks_about: Speaks::Those(|event, facts| {
        touched_resources::protected(event, facts).iter().any(|(rule, _)| rule.has_networks())
    }),
    rule: Rule::Event(violates),
    config_rules: &[],
};

fn violates(event: &Event<'_>, facts: &Facts) -> Option<Broken> {
    let touched = touched_resources::protected(event, facts);
    touched.iter().filter(|(rule, _)| rule.has_networks()).find_map(|(rule, arn)| {
        let address = rule.is_outside(event.caller)?;
        Some(Broken {
            what: told(event, arn, &format!("from {address}")),
            data: rule.data,
            outsiders: Vec::new(),
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::call, *};

    const SETTINGS: &str = "[[protected]]\nresources = [\"arn:aws:secretsmanager:*:*:secret:prod/*\"]\nnetworks = [\"192.0.2.0/24\", \"10.0.0.0/8\"]\n";

    #[test]
    fn another_network_breaks_it() {
        let said = call("secretsmanager:GetSecretValue", json!({ "secretId": "prod/db" }))
            .breaks_given(SETTINGS, &CHECK);
        assert!(said.unwrap().ends_with("secret:prod/db: from 198.51.100.7"));
    }

    #[test]
    fn a_declared_one_a_service_and_other_secrets_do_not() {
        let read = || call("secretsmanager:GetSecretValue", json!({ "secretId": "prod/db" }));
        assert_eq!(read().with("sourceIPAddress", "192.0.2.9").breaks_given(SETTINGS, &CHECK), None);
        assert_eq!(
            read().with("sourceIPAddress", "cloudformation.amazonaws.com").breaks_given(SETTINGS, &CHECK),
            None
        );
        assert_eq!(
            call("secretsmanager:GetSecretValue", json!({ "secretId": "dev/db" }))
                .breaks_given(SETTINGS, &CHECK),
            None
        );
    }
}
