//! What is kept in the table, under which keys, and for how long.
//!
//! Partitions are scopes, as `PRINCIPAL#arn`, and `ORG`; nothing scans. Every value begins with the version of its
//! form, so that a program meets what an older or newer one wrote with open eyes.

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

/// Days that hours are kept: a baseline can be made again from them, and a late start needs some room.
pub const HOURS_KEPT: u32 = REBUILD_DAYS + 2;
/// Days that findings and incidents are kept.
pub const FINDINGS_KEPT: u32 = 400;
/// Days that an hour's due entry is kept: longer than any outage that somebody would not notice.
pub const DUE_KEPT: u32 = 14;

/// The form in which values are written.
const FORM: u8 = 2;

/// A value's bytes.
pub fn write<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_extend(value, vec![FORM]).unwrap_or_default()
}

/// Reads what [`write`] wrote.
///
/// # Errors
/// [`Damaged`] if it is not that, or of another form.
pub fn read<T: DeserializeOwned>(item: &Item) -> Result<T, Damaged> {
    match item.body.split_first() {
        Some((&FORM, rest)) => postcard::from_bytes(rest).map_err(|_| Damaged),
        _ => Err(Damaged),
    }
}

/// Reads what is known; `None` if nothing is, or only what an older version wrote: it is learnt again.
///
/// # Errors
/// [`Damaged`] if it is neither.
pub fn known<T: DeserializeOwned>(item: Option<&Item>) -> Result<Option<T>, Damaged> {
    match item {
        Some(item) if item.body.first().is_some_and(|form| (1..FORM).contains(form)) => Ok(None),
        item => item.map(read).transpose(),
    }
}

/// The partition of what belongs to everybody.
pub const ORGANISATION: &str = "ORG";

/// The sort key of an hour.
pub fn hour_sort(hour: u32) -> String {
    format!("HOUR#{hour:08}")
}

/// Which hour a sort key names.
pub fn hour_of(sort: &str) -> Option<u32> {
    sort.strip_prefix("HOUR#")?.parse().ok()
}

/// Where an hour of a scope is.
pub fn hour_key(scope: &Scope, hour: u32) -> Key {
    Key { partition: scope.partition(), sort: hour_sort(hour) }
}

/// Where a principal's baseline is.
pub fn baseline_key(scope: &Scope) -> Key {
    Key { partition: scope.partition(), sort: "BASELINE".to_owned() }
}

/// Where a fact is. Accounts are together, so that one query finds them all.
pub fn fact_key(about: &About) -> Key {
    let (partition, sort) = match about {
        About::Act(group, act) => (format!("PEERS#{:016x}", group.0), format!("ACT#{act:016x}")),
        About::Account(account) => (ORGANISATION.to_owned(), format!("ACCOUNT#{account}")),
        About::Address(address) => (format!("ADDRESS#{address}"), "OCCUPANTS".to_owned()),
        About::Session(session) => (format!("SESSION#{session:016x}"), "CALLER".to_owned()),
    };
    Key { partition, sort }
}

/// The sort key of the findings from a day on.
pub fn findings_from(day: u32) -> String {
    format!("FINDING#{}", date(day))
}

/// Where a finding is: by the day it is of, which its id names.
pub fn finding_key(scope: &Scope, id: &str) -> Key {
    let date = id.split('/').nth(1).unwrap_or_default();
    Key { partition: scope.partition(), sort: format!("FINDING#{date}#{id}") }
}

/// Where it is recorded what became of a finding's publications.
pub fn handled_key(scope: &Scope, finding_id: &str) -> Key {
    Key { partition: scope.partition(), sort: format!("HANDLED#{finding_id}") }
}

/// The partition of the index in which the findings of a day are listed, and those it accepts.
pub fn day_partition(day: u32) -> String {
    format!("DAY#{}", date(day))
}

/// Findings that stand, as the index lists them.
pub const STANDING: &str = "FINDING#";
/// Violations that a rule of the settings accepts, or that were remedied, as the index lists them.
pub const ACCEPTED: &str = "ACCEPTED#";

/// Where the index lists a finding: by day, the worst last.
fn listed(kind: &str, finding: &Finding) -> Listing {
    let sort = format!("{kind}{}#{}", finding.severity as u8, finding.id);
    let at = Key { partition: day_partition(finding.last_seen.day()), sort };
    Listing { at, line: write(&FindingLine::from(finding)) }
}

/// Reads what the index says of an item; `None` if it says nothing, or an older version said it.
pub fn line<'l, T: Deserialize<'l>>(listed: &'l Listed) -> Option<T> {
    match listed.line.split_first() {
        Some((&FORM, rest)) => postcard::from_bytes(rest).ok(),
        _ => None,
    }
}

