//! Findings in; joined to incidents, answered as far as that is switched on, told to people, filed.

mod alerts;

use std::collections::BTreeMap;

use alerts::{Left, Told, tell};
use futures_util::{StreamExt, lock::Mutex, stream};

use crate::{
    feedback,
    formats::{
        alert::Alert,
        asff::{Asff, NO_ACCOUNT, asff},
    },
    incidents::{announce, join},
    messages::{Notice, Respondable, ResponseAsked, ResponseTaken, Said, respondable},
    ports::{Accounts, Channel, FindingsHub, Table, Unavailable, change},
    responder::{Guard, carry_out, load},
    table_schema::{self, Handled},
};
use trailwarden_core::{event::Time, finding::FindingRaised};
use trailwarden_response::incident::{Incident, behind};

/// Where things go.
pub struct Outlets<'a, H, A, B, C> {
    /// Security Hub.
    pub hub: &'a H,
    /// The accounts that are responded in.
    pub accounts: &'a C,
    /// What holds responses back.
    pub guard: Guard<'a>,
    /// People.
    pub people: &'a A,
    /// The bus.
    pub bus: &'a B,
    /// Where findings are filed.
    pub filing: Filing,
}

/// Under which account and in which Region findings are filed. The default product ARN demands that the account is
/// that of whoever files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filing {
    /// The account that all findings are filed under, and those without one of their own in any case.
    pub account: String,
    /// The Region in which they are filed.
    pub region: String,
    /// Each under its own account instead, by a role there.
    pub each_in_its_own: bool,
}

/// Incidents worked on at once: enough to hide the table's latency.
const AT_ONCE: usize = 16;

/// Does what messages ask for: findings answered, told and filed, what people ask for done, what analysts say recorded;
/// gives the positions of those that must come again.
pub async fn serve<H, A, B, C>(
    table: &impl Table,
    outlets: &Outlets<'_, H, A, B, C>,
    messages: &[String],
    now: Time,
) -> BTreeMap<usize, Unavailable>
where
    H: FindingsHub,
    A: Channel<Alert>,
    B: Channel<Notice>,
    C: Accounts,
{
    let mut failed = BTreeMap::new();
    let mut raised: Vec<(usize, FindingRaised)> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let done = match respondable(message) {
            Ok(Respondable::Raised(finding)) => {
                raised.push((at, *finding));
                Ok(())
            }
            Ok(Respondable::Asked(asked)) => respond_as_asked(table, outlets, &asked, now).await,
            Ok(Respondable::Said(verdicts)) => record_all(table, &verdicts, now).await,
            Err(error) => Err(Unavailable::from(error)),
        };
        if let Err(error) = done {
            failed.insert(at, error);
        }
    }
    let (positions, batch): (Vec<usize>, Vec<FindingRaised>) = raised.into_iter().unzip();
    let again = respond(table, outlets, batch, now).await;
    failed.extend(again.into_iter().map(|(at, error)| (positions[at], error)));
    failed
}

async fn record_all(table: &impl Table, verdicts: &[Said], now: Time) -> Result<(), Unavailable> {
    for said in verdicts {
        feedback::record(table, said, now).await?;
    }
    Ok(())
}

/// Answers a batch of findings, tells people of the worst, and files them all; gives the positions of those that must
/// come again.
///
/// Each publication is filed once, in whatever order they come, each severity told once, and each act done once.
pub async fn respond<H, A, B, C>(
    table: &impl Table,
    outlets: &Outlets<'_, H, A, B, C>,
    batch: Vec<FindingRaised>,
    now: Time,
) -> BTreeMap<usize, Unavailable>
where
    H: FindingsHub,
    A: Channel<Alert>,
    B: Channel<Notice>,
    C: Accounts,
{
    let mut failed = BTreeMap::new();
    let mut due: Vec<(Vec<usize>, FindingRaised, Told)> = Vec::new();
    for (positions, raised, trouble, told) in answer_all(table, outlets, batch, now).await {
        if let Some(error) = trouble {
            fail(&mut failed, &positions, &error);
        }
        match told {
            Err(error) => fail(&mut failed, &positions, &error),
            Ok(Left::Nothing) => {}
            Ok(Left::Filing(told)) => due.push((positions, raised, told)),
        }
    }
    if due.is_empty() {
        return failed;
    }
    let findings: Vec<Asff> = due.iter().map(|(_, raised, _)| outlets.asff(raised, now)).collect();
    let refused = match outlets.hub.import(&findings).await {
        Ok(refused) => refused,
        Err(error) => {
            due.iter().for_each(|(positions, ..)| fail(&mut failed, positions, &error));
            return failed;
        }
    };
    for (at, (positions, raised, told)) in due.into_iter().enumerate() {
        let recorded = match (refused.get(&at), told) {
            (Some(reason), _) => Err(Unavailable { service: "securityhub", source: reason.clone().into() }),
            // Filed all the same, and not recorded: it comes again until people are told too.
            (None, Err(error)) => Err(error),
            (None, Ok(taken)) => record(table, outlets.bus, &raised, taken, now).await,
        };
        if let Err(error) = recorded {
            fail(&mut failed, &positions, &error);
        }
    }
    failed
}

/// What came of one publication, at those positions of the batch.
type Answered = (Vec<usize>, FindingRaised, Option<Unavailable>, Result<Left, Unavailable>);

