//! Notification stage: shows each incident once per board, updates it as it changes, and replaces a flood by a digest.
//!
//! A claim in the table keeps two copies of the function from posting the same incident twice.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::responder::load;
use crate::{
    formats::slack::headline,
    messages::IncidentChanged,
    ports::{Board, Item, Key, Table, Unavailable, Write, change},
    table_schema::{self, FINDINGS_KEPT},
};
use trailwarden_core::event::{DAY, Time, hash};
use trailwarden_response::incident::{Incident, IncidentState};

/// New incidents that a board shows per hour; a digest has the number of the others and the worst of them.
pub const AN_HOUR: usize = 20;
/// Incidents named in a digest.
const WORST: usize = 15;
/// Seconds until a claim expires: longer than the function's time limit.
const SHOWING: i64 = 90;

/// IncidentState of an incident on a board.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Shown {
    /// The board's id of the message or ticket.
    handle: Option<String>,
    /// Revision on the board; 0 if none.
    revision: u32,
    /// Claim: its time, and the copy of the function that holds it.
    held: Option<(Time, u64)>,
    /// Time of the first attempt to show it.
    tried: Option<Time>,
}

/// New incidents of an hour on a board: those shown one by one, and those only counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Storm {
    shown: BTreeSet<String>,
    counted: u32,
    /// Count that the digest shows.
    told: u32,
    /// Claim on the digest: its time, and the copy of the function that holds it.
    held: Option<(Time, u64)>,
    /// Severity and headline, worst first.
    worst: Vec<(u8, String)>,
    /// Hashed ids of the counted incidents.
    known: BTreeSet<u64>,
    handle: Option<String>,
}

/// Shows the current revision of an incident on a board, unless the board has it. Idempotent.
///
/// # Errors
/// [`Unavailable`] if the table or the board is, or another copy holds the claim: retry.
pub async fn notify(
    table: &impl Table,
    board: &impl Board,
    changed: &IncidentChanged,
    copy: u64,
    now: Time,
) -> Result<(), Unavailable> {
    let key = table_schema::incident_key(&changed.partition, &changed.id);
    let Some(incident) = load(table, &key).await? else { return Ok(()) };
    let place = table_schema::shown_key(&changed.partition, board.name(), &changed.id);
    let Some(shown) = claim(table, &place, &incident, copy, now).await? else { return Ok(()) };
    let is_new = shown.revision == 0;
    // An incident that was closed before it was shown is no news.
    if is_new && incident.state == IncidentState::Closed {
        return keep(table, &place, &incident, shown.handle, now).await;
    }
    if is_new && !board.is_tickets() && !admit(table, board, &incident, now).await? {
        release(table, &place, None, now).await?;
        return tell_digest(table, board, copy, now).await;
    }
    let outcome = if is_new {
        board.open(&incident, shown.tried).await
    } else {
        board.update(&incident, shown.handle.as_deref()).await
    };
    let handle = match outcome {
        Ok(handle) => handle,
        Err(error) => {
            // Release the claim, so that the next attempt need not wait for it to expire.
            release(table, &place, shown.tried.or(Some(now)), now).await?;
            return Err(error);
        }
    };
    if board.is_tickets() && handle.is_some() && incident.ticket != handle {
        change(table, &key, |item| {
            let Some(mut incident) = item.map(table_schema::read_incident).transpose()? else {
                return Ok(None);
            };
            incident.ticket.clone_from(&handle);
            Ok::<_, Unavailable>(Some(table_schema::write_incident(&incident, now)))
        })
        .await?;
    }
    keep(table, &place, &incident, handle, now).await
}

/// Claims an incident on a board; `None` if the board has this revision.
async fn claim(
    table: &impl Table,
    place: &Key,
    incident: &Incident,
    copy: u64,
    now: Time,
) -> Result<Option<Shown>, Unavailable> {
    let mut claimed = None;
    change(table, place, |item| {
        let mut shown = read(item)?;
        claimed = None;
        if shown.revision >= incident.revision {
            return Ok(None);
        }
        let is_others = |(since, by): (Time, u64)| by != copy && now.0 < since.0 + SHOWING;
        if shown.held.is_some_and(is_others) {
            return Err(Unavailable { service: "notify", source: "somebody else is showing it".into() });
        }
        claimed = Some(shown.clone());
        shown.held = Some((now, copy));
        shown.tried = shown.tried.or(Some(now));
        Ok(Some(write(&shown, now)))
    })
    .await?;
    Ok(claimed)
}

