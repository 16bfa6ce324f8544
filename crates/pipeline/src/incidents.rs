//! Incident correlation: joins findings to incidents with a response plan, and announces changed incidents.

use super::responder::{Mode, load};
use crate::{
    messages::{IncidentChanged, Notice},
    ports::{Channel, Freshness, Key, Listed, Over, Table, Unavailable, change},
    table_schema::{self, INCIDENTS},
};
use trailwarden_core::{
    event::Time,
    finding::{FindingRaised, Severity},
    settings::Settings,
};
use trailwarden_response::{
    Level, Planned,
    incident::{Incident, Progress, behind},
    planner::plan,
};

/// Attempts at a write under optimistic locking.
const RACES: usize = 32;

/// Joins a finding to an incident of the identity behind it, or opens one; returns the incident's key. `None` if the
/// finding does not warrant an incident. Idempotent.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn join(
    table: &impl Table,
    raised: &FindingRaised,
    mode: Mode,
    settings: &Settings,
    now: Time,
) -> Result<Option<Key>, Unavailable> {
    let finding = &raised.finding;
    let plan = plan(&[finding], settings);
    let is_enforced = plan.as_ref().is_some_and(|plan| {
        mode == Mode::Enforce
            && plan.level != Level::Escalate
            && settings.response.enforces(plan.playbook, finding.severity)
    });
    let decide = |planned: &Planned| {
        if is_enforced && planned.waits.is_empty() { Progress::Due } else { Progress::Waiting }
    };
    let (_, partition) = behind(raised);
    for _ in 0..RACES {
        let items = table.range(&partition, INCIDENTS.0, INCIDENTS.1, Freshness::Fresh).await?;
        let mut known = Vec::new();
        for (sort, item) in items.iter().rev() {
            known.push((sort.clone(), Over::Version(item.version), table_schema::read_incident(item)?));
        }
        let at = known.iter().position(|(_, _, incident)| incident.knows(finding));
        let at = at.or_else(|| known.iter().position(|(_, _, incident)| incident.takes(finding)));
        let found = at.map(|at| known.swap_remove(at));
        let (key, over, before) = match found {
            Some((sort, over, incident)) => (Key { partition: partition.clone(), sort }, over, incident),
            None if Incident::begins_with(finding, now) => {
                let mut incident = Incident::new(raised, now);
                let is_taken = |id: &str| items.iter().any(|(sort, _)| sort.ends_with(id));
                // The id is taken by a closed incident of the same day: number this one.
                let first = incident.id.clone();
                let mut next = 2;
                while is_taken(&incident.id) {
                    incident.id = format!("{first}-{next}");
                    next += 1;
                }
                (table_schema::incident_key(&partition, &incident.id), Over::Nothing, incident)
            }
            None => return Ok(None),
        };
        let mut joined = before.clone();
        joined.join(raised, plan.as_ref(), decide, now);
        if joined == before || table.put(&key, table_schema::write_incident(&joined, now), over).await? {
            return Ok(Some(key));
        }
    }
    Err(Unavailable { service: "table", source: "too many writers at one incident".into() })
}

/// Publishes `IncidentChanged` if the incident has changed since the last announcement.
///
/// # Errors
/// [`Unavailable`] if the table or the bus is.
pub async fn announce(
    table: &impl Table,
    bus: &impl Channel<Notice>,
    key: &Key,
    now: Time,
) -> Result<(), Unavailable> {
    let Some(incident) = load(table, key).await?.filter(|incident| incident.announced < incident.revision)
    else {
        return Ok(());
    };
    let changed =
        IncidentChanged { id: incident.id, partition: key.partition.clone(), revision: incident.revision };
    bus.send(&[Notice::IncidentChanged(changed.clone())]).await?;
    change(table, key, |item| {
        let Some(mut incident) = item.map(table_schema::read_incident).transpose()? else { return Ok(None) };
        incident.announced = incident.announced.max(changed.revision);
        Ok::<_, Unavailable>(Some(table_schema::write_incident(&incident, now)))
    })
    .await
}

/// Looks up an incident by id. Ids begin with a date, under which the index lists the incident.
pub async fn find(table: &impl Table, id: &str) -> Result<Option<(Key, Incident)>, Unavailable> {
    let Some(day) = id.get(..10).filter(|day| Time::parse(&format!("{day}T00:00:00Z")).is_some()) else {
        return Ok(None);
    };
    for severity in Severity::ALL {
        let sort = format!("{}{}#{id}", INCIDENTS.0, severity as u8);
        for Listed { key, .. } in table.listed(&format!("DAY#{day}"), &sort, &sort).await? {
            if let Some(incident) = load(table, &key).await? {
                return Ok(Some((key, incident)));
            }
        }
    }
    Ok(None)
}
