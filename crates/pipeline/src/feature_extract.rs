//! Feature extraction stage: merges Hour deltas into the table and requests judgements.
//!
//! Merging is idempotent and commutative, so redelivered, reordered and split deltas give the same hours.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};

use crate::{
    messages::{FeaturesExtracted, Notice},
    ports::{Channel, Over, Table, Unavailable, Write, change},
    table_schema::{self, KeptHour},
};
use trailwarden_core::{
    activity::{Folded, Hour, Scope},
    baseline::{About, Fact, facts},
    event::{Time, checksum, role_name},
};

/// Watermark: clock hours from an hour's start to its final judgement, the hour itself and two hours for late events.
pub const WATERMARK: u32 = 3;
/// Items processed concurrently: enough to hide the table's latency.
const AT_ONCE: usize = 16;

/// Result of a batch.
#[derive(Debug, Default)]
pub struct Extracted {
    /// Messages to be redelivered, by position in the batch, with the error.
    pub failed: BTreeMap<usize, Unavailable>,
    /// Hours written.
    pub written: u64,
    /// Duplicate events; an estimate for hours of more than 48 events.
    pub duplicates: f64,
}

/// Merges the hours of a batch into the table, and announces those that must be judged at once.
///
/// Every call of the response role is judged at once. Idempotent: announcements follow from what is stored.
pub async fn feature_extract(
    table: &impl Table,
    bus: &impl Channel<Notice>,
    batch: Vec<Vec<Folded>>,
    response_role: &str,
    now: Time,
) -> Extracted {
    let merged: Vec<_> = stream::iter(together(batch))
        .map(async |((scope, hour), (delta, messages))| {
            let merged = merge(table, (&scope, hour), &delta, response_role, now).await;
            (FeaturesExtracted { scope, hour, is_final: false }, messages, merged)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let mut extracted = Extracted::default();
    let mut due: Vec<(FeaturesExtracted, BTreeSet<usize>, u64)> = Vec::new();
    for (about, messages, merged) in merged {
        match merged {
            Ok(merged) => {
                extracted.written += u64::from(merged.is_written);
                extracted.duplicates += merged.duplicates;
                due.extend(merged.due.map(|mark| (about, messages, mark)));
            }
            Err(error) => extracted.fail(&messages, &error),
        }
    }
    announce(table, bus, due, (response_role, now), &mut extracted).await;
    extracted
}

/// Hours of all messages merged by scope and hour, with the positions of their messages.
fn together(batch: Vec<Vec<Folded>>) -> BTreeMap<(Scope, u32), (Hour, BTreeSet<usize>)> {
    let mut hours: BTreeMap<(Scope, u32), (Hour, BTreeSet<usize>)> = BTreeMap::new();
    for (message, deltas) in batch.into_iter().enumerate() {
        for (scope, hour, delta) in deltas {
            let (merged, messages) = hours.entry((scope, hour)).or_default();
            merged.merge(delta);
            messages.insert(message);
        }
    }
    hours
}

impl Extracted {
    fn fail(&mut self, messages: &BTreeSet<usize>, error: &Unavailable) {
        self.failed.extend(messages.iter().map(|message| (*message, error.again())));
    }
}

struct Merged {
    is_written: bool,
    duplicates: f64,
    /// Mark to announce, if due.
    due: Option<u64>,
}

/// Merges one hour. Facts and the due entry are written first: once the hour is stored, nothing would show that they
/// are missing.
async fn merge(
    table: &impl Table,
    (scope, hour): (&Scope, u32),
    delta: &Hour,
    response_role: &str,
    now: Time,
) -> Result<Merged, Unavailable> {
    let key = table_schema::hour_key(scope, hour);
    loop {
        let item = table.get(&key).await?;
        let known = table_schema::known::<KeptHour>(item.as_ref())?;
        let is_new = known.is_none();
        let old = known.unwrap_or_default();
        let mut merged = KeptHour { hour: old.hour.clone(), ..old };
        merged.hour.merge(delta.clone());
        merged.due = (hour + WATERMARK).max(now.hour() + 1);
        let duplicates = old.hour.events.distinct() + delta.events.distinct() - merged.hour.events.distinct();
        let mark = mark(scope, response_role, &merged.hour);
        let due = (mark != 0 && mark != old.announced).then_some(mark);
        if !is_new && merged.hour == old.hour {
            return Ok(Merged { is_written: false, duplicates, due });
        }
        keep_facts(table, scope, hour, &old.hour, &merged.hour, now).await?;
        if is_new || merged.due != old.due {
            let (entry, write) = table_schema::due_entry(scope, hour, merged.due);
            table.put(&entry, write, Over::Anything).await?;
        }
        if table.put(&key, merged.write(scope, hour, now), Over::from(item.as_ref())).await? {
            return Ok(Merged { is_written: true, duplicates: duplicates.max(0.0), due });
        }
    }
}

/// Mark that an hour is announced by. It changes with urgent events; for the response role, with every call.
fn mark(scope: &Scope, response_role: &str, hour: &Hour) -> u64 {
    match scope {
        Scope::Principal(arn) if role_name(arn) == Some(response_role) => all_of(hour),
        _ => hour.mark(),
    }
}

/// Checksum that changes with every call.
fn all_of(hour: &Hour) -> u64 {
    let keys = hour.calls.iter().map(|(key, _)| key).chain(hour.events.iter().map(|(key, _)| key));
    checksum(&keys.flat_map(u64::to_le_bytes).collect::<Vec<u8>>())
}

/// Stores the peer facts that the merged hour adds to the old one.
async fn keep_facts(
    table: &impl Table,
    scope: &Scope,
    hour: u32,
    old: &Hour,
    merged: &Hour,
    now: Time,
) -> Result<(), Unavailable> {
    let known = facts(scope, hour, old);
    let new: Vec<(About, Fact)> =
        facts(scope, hour, merged).into_iter().filter(|fact| !known.contains(fact)).collect();
    if new.is_empty() {
        return Ok(());
    }
    let keys = new.iter().map(|(about, _)| table_schema::fact_key(about)).collect();
    let kept: BTreeMap<_, _> = table.get_many(keys).await?.into_iter().collect();
    for (about, fact) in new {
        let key = table_schema::fact_key(&about);
        let is_known = match table_schema::known::<Fact>(kept.get(&key))? {
            None => false,
            Some(known) => joined(&known, &fact) == known,
        };
        if !is_known {
            keep_fact(table, &key, &fact, now).await?;
        }
    }
    Ok(())
}

fn joined(known: &Fact, fact: &Fact) -> Fact {
    let mut joined = known.clone();
    joined.merge(fact.clone());
    joined
}

async fn keep_fact(
    table: &impl Table,
    key: &crate::ports::Key,
    fact: &Fact,
    now: Time,
) -> Result<(), Unavailable> {
    change(table, key, |item| {
        let known = table_schema::known::<Fact>(item)?;
        let mut joined = known.as_ref().map_or_else(|| fact.clone(), |known| joined(known, fact));
        if known.as_ref() == Some(&joined) {
            return Ok(None);
        }
        joined.forget(now.day().saturating_sub(table_schema::HOURS_KEPT));
        let expires = Some(Time(now.0 + i64::from(table_schema::HOURS_KEPT) * trailwarden_core::event::DAY));
        Ok::<_, Unavailable>(Some(Write { body: table_schema::write(&joined), expires, listed: None }))
    })
    .await
}

/// Sends what is due, and only then records it as sent.
async fn announce(
    table: &impl Table,
    bus: &impl Channel<Notice>,
    due: Vec<(FeaturesExtracted, BTreeSet<usize>, u64)>,
    (response_role, now): (&str, Time),
    extracted: &mut Extracted,
) {
    let notices: Vec<Notice> =
        due.iter().map(|(about, ..)| Notice::FeaturesExtracted(about.clone())).collect();
    if notices.is_empty() {
        return;
    }
    if let Err(error) = bus.send(&notices).await {
        let messages = due.into_iter().flat_map(|(_, messages, _)| messages).collect();
        return extracted.fail(&messages, &error);
    }
    for (about, messages, announced) in due {
        let key = table_schema::hour_key(&about.scope, about.hour);
        let recorded = change(table, &key, |item| {
            let Some(kept) = item.map(table_schema::read::<KeptHour>).transpose()? else { return Ok(None) };
            // Another writer that added events meanwhile announces them itself, and may have recorded that.
            if mark(&about.scope, response_role, &kept.hour) != announced {
                return Ok(None);
            }
            let kept = KeptHour { announced, ..kept };
            Ok::<_, Unavailable>(Some(kept.write(&about.scope, about.hour, now)))
        });
        if let Err(error) = recorded.await {
            extracted.fail(&messages, &error);
        }
    }
}
