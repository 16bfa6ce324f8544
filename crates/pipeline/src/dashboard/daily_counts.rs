//! Daily counts of findings, computed once per day and cached, since the board is polled every few seconds.

use std::collections::{BTreeMap, HashMap};

use crate::index_entries::FindingLine;
use trailwarden_core::{
    event::Time,
    finding::{Kind, Severity},
};

/// Length of a part of a day, in hours.
pub const PART: u32 = 6;
const PARTS: usize = 24 / PART as usize;

/// Counts of a day's open findings, by time last seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DailyCounts {
    /// Day, in days since 1970.
    pub day: u32,
    /// By part of [`PART`] hours, and by severity from INFORMATIONAL to CRITICAL.
    pub parts: [[u32; 5]; PARTS],
    /// Worst severity per principal.
    pub(crate) worst: HashMap<String, Severity>,
    /// By minute: numbers of behaviour findings and of violations, LOW and worse.
    minutes: BTreeMap<i64, [u64; 2]>,
}

impl DailyCounts {
    /// Counts a day's findings.
    pub fn of<'l>(day: u32, findings: impl Iterator<Item = &'l FindingLine<'l>>) -> Self {
        let mut tally = Self { day, ..Self::default() };
        findings.for_each(|finding| tally.add(finding));
        tally
    }

    /// Counts findings of any days, one tally per day.
    pub fn by_day<'l>(findings: impl Iterator<Item = &'l FindingLine<'l>>) -> Vec<Self> {
        let mut days: BTreeMap<u32, Self> = BTreeMap::new();
        for finding in findings {
            let day = finding.last_seen.day();
            days.entry(day).or_insert_with(|| Self { day, ..Self::default() }).add(finding);
        }
        days.into_values().collect()
    }

    fn add(&mut self, finding: &FindingLine<'_>) {
        if !finding.is_open {
            return;
        }
        self.parts[(finding.last_seen.hour() % 24 / PART) as usize][finding.severity as usize] += 1;
        match self.worst.get_mut(&*finding.principal) {
            Some(worst) => *worst = finding.severity.max(*worst),
            None => _ = self.worst.insert(finding.principal.clone().into_owned(), finding.severity),
        }
        if finding.severity >= Severity::Low {
            let minute = self.minutes.entry(finding.last_seen.0.div_euclid(60)).or_default();
            minute[usize::from(finding.kind == Kind::Compliance)] += 1;
        }
    }

    /// Behaviour findings, LOW and worse, by minute.
    pub(crate) fn anomalies(&self) -> impl Iterator<Item = (Time, u64)> {
        self.minutes.iter().map(|(minute, [anomalies, _])| (Time(minute * 60), *anomalies))
    }

    /// Violations, LOW and worse, by minute.
    pub(crate) fn violations(&self) -> impl Iterator<Item = (Time, u64)> {
        self.minutes.iter().map(|(minute, [_, violations])| (Time(minute * 60), *violations))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailwarden_core::{
        event::DAY,
        finding::{Finding, Status},
    };
    use trailwarden_response::playbooks::testing::found;

    #[test]
    fn what_stands_is_counted_by_day_part_and_minute() {
        let at = |seconds: i64| Time(20_000 * DAY + seconds);
        let grave =
            Finding { severity: Severity::Critical, last_seen: at(7 * 3_600 + 61), ..found("evasion", &[]) };
        let slight =
            Finding { severity: Severity::Informational, last_seen: at(7 * 3_600 + 62), ..grave.clone() };
        let broken = Finding { kind: Kind::Compliance, severity: Severity::Low, ..grave.clone() };
        let closed = Finding { status: Status::Closed("over".into()), ..grave.clone() };
        let tomorrow = Finding { last_seen: at(DAY), severity: Severity::Medium, ..grave.clone() };
        let findings = [&slight, &grave, &broken, &closed, &tomorrow].map(FindingLine::from);
        let [first, second] = &DailyCounts::by_day(findings.iter())[..] else { panic!("two days") };
        assert_eq!((first.day, second.day), (20_000, 20_001));
        assert_eq!(first.parts, [[0; 5], [1, 1, 0, 0, 1], [0; 5], [0; 5]]);
        assert_eq!(second.parts[0], [0, 0, 1, 0, 0]);
        assert_eq!(first.worst, HashMap::from([(grave.principal.clone(), Severity::Critical)]));
        assert_eq!(
            first.anomalies().collect::<Vec<_>>(),
            [(at(7 * 3_600 + 60), 1)],
            "the slight one is none"
        );
        assert_eq!(first.violations().collect::<Vec<_>>(), [(at(7 * 3_600 + 60), 1)]);
        assert_eq!(*second, DailyCounts::of(20_001, findings[4..].iter()));
    }
}
