//! Check: activity log stopped, deleted or narrowed.
//!
//! Without the log no other control can be proved. Not a violation: an attempt that AWS refused, a trail that
//! records more than before, and an application deleting its own log.

use crate::{Check, Group, Rule, Speaks, done};
use trailwarden_core::{
    catalog::{Call, weight},
    event::Event,
    finding::Severity,
};

pub(crate) const CHECK: Check = Check {
    id: "logging-weakened",
    title: "An audit log was stopped or weakened",
    group: Group::Logging,
    severity: Severity::High,
    remediation: &[
        "Switch the log on again, as it was",
        "Find out what happened in the account while it was off",
        "Deny the call to everybody by a service control policy",
    ],
    blind_spot: "What happened while the log was off; a log that was never on; whether a trail covered other Regions before it was said not to.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        (
            "cloudtrail",
            &[
                "StopLogging",
                "DeleteTrail",
                "UpdateTrail",
                "PutEventSelectors",
                "DeleteEventDataStore",
                "StopEventDataStoreIngestion",
            ],
        ),
        (
            "config",
            &[
                "StopConfigurationRecorder",
                "DeleteConfigurationRecorder",
                "DeleteDeliveryChannel",
                "DeleteServiceLinkedConfigurationRecorder",
            ],
        ),
        ("ec2", &["DeleteFlowLogs"]),
        ("route53resolver", &["DeleteResolverQueryLogConfig", "DisassociateResolverQueryLogConfig"]),
        ("rds", &["StopActivityStream"]),
        ("redshift", &["DisableLogging"]),
        ("wafv2", &["DeleteLoggingConfiguration"]),
        ("bedrock", &["DeleteModelInvocationLoggingConfiguration"]),
    ]),
    rule: Rule::Event(
        |event, _| if says_less(event) { done(event, |act| act.weight >= weight::ODD) } else { None },
    ),
    config_rules: &[
        "cloudtrail-enabled",
        "cloud-trail-enabled",
        "multi-region-cloudtrail-enabled",
        "multi-region-cloud-trail-enabled",
        "vpc-flow-logs-enabled",
        "cloudtrail-s3-dataevents-enabled",
    ],
};

/// Whether the call reduces what is logged.
///
/// Tools send a trail's whole configuration with each change, and some trails cover only data events or one
/// Region. The call does not contain the previous state, so it must explicitly drop something that a trail
/// records by default.
fn says_less(event: &Event<'_>) -> bool {
    let call = Call::new(event);
    match &*event.event_name {
        "UpdateTrail" => call.is_off("includeGlobalServiceEvents"),
        "PutEventSelectors" => !call.parameters.to_string().contains("AWS::"),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::call, *};

    #[test]
    fn a_stopped_trail_or_recorder_breaks_it() {
        assert_eq!(
            call("cloudtrail:StopLogging", json!({ "name": "main" })).breaks(&CHECK).as_deref(),
            Some("cloudtrail:StopLogging on main")
        );
        assert!(
            call("config:StopConfigurationRecorder", json!({ "configurationRecorderName": "r" }))
                .breaks(&CHECK)
                .is_some()
        );
        assert!(
            call(
                "cloudtrail:UpdateTrail",
                json!({ "name": "main", "isMultiRegionTrail": false, "includeGlobalServiceEvents": false })
            )
            .breaks(&CHECK)
            .is_some()
        );
    }

    #[test]
    fn a_trail_of_one_region_and_one_for_data_do_not() {
        let one = json!({ "name": "main", "isMultiRegionTrail": false, "enableLogFileValidation": true });
        assert_eq!(call("cloudtrail:UpdateTrail", one).breaks(&CHECK), None);
        let data = json!({ "trailName": "data", "eventSelectors": [{ "includeManagementEvents": false,
            "dataResources": [{ "type": "AWS::S3::Object", "values": ["arn:aws:s3"] }] }] });
        assert_eq!(call("cloudtrail:PutEventSelectors", data).breaks(&CHECK), None);
        let nothing =
            json!({ "trailName": "main", "eventSelectors": [{ "includeManagementEvents": false }] });
        assert!(call("cloudtrail:PutEventSelectors", nothing).breaks(&CHECK).is_some());
    }

    #[test]
    fn a_refused_attempt_a_started_trail_and_one_that_sees_more_do_not() {
        assert_eq!(call("cloudtrail:StopLogging", json!({ "name": "main" })).refused().breaks(&CHECK), None);
        assert_eq!(call("cloudtrail:StartLogging", json!({ "name": "main" })).breaks(&CHECK), None);
        assert_eq!(
            call("cloudtrail:UpdateTrail", json!({ "name": "main", "isMultiRegionTrail": true }))
                .breaks(&CHECK),
            None
        );
        assert_eq!(call("logs:DeleteLogGroup", json!({ "logGroupName": "/app" })).breaks(&CHECK), None);
    }
}
