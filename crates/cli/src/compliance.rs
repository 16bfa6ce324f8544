//! Command `compliance`: reads logs, runs all checks, and writes the report.

mod table;

use std::{
    collections::{BTreeMap, HashSet},
    io::Write,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result};
use trailwarden_compliance::{
    ALL, FRAMEWORKS, Framework, Tally, coverage, page, remembering,
    report::{Record, Report},
    speaking,
};
use trailwarden_core::{
    event::Time,
    settings::Settings,
    sources::{Item, read},
};
use trailwarden_pipeline::{compliance_check::Checked, ingest};

use crate::{
    FAILED_ON, NOTHING_READ,
    args::{Compliance, FrameworkName, Paper, Reading},
    files,
    knowledge::{networks, now, settings},
    reading::{Opened, Read, read_all},
    text::count,
};

/// Writes the report; returns the exit code.
///
/// # Errors
/// If an option, or a file that it names, is wrong.
pub fn compliance(arguments: &Compliance) -> Result<u8> {
    let settings = settings(arguments.reading.settings.as_deref())?;
    // The same options as everywhere: a wrong file is refused, though no check asks where an address is.
    networks(arguments.reading.networks.as_deref())?;
    let frameworks = frameworks(&arguments.frameworks);
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    if arguments.coverage {
        let covered: Vec<_> =
            frameworks.iter().map(|framework| coverage(framework, &settings.facts)).collect();
        match arguments.format {
            Paper::Table => table::coverage(&mut out, &covered, &settings.facts)?,
            Paper::Json => writeln!(out, "{}", serde_json::to_string_pretty(&covered)?)?,
            Paper::Html => anyhow::bail!("--coverage is a table or JSON"),
        }
        out.flush()?;
        return Ok(0);
    }
    let (read, record) = record(&arguments.paths, &arguments.reading, &settings)?;
    let last = arguments.reading.until.map(|until| Time(until.0 - 1).day());
    let today = now().day();
    let last =
        last.or_else(|| record.tallies.range(..=today).next_back().map(|(day, _)| *day)).unwrap_or_default();
    let future: u64 = record
        .tallies
        .range(today + 1..)
        .flat_map(|(_, accounts)| accounts.values())
        .map(|of| of.events)
        .sum();
    if future > 0 {
        eprintln!("trailwarden: {} dated after today, and in no period", count(future, "event"));
    }
    let report = Report::new(&record, &frameworks, &settings.facts, last, arguments.period, now());
    if let Some(path) = &arguments.evidence {
        std::fs::write(path, report.evidence_lines())
            .with_context(|| format!("writing {}", files::show(path)))?;
    }
    match arguments.format {
        Paper::Table => table::report(&mut out, &report, &read)?,
        Paper::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        Paper::Html => writeln!(out, "{}", page(&report))?,
    }
    out.flush()?;
    if !read.tally.has_read() {
        eprintln!("trailwarden: nothing could be read: no CloudTrail log in {} file(s)", read.files);
        return Ok(NOTHING_READ);
    }
    let is_failing =
        arguments.fail_on.is_some_and(|bound| report.open().any(|open| open.severity >= bound.into()));
    Ok(if is_failing { FAILED_ON } else { 0 })
}

fn frameworks(named: &[FrameworkName]) -> Vec<&'static Framework> {
    let id = |name: &FrameworkName| match name {
        FrameworkName::All => "",
        FrameworkName::Soc2 => "soc2",
        FrameworkName::PciDss => "pci-dss",
        FrameworkName::Hipaa => "hipaa",
        FrameworkName::Gdpr => "gdpr",
        FrameworkName::FedrampModerate => "fedramp-moderate",
    };
    let is_wanted = |framework: &&Framework| {
        named.is_empty()
            || named.contains(&FrameworkName::All)
            || named.iter().any(|name| id(name) == framework.id)
    };
    FRAMEWORKS.iter().copied().filter(is_wanted).collect()
}

/// Result of one thread.
#[derive(Default)]
struct Part {
    checked: Checked,
    tallies: BTreeMap<u32, BTreeMap<Box<str>, Tally>>,
}

/// Reads and checks all logs.
///
/// # Errors
/// If this machine fails.
pub fn record(paths: &[PathBuf], reading: &Reading, settings: &Settings) -> Result<(Read, Record)> {
    let seen = Seen::default();
    let (logs, parts) =
        read_all(paths, reading, |part: &mut Part, file| Ok(check(part, file, settings, &seen)))?;
    let mut all = Part::default();
    for part in parts {
        all.checked.merge(part.checked, settings);
        for (day, accounts) in part.tallies {
            let of_day = all.tallies.entry(day).or_default();
            accounts
                .iter()
                .for_each(|(account, tally)| of_day.entry(account.clone()).or_default().add(tally));
        }
    }
    let own = |account: &str| all.tallies.values().any(|accounts| accounts.contains_key(account));
    let findings = all.checked.finish(settings, own);
    // Events without a time are judged as of 1970, but must not extend the period.
    if all.tallies.len() > 1 {
        all.tallies.remove(&Time::UNDATED.day());
    }
    Ok((logs, Record { tallies: all.tallies, findings }))
}

fn check(
    part: &mut Part,
    file: Opened<'_>,
    settings: &Settings,
    seen: &Seen,
) -> Result<ingest::ReadCounts, trailwarden_core::sources::Unrecognised> {
    let mut tally = ingest::ReadCounts::default();
    read(file.input, file.limits, &mut |item| match &item {
        Item::Event(event) if !file.span.contains(&event.event_time) => {}
        Item::Event(event) => {
            tally.events += 1;
            tally.undated += u64::from(event.event_time == Time::UNDATED);
            let of_day = part.tallies.entry(event.event_time.day()).or_default();
            if !of_day.contains_key(&*event.account_id) {
                of_day.insert((&*event.account_id).into(), Tally::default());
            }
            let Some(day) = of_day.get_mut(&*event.account_id) else { return };
            if seen.is_new(event.key) {
                day.count();
            }
            let mut is_judged = false;
            speaking(event, &settings.facts, |at| {
                is_judged = true;
                if !ALL[at].is_asked_of_all() && seen.is_new(event.key.rotate_left(1) ^ (at as u64 + 1)) {
                    day.spoke(at);
                }
            });
            remembering(event, |_| is_judged = true);
            if is_judged {
                part.checked.add(&item, settings);
            }
        }
        Item::RuleChange(change, _) => {
            tally.rule_changes += 1;
            if change.time().is_some_and(|time| file.span.contains(&time)) {
                part.checked.add(&item, settings);
            }
        }
        Item::Other(other) => *tally.others.entry(*other).or_default() += 1,
        Item::Malformed(malformed) => {
            tally.malformed += 1;
            (file.malformed)(malformed.clone());
        }
    })?;
    Ok(tally)
}

/// Set of event keys, because trails deliver some events twice and each counts once.
struct Seen {
    shards: Vec<Mutex<HashSet<u64>>>,
}

const SHARDS: usize = 64;
/// Maximum number of keys of a shard, about half a gigabyte in all; beyond it, duplicates count again.
const REMEMBERED: usize = 1 << 19;

impl Default for Seen {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Seen {
    fn is_new(&self, key: u64) -> bool {
        let mut shard = self.shards[(key >> 58) as usize].lock().unwrap_or_else(PoisonError::into_inner);
        shard.len() >= REMEMBERED || shard.insert(key)
    }
}
