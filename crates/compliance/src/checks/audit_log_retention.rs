//! Check: audit logs retained for less than a year, or open to overwriting.
//!
//! An attack is often found months later. The year is from PCI DSS 4.0.1, 10.5.1, the strictest mapped
//! control with a number for logs. Not a violation: a longer retention, a rule for part of a bucket, and any
//! other bucket.

use crate::{BrokenTogether, Check, Group, Rule, Speaks, Together, Trace, Traces, told, traces::by_day};
use trailwarden_core::{
    catalog::{Call, shortest_expiry},
    event::Event,
    finding::Severity,
    settings::Facts,
};

use super::audit_log_deleted::{declared, done_to_store, store};

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "Audit logs are kept for less than a year",
    group: Group::Retention,
    severity: Severity::Medium,
    remediation: &[
        "Keep them for a year at least, three months of it at hand",
        "Lock the bucket in compliance mode for that time",
    ],
    blind_spot: "How long logs were kept before the log begins; log groups, and copies elsewhere.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        ("s3", &["PutBucketLifecycle", "PutBucketLifecycleConfiguration", "PutBucketVersioning"]),
        ("cloudtrail", &["CreateTrail", "UpdateTrail"]),
        ("config", &["PutDeliveryChannel", "PutRetentionConfiguration"]),
    ]),
    rule: Rule::Together { trace, judge, sheet: Together::OF_AUDIT_LOGS },
    config_rules: &[],
};

const ID: &str = "audit-log-retention";
const SHORTENED: u8 = 1;
/// In days.
const YEAR: u64 = 365;

fn trace(event: &Event<'_>, facts: &Facts) -> Option<Trace> {
    if let Some(store) = store(event, ID) {
        return Some(store);
    }
    let call = Call::new(event);
    if &*event.event_name == "PutRetentionConfiguration" {
        let days = call.get("retentionPeriodInDays")?.as_u64().filter(|days| *days < YEAR)?;
        let what = told(event, "AWS Config's history", &format!("kept for {days} days"));
        // AWS Config's own history is an audit log in any bucket.
        return Some(
            Trace::of(event, ID, &format!("config {}", event.account_id), SHORTENED + 1, &by_day(event))
                .saying(&what),
        );
    }
    let bucket = call.text(&["bucketName"]);
    let more = match &*event.event_name {
        "PutBucketVersioning" => {
            let is_suspended = call.get("VersioningConfiguration")?.get("Status")? == "Suspended";
            is_suspended.then(|| "earlier versions are kept no longer".to_owned())?
        }
        _ => shortest_expiry(&call)
            .filter(|days| *days < YEAR)
            .map(|days| format!("everything expires after {days} days"))?,
    };
    let shortened =
        Trace::of(event, ID, bucket, SHORTENED, &by_day(event)).saying(&told(event, bucket, &more));
    Some(declared(shortened, facts))
}

fn judge(traces: &Traces) -> Vec<BrokenTogether> {
    done_to_store(traces, SHORTENED)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{
            audit_log_deleted::tests::delivery,
            testing::{Told, call, together},
        },
        *,
    };

    fn lifecycle(bucket: &str, days: u64) -> Told {
        call(
            "s3:PutBucketLifecycle",
            json!({ "bucketName": bucket, "LifecycleConfiguration": { "Rule":
            { "Status": "Enabled", "Prefix": "", "Expiration": { "Days": days } } } }),
        )
    }

    #[test]
    fn ninety_days_for_a_trails_bucket_break_it() {
        let said = together(vec![lifecycle("logs", 90), delivery("logs")], "", &CHECK);
        assert_eq!(
            said.as_deref(),
            Some("s3:PutBucketLifecycle on logs: everything expires after 90 days (it keeps audit logs)")
        );
        assert!(
            together(
                vec![call("config:PutRetentionConfiguration", json!({ "retentionPeriodInDays": 30 }))],
                "",
                &CHECK
            )
            .is_some()
        );
    }

    #[test]
    fn a_year_and_another_bucket_do_not() {
        assert_eq!(together(vec![lifecycle("logs", 365), delivery("logs")], "", &CHECK), None);
        assert_eq!(together(vec![lifecycle("cache", 7), delivery("logs")], "", &CHECK), None);
        assert_eq!(together(vec![lifecycle("logs", 7)], "", &CHECK), None);
    }
}
