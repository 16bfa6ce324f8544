//! Response stage: joins findings to incidents, executes due actions, alerts people, and files findings in Security
//! Hub.
//!
//! It also executes people's decisions and records analysts' verdicts.

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

/// Destinations of the stage, and the guard of its actions.
pub struct Outlets<'a, H, A, B, C> {
    /// Security Hub.
    pub hub: &'a H,
    /// Accounts in which responses act.
    pub accounts: &'a C,
    /// Safeguards of responses.
    pub guard: Guard<'a>,
    /// Alerts to people.
    pub people: &'a A,
    /// The bus.
    pub bus: &'a B,
    /// Account and Region for filing.
    pub filing: Filing,
}

/// Account and Region under which Security Hub stores findings. The default product ARN requires the account of the
/// caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filing {
    /// Hub account: stores all findings, or with `each_in_its_own` only those without an account.
    pub account: String,
    /// Region of Security Hub.
    pub region: String,
    /// Whether each finding is filed under its own account, by a role there.
    pub each_in_its_own: bool,
}

/// Incidents processed concurrently: enough to hide the table's latency.
const AT_ONCE: usize = 16;

/// Processes a batch of messages: findings, decisions and verdicts. Returns the messages to be redelivered, by
/// position, with the error.
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

/// Responds to a batch of findings, alerts people to severe ones, and files them all. Returns the findings to be
/// redelivered, by position, with the error.
///
/// Idempotent, in any order: each revision is filed once, each severity alerted once, each action executed once.
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
            // Filed but not recorded: it is redelivered until the alert succeeds too.
            (None, Err(error)) => Err(error),
            (None, Ok(taken)) => record(table, outlets.bus, &raised, taken, now).await,
        };
        if let Err(error) = recorded {
            fail(&mut failed, &positions, &error);
        }
    }
    failed
}

/// Result for one finding: its positions in the batch, the finding, the response's error, and what is left to do.
type Answered = (Vec<usize>, FindingRaised, Option<Unavailable>, Result<Left, Unavailable>);

/// Responds to findings and alerts people: incidents concurrently, the findings of one incident in turn.
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
                // The response comes first, since it is urgent; people are alerted whether or not it succeeds.
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

/// Joins a finding to its incident and executes what is due there. Actions run one at a time across incidents, since
/// they may change the same resource.
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

/// Executes a person's decision.
///
/// # Errors
/// [`Unavailable`] if a service is: the message must be redelivered.
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

/// Latest revision of each finding in the batch, with the positions of all its revisions.
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

/// Findings grouped by incident partition, since those of one incident must be processed in turn.
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

/// Publishes `ResponseTaken`, then records the revision as filed.
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
