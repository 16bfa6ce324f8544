//! Command `watch`: follows folders, reads log files as they arrive, and prints changed findings at once.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, bail};
use trailwarden_core::finding::{Finding, Status};
use walkdir::WalkDir;

use crate::{
    analysis,
    args::{Format, Watch},
    files,
    knowledge::now,
    output::style,
    text::{count, paragraph, printable},
};

/// Maximum number of reasons for a finding.
const REASONS: usize = 3;

/// Size and modification time of files at a scan. A file is read once it has stopped growing.
type Looked = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// Follows until interrupted.
pub(crate) fn watch(arguments: &Watch) -> Result<u8> {
    if let Some(missing) = arguments.input.paths.iter().find(|path| !path.exists()) {
        bail!("{}: there is no such folder", files::show(missing));
    }
    let folder = tempfile::tempdir().context("creating a temporary folder for the state")?;
    let mut input = arguments.input.clone();
    input.state.get_or_insert_with(|| folder.path().join("state"));
    let mut known = Looked::new();
    let mut growing = Looked::new();
    let mut told = BTreeMap::new();
    eprintln!("trailwarden: watching; interrupt to end");
    loop {
        let there = look(&arguments.input.paths);
        let is_new =
            |(path, looked): &(&PathBuf, &(u64, Option<SystemTime>))| known.get(*path) != Some(looked);
        let (ready, rest): (Looked, Looked) = there
            .iter()
            .filter(is_new)
            .map(|(path, looked)| (path.clone(), *looked))
            .partition(|(path, looked)| known.is_empty() || growing.get(path) == Some(looked));
        growing = rest;
        if !ready.is_empty() {
            input.paths = ready.keys().cloned().collect();
            let analysis = analysis::run(&input, None, true)?;
            let (files, events) = (count(ready.len() as u64, "file"), count(analysis.tally.events, "event"));
            eprintln!("trailwarden: {} {files} read, {events}", now());
            known.extend(ready);
            let is_shown = |finding: &&Finding| finding.severity >= arguments.min_severity.into();
            let is_news = |finding: &&Finding| {
                let is = (finding.severity, finding.status.clone(), finding.event_ids.len());
                told.insert(finding.id.clone(), is.clone()) != Some(is)
            };
            let news: Vec<&Finding> = analysis.leaving().filter(is_shown).filter(is_news).collect();
            say(arguments.format, &news)?;
        }
        std::thread::sleep(Duration::from_secs(u64::from(arguments.every)));
    }
}

fn look(paths: &[PathBuf]) -> Looked {
    let entries = paths.iter().flat_map(|path| WalkDir::new(path).into_iter().filter_map(Result::ok));
    let files = entries.filter(|entry| entry.file_type().is_file() && is_log(entry.path()));
    files
        .filter_map(|entry| {
            let metadata = entry.metadata().ok()?;
            Some((entry.into_path(), (metadata.len(), metadata.modified().ok())))
        })
        .collect()
}

fn is_log(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    [".json", ".json.gz", ".jsonl", ".ndjson", ".gz"].iter().any(|end| name.ends_with(end))
}

fn say(format: Format, findings: &[&Finding]) -> Result<()> {
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    for finding in findings {
        if format == Format::Ndjson {
            writeln!(out, "{}", serde_json::to_string(finding)?)?;
        } else {
            one(&mut out, finding)?;
        }
    }
    Ok(out.flush()?)
}

fn one(out: &mut impl Write, finding: &Finding) -> Result<()> {
    let severity = style(finding.severity);
    let state = match finding.status {
        Status::Open => finding.severity.label(),
        Status::Closed(_) | Status::Suppressed(_) => "CLOSED",
    };
    writeln!(
        out,
        "{} {severity}{state}{severity:#}  {}  {}",
        finding.last_seen,
        printable(&finding.title),
        printable(&finding.principal)
    )?;
    for reason in finding.evidence.iter().take(REASONS) {
        paragraph(out, "    - ", reason)?;
    }
    writeln!(out, "    {}", finding.id)?;
    Ok(())
}
