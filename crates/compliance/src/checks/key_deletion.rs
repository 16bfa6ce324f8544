//! Check: encryption key scheduled for deletion, or disabled.
//!
//! Data encrypted with a deleted key is lost for ever. Not a violation: cancelling a deletion.

use crate::{Check, Group, Rule, Speaks, told};
use trailwarden_core::{catalog::Call, finding::Severity};

pub(crate) const CHECK: Check = Check {
    id: "key-deletion",
    title: "An encryption key was scheduled for deletion or disabled",
    group: Group::Encryption,
    severity: Severity::High,
    remediation: &[
        "Call the deletion off (kms:CancelKeyDeletion), or enable the key",
        "Find out what it encrypts",
        "Let two people decide on deletions, with the longest waiting time",
    ],
    blind_spot: "Whether anything is still encrypted with it.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        (
            "kms",
            &[
                "ScheduleKeyDeletion",
                "DisableKey",
                "DeleteImportedKeyMaterial",
                "DeleteCustomKeyStore",
                "DisconnectCustomKeyStore",
            ],
        ),
        ("cloudhsm", &["DeleteCluster"]),
    ]),
    rule: Rule::Event(|event, _| {
        let call = Call::new(event);
        let days = call.get("pendingWindowInDays").map(|days| format!("in {days} days")).unwrap_or_default();
        Some(told(event, call.text(&["keyId", "customKeyStoreId", "clusterId"]), &days).into())
    }),
    config_rules: &["kms-cmk-not-scheduled-for-deletion"],
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::call, *};

    #[test]
    fn a_scheduled_deletion_breaks_it() {
        let said = call("kms:ScheduleKeyDeletion", json!({ "keyId": "k1", "pendingWindowInDays": 7 }))
            .breaks(&CHECK);
        assert_eq!(said.as_deref(), Some("kms:ScheduleKeyDeletion on k1: in 7 days"));
    }

    #[test]
    fn one_called_off_and_a_refusal_do_not() {
        assert_eq!(call("kms:CancelKeyDeletion", json!({ "keyId": "k1" })).breaks(&CHECK), None);
        assert_eq!(call("kms:ScheduleKeyDeletion", json!({ "keyId": "k1" })).refused().breaks(&CHECK), None);
    }
}
