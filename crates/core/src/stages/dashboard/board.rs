//! The first page: how things stand, and what to look at.

use std::{collections::BTreeMap, rc::Rc};

use serde::Serialize;

use super::{DAYS, Desk, NEW, Placed, beginning};
use crate::{
    event::{HOUR, Time},
    finding::Severity,
    kept,
    lines::{Compliance, FindingLine, IncidentLine, RiskLine},
    overview::{Overview, Seen},
    ports::{Table, Unavailable},
    risk::thresholds::Change,
    stages::{
        acting::{Mode, stopped},
        settings::settings,
        verdicts,
    },
};

/// How things stand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Board {
    /// The numbers.
    pub overview: Overview,
    /// Findings that stand, by time: the last seven days.
    pub timeline: Vec<Bucket>,
    /// The worst of them, at most 15; of the same severity the newest first.
    pub findings: Vec<Placed<FindingLine>>,
    /// Incidents, those that are open first, then the worst and newest; at most 6.
    pub incidents: Vec<Placed<IncidentLine>>,
    /// How the organisation stood by its frameworks when that was last looked at.
    pub compliance: Option<Compliance>,
    /// How far responses go.
    pub response: Responding,
    /// How the thresholds came to be, the newest first; at most 10.
    pub history: Vec<Change>,
    /// What the verdicts given so far change tomorrow.
    pub tomorrow: Option<Change>,
    /// Nothing was ever read.
    pub is_empty: bool,
}

/// How far responses go.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Responding {
    /// `observe`, `approve` or `enforce`.
    pub mode: &'static str,
    /// Who stopped all responses, if somebody did.
    pub stopped_by: Option<String>,
}

/// Some hours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bucket {
    /// Their beginning.
    pub from: Time,
    /// Findings last seen in them, by severity from INFORMATIONAL to CRITICAL.
    pub findings: [u32; 5],
}

/// Hours of a bucket.
const BUCKET: u32 = 6;
/// Findings that are shown.
const FINDINGS: usize = 15;
/// Incidents that are.
const INCIDENTS: usize = 6;
/// Changes of the thresholds that are.
const FEW: usize = 10;

impl<T: Table> Desk<T> {
    pub(super) async fn board(&self, now: Time) -> Result<Rc<Board>, Unavailable> {
        if let Some((read, board)) = &*self.board.borrow()
            && now.0 < read.0 + NEW
        {
            return Ok(board.clone());
        }
        let board = Rc::new(self.look(now).await?);
        self.board.replace(Some((now, board.clone())));
        Ok(board)
    }

    async fn look(&self, now: Time) -> Result<Board, Unavailable> {
        let found = self.found(DAYS.0, now).await?;
        let joined = self.joined(DAYS.1, now).await?;
        let history = verdicts::thresholds(&self.table).await?;
        let bearable = settings(&self.table).await?.bearable_false_alerts;
        let bearable = bearable.unwrap_or(crate::risk::thresholds::FALSE_ALERTS);
        let seen = Seen {
            findings: found.iter().flat_map(|day| &**day).map(|one| &one.line).collect(),
            incidents: joined.iter().flat_map(|day| &**day).map(|one| &one.line).collect(),
            failed_sign_ins: self.failed(now).await?,
            risk: self.risk(now).await?,
            watched: verdicts::watched(&self.table, now).await?,
        };
        // To the minute: what has not changed is then the same.
        let overview = Overview::at(Time(now.0 - now.0 % 60 + 59), &seen, history.at(now.day()));
        let standing = self.table.get(&kept::standing_key()).await?;
        Ok(Board {
            timeline: timeline(&seen.findings, now),
            findings: worst(&found),
            incidents: pressing(&joined),
            compliance: kept::known(standing.as_ref())?,
            response: Responding {
                mode: match self.mode {
                    Mode::Observe => "observe",
                    Mode::Approve => "approve",
                    Mode::Enforce => "enforce",
                },
                stopped_by: stopped(&self.table).await?,
            },
            tomorrow: verdicts::tomorrow(&self.table, &history, bearable, now).await?,
            history: history.changes.into_iter().rev().take(FEW).collect(),
            is_empty: overview.watched == 0 && seen.findings.is_empty(),
            overview,
        })
    }

    /// Failed sign-ins by clock hour, of three days.
    async fn failed(&self, now: Time) -> Result<BTreeMap<u32, u64>, Unavailable> {
        let mut failed = BTreeMap::new();
        for day in now.day().saturating_sub(2)..=now.day() {
            for entry in self.table.listed(&kept::failed_partition(day), "0", ":").await? {
                let Some((hour, count)) = kept::line::<(u32, u64)>(&entry) else { continue };
                *failed.entry(hour).or_default() += count;
            }
        }
        Ok(failed)
    }

    /// Who was found risky in the last seven days: as of the last day that something was found of them.
    async fn risk(&self, now: Time) -> Result<Vec<RiskLine>, Unavailable> {
        let mut by_whom: BTreeMap<String, RiskLine> = BTreeMap::new();
        for day in now.day().saturating_sub(DAYS.0 - 1)..=now.day() {
            for entry in self.table.listed(&kept::risk_partition(day), "0", ":").await? {
                if let Some(line) = kept::line::<RiskLine>(&entry) {
                    by_whom.insert(entry.key.partition, line);
                }
            }
        }
        Ok(by_whom.into_values().collect())
    }
}

fn timeline(findings: &[&FindingLine], now: Time) -> Vec<Bucket> {
    let first = now.day().saturating_sub(DAYS.0 - 1) * 24 / BUCKET;
    let last = now.hour() / BUCKET;
    let begin = |bucket: u32| Time(beginning(0).0 + i64::from(bucket * BUCKET) * HOUR);
    let mut buckets: Vec<Bucket> =
        (first..=last.max(first)).map(|at| Bucket { from: begin(at), findings: [0; 5] }).collect();
    for finding in findings.iter().filter(|finding| finding.is_open) {
        let at = (finding.last_seen.hour() / BUCKET).checked_sub(first);
        if let Some(bucket) = at.and_then(|at| buckets.get_mut(at as usize)) {
            bucket.findings[finding.severity as usize] += 1;
        }
    }
    buckets
}

fn worst(days: &[Rc<Vec<Placed<FindingLine>>>]) -> Vec<Placed<FindingLine>> {
    let open = days.iter().flat_map(|day| &**day).filter(|one| one.line.is_open);
    let mut shown: Vec<&Placed<FindingLine>> =
        open.filter(|one| one.line.severity >= Severity::Low).collect();
    shown.sort_by_key(|one| std::cmp::Reverse((one.line.severity, one.line.last_seen)));
    shown.into_iter().take(FINDINGS).cloned().collect()
}

fn pressing(days: &[Rc<Vec<Placed<IncidentLine>>>]) -> Vec<Placed<IncidentLine>> {
    let mut all: Vec<&Placed<IncidentLine>> = days.iter().flat_map(|day| &**day).collect();
    all.sort_by_key(|one| (one.line.state as u8, std::cmp::Reverse((one.line.severity, one.line.last_seen))));
    all.into_iter().take(INCIDENTS).cloned().collect()
}
