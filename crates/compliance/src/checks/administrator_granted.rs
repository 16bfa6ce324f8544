//! Check: administrator rights granted.
//!
//! Rights should not exceed the task. Not a violation: a policy that allows little, or only denies.

use crate::{Check, Group, Rule, Speaks, done};
use trailwarden_core::{
    catalog::{Grants, weight},
    finding::Severity,
};

pub(crate) const CHECK: Check = Check {
    id: "administrator-granted",
    title: "Administrator's rights were given",
    group: Group::PrivilegedAccess,
    severity: Severity::Medium,
    remediation: &[
        "Ask who approved it, and until when",
        "Replace it by the rights that were used (IAM Access Analyzer makes a policy of them)",
    ],
    blind_spot: "Whether it was approved; what a customer's own policy allows whose text is not in the call.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        (
            "iam",
            &[
                "AttachUserPolicy",
                "AttachGroupPolicy",
                "AttachRolePolicy",
                "PutUserPolicy",
                "PutGroupPolicy",
                "PutRolePolicy",
                "CreatePolicy",
                "CreatePolicyVersion",
            ],
        ),
        ("sso", &["AttachManagedPolicyToPermissionSet", "PutInlinePolicyToPermissionSet"]),
    ]),
    rule: Rule::Event(|event, _| {
        done(event, |act| act.grants == Grants::Administrator && act.weight >= weight::SEVERE)
    }),
    config_rules: &["iam-policy-no-statements-with-admin-access"],
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::call, *};

    const ALL: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

    #[test]
    fn every_right_breaks_it() {
        let attached =
            json!({ "roleName": "web", "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess" });
        let said = call("iam:AttachRolePolicy", attached).breaks(&CHECK);
        assert_eq!(said.as_deref(), Some("iam:AttachRolePolicy on web: attaches AdministratorAccess"));
        assert!(
            call("iam:PutUserPolicy", json!({ "userName": "lee", "policyDocument": ALL }))
                .breaks(&CHECK)
                .is_some()
        );
    }

    #[test]
    fn few_rights_and_a_refusal_do_not() {
        let narrow =
            r#"{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::a/*"}}"#;
        assert_eq!(
            call("iam:PutUserPolicy", json!({ "userName": "lee", "policyDocument": narrow })).breaks(&CHECK),
            None
        );
        let cdk = r#"{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::*:role/cdk-*"}}"#;
        assert_eq!(
            call("iam:PutRolePolicy", json!({ "roleName": "ci", "policyDocument": cdk })).breaks(&CHECK),
            None
        );
        assert_eq!(
            call("iam:PutUserPolicy", json!({ "userName": "lee", "policyDocument": ALL }))
                .refused()
                .breaks(&CHECK),
            None
        );
    }
}