/// The partition of the index in which the clock hours of a day are listed in which sign-ins failed, by account.
pub fn failed_partition(day: u32) -> String {
    format!("FAILED#{}", date(day))
}

/// The partition of the index in which those are listed who were found risky on a day, the riskiest last.
pub fn risk_partition(day: u32) -> String {
    format!("RISK#{}", date(day))
}

/// Where it is kept how risky somebody was on a day.
pub fn risk_key(scope: &Scope, day: u32) -> Key {
    Key { partition: scope.partition(), sort: risk_partition(day) }
}

/// How risky somebody was on a day, as an item: the assessment as JSON.
pub fn write_risk(scope: &Scope, day: u32, assessment: &Assessment, now: Time) -> Write {
    // Scores are from 0 to 1: three digits sort as they do.
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

/// Where it is kept how the organisation stood by its frameworks.
pub fn standing_key() -> Key {
    Key { partition: ORGANISATION.to_owned(), sort: "STANDING".to_owned() }
}

/// An hour as it is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptHour {
    /// The [`Hour::mark`] of what was last announced.
    pub announced: u64,
    /// The clock hour in which its final judgement is due.
    pub due: u32,
    /// The hour.
    pub hour: Hour,
}

impl KeptHour {
    /// As an item that is forgotten when no baseline looks at it any more.
    ///
    /// An account's is listed if sign-ins failed in it.
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

/// Partitions among which the hours that are due in one clock hour are spread.
pub const DUE_SHARDS: u64 = 8;

/// The partition of the hours that are due in a clock hour.
pub fn due_partition(due: u32, shard: u64) -> String {
    format!("DUE#{due:08}#{shard}")
}

/// The entry by which a clock hour finds an hour that is due in it.
pub fn due_entry(scope: &Scope, hour: u32, due: u32) -> (Key, Write) {
    let partition = scope.partition();
    let key = Key {
        sort: format!("{hour:08}#{}", hash(&partition)),
        partition: due_partition(due, hash(&partition) % DUE_SHARDS),
    };
    let expires = Some(Time(i64::from(due) * HOUR + i64::from(DUE_KEPT) * DAY));
    (key, Write { body: write(&(scope, hour)), expires, listed: None })
}

/// A finding as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptFinding {
    /// The finding.
    pub finding: Finding,
    /// Counts the changes that have to be published: each is a revision.
    pub revision: u32,
    /// The last revision that was published.
    pub published: u32,
    /// What the finding was when the last revision was counted.
    counted: Option<Counted>,
}

/// What makes a revision of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Counted {
    severity: Severity,
    score: f32,
    is_open: bool,
}

/// A finding is revised when its score has risen by this much.
const WORSE: f32 = 0.05;

impl KeptFinding {
    /// A finding not seen before.
    pub fn new(finding: Finding) -> Self {
        Self { finding, revision: 0, published: 0, counted: None }.revised()
    }

    /// The finding as it is now judged; `None` if that changes nothing.
    pub fn replaced(&self, finding: Finding) -> Option<Self> {
        if self.finding == finding {
            return None;
        }
        Some(Self { finding, ..self.clone() }.revised())
    }

    /// Counts a revision if the finding is new, worse, closed, or open again.
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

    /// Must it be published, by what is kept?
    pub fn is_due(&self) -> bool {
        self.revision > self.published
    }

    /// With a revision recorded as published.
    #[must_use]
    pub fn published(mut self, revision: u32) -> Self {
        self.published = self.published.max(revision);
        self
    }

    /// As an item, listed in the index if it stands; of violations, also if it is accepted, since auditors ask.
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

    /// Reads what was kept.
    ///
    /// # Errors
    /// [`Damaged`] if it is no finding.
    pub fn read(item: &Item) -> Result<Self, Damaged> {
        serde_json::from_slice(&read::<Vec<u8>>(item)?).map_err(|_| Damaged)
    }
}

/// What became of a finding's publications.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Handled {
    /// The publication of it that was filed.
    pub filed: u32,
    /// The severity that people were last told of.
    pub told: Option<Severity>,
    /// Since when which copy of the function has been telling them.
    pub telling: Option<(Time, u64)>,
}

impl Handled {
    /// As an item.
    pub fn write(&self, now: Time) -> Write {
        let expires = Some(Time(now.0 + i64::from(FINDINGS_KEPT) * DAY));
        Write { body: write(self), expires, listed: None }
    }
}

/// Where incidents of whoever stands behind them are: the sort keys from the first to the last.
pub const INCIDENTS: (&str, &str) = ("INCIDENT#", "INCIDENT#~");

