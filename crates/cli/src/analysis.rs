//! Analysis of log files on one machine: ingest, feature-extract and score in one pass.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use trailwarden_core::{
    activity::{Fold, Scope},
    finding::{Finding, Status},
    severity::thresholds::History,
};
use trailwarden_pipeline::ingest::{ReadCounts, Sinks, ingest};

use crate::{
    args::Input,
    files, judging,
    knowledge::Knowledge,
    reading::{self, Read},
    store::Store,
    store::hours::Hours,
    verdicts,
};

/// Result of a run.
#[derive(Default)]
pub struct Analysis {
    /// Number of files found.
    pub files: usize,
    /// Counts of the records read.
    pub tally: ReadCounts,
    /// Number of skipped files, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// All findings, including closed and suppressed ones, sorted by time and id.
    pub findings: Vec<Finding>,
    /// Number of principals judged.
    pub principals: usize,
    /// Score thresholds by day, learnt from verdicts.
    pub thresholds: History,
}

impl Analysis {
    /// Whether any CloudTrail log was read.
    pub fn has_read(&self) -> bool {
        self.tally.has_read()
    }

    /// Findings to export: open ones, and those that this run closed.
    pub(crate) fn leaving(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !matches!(finding.status, Status::Suppressed(_)))
    }

    /// Open findings.
    pub fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.status == Status::Open)
    }

    /// Number of findings that the settings suppress.
    pub(crate) fn suppressed(&self) -> usize {
        self.findings.iter().filter(|finding| matches!(finding.status, Status::Suppressed(_))).count()
    }
}

/// Reads and judges the input; with `keeps`, commits the result to the state file. `verdicts` is a CSV of
/// analysts' verdicts, which adds to those recorded in the state.
///
/// # Errors
/// If a file that an option names is missing or invalid.
pub fn run(input: &Input, verdicts: Option<&Path>, keeps: bool) -> Result<Analysis> {
    let knowledge = Knowledge::load(input)?;
    let mut said = verdicts.map(verdicts::read).transpose()?.unwrap_or_default();
    let state = match &input.state {
        Some(path) => Some(Store::open(path).with_context(|| format!("state {}", files::show(path)))?),
        None => None,
    };
    if let Some(state) = &state {
        said.extend(verdicts::kept(&state.items())?);
    }
    let jobs = input.reading.threads();
    let memory = Hours::default();
    let mut analysis = read(input, &memory)?;
    let judged = match &state {
        None => judging::judge_memory(&memory, &knowledge, jobs)?,
        Some(state) => state
            .judge(&memory, &knowledge, jobs, keeps)
            .context("keeping state; the old state is unchanged")?,
    };
    analysis.findings = judged.findings.into_iter().map(|(_, finding)| finding).collect();
    analysis.principals = judged.principals;
    if let (Some(state), true) = (&state, input.paths.is_empty()) {
        analysis.findings = state.findings()?; // nothing new: what is kept
    }
    if !said.is_empty() {
        let days = match &state {
            None => judging::principal_days(&memory.scopes(), |scope| memory.encoded(scope)),
            Some(state) => {
                let all = state.everything(&memory)?;
                let scopes: Vec<Scope> = all.keys().cloned().collect();
                judging::principal_days(&scopes, |scope| all[scope].clone())
            }
        };
        let mut known = state.as_ref().map(Store::findings).transpose()?.unwrap_or_default();
        known.extend(analysis.findings.iter().cloned());
        analysis.thresholds = verdicts::learn(&said, &known, &days, &knowledge.settings);
        verdicts::relabel(&mut analysis.findings, &analysis.thresholds);
    }
    analysis.findings.sort_by(|a, b| (a.first_seen, &a.id).cmp(&(b.first_seen, &b.id)));
    Ok(analysis)
}

/// Reads all input files into memory.
///
/// # Errors
/// If this machine fails; a bad file is reported and counted instead.
pub(crate) fn read(input: &Input, memory: &Hours) -> Result<Analysis> {
    let merge = |fold: &mut Fold| -> Result<()> {
        fold.take().into_iter().try_for_each(|(scope, hour, delta)| Ok(memory.add(&scope, hour, delta)?))
    };
    let (read, folds) = reading::read_all(&input.paths, &input.reading, |fold: &mut Fold, file| {
        let mut merged = Ok(());
        let mut full = |fold: &mut Fold| {
            if merged.is_ok() {
                merged = merge(fold);
            }
        };
        let mut sinks = Sinks { full: &mut full, malformed: file.malformed, screen: None };
        let tally = ingest(file.input, file.limits, &file.span, fold, &mut sinks);
        merged.map(|()| tally)
    })?;
    folds.into_iter().try_for_each(|mut fold| merge(&mut fold))?;
    let Read { files, tally, skipped } = read;
    Ok(Analysis { files, tally, skipped, ..Analysis::default() })
}
