//! A role was opened to another account, to anybody, or to anybody of an identity provider.
//!
//! Whoever that account lets in is in. Innocent twin: an account of the organisation, a service, and a vendor who must
//! give the external id that was agreed upon.

use crate::{
    catalog::{Exposure, weight},
    compliance::{Broken, Check, Facts, Group, Rule, Speaks, act, told},
    event::Event,
    finding::Severity,
};

pub(in crate::compliance) const CHECK: Check = Check {
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
    rule: Rule::Event(violates),
    config_rules: &[],
};

fn violates(event: &Event<'_>, facts: &Facts) -> Option<Broken> {
    let act = act(event)?;
    let is_outside =
        act.exposure != Exposure::None && act.weight > weight::TELLING && !facts.owns(&act.recipient);
    is_outside.then(|| Broken {
        what: told(event, &act.target, &act.detail),
        data: None,
        outsider: (act.exposure == Exposure::OtherAccount).then(|| act.recipient.clone()),
    })
}

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
        assert_eq!(
            said.as_deref(),
            Some("iam:UpdateAssumeRolePolicy on web: account 999900001111 may assume the role")
        );
        assert!(trust(r#"{"AWS":"*"}"#, "{}").breaks(&CHECK).is_some());
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
