//! Check: rights granted by a principal to itself.
//!
//! The requester of access must not be its approver. Not a violation: an administrator who grants rights to
//! another principal, or to a role other than its own.

use crate::{Broken, Check, Group, Rule, Speaks, told};
use trailwarden_core::{
    catalog::{Call, Grants},
    event::Event,
    finding::Severity,
    settings::Facts,
};

pub(crate) const CHECK: Check = Check {
    id: "self-granted-access",
    title: "Somebody gave rights to themselves",
    group: Group::Separation,
    severity: Severity::High,
    remediation: &[
        "Take the rights away",
        "Let somebody else decide, and record it",
        "Deny changes of one's own identity by a permissions boundary",
    ],
    blind_spot: "Two accounts of one person; rights given by way of a role that both may assume.",
    needs: None,
    speaks_about: Speaks::Calls(&[(
        "iam",
        &[
            "AttachUserPolicy",
            "PutUserPolicy",
            "AddUserToGroup",
            "AttachRolePolicy",
            "PutRolePolicy",
            "UpdateAssumeRolePolicy",
            "DeleteUserPermissionsBoundary",
            "DeleteRolePermissionsBoundary",
        ],
    )]),
    rule: Rule::Event(violates),
    config_rules: &[],
};

fn violates(event: &Event<'_>, _: &Facts) -> Option<Broken> {
    let call = Call::new(event);
    let (user, role) = (call.text(&["userName"]), call.text(&["roleName"]));
    let is_own_user =
        !user.is_empty() && &*event.identity.kind == "IAMUser" && user == &*event.identity.user_name;
    let is_own_role = !role.is_empty() && role == call.role();
    let only_denies = call.get("policyDocument").is_some()
        && super::super::act(event).is_none_or(|act| act.grants == Grants::Nothing);
    let is_trust = &*event.event_name == "UpdateAssumeRolePolicy";
    let group = call.text(&["groupName", "policyArn", "policyName"]);
    ((is_own_user || is_own_role) && (is_trust || !only_denies))
        .then(|| told(event, if is_own_user { user } else { role }, group).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{call, role},
        *,
    };

    #[test]
    fn rights_for_oneself_break_it() {
        let said =
            call("iam:AddUserToGroup", json!({ "userName": "kim", "groupName": "admins" })).breaks(&CHECK);
        assert_eq!(said.as_deref(), Some("iam:AddUserToGroup on kim: admins"));
        let policy = json!({ "roleName": "web", "policyArn": "arn:aws:iam::aws:policy/AmazonS3FullAccess" });
        assert!(call("iam:AttachRolePolicy", policy).by(role("web")).breaks(&CHECK).is_some());
    }

    #[test]
    fn rights_for_another_or_a_policy_that_only_denies_do_not() {
        assert_eq!(
            call("iam:AddUserToGroup", json!({ "userName": "lee", "groupName": "admins" })).breaks(&CHECK),
            None
        );
        let policy = json!({ "roleName": "web", "policyArn": "arn:aws:iam::aws:policy/AmazonS3FullAccess" });
        assert_eq!(call("iam:AttachRolePolicy", policy).by(role("ops")).breaks(&CHECK), None);
        let deny = r#"{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;
        assert_eq!(
            call("iam:PutUserPolicy", json!({ "userName": "kim", "policyDocument": deny })).breaks(&CHECK),
            None
        );
    }
}
