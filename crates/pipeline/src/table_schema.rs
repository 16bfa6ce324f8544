//! DynamoDB key schema, encodings and TTLs.
//!
//! Partitions are scopes, for example `PRINCIPAL#arn`, and `ORG`; nothing scans. Values start with a format version: a
//! newer version is rejected, and an older one of what can be learnt again counts as absent.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    index_entries::{FindingLine, IncidentLine, RiskLine},
    ports::{Item, Key, Listed, Listing, Write},
};
pub use trailwarden_core::event::date;
use trailwarden_core::{
    activity::{Damaged, Hour, Scope},
    baseline::{About, REBUILD_DAYS},
    event::{DAY, HOUR, Time, hash},
    finding::{CONFIG_RULE, Finding, Kind, Severity, Status},
    risk::assessment::Assessment,
};
use trailwarden_response::incident::Incident;

/// TTL of hours, in days: enough to rebuild a baseline, plus two for a late start.
pub const HOURS_KEPT: u32 = REBUILD_DAYS + 2;
/// TTL of findings and incidents, in days.
pub const FINDINGS_KEPT: u32 = 400;
/// TTL of due entries, in days: longer than an outage could go unnoticed.
pub const DUE_KEPT: u32 = 14;

/// Format version of values.
const FORM: u8 = 2;

/// Encodes a value: the format version, then postcard.
pub fn write<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![FORM]).unwrap_or_default()
}

/// Decodes a value of [`write`].
///
/// # Errors
/// [`Damaged`] if it has another format version or cannot be decoded.
pub fn read<T: DeserializeOwned>(item: &Item) -> Result<T, Damaged> {
    match item.body.split_first() {
        Some((&FORM, rest)) => postcard::from_bytes(rest).map_err(|_| Damaged),
        _ => Err(Damaged),
    }
}

/// Decodes a value that can be learnt again: `None` if it is absent or has an older format version.
///
/// # Errors
/// [`Damaged`] if it has a newer format version or cannot be decoded.
pub fn known<T: DeserializeOwned>(item: Option<&Item>) -> Result<Option<T>, Damaged> {
    match item {
        Some(item) if item.body.first().is_some_and(|form| (1..FORM).contains(form)) => Ok(None),
        item => item.map(read).transpose(),
    }
}

/// Partition of what belongs to the whole organisation.
pub const ORGANISATION: &str = "ORG";

/// Sort key of an hour, given in hours since 1970.
pub fn hour_sort(hour: u32) -> String {
    format!("HOUR#{hour:08}")
}

/// Hour in a sort key, in hours since 1970.
pub fn hour_of(sort: &str) -> Option<u32> {
    sort.strip_prefix("HOUR#")?.parse().ok()
}

/// Key of an hour of a scope.
pub fn hour_key(scope: &Scope, hour: u32) -> Key {
    Key { partition: scope.partition(), sort: hour_sort(hour) }
}

/// Key of a scope's baseline.
pub fn baseline_key(scope: &Scope) -> Key {
    Key { partition: scope.partition(), sort: "BASELINE".to_owned() }
}

/// Key of a peer fact. Accounts share a partition, so that one query finds them all.
pub fn fact_key(about: &About) -> Key {
    let (partition, sort) = match about {
        About::Act(group, act) => (format!("PEERS#{:016x}", group.0), format!("ACT#{act:016x}")),
        About::Account(account) => (ORGANISATION.to_owned(), format!("ACCOUNT#{account}")),
        About::Address(address) => (format!("ADDRESS#{address}"), "OCCUPANTS".to_owned()),
        About::Session(session) => (format!("SESSION#{session:016x}"), "CALLER".to_owned()),
    };
    Key { partition, sort }
}

/// Lower bound of the sort keys of findings from a day on.
pub fn findings_from(day: u32) -> String {
    format!("FINDING#{}", date(day))
}

/// Key of a finding, by the day in its id.
pub fn finding_key(scope: &Scope, id: &str) -> Key {
    let date = id.split('/').nth(1).unwrap_or_default();
    Key { partition: scope.partition(), sort: format!("FINDING#{date}#{id}") }
}

/// Key of the record of a finding's filing and alerts.
pub fn handled_key(scope: &Scope, finding_id: &str) -> Key {
    Key { partition: scope.partition(), sort: format!("HANDLED#{finding_id}") }
}

/// Index partition of a day's findings and incidents.
pub fn day_partition(day: u32) -> String {
    format!("DAY#{}", date(day))
}

/// Index sort key prefix of open findings.
pub const STANDING: &str = "FINDING#";
/// Index sort key prefix of violations that the settings accept, or that AWS Config reports as remedied.
pub const ACCEPTED: &str = "ACCEPTED#";

/// Index entry of a finding: by day, worst last.
fn listed(kind: &str, finding: &Finding) -> Listing {
    let sort = format!("{kind}{}#{}", finding.severity as u8, finding.id);
    let at = Key { partition: day_partition(finding.last_seen.day()), sort };
    Listing { at, line: write(&FindingLine::from(finding)) }
}

