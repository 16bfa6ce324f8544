//! Read view of a state file as the functions' table, so that the same stage renders the dashboard.
//!
//! Hours and findings stay in the file; index entries, risks and counts are in memory. Decisions are written
//! to the file.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
    fs::Metadata,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context, Result, bail};
use pollster::block_on;
use tempfile::TempDir;
use trailwarden_compliance::{FRAMEWORKS, report::Report};
use trailwarden_core::{
    activity::Scope,
    baseline::Baseline,
    event::{HOUR, Time},
    finding::{Finding, Status},
    judgement::assess_at,
};
use trailwarden_pipeline::{
    dashboard::Desk,
    feedback,
    index_entries::Compliance,
    ports::{Freshness, Item, Key, Listed, Memory, Over, Table, Unavailable, Write},
    responder::Mode,
    stored_settings,
    table_schema::{self, KeptFinding, KeptHour},
};

use crate::{
    args::Input, compliance, files, identities::Identities, incident::gather, knowledge::now, store::Store,
};

/// Period of a risk assessment, in hours.
const RISK_HOURS: u32 = 24;
/// Period of the compliance report, in days.
const PERIOD: u32 = 30;

/// A state file as a table: a copy for reading, the file itself for decisions.
pub(crate) struct DashboardTable {
    input: Input,
    file: PathBuf,
    copies: TempDir,
    /// Number of copies made.
    nth: Cell<u32>,
    loaded: RefCell<Loaded>,
    known: Cell<Option<Stamp>>,
}

/// Size and modification time, to detect that the file was replaced.
type Stamp = (u64, Option<SystemTime>);

fn stamp(file: &Path) -> Option<Stamp> {
    std::fs::metadata(file).ok().map(|found: Metadata| (found.len(), found.modified().ok()))
}

/// Contents of a state.
#[derive(Default)]
struct Loaded {
    /// `None` while the file does not exist.
    state: Option<Store>,
    /// FileTable derived from the state, and decisions since.
    memory: Memory,
    /// Finding ids by partition.
    places: BTreeMap<String, Vec<String>>,
    /// End of the logs.
    as_of: Option<Time>,
}

impl DashboardTable {
    /// A desk on this table. Compliance needs logs: a state holds only identities' activity.
    pub(crate) fn desk(input: &Input, file: &Path) -> Result<Desk<Self>> {
        let desk = Desk::new(Self::new(input, file)?, Mode::Observe);
        Ok(if input.paths.is_empty() { desk.without_controls() } else { desk })
    }

    fn new(input: &Input, file: &Path) -> Result<Self> {
        let copies = tempfile::tempdir().context("creating a temporary folder for a copy of the state")?;
        let known = Cell::new(stamp(file));
        let shelf = Self {
            input: input.clone(),
            file: file.to_owned(),
            copies,
            nth: Cell::default(),
            loaded: RefCell::default(),
            known,
        };
        shelf.loaded.replace(shelf.load()?);
        Ok(shelf)
    }

    /// End of the logs, the time that views show.
    pub(crate) fn as_of(&self) -> Time {
        self.loaded.borrow().as_of.unwrap_or_else(now)
    }

    /// Reloads the file if another process replaced it; returns whether it did. If loading fails, the old
    /// contents stay.
    pub(crate) fn renew(&self) -> bool {
        let is = stamp(&self.file);
        if is == self.known.get() {
            return false;
        }
        match self.load() {
            Ok(loaded) => {
                self.loaded.replace(loaded);
                self.known.set(is);
                true
            }
            Err(error) => {
                eprintln!("trailwarden: state {}: {error:#}; trying again", files::show(&self.file));
                false
            }
        }
    }

    fn load(&self) -> Result<Loaded> {
        if stamp(&self.file).is_none_or(|(bytes, _)| bytes == 0) {
            return Ok(Loaded::default());
        }
        self.nth.set(self.nth.get() + 1);
        let copy = self.copies.path().join(self.nth.get().to_string());
        let state =
            Store::look(&self.file, &copy).with_context(|| format!("state {}", files::show(&self.file)))?;
        let identities = Identities::in_state(&state, &self.input)?;
        let until = identities.end();
        let as_of = Time(i64::from(until + 1) * HOUR - 1);
        let mut loaded = Loaded { as_of: Some(as_of), ..Loaded::default() };
        if let Some(settings) = &self.input.reading.settings {
            let body = std::fs::read(settings)?;
            block_on(loaded.memory.put(
                &stored_settings::key(),
                Write { body, ..Write::default() },
                Over::Anything,
            ))?;
        }
        let findings = state.scoped_findings()?;
        gather(&state, &identities.knowledge.settings)?;
        loaded.index(&findings, as_of)?;
        loaded.count(&identities, until, as_of)?;
        loaded.assess(&identities, &findings, until, as_of)?;
        self.stand(&mut loaded, &identities, as_of)?;
        loaded.state = Some(state);
        Ok(loaded)
    }

