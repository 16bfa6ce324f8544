//! Time passing: hours close, and silence is noticed.

use std::{collections::BTreeMap, ops::RangeInclusive};

use crate::{
    feedback, finding_outbox,
    messages::{Closings, FeaturesExtracted, MESSAGE_BYTES, Notice},
    ports::{Channel, Freshness, Key, Over, Table, Unavailable, Write},
    table_schema::{self, DUE_SHARDS, ORGANISATION},
};
use trailwarden_core::{
    activity::Scope,
    baseline::Fact,
    event::Time,
    finding::{Finding, Status},
    silence::{DETECTOR, of_organisation, silences},
};

/// Seconds of a clock hour that pass before it is worked on: whoever wrote into it at its start is done by then.
const SLACK: i64 = 240;
/// Clock hours looked back when nothing is known of an earlier run: as long as entries are kept.
const FIRST_LOOK: u32 = table_schema::DUE_KEPT * 24;

/// Sends every hour whose watermark has passed to be judged finally; gives how many.
///
/// Where it stands is recorded after each clock hour, so that an outage is made up for, as long as entries are kept.
///
/// # Errors
/// [`Unavailable`] if the table or the queue is; the next run goes on from there.
pub async fn close_hours(
    table: &impl Table,
    queue: &impl Channel<String>,
    now: Time,
) -> Result<u64, Unavailable> {
    let cursor = Key { partition: ORGANISATION.to_owned(), sort: "WATERMARK".to_owned() };
    let until = Time(now.0 - SLACK).hour();
    let closed = table_schema::known::<u32>(table.get(&cursor).await?.as_ref())?;
    let first = closed.map_or(until.saturating_sub(FIRST_LOOK), |closed| closed + 1);
    let mut sent = 0;
    for due in first..=until {
        for shard in 0..DUE_SHARDS {
            let hours = entries(table, &table_schema::due_partition(due, shard)).await?;
            feedback::count(table, &hours, now).await?;
            let closings = earliest(hours, now);
            sent += closings.len() as u64;
            if !closings.is_empty() {
                queue.send(&packed(closings)).await?;
            }
        }
        let write = Write { body: table_schema::write(&due), ..Write::default() };
        table.put(&cursor, write, Over::Anything).await?;
    }
    Ok(sent)
}

/// The hours that are due in a shard.
async fn entries(table: &impl Table, partition: &str) -> Result<Vec<(Scope, u32)>, Unavailable> {
    let items = table.range(partition, "0", ":", Freshness::Fresh).await?;
    // One entry that cannot be read must not keep all others open.
    Ok(items.iter().filter_map(|(_, item)| table_schema::read(item).ok()).collect())
}

/// The judgements due: one of each scope, from its earliest hour on, since that covers the later ones.
fn earliest(due: Vec<(Scope, u32)>, now: Time) -> Vec<FeaturesExtracted> {
    let mut earliest: BTreeMap<(Scope, Option<u32>), u32> = BTreeMap::new();
    for (scope, hour) in due {
        let day = hour / 24;
        // Days long past are judged each by itself.
        let long_past = (day + table_schema::HOURS_KEPT < now.day()).then_some(day);
        earliest.entry((scope, long_past)).and_modify(|known| *known = hour.min(*known)).or_insert(hour);
    }
    let closing = |((scope, _), hour)| FeaturesExtracted { scope, hour, is_final: true };
    earliest.into_iter().map(closing).collect()
}

/// As few messages as their size allows.
fn packed(closings: Vec<FeaturesExtracted>) -> Vec<String> {
    let mut messages = Vec::new();
    let mut batch = Vec::new();
    let mut size = 0;
    let text = |closings| serde_json::to_string(&Closings { closings }).unwrap_or_default();
    for closing in closings {
        let bytes = serde_json::to_vec(&closing).map_or(0, |json| json.len() + 1);
        if !batch.is_empty() && (size + bytes > MESSAGE_BYTES - 64 || batch.len() >= CLOSINGS) {
            messages.push(text(std::mem::take(&mut batch)));
            size = 0;
        }
        size += bytes;
        batch.push(closing);
    }
    messages.push(text(batch));
    messages
}

/// Hours judged for one message: few enough to be done again without regret.
const CLOSINGS: usize = 25;

/// Raises a finding for each account or Region that fell silent, closes those that are heard again, and publishes both.
///
/// If most accounts fall silent together, it is the trail, or we: then it is one finding of the organisation.
///
/// # Errors
/// [`Unavailable`] if the table or the bus is.
pub async fn watch_silence(
    table: &impl Table,
    bus: &impl Channel<Notice>,
    now: Time,
) -> Result<usize, Unavailable> {
    let accounts = table.range(ORGANISATION, "ACCOUNT#", "ACCOUNT$", Freshness::Stale).await?;
    let mut silent: BTreeMap<&str, Vec<Finding>> = BTreeMap::new();
    for (sort, item) in &accounts {
        if let (Some(account), Ok(heard)) = (sort.strip_prefix("ACCOUNT#"), table_schema::read::<Fact>(item))
        {
            silent.insert(account, silences(account, &heard, now));
        }
    }
    let whole: Vec<&Finding> =
        silent.values().flatten().filter(|finding| finding.region.is_empty()).collect();
    let all = (whole.len() >= MANY && whole.len() * 2 > silent.len()).then(|| of_organisation(&whole));
    let is_all = all.is_some();
    let mut published = watch(table, bus, ORGANISATION, all.into_iter().collect(), now).await?;
    for (account, findings) in silent {
        let findings = if is_all { Vec::new() } else { findings };
        published += watch(table, bus, account, findings, now).await?;
    }
    Ok(published)
}

/// So many accounts that are silent at once may be one thing.
const MANY: usize = 3;

/// Keeps and publishes what is silent of an account, and closes what is no longer.
async fn watch(
    table: &impl Table,
    bus: &impl Channel<Notice>,
    account: &str,
    silent: Vec<Finding>,
    now: Time,
) -> Result<usize, Unavailable> {
    let scope = Scope::Account(account.into());
    let days: RangeInclusive<u32> = now.day().saturating_sub(table_schema::HOURS_KEPT)..=now.day();
    for finding in &silent {
        finding_outbox::keep_one(table, &scope, now, &finding.id, |_| Some(finding.clone())).await?;
    }
    for (_, kept) in finding_outbox::load(table, &scope, &days).await? {
        let known = &kept.finding;
        let is_silent = silent.iter().any(|finding| finding.id == known.id);
        if known.detector == DETECTOR && known.status == Status::Open && !is_silent {
            let heard_again = |known: Option<&_>| {
                Some(finding_outbox::closed(
                    known?,
                    "it is heard again, or most accounts fell silent with it",
                ))
            };
            finding_outbox::keep_one(table, &scope, now, &known.id, heard_again).await?;
        }
    }
    Ok(finding_outbox::publish(table, bus, &scope, &days, now).await?.len())
}
