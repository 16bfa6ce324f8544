//! Check: use of the root user.
//!
//! No IAM policy limits root, so every framework wants it locked away. Not a violation: services that act on
//! root's behalf in an account that root set up, and a refused attempt to sign in as root.

use crate::{Check, Group, Rule, Speaks, is_root, told};
use trailwarden_core::finding::Severity;

pub(crate) const CHECK: Check = Check {
    id: "root-use",
    title: "The root user was used",
    group: Group::PrivilegedAccess,
    severity: Severity::High,
    remediation: &[
        "Ask who signed in as root, and for what",
        "Give that person a role for the task",
        "Delete root's access keys; keep its MFA device locked away",
    ],
    blind_spot: "Whether the task was one of the few that only root can do, and was announced.",
    needs: None,
    speaks_about: Speaks::Every(|event, _| {
        let is_attempt = event.service() == "signin" && !event.is_sign_in();
        (is_root(event) && !is_attempt) || (event.service() == "sts" && &*event.event_name == "AssumeRoot")
    }),
    rule: Rule::Event(|event, _| {
        let who = if is_root(event) { "root" } else { "a session of root" };
        Some(format!("{who}: {}", told(event, "", "")).into())
    }),
    config_rules: &[],
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{call, root, user},
        *,
    };

    #[test]
    fn root_at_work_breaks_it() {
        let said = call("iam:CreateUser", json!({})).by(root()).breaks(&CHECK);
        assert_eq!(said.as_deref(), Some("root: iam:CreateUser"));
        assert!(call("sts:AssumeRoot", json!({})).breaks(&CHECK).is_some());
    }

    #[test]
    fn a_service_in_roots_name_a_refused_guess_and_a_user_called_root_do_not() {
        let service =
            json!({ "type": "Root", "accountId": "111122223333", "invokedBy": "support.amazonaws.com" });
        assert_eq!(call("iam:ListUsers", json!({})).by(service).breaks(&CHECK), None);
        let guess = call("signin:ConsoleLogin", json!(null))
            .by(root())
            .with("responseElements", json!({ "ConsoleLogin": "Failure" }));
        assert_eq!(guess.breaks(&CHECK), None);
        let anybody = call("signin:PasswordRecoveryRequested", json!(null)).by(root());
        assert_eq!(anybody.breaks(&CHECK), None);
        assert_eq!(call("iam:ListUsers", json!({})).by(user("root")).breaks(&CHECK), None);
    }
}
