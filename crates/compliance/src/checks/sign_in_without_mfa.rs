//! Check: console sign-in of an IAM user without MFA.
//!
//! A leaked password then suffices. Not a violation: sign-in through an identity provider, whose second
//! factor AWS does not see, and records without the field: a missing value does not mean no MFA.

use crate::{Check, Group, Rule, Speaks};
use trailwarden_core::finding::Severity;

pub(crate) const CHECK: Check = Check {
    id: "sign-in-without-mfa",
    title: "Console sign-in without MFA",
    group: Group::Authentication,
    severity: Severity::Medium,
    remediation: &["Register an MFA device for the user", "Deny everything without MFA by policy"],
    blind_spot: "Second factors that an identity provider asks for.",
    needs: None,
    speaks_about: Speaks::CallsOf(&[("signin", &["ConsoleLogin"])], |event| {
        &*event.identity.kind == "IAMUser"
    }),
    rule: Rule::Event(|event, _| {
        let is_by_password = &*event.identity.kind == "IAMUser";
        (is_by_password && event.mfa == Some(false))
            .then(|| "signed in to the console without MFA".to_owned().into())
    }),
    config_rules: &["mfa-enabled-for-iam-console-access", "iam-user-mfa-enabled"],
};

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::{
        super::testing::{Told, call, user},
        *,
    };

    pub(in crate::checks) fn sign_in(who: Value, mfa: &str, outcome: &str) -> Told {
        call("signin:ConsoleLogin", json!(null))
            .by(who)
            .with("responseElements", json!({ "ConsoleLogin": outcome }))
            .with("additionalEventData", json!({ "MFAUsed": mfa }))
    }

    #[test]
    fn a_password_alone_breaks_it() {
        assert!(sign_in(user("kim"), "No", "Success").breaks(&CHECK).is_some());
    }

    #[test]
    fn a_second_factor_a_federated_role_and_a_failure_do_not() {
        assert_eq!(sign_in(user("kim"), "Yes", "Success").breaks(&CHECK), None);
        assert_eq!(sign_in(user("kim"), "No", "Failure").breaks(&CHECK), None);
        assert_eq!(sign_in(super::super::testing::role("Admin"), "No", "Success").breaks(&CHECK), None);
    }
}
