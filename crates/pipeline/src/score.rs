//! Scoring stage: judges the hours of a scope against its baseline and peers, stores findings and publishes those due.

use std::ops::RangeInclusive;

use crate::{
    finding_outbox,
    messages::{FeaturesExtracted, Notice},
    ports::{Channel, Freshness, Item, Over, Table, Unavailable, Write},
    table_schema::{self, KeptHour},
};
use trailwarden_core::{
    activity::{Hour, Scope},
    baseline::{About, Baseline, Fact, LONGEST_CHAIN, MEMORY_DAYS, Parts, Peers, REBUILD_DAYS, questions},
    event::{Time, account_of, role_name},
    finding::{Finding, Status},
    judgement::{Surroundings, assess_at, judge, retell},
    networks::Networks,
    risk::assessment::Assessment,
    settings::Settings,
    severity::thresholds::History,
};
use trailwarden_response::response_role::{self, Recorded};

/// Context of a judgement, besides the stored data of its scope and peers.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// Networks of addresses.
    pub networks: &'a Networks,
    /// The organisation's settings.
    pub settings: &'a Settings,
    /// Thresholds from score to severity, by day.
    pub thresholds: &'a History,
    /// Name of the response role, the same in each account.
    pub response_role: &'a str,
}

/// Judges a scope from the due hour's day on, stores the findings and publishes those due; returns the published ones.
///
/// A final judgement also stores the baseline of the days before. Idempotent.
///
/// # Errors
/// [`Unavailable`] if the table or the bus is.
pub async fn score(
    table: &impl Table,
    bus: &impl Channel<Notice>,
    around: Around<'_>,
    due: &FeaturesExtracted,
    now: Time,
) -> Result<Vec<Finding>, Unavailable> {
    let known = Known { table, scope: &due.scope, around, now };
    let day = due.hour / 24;
    let days = day..=known.last_day(day);
    for _ in 0..RACES {
        if known.judge_and_keep(&days, due.is_final).await? {
            return finding_outbox::publish(table, bus, &due.scope, &days, now).await;
        }
    }
    Err(Unavailable { service: "table", source: "too many writers at one scope".into() })
}

/// Attempts at a judgement under optimistic locking.
const RACES: usize = 8;

/// Hours that a risk assessment covers.
const RISK_HOURS: u32 = 24;

/// Result of a judgement.
struct Judged {
    found: Vec<Finding>,
    own: Baseline,
    risk: Option<(u32, Assessment)>,
}

struct Known<'a, T> {
    table: &'a T,
    scope: &'a Scope,
    around: Around<'a>,
    now: Time,
}

