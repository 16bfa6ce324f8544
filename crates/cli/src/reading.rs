//! Parallel reading of log files. A bad file is reported and counted, and never stops the others.

use std::{
    collections::BTreeMap,
    fs::File,
    ops::Range,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use trailwarden_core::{
    event::Time,
    sources::{Limits, Malformed, Unrecognised},
};
use trailwarden_pipeline::ingest::ReadCounts;

use crate::{args::Reading, files, judging, text::printable};

/// Result of reading.
#[derive(Default)]
pub struct Read {
    /// Number of files found.
    pub files: usize,
    /// Counts of the records read.
    pub tally: ReadCounts,
    /// Number of skipped files, by reason.
    pub skipped: BTreeMap<String, u64>,
}

/// One open file to read.
pub(crate) struct Opened<'a> {
    pub(crate) input: File,
    pub(crate) limits: Limits,
    /// Events outside this time span are ignored.
    pub(crate) span: Range<Time>,
    /// Receives malformed records.
    pub(crate) malformed: &'a mut dyn FnMut(Malformed),
}

impl Reading {
    /// Number of threads for reading and judging.
    pub(crate) fn threads(&self) -> usize {
        self.jobs.map_or_else(judging::cores, usize::from)
    }
}

/// Reads all files below `paths`, each thread into its own accumulator; returns the accumulators.
///
/// # Errors
/// The first outer error of `each`, which means that this machine fails.
pub(crate) fn read_all<T: Default + Send>(
    paths: &[PathBuf],
    options: &Reading,
    each: impl Fn(&mut T, Opened<'_>) -> Result<Result<ReadCounts, Unrecognised>> + Sync,
) -> Result<(Read, Vec<T>)> {
    let (paths, unreadable) = files::find(paths);
    let bar = progress(paths.len() as u64, options.quiet);
    let threads = Threads {
        options,
        paths: &paths,
        bar: &bar,
        next: AtomicUsize::new(0),
        total: Mutex::default(),
        each,
    };
    let parts = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..options.threads()).map(|_| scope.spawn(|| threads.work())).collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, Result<T>>| {
            worker.join().map_err(|_| anyhow::anyhow!("a reading thread panicked"))?
        };
        workers.into_iter().map(join).collect::<Result<Vec<T>>>()
    })?;
    bar.finish_and_clear();
    let mut read = threads.total.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (path, reason) in unreadable {
        if !options.quiet {
            eprintln!("{}: {reason}", files::show(&path));
        }
        *read.skipped.entry(reason).or_default() += 1;
    }
    read.files = paths.len();
    Ok((read, parts))
}

/// Maximum number of malformed records reported for one file; the others are counted.
const COMPLAINTS: u64 = 5;

struct Threads<'a, E> {
    options: &'a Reading,
    paths: &'a [PathBuf],
    bar: &'a ProgressBar,
    next: AtomicUsize,
    total: Mutex<Read>,
    each: E,
}

impl<E> Threads<'_, E> {
    fn work<T: Default>(&self) -> Result<T>
    where
        E: Fn(&mut T, Opened<'_>) -> Result<Result<ReadCounts, Unrecognised>>,
    {
        let mut part = T::default();
        while let Some(path) = self.paths.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            self.read(path, &mut part)?;
            self.bar.inc(1);
        }
        Ok(part)
    }

    fn read<T>(&self, path: &Path, part: &mut T) -> Result<()>
    where
        E: Fn(&mut T, Opened<'_>) -> Result<Result<ReadCounts, Unrecognised>>,
    {
        let say = |what: &str| {
            if !self.options.quiet {
                self.bar.suspend(|| eprintln!("{}: {}", files::show(path), printable(what)));
            }
        };
        let mut complaints = 0;
        let mut malformed = |malformed: Malformed| {
            complaints += 1;
            if complaints <= COMPLAINTS {
                say(&malformed.to_string());
            }
        };
        let outcome = match File::open(path) {
            Err(error) => Err(error.to_string()),
            Ok(input) => {
                let limits = Limits { object_bytes: self.options.max_file_bytes, ..Limits::default() };
                let span = self.options.since.unwrap_or(Time(i64::MIN))
                    ..self.options.until.unwrap_or(Time(i64::MAX));
                let opened = Opened { input, limits, span, malformed: &mut malformed };
                (self.each)(part, opened)?.map_err(|error| error.to_string())
            }
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
        Ok(())
    }
}

/// Progress bar on a terminal; hidden elsewhere, and if `is_quiet`.
fn progress(files: u64, is_quiet: bool) -> ProgressBar {
    let target = if is_quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(files), target);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} files, {eta} left") {
        bar.set_style(style);
    }
    bar
}
