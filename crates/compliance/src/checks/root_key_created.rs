//! Check: long-lived access key created for the root user.
//!
//! The key has all rights, does not expire and needs no second factor. Not a violation: a key for an IAM
//! user.

use crate::{Check, Group, Rule, Speaks, is_root, told};
use trailwarden_core::finding::Severity;

pub(crate) const CHECK: Check = Check {
    id: "root-key-created",
    title: "An access key was made for the root user",
    group: Group::PrivilegedAccess,
    severity: Severity::Critical,
    remediation: &[
        "Delete the key now",
        "Look at everything that was signed with it",
        "Manage root centrally, without credentials in member accounts",
    ],
    blind_spot: "Keys of root that are older than the log.",
    needs: None,
    speaks_about: Speaks::Calls(&[("iam", &["CreateAccessKey"])]),
    rule: Rule::Event(|event, _| {
        let is_for_root = event.parameters().get("userName").is_none();
        (is_root(event) && is_for_root).then(|| told(event, "root", "").into())
    }),
    config_rules: &["iam-root-access-key-check"],
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{call, root},
        *,
    };

    #[test]
    fn a_key_for_root_breaks_it_and_one_for_a_user_does_not() {
        assert!(call("iam:CreateAccessKey", json!(null)).by(root()).breaks(&CHECK).is_some());
        assert_eq!(call("iam:CreateAccessKey", json!({ "userName": "kim" })).by(root()).breaks(&CHECK), None);
        assert_eq!(call("iam:CreateAccessKey", json!(null)).breaks(&CHECK), None);
        assert_eq!(call("iam:CreateAccessKey", json!(null)).by(root()).refused().breaks(&CHECK), None);
    }
}
