//! Check: change of rights, keys or logs by an IAM user in a session known to lack MFA.
//!
//! Administrative access must require two factors. Not a violation: sessions with MFA; roles, whose second
//! factor is the identity provider's concern; calls signed with a long-lived key, for which AWS does not
//! record MFA.

use crate::{Check, Group, Rule, Speaks, told};
use trailwarden_core::finding::Severity;

pub(crate) const CHECK: Check = Check {
    id: "privileged-call-without-mfa",
    title: "A privileged change without MFA",
    group: Group::Authentication,
    severity: Severity::Medium,
    remediation: &[
        "Deny such calls without MFA by policy (aws:MultiFactorAuthPresent)",
        "Let people use Identity Center rather than IAM users",
    ],
    blind_spot: "Calls signed with long-lived keys: AWS does not say whether a factor was asked for.",
    needs: None,
    speaks_about: Speaks::CallsOf(
        &[
            (
                "iam",
                &[
                    "AttachUserPolicy",
                    "AttachGroupPolicy",
                    "AttachRolePolicy",
                    "PutUserPolicy",
                    "PutGroupPolicy",
                    "PutRolePolicy",
                    "CreatePolicyVersion",
                    "AddUserToGroup",
                    "CreateUser",
                    "CreateAccessKey",
                    "CreateLoginProfile",
                    "UpdateLoginProfile",
                    "CreateRole",
                    "UpdateAssumeRolePolicy",
                    "DeactivateMFADevice",
                ],
            ),
            ("kms", &["ScheduleKeyDeletion", "DisableKey", "PutKeyPolicy"]),
            ("cloudtrail", &["StopLogging", "DeleteTrail", "UpdateTrail", "PutEventSelectors"]),
            ("organizations", &["DetachPolicy", "LeaveOrganization", "DisablePolicyType"]),
        ],
        |event| &*event.identity.kind == "IAMUser" && event.mfa.is_some(),
    ),
    rule: Rule::Event(|event, _| {
        let is_known_without = &*event.identity.kind == "IAMUser" && event.mfa == Some(false);
        is_known_without.then(|| told(event, "", "in a session without MFA").into())
    }),
    config_rules: &[],
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{call, role, user},
        *,
    };

    fn session(mut who: serde_json::Value, mfa: &str) -> serde_json::Value {
        who["sessionContext"]["attributes"] = json!({ "mfaAuthenticated": mfa });
        who
    }

    #[test]
    fn a_user_without_a_second_factor_breaks_it() {
        assert!(call("iam:CreateUser", json!({})).by(session(user("kim"), "false")).breaks(&CHECK).is_some());
    }

    #[test]
    fn one_with_it_a_role_and_a_key_of_which_nothing_is_known_do_not() {
        assert_eq!(call("iam:CreateUser", json!({})).by(session(user("kim"), "true")).breaks(&CHECK), None);
        assert_eq!(call("iam:CreateUser", json!({})).by(session(role("web"), "false")).breaks(&CHECK), None);
        assert_eq!(call("iam:CreateUser", json!({})).breaks(&CHECK), None);
    }
}
