//! Check: security monitoring switched off, or its findings no longer delivered.
//!
//! Not a violation: settings that leave it on, alarms of an application, and a filter that archives known
//! findings.

use crate::{Check, Group, Rule, Speaks, done};
use trailwarden_core::{catalog::weight, finding::Severity};

pub(crate) const CHECK: Check = Check {
    id: "monitoring-disabled",
    title: "Security monitoring was switched off",
    group: Group::Logging,
    severity: Severity::High,
    remediation: &[
        "Switch it on again",
        "Find out what it would have told meanwhile",
        "Manage it from a delegated administrator's account",
    ],
    blind_spot: "Whether another product watches instead.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        (
            "guardduty",
            &[
                "DeleteDetector",
                "UpdateDetector",
                "UpdateMemberDetectors",
                "StopMonitoringMembers",
                "DeleteMembers",
                "DisassociateMembers",
                "DisassociateFromMasterAccount",
                "DisassociateFromAdministratorAccount",
                "DisableOrganizationAdminAccount",
                "DeletePublishingDestination",
            ],
        ),
        (
            "securityhub",
            &[
                "DisableSecurityHub",
                "DisableSecurityHubV2",
                "BatchDisableStandards",
                "DisassociateFromAdministratorAccount",
            ],
        ),
        ("macie2", &["DisableMacie", "UpdateMacieSession", "DisassociateFromAdministratorAccount"]),
        ("inspector2", &["Disable"]),
        ("access-analyzer", &["DeleteAnalyzer"]),
        ("detective", &["DeleteGraph"]),
        (
            "config",
            &[
                "DeleteConfigRule",
                "DeleteOrganizationConfigRule",
                "DeleteConformancePack",
                "DeleteOrganizationConformancePack",
            ],
        ),
    ]),
    rule: Rule::Event(|event, _| {
        let is_service = !event.identity.invoked_by.is_empty();
        if is_service { None } else { done(event, |act| act.weight >= weight::ODD) }
    }),
    config_rules: &["guardduty-enabled-centralized", "securityhub-enabled"],
};

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::call, *};

    #[test]
    fn a_watcher_switched_off_breaks_it() {
        assert!(
            call("guardduty:UpdateDetector", json!({ "detectorId": "d", "enable": false }))
                .breaks(&CHECK)
                .is_some()
        );
        assert!(call("securityhub:DisableSecurityHub", json!(null)).breaks(&CHECK).is_some());
    }

    #[test]
    fn one_that_stays_on_and_a_refusal_do_not() {
        assert_eq!(
            call("guardduty:UpdateDetector", json!({ "detectorId": "d", "enable": true })).breaks(&CHECK),
            None
        );
        assert_eq!(
            call("guardduty:CreateFilter", json!({ "name": "f", "action": "ARCHIVE" })).breaks(&CHECK),
            None
        );
        assert_eq!(call("securityhub:DisableSecurityHub", json!(null)).refused().breaks(&CHECK), None);
    }
}
