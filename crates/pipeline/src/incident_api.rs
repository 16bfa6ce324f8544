//! What people ask of incidents, and are answered: by HTTP where it is deployed.
//!
//! Nothing is changed by reading; whoever asks for a change is known by name, and named in the timeline.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    responder::{Turn, load, stopped, turn, turns},
    stored_settings::settings,
};
use crate::{
    formats::slack,
    index_entries::IncidentLine,
    messages::{Notice, ResponseAsked},
    ports::{Channel, Key, Listed, Table, Unavailable, change},
    table_schema::{self, INCIDENTS},
};
use trailwarden_core::{
    event::{Time, clip},
    finding::Severity,
};
use trailwarden_response::{
    Credential,
    incident::{Act, Incident, Progress, Refusal, State, metrics},
};

/// What somebody asks.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// `/incidents/2026-03-02-0123456789abcdef/approve`.
    pub path: String,
    /// What stands behind the question mark, by name.
    pub query: std::collections::BTreeMap<String, String>,
    /// JSON, of a POST.
    pub body: String,
    /// Who asks, as whoever lets them in says: nobody is anonymous.
    pub who: String,
    /// By which names they may be among `response.approvers` of the settings, if only those may decide; `None` where
    /// whoever lets them in decides that.
    pub names: Option<Vec<String>>,
    /// May credentials be made anew here?
    pub reissues: bool,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The status of HTTP.
    pub status: u16,
    /// JSON.
    pub body: Value,
}

/// Days that are listed, at most.
const DAYS: u32 = 31;
/// Incidents that one answer lists.
const PAGE: usize = 100;
/// Bytes of a body.
const BODY: usize = 16 << 10;

/// What only those may who are named for it: others can look, assign, tick off steps, and stop everything.
const DECIDED: [&str; 6] = ["approve", "undo", "retry", "reissue", "close", "start"];

/// What a POST may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Said {
    /// The plan that is approved.
    pub plan: Option<String>,
    /// The act that is taken back; all, if none is named. Or of whom it is who gets something anew.
    pub act: Option<usize>,
    /// The step that is done.
    pub step: Option<usize>,
    /// To whom it is given.
    pub to: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// What is given anew.
    pub credential: Option<Credential>,
}

/// May somebody who goes by these names decide, as the settings have it?
pub async fn lets(table: &impl Table, names: &[String]) -> Result<bool, Unavailable> {
    Ok(settings(table).await?.response.lets(names))
}

fn reply(status: u16, body: Value) -> Reply {
    Reply { status, body }
}

fn error(status: u16, why: impl std::fmt::Display) -> Reply {
    reply(status, json!({ "error": why.to_string() }))
}

/// Answers a request.
///
/// # Errors
/// [`Unavailable`] if the table or the bus is: nobody knows whether it was done; asking again does no harm.
pub async fn serve(
    table: &impl Table,
    bus: &impl Channel<Notice>,
    request: &Request,
    now: Time,
) -> Result<Reply, Unavailable> {
    if request.who.trim().is_empty() {
        return Ok(error(401, "nobody is let in without a name"));
    }
    if request.body.len() > BODY {
        return Ok(error(413, "too long"));
    }
    let path: Vec<&str> = request.path.split('/').filter(|part| !part.is_empty()).collect();
    if let (Some(names), "POST") = (&request.names, request.method.as_str())
        && path.last().is_some_and(|what| DECIDED.contains(what))
        && !lets(table, names).await?
    {
        let names = names.join(", ");
        return Ok(error(
            403,
            format!("{names}: not among response.approvers of the settings, who alone decide that"),
        ));
    }
    match (request.method.as_str(), &path[..]) {
        ("GET", ["incidents"]) => list(table, request, now).await,
        ("GET", ["incidents", id]) => match find(table, id).await? {
            Some((_, incident)) => Ok(reply(200, shown(&incident))),
            None => Ok(error(404, "no such incident")),
        },
        ("POST", ["incidents", id, what]) => change_it(table, bus, request, (id, what), now).await,
        ("GET", ["response"]) => switch(table).await,
        ("POST", ["response", what @ ("stop" | "start")]) => {
            turn(table, Turn { at: now, by: request.who.clone(), stops: *what == "stop" }).await?;
            switch(table).await
        }
        ("GET", ["metrics"]) => {
            let keys = recent(table, request, now).await?.into_iter().map(|listed| listed.key).collect();
            let kept = table.get_many(keys).await?;
            let incidents = kept.iter().map(|(_, item)| table_schema::read_incident(item));
            let incidents = incidents.collect::<Result<Vec<Incident>, _>>()?;
            let (all, by_playbook) = metrics(&incidents);
            Ok(reply(200, json!({ "all": all, "by_playbook": by_playbook })))
        }
        _ => Ok(error(
            404,
            "there is GET /incidents, /incidents/ID, /metrics, /response, and POST /incidents/ID/approve, undo, retry, reissue, assign, step, close, and /response/stop, start",
        )),
    }
}

