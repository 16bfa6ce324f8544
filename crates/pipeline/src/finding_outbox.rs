//! Finding outbox of `score`, `compliance-check` and `watermark`: stores findings and publishes those that are due.

use std::ops::RangeInclusive;

use crate::{
    messages::Notice,
    ports::{Channel, Freshness, Item, Over, Table, Unavailable, change},
    table_schema::{self, KeptFinding},
};
use trailwarden_core::{
    activity::Scope,
    event::Time,
    finding::{Finding, FindingRaised, Status},
};

/// Stored findings of a scope before it was judged.
pub(super) type Before = Vec<(Item, KeptFinding)>;

/// Stores the findings of a judgement, and closes those of `before` that it no longer supports.
///
/// `false` on a write conflict: the other writer may have seen more events, so the scope must be judged again.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub(super) async fn keep(
    table: &impl Table,
    scope: &Scope,
    before: &Before,
    judged: &[Finding],
    now: Time,
) -> Result<bool, Unavailable> {
    for finding in judged {
        let known = before.iter().find(|(_, kept)| kept.finding.id == finding.id);
        let changed = match known {
            None => Some(KeptFinding::new(finding.clone())),
            Some((_, kept)) => kept.replaced(finding.clone()),
        };
        if !write(table, scope, known.map(|(item, _)| item), changed, now).await? {
            return Ok(false);
        }
    }
    for (item, kept) in before {
        let is_ours =
            trailwarden_core::detectors::ALL.iter().any(|detector| detector.id == kept.finding.detector);
        let is_supported = judged.iter().any(|finding| finding.id == kept.finding.id);
        if is_ours && !is_supported && kept.finding.status == Status::Open {
            let changed = kept.replaced(closed(&kept.finding, NO_LONGER));
            if !write(table, scope, Some(item), changed, now).await? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Writes a changed finding over the version that was read; `false` on a conflict.
async fn write(
    table: &impl Table,
    scope: &Scope,
    before: Option<&Item>,
    changed: Option<KeptFinding>,
    now: Time,
) -> Result<bool, Unavailable> {
    let Some(changed) = changed else { return Ok(true) };
    let key = table_schema::finding_key(scope, &changed.finding.id);
    table.put(&key, changed.write(now), Over::from(before)).await
}

/// Reason for closing a finding that a later judgement does not support.
const NO_LONGER: &str = "judged again with events that came later, it no longer stands";

/// The finding, closed.
pub(super) fn closed(finding: &Finding, reason: &str) -> Finding {
    Finding { status: Status::Closed(reason.to_owned()), ..finding.clone() }
}

/// Stores what `judged` makes of the stored finding; `None` leaves it as it is.
pub(super) async fn keep_one(
    table: &impl Table,
    scope: &Scope,
    now: Time,
    id: &str,
    mut judged: impl FnMut(Option<&Finding>) -> Option<Finding>,
) -> Result<(), Unavailable> {
    change(table, &table_schema::finding_key(scope, id), |item| {
        let known = item.map(KeptFinding::read).transpose()?;
        let Some(finding) = judged(known.as_ref().map(|known| &known.finding)) else { return Ok(None) };
        let changed = match known {
            None => Some(KeptFinding::new(finding)),
            Some(known) => known.replaced(finding),
        };
        Ok::<_, Unavailable>(changed.map(|changed| changed.write(now)))
    })
    .await
}

/// Stored findings of a scope, by range of days.
pub(super) async fn load(
    table: &impl Table,
    scope: &Scope,
    days: &RangeInclusive<u32>,
) -> Result<Vec<(Item, KeptFinding)>, Unavailable> {
    let partition = scope.partition();
    let (from, to) =
        (table_schema::findings_from(*days.start()), table_schema::findings_from(*days.end() + 1));
    let items = table.range(&partition, &from, &to, Freshness::Fresh).await?;
    let read = |(_, item): (String, Item)| Ok((item.clone(), KeptFinding::read(&item)?));
    items.into_iter().map(read).collect()
}

/// Publishes the stored findings of a scope and range of days that are due; returns them.
///
/// # Errors
/// [`Unavailable`] if the table or the bus is; the findings stay due.
pub async fn publish(
    table: &impl Table,
    bus: &impl Channel<Notice>,
    scope: &Scope,
    days: &RangeInclusive<u32>,
    now: Time,
) -> Result<Vec<Finding>, Unavailable> {
    let kept = load(table, scope, days).await?;
    let due: Vec<(Item, KeptFinding)> = kept.into_iter().filter(|(_, kept)| kept.is_due()).collect();
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let notice = |kept: &KeptFinding| {
        let (revision, finding) = (kept.revision, kept.finding.clone());
        Notice::FindingRaised(Box::new(FindingRaised { scope: scope.clone(), revision, finding }))
    };
    bus.send(&due.iter().map(|(_, kept)| notice(kept)).collect::<Vec<_>>()).await?;
    let mut left = Vec::new();
    for (item, sent) in due {
        let key = table_schema::finding_key(scope, &sent.finding.id);
        let published = sent.clone().published(sent.revision);
        // On a conflict this revision is still recorded as published, and the other writer's is due.
        if !table.put(&key, published.write(now), Over::Version(item.version)).await? {
            change(table, &key, |item| {
                let Some(item) = item else { return Ok(None) };
                let kept = KeptFinding::read(item)?.published(sent.revision);
                Ok::<_, Unavailable>(Some(kept.write(now)))
            })
            .await?;
        }
        left.push(sent.finding);
    }
    Ok(left)
}
