//! Incident API: lists and shows incidents, and takes people's decisions. Deployed behind HTTP.
//!
//! GET requests change nothing. Every change has a named caller, recorded in the incident's timeline.

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

/// A request to the API.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// Path without host and stage, for example `/incidents/2026-03-02-0123456789abcdef/approve`.
    pub path: String,
    /// Query parameters by name.
    pub query: std::collections::BTreeMap<String, String>,
    /// JSON body of a POST.
    pub body: String,
    /// Authenticated caller, as the API's authorizer names them. An empty name is refused.
    pub who: String,
    /// The caller's names to look up in `response.approvers` of the settings; `None` if the authorizer itself decides
    /// who may approve.
    pub names: Option<Vec<String>>,
    /// Whether this deployment may issue new credentials.
    pub reissues: bool,
}

/// A response of the API.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// HTTP status code.
    pub status: u16,
    /// JSON body.
    pub body: Value,
}

/// Most days of a list.
const DAYS: u32 = 31;
/// Incidents per page.
const PAGE: usize = 100;
/// Longest body, in bytes.
const BODY: usize = 16 << 10;

/// Operations reserved for approvers. Everyone else can read, assign, complete steps, and stop all responses.
const DECIDED: [&str; 6] = ["approve", "undo", "retry", "reissue", "close", "start"];

/// Body of a POST.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Said {
    /// Digest of the plan to approve.
    pub plan: Option<String>,
    /// Index of the action to undo or retry; all if absent. For `reissue`, the action whose user gets the new
    /// credential.
    pub act: Option<usize>,
    /// Index of the completed step.
    pub step: Option<usize>,
    /// New assignee.
    pub to: Option<String>,
    /// Reason for closing.
    pub reason: Option<String>,
    /// Kind of credential to reissue.
    pub credential: Option<Credential>,
}

/// Whether the settings list one of these names as an approver.
pub async fn lets(table: &impl Table, names: &[String]) -> Result<bool, Unavailable> {
    Ok(settings(table).await?.response.lets(names))
}

fn reply(status: u16, body: Value) -> Reply {
    Reply { status, body }
}

fn error(status: u16, why: impl std::fmt::Display) -> Reply {
    reply(status, json!({ "error": why.to_string() }))
}

/// Serves a request.
///
/// # Errors
/// [`Unavailable`] if the table or the bus is: the outcome is unknown, and a retry is safe.
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

/// Incident as JSON, with the digest of the plan that can be approved (`plan`) and the deadline (`approve_until`).
pub fn shown(incident: &Incident) -> Value {
    let mut shown = serde_json::to_value(incident).unwrap_or_default();
    shown["plan"] = json!(incident.plan_digest());
    shown["approve_until"] = json!(incident.expires());
    shown
}

/// Index entries of incidents of the requested days, newest first.
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
        // An item of an older version has no index entry to read.
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
            // The responder reads current states again, so that there is a fresh plan to approve, and executes what
            // is due but was never announced.
            if is_due || matches!(refused.status, 409 | 410) {
                bus.send(&[Notice::ResponseAsked(asked)]).await?;
            }
            Ok(refused)
        }
    }
}

/// Refuses approval while the current state of some resource is unread: people approve what they were shown.
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

/// Applies a person's decision to an incident.
///
/// # Errors
/// The reply that states the reason for refusal.
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

/// Request of Slack with its signature.
#[derive(Clone, Debug, Default)]
pub struct Signed {
    /// `X-Slack-Request-Timestamp`.
    pub timestamp: String,
    /// `X-Slack-Signature`.
    pub signature: String,
    /// Raw body: the signature covers it.
    pub body: String,
}

/// Serves a button pressed in Slack. Requires a valid, fresh signature and a user among the approvers.
///
/// # Errors
/// As [`serve`].
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

/// Longest body from Slack, in bytes: it repeats the message.
const SLACK_BODY: usize = 256 << 10;
