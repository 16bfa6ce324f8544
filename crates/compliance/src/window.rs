//! Record of judged events and findings by day, and a window of days in it.

use std::{collections::BTreeMap, ops::Range};

use serde::Serialize;

use super::census::Tally;
use trailwarden_core::{
    event::date,
    finding::{CONFIG_RULE, Finding, Status},
};

/// Counts of judged events by day, and all findings.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Counts of judged events, by day since 1970 and account id.
    pub tallies: BTreeMap<u32, BTreeMap<Box<str>, Tally>>,
    /// Compliance findings.
    pub findings: Vec<Finding>,
}

/// A range of days, both ends inclusive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Period {
    /// `2026-03-01`
    pub from: String,
    /// `2026-03-30`
    pub until: String,
    /// Number of days.
    pub days: u32,
}

/// Counts and findings of a range of days.
pub(super) struct Window<'r> {
    pub(super) days: usize,
    /// Days from the start of the whole log to the end of the window.
    pub(super) log_days: u32,
    span: Range<u32>,
    pub(super) tally: Tally,
    pub(super) findings: Vec<&'r Finding>,
}

impl<'r> Window<'r> {
    /// Counts only accounts in scope; excused findings are left out.
    pub(super) fn new(record: &'r Record, span: Range<u32>, is_in_scope: impl Fn(&str) -> bool) -> Self {
        let (mut tally, mut days) = (Tally::default(), 0);
        for accounts in
            record.tallies.range(span.start..span.end.max(span.start)).map(|(_, accounts)| accounts)
        {
            let before = tally.events;
            accounts.iter().filter(|(account, _)| is_in_scope(account)).for_each(|(_, of)| tally.add(of));
            days += usize::from(tally.events > before);
        }
        let is_of = |finding: &&Finding| {
            !is_excused(finding)
                && finding.first_seen.day() < span.end
                && finding.last_seen.day() >= span.start
        };
        let mut findings: Vec<&Finding> = record.findings.iter().filter(is_of).collect();
        findings.sort_by(|a, b| (a.first_seen, &a.id).cmp(&(b.first_seen, &b.id)));
        let log_days = record.tallies.keys().next().map_or(0, |first| span.end.saturating_sub(*first));
        Self { days, log_days, span, tally, findings }
    }

    pub(super) fn period(&self) -> Period {
        Period {
            from: date(self.span.start),
            until: date(self.span.end.saturating_sub(1)),
            days: self.span.end - self.span.start,
        }
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &&'r Finding> {
        self.findings.iter().filter(|finding| finding.status == Status::Open)
    }
}

/// Whether the finding turned out to be no violation. A finding that AWS Config closes was one, and was
/// remedied.
fn is_excused(finding: &Finding) -> bool {
    matches!(finding.status, Status::Closed(_)) && finding.detector != CONFIG_RULE
}
