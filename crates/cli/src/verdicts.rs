//! Analysts' verdicts from a file or a state, and the thresholds learnt from them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use trailwarden_core::{
    detectors,
    event::Time,
    finding::{Finding, Kind, Severity},
    settings::Settings,
    severity::thresholds::{FALSE_ALERTS, History, VERDICT_DAYS, Verdict},
};
use trailwarden_pipeline::{
    feedback::{Word, given},
    ports::Table,
};

use crate::{files, text::count};

/// A line of the file: `finding,verdict,day`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    finding: String,
    verdict: Verdict,
    day: String,
}

/// Verdict on a finding, with its day since 1970.
pub(crate) struct Said {
    finding: String,
    verdict: Verdict,
    day: u32,
}

/// Reads a CSV with the header `finding,verdict,day`; verdicts are `true_positive` and `false_positive`.
///
/// # Errors
/// The first invalid line, and the reason.
pub(crate) fn read(path: &Path) -> Result<Vec<Said>> {
    let text = std::fs::read(path).with_context(|| format!("reading verdicts {}", files::show(path)))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(&text[..]);
    let mut said = Vec::new();
    for (row, line) in reader.deserialize::<Line>().zip(2u32..) {
        let place = || format!("verdicts {}, line {line}", files::show(path));
        let row = row.with_context(|| {
            format!("{}: expected `finding,verdict,day`, with true_positive or false_positive", place())
        })?;
        let Some(time) = Time::parse(&format!("{}T00:00:00Z", row.day)) else {
            bail!("{}: {:?} is not a day such as 2026-03-02", place(), row.day);
        };
        said.push(Said { finding: row.finding, verdict: row.verdict, day: time.day() });
    }
    Ok(said)
}

/// Verdicts recorded in a state by the dashboard.
///
/// # Errors
/// If the state cannot be read.
pub(crate) fn kept(table: &impl Table) -> Result<Vec<Said>> {
    let given = pollster::block_on(given(table))?;
    let said = |(finding, Word { at, verdict, .. })| Said { finding, verdict, day: at.day() };
    Ok(given.into_iter().map(said).collect())
}

/// Learns the thresholds of each day from the verdicts before it.
///
/// `findings` are those that verdicts may name; `principal_days` is the number of identities judged on each
/// day.
pub(crate) fn learn(
    said: &[Said],
    findings: &[Finding],
    principal_days: &BTreeMap<u32, usize>,
    settings: &Settings,
) -> History {
    let alerts: BTreeMap<&str, f32> = findings
        .iter()
        .filter(|finding| finding.severity >= Severity::Medium)
        .map(|finding| (finding.id.as_str(), finding.score))
        .collect();
    let mut said: Vec<&Said> = said.iter().collect();
    said.sort_by_key(|said| said.day);
    let known: BTreeSet<&str> = findings.iter().map(|finding| finding.id.as_str()).collect();
    let unknown = said.iter().filter(|said| !known.contains(said.finding.as_str())).count();
    if unknown > 0 {
        eprintln!("trailwarden: {} on findings that are not known here", count(unknown as u64, "verdict"));
    }
    let mut history = History::default();
    let Some((first, last)) = principal_days.keys().min().zip(principal_days.keys().max()) else {
        return history;
    };
    let borne = settings.bearable_false_alerts.unwrap_or(FALSE_ALERTS);
    for day in *first..=*last {
        let before = day.saturating_sub(VERDICT_DAYS)..day;
        // The last verdict on a finding counts.
        let mut last: BTreeMap<&str, (f32, Verdict)> = BTreeMap::new();
        for said in said.iter().filter(|said| before.contains(&said.day)) {
            if let Some(score) = alerts.get(said.finding.as_str()) {
                last.insert(&said.finding, (*score, said.verdict));
            }
        }
        let verdicts: Vec<(f32, Verdict)> = last.into_values().collect();
        let days: usize = principal_days.range(before).map(|(_, count)| count).sum();
        history.learn(day, &verdicts, days, borne);
    }
    history
}

/// Sets the severity of each finding from its score and the thresholds of its day.
pub(crate) fn relabel(findings: &mut [Finding], history: &History) {
    for finding in findings.iter_mut().filter(|finding| matches!(finding.kind, Kind::Threat | Kind::Anomaly))
    {
        let detector = detectors::ALL.iter().find(|detector| detector.id == finding.detector);
        if let Some(detector) = detector {
            finding.relabel(detector.base_severity, history.at(finding.last_seen.day()));
        }
    }
}
