//! People told of what is grave and new: each severity of a finding once, whatever comes twice; of a flood, that it is one.

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

/// What is too old to wake anybody: a backfill brings months of it.
const NEWS: i64 = DAY;

/// What people were told, or why they could not be.
pub(super) type Told = Result<Vec<String>, Unavailable>;

/// What is still to be done about a publication.
pub(super) enum Left {
    /// Nothing: it was filed.
    Nothing,
    /// To be filed, after what was done already, or could not be.
    Filing(Told),
}

/// People are told of so many findings an hour one by one; of the rest, that there are more. Nobody reads a flood.
const ALERTS_AN_HOUR: u32 = 20;

/// The message to send: of a storm, first that it is one, then none.
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
        // The worst is told whatever else there is.
        _ if finding.severity == Severity::Critical => {
            vec![alert(finding, plan(&[finding], settings).as_ref(), incident)]
        }
        0..=ALERTS_AN_HOUR => vec![alert(finding, plan(&[finding], settings).as_ref(), incident)],
        count if count == ALERTS_AN_HOUR + 1 => vec![storm(ALERTS_AN_HOUR)],
        _ => Vec::new(),
    })
}

/// How long somebody who began to tell people is waited for: longer than the function may run.
const TELLING: i64 = 60;

/// Tells people, if they should be and were not: before it is filed, so that no trouble there delays it.
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
    /// It was filed already, or something later was.
    Filed,
    /// Nobody needs to be told.
    Quiet,
    /// It is ours to tell: what people will then have been told, and how that is called.
    Tell(Option<Severity>, &'static str),
}

/// Makes telling ours alone: two copies of a message at once must not wake somebody twice.
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
        // A claim of this very copy is one whose sending failed, or whose answer was lost.
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

/// What people will then have been told, and how that is called; `None` if there is nothing to tell.
fn news(handled: &Handled, finding: &Finding, now: Time) -> Option<(Option<Severity>, &'static str)> {
    if finding.status != Status::Open {
        return handled.told.map(|_| (None, "people were told that it no longer stands"));
    }
    let is_worse = handled.told.is_none_or(|told| finding.severity > told);
    let is_new = finding.last_seen.0 > now.0 - NEWS;
    (finding.severity >= Severity::High && is_worse && is_new)
        .then_some((Some(finding.severity), "people were told"))
}