impl<T: Table> Known<'_, T> {
    /// Judges and stores the result; `false` if a concurrent judgement, perhaps of more hours, was stored first.
    ///
    /// Findings and baseline are read before the hours, so a judgement of older hours cannot replace one of newer
    /// hours.
    async fn judge_and_keep(&self, days: &RangeInclusive<u32>, is_final: bool) -> Result<bool, Unavailable> {
        let day = *days.start();
        let before = finding_outbox::load(self.table, self.scope, days).await?;
        let item = self.table.get(&table_schema::baseline_key(self.scope)).await?;
        let baseline = table_schema::known::<Vec<u8>>(item.as_ref())?;
        let baseline = baseline.map(|bytes| Baseline::decode(&bytes)).transpose()?;
        // A judgement that may close a finding must read all of its events.
        let freshness = if is_final && before.is_empty() { Freshness::Stale } else { Freshness::Fresh };
        let past = baseline.clone().filter(|own| own.last_active().is_some_and(|last| last < day));
        let is_from_baseline = past.is_some();
        let Judged { mut found, own, risk } = self.judge(past, day, freshness).await?;
        if is_from_baseline && !found.is_empty() {
            // Evidence names what is usual; baselines are sketches, and only hours have the names.
            let before = self
                .hours(day.saturating_sub(MEMORY_DAYS) * 24, days.end() * 24 + 23, Freshness::Stale)
                .await?;
            retell(&mut found, &before);
        }
        if !finding_outbox::keep(self.table, self.scope, &before, &found, self.now).await? {
            return Ok(false);
        }
        match &risk {
            Some((day, risk)) => {
                let write = table_schema::write_risk(self.scope, *day, risk, self.now);
                self.table.put(&table_schema::risk_key(self.scope, *day), write, Over::Anything).await?;
            }
            // No finding that made the identity risky is open any more.
            None if !before.is_empty() && self.scope.is_identity() => {
                let day = before.iter().map(|(_, kept)| kept.finding.last_seen.day()).max().unwrap_or(day);
                let expires = Some(Time(self.now.0 + trailwarden_core::event::DAY));
                let write = Write { expires, ..Write::default() };
                self.table.put(&table_schema::risk_key(self.scope, day), write, Over::Anything).await?;
            }
            None => {}
        }
        if !is_final || baseline.as_ref() == Some(&own) || own.last_active().is_none() {
            return Ok(true);
        }
        let expires =
            Some(Time(self.now.0 + i64::from(table_schema::HOURS_KEPT) * trailwarden_core::event::DAY));
        let write = Write { body: table_schema::write(&own.encode()), expires, listed: None };
        self.table.put(&table_schema::baseline_key(self.scope), write, Over::from(item.as_ref())).await
    }

    /// Judges from a day on, with the stored baseline of the days before, or else one rebuilt from all stored hours.
    async fn judge(
        &self,
        past: Option<Baseline>,
        day: u32,
        freshness: Freshness,
    ) -> Result<Judged, Unavailable> {
        let first = match past.as_ref().and_then(Baseline::last_active) {
            Some(last) => (last + 1).min(day.saturating_sub(1)),
            None => day.saturating_sub(REBUILD_DAYS),
        };
        let hours = self.hours(first * 24, self.last_day(day) * 24 + 23, freshness).await?;
        let judged = &hours[hours.partition_point(|(hour, _)| hour / 24 + 1 < day)..];
        let peers = self.peers(judged).await?;
        let Around { networks, settings, thresholds, .. } = self.around;
        let around = Surroundings { peers: &peers, networks, settings, thresholds, parts: Parts::default() };
        let past = past.unwrap_or_default();
        let (mut found, own) = judge(self.scope, past.clone(), &hours, day * 24, around);
        if let Some(account) = self.account_of_our_role() {
            let today = &hours[hours.partition_point(|(hour, _)| hour / 24 < day)..];
            match response_role::misuse(self.scope, today, &self.recorded(account, day).await?) {
                Some(misuse) => found.push(misuse),
                None => response_role::annotate(&mut found),
            }
        }
        let risk = self.risk(past, &hours, around, &found).await?;
        Ok(Judged { found, own, risk })
    }

    /// Risk assessment of an identity with an open finding on the last judged day; `None` for all others.
    async fn risk(
        &self,
        past: Baseline,
        hours: &[(u32, Hour)],
        around: Surroundings<'_>,
        found: &[Finding],
    ) -> Result<Option<(u32, Assessment)>, Unavailable> {
        let Some((last, _)) = hours.last() else { return Ok(None) };
        let day = last / 24;
        let is_of_it = |finding: &Finding| finding.status == Status::Open && finding.last_seen.day() == day;
        if !self.scope.is_identity() || !found.iter().any(is_of_it) {
            return Ok(None);
        }
        let before = day.saturating_sub(MEMORY_DAYS)..=day.saturating_sub(1);
        let before = finding_outbox::load(self.table, self.scope, &before).await?;
        let before = before.iter().map(|(_, kept)| &kept.finding);
        let is_judged = |finding: &&Finding| found.iter().any(|judged| judged.id == finding.id);
        let grave: Vec<&Finding> = found.iter().chain(before.filter(|one| !is_judged(one))).collect();
        let assessed = assess_at(self.scope, past, hours, (*last, RISK_HOURS), around, &grave);
        Ok(assessed.map(|assessed| (day, assessed)))
    }

    /// Account whose response role this scope is, if it is one.
    fn account_of_our_role(&self) -> Option<&str> {
        let Scope::Principal(arn) = self.scope else { return None };
        role_name(arn).filter(|name| *name == self.around.response_role)?;
        account_of(arn)
    }

    /// Recorded calls of responses in an account, from the last hour before a day on.
    async fn recorded(&self, account: &str, day: u32) -> Result<Recorded, Unavailable> {
        let at = |hour: u32| table_schema::calls_key(account, hour);
        let (first, last) = (at((day * 24).saturating_sub(1)), at(self.last_day(day) * 24 + 23));
        let items = self.table.range(&first.partition, &first.sort, &last.sort, Freshness::Fresh).await?;
        let read = |(sort, item): (String, Item)| {
            let hour = sort.rsplit('#').next().and_then(|hour| hour.parse().ok());
            Ok((hour.ok_or(trailwarden_core::activity::Damaged)?, table_schema::read(&item)?))
        };
        items.into_iter().map(read).collect()
    }

    /// Last day to be judged together with `day`: today, since later days learnt from it, or `day` itself if it is
    /// long past.
    fn last_day(&self, day: u32) -> u32 {
        let today = self.now.day();
        if day + table_schema::HOURS_KEPT < today { day } else { today.max(day) }
    }

    async fn hours(
        &self,
        first: u32,
        last: u32,
        freshness: Freshness,
    ) -> Result<Vec<(u32, Hour)>, Unavailable> {
        let (from, to) = (table_schema::hour_sort(first), table_schema::hour_sort(last));
        let items = self.table.range(&self.scope.partition(), &from, &to, freshness).await?;
        let read = |(sort, item): (String, Item)| {
            let hour = table_schema::hour_of(&sort).ok_or(trailwarden_core::activity::Damaged)?;
            Ok(table_schema::known::<KeptHour>(Some(&item))?.map(|kept| (hour, kept.hour)))
        };
        items.into_iter().filter_map(|item| read(item).transpose()).collect()
    }

    /// Peer facts that the judgement may ask for, and no others.
    async fn peers(&self, hours: &[(u32, Hour)]) -> Result<Peers, Unavailable> {
        let mut peers = Peers::default();
        let mut asked = questions(self.scope, hours);
        for _ in 0..LONGEST_CHAIN {
            let by_key: std::collections::BTreeMap<_, About> =
                asked.into_iter().map(|about| (table_schema::fact_key(&about), about)).collect();
            if by_key.is_empty() {
                break;
            }
            for (key, item) in self.table.get_many(by_key.keys().cloned().collect()).await? {
                let Some(about) = by_key.get(&key) else { continue };
                if let Some(fact) = table_schema::known::<Fact>(Some(&item))? {
                    peers.add(about.clone(), fact);
                }
            }
            asked =
                peers.parents().into_iter().filter(|parent| !by_key.values().any(|a| a == parent)).collect();
        }
        Ok(peers)
    }
}
