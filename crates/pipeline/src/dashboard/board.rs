//! The first page: how things stand, and what to look at.

use std::{cmp::Reverse, collections::BTreeMap, rc::Rc};

use serde::Serialize;

use super::{DAYS, Desk, Found, NEW, Placed, WORST, beginning, lines, placed};
use crate::{
    dashboard::{
        daily_counts::{PART, Tally},
        overview::{Overview, Seen},
    },
    feedback,
    index_entries::{Compliance, FindingLine, IncidentLine, RiskLine},
    ports::{Listed, Table, Unavailable},
    responder::{Mode, Turn, stopped, turns},
    stored_settings::settings,
    table_schema,
};
use trailwarden_core::{
    event::{HOUR, Time},
    severity::thresholds::Change,
};

/// How things stand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Board {
    /// The numbers.
    pub overview: Overview,
    /// Findings that stand, by time: the last seven days.
    pub timeline: Vec<Bucket>,
    /// The worst of them, at most 15; of the same severity the newest first.
    pub findings: Vec<Placed<FindingLine<'static>>>,
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
    /// Who last stopped responses, or started them again.
    pub turn: Option<Turn>,
}

/// Some hours.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bucket {
    /// Their beginning.
    pub from: Time,
    /// Findings last seen in them, by severity from INFORMATIONAL to CRITICAL.
    pub findings: [u32; 5],
}

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
        let (found, joined) = (self.found(DAYS.0, now).await?, self.joined(DAYS.1, now).await?);
        let joined: Vec<(&Listed, IncidentLine)> = lines(joined.iter().flat_map(|day| &**day)).collect();
        let history = feedback::thresholds(&self.table).await?;
        let bearable = settings(&self.table).await?.bearable_false_alerts;
        let bearable = bearable.unwrap_or(trailwarden_core::severity::thresholds::FALSE_ALERTS);
        let seen = Seen {
            findings: found.iter().map(|day| &day.tally).collect(),
            incidents: joined.iter().map(|(_, line)| line).collect(),
            failed_sign_ins: self.failed(now).await?,
            risk: self.risk(now).await?,
            watched: feedback::watched(&self.table, now).await?,
            judges_controls: self.judges_controls,
        };
        // To the minute: what has not changed is then the same.
        let overview = Overview::at(Time(now.0 - now.0 % 60 + 59), &seen, history.at(now.day()));
        let standing = self.table.get(&table_schema::standing_key()).await?;
        Ok(Board {
            timeline: timeline(&seen.findings, now),
            findings: worst(&found),
            incidents: pressing(&joined),
            compliance: table_schema::known(standing.as_ref())?,
            response: Responding {
                mode: match self.mode {
                    Mode::Observe => "observe",
                    Mode::Approve => "approve",
                    Mode::Enforce => "enforce",
                },
                stopped_by: stopped(&self.table).await?,
                turn: turns(&self.table).await?.into_iter().next(),
            },
            tomorrow: feedback::tomorrow(&self.table, &history, bearable, now).await?,
            history: history.changes.into_iter().rev().take(FEW).collect(),
            is_empty: overview.watched == 0 && found.iter().all(|day| day.entries.is_empty()),
            overview,
        })
    }

    /// Failed sign-ins by clock hour, of three days.
    async fn failed(&self, now: Time) -> Result<BTreeMap<u32, u64>, Unavailable> {
        let mut failed = BTreeMap::new();
        for day in now.day().saturating_sub(2)..=now.day() {
            for entry in self.table.listed(&table_schema::failed_partition(day), "0", ":").await? {
                let Some((hour, count)) = table_schema::line::<(u32, u64)>(&entry) else { continue };
                *failed.entry(hour).or_default() += count;
            }
        }
        Ok(failed)
    }

    /// Who was found risky in the last seven days: as of the last day that something was found of them.
    async fn risk(&self, now: Time) -> Result<Vec<RiskLine>, Unavailable> {
        let mut by_whom: BTreeMap<String, RiskLine> = BTreeMap::new();
        for day in now.day().saturating_sub(DAYS.0 - 1)..=now.day() {
            for entry in self.table.listed(&table_schema::risk_partition(day), "0", ":").await? {
                if let Some(line) = table_schema::line::<RiskLine>(&entry) {
                    by_whom.insert(entry.key.partition, line);
                }
            }
        }
        Ok(by_whom.into_values().collect())
    }
}

fn timeline(days: &[&Tally], now: Time) -> Vec<Bucket> {
    let first = now.day().saturating_sub(DAYS.0 - 1) * 24 / PART;
    let last = now.hour() / PART;
    let bucket = |at: u32| {
        let day = days.iter().find(|tally| tally.day == at * PART / 24);
        let findings = day.map_or([0; 5], |tally| tally.parts[(at * PART % 24 / PART) as usize]);
        Bucket { from: Time(beginning(0).0 + i64::from(at * PART) * HOUR), findings }
    };
    (first..=last.max(first)).map(bucket).collect()
}

fn worst(days: &[Rc<Found>]) -> Vec<Placed<FindingLine<'static>>> {
    let mut shown: Vec<_> = days.iter().flat_map(|day| &day.worst).collect();
    shown.sort_by_key(|one| Reverse((one.line.severity, one.line.last_seen)));
    shown.into_iter().take(WORST).cloned().collect()
}

fn pressing(joined: &[(&Listed, IncidentLine)]) -> Vec<Placed<IncidentLine>> {
    let mut all: Vec<_> = joined.iter().collect();
    all.sort_by_key(|(_, line)| (line.state as u8, Reverse((line.severity, line.last_seen))));
    all.into_iter().take(INCIDENTS).map(|(entry, line)| placed(entry, line.clone())).collect()
}
