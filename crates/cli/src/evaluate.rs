//! Command `evaluate`: detection quality on logs with known truth.
//!
//! An attack is *detected* if an alert (a finding at MEDIUM or above) names one of its events. A false alert
//! names no event of any attack. Only the days with attacks count; the days before are for learning. An
//! *identity-day* is a day on which an identity was active; a human behind single sign-on is one identity,
//! whatever roles they use.

mod cases;
mod measures;
mod models;
mod organisation;
mod report;

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use trailwarden_core::baseline::Parts;
use trailwarden_simulator::Options;

use self::{
    measures::Measures,
    models::{Days, Trained},
    organisation::Organisation,
};
use crate::{args, judging};

/// Evaluates, and prints the result.
pub(crate) fn evaluate(arguments: &args::Evaluate) -> Result<u8> {
    let jobs = arguments.jobs.map_or_else(judging::cores, usize::from);
    let (labelled, simulated): (Vec<_>, Vec<_>) = arguments
        .folders
        .iter()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .partition(|folder| folder.join("labels.jsonl").exists());
    if let (Some(train), Some(seeds)) = (&arguments.train, &arguments.seeds)
        && train.start() <= seeds.end()
        && seeds.start() <= train.end()
    {
        bail!("--train and --seeds overlap: what was learnt from must not be measured");
    }
    let mut report = report::Report::default();
    for folder in labelled {
        report.corpora.push(cases::measure(folder, jobs)?);
    }
    let trained = match &arguments.train {
        Some(seeds) => Some(train(seeds.clone(), jobs)?),
        None => None,
    };
    let mut rows: Vec<Measures> = VARIANTS.iter().map(|variant| Measures::new(variant.name)).collect();
    rows.truncate(if arguments.ablate { VARIANTS.len() } else { 1 });
    let mut days = Days::default();
    let seeds = arguments.seeds.clone().into_iter().flatten();
    let organisations = seeds
        .map(Options::new)
        .map(Organisation::simulate)
        .chain(simulated.iter().map(|folder| Organisation::read(folder)));
    for organisation in organisations {
        let organisation = organisation?;
        for (variant, row) in VARIANTS.iter().zip(&mut rows) {
            let findings = organisation.judge(variant, jobs)?;
            row.add(&organisation, &findings)?;
            if variant == &VARIANTS[0] && arguments.models {
                days.add(&organisation, &findings, jobs)?;
            }
        }
        eprintln!("{} judged", organisation.name);
    }
    if rows[0].organisations > 0 {
        report.models = if arguments.models { days.measure(trained.as_ref()) } else { Vec::new() };
        report.rows = rows;
    }
    report.write(arguments)
}

/// Trains a forest on organisations that are not measured.
fn train(seeds: std::ops::RangeInclusive<u64>, jobs: usize) -> Result<Trained> {
    let mut days = Days::default();
    for seed in seeds {
        let organisation = Organisation::simulate(Options::new(seed))?;
        let findings = organisation.judge(&VARIANTS[0], jobs)?;
        days.add(&organisation, &findings, jobs)?;
        eprintln!("{} learnt", organisation.name);
    }
    days.train()
}

/// A configuration to measure.
#[derive(PartialEq, Eq)]
struct Variant {
    name: &'static str,
    with_peers: bool,
    with_networks: bool,
    parts: Parts,
}

const WHOLE: Variant = Variant {
    name: "whole",
    with_peers: true,
    with_networks: false,
    parts: Parts { days: false, context: true },
};

/// The full configuration first; then without each part, with whole days compared, and with a list of
/// networks.
const VARIANTS: &[Variant] = &[
    WHOLE,
    Variant { name: "without peers", with_peers: false, ..WHOLE },
    Variant { name: "without context", parts: Parts { days: false, context: false }, ..WHOLE },
    Variant { name: "with the forest", parts: Parts { days: true, context: true }, ..WHOLE },
    Variant { name: "with networks", with_networks: true, ..WHOLE },
];
