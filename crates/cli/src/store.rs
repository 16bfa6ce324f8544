//! Store file: hours, findings and items kept from one run to the next.
//!
//! A run is one transaction: it is committed whole at its end, or not at all. Baselines are not stored: they
//! are rebuilt from the hours each time, so nothing can disagree with them.

pub(crate) mod checksum;
pub(crate) mod dashboard_table;
pub(crate) mod hours;
pub(crate) mod table;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError};
use trailwarden_core::{
    activity::{Hour, Scope},
    baseline::{Parts, REBUILD_DAYS},
    finding::{Finding, Status},
};

use checksum::{seal, unseal};
use hours::Hours;
use table::FileTable;

use crate::{
    files,
    judging::{self, Encoded, Judged},
    knowledge::{Knowledge, now},
};

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const HOURS: TableDefinition<'_, (&[u8], u32), &[u8]> = TableDefinition::new("hours");
const FINDINGS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("findings");

/// Format version; raised whenever an older program would misread the file.
const VERSION: u64 = 2;
/// Retention of hours in days, counted from the newest; enough to rebuild baselines.
const KEPT_DAYS: u32 = REBUILD_DAYS + 2;

/// An open state: a copy of the file, which replaces the file on commit.
///
/// The file itself is never written to, neither by a killed run nor by the storage library's own repairs.
pub(crate) struct Store {
    database: Database,
    copy: PathBuf,
    file: PathBuf,
    /// The file, locked while the state is open.
    held: File,
}

impl Store {
    /// Opens or creates the file. A damaged file, or one of another format version, is refused and left
    /// alone.
    pub(crate) fn open(file: &Path) -> Result<Self> {
        let held = OpenOptions::new().read(true).append(true).create(true).open(file)?;
        patiently(|| held.try_lock())?;
        let is_new = held.metadata()?.len() == 0;
        let copy = file.with_added_extension("new");
        let _ = std::fs::remove_file(&copy); // left by a killed run
        if !is_new {
            std::fs::copy(file, &copy).with_context(|| format!("copying to {}", files::show(&copy)))?;
        }
        let opened = quietly(|| if is_new { Database::create(&copy) } else { Database::open(&copy) });
        let Some(Ok(database)) = opened else {
            let _ = std::fs::remove_file(&copy);
            let reason = opened.and_then(Result::err).map_or_else(String::new, |error| format!(" ({error})"));
            bail!("cannot be used: it is damaged, or not a state file of trailwarden{reason}");
        };
        let state = Self { database, copy, file: file.to_owned(), held };
        if !is_new {
            quietly(|| state.check()).unwrap_or_else(|| Err(anyhow::anyhow!("is damaged")))?;
        }
        Ok(state)
    }

    /// Opens a copy for reading, and unlocks the file at once. Writes to the copy are lost.
    pub(crate) fn look(file: &Path, copy: &Path) -> Result<Self> {
        let held = File::open(file)?;
        patiently(|| held.try_lock_shared())?;
        std::fs::copy(file, copy)?;
        held.unlock()?;
        let opened = quietly(|| Database::open(copy));
        // The open database survives the removal of its name, so no copy is ever left behind.
        let _ = std::fs::remove_file(copy);
        let Some(Ok(database)) = opened else {
            bail!("cannot be used: it is damaged, or not a state file of trailwarden");
        };
        let state = Self { database, copy: copy.to_owned(), file: file.to_owned(), held };
        quietly(|| state.check()).unwrap_or_else(|| Err(anyhow::anyhow!("is damaged")))?;
        Ok(state)
    }

    /// Hours of a scope from `from` to `to`, inclusive, in hours since 1970.
    pub(crate) fn hours(&self, scope: &Scope, from: u32, to: u32) -> Result<Vec<(u32, Hour)>> {
        let key = key(scope)?;
        let read = self.database.begin_read()?;
        let entries = read.open_table(HOURS)?.range((key.as_slice(), from)..=(key.as_slice(), to))?;
        entries
            .map(|entry| {
                let (at, value) = entry?;
                Ok((at.value().1, Hour::decode(unseal(value.value())?)?))
            })
            .collect()
    }

