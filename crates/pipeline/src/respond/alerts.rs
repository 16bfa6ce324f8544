//! Alerts to people about new HIGH and CRITICAL findings: each severity of a finding once, with a limit per hour.
//!
//! Beyond the limit one message announces the flood. CRITICAL findings are always sent.

use crate::{
    formats::alert::{Alert, alert, storm},
    ports::{Channel, Key, Table, Unavailable, Write, change},
    responder::Guard,
    table_schema::{self, Handled},
};
use trailwarden_core::{
    event::{DAY, Time},
    finding::{Finding, FindingRaised, Severity, Status},
    settings::Settings,
};
use trailwarden_response::{incident::Incident, planner::plan};

/// Age in seconds from which a finding is too old to wake anybody: a backfill brings months of them.
const NEWS: i64 = DAY;

/// Alerts sent, in words, or the error of sending.
pub(super) type Told = Result<Vec<String>, Unavailable>;

/// Work left for a published finding.
pub(super) enum Left {
    /// Nothing: this or a later revision is filed.
    Nothing,
    /// Filing, with the outcome of the alert.
    Filing(Told),
}

/// Alerts per hour; one more message announces the flood. Nobody reads a flood.
const ALERTS_AN_HOUR: u32 = 20;

/// Alerts to send for a finding; beyond the limit, first the flood message, then none.
async fn message(
    table: &impl Table,
    finding: &Finding,
    incident: Option<&Incident>,
    settings: &Settings,
    now: Time,
) -> Result<Vec<Alert>, Unavailable> {
    let key =
        Key { partition: table_schema::ORGANISATION.to_owned(), sort: format!("ALERTS#{:08}", now.hour()) };
    let mut count = 0;
    change(table, &key, |item| {
        count = item.map(table_schema::read::<u32>).transpose()?.unwrap_or_default() + 1;
        let write =
            Write { body: table_schema::write(&count), expires: Some(Time(now.0 + DAY)), listed: None };
        Ok::<_, Unavailable>(Some(write))
    })
    .await?;
    Ok(match count {
        // The limit does not apply to CRITICAL findings.
        _ if finding.severity == Severity::Critical => {
            vec![alert(finding, plan(&[finding], settings).as_ref(), incident)]
        }
        0..=ALERTS_AN_HOUR => vec![alert(finding, plan(&[finding], settings).as_ref(), incident)],
        count if count == ALERTS_AN_HOUR + 1 => vec![storm(ALERTS_AN_HOUR)],
        _ => Vec::new(),
    })
}

/// Seconds until a claim expires: longer than the function's time limit.
const TELLING: i64 = 60;

/// Alerts people if due. It runs before filing, so that trouble in Security Hub does not delay an alert.
pub(super) async fn tell(
    table: &impl Table,
    people: &impl Channel<Alert>,
    guard: Guard<'_>,
    raised: &FindingRaised,
    incident: Option<&Incident>,
    now: Time,
) -> Result<Left, Unavailable> {
    let finding = &raised.finding;
    let key = table_schema::handled_key(&raised.scope, &finding.id);
    let (told, what) = match claim(table, &key, raised, guard.copy, now).await? {
        Claim::Filed => return Ok(Left::Nothing),
        Claim::Quiet => return Ok(Left::Filing(Ok(Vec::new()))),
        Claim::Tell(told, what) => (told, what),
    };
    let alerts = message(table, finding, incident, guard.settings, now).await?;
    if let Err(error) = people.send(&alerts).await {
        return Ok(Left::Filing(Err(error)));
    }
    change(table, &key, |item| {
        let mut handled = item.map(table_schema::read::<Handled>).transpose()?.unwrap_or_default();
        (handled.told, handled.telling) = (told, None);
        Ok::<_, Unavailable>(Some(handled.write(now)))
    })
    .await?;
    Ok(Left::Filing(Ok(vec![what.to_owned()])))
}

enum Claim {
    /// This or a later revision is filed.
    Filed,
    /// No alert is due.
    Quiet,
    /// Claimed: the severity that people will have been alerted to, and the step in words.
    Tell(Option<Severity>, &'static str),
}

/// Claims the alert: two concurrent copies of a message must not wake somebody twice.
async fn claim(
    table: &impl Table,
    key: &Key,
    raised: &FindingRaised,
    copy: u64,
    now: Time,
) -> Result<Claim, Unavailable> {
    let finding = &raised.finding;
    let mut claim = Claim::Quiet;
    change(table, key, |item| {
        let mut handled = item.map(table_schema::read::<Handled>).transpose()?.unwrap_or_default();
        if handled.filed >= raised.revision {
            claim = Claim::Filed;
            return Ok(None);
        }
        let Some((told, what)) = news(&handled, finding, now) else {
            claim = Claim::Quiet;
            return Ok(None);
        };
        // A claim of this copy itself is a failed attempt, or one whose answer was lost.
        let is_others = |(since, by): (Time, u64)| by != copy && now.0 < since.0 + TELLING;
        if handled.telling.is_some_and(is_others) {
            return Err(Unavailable {
                service: "respond",
                source: "somebody else is telling people of it".into(),
            });
        }
        claim = Claim::Tell(told, what);
        handled.telling = Some((now, copy));
        Ok(Some(handled.write(now)))
    })
    .await?;
    Ok(claim)
}

/// Severity that people will have been alerted to, and the step in words; `None` if no alert is due.
fn news(handled: &Handled, finding: &Finding, now: Time) -> Option<(Option<Severity>, &'static str)> {
    if finding.status != Status::Open {
        return handled.told.map(|_| (None, "people were told that it no longer stands"));
    }
    let is_worse = handled.told.is_none_or(|told| finding.severity > told);
    let is_new = finding.last_seen.0 > now.0 - NEWS;
    (finding.severity >= Severity::High && is_worse && is_new)
        .then_some((Some(finding.severity), "people were told"))
}
