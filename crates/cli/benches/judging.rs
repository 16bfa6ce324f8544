//! Benchmark of judging one window, baseline included, and the size of stored baselines.
//!
//! `cargo bench -p trailwarden --bench judging [-- SEED]` judges a simulated organisation on one core, and
//! takes the best of five runs. A window is one hour of one scope with the 24 hours before it; its baseline
//! covers 30 days, closed day by day as in production.
#![allow(clippy::expect_used, reason = "a benchmark ends where something is missing")]

use std::{collections::BTreeMap, time::Instant};

use trailwarden_core::{
    activity::{Fold, Hour, Scope},
    baseline::{Baseline, Parts, Peers},
    judgement::{Surroundings, assess_days, judge},
    networks::Networks,
    settings::Settings,
    severity::thresholds::History,
    sources::{Item, Limits, read},
};
use trailwarden_simulator::{Options, Simulation};

const RUNS: usize = 5;

type Hours = BTreeMap<Scope, Vec<(u32, Hour)>>;

fn main() {
    let seed = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1);
    let hours = organisation(seed);
    let mut peers = Peers::default();
    for (scope, hours) in &hours {
        hours.iter().for_each(|(hour, folded)| peers.learn(scope, *hour, folded));
    }
    let (networks, settings, thresholds) = (Networks::default(), Settings::default(), History::default());
    let around = Surroundings {
        peers: &peers,
        networks: &networks,
        settings: &settings,
        thresholds: &thresholds,
        parts: Parts::default(),
    };
    let windows: usize = hours.values().map(Vec::len).sum();
    let judged = best(|| {
        hours.iter().map(|(scope, hours)| judge(scope, Baseline::default(), hours, 0, around).0.len()).sum()
    });
    println!(
        "{windows} windows of {} scopes: {:.1} microseconds a window",
        hours.len(),
        judged * 1e6 / windows as f64
    );
    let identities: Vec<_> = hours.iter().filter(|(scope, _)| scope.is_identity()).collect();
    let mut days = 0;
    let assessed = best(|| {
        days = identities.iter().map(|(scope, hours)| assess_days(scope, hours, around, &[]).len()).sum();
        days
    });
    println!(
        "{days} identity-days assessed, forest included: {:.0} microseconds a day",
        assessed * 1e6 / days as f64
    );
    baselines(&identities, around);
}

fn best(mut run: impl FnMut() -> usize) -> f64 {
    let times = (0..RUNS).map(|_| {
        let start = Instant::now();
        std::hint::black_box(run());
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

fn organisation(seed: u64) -> Hours {
    let mut simulation = Simulation::new(Options::new(seed));
    let mut fold = Fold::default();
    let days: Vec<_> = simulation.records().collect();
    for record in days.into_iter().flatten() {
        let mut add = |item: Item<'_>| {
            if let Item::Event(event) = item {
                fold.add(&event);
            }
        };
        read(record.json.as_bytes(), Limits::default(), &mut add).expect("a record");
    }
    let mut hours = Hours::new();
    for (scope, hour, folded) in fold.take() {
        hours.entry(scope).or_default().push((hour, folded));
    }
    hours.values_mut().for_each(|hours| hours.sort_by_key(|(hour, _)| *hour));
    hours
}

/// Prints the sizes of the stored baselines after all days but the last.
fn baselines(identities: &[(&Scope, &Vec<(u32, Hour)>)], around: Surroundings<'_>) {
    let mut sizes: Vec<usize> = identities
        .iter()
        .map(|(scope, hours)| {
            judge(scope, Baseline::default(), hours, u32::MAX - 24, around).1.encode().len()
        })
        .collect();
    sizes.sort_unstable();
    let at = |share: f64| sizes[((sizes.len() - 1) as f64 * share) as usize];
    println!(
        "{} stored baselines: {} bytes in the middle, {} at 95%, {} the largest",
        sizes.len(),
        at(0.5),
        at(0.95),
        at(1.0)
    );
}