/// The incident, and the plan that could be approved now.
pub fn shown(incident: &Incident) -> Value {
    let mut shown = serde_json::to_value(incident).unwrap_or_default();
    shown["plan"] = json!(incident.plan_digest());
    shown["approve_until"] = json!(incident.expires());
    shown
}

/// Incidents of some days up to now, the newest first.
async fn recent(table: &impl Table, request: &Request, now: Time) -> Result<Vec<Listed>, Unavailable> {
    let days = request.query.get("days").and_then(|days| days.parse().ok()).unwrap_or(7u32).clamp(1, DAYS);
    let mut found = Vec::new();
    for day in (0..days).map(|back| now.day().saturating_sub(back)) {
        let listed = table.listed(&table_schema::day_partition(day), INCIDENTS.0, INCIDENTS.1).await?;
        found.extend(listed.into_iter().rev());
    }
    Ok(found)
}

async fn list(table: &impl Table, request: &Request, now: Time) -> Result<Reply, Unavailable> {
    let wanted = request.query.get("state").map(String::as_str);
    let is_wanted = |incident: &IncidentLine| {
        let state = serde_json::to_value(incident.state).unwrap_or_default();
        wanted.is_none_or(|wanted| wanted == "all" || state == wanted)
    };
    let from: usize = request.query.get("from").and_then(|from| from.parse().ok()).unwrap_or_default();
    let listed = recent(table, request, now).await?;
    let mut wanted = Vec::new();
    for entry in &listed {
        // Where the index says nothing, an older version wrote the item.
        let line = match table_schema::line(entry) {
            Some(line) => Some(line),
            None => load(table, &entry.key).await?.as_ref().map(IncidentLine::from),
        };
        wanted.extend(line.filter(is_wanted));
    }
    let page: Vec<&IncidentLine> = wanted.iter().skip(from).take(PAGE).collect();
    let next = (wanted.len() > from + PAGE).then_some(from + PAGE);
    Ok(reply(200, json!({ "incidents": page, "count": wanted.len(), "next": next })))
}

/// An incident by its id, whose day the index knows.
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

async fn change_it(
    table: &impl Table,
    bus: &impl Channel<Notice>,
    request: &Request,
    (id, what): (&str, &str),
    now: Time,
) -> Result<Reply, Unavailable> {
    let said: Said = match request.body.trim() {
        "" => Said::default(),
        body => match serde_json::from_str(body) {
            Ok(said) => said,
            Err(wrong) => return Ok(error(400, format!("the body is not what {what} takes: {wrong}"))),
        },
    };
    let Some((key, _)) = find(table, id).await? else { return Ok(error(404, "no such incident")) };
    let mut outcome = Err(error(404, "no such incident"));
    let mut is_due = false;
    change(table, &key, |item| {
        let Some(mut incident) = item.map(table_schema::read_incident).transpose()? else { return Ok(None) };
        is_due = incident.acts.iter().any(Act::is_due);
        let allowed = match what {
            _ if incident.is_about(&request.who) => {
                Err(error(403, "nobody decides about an incident of their own"))
            }
            "reissue" if !request.reissues => Err(error(
                409,
                "this deployment makes no credential anew: its parameter ResponseReissue says so",
            )),
            "approve" => approvable(&incident),
            _ => Ok(()),
        };
        outcome = allowed
            .and_then(|()| decide(&mut incident, what, &said, &request.who, now))
            .map(|()| shown(&incident));
        Ok::<_, Unavailable>(outcome.is_ok().then(|| table_schema::write_incident(&incident, now)))
    })
    .await?;
    let asked = ResponseAsked { id: id.to_owned(), partition: key.partition };
    match outcome {
        Ok(shown) => {
            bus.send(&[Notice::ResponseAsked(asked)]).await?;
            Ok(reply(202, shown))
        }
        Err(refused) => {
            // It is looked at anew, so that there is something fresh to approve; what is due, and of which nobody was told, is done.
            if is_due || matches!(refused.status, 409 | 410) {
                bus.send(&[Notice::ResponseAsked(asked)]).await?;
            }
            Ok(refused)
        }
    }
}

