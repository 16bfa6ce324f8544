//! Check: role trust opened to another account, to the public, or to any user of an identity provider.
//!
//! Everybody whom that account admits can then assume the role. Not a violation: an account of the
//! organisation, a service, and a vendor that must present an agreed external id.

use crate::{Check, Group, Rule, Speaks, done, opened_to_accounts, opened_to_all};
use trailwarden_core::{catalog::Exposure, finding::Severity};

pub(crate) const CHECK: Check = Check {
    id: "outside-trust",
    title: "A role may be assumed from outside the organisation",
    group: Group::PrivilegedAccess,
    severity: Severity::High,
    remediation: &[
        "Ask whose account it is",
        "Name it in the settings if it is yours",
        "Demand an external id of others, and name a role, not an account",
    ],
    blind_spot: "Whether an account is the organisation's that the settings do not name and whose logs are not read.",
    needs: None,
    speaks_about: Speaks::Calls(&[("iam", &["CreateRole", "UpdateAssumeRolePolicy"])]),
    rule: Rule::Event(|event, facts| {
        opened_to_accounts(event, facts)
            .or_else(|| opened_to_all(event))
            .or_else(|| done(event, |act| act.exposure == Exposure::Public))
    }),
    config_rules: &[],
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{Told, call},
        *,
    };

    fn trust(principal: &str, condition: &str) -> Told {
        let policy = format!(
            r#"{{"Statement":{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{principal},"Condition":{condition}}}}}"#
        );
        call("iam:UpdateAssumeRolePolicy", json!({ "roleName": "web", "policyDocument": policy }))
    }

    #[test]
    fn a_strangers_account_breaks_it() {
        let said = trust(r#"{"AWS":"999900001111"}"#, "{}").breaks(&CHECK);
        assert_eq!(said.as_deref(), Some("iam:UpdateAssumeRolePolicy on web: open to account 999900001111"));
        assert!(trust(r#"{"AWS":"*"}"#, "{}").breaks(&CHECK).is_some());
        let both = trust(r#"{"AWS":["444455556666","999900001111"]}"#, "{}")
            .breaks_given("accounts = [\"444455556666\"]", &CHECK);
        assert_eq!(both.as_deref(), Some("iam:UpdateAssumeRolePolicy on web: open to account 999900001111"));
    }

    #[test]
    fn ones_own_account_a_service_and_an_external_id_do_not() {
        let own = "accounts = [\"999900001111\"]";
        assert_eq!(trust(r#"{"AWS":"999900001111"}"#, "{}").breaks_given(own, &CHECK), None);
        assert_eq!(trust(r#"{"Service":"ec2.amazonaws.com"}"#, "{}").breaks(&CHECK), None);
        let agreed = r#"{"StringEquals":{"sts:ExternalId":"x"}}"#;
        assert_eq!(trust(r#"{"AWS":"999900001111"}"#, agreed).breaks(&CHECK), None);
    }
}
