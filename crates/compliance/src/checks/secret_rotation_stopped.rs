//! Check: rotation of a secret or an encryption key switched off.
//!
//! Not a violation: switching rotation on, and a new rotation interval.

use crate::{Check, Group, Rule, Speaks, told};
use trailwarden_core::{catalog::Call, finding::Severity};

pub(crate) const CHECK: Check = Check {
    id: "secret-rotation-stopped",
    title: "Rotation of a secret or key was switched off",
    group: Group::Credentials,
    severity: Severity::Medium,
    remediation: &["Switch rotation on again", "Ask what broke by it, and mend that"],
    blind_spot: "Secrets and keys that never were rotated.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        ("kms", &["DisableKeyRotation"]),
        ("secretsmanager", &["CancelRotateSecret"]),
    ]),
    rule: Rule::Event(|event, _| {
        let call = Call::new(event);
        Some(told(event, call.text(&["keyId", "secretId"]), "").into())
    }),
    config_rules: &[
        "cmk-backing-key-rotation-enabled",
        "secretsmanager-rotation-enabled-check",
        "secretsmanager-secret-periodic-rotation",
    ],
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::call, *};

    #[test]
    fn switching_off_breaks_it_and_switching_on_or_a_refusal_does_not() {
        assert!(call("kms:DisableKeyRotation", json!({ "keyId": "k1" })).breaks(&CHECK).is_some());
        assert_eq!(call("kms:EnableKeyRotation", json!({ "keyId": "k1" })).breaks(&CHECK), None);
        assert_eq!(call("kms:DisableKeyRotation", json!({ "keyId": "k1" })).refused().breaks(&CHECK), None);
    }
}
