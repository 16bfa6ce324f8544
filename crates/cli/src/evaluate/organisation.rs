//! Organisation with known truth: simulated in memory, or read from a folder that `simulate` wrote.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Read,
    path::Path,
};

use anyhow::{Context, Result, bail};
use trailwarden_core::{
    activity::{Fold, Hour, Scope},
    baseline::Peers,
    event::Time,
    finding::Finding,
    networks::Networks,
    settings::Settings,
    sources::Limits,
};
use trailwarden_pipeline::ingest::{Sinks, ingest};
use trailwarden_simulator::{Options, Record, Simulation, Truth};

use super::Variant;
use crate::{files, judging, knowledge::Knowledge, store::hours::Hours};

/// An organisation with known truth.
pub(super) struct Organisation {
    pub(super) name: String,
    pub(super) memory: Hours,
    pub(super) truth: Vec<Truth>,
    /// First day that is measured, in days since 1970.
    pub(super) from: u32,
    networks: String,
    /// Its simulation, if it was made in memory; knows the benign oddities.
    simulation: Option<Simulation>,
}

/// Principals (ARNs) by active scope and day.
pub(super) type Active = BTreeMap<(Scope, u32), BTreeSet<String>>;

impl Organisation {
    /// Simulates one, and reads its records as the command reads files.
    pub(super) fn simulate(options: Options) -> Result<Self> {
        let mut simulation = Simulation::new(options);
        let (memory, mut fold) = (Hours::default(), Fold::default());
        for records in simulation.records() {
            fold_records(&memory, &mut fold, &records)?;
        }
        let rest = simulation.rest();
        fold_records(&memory, &mut fold, &rest)?;
        Ok(Self {
            name: format!("seed {}", options.seed),
            memory,
            truth: simulation.truth().to_vec(),
            from: options.first_attack_day(),
            networks: simulation.networks(),
            simulation: Some(simulation),
        })
    }

    /// Reads a folder that `simulate` wrote.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("truth.jsonl");
        let reading = || format!("reading {}", files::show(&path));
        let text = fs::read_to_string(&path).with_context(reading)?;
        let truth: Vec<Truth> =
            text.lines().map(serde_json::from_str).collect::<Result<_, _>>().with_context(reading)?;
        let path = folder.join("simulation.json");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", files::show(&path)))?;
        let options: Options =
            serde_json::from_str(&text).with_context(|| format!("reading {}", files::show(&path)))?;
        let (memory, mut fold) = (Hours::default(), Fold::default());
        for path in files::find(&[folder.join("AWSLogs")]).0 {
            fold_log(&memory, &mut fold, fs::File::open(&path)?).with_context(|| files::show(&path))?;
        }
        Ok(Self {
            name: files::show(folder),
            memory,
            truth,
            from: options.first_attack_day(),
            networks: fs::read_to_string(folder.join("networks.csv")).unwrap_or_default(),
            simulation: None,
        })
    }

    /// Findings under a variant, sorted.
    pub(super) fn judge(&self, variant: &Variant, jobs: usize) -> Result<Vec<(Scope, Finding)>> {
        let networks = if variant.with_networks {
            Networks::read(self.networks.clone().into_bytes())?
        } else {
            Networks::default()
        };
        let knowledge = Knowledge { settings: Settings::default(), networks };
        let peers = if variant.with_peers { self.peers(jobs)? } else { Peers::default() };
        let scopes = self.memory.scopes();
        let mut found = judging::judge_all(&scopes, jobs, &knowledge, &peers, variant.parts, |scope| {
            (0, self.memory.encoded(scope))
        })?;
        // Threads finish in any order.
        found.sort_by(|a, b| (&a.0, a.1.last_seen, &a.1.id).cmp(&(&b.0, b.1.last_seen, &b.1.id)));
        Ok(found)
    }

    pub(super) fn peers(&self, jobs: usize) -> Result<Peers> {
        judging::peers(&self.memory.scopes(), jobs, |scope| self.memory.encoded(scope))
    }

    pub(super) fn hours(&self, scope: &Scope) -> Result<Vec<(u32, Hour)>> {
        judging::decode(&self.memory.encoded(scope))
    }

    pub(super) fn identities(&self) -> Vec<Scope> {
        self.memory.scopes().into_iter().filter(Scope::is_identity).collect()
    }

    /// Active identities from `from` on.
    pub(super) fn active(&self) -> Result<Active> {
        let mut active = Active::new();
        for scope in self.identities() {
            for (hour, folded) in self.hours(&scope)?.iter().filter(|(hour, _)| hour / 24 >= self.from) {
                let principals = active.entry((scope.clone(), hour / 24)).or_default();
                match &scope {
                    Scope::Principal(id) => _ = principals.insert(id.to_string()),
                    _ => principals.extend(folded.identities.values().map(ToString::to_string)),
                }
            }
        }
        Ok(active)
    }

    /// Principals and days that attackers used.
    pub(super) fn attacked(&self) -> BTreeSet<(&str, u32)> {
        self.attacked_by(|_| true)
    }

    /// Principals and days of some kinds of attack.
    pub(super) fn attacked_by(&self, is_kind: impl Fn(&str) -> bool) -> BTreeSet<(&str, u32)> {
        let kind = |attack: &&Truth| is_kind(attack.id.rsplit_once('-').map_or(&attack.id, |(kind, _)| kind));
        let days = self.truth.iter().filter(kind).flat_map(|attack| &attack.principal_days);
        days.map(|(principal, day)| (principal.as_str(), *day)).collect()
    }

    /// Benign oddities of a principal on a day, by name; empty if unknown.
    pub(super) fn oddities(&self, principal: &str, day: u32) -> String {
        let known = self.simulation.as_ref().map(|simulation| simulation.oddities(principal, day));
        known.unwrap_or_default().join(" ")
    }
}

fn fold_records(memory: &Hours, fold: &mut Fold, records: &[Record]) -> Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let mut text = Vec::with_capacity(records.iter().map(|record| record.json.len() + 1).sum());
    for record in records {
        text.extend_from_slice(record.json.as_bytes());
        text.push(b'\n');
    }
    fold_log(memory, fold, &text[..])
}

/// Reads one log into memory.
pub(super) fn fold_log(memory: &Hours, fold: &mut Fold, log: impl Read) -> Result<()> {
    let mut complaint = None;
    let mut complain =
        |malformed: trailwarden_core::sources::Malformed| complaint = Some(malformed.to_string());
    let mut sinks = Sinks { full: &mut |_| {}, malformed: &mut complain, screen: None };
    ingest(log, Limits::default(), &(Time(i64::MIN)..Time(i64::MAX)), fold, &mut sinks)?;
    if let Some(complaint) = complaint {
        bail!("{complaint}");
    }
    for (scope, hour, delta) in fold.take() {
        memory.add(&scope, hour, delta)?;
    }
    Ok(())
}
