//! Board: the overview page, with the current numbers and what needs attention.

use std::{cmp::Reverse, collections::BTreeMap, rc::Rc};

use serde::Serialize;

use super::{DAYS, Desk, Found, NEW, Placed, WORST, beginning, lines, placed};
use crate::{
    dashboard::{
        daily_counts::{DailyCounts, PART},
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

/// Content of the overview page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Board {
    /// Key figures.
    pub overview: Overview,
    /// Open findings over time, of the last seven days.
    pub timeline: Vec<Bucket>,
    /// The worst of them, at most 15, newest first within a severity.
    pub findings: Vec<Placed<FindingLine<'static>>>,
    /// Incidents, at most 6: open ones first, then worst and newest first.
    pub incidents: Vec<Placed<IncidentLine>>,
    /// Control status at the last compliance report.
    pub compliance: Option<Compliance>,
    /// State of the responses.
    pub response: Responding,
    /// Changes of the thresholds, newest first, at most 10.
    pub history: Vec<Change>,
    /// Change of the thresholds tomorrow, by the verdicts so far.
    pub tomorrow: Option<Change>,
    /// Whether there is nothing to show: no watched identities, and no findings in the last seven days.
    pub is_empty: bool,
}

/// State of the responses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Responding {
    /// `observe`, `approve` or `enforce`.
    pub mode: &'static str,
    /// Person who stopped all responses, if they are stopped.
    pub stopped_by: Option<String>,
    /// Last change of the kill switch.
    pub turn: Option<Turn>,
}

/// Six hours of the timeline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bucket {
    /// Start time.
    pub from: Time,
    /// Number of findings last seen within them, by severity from INFORMATIONAL to CRITICAL.
    pub findings: [u32; 5],
}

/// Incidents on the board.
const INCIDENTS: usize = 6;
/// Changes of the thresholds on the board.
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
        // Rounded to the minute, so that an unchanged board compares equal.
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

    /// Failed sign-ins by clock hour, of the last three days.
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

    /// Risk of each identity with findings in the last seven days: its latest assessment.
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

fn timeline(days: &[&DailyCounts], now: Time) -> Vec<Bucket> {
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