/// Decodes an index entry; `None` if it is empty or has another format version.
pub fn line<'l, T: Deserialize<'l>>(listed: &'l Listed) -> Option<T> {
    match listed.line.split_first() {
        Some((&FORM, rest)) => postcard::from_bytes(rest).ok(),
        _ => None,
    }
}

/// Index partition of a day's clock hours with failed sign-ins, by account.
pub fn failed_partition(day: u32) -> String {
    format!("FAILED#{}", date(day))
}

/// Index partition of a day's risk assessments, riskiest last.
pub fn risk_partition(day: u32) -> String {
    format!("RISK#{}", date(day))
}

/// Key of an identity's risk assessment of a day.
pub fn risk_key(scope: &Scope, day: u32) -> Key {
    Key { partition: scope.partition(), sort: risk_partition(day) }
}

/// Item of a risk assessment, encoded as JSON.
pub fn write_risk(scope: &Scope, day: u32, assessment: &Assessment, now: Time) -> Write {
    // Scores range from 0 to 1: three digits keep their order.
    let sort = format!("{:03.0}#{:016x}", assessment.score.clamp(0.0, 1.0) * 999.0, hash(&scope.partition()));
    Write {
        body: write(&serde_json::to_vec(assessment).unwrap_or_default()),
        expires: Some(Time(now.0 + i64::from(HOURS_KEPT) * DAY)),
        listed: Some(Listing {
            at: Key { partition: risk_partition(day), sort },
            line: write(&RiskLine::new(scope, day, assessment)),
        }),
    }
}

/// Key of the organisation's control status.
pub fn standing_key() -> Key {
    Key { partition: ORGANISATION.to_owned(), sort: "STANDING".to_owned() }
}

/// Stored form of an hour.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptHour {
    /// [`Hour::mark`] at the last announcement.
    pub announced: u64,
    /// Clock hour in which the final judgement is due.
    pub due: u32,
    /// The hour.
    pub hour: Hour,
}

impl KeptHour {
    /// Item that expires when no baseline needs it any more.
    ///
    /// The index lists an account's hour if it has failed sign-ins.
    pub fn write(&self, scope: &Scope, hour: u32, now: Time) -> Write {
        let failed = self.hour.failed_sign_ins.distinct().round() as u64;
        let listed = match scope {
            Scope::Account(account) if failed > 0 => Some(Listing {
                at: Key { partition: failed_partition(hour / 24), sort: format!("{hour:08}#{account}") },
                line: write(&(hour, failed)),
            }),
            _ => None,
        };
        let kept = i64::from(HOURS_KEPT) * DAY;
        let expires = (i64::from(hour) * HOUR).max(now.0 - kept + 2 * DAY) + kept;
        Write { body: write(self), expires: Some(Time(expires)), listed }
    }
}

/// Partitions that the due entries of one clock hour are spread over.
pub const DUE_SHARDS: u64 = 8;

/// Partition of the due entries of a clock hour, by shard.
pub fn due_partition(due: u32, shard: u64) -> String {
    format!("DUE#{due:08}#{shard}")
}

/// Due entry: schedules an hour of a scope for judgement in clock hour `due`.
pub fn due_entry(scope: &Scope, hour: u32, due: u32) -> (Key, Write) {
    let partition = scope.partition();
    let key = Key {
        sort: format!("{hour:08}#{}", hash(&partition)),
        partition: due_partition(due, hash(&partition) % DUE_SHARDS),
    };
    let expires = Some(Time(i64::from(due) * HOUR + i64::from(DUE_KEPT) * DAY));
    (key, Write { body: write(&(scope, hour)), expires, listed: None })
}

/// Stored form of a finding, with its outbox state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptFinding {
    /// The finding.
    pub finding: Finding,
    /// Current revision: counts the changes that must be published.
    pub revision: u32,
    /// Last published revision.
    pub published: u32,
    /// The finding at its current revision.
    counted: Option<Counted>,
}

/// Properties whose change makes a new revision.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Counted {
    severity: Severity,
    score: f32,
    is_open: bool,
}

/// Rise of the score that makes a new revision.
const WORSE: f32 = 0.05;

impl KeptFinding {
    /// A new finding.
    pub fn new(finding: Finding) -> Self {
        Self { finding, revision: 0, published: 0, counted: None }.revised()
    }

    /// Replaces the finding by a newly judged one; `None` if nothing changes.
    pub fn replaced(&self, finding: Finding) -> Option<Self> {
        if self.finding == finding {
            return None;
        }
        Some(Self { finding, ..self.clone() }.revised())
    }

    /// Counts a revision if the finding is new, worse, closed or reopened.
    fn revised(mut self) -> Self {
        let is_open = self.finding.status == Status::Open;
        let is_revision = match &self.counted {
            None => is_open,
            Some(last) if last.is_open != is_open => true,
            Some(last) => {
                is_open && (self.finding.severity > last.severity || self.finding.score >= last.score + WORSE)
            }
        };
        if is_revision {
            let (severity, score) = (self.finding.severity, self.finding.score);
            self.revision += 1;
            self.counted = Some(Counted { severity, score, is_open });
        }
        self
    }