/// Answers findings, incidents at once and those of one incident in turn, and tells people.
async fn answer_all<H, A, B, C>(
    table: &impl Table,
    outlets: &Outlets<'_, H, A, B, C>,
    batch: Vec<FindingRaised>,
    now: Time,
) -> Vec<Answered>
where
    A: Channel<Alert>,
    B: Channel<Notice>,
    C: Accounts,
{
    let acting = Mutex::new(());
    let answered: Vec<Vec<Answered>> = stream::iter(by_incident(latest(batch)))
        .map(async |findings| {
            let mut answered = Vec::new();
            for (positions, raised) in findings {
                // First what must not wait; whatever comes of it, people are told.
                let (incident, trouble) = match answer(table, outlets, &raised, &acting, now).await {
                    Ok(incident) => (incident, None),
                    Err(error) => (None, Some(error)),
                };
                let told = tell(table, outlets.people, outlets.guard, &raised, incident.as_ref(), now).await;
                answered.push((positions, raised, trouble, told));
            }
            answered
        })
        .buffered(AT_ONCE)
        .collect()
        .await;
    answered.into_iter().flatten().collect()
}

/// Joins a finding to its incident, and does what is due there: one act after the other, also of several incidents, since
/// what they change in an account may be the same.
async fn answer<H, A, B: Channel<Notice>, C: Accounts>(
    table: &impl Table,
    outlets: &Outlets<'_, H, A, B, C>,
    raised: &FindingRaised,
    acting: &Mutex<()>,
    now: Time,
) -> Result<Option<Incident>, Unavailable> {
    let Guard { mode, settings, .. } = outlets.guard;
    let Some(key) = join(table, raised, mode, settings, now).await? else { return Ok(None) };
    let alone = acting.lock().await;
    let done = carry_out(table, outlets.accounts, outlets.guard, &key, now).await;
    drop(alone);
    announce(table, outlets.bus, &key, now).await?;
    done?;
    load(table, &key).await
}

/// Does what a person asks for.
///
/// # Errors
/// [`Unavailable`] if something could not be reached: it has to be asked for again.
pub async fn respond_as_asked<H, A, B: Channel<Notice>, C: Accounts>(
    table: &impl Table,
    outlets: &Outlets<'_, H, A, B, C>,
    asked: &ResponseAsked,
    now: Time,
) -> Result<(), Unavailable> {
    let key = table_schema::incident_key(&asked.partition, &asked.id);
    let done = carry_out(table, outlets.accounts, outlets.guard, &key, now).await;
    announce(table, outlets.bus, &key, now).await?;
    done
}

fn fail(failed: &mut BTreeMap<usize, Unavailable>, positions: &[usize], error: &Unavailable) {
    for position in positions {
        failed.insert(*position, error.again());
    }
}

/// Of several publications of one finding the last, with the positions of all.
fn latest(batch: Vec<FindingRaised>) -> Vec<(Vec<usize>, FindingRaised)> {
    let mut by_id: BTreeMap<String, (Vec<usize>, FindingRaised)> = BTreeMap::new();
    for (position, raised) in batch.into_iter().enumerate() {
        let (positions, last) =
            by_id.entry(raised.finding.id.clone()).or_insert_with(|| (Vec::new(), raised.clone()));
        positions.push(position);
        if raised.revision > last.revision {
            *last = raised;
        }
    }
    by_id.into_values().collect()
}

/// Publications that one incident takes, together: incidents are worked on at once, those of one in turn.
fn by_incident(latest: Vec<(Vec<usize>, FindingRaised)>) -> Vec<Vec<(Vec<usize>, FindingRaised)>> {
    let mut groups: BTreeMap<String, Vec<(Vec<usize>, FindingRaised)>> = BTreeMap::new();
    for one in latest {
        let (_, partition) = behind(&one.1);
        groups.entry(partition).or_default().push(one);
    }
    groups.into_values().collect()
}

impl<H, A, B, C> Outlets<'_, H, A, B, C> {
    fn asff(&self, raised: &FindingRaised, now: Time) -> Asff {
        let Filing { account, region, each_in_its_own } = &self.filing;
        let asff = asff(&raised.finding, now).revised(raised.revision).kept_in(&raised.scope.partition());
        let own = asff.aws_account_id.clone();
        asff.filed_under(if *each_in_its_own && own != NO_ACCOUNT { &own } else { account }, region)
    }
}

/// Says on the bus what was done, then records it.
async fn record(
    table: &impl Table,
    bus: &impl Channel<Notice>,
    raised: &FindingRaised,
    mut taken: Vec<String>,
    now: Time,
) -> Result<(), Unavailable> {
    taken.push("filed in Security Hub".to_owned());
    let FindingRaised { scope, revision, finding } = raised;
    let response = ResponseTaken { finding_id: finding.id.clone(), revision: *revision, taken };
    bus.send(&[Notice::ResponseTaken(response)]).await?;
    change(table, &table_schema::handled_key(scope, &finding.id), |item| {
        let mut handled = item.map(table_schema::read::<Handled>).transpose()?.unwrap_or_default();
        if handled.filed >= *revision {
            return Ok(None);
        }
        handled.filed = *revision;
        Ok::<_, Unavailable>(Some(handled.write(now)))
    })
    .await
}
