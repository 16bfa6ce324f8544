//! Bounded traces of events, so that a check can judge several events together.
//!
//! Traces merge independent of order, duplicates and batches, however far apart the events are.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::{Deserialize, Serialize};

use super::{ALL, Rule, principal};
use trailwarden_core::event::{Event, EventId, Principal, Time, clip, date, hash};

/// Trace of one event for one check.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Trace {
    /// Event time.
    pub time: Time,
    /// CloudTrail's id of the event.
    pub event_id: EventId,
    /// Id of the check that keeps it.
    pub check: Box<str>,
    /// Subject shared by related events: a key, a change, a bucket.
    pub subject: Box<str>,
    /// Role of the event in the check's rule, a number private to the check.
    pub part: u8,
    /// Distinguishes events of the same part, for example by principal or place.
    pub who: Box<str>,
    /// Principal of the event.
    pub principal: Principal,
    /// Account id of the event.
    pub account_id: Box<str>,
    /// Region of the event.
    pub region: Box<str>,
    /// Description of what happened.
    pub what: Box<str>,
}

/// Maximum length of the subject and the texts, in bytes.
const LONGEST: usize = 256;

impl Trace {
    pub(super) fn of(event: &Event<'_>, check: &str, subject: &str, part: u8, who: &str) -> Self {
        Self {
            time: event.event_time,
            event_id: event.event_id.clone(),
            check: check.into(),
            subject: clip(subject, LONGEST).into(),
            part,
            who: clip(who, LONGEST).into(),
            principal: principal(event),
            account_id: clip(&event.account_id, 64).into(),
            region: clip(&event.aws_region, 64).into(),
            what: "".into(),
        }
    }

    pub(super) fn saying(mut self, what: &str) -> Self {
        self.what = clip(what, LONGEST).into();
        self
    }

    /// Key under which it is stored: check and subject.
    pub fn key(&self) -> (Box<str>, Box<str>) {
        (self.check.clone(), self.subject.clone())
    }
}

/// First and last of the traces with equal part and `who`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The earliest.
    pub first: Trace,
    /// The latest.
    pub last: Trace,
}

/// All traces of one subject, reduced to the first and last of each part and `who`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traces {
    /// Id of the check that keeps them.
    pub check: Box<str>,
    /// Subject shared by the events.
    pub subject: Box<str>,
    spans: BTreeMap<(u8, u64), Span>,
}

/// Maximum number of spans of one part: bottom-k by the hash of `who`.
const EACH: usize = 16;

impl Traces {
    /// Traces of one event.
    pub fn new(trace: Trace) -> Self {
        let (check, subject) = trace.key();
        let mut traces = Self { check, subject, spans: BTreeMap::new() };
        traces.add(trace);
        traces
    }

    /// Adds the trace of another event of the same subject.
    pub fn add(&mut self, trace: Trace) {
        let (part, key) = (trace.part, (trace.part, hash(&trace.who)));
        let span =
            self.spans.entry(key).or_insert_with(|| Span { first: trace.clone(), last: trace.clone() });
        if trace < span.first {
            span.first = trace;
        } else if trace > span.last {
            span.last = trace;
        }
        let of_part = self.spans.range((part, 0)..=(part, u64::MAX));
        if of_part.clone().count() > EACH
            && let Some((last, _)) = of_part.last()
        {
            let last = *last;
            self.spans.remove(&last);
        }
    }

    /// Merges the traces of `other`.
    pub fn merge(&mut self, other: Self) {
        for span in other.spans.into_values() {
            self.add(span.first);
            self.add(span.last);
        }
    }

    /// Spans of one part.
    pub fn of(&self, part: u8) -> impl Iterator<Item = &Span> {
        self.spans.range((part, 0)..=(part, u64::MAX)).map(|(_, span)| span)
    }
}

/// Principal and day, as `who` of a trace: one violation for each.
pub(super) fn by_day(event: &Event<'_>) -> String {
    format!("{} {}", principal(event).id, date(event.event_time.day()))
}

/// Positions in [`ALL`] of the checks that need traces of audit log deliveries.
pub(super) static OF_DELIVERY: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let wants = |rule: &Rule| matches!(rule, Rule::Together { sheet, .. } if sheet.wants_deliveries);
    (0..ALL.len()).filter(|at| wants(&ALL[*at].rule)).collect()
});

/// Whether AWS delivers an audit log to a bucket with this call.
pub(super) fn is_delivery(event: &Event<'_>) -> bool {
    const WRITERS: [&str; 4] = [
        "cloudtrail.amazonaws.com",
        "config.amazonaws.com",
        "delivery.logs.amazonaws.com",
        "vpc-flow-logs.amazonaws.com",
    ];
    event.service() == "s3"
        && matches!(&*event.event_name, "PutObject" | "GetBucketAcl")
        && WRITERS.contains(&&*event.identity.invoked_by)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use trailwarden_core::event::PrincipalKind;

    fn trace(who: u8, part: u8, second: i64) -> Trace {
        Trace {
            time: Time(second),
            event_id: EventId::new(&format!("e{who}-{part}-{second}"), 0),
            check: "c".into(),
            subject: "s".into(),
            part,
            who: who.to_string().into(),
            principal: Principal::new(PrincipalKind::User, "arn:aws:iam::1:user/kim", "1"),
            account_id: "1".into(),
            region: "".into(),
            what: "".into(),
        }
    }

    fn of(traces: &[Trace]) -> Traces {
        let mut all = Traces::new(traces[0].clone());
        traces.iter().for_each(|trace| all.add(trace.clone()));
        all
    }

    proptest! {
        #[test]
        fn order_copies_and_splits_change_nothing(
            seen in prop::collection::vec((0u8..40, 0u8..2, 0i64..9), 2..80),
            at in 1usize..79,
        ) {
            let seen: Vec<Trace> = seen.into_iter().map(|(who, part, second)| trace(who, part, second)).collect();
            let whole = of(&seen);
            let turned: Vec<Trace> = seen.iter().rev().chain(&seen).cloned().collect();
            prop_assert_eq!(&of(&turned), &whole);
            let (left, right) = seen.split_at(at.min(seen.len() - 1));
            let mut merged = of(right);
            merged.merge(of(left));
            prop_assert_eq!(&merged, &whole);
            prop_assert!(whole.of(0).count() <= EACH && whole.of(1).count() <= EACH);
        }
    }
}
