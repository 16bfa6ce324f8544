//! Parallel judging of many scopes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::{Context, Result};
use trailwarden_core::{
    activity::{Hour, Scope},
    baseline::{Baseline, Parts, Peers},
    finding::Finding,
    judgement::{Surroundings, judge},
    severity::thresholds::History,
};

use crate::{knowledge::Knowledge, store::hours::Hours};

/// Result of judging.
pub(crate) struct Judged {
    /// Findings with their scopes.
    pub(crate) findings: Vec<(Scope, Finding)>,
    pub(crate) principals: usize,
}

/// Encoded hours of a scope, by hour since 1970.
pub(crate) type Encoded = Vec<(u32, Box<[u8]>)>;

/// Judges everything in memory.
pub(crate) fn judge_memory(memory: &Hours, knowledge: &Knowledge, jobs: usize) -> Result<Judged> {
    let scopes = memory.scopes();
    let peers = peers(&scopes, jobs, |scope| memory.encoded(scope))?;
    let parts = Parts::default();
    let findings = judge_all(&scopes, jobs, knowledge, &peers, parts, |scope| (0, memory.encoded(scope)))?;
    Ok(Judged { findings, principals: principals(&scopes) })
}

/// Number of cores, as the default number of threads.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Number of active identities by day since 1970.
pub(crate) fn principal_days(scopes: &[Scope], load: impl Fn(&Scope) -> Encoded) -> BTreeMap<u32, usize> {
    let mut days = BTreeMap::new();
    for scope in scopes.iter().filter(|scope| scope.is_identity()) {
        let active: BTreeSet<u32> = load(scope).iter().map(|(hour, _)| hour / 24).collect();
        active.into_iter().for_each(|day| *days.entry(day).or_default() += 1);
    }
    days
}

pub(crate) fn principals(scopes: &[Scope]) -> usize {
    scopes.iter().filter(|scope| scope.is_identity()).count()
}

/// Peer statistics from the hours of all scopes.
pub(crate) fn peers(scopes: &[Scope], jobs: usize, load: impl Fn(&Scope) -> Encoded + Sync) -> Result<Peers> {
    let parts = spread(scopes, jobs, |scope, peers: &mut Peers| {
        for (hour, folded) in decode(&load(scope))? {
            peers.learn(scope, hour, &folded);
        }
        Ok(())
    })?;
    Ok(parts.into_iter().fold(Peers::default(), |mut all, part| {
        all.merge(part);
        all
    }))
}

/// Judges each scope from the first hour that `load` returns with its hours.
pub(crate) fn judge_all(
    scopes: &[Scope],
    jobs: usize,
    knowledge: &Knowledge,
    peers: &Peers,
    parts: Parts,
    load: impl Fn(&Scope) -> (u32, Encoded) + Sync,
) -> Result<Vec<(Scope, Finding)>> {
    let thresholds = History::default();
    let around = Surroundings {
        peers,
        networks: &knowledge.networks,
        settings: &knowledge.settings,
        thresholds: &thresholds,
        parts,
    };
    let parts = spread(scopes, jobs, |scope, findings: &mut Vec<(Scope, Finding)>| {
        let (from, encoded) = load(scope);
        let (found, _) = judge(scope, Baseline::default(), &decode(&encoded)?, from, around);
        findings.extend(found.into_iter().map(|finding| (scope.clone(), finding)));
        Ok(())
    })?;
    Ok(parts.into_iter().flatten().collect())
}

pub(crate) fn decode(encoded: &Encoded) -> Result<Vec<(u32, Hour)>> {
    encoded
        .iter()
        .map(|(hour, bytes)| Ok((*hour, Hour::decode(bytes).context("decoding an hour")?)))
        .collect()
}

/// Distributes scopes over `jobs` threads, each with its own accumulator; returns the accumulators.
pub(crate) fn spread<T: Default + Send>(
    scopes: &[Scope],
    jobs: usize,
    each: impl Fn(&Scope, &mut T) -> Result<()> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut part = T::default();
        while let Some(scope) = scopes.get(next.fetch_add(1, Ordering::Relaxed)) {
            each(scope, &mut part)?;
        }
        Ok(part)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..jobs).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().map_err(|_| anyhow::anyhow!("a judging thread panicked"))?)
            .collect()
    })
}