    /// Whether the current revision is unpublished.
    pub fn is_due(&self) -> bool {
        self.revision > self.published
    }

    /// Records a revision as published.
    #[must_use]
    pub fn published(mut self, revision: u32) -> Self {
        self.published = self.published.max(revision);
        self
    }

    /// Item, listed in the index if the finding is open; accepted violations are listed too, for auditors.
    pub fn write(&self, now: Time) -> Write {
        let finding = &self.finding;
        let kind = match (&finding.status, finding.kind) {
            (Status::Open, _) => Some(STANDING),
            (Status::Suppressed(_), Kind::Compliance) => Some(ACCEPTED),
            (Status::Closed(_), Kind::Compliance) if finding.detector == CONFIG_RULE => Some(ACCEPTED),
            _ => None,
        };
        Write {
            body: write(&serde_json::to_vec(self).unwrap_or_default()),
            expires: Some(Time(now.0 + i64::from(FINDINGS_KEPT) * DAY)),
            listed: kind.map(|kind| listed(kind, finding)),
        }
    }

    /// Decodes a stored finding.
    ///
    /// # Errors
    /// [`Damaged`] if it is not one.
    pub fn read(item: &Item) -> Result<Self, Damaged> {
        serde_json::from_slice(&read::<Vec<u8>>(item)?).map_err(|_| Damaged)
    }
}

/// Record of a finding's filing and alerts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Handled {
    /// Last filed revision.
    pub filed: u32,
    /// Severity of the last alert.
    pub told: Option<Severity>,
    /// Claim on the alert: its time, and the copy of the function that holds it.
    pub telling: Option<(Time, u64)>,
}

impl Handled {
    /// Encodes the record as an item.
    pub fn write(&self, now: Time) -> Write {
        let expires = Some(Time(now.0 + i64::from(FINDINGS_KEPT) * DAY));
        Write { body: write(self), expires, listed: None }
    }
}

/// Range of the sort keys of incidents in the partition of the identity behind them.
pub const INCIDENTS: (&str, &str) = ("INCIDENT#", "INCIDENT#~");

/// Key of an incident.
pub fn incident_key(partition: &str, id: &str) -> Key {
    Key { partition: partition.to_owned(), sort: format!("{}{id}", INCIDENTS.0) }
}

/// Item of an incident, listed in the index by the day in its id, worst last.
pub fn write_incident(incident: &Incident, now: Time) -> Write {
    let day = incident.id.get(..10).unwrap_or_default();
    let sort = format!("{}{}#{}", INCIDENTS.0, incident.severity as u8, incident.id);
    Write {
        body: write(&serde_json::to_vec(incident).unwrap_or_default()),
        expires: Some(Time(now.0 + i64::from(FINDINGS_KEPT) * DAY)),
        listed: Some(Listing {
            at: Key { partition: format!("DAY#{day}"), sort },
            line: write(&IncidentLine::from(incident)),
        }),
    }
}

/// Decodes an incident.
///
/// # Errors
/// [`Damaged`] if it is not one.
pub fn read_incident(item: &Item) -> Result<Incident, Damaged> {
    serde_json::from_slice(&read::<Vec<u8>>(item)?).map_err(|_| Damaged)
}

/// Key of the state of an incident on a board.
pub fn shown_key(partition: &str, board: &str, id: &str) -> Key {
    Key { partition: partition.to_owned(), sort: format!("SHOWN#{board}#{id}") }
}

/// Key of a board's digest of an hour.
pub fn digest_key(board: &str, hour: u32) -> Key {
    Key { partition: ORGANISATION.to_owned(), sort: format!("DIGEST#{board}#{hour:08}") }
}

/// Key of the kill switch.
pub fn stop_key() -> Key {
    Key { partition: ORGANISATION.to_owned(), sort: "RESPONSE#STOPPED".to_owned() }
}

/// Key of the history of the kill switch.
pub fn turns_key() -> Key {
    Key { partition: ORGANISATION.to_owned(), sort: "RESPONSE#TURNS".to_owned() }
}

/// Key of the count of actions per account and hour.
pub fn acts_key(account: &str, hour: u32) -> Key {
    Key { partition: format!("RESPONSE#{account}"), sort: format!("ACTS#{hour:08}") }
}

/// Key of the lease on a resource that two copies of the function must not write at once.
pub fn lease_key(what: &str) -> Key {
    Key { partition: ORGANISATION.to_owned(), sort: format!("LEASE#{what}") }
}

/// Key of the recorded calls of the response role, per account and hour.
pub fn calls_key(account: &str, hour: u32) -> Key {
    Key { partition: format!("RESPONSE#{account}"), sort: format!("CALLS#{hour:08}") }
}

#[cfg(test)]
mod tests;
