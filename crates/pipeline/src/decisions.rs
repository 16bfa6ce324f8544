//! Decisions of people: who may take them, the change of the incident or the switch, and the notice to the responder.
//!
//! Nothing here knows HTTP: the edges parse a [`Decision`] and map a [`Refusal`] to their own codes.

use crate::{
    incidents::find,
    messages::{Notice, ResponseAsked},
    ports::{Channel, Table, Unavailable, change},
    responder::{Turn, turn},
    stored_settings::settings,
    table_schema,
};
use trailwarden_core::event::Time;
use trailwarden_response::incident::{Act, Decision, Incident, Progress, Refusal};

/// Authenticated person, as the edge knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// Display name, recorded with decisions. An empty name is refused.
    pub name: String,
    /// Names to look up in `response.approvers` of the settings; `None` if the authorizer itself decides who may approve.
    pub names: Option<Vec<String>>,
}

/// Whether the settings list one of these names as an approver.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn is_approver(table: &impl Table, names: &[String]) -> Result<bool, Unavailable> {
    Ok(settings(table).await?.response.lets(names))
}

/// Refuses callers without a name, and callers who are no approvers where one is needed.
pub(crate) async fn permit(
    table: &impl Table,
    caller: &Caller,
    needs_approver: bool,
) -> Result<Result<(), Refusal>, Unavailable> {
    if caller.name.trim().is_empty() {
        return Ok(Err(Refusal::Nameless));
    }
    if let Some(names) = caller.names.as_ref().filter(|_| needs_approver)
        && !is_approver(table, names).await?
    {
        return Ok(Err(Refusal::NotApprover(names.join(", "))));
    }
    Ok(Ok(()))
}

/// Turns the kill switch: everybody may stop all responses, only approvers may start them again.
///
/// # Errors
/// [`Unavailable`] if the table is; inside, the reason for refusal.
pub async fn switch(
    table: &impl Table,
    stops: bool,
    caller: &Caller,
    now: Time,
) -> Result<Result<(), Refusal>, Unavailable> {
    if let Err(refusal) = permit(table, caller, !stops).await? {
        return Ok(Err(refusal));
    }
    turn(table, Turn { at: now, by: caller.name.clone(), stops }).await?;
    Ok(Ok(()))
}

/// Applies a decision to an incident, and asks the responder to act on it. `reissues` tells whether this deployment may issue
/// new credentials. Returns the incident as it is then.
///
/// # Errors
/// [`Unavailable`] if the table or the bus is: the outcome is unknown, and a retry is safe. Inside, the reason for refusal.
pub async fn decide(
    table: &impl Table,
    bus: &impl Channel<Notice>,
    (id, decision): (&str, &Decision),
    caller: &Caller,
    reissues: bool,
    now: Time,
) -> Result<Result<Incident, Refusal>, Unavailable> {
    if let Err(refusal) = permit(table, caller, decision.needs_approver()).await? {
        return Ok(Err(refusal));
    }
    let Some((key, _)) = find(table, id).await? else { return Ok(Err(Refusal::NoSuchIncident)) };
    let mut outcome = Err(Refusal::NoSuchIncident);
    let mut is_due = false;
    change(table, &key, |item| {
        let Some(mut incident) = item.map(table_schema::read_incident).transpose()? else { return Ok(None) };
        is_due = incident.acts.iter().any(Act::is_due);
        outcome = allowed(&incident, decision, caller, reissues)
            .and_then(|()| incident.decide(decision, &caller.name, now))
            .map(|()| incident.clone());
        Ok::<_, Unavailable>(outcome.is_ok().then(|| table_schema::write_incident(&incident, now)))
    })
    .await?;
    // After a refusal the responder reads current states again, so that there is a fresh plan to approve, and executes what
    // is due but was never announced.
    let is_asked = outcome.as_ref().map_or_else(|refusal| is_due || refusal.is_about_state(), |_| true);
    if is_asked {
        bus.send(&[Notice::ResponseAsked(ResponseAsked { id: id.to_owned(), partition: key.partition })])
            .await?;
    }
    Ok(outcome)
}

/// What a deployment and the incident itself refuse, whatever the decision changes.
fn allowed(incident: &Incident, decision: &Decision, caller: &Caller, reissues: bool) -> Result<(), Refusal> {
    let is_unread = |act: &Act| act.progress == Progress::Waiting && act.seen.is_none();
    match decision {
        _ if incident.is_about(&caller.name) => Err(Refusal::OwnIncident),
        Decision::Reissue { .. } if !reissues => Err(Refusal::NoReissue),
        // People approve what they were shown: the current state of each resource must be read.
        Decision::Approve { .. } if incident.acts.iter().any(is_unread) => Err(Refusal::Unread),
        _ => Ok(()),
    }
}
