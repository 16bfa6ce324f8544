//! The root user at work.
//!
//! Root cannot be limited by any policy, so every framework wants it locked away. Innocent twin: services that act
//! in root's name after an account was set up by it; and the few tasks that only root can do, which somebody announces.

use super::super::{Check, is_root};
use crate::{event::Event, finding::Severity};

pub(super) const CHECK: Check = Check {
    id: "root-use",
    title: "The root user was used",
    severity: Severity::High,
    remediation: &[
        "Ask who signed in as root, and for what",
        "Give that person a role for the task",
        "Delete root's access keys; keep its MFA device locked away",
    ],
    speaks_about: |event| is_root(&event.identity),
    violates,
};

fn violates(event: &Event<'_>) -> Option<String> {
    let is_service_event = &*event.event_type == "AwsServiceEvent";
    (!is_service_event).then(|| format!("root called {}:{}", event.service(), event.event_name))
}

#[cfg(test)]
mod tests {
    use super::{super::testing::says, *};

    #[test]
    fn root_at_work_breaks_it() {
        let record = r#"{"eventName":"CreateUser","eventSource":"iam.amazonaws.com","userIdentity":{"type":"Root","accountId":"111122223333"}}"#;
        assert_eq!(says(&CHECK, record), Some("root called iam:CreateUser".into()));
    }

    #[test]
    fn a_service_in_roots_name_and_a_user_do_not() {
        let service = r#"{"eventName":"A","eventSource":"b.amazonaws.com","userIdentity":{"type":"Root","invokedBy":"support.amazonaws.com"}}"#;
        let user = r#"{"eventName":"A","eventSource":"b.amazonaws.com","userIdentity":{"type":"IAMUser","userName":"root"}}"#;
        assert_eq!((says(&CHECK, service), says(&CHECK, user)), (None, None));
    }
}
