//! Watermark stage: closes hours, and detects accounts and Regions that fall silent. Runs every hour.

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

/// Seconds into a clock hour before it is processed: writers of due entries at its start are done by then.
const SLACK: i64 = 240;
/// Clock hours that the first run looks back: the TTL of due entries.
const FIRST_LOOK: u32 = table_schema::DUE_KEPT * 24;

/// Queues the final judgement of every hour whose watermark has passed; returns the number of judgements.
///
/// The cursor is stored after each clock hour, so an outage is made up for, as long as due entries live.
///
/// # Errors
/// [`Unavailable`] if the table or the queue is; the next run resumes at the cursor.
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

/// Hours due in a shard.
async fn entries(table: &impl Table, partition: &str) -> Result<Vec<(Scope, u32)>, Unavailable> {
    let items = table.range(partition, "0", ":", Freshness::Fresh).await?;
    // An unreadable entry must not keep the others open.
    Ok(items.iter().filter_map(|(_, item)| table_schema::read(item).ok()).collect())
}

/// Due judgements: one per scope, at its earliest hour, since that covers the later ones.
fn earliest(due: Vec<(Scope, u32)>, now: Time) -> Vec<FeaturesExtracted> {
    let mut earliest: BTreeMap<(Scope, Option<u32>), u32> = BTreeMap::new();
    for (scope, hour) in due {
        let day = hour / 24;
        // Days long past are judged one by one.
        let long_past = (day + table_schema::HOURS_KEPT < now.day()).then_some(day);
        earliest.entry((scope, long_past)).and_modify(|known| *known = hour.min(*known)).or_insert(hour);
    }
    let closing = |((scope, _), hour)| FeaturesExtracted { scope, hour, is_final: true };
    earliest.into_iter().map(closing).collect()
}

/// Packs judgements into as few messages as size and [`CLOSINGS`] allow.
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

/// Judgements per message: few enough to repeat when one fails.
const CLOSINGS: usize = 25;

/// Raises a finding for each account or Region that fell silent, closes those of sources heard again, and publishes
/// both; returns the number published.
///
/// If most accounts fall silent together, the trail or this deployment is the cause: one finding of the organisation.
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

/// Fewest silent accounts that may have one cause.
const MANY: usize = 3;

/// Stores and publishes an account's silence findings, and closes those that no longer hold.
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
