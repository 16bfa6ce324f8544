//! Compliance report stage: builds a report from stored violations and counts. Runs on a schedule.

use std::collections::BTreeMap;

use crate::{
    compliance_check::{COUNTED, COUNTS},
    index_entries::Compliance,
    ports::{Freshness, Over, Table, Unavailable, Write},
    table_schema::{self, ACCEPTED, KeptFinding, ORGANISATION, STANDING},
};
use trailwarden_compliance::{
    Census, FRAMEWORKS,
    report::{Record, Report},
};
use trailwarden_core::{
    activity::Scope,
    event::Time,
    finding::{Finding, Kind},
    settings::Settings,
};

/// Suffix that sorts after every key with the same prefix.
const BEHIND: char = '\u{7f}';

/// Report on the `days` days before today, for every framework; the same number of days before them is read to compare.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn compliance_report(
    table: &impl Table,
    settings: &Settings,
    days: u32,
    now: Time,
) -> Result<Report, Unavailable> {
    let last = now.day().saturating_sub(1);
    let first = (last + 1).saturating_sub(2 * days);
    let mut record = Record::default();
    // A violation that continues today is listed under today.
    for day in first..=last + 1 {
        record.findings.extend(violations(table, day).await?);
    }
    let (from, to) = (COUNTED.to_owned(), format!("{COUNTED}{BEHIND}"));
    for (sort, _) in table.range(ORGANISATION, &from, &to, Freshness::Stale).await? {
        let account = sort.strip_prefix(COUNTED).unwrap_or_default();
        add_counts(table, account, first, last, &mut record).await?;
    }
    Ok(Report::new(&record, FRAMEWORKS, &settings.facts, last, days, now))
}

/// Stores the report's scores as the control status that the dashboard shows.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn keep_standing(table: &impl Table, report: &Report, days: u32) -> Result<(), Unavailable> {
    let body = table_schema::write(&Compliance::new(report, days));
    let write = Write { body, ..Write::default() };
    table.put(&table_schema::standing_key(), write, Over::Anything).await.map(drop)
}

/// Violations of a day, open and accepted.
async fn violations(table: &impl Table, day: u32) -> Result<Vec<Finding>, Unavailable> {
    let partition = table_schema::day_partition(day);
    let mut keys = Vec::new();
    for kind in [STANDING, ACCEPTED] {
        let listed = table.listed(&partition, kind, &format!("{kind}{BEHIND}")).await?;
        keys.extend(listed.into_iter().map(|entry| entry.key));
    }
    // Few findings are violations. Ids begin with the check's name, so only violations are read.
    let names = trailwarden_compliance::ids();
    let is_violation = |sort: &str| {
        sort.split('#').nth(2).is_some_and(|id| names.iter().any(|name| id.split('/').next() == Some(name)))
    };
    keys.retain(|key| is_violation(&key.sort));
    let kept = table.get_many(keys).await?;
    let findings = kept.into_iter().map(|(_, item)| Ok(KeptFinding::read(&item)?.finding));
    let findings: Vec<Finding> = findings.collect::<Result<_, Unavailable>>()?;
    Ok(findings.into_iter().filter(|finding| finding.kind == Kind::Compliance).collect())
}

async fn add_counts(
    table: &impl Table,
    account: &str,
    first: u32,
    last: u32,
    record: &mut Record,
) -> Result<(), Unavailable> {
    let partition = Scope::Account(account.into()).partition();
    let at = |day: u32| format!("{COUNTS}{}", table_schema::date(day));
    let days: BTreeMap<String, u32> = (first..=last).map(|day| (at(day), day)).collect();
    for (sort, item) in table.range(&partition, &at(first), &at(last), Freshness::Stale).await? {
        if let Some(day) = days.get(&sort) {
            let of_day = record.tallies.entry(*day).or_default();
            of_day.entry(account.into()).or_default().add(&table_schema::read::<Census>(&item)?.tally());
        }
    }
    Ok(())
}
