//! From files to findings: ingest, feature-extract and score, on one machine.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use trailwarden_core::{
    activity::{Fold, Scope},
    event::Time,
    finding::{Finding, Status},
    risk::thresholds::History,
    sources::{Limits, Malformed},
    stages::ingest::{Sinks, Tally, ingest},
};

use crate::{
    args::Input, files, judging, knowledge::Knowledge, memory::Memory, state::State, text::printable,
    verdicts,
};

/// What came of a run.
#[derive(Default)]
pub struct Analysis {
    /// Files looked at.
    pub files: usize,
    /// What was read.
    pub tally: Tally,
    /// Files that were not read, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Every finding, also closed and suppressed ones, by time and id.
    pub findings: Vec<Finding>,
    /// Principals judged.
    pub principals: usize,
    /// From which score on a finding is worth what, by day, as verdicts have it.
    pub thresholds: History,
}

impl Analysis {
    /// Was there anything of CloudTrail's in it?
    pub fn has_read(&self) -> bool {
        self.tally.has_read()
    }

    /// The findings that leave: those that stand, and those that were closed by this run.
    pub(crate) fn leaving(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| !matches!(finding.status, Status::Suppressed(_)))
    }

    /// The findings that stand.
    pub fn open(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.status == Status::Open)
    }

    /// How many findings rules suppress.
    pub(crate) fn suppressed(&self) -> usize {
        self.findings.iter().filter(|finding| matches!(finding.status, Status::Suppressed(_))).count()
    }
}

/// Reads, judges, and, with `keeps`, keeps what was learnt. `verdicts` is a file of what analysts said.
///
/// # Errors
/// What is wrong with a file that an option names.
pub fn run(input: &Input, verdicts: Option<&Path>, keeps: bool) -> Result<Analysis> {
    let knowledge = Knowledge::load(input)?;
    let said = verdicts.map(verdicts::read).transpose()?;
    let state = match &input.state {
        Some(path) => Some(State::open(path).with_context(|| format!("state {}", files::show(path)))?),
        None => None,
    };
    let jobs = input.jobs.map_or_else(judging::cores, usize::from);
    let memory = Memory::default();
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
    if let Some(said) = said {
        let days = match &state {
            None => judging::principal_days(&memory.scopes(), |scope| memory.encoded(scope)),
            Some(state) => {
                let all = state.everything(&memory)?;
                let scopes: Vec<Scope> = all.keys().cloned().collect();
                judging::principal_days(&scopes, |scope| all[scope].clone())
            }
        };
        let mut known = state.as_ref().map(State::findings).transpose()?.unwrap_or_default();
        known.extend(analysis.findings.iter().cloned());
        analysis.thresholds = verdicts::learn(&said, &known, &days, &knowledge.settings);
        verdicts::relabel(&mut analysis.findings, &analysis.thresholds);
    }
    analysis.findings.sort_by(|a, b| (a.first_seen, &a.id).cmp(&(b.first_seen, &b.id)));
    Ok(analysis)
}

/// Reads all that the options name into memory.
///
/// # Errors
/// What is wrong with this machine; what is wrong with a file is said, and counted.
pub(crate) fn read(input: &Input, memory: &Memory) -> Result<Analysis> {
    let jobs = input.jobs.map_or_else(judging::cores, usize::from);
    let (paths, unreadable) = files::find(&input.paths);
    let reading = Reading { input, memory, total: Mutex::default(), next: AtomicUsize::new(0) };
    let mut analysis = reading.run(&paths, jobs)?;
    for (path, reason) in unreadable {
        eprintln!("{}: {reason}", files::show(&path));
        *analysis.skipped.entry(reason).or_default() += 1;
    }
    analysis.files = paths.len();
    Ok(analysis)
}

/// Complaints about one file that are printed; the rest is counted.
const COMPLAINTS: u64 = 5;

struct Reading<'a> {
    input: &'a Input,
    memory: &'a Memory,
    total: Mutex<Analysis>,
    next: AtomicUsize,
}

impl Reading<'_> {
    fn run(self, paths: &[PathBuf], jobs: usize) -> Result<Analysis> {
        let bar = progress(paths.len() as u64);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(|| self.work(paths, &bar))).collect();
            workers
                .into_iter()
                .try_for_each(|worker| worker.join().map_err(|_| anyhow::anyhow!("a reading thread died"))?)
        })?;
        bar.finish_and_clear();
        Ok(self.total.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn work(&self, paths: &[PathBuf], bar: &ProgressBar) -> Result<()> {
        let mut fold = Fold::default();
        while let Some(path) = paths.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            self.read(path, &mut fold, bar)?;
            bar.inc(1);
        }
        self.merge(&mut fold)
    }

    fn merge(&self, fold: &mut Fold) -> Result<()> {
        fold.take()
            .into_iter()
            .try_for_each(|(scope, hour, delta)| Ok(self.memory.add(&scope, hour, delta)?))
    }

    fn read(&self, path: &Path, fold: &mut Fold, bar: &ProgressBar) -> Result<()> {
        let limits = Limits { object_bytes: self.input.max_file_bytes, ..Limits::default() };
        let span = self.input.since.unwrap_or(Time(i64::MIN))..self.input.until.unwrap_or(Time(i64::MAX));
        let say = |what: &str| bar.suspend(|| eprintln!("{}: {}", files::show(path), printable(what)));
        let mut complaints = 0;
        let mut complain = |malformed: Malformed| {
            complaints += 1;
            if complaints <= COMPLAINTS {
                say(&malformed.to_string());
            }
        };
        let mut merged = Ok(());
        let mut full = |fold: &mut Fold| {
            if merged.is_ok() {
                merged = self.merge(fold);
            }
        };
        let outcome = match File::open(path) {
            Ok(file) => {
                let mut sinks = Sinks { full: &mut full, malformed: &mut complain, checked: &mut |_| {} };
                ingest(file, limits, &span, fold, &mut sinks).map_err(|error| error.to_string())
            }
            Err(error) => Err(error.to_string()),
        };
        if complaints > COMPLAINTS {
            say(&format!("and {} more", complaints - COMPLAINTS));
        }
        let mut total = self.total.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(tally) => total.tally.add(&tally),
            Err(reason) => {
                say(&reason);
                *total.skipped.entry(reason).or_default() += 1;
            }
        }
        merged
    }
}

/// A bar on a terminal, nothing elsewhere.
fn progress(files: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(files), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} files, {eta} left") {
        bar.set_style(style);
    }
    bar
}