/// What is approved is what was looked at.
fn approvable(incident: &Incident) -> Result<(), Reply> {
    let is_unseen = |act: &Act| act.progress == Progress::Waiting && act.seen.is_none();
    if incident.acts.iter().any(is_unseen) {
        return Err(error(
            409,
            "what is there was not looked at yet: this deployment only observes, or it takes a moment",
        ));
    }
    Ok(())
}

/// Changes an incident as somebody says.
///
/// # Errors
/// The reply that says why it is not.
pub fn decide(incident: &mut Incident, what: &str, said: &Said, who: &str, now: Time) -> Result<(), Reply> {
    let refused = |refusal: Refusal| match refusal {
        Refusal::Expired => error(410, refusal),
        Refusal::NothingWaits | Refusal::Changed(_) | Refusal::NotDone(_) => error(409, refusal),
    };
    let who = clip(who, 200);
    match what {
        "approve" => {
            if incident.state == State::Closed {
                return Err(error(409, "it is closed"));
            }
            let Some(plan) = &said.plan else {
                return Err(error(400, "say which plan: {\"plan\": \"...\"}, as GET shows it"));
            };
            incident.approve(plan, who, now).map_err(refused)
        }
        "undo" => incident.undo(said.act, who, now).map_err(refused),
        "retry" if incident.state == State::Closed => Err(error(409, "it is closed")),
        "retry" => incident.retry(said.act, who, now).map_err(refused),
        "reissue" => match said.credential {
            Some(_) if incident.state == State::Closed => Err(error(409, "it is closed")),
            Some(credential) => incident.reissue(credential, said.act, who, now).map_err(refused),
            None => Err(error(400, "say what: {\"credential\": \"key\"} or {\"credential\": \"password\"}")),
        },
        "assign" => match said.to.as_deref().map(str::trim).filter(|whom| !whom.is_empty()) {
            Some(whom) => {
                incident.assign(whom, who, now);
                Ok(())
            }
            None => Err(error(400, "say to whom: {\"to\": \"...\"}")),
        },
        "step" => match said.step {
            Some(step) => incident.step_done(step, who, now).map_err(refused),
            None => Err(error(400, "say which: {\"step\": 0}")),
        },
        "close" => match said.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty()) {
            Some(reason) => {
                incident.close(reason, who, now);
                Ok(())
            }
            None => Err(error(400, "say why: {\"reason\": \"...\"}")),
        },
        _ => Err(error(404, "there is approve, undo, retry, reissue, assign, step and close")),
    }
}

async fn switch(table: &impl Table) -> Result<Reply, Unavailable> {
    Ok(reply(200, json!({ "stopped_by": stopped(table).await?, "turns": turns(table).await? })))
}

/// What Slack sent, and how it is signed.
#[derive(Clone, Debug, Default)]
pub struct Signed {
    /// `X-Slack-Request-Timestamp`.
    pub timestamp: String,
    /// `X-Slack-Signature`.
    pub signature: String,
    /// The body, as it was signed.
    pub body: String,
}

/// Answers a button pressed in Slack: signed by Slack, freshly, and pressed by one of those who may.
///
/// # Errors
/// [`Unavailable`] as [`serve`].
pub async fn pressed(
    table: &impl Table,
    bus: &impl Channel<Notice>,
    signed: &Signed,
    secret: &str,
    now: Time,
) -> Result<Reply, Unavailable> {
    if signed.body.len() > SLACK_BODY
        || !slack::is_signed(secret, &signed.timestamp, &signed.body, &signed.signature, now)
    {
        return Ok(error(401, "not signed by Slack, or too old"));
    }
    let Some(pressed) = slack::pressed(&signed.body) else { return Ok(error(400, "not a button of ours")) };
    let who = format!("slack:{}", pressed.user);
    let body = match pressed.action.as_str() {
        "approve" => json!({ "plan": pressed.digest }),
        _ => json!({}),
    };
    let path = format!("/incidents/{}/{}", pressed.id, pressed.action);
    let names = Some(vec![who.clone()]);
    let request =
        Request { method: "POST".into(), path, body: body.to_string(), who, names, ..Request::default() };
    serve(table, bus, &request, now).await
}

/// Bytes of what Slack sends: it repeats the message.
const SLACK_BODY: usize = 256 << 10;