    /// A finding with its scope.
    pub(crate) fn finding(&self, id: &str) -> Result<Option<(Scope, Finding)>> {
        let read = self.database.begin_read()?;
        let kept = read.open_table(FINDINGS)?.get(id)?;
        kept.map(|kept| read_finding(kept.value())).transpose()
    }

    fn check(&self) -> Result<()> {
        let read = self.database.begin_read()?;
        let version = match read.open_table(META) {
            Ok(meta) => meta.get("version")?.map(|version| version.value()),
            Err(error) => return Err(error).context("is not a state file of trailwarden"),
        };
        match version {
            Some(VERSION) => {}
            Some(version) if version > VERSION => {
                bail!("was written by a newer trailwarden (format {version}, this one knows {VERSION})")
            }
            Some(version) => bail!(
                "was written by an older trailwarden (format {version}, this one knows {VERSION}): make a new one from the logs"
            ),
            None => bail!("is not a state file of trailwarden"),
        }
        for entry in read.open_table(HOURS)?.iter()? {
            unseal(entry?.1.value()).context("is damaged")?;
        }
        for entry in read.open_table(FINDINGS)?.iter()? {
            unseal(entry?.1.value()).context("is damaged")?;
        }
        Ok(())
    }

    /// All findings.
    pub(crate) fn findings(&self) -> Result<Vec<Finding>> {
        Ok(self.scoped_findings()?.into_iter().map(|(_, finding)| finding).collect())
    }

    /// All findings with their scopes.
    pub(crate) fn scoped_findings(&self) -> Result<Vec<(Scope, Finding)>> {
        match self.database.begin_read()?.open_table(FINDINGS) {
            Ok(table) => table.iter()?.map(|entry| read_finding(entry?.1.value())).collect(),
            Err(TableError::TableDoesNotExist(_)) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }

    /// Stored hours merged with those in memory; writes nothing.
    pub(crate) fn everything(&self, memory: &Hours) -> Result<BTreeMap<Scope, Encoded>> {
        let write = self.database.begin_write()?;
        let mut hours = write.open_table(HOURS)?;
        merge(&mut hours, memory)?;
        load(&hours)
    }

    /// Merges new hours into the stored ones and judges the changed scopes; with `keeps`, commits the result.
    pub(crate) fn judge(
        &self,
        memory: &Hours,
        knowledge: &Knowledge,
        jobs: usize,
        keeps: bool,
    ) -> Result<Judged> {
        let write = self.database.begin_write()?;
        let judged = {
            let mut hours = write.open_table(HOURS)?;
            let touched = merge(&mut hours, memory)?;
            let all = load(&hours)?;
            let scopes: Vec<Scope> = all.keys().cloned().collect();
            let peers = judging::peers(&scopes, jobs, |scope| all[scope].clone())?;
            let judged: Vec<Scope> = touched.keys().cloned().collect();
            let mut findings =
                judging::judge_all(&judged, jobs, knowledge, &peers, Parts::default(), |scope| {
                    (touched[scope], all[scope].clone())
                })?;
            let mut kept = write.open_table(FINDINGS)?;
            findings.extend(close(&kept, &touched, &findings)?);
            for finding in &findings {
                kept.insert(finding.1.id.as_str(), seal(&serde_json::to_vec(finding)?).as_slice())?;
            }
            forget(&mut hours, &all)?;
            Judged { findings, principals: judging::principals(&judged) }
        };
        write.open_table(META)?.insert("version", VERSION)?;
        if keeps {
            write.commit()?;
            self.keep()?;
        }
        Ok(judged)
    }

    /// Commits: syncs the copy to disk, then renames it over the file.
    pub(crate) fn keep(&self) -> Result<()> {
        File::open(&self.copy)?.sync_all()?;
        std::fs::rename(&self.copy, &self.file)
            .with_context(|| format!("renaming {}", files::show(&self.copy)))
    }

    /// FileTable of the state, as the functions' table.
    pub(crate) fn items(&self) -> FileTable<'_> {
        FileTable::new(&self.database)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // The copy is already gone after a commit. An empty file that `open` created is no state.
        let _ = std::fs::remove_file(&self.copy);
        if self.held.metadata().is_ok_and(|held| held.len() == 0)
            && std::fs::metadata(&self.file).is_ok_and(|file| file.len() == 0)
        {
            let _ = std::fs::remove_file(&self.file);
        }
    }
}