    /// Adds the compliance report, if logs are given.
    fn stand(&self, loaded: &mut Loaded, identities: &Identities, as_of: Time) -> Result<()> {
        if self.input.paths.is_empty() {
            return Ok(());
        }
        let settings = &identities.knowledge.settings;
        let (_, record) = compliance::record(&self.input.paths, &self.input.reading, settings)?;
        let report = Report::new(&record, FRAMEWORKS, &settings.facts, as_of.day(), PERIOD, as_of);
        let body = table_schema::write(&Compliance::new(&report, PERIOD));
        block_on(loaded.memory.put(
            &table_schema::standing_key(),
            Write { body, ..Write::default() },
            Over::Anything,
        ))?;
        for finding in record.findings {
            let scope = trailwarden_response::incident::scope_of(&finding.principal);
            let key = table_schema::finding_key(&scope, &finding.id);
            let places = loaded.places.entry(scope.partition()).or_default();
            if !places.contains(&finding.id) {
                places.push(finding.id.clone());
            }
            block_on(loaded.memory.put(&key, KeptFinding::new(finding).write(as_of), Over::Anything))?;
        }
        Ok(())
    }

    /// Writes a decision to the file, then to memory.
    fn decide(&self, key: &Key, write: &Write) -> Result<()> {
        let state = Store::open(&self.file)?;
        if stamp(&self.file) != self.known.get() {
            bail!("was changed by another process: reload and try again");
        }
        block_on(state.items().put(key, write.clone(), Over::Anything))?;
        state.keep()?;
        drop(state);
        self.known.set(stamp(&self.file));
        block_on(self.loaded.borrow().memory.put(key, write.clone(), Over::Anything))?;
        Ok(())
    }
}

impl Loaded {
    /// Builds the index of findings.
    fn index(&mut self, findings: &[(Scope, Finding)], as_of: Time) -> Result<()> {
        for (scope, finding) in findings {
            self.places.entry(scope.partition()).or_default().push(finding.id.clone());
            if finding.status == Status::Open {
                let listed = KeptFinding::new(finding.clone()).write(as_of).listed;
                let write = Write { listed, ..Write::default() };
                block_on(self.memory.put(
                    &table_schema::finding_key(scope, &finding.id),
                    write,
                    Over::Anything,
                ))?;
            }
        }
        Ok(())
    }

