//! Check: guard rail on rights removed: a permissions boundary, an organisation policy, or membership of the
//! organisation.
//!
//! Rights that the guard rail blocked take effect. Not a violation: attaching a policy, or rewriting one so
//! that it only denies.

use crate::{Check, Group, Rule, Speaks, done};
use trailwarden_core::{catalog::weight, finding::Severity};

pub(crate) const CHECK: Check = Check {
    id: "guard-rail-removed",
    title: "A bound on rights was taken away",
    group: Group::PrivilegedAccess,
    severity: Severity::High,
    remediation: &[
        "Put it back",
        "Look at what those whom it bound did since",
        "Let two people change guard rails",
    ],
    blind_spot: "Whether another guard rail says the same.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        ("iam", &["DeleteUserPermissionsBoundary", "DeleteRolePermissionsBoundary"]),
        (
            "organizations",
            &[
                "DetachPolicy",
                "DeletePolicy",
                "UpdatePolicy",
                "DisablePolicyType",
                "LeaveOrganization",
                "RemoveAccountFromOrganization",
                "MoveAccount",
                "DisableAWSServiceAccess",
            ],
        ),
        ("sso", &["DeletePermissionsBoundaryFromPermissionSet"]),
    ]),
    rule: Rule::Event(|event, _| {
        if &*event.event_name == "DeletePermissionsBoundaryFromPermissionSet" {
            return Some(super::super::told(event, "", "").into());
        }
        // A tag policy, a backup policy or a new description limits no rights.
        let is_other = &*event.event_name == "UpdatePolicy"
            && !event.parameters()["content"].to_string().contains("Statement");
        if is_other { None } else { done(event, |act| act.weight >= weight::ODD) }
    }),
    config_rules: &[],
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::call, *};

    #[test]
    fn a_boundary_or_an_organisations_policy_taken_away_breaks_it() {
        assert!(
            call("iam:DeleteRolePermissionsBoundary", json!({ "roleName": "web" })).breaks(&CHECK).is_some()
        );
        assert!(
            call("organizations:DetachPolicy", json!({ "policyId": "p-1", "targetId": "ou-1" }))
                .breaks(&CHECK)
                .is_some()
        );
        assert!(call("organizations:LeaveOrganization", json!(null)).breaks(&CHECK).is_some());
    }

    #[test]
    fn one_that_still_only_denies_and_one_attached_do_not() {
        let content = r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
        assert_eq!(
            call("organizations:UpdatePolicy", json!({ "policyId": "p-1", "content": content }))
                .breaks(&CHECK),
            None
        );
        assert_eq!(
            call("organizations:UpdatePolicy", json!({ "policyId": "p-1", "description": "new" }))
                .breaks(&CHECK),
            None
        );
        let moved = |from: &str, to: &str| {
            call("organizations:MoveAccount", json!({ "sourceParentId": from, "destinationParentId": to }))
        };
        assert_eq!(moved("r-ab12", "ou-ab12-1").breaks(&CHECK), None);
        assert!(moved("ou-ab12-1", "r-ab12").breaks(&CHECK).is_some());
        assert_eq!(
            call("organizations:AttachPolicy", json!({ "policyId": "p-1", "targetId": "ou-1" }))
                .breaks(&CHECK),
            None
        );
        assert_eq!(
            call("organizations:DetachPolicy", json!({ "policyId": "p-1" })).refused().breaks(&CHECK),
            None
        );
    }
}
