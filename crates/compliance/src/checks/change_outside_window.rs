//! Check: change by a person outside the declared change windows.
//!
//! Nobody reviews a change that nobody expects. Not a violation: reads, data access, sign-ins, services and
//! pipelines (which run at any time), accounts without a window, and break-glass identities.

use crate::{Broken, Check, Group, Need, Rule, Speaks, principal, told};
use trailwarden_core::{
    event::{Event, PrincipalKind},
    finding::Severity,
    settings::Facts,
};

pub(crate) const CHECK: Check = Check {
    id: "change-outside-window",
    title: "A change outside the declared change windows",
    group: Group::Separation,
    severity: Severity::Medium,
    remediation: &["Ask for the change's ticket", "Widen the window if it is too narrow for honest work"],
    blind_spot: "Whether the change was approved as an exception.",
    needs: Some(Need { key: "change_window", is_given: |facts| !facts.change_windows.is_empty() }),
    speaks_about: Speaks::Every(|event, facts| is_change(event) && facts.is_out_of_hours(event)),
    rule: Rule::Event(violates),
    config_rules: &[],
};

/// Prefixes of calls that change a configuration.
const CHANGES: &[&str] = &[
    "Create",
    "Delete",
    "Put",
    "Update",
    "Modify",
    "Attach",
    "Detach",
    "Add",
    "Remove",
    "Authorize",
    "Revoke",
    "Enable",
    "Disable",
    "Stop",
    "Start",
    "Terminate",
    "Run",
    "Replace",
    "Associate",
    "Disassociate",
    "Register",
    "Deregister",
    "Set",
    "Execute",
    "Send",
    "Schedule",
    "Import",
    "Restore",
    "Reset",
    "Reboot",
    "Provision",
];
/// Calls with such a prefix that only use existing resources.
const OF_USE: &[&str] = &[
    "PutObject",
    "DeleteObject",
    "DeleteObjects",
    "CreateMultipartUpload",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "ExecuteStatement",
    "SendMessage",
    "SendMessageBatch",
    "DeleteMessage",
    "DeleteMessageBatch",
    "CreateLogStream",
    "PutLogEvents",
    "PutMetricData",
    "PutRecord",
    "PutRecords",
    "PutEvents",
    "StartSession",
    "StartQuery",
    "StartQueryExecution",
    "StopQueryExecution",
    "CreateGrant",
    "SendEmail",
    "CreateSession",
    "StartExecution",
    "RunTask",
    "StartBuild",
    "StartPipelineExecution",
];

fn is_change(event: &Event<'_>) -> bool {
    event.read_only != Some(true)
        && CHANGES.iter().any(|verb| event.event_name.starts_with(verb))
        && !OF_USE.contains(&&*event.event_name)
        && !matches!(event.service(), "signin" | "sts")
}

fn violates(event: &Event<'_>, facts: &Facts) -> Option<Broken> {
    let who = principal(event);
    let is_person = matches!(
        who.kind,
        PrincipalKind::Person | PrincipalKind::User | PrincipalKind::Root | PrincipalKind::IdentityCenter
    );
    let is_by_hand = event.identity.invoked_by.is_empty() && !facts.is_break_glass(&who);
    (is_person && is_by_hand).then(|| told(event, "", &format!("at {}", event.event_time)).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{call, role},
        *,
    };

    /// 2026-03-04 is a Wednesday.
    const SETTINGS: &str = "[[change_window]]\ndays = [\"tue\"]\nfrom = \"18:00\"\nuntil = \"20:00\"\n";

    #[test]
    fn a_change_at_noon_on_a_wednesday_breaks_it() {
        for change in [
            "ec2:CreateVpc",
            "dynamodb:DeleteTable",
            "kms:PutKeyPolicy",
            "cloudformation:ExecuteChangeSet",
            "ssm:SendCommand",
        ] {
            assert!(call(change, json!({})).breaks_given(SETTINGS, &CHECK).is_some(), "{change}");
        }
        assert_eq!(call("ec2:CreateVpc", json!({})).breaks(&CHECK), None, "no window is declared");
    }

    #[test]
    fn a_change_in_the_window_reading_data_and_pipelines_do_not() {
        assert_eq!(
            call("ec2:CreateVpc", json!({})).at("2026-03-03T19:00:00Z").breaks_given(SETTINGS, &CHECK),
            None
        );
        assert_eq!(call("ec2:DescribeVpcs", json!({})).breaks_given(SETTINGS, &CHECK), None);
        assert_eq!(call("s3:PutObject", json!({})).breaks_given(SETTINGS, &CHECK), None);
        assert_eq!(
            call("ec2:CreateVpc", json!({})).by(role("pipeline")).breaks_given(SETTINGS, &CHECK),
            None
        );
        let elsewhere = format!("{SETTINGS}accounts = [\"999900001111\"]\n");
        assert_eq!(call("ec2:CreateVpc", json!({})).breaks_given(&elsewhere, &CHECK), None);
    }
}
