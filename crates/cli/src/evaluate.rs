//! How well attacks are found, where the truth is known.
//!
//! An attack is *detected* if an alert (a finding at MEDIUM or above) names one of its events. A false alert names none
//! of any attack. Only the days with attacks count: the days before are there to be learnt from.

mod measures;
mod report;

use std::{fs, path::Path, path::PathBuf};

use anyhow::{Context, Result, bail};
use trailwarden_core::{
    activity::Fold,
    event::Time,
    networks::Networks,
    settings::Settings,
    sources::Limits,
    stages::ingest::{Sinks, ingest},
};
use trailwarden_simulator::{Options, Record, Simulation, Truth};

use self::measures::Measures;
use crate::{args, files, judging, knowledge::Knowledge, memory::Memory};

/// Evaluates, and prints what came of it.
pub(crate) fn evaluate(arguments: &args::Evaluate) -> Result<u8> {
    let jobs = arguments.jobs.map_or_else(judging::cores, usize::from);
    let mut rows: Vec<(String, Measures)> = variants(arguments.ablate)
        .into_iter()
        .map(|(name, _)| (name.to_owned(), Measures::default()))
        .collect();
    for seed in arguments.seeds.clone().into_iter().flatten() {
        let organisation = simulated(seed)?;
        for ((_, variant), (_, measures)) in variants(arguments.ablate).into_iter().zip(&mut rows) {
            organisation.measure(variant, jobs, measures)?;
        }
        eprintln!("seed {seed} done");
    }
    for folder in &arguments.folders {
        let organisation = from_folder(folder)?;
        for ((_, variant), (_, measures)) in variants(arguments.ablate).into_iter().zip(&mut rows) {
            organisation.measure(variant, jobs, measures)?;
        }
    }
    report::write(arguments, &rows)?;
    Ok(0)
}

/// What is left out, or added.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Variant {
    Whole,
    WithoutPeers,
    WithNetworks,
}

fn variants(ablate: bool) -> Vec<(&'static str, Variant)> {
    let mut all = vec![("all", Variant::Whole)];
    if ablate {
        all.extend([("without peers", Variant::WithoutPeers), ("with networks", Variant::WithNetworks)]);
    }
    all
}

/// An organisation whose truth is known.
struct Organisation {
    name: String,
    memory: Memory,
    truth: Vec<Truth>,
    networks: String,
    /// The first day that counts.
    from: u32,
    oddities: Box<dyn Fn(&str, u32) -> Vec<&'static str>>,
}

/// Makes one up, and reads its records as the command reads files.
fn simulated(seed: u64) -> Result<Organisation> {
    let options = Options::new(seed);
    let mut simulation = Simulation::new(options);
    let (memory, mut fold) = (Memory::default(), Fold::default());
    for records in simulation.records() {
        fold_records(&memory, &mut fold, &records)?;
    }
    let rest = simulation.rest();
    fold_records(&memory, &mut fold, &rest)?;
    Ok(Organisation {
        name: format!("seed {seed}"),
        memory,
        truth: simulation.truth().to_vec(),
        networks: simulation.networks(),
        from: options.first_day + options.days - options.attack_days,
        oddities: Box::new(move |principal, day| simulation.oddities(principal, day)),
    })
}

fn fold_records(memory: &Memory, fold: &mut Fold, records: &[Record]) -> Result<()> {
    if records.is_empty() {
        return Ok(());
    }
    let mut text = Vec::with_capacity(records.iter().map(|record| record.json.len() + 1).sum());
    for record in records {
        text.extend_from_slice(record.json.as_bytes());
        text.push(b'\n');
    }
    let mut sinks = Sinks {
        full: &mut |_| {},
        malformed: &mut |malformed| eprintln!("{malformed}"),
        checked: &mut |_| {},
    };
    ingest(&text[..], Limits::default(), &(Time(i64::MIN)..Time(i64::MAX)), fold, &mut sinks)?;
    for (scope, hour, delta) in fold.take() {
        memory.add(&scope, hour, delta)?;
    }
    Ok(())
}

/// Reads a folder that `simulate` wrote.
fn from_folder(folder: &Path) -> Result<Organisation> {
    let path = folder.join("truth.jsonl");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", files::show(&path)))?;
    let truth = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<Vec<Truth>, _>>()
        .with_context(|| format!("reading {}", files::show(&path)))?;
    let Some(from) = truth.iter().map(|truth| Time(truth.first).day()).min() else {
        bail!("{}: no attack", files::show(&path))
    };
    let (memory, mut fold) = (Memory::default(), Fold::default());
    let (paths, _): (Vec<PathBuf>, _) = files::find(&[folder.join("AWSLogs")]);
    for path in paths {
        let mut sinks = Sinks { full: &mut |_| {}, malformed: &mut |_| {}, checked: &mut |_| {} };
        ingest(
            fs::File::open(&path)?,
            Limits::default(),
            &(Time(i64::MIN)..Time(i64::MAX)),
            &mut fold,
            &mut sinks,
        )
        .with_context(|| files::show(&path))?;
        for (scope, hour, delta) in fold.take() {
            memory.add(&scope, hour, delta)?;
        }
    }
    Ok(Organisation {
        name: files::show(folder),
        memory,
        truth,
        networks: fs::read_to_string(folder.join("networks.csv")).unwrap_or_default(),
        from,
        oddities: Box::new(|_, _| Vec::new()),
    })
}

impl Organisation {
    fn measure(&self, variant: Variant, jobs: usize, measures: &mut Measures) -> Result<()> {
        let networks = if variant == Variant::WithNetworks {
            Networks::read(self.networks.clone().into_bytes())?
        } else {
            Networks::default()
        };
        let knowledge = Knowledge { settings: Settings::default(), networks };
        let judged = judging::judge_memory(&self.memory, &knowledge, jobs, variant != Variant::WithoutPeers)?;
        let active = judging::active_days(&self.memory, self.from)?;
        let findings: Vec<_> = judged.findings.into_iter().map(|(_, finding)| finding).collect();
        measures.add(self, &findings, &active);
        Ok(())
    }
}
