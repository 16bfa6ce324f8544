//! Detail pages of a finding and of an identity.

use serde::Serialize;
use serde_json::Value;

use super::{Desk, Placed, lines};
use crate::{
    feedback::{self, Word},
    index_entries::{FindingLine, IncidentLine},
    ports::{Freshness, Key, Table, Unavailable},
    stored_settings::settings,
    table_schema::{self, INCIDENTS, KeptFinding, KeptHour},
};
use trailwarden_core::{
    activity::{Damaged, Hour},
    event::Time,
    finding::Finding,
    judgement::usual,
};
use trailwarden_response::{Plan, incident::scope_of, planner::plan};

/// Detail page of a finding.
#[derive(Clone, Debug, Serialize)]
pub struct Story {
    /// Partition of the finding.
    pub of: String,
    /// The finding.
    pub finding: Finding,
    /// Analyst's verdict.
    pub verdict: Option<Word>,
    /// Response plan for the finding alone.
    pub plan: Option<Plan>,
    /// Incident that contains the finding.
    pub incident: Option<IncidentLine>,
    /// The identity's last week against the weeks before.
    pub week: Option<Week>,
}

/// Detail page of an identity.
#[derive(Clone, Debug, Serialize)]
pub struct Portrait {
    /// The identity's partition.
    pub of: String,
    /// ARN, or the name of a person, account or address.
    pub principal: String,
    /// Latest risk assessment with its components, as JSON.
    pub risk: Option<Value>,
    /// Day of the assessment, as `2026-03-02`.
    pub risk_of: Option<String>,
    /// Usual behaviour, in words.
    pub usual: Vec<String>,
    /// The last week against the weeks before.
    pub week: Option<Week>,
    /// Findings of the last 30 days, newest first.
    pub findings: Vec<Placed<FindingLine<'static>>>,
    /// Incidents, newest first.
    pub incidents: Vec<Placed<IncidentLine>>,
}

/// Activity of an identity by hour of the week, in UTC from Monday 00:00: one row per weekday.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Week {
    /// Events per hour, averaged over the weeks before.
    pub usual: Vec<[f32; 24]>,
    /// Events per hour in the last seven days.
    pub seen: Vec<[f32; 24]>,
    /// Number of weeks in the average.
    pub weeks: u32,
    /// Hours with activity in the last seven days.
    pub active: usize,
    /// Of those, hours of the week without earlier activity; 0 if there are no weeks to compare.
    pub new: usize,
}

/// Cached part of an identity's page: the week, and usual behaviour in words.
pub(super) type Habits = (Option<Week>, Vec<String>);

/// Days that usual behaviour is taken from.
const LOOKED_BACK: u32 = 28;
/// Days of findings on an identity's page.
const FINDINGS: u32 = 30;
/// Cache time of an identity's hours in seconds: they are many, and change slowly.
const REMEMBERED: i64 = 300;

impl<T: Table> Desk<T> {
    pub(super) async fn story(
        &self,
        id: &str,
        of: Option<&str>,
        now: Time,
    ) -> Result<Option<Story>, Unavailable> {
        let Some((of, finding)) = self.finding(id, of, now).await? else { return Ok(None) };
        let known = settings(&self.table).await?;
        let root = finding.callers.last().unwrap_or(&finding.principal);
        let partition = if root.starts_with("arn:") { scope_of(root).partition() } else { of.clone() };
        let incidents = self.incidents_of(&partition).await?;
        let about = if of.starts_with("ACCOUNT#") || of.starts_with("ADDRESS#") { &partition } else { &of };
        Ok(Some(Story {
            verdict: feedback::verdict(&self.table, &finding.id).await?,
            plan: plan(&[&finding], &known),
            incident: incidents.into_iter().find(|(_, ids)| ids.contains(&finding.id)).map(|(line, _)| line),
            week: self.habits(about, now).await?.0,
            of,
            finding,
        }))
    }

    /// Looks up a finding in its partition; without one, under the two days where the index may list it.
    async fn finding(
        &self,
        id: &str,
        of: Option<&str>,
        now: Time,
    ) -> Result<Option<(String, Finding)>, Unavailable> {
        let date = id.split('/').nth(1).unwrap_or_default();
        let partition = match of {
            Some(of) => Some(of.to_owned()),
            None => match Time::parse(&format!("{date}T00:00:00Z")) {
                Some(time) if now.day() >= time.day() => {
                    let mut found = None;
                    for day in [time.day(), time.day() + 1] {
                        let listed = self.found_on(day, now).await?;
                        let mut lines = lines::<FindingLine<'_>>(listed.entries.iter());
                        found = found.or(lines
                            .find(|(_, line)| line.id == id)
                            .map(|(at, _)| at.key.partition.clone()));
                    }
                    found
                }
                _ => None,
            },
        };
        let Some(partition) = partition else { return Ok(None) };
        let key = Key { partition, sort: format!("FINDING#{date}#{id}") };
        let kept = self.table.get(&key).await?.as_ref().map(KeptFinding::read).transpose()?;
        Ok(kept.map(|kept| (key.partition, kept.finding)))
    }

