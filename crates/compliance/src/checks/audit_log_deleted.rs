//! Check: stored audit logs deleted.
//!
//! A bucket counts as an audit log store if CloudTrail, AWS Config or flow logs write to it, if a call
//! configures them to, or if the settings declare it; a log group, if a trail is updated to write to it. Not
//! a violation: the same call on any other bucket, and expiry by a lifecycle rule.

use serde_json::Value;

use crate::{
    BrokenTogether, Check, Group, Rule, Speaks, Together, Trace, Traces, told,
    traces::{by_day, is_delivery},
};
use trailwarden_core::{
    catalog::Call,
    event::Event,
    finding::Severity,
    settings::{Data, Facts},
};

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "Audit logs were deleted",
    group: Group::Logging,
    severity: Severity::High,
    remediation: &[
        "Keep what is left: lock the objects, copy them away",
        "Restore earlier versions if the bucket keeps them",
        "Let nobody delete there; lock the bucket for as long as logs must be kept",
    ],
    blind_spot: "Single objects that were deleted, unless CloudTrail records data events.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        ("s3", &["DeleteBucket", "DeleteObject", "DeleteObjects"]),
        ("logs", &["DeleteLogGroup", "DeleteLogStream"]),
        ("cloudtrail", &["CreateTrail", "UpdateTrail"]),
        ("config", &["PutDeliveryChannel"]),
    ]),
    rule: Rule::Together { trace, judge, sheet: Together::OF_AUDIT_LOGS },
    config_rules: &[],
};

const ID: &str = "audit-log-deleted";
pub(super) const STORE: u8 = 0;
const DELETED: u8 = 1;

fn trace(event: &Event<'_>, facts: &Facts) -> Option<Trace> {
    if let Some(store) = store(event, ID) {
        return Some(store);
    }
    let call = Call::new(event);
    let store = call.text(&["bucketName", "logGroupName"]);
    if store.is_empty() || !event.event_name.starts_with("Delete") {
        return None;
    }
    let deleted = Trace::of(event, ID, store, DELETED, &by_day(event)).saying(&told(event, store, ""));
    Some(declared(deleted, facts))
}

/// The bucket or log group that a call configures, or shows, as an audit log store.
pub(super) fn store(event: &Event<'_>, check: &str) -> Option<Trace> {
    let parameters = event.parameters();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let group = |arn: &Value| {
        text(arn).split(":log-group:").nth(1).map(|name| name.trim_end_matches(":*").to_owned())
    };
    let kept_in_group = group(&parameters["cloudWatchLogsLogGroupArn"]);
    let bucket = match (event.service(), &*event.event_name) {
        ("cloudtrail", "UpdateTrail") if kept_in_group.is_some() => kept_in_group.unwrap_or_default(),
        ("s3", _) if is_delivery(event) => text(&parameters["bucketName"]),
        ("cloudtrail", "CreateTrail" | "UpdateTrail") => text(&parameters["s3BucketName"]),
        ("config", "PutDeliveryChannel") => text(&parameters["deliveryChannel"]["s3BucketName"]),
        _ => return None,
    };
    (!bucket.is_empty()).then(|| Trace::of(event, check, &bucket, STORE, ""))
}

/// Raises a trace's part by one if the settings declare its bucket as an audit log store: it is then proof by
/// itself.
pub(super) fn declared(mut trace: Trace, facts: &Facts) -> Trace {
    let arn = format!("arn:aws:s3:::{}", trace.subject);
    let is_declared =
        facts.protected.iter().any(|rule| rule.data == Some(Data::AuditLog) && rule.covers(&arn));
    trace.part += u8::from(is_declared);
    trace
}

/// Violations on an audit log store, one for each principal and day.
pub(super) fn done_to_store(traces: &Traces, part: u8) -> Vec<BrokenTogether> {
    let is_store = traces.of(STORE).next().is_some();
    let done = traces.of(part + 1).chain(traces.of(part).filter(|_| is_store));
    done.map(|span| BrokenTogether {
        what: format!("{} (it keeps audit logs)", span.first.what),
        at: span.first.time,
        excused: None,
        proof: vec![span.first.clone(), span.last.clone()],
    })
    .collect()
}

fn judge(traces: &Traces) -> Vec<BrokenTogether> {
    done_to_store(traces, DELETED)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::{
        super::testing::{Told, call, together},
        *,
    };

    pub(in crate::checks) fn delivery(bucket: &str) -> Told {
        call("s3:GetBucketAcl", json!({ "bucketName": bucket }))
            .by(json!({ "type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com" }))
    }

    fn delete(bucket: &str) -> Told {
        call("s3:DeleteBucket", json!({ "bucketName": bucket }))
    }

    #[test]
    fn deleting_where_a_trail_writes_breaks_it_in_any_order() {
        let said = together(vec![delivery("logs"), delete("logs")], "", &CHECK);
        assert_eq!(said.as_deref(), Some("s3:DeleteBucket on logs (it keeps audit logs)"));
        let told = call("cloudtrail:CreateTrail", json!({ "name": "main", "s3BucketName": "logs" }));
        assert!(together(vec![told, delete("logs")], "", &CHECK).is_some());
    }

    #[test]
    fn so_does_deleting_where_the_settings_say_that_logs_are() {
        let settings = "[[protected]]\nresources = [\"arn:aws:s3:::archive\"]\ndata = \"audit-log\"\n";
        assert!(together(vec![delete("archive")], settings, &CHECK).is_some());
    }

    #[test]
    fn each_of_several_people_on_each_of_several_days_is_named() {
        let by = |who: &str, at: &str| delete("logs").by(super::super::testing::user(who)).at(at);
        let all = vec![
            delivery("logs"),
            by("ann", "2026-01-10T09:00:00Z"),
            by("bob", "2026-02-10T09:00:00Z"),
            by("ann", "2026-03-10T09:00:00Z"),
        ];
        assert_eq!(super::super::testing::count(&all, &CHECK), 3);
    }

    #[test]
    fn a_trails_log_group_is_one_too() {
        let arn = "arn:aws:logs:eu-west-1:111122223333:log-group:trail:*";
        let told =
            call("cloudtrail:UpdateTrail", json!({ "name": "main", "cloudWatchLogsLogGroupArn": arn }));
        assert!(
            together(vec![told, call("logs:DeleteLogGroup", json!({ "logGroupName": "trail" }))], "", &CHECK)
                .is_some()
        );
        assert_eq!(
            together(vec![call("logs:DeleteLogGroup", json!({ "logGroupName": "app" }))], "", &CHECK),
            None
        );
    }

    #[test]
    fn another_bucket_and_a_refusal_do_not() {
        assert_eq!(together(vec![delivery("logs"), delete("website")], "", &CHECK), None);
        assert_eq!(together(vec![delivery("logs"), delete("logs").refused()], "", &CHECK), None);
    }
}
