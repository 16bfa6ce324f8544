//! Kept audit logs were deleted.
//!
//! Which bucket keeps audit logs is seen: CloudTrail, AWS Config and flow logs write to it, or somebody told them to;
//! or the settings say so. Innocent twin: the same in any other bucket, and expiry by a lifecycle.

use serde_json::Value;

use crate::{
    catalog::Call,
    compliance::{
        BrokenTogether, Check, Data, Facts, Group, Rule, Speaks, Trace, Traces, told, traces::is_delivery,
    },
    event::Event,
    finding::Severity,
};

pub(in crate::compliance) const CHECK: Check = Check {
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
        ("cloudtrail", &["CreateTrail", "UpdateTrail"]),
        ("config", &["PutDeliveryChannel"]),
    ]),
    rule: Rule::Together { trace, judge },
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
    let bucket = call.text(&["bucketName"]);
    if event.service() != "s3" || bucket.is_empty() || !event.event_name.starts_with("Delete") {
        return None;
    }
    let deleted = Trace::of(event, ID, bucket, DELETED, &event.event_name).saying(&told(event, bucket, ""));
    Some(declared(deleted, facts))
}

/// The bucket that a call makes, or shows to be, one that keeps audit logs.
pub(super) fn store(event: &Event<'_>, check: &str) -> Option<Trace> {
    let parameters = event.parameters();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let bucket = match (event.service(), &*event.event_name) {
        ("s3", _) if is_delivery(event) => text(&parameters["bucketName"]),
        ("cloudtrail", "CreateTrail" | "UpdateTrail") => text(&parameters["s3BucketName"]),
        ("config", "PutDeliveryChannel") => text(&parameters["deliveryChannel"]["s3BucketName"]),
        _ => return None,
    };
    (!bucket.is_empty()).then(|| Trace::of(event, check, &bucket, STORE, ""))
}

/// In a bucket that the settings declare to keep audit logs, a trace is proof by itself.
pub(super) fn declared(mut trace: Trace, facts: &Facts) -> Trace {
    let arn = format!("arn:aws:s3:::{}", trace.subject);
    let is_declared =
        facts.protected.iter().any(|rule| rule.data == Some(Data::AuditLog) && rule.covers(&arn));
    trace.part += u8::from(is_declared);
    trace
}

/// What was done to a bucket that keeps audit logs.
pub(super) fn done_to_store(traces: &Traces, part: u8) -> Option<BrokenTogether> {
    let is_store = traces.of(STORE).next().is_some();
    let done: Vec<Trace> = traces
        .of(part + 1)
        .chain(traces.of(part).filter(|_| is_store))
        .flat_map(|span| [span.first.clone(), span.last.clone()])
        .collect();
    let first = done.iter().min()?.clone();
    let what = format!("{} (it keeps audit logs)", first.what);
    let mut proof = vec![first.clone()];
    proof.extend(done.into_iter().filter(|trace| *trace != first));
    proof.dedup();
    Some(BrokenTogether { what, at: first.time, excused: None, proof })
}

fn judge(traces: &Traces) -> Option<BrokenTogether> {
    done_to_store(traces, DELETED)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::{
        super::testing::{Told, call, together},
        *,
    };

    pub(in crate::compliance::checks) fn delivery(bucket: &str) -> Told {
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
    fn another_bucket_and_a_refusal_do_not() {
        assert_eq!(together(vec![delivery("logs"), delete("website")], "", &CHECK), None);
        assert_eq!(together(vec![delivery("logs"), delete("logs").refused()], "", &CHECK), None);
    }
}