async fn keep(
    table: &impl Table,
    place: &Key,
    incident: &Incident,
    handle: Option<String>,
    now: Time,
) -> Result<(), Unavailable> {
    change(table, place, |item| {
        let mut shown = read(item)?;
        (shown.held, shown.handle) = (None, handle.clone());
        shown.revision = shown.revision.max(incident.revision);
        Ok::<_, Unavailable>(Some(write(&shown, now)))
    })
    .await
}

/// Releases the claim. `tried` tells the next attempt that the message may have arrived.
async fn release(table: &impl Table, place: &Key, tried: Option<Time>, now: Time) -> Result<(), Unavailable> {
    change(table, place, |item| {
        let shown = Shown { held: None, tried, ..read(item)? };
        Ok::<_, Unavailable>(Some(write(&shown, now)))
    })
    .await
}

/// Whether the board has room for another incident in this hour. Otherwise the incident is counted, and shown with its
/// next change in a calmer hour.
async fn admit(
    table: &impl Table,
    board: &impl Board,
    incident: &Incident,
    now: Time,
) -> Result<bool, Unavailable> {
    let mut is_admitted = false;
    change(table, &table_schema::digest_key(board.name(), now.hour()), |item| {
        let mut storm = storm_in(item)?;
        is_admitted = storm.shown.contains(&incident.id) || storm.shown.len() < AN_HOUR;
        if is_admitted {
            storm.shown.insert(incident.id.clone());
        } else if storm.known.insert(hash(&incident.id)) {
            storm.counted += 1;
            storm.worst.push((incident.severity as u8, headline(incident)));
            storm.worst.sort_by(|a, b| b.cmp(a));
            storm.worst.truncate(WORST);
        }
        Ok::<_, Unavailable>(Some(storm.write(now)))
    })
    .await?;
    Ok(is_admitted)
}

/// Updates the digest until it covers every counted incident; one copy at a time, so that there is one digest.
async fn tell_digest(
    table: &impl Table,
    board: &impl Board,
    copy: u64,
    now: Time,
) -> Result<(), Unavailable> {
    let key = table_schema::digest_key(board.name(), now.hour());
    loop {
        let mut turn = None;
        change(table, &key, |item| {
            let mut storm = storm_in(item)?;
            turn = None;
            if storm.told >= storm.counted {
                return Ok(None);
            }
            let is_others = |(since, by): (Time, u64)| by != copy && now.0 < since.0 + SHOWING;
            if storm.held.is_some_and(is_others) {
                return Err(Unavailable {
                    service: "notify",
                    source: "somebody else tells of the rest".into(),
                });
            }
            storm.held = Some((now, copy));
            turn = Some(storm.clone());
            Ok(Some(storm.write(now)))
        })
        .await?;
        let Some(storm) = turn else { return Ok(()) };
        let worst: Vec<String> = storm.worst.iter().map(|(_, line)| line.clone()).collect();
        let outcome = board.digest(storm.counted, &worst, storm.handle.as_deref()).await;
        change(table, &key, |item| {
            let mut now_there = storm_in(item)?;
            now_there.held = None;
            if let Ok(handle) = &outcome {
                now_there.handle.clone_from(handle);
                now_there.told = now_there.told.max(storm.counted);
            }
            Ok::<_, Unavailable>(Some(now_there.write(now)))
        })
        .await?;
        outcome?;
    }
}

impl Storm {
    fn write(&self, now: Time) -> Write {
        Write { body: table_schema::write(self), expires: Some(Time(now.0 + DAY)), listed: None }
    }
}

fn storm_in(item: Option<&Item>) -> Result<Storm, Unavailable> {
    Ok(item.map(table_schema::read::<Storm>).transpose()?.unwrap_or_default())
}

fn read(item: Option<&Item>) -> Result<Shown, Unavailable> {
    Ok(item.map(table_schema::read::<Shown>).transpose()?.unwrap_or_default())
}

fn write(shown: &Shown, now: Time) -> Write {
    let expires = Some(Time(now.0 + i64::from(FINDINGS_KEPT) * DAY));
    Write { body: table_schema::write(shown), expires, listed: None }
}
