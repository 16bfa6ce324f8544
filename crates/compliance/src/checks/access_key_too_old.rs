//! Check: long-lived access key in use for more than ninety days.
//!
//! The longer a secret lives, the more places hold a copy. Not a violation: a key rotated in time, and
//! session keys, which expire by themselves.

use crate::{BrokenTogether, Check, Group, Keeping, Rule, Span, Speaks, Together, Trace, Traces};
use trailwarden_core::{
    event::{DAY, Event, Time, date},
    finding::Severity,
    settings::Facts,
};

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "An access key is older than 90 days",
    group: Group::Credentials,
    severity: Severity::Medium,
    remediation: &[
        "Make a second key, change over, delete the old one",
        "Better: give the workload a role, and the person Identity Center",
    ],
    blind_spot: "How old a key was when the log begins: its age is at least what is told.",
    needs: None,
    speaks_about: Speaks::Those(|event, _| is_long_lived(event)),
    rule: Rule::Together {
        trace,
        judge,
        sheet: Together { is_by_day: true, evidence: Keeping::AfterDays(DAYS), ..Together::PLAIN },
    },
    config_rules: &["access-keys-rotated"],
};

const ID: &str = "access-key-too-old";
/// Maximum age by the frameworks and by the CIS AWS Benchmark (1.14).
const DAYS: u32 = 90;
const MOST: i64 = DAYS as i64 * DAY;

/// AWS's prefix of keys that do not expire: IAM user guide, "Understanding unique ID prefixes".
fn is_long_lived(event: &Event<'_>) -> bool {
    event.identity.access_key_id.starts_with("AKIA")
}

fn trace(event: &Event<'_>, _: &Facts) -> Option<Trace> {
    let is_dated = event.event_time != Time::UNDATED;
    (is_dated && is_long_lived(event)).then(|| Trace::of(event, ID, &event.identity.access_key_id, 0, ""))
}

fn judge(traces: &Traces) -> Vec<BrokenTogether> {
    traces.of(0).filter_map(|used| too_old(traces, used)).collect()
}

fn too_old(traces: &Traces, used: &Span) -> Option<BrokenTogether> {
    let (first, last) = (used.first.time, used.last.time);
    (last.0 - first.0 > MOST).then(|| BrokenTogether {
        what: format!(
            "access key {} was in use on {} and still on {}, {} days later",
            traces.subject,
            date(first.day()),
            date(last.day()),
            (last.0 - first.0) / DAY
        ),
        proof: vec![used.last.clone(), used.first.clone()],
        at: Time(first.0 + MOST),
        excused: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{Told, call, together, user},
        *,
    };

    fn used(key: &str, at: &str) -> Told {
        let mut kim = user("kim");
        kim["accessKeyId"] = key.into();
        call("s3:ListBuckets", json!({})).by(kim).at(at)
    }

    #[test]
    fn a_key_of_a_hundred_days_breaks_it() {
        let said = together(
            vec![used("AKIA1", "2026-01-01T08:00:00Z"), used("AKIA1", "2026-04-11T08:00:00Z")],
            "",
            &CHECK,
        );
        assert_eq!(
            said.as_deref(),
            Some("access key AKIA1 was in use on 2026-01-01 and still on 2026-04-11, 100 days later")
        );
    }

    #[test]
    fn ninety_days_a_changed_key_and_a_sessions_key_do_not() {
        let ninety = vec![used("AKIA1", "2026-01-01T08:00:00Z"), used("AKIA1", "2026-04-01T08:00:00Z")];
        assert_eq!(together(ninety, "", &CHECK), None);
        let changed = vec![used("AKIA1", "2026-01-01T08:00:00Z"), used("AKIA2", "2026-06-01T08:00:00Z")];
        assert_eq!(together(changed, "", &CHECK), None);
        let session = vec![used("ASIA1", "2026-01-01T08:00:00Z"), used("ASIA1", "2026-06-01T08:00:00Z")];
        assert_eq!(together(session, "", &CHECK), None);
    }
}
