//! Silence: accounts and Regions whose log stopped.
//!
//! An attacker who stops the trail, or its delivery, must not stop us unnoticed. Nights, weekends and quiet
//! Regions look alike, so a silence is measured against the longest earlier silence of the same account or
//! Region.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    baseline::Fact,
    catalog::{Tactic, Technique},
    event::{HOUR, PrincipalKind, Time},
    finding::{Finding, Kind, Severity, Status},
};

/// Detector id of these findings.
pub const DETECTOR: &str = "silence";
/// Hours of log from which silence is judged: a week and a day, so that a weekend is included.
const KNOWN_HOURS: u32 = 8 * 24;
/// Shortest silence in hours: CloudTrail itself may be late.
const SHORTEST: u32 = 6;
/// Multiple of the longest earlier silence that is too long.
const TIMES: u32 = 2;

/// Findings for the silences of an account at `now`; `watched` is a [`Fact::Watched`] of that account.
pub fn silences(account: &str, watched: &Fact, now: Time) -> Vec<Finding> {
    let Fact::Watched(regions) = watched else { return Vec::new() };
    let whole: BTreeSet<u32> = regions.values().flat_map(hours).collect();
    if let Some(silence) = Silence::of(&whole, now) {
        return vec![silence.finding(account, None)];
    }
    let of_region = |region: &str, days: &BTreeMap<u32, u32>| {
        let silence = Silence::of(&hours(days).collect(), now)?;
        Some(silence.finding(account, Some(region)))
    };
    regions.iter().filter_map(|(region, days)| of_region(region, days)).collect()
}

/// One finding for all accounts that fell silent together.
pub fn of_organisation(accounts: &[&Finding]) -> Finding {
    let first = accounts.iter().min_by_key(|finding| (finding.first_seen, &finding.id));
    let last = accounts.iter().map(|finding| finding.last_seen).max().unwrap_or_default();
    let mut finding = first
        .map_or_else(|| Silence { last: 0, longest: 0 }.finding("", None), |first| Finding::clone(first));
    finding.id = Finding::id_of(DETECTOR, "organisation", finding.first_seen.day());
    "Most accounts fell silent together".clone_into(&mut finding.title);
    "organisation".clone_into(&mut finding.principal);
    finding.account_id = String::new();
    finding.last_seen = last;
    finding.evidence = vec![format!(
        "{} accounts were last heard at about {}, and are silent beyond their habit",
        accounts.len(),
        finding.first_seen
    )];
    finding
}

/// Active hours, since 1970, of days as bit masks.
fn hours(days: &BTreeMap<u32, u32>) -> impl Iterator<Item = u32> {
    days.iter().flat_map(|(day, mask)| {
        (0..24).filter(move |hour| mask >> hour & 1 == 1).map(move |hour| day * 24 + hour)
    })
}

struct Silence {
    /// The last hour with activity.
    last: u32,
    /// Longest earlier silence, in hours.
    longest: u32,
}

impl Silence {
    fn of(heard: &BTreeSet<u32>, now: Time) -> Option<Self> {
        let (first, last) = (*heard.first()?, *heard.last()?);
        if last - first < KNOWN_HOURS {
            return None;
        }
        let longest = heard.iter().zip(heard.iter().skip(1)).map(|(a, b)| b - a - 1).max()?;
        let silence = Self { last, longest };
        (now.hour() > last + silence.allowed()).then_some(silence)
    }

    fn allowed(&self) -> u32 {
        (self.longest * TIMES).max(SHORTEST)
    }

    fn finding(&self, account: &str, region: Option<&str>) -> Finding {
        let place = region.map_or_else(|| "The account".to_owned(), |region| format!("Region {region}"));
        let subject = format!("account:{account}|{}", region.unwrap_or_default());
        let last = Time(i64::from(self.last) * HOUR);
        let severity = if region.is_some() { Severity::Medium } else { Severity::High };
        Finding {
            id: Finding::id_of(DETECTOR, &subject, self.last / 24),
            kind: Kind::Anomaly,
            detector: DETECTOR.to_owned(),
            title: if region.is_some() { "A Region fell silent" } else { "An account fell silent" }
                .to_owned(),
            severity,
            score: if region.is_some() { 0.5 } else { 0.75 },
            confidence: 0.6,
            principal: format!("account:{account}"),
            principal_kind: PrincipalKind::Unknown,
            callers: Vec::new(),
            account_id: account.to_owned(),
            region: region.unwrap_or_default().to_owned(),
            first_seen: last,
            last_seen: Time(i64::from(self.last + self.allowed() + 1) * HOUR),
            techniques: Technique::find("T1562.008").into_iter().collect(),
            tactics: vec![Tactic::DefenseEvasion],
            event_ids: Vec::new(),
            evidence: vec![format!(
                "{place} was last heard in the hour from {last}; its longest silence before was {} hours",
                self.longest
            )],
            recommendations: [
                "See whether the trail still logs, and still delivers to its bucket",
                "See whether the bucket's notifications and the forwarding rules still stand",
                "If somebody stopped one of them, treat it as evasion",
            ]
            .map(str::to_owned)
            .to_vec(),
            controls: Vec::new(),
            status: Status::Open,
            thresholds: crate::severity::thresholds::Thresholds::default(),
            contributions: Vec::new(),
            usual: Vec::new(),
            observed: Vec::new(),
            features: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Activity on workdays from 8:00 to 18:00 in one Region, and at all hours in another, for `days` days
    /// from a Monday.
    fn habits(days: u32) -> Fact {
        let monday = 20_000 - 20_000 % 7 + 4;
        let office = (0..days).filter(|day| day % 7 < 5).map(|day| (monday + day, 0x3FF00)).collect();
        let always = (0..days).map(|day| (monday + day, 0xFF_FFFF)).collect();
        Fact::Watched([("eu-west-1".into(), office), ("us-east-1".into(), always)].into())
    }

    fn silent_after(days: u32, hours: u32) -> Vec<(String, Severity)> {
        let monday = 20_000 - 20_000 % 7 + 4;
        let now = Time(i64::from((monday + days) * 24 + hours) * HOUR);
        let found = silences("111122223333", &habits(days), now);
        found.into_iter().map(|finding| (finding.region, finding.severity)).collect()
    }

    #[test]
    fn an_account_that_never_sleeps_is_missed_after_hours() {
        assert_eq!(silent_after(12, 5), vec![]);
        assert_eq!(silent_after(12, 8), vec![(String::new(), Severity::High)]);
    }

    #[test]
    fn a_weekend_is_no_silence_for_an_office() {
        let Fact::Watched(mut regions) = habits(12) else { panic!() };
        regions.remove("us-east-1");
        let monday = 20_000 - 20_000 % 7 + 4;
        let sunday = Time(i64::from((monday + 13) * 24) * HOUR);
        assert!(silences("1", &Fact::Watched(regions.clone()), sunday).is_empty());
        let next_sunday = Time(sunday.0 + 7 * 24 * HOUR);
        assert_eq!(silences("1", &Fact::Watched(regions), next_sunday).len(), 1);
    }

    #[test]
    fn a_new_account_has_no_habits() {
        assert_eq!(silent_after(6, 100), vec![]);
    }
}
