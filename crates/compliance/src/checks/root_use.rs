//! Check: use of the root user.
//!
//! No IAM policy limits root, so every framework wants it locked away. Not a violation: services that act on
//! root's behalf in an account that root set up, a refused attempt to sign in as root, and the audit of root's credentials
//! by `sts:AssumeRoot`.

use crate::{
    Check, Group, Rule, Speaks,
    wording::{act, is_root, told},
};
use trailwarden_core::{catalog::weight, event::Event, finding::Severity};

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
        // A session that AssumeRoot began is bounded to the task of that call, which is judged by its task; in a member's own
        // log that call is missing, so what is grave in the session is judged too.
        let is_task = event.identity.is_assumed_root() && !is_grave(event);
        (is_root(event) && !is_attempt && !is_task)
            || (event.service() == "sts" && &*event.event_name == "AssumeRoot" && is_grave(event))
    }),
    rule: Rule::Event(|event, _| {
        let who = if is_root(event) { "root" } else { "a session of root" };
        Some(format!("{who}: {}", told(event, "", "")).into())
    }),
    config_rules: &[],
};

/// Whether the call weighs as much as an alert.
fn is_grave(event: &Event<'_>) -> bool {
    act(event).is_some_and(|act| act.weight >= weight::ODD)
}

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
        let assumed = |task: &str| {
            let policy = format!("arn:aws:iam::aws:policy/root-task/{task}");
            call(
                "sts:AssumeRoot",
                json!({ "targetPrincipal": "222233334444", "taskPolicyArn": { "arn": policy } }),
            )
        };
        assert!(call("sts:AssumeRoot", json!({})).breaks(&CHECK).is_some());
        assert!(assumed("IAMCreateRootUserPassword").breaks(&CHECK).is_some());
        assert_eq!(assumed("IAMAuditRootUserCredentials").breaks(&CHECK), None, "housekeeping");
        let mut session = root();
        session["sessionContext"] = json!({ "assumedRoot": "true" });
        assert_eq!(call("iam:GetAccountSummary", json!({})).by(session.clone()).breaks(&CHECK), None);
        let password = call("iam:CreateLoginProfile", json!({ "userName": "root" })).by(session);
        assert!(password.breaks(&CHECK).is_some());
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