/// Tenths of a second to wait for a lock: long enough for a read or a decision, not for a whole run.
const PATIENCE: u32 = 20;

fn patiently(lock: impl Fn() -> Result<(), std::fs::TryLockError>) -> Result<()> {
    for _ in 0..PATIENCE {
        if lock().is_ok() {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    bail!("is in use by another run")
}

/// Runs `work` without the panic message; `None` if it panicked.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).ok();
    std::panic::set_hook(hook);
    outcome
}

type HourTable<'txn> = Table<'txn, (&'static [u8], u32), &'static [u8]>;

/// Merges the hours in memory; returns each changed scope with its first changed hour.
fn merge(hours: &mut HourTable<'_>, memory: &Hours) -> Result<BTreeMap<Scope, u32>> {
    let mut touched = BTreeMap::new();
    for scope in memory.scopes() {
        let key = key(&scope)?;
        for (hour, bytes) in memory.encoded(&scope) {
            let old = hours
                .get((key.as_slice(), hour))?
                .map(|old| Ok::<_, anyhow::Error>(Hour::decode(unseal(old.value())?)?))
                .transpose()?;
            let mut merged = Hour::decode(&bytes)?;
            if let Some(old) = old {
                let before = old.encode();
                merged.merge(old);
                if merged.encode() == before {
                    continue;
                }
            }
            hours.insert((key.as_slice(), hour), seal(&merged.encode()).as_slice())?;
            touched.entry(scope.clone()).or_insert(hour);
        }
    }
    Ok(touched)
}

fn load(hours: &HourTable<'_>) -> Result<BTreeMap<Scope, Encoded>> {
    let mut all: BTreeMap<Scope, Encoded> = BTreeMap::new();
    for entry in hours.iter()? {
        let (key, value) = entry?;
        let (scope, hour) = key.value();
        let scope: Scope = serde_json::from_slice(scope).context("a scope of the state is damaged")?;
        all.entry(scope).or_default().push((hour, unseal(value.value())?.into()));
    }
    Ok(all)
}

/// Open findings of the judged scopes and days that the new judgement no longer supports, now closed.
fn close(
    kept: &Table<'_, &'static str, &'static [u8]>,
    touched: &BTreeMap<Scope, u32>,
    findings: &[(Scope, Finding)],
) -> Result<Vec<(Scope, Finding)>> {
    let still: BTreeSet<&str> = findings.iter().map(|(_, finding)| finding.id.as_str()).collect();
    let mut closed = Vec::new();
    for entry in kept.iter()? {
        let (scope, mut finding) = read_finding(entry?.1.value())?;
        let is_judged = touched.get(&scope).is_some_and(|from| finding.last_seen.day() >= from / 24);
        if finding.status == Status::Open && is_judged && !still.contains(finding.id.as_str()) {
            finding.status =
                Status::Closed("judged again with events that came later, it no longer stands".to_owned());
            closed.push((scope, finding));
        }
    }
    Ok(closed)
}

/// Drops hours past retention, counted from the newest hour that is not in the future: a forged date must not
/// erase what was learnt.
fn forget(hours: &mut HourTable<'_>, all: &BTreeMap<Scope, Encoded>) -> Result<()> {
    let tomorrow = now().hour() + 24;
    let newest = all
        .values()
        .flatten()
        .map(|(hour, _)| *hour)
        .filter(|hour| *hour <= tomorrow)
        .max()
        .unwrap_or_default();
    let oldest = newest.saturating_sub(KEPT_DAYS * 24);
    hours.retain(|(_, hour), _| hour >= oldest || hour == 0)?;
    Ok(())
}

fn key(scope: &Scope) -> Result<Vec<u8>> {
    Ok(serde_json::to_vec(scope)?)
}

fn read_finding(sealed: &[u8]) -> Result<(Scope, Finding)> {
    Ok(serde_json::from_slice(unseal(sealed)?)?)
}