    /// Builds the counts of identities by day and of failed sign-ins by hour.
    fn count(&mut self, identities: &Identities, until: u32, as_of: Time) -> Result<()> {
        let first = until.saturating_sub(24 * 32);
        for scope in identities.scopes() {
            let hours = identities.hours(&scope)?;
            let hours = &hours[hours.partition_point(|(hour, _)| *hour < first)..];
            if scope.is_identity() {
                let due: Vec<(Scope, u32)> = hours.iter().map(|(hour, _)| (scope.clone(), *hour)).collect();
                block_on(feedback::count(&self.memory, &due, as_of))?;
            } else if matches!(scope, Scope::Account(_)) {
                for (hour, seen) in hours.iter().filter(|(hour, _)| hour + 72 > until) {
                    let kept = KeptHour { hour: seen.clone(), ..KeptHour::default() };
                    let write = kept.write(&scope, *hour, as_of);
                    if write.listed.is_some() {
                        block_on(self.memory.put(
                            &table_schema::hour_key(&scope, *hour),
                            write,
                            Over::Anything,
                        ))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Assesses identities with open findings of the last seven days, as the functions do.
    fn assess(
        &mut self,
        identities: &Identities,
        findings: &[(Scope, Finding)],
        until: u32,
        as_of: Time,
    ) -> Result<()> {
        let mut all: BTreeMap<&Scope, Vec<&Finding>> = BTreeMap::new();
        let mut recent = BTreeSet::new();
        for (scope, finding) in findings.iter().filter(|(scope, _)| scope.is_identity()) {
            all.entry(scope).or_default().push(finding);
            let day = finding.last_seen.day();
            if finding.status == Status::Open && day <= as_of.day() && day + 7 > as_of.day() {
                recent.insert((scope, day));
            }
        }
        for (scope, day) in recent {
            let known = day.saturating_sub(30)..=day;
            let mut found = all[scope].clone();
            found.retain(|finding| known.contains(&finding.last_seen.day()));
            let hours = identities.hours(scope)?;
            let last =
                hours.iter().map(|(hour, _)| *hour).filter(|hour| hour / 24 == day && *hour <= until).max();
            let Some(last) = last else { continue };
            let around = identities.around();
            let assessed = assess_at(scope, Baseline::default(), &hours, (last, RISK_HOURS), around, &found);
            if let Some(assessed) = assessed {
                let write = table_schema::write_risk(scope, day, &assessed, as_of);
                block_on(self.memory.put(&table_schema::risk_key(scope, day), write, Over::Anything))?;
            }
        }
        Ok(())
    }

    fn finding(&self, key: &Key) -> Result<Option<Item>> {
        let id = key.sort.splitn(3, '#').nth(2).unwrap_or_default();
        let Some(state) = &self.state else { return Ok(None) };
        let kept = state.finding(id)?.filter(|(scope, _)| scope.partition() == key.partition);
        let item = |(_, finding)| Item { body: KeptFinding::new(finding).write(now()).body, version: 1 };
        Ok(kept.map(item))
    }

    fn hours(&self, partition: &str, from: &str, to: &str) -> Result<Vec<(String, Item)>> {
        let (Some(state), Some(scope)) = (&self.state, Scope::of_partition(partition)) else {
            return Ok(Vec::new());
        };
        let bound = |sort: &str, open| table_schema::hour_of(sort).unwrap_or(open);
        let hours = state.hours(&scope, bound(from, 0), bound(to, u32::MAX))?;
        let item = |(hour, seen): (u32, _)| {
            let kept = KeptHour { hour: seen, ..KeptHour::default() };
            (table_schema::hour_sort(hour), Item { body: kept.write(&scope, hour, now()).body, version: 1 })
        };
        Ok(hours.into_iter().map(item).collect())
    }
}

fn broken(error: anyhow::Error) -> Unavailable {
    Unavailable { service: "state", source: error.into() }
}

impl Table for DashboardTable {
    async fn get(&self, key: &Key) -> Result<Option<Item>, Unavailable> {
        let loaded = self.loaded.borrow();
        if key.sort.starts_with(table_schema::STANDING)
            && let Some(found) = loaded.finding(key).map_err(broken)?
        {
            return Ok(Some(found));
        }
        match block_on(loaded.memory.get(key))? {
            Some(item) => Ok(Some(item)),
            None => match &loaded.state {
                Some(state) => block_on(state.items().get(key)),
                None => Ok(None),
            },
        }
    }

    async fn get_many(&self, keys: Vec<Key>) -> Result<Vec<(Key, Item)>, Unavailable> {
        let mut found = Vec::new();
        for key in keys {
            found.extend(block_on(self.get(&key))?.map(|item| (key, item)));
        }
        Ok(found)
    }

    async fn range(
        &self,
        partition: &str,
        from: &str,
        to: &str,
        _: Freshness,
    ) -> Result<Vec<(String, Item)>, Unavailable> {
        if from.starts_with("HOUR#") {
            return self.loaded.borrow().hours(partition, from, to).map_err(broken);
        }
        if from.starts_with(table_schema::STANDING) {
            let ids = self.loaded.borrow().places.get(partition).cloned().unwrap_or_default();
            let mut found = BTreeMap::new();
            for id in ids {
                let date = id.split('/').nth(1).unwrap_or_default();
                let key = Key { partition: partition.to_owned(), sort: format!("FINDING#{date}#{id}") };
                if (from..=to).contains(&key.sort.as_str()) {
                    found.extend(block_on(self.get(&key))?.map(|item| (key.sort, item)));
                }
            }
            return Ok(found.into_iter().collect());
        }
        let loaded = self.loaded.borrow();
        let mut found = BTreeMap::new();
        if let Some(state) = &loaded.state {
            found.extend(block_on(state.items().range(partition, from, to, Freshness::Fresh))?);
        }
        found.extend(block_on(loaded.memory.range(partition, from, to, Freshness::Fresh))?);
        Ok(found.into_iter().collect())
    }

    async fn listed(&self, partition: &str, from: &str, to: &str) -> Result<Vec<Listed>, Unavailable> {
        let loaded = self.loaded.borrow();
        let mut found = BTreeMap::new();
        if let Some(state) = &loaded.state {
            for entry in block_on(state.items().listed(partition, from, to))? {
                found.insert(entry.key.clone(), entry);
            }
        }
        // A decision since loading may have moved an item's listing.
        let mut decided = block_on(loaded.memory.listed(partition, from, to))?;
        for key in found.keys().cloned().collect::<Vec<_>>() {
            if block_on(loaded.memory.get(&key))?.is_some() {
                found.remove(&key);
            }
        }
        decided.extend(found.into_values());
        decided.sort_by(|a, b| a.sort.cmp(&b.sort));
        Ok(decided)
    }

    async fn put(&self, key: &Key, write: Write, _: Over) -> Result<bool, Unavailable> {
        // One thread uses this table, and `decide` refuses to write if another process has replaced the file.
        self.decide(key, &write).map_err(broken)?;
        Ok(true)
    }
}