/// Where an incident is.
pub fn incident_key(partition: &str, id: &str) -> Key {
    Key { partition: partition.to_owned(), sort: format!("{}{id}", INCIDENTS.0) }
}

/// As an item, listed in the index by the day that its id names, the worst last.
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

/// Reads an incident.
///
/// # Errors
/// [`Damaged`] if it is none.
pub fn read_incident(item: &Item) -> Result<Incident, Damaged> {
    serde_json::from_slice(&read::<Vec<u8>>(item)?).map_err(|_| Damaged)
}

/// Where it is remembered what is shown of an incident on a board.
pub fn shown_key(partition: &str, board: &str, id: &str) -> Key {
    Key { partition: partition.to_owned(), sort: format!("SHOWN#{board}#{id}") }
}

/// Where the incidents of an hour that a board does not show one by one are gathered.
pub fn digest_key(board: &str, hour: u32) -> Key {
    Key { partition: ORGANISATION.to_owned(), sort: format!("DIGEST#{board}#{hour:08}") }
}

/// Where it is said that nothing may act.
pub fn stop_key() -> Key {
    Key { partition: ORGANISATION.to_owned(), sort: "RESPONSE#STOPPED".to_owned() }
}

/// Where it is kept who stopped responses, and who started them again.
pub fn turns_key() -> Key {
    Key { partition: ORGANISATION.to_owned(), sort: "RESPONSE#TURNS".to_owned() }
}

/// Where the acts of an hour in an account are counted.
pub fn acts_key(account: &str, hour: u32) -> Key {
    Key { partition: format!("RESPONSE#{account}"), sort: format!("ACTS#{hour:08}") }
}

/// Where it is kept which copy of the function is at something that must not be written by two at once.
pub fn lease_key(what: &str) -> Key {
    Key { partition: ORGANISATION.to_owned(), sort: format!("LEASE#{what}") }
}

/// Where it is recorded what we call in an account in an hour.
pub fn calls_key(account: &str, hour: u32) -> Key {
    Key { partition: format!("RESPONSE#{account}"), sort: format!("CALLS#{hour:08}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_another_form_is_refused() {
        let item = |body: Vec<u8>| Item { body, version: 1 };
        assert_eq!(read::<u32>(&item(write(&7u32))), Ok(7));
        for body in [vec![], vec![FORM], vec![FORM + 1, 7]] {
            assert_eq!(read::<u32>(&item(body)), Err(Damaged));
        }
    }

    #[test]
    fn what_an_older_version_wrote_is_unknown() {
        let item = |body: Vec<u8>| Item { body, version: 1 };
        assert_eq!(known::<u32>(Some(&item(vec![FORM - 1, 7]))), Ok(None));
        assert_eq!(known::<u32>(Some(&item(write(&7u32)))), Ok(Some(7)));
        assert_eq!(known::<u32>(Some(&item(vec![FORM + 1, 7]))), Err(Damaged));
        assert_eq!(known::<u32>(None), Ok(None));
    }

    #[test]
    fn a_finding_that_was_sent_but_not_recorded_is_still_closed_afterwards() {
        let open = trailwarden_core::finding::testing::finding();
        let sent = KeptFinding::new(open.clone());
        let closed = Finding { status: Status::Closed("x".into()), ..open.clone() };
        let kept = sent.replaced(closed).unwrap();
        assert_eq!((sent.revision, kept.revision, kept.is_due()), (1, 2, true));
        let kept = kept.published(1); // the slow sender of the first revision
        assert!(kept.is_due() && !kept.published(2).is_due());
        let suppressed = Finding { status: Status::Suppressed("x".into()), ..open };
        assert!(!KeptFinding::new(suppressed).is_due());
    }

    #[test]
    fn an_old_hour_lives_on_for_two_days_and_a_new_one_for_long() {
        let now = Time(1_000 * DAY);
        let scope = Scope::Account("1".into());
        let expires = |hour: u32| KeptHour::default().write(&scope, hour, now).expires.unwrap().0 - now.0;
        assert_eq!(expires(1_000 * 24), i64::from(HOURS_KEPT) * DAY);
        assert_eq!(expires(0), 2 * DAY);
    }

    #[test]
    fn keys_sort_by_time() {
        assert!(hour_sort(9) < hour_sort(10) && hour_sort(99_999) < hour_sort(495_000));
        assert_eq!(hour_of(&hour_sort(495_000)), Some(495_000));
        let scope = Scope::Account("1".into());
        let key = finding_key(&scope, &Finding::id_of("silence", "account:1", 10)).sort;
        assert!(*findings_from(10) < *key && *key < *findings_from(11));
    }
}
