//! Check: retention lock removed or bypassed.
//!
//! Not a violation: setting a lock, and a deletion that respects it.

use crate::{Broken, Check, Group, Rule, Speaks, is_root, told};
use trailwarden_core::{catalog::Call, event::Event, finding::Severity, settings::Facts};

pub(crate) const CHECK: Check = Check {
    id: "retention-lock-removed",
    title: "A retention lock was removed or passed by",
    group: Group::Retention,
    severity: Severity::High,
    remediation: &[
        "Lock it again, in compliance mode",
        "Find out what was deleted or changed meanwhile",
        "Let nobody have s3:BypassGovernanceRetention",
    ],
    blind_spot: "Single objects, unless CloudTrail records data events.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        ("backup", &["DeleteBackupVaultLockConfiguration"]),
        (
            "s3",
            &[
                "PutBucketVersioning",
                "PutObjectRetention",
                "PutObjectLegalHold",
                "DeleteObject",
                "DeleteObjects",
            ],
        ),
        ("glacier", &["AbortVaultLock"]),
    ]),
    rule: Rule::Event(violates),
    config_rules: &["s3-bucket-default-lock-enabled", "backup-recovery-point-manual-deletion-disabled"],
};

fn violates(event: &Event<'_>, _: &Facts) -> Option<Broken> {
    let call = Call::new(event);
    let is_bypassing =
        call.is_on("x-amz-bypass-governance-retention") || call.is_on("bypassGovernanceRetention");
    let has = |text: &str| call.parameters.to_string().contains(text);
    let why = match &*event.event_name {
        "DeleteBackupVaultLockConfiguration" | "AbortVaultLock" => "",
        // Only root with its MFA device can switch MFA delete off; tools of other principals send the value
        // without effect.
        "PutBucketVersioning" => {
            (is_root(event) && has(r#""MfaDelete":"Disabled""#)).then_some("MFA delete switched off")?
        }
        "PutObjectLegalHold" => has(r#""Status":"OFF""#).then_some("legal hold lifted")?,
        _ => is_bypassing.then_some("governance retention passed by")?,
    };
    Some(told(event, call.text(&["bucketName", "backupVaultName", "vaultName"]), why).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{call, root},
        *,
    };

    #[test]
    fn a_lock_removed_or_passed_by_breaks_it() {
        assert!(
            call("backup:DeleteBackupVaultLockConfiguration", json!({ "backupVaultName": "v" }))
                .breaks(&CHECK)
                .is_some()
        );
        let passing = json!({ "bucketName": "b", "key": "k", "x-amz-bypass-governance-retention": "true" });
        assert!(call("s3:DeleteObject", passing).breaks(&CHECK).is_some());
        let versioning = json!({ "bucketName": "b", "VersioningConfiguration": { "Status": "Enabled", "MfaDelete": "Disabled" } });
        assert!(call("s3:PutBucketVersioning", versioning.clone()).by(root()).breaks(&CHECK).is_some());
        assert_eq!(
            call("s3:PutBucketVersioning", versioning).breaks(&CHECK),
            None,
            "tools send it, and it does nothing"
        );
    }

    #[test]
    fn a_lock_that_is_set_and_a_plain_delete_do_not() {
        let rule = json!({ "bucketName": "b", "ObjectLockConfiguration": { "ObjectLockEnabled": "Enabled", "Rule": { "DefaultRetention": { "Days": 9 } } } });
        assert_eq!(call("s3:PutObjectLockConfiguration", rule).breaks(&CHECK), None);
        assert_eq!(call("s3:DeleteObject", json!({ "bucketName": "b", "key": "k" })).breaks(&CHECK), None);
    }
}
