//! Events in, violations kept and published: one finding per check, principal and day.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    activity::Scope,
    compliance::{Check, violations},
    event::{Event, Principal, Time},
    finding::{EVENT_IDS, Finding, Kind, Severity, Status},
    messages::Notice,
    ports::{Channel, Table, Unavailable},
    sources::{Item, Limits, read},
    stages::findings,
};

/// Reasons told of one finding; events beyond [`EVENT_IDS`] are not listed either.
const REASONS: usize = 20;

/// Checks the events of a message; keeps and publishes violations; gives those that left. Safe to repeat.
///
/// # Errors
/// [`Unavailable`] if the table or the bus is.
pub async fn compliance_check(
    table: &impl Table,
    bus: &impl Channel<Notice>,
    records: &str,
    now: Time,
) -> Result<Vec<Finding>, Unavailable> {
    let mut violated: BTreeMap<String, (Scope, Finding)> = BTreeMap::new();
    // What cannot be read was put aside by ingest already.
    let _ = read(records.as_bytes(), Limits::default(), &mut |item| {
        let Item::Event(event) = item else { return };
        for (check, principal, reason) in violations(&event) {
            let finding = finding(check, &principal, &event, reason);
            let scope = Scope::of(&principal);
            let (_, known) = violated.entry(finding.id.clone()).or_insert_with(|| (scope, finding.clone()));
            *known = joined(known, &finding);
        }
    });
    let mut left = Vec::new();
    for (id, (scope, finding)) in violated {
        let day = finding.first_seen.day();
        let join = |known: Option<&Finding>| {
            Some(known.map_or_else(|| finding.clone(), |known| joined(known, &finding)))
        };
        findings::keep_one(table, &scope, now, &id, join).await?;
        left.extend(findings::publish(table, bus, &scope, &(day..=day), now).await?);
    }
    Ok(left)
}

/// ASFF's middle of a severity's band, as a score.
fn score(severity: Severity) -> f32 {
    [0.1, 0.3, 0.5, 0.75, 0.95][severity as usize]
}

fn finding(check: &Check, principal: &Principal, event: &Event<'_>, reason: String) -> Finding {
    Finding {
        id: Finding::id_of(check.id, &principal.id, event.event_time.day()),
        kind: Kind::Compliance,
        detector: check.id.to_owned(),
        title: check.title.to_owned(),
        severity: check.severity,
        score: score(check.severity),
        confidence: 1.0,
        principal: principal.id.to_string(),
        principal_kind: principal.kind,
        callers: Vec::new(),
        account_id: event.account_id.to_string(),
        region: event.aws_region.to_string(),
        first_seen: event.event_time,
        last_seen: event.event_time,
        techniques: Vec::new(),
        tactics: Vec::new(),
        event_ids: vec![event.event_id.to_string()],
        evidence: vec![reason],
        recommendations: check.remediation.iter().map(ToString::to_string).collect(),
        controls: Vec::new(),
        status: Status::Open,
        thresholds: crate::risk::thresholds::Thresholds::default(),
        contributions: Vec::new(),
        usual: Vec::new(),
        observed: Vec::new(),
        features: None,
    }
}

/// Both together. Which events and reasons are listed does not depend on their order.
fn joined(known: &Finding, other: &Finding) -> Finding {
    let least = |a: &[String], b: &[String], most: usize| -> Vec<String> {
        let all: BTreeSet<&String> = a.iter().chain(b).collect();
        all.into_iter().take(most).cloned().collect()
    };
    Finding {
        first_seen: known.first_seen.min(other.first_seen),
        last_seen: known.last_seen.max(other.last_seen),
        account_id: known.account_id.clone().min(other.account_id.clone()),
        region: known.region.clone().min(other.region.clone()),
        event_ids: least(&known.event_ids, &other.event_ids, EVENT_IDS),
        evidence: least(&known.evidence, &other.evidence, REASONS),
        ..known.clone()
    }
}