    pub(super) async fn portrait(&self, of: &str, now: Time) -> Result<Option<Portrait>, Unavailable> {
        let is_partition =
            ["PRINCIPAL#", "PERSON#", "ACCOUNT#", "ADDRESS#"].iter().any(|kind| of.starts_with(kind));
        let of = if is_partition { of.to_owned() } else { scope_of(of).partition() };
        let (from, to) = (table_schema::findings_from(now.day().saturating_sub(FINDINGS)), "FINDING$");
        let kept = self.table.range(&of, &from, to, Freshness::Stale).await?;
        let mut findings = Vec::new();
        for (_, item) in &kept {
            let line = FindingLine::from(&KeptFinding::read(item)?.finding).into_owned();
            findings.push(Placed { of: of.clone(), line });
        }
        findings.sort_by_key(|one| std::cmp::Reverse(one.line.last_seen));
        let incidents = self.incidents_of(&of).await?;
        let (week, usual) = self.habits(&of, now).await?;
        if week.is_none() && findings.is_empty() && incidents.is_empty() {
            return Ok(None);
        }
        let (risk_of, risk) = self.assessed(&of, now).await?.unzip();
        let place = |(line, _): (IncidentLine, Vec<String>)| Placed { of: of.clone(), line };
        Ok(Some(Portrait {
            principal: of.split_once('#').map_or(&*of, |(_, name)| name).to_owned(),
            incidents: incidents.into_iter().map(place).collect(),
            risk,
            risk_of,
            usual,
            week,
            findings,
            of,
        }))
    }

    /// Latest risk assessment of the last week: its day, and its JSON.
    async fn assessed(&self, of: &str, now: Time) -> Result<Option<(String, Value)>, Unavailable> {
        let (from, to) = (
            table_schema::risk_partition(now.day().saturating_sub(7)),
            table_schema::risk_partition(now.day()),
        );
        let mut items = self.table.range(of, &from, &to, Freshness::Stale).await?;
        // The item is empty if the identity has no open finding any more.
        items.retain(|(_, item)| !item.body.is_empty());
        let Some((sort, item)) = items.pop() else { return Ok(None) };
        let json = table_schema::known::<Vec<u8>>(Some(&item))?.unwrap_or_default();
        let day = sort.strip_prefix("RISK#").unwrap_or_default().to_owned();
        Ok(Some((day, serde_json::from_slice(&json).map_err(|_| Damaged)?)))
    }

    /// Incidents of a partition with the ids of their findings, newest first.
    async fn incidents_of(&self, of: &str) -> Result<Vec<(IncidentLine, Vec<String>)>, Unavailable> {
        let kept = self.table.range(of, INCIDENTS.0, INCIDENTS.1, Freshness::Stale).await?;
        let mut incidents = Vec::new();
        for (_, item) in kept.iter().rev() {
            let incident = table_schema::read_incident(item)?;
            let ids = incident.findings.iter().map(|finding| finding.id.clone()).collect();
            incidents.push((IncidentLine::from(&incident), ids));
        }
        Ok(incidents)
    }

    async fn habits(&self, of: &str, now: Time) -> Result<Habits, Unavailable> {
        if let Some((read, known)) =
            self.weeks.borrow().get(of).filter(|(read, _)| now.0 < read.0 + REMEMBERED)
        {
            let _ = read;
            return Ok(known.clone());
        }
        let last = now.hour();
        let (from, to) = (
            table_schema::hour_sort(last.saturating_sub(LOOKED_BACK * 24 - 1)),
            table_schema::hour_sort(last),
        );
        let mut hours: Vec<(u32, Hour)> = Vec::new();
        for (sort, item) in self.table.range(of, &from, &to, Freshness::Stale).await? {
            let hour = table_schema::hour_of(&sort).ok_or(Damaged)?;
            hours.extend(table_schema::known::<KeptHour>(Some(&item))?.map(|kept| (hour, kept.hour)));
        }
        // Today is left out: it may be the anomaly.
        let before = hours.partition_point(|(hour, _)| hour / 24 < last / 24);
        let habits = (Week::of(&hours, last), usual(&hours[..before]));
        let mut weeks = self.weeks.borrow_mut();
        weeks.retain(|_, (read, _)| now.0 < read.0 + REMEMBERED);
        weeks.insert(of.to_owned(), (now, habits.clone()));
        Ok(habits)
    }
}

impl Week {
    /// Summarises hours up to clock hour `last`; `None` without hours.
    pub fn of(hours: &[(u32, Hour)], last: u32) -> Option<Self> {
        let first = hours.first()?.0;
        let begin = (last + 1).saturating_sub(7 * 24);
        let weeks = (begin.saturating_sub(first)).div_ceil(7 * 24);
        let mut week = Self { usual: vec![[0.0; 24]; 7], seen: vec![[0.0; 24]; 7], weeks, active: 0, new: 0 };
        for (hour, seen) in hours {
            // The first of January 1970 was a Thursday.
            let (day, clock) = ((hour / 24 + 3) as usize % 7, *hour as usize % 24);
            let events = seen.events.distinct() as f32;
            if *hour < begin {
                week.usual[day][clock] += events / weeks.max(1) as f32;
            } else {
                week.seen[day][clock] += events;
            }
        }
        let both = || week.usual.iter().flatten().zip(week.seen.iter().flatten());
        let active = both().filter(|(_, seen)| **seen > 0.0).count();
        let new = both().filter(|(usual, seen)| **seen > 0.0 && **usual <= 0.0).count();
        Some(Self { active, new: if weeks == 0 { 0 } else { new }, ..week })
    }
}
