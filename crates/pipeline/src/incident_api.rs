//! Incident API: lists and shows incidents, and takes people's decisions. Deployed behind HTTP.
//!
//! GET requests change nothing. Every change has a named caller, recorded in the incident's timeline.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    decisions::{Caller, decide, permit, switch},
    formats::slack,
    incidents::find,
    index_entries::IncidentLine,
    messages::Notice,
    ports::{Channel, Listed, Table, Unavailable},
    responder::{load, stopped, turns},
    table_schema::{self, INCIDENTS},
};
use trailwarden_core::event::Time;
use trailwarden_response::{
    Credential,
    incident::{Decision, Incident, Refusal, metrics},
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
/// Days of a list without a range.
pub const DEFAULT_DAYS: u32 = 7;
/// Incidents per page.
const PAGE: usize = 100;
/// Longest body, in bytes.
const BODY: usize = 16 << 10;

/// Body of a POST.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Body {
    /// Digest of the plan to approve.
    plan: Option<String>,
    /// Index of the action to undo or retry; all if absent. For `reissue`, the action whose user gets the new
    /// credential.
    act: Option<usize>,
    /// Index of the completed step.
    step: Option<usize>,
    /// New assignee.
    to: Option<String>,
    /// Reason for closing.
    reason: Option<String>,
    /// Kind of credential to reissue.
    credential: Option<Credential>,
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
    let caller = Caller { name: request.who.clone(), names: request.names.clone() };
    match (request.method.as_str(), &path[..]) {
        ("GET", ["incidents"]) => list(table, request, now).await,
        ("GET", ["incidents", id]) => match find(table, id).await? {
            Some((_, incident)) => Ok(reply(200, shown(&incident))),
            None => Ok(error(404, "no such incident")),
        },
        ("POST", ["incidents", id, what]) => match decision(what, &request.body) {
            Ok(decision) => {
                let outcome = decide(table, bus, (id, &decision), &caller, request.reissues, now).await?;
                Ok(outcome.map_or_else(|refusal| refused(&refusal), |incident| reply(202, shown(&incident))))
            }
            // Whoever may not decide learns nothing of what a decision looks like.
            Err(malformed) => {
                let permitted = permit(table, &caller, !matches!(*what, "assign" | "step")).await?;
                Ok(permitted.map_or_else(|refusal| refused(&refusal), |()| malformed))
            }
        },
        ("GET", ["response"]) => switch_state(table).await,
        ("POST", ["response", what @ ("stop" | "start")]) => {
            match switch(table, *what == "stop", &caller, now).await? {
                Ok(()) => switch_state(table).await,
                Err(refusal) => Ok(refused(&refusal)),
            }
        }
        ("GET", ["metrics"]) => {
            let days = days_of(request);
            Ok(reply(200, metrics_of(table, days, now).await?))
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
async fn recent(table: &impl Table, days: u32, now: Time) -> Result<Vec<Listed>, Unavailable> {
    let mut found = Vec::new();
    for day in (0..days.clamp(1, DAYS)).map(|back| now.day().saturating_sub(back)) {
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
    let listed = recent(table, days_of(request), now).await?;
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

/// Key figures of the incidents of some days, overall and by playbook.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn metrics_of(table: &impl Table, days: u32, now: Time) -> Result<Value, Unavailable> {
    let keys = recent(table, days, now).await?.into_iter().map(|listed| listed.key).collect();
    let items = table.get_many(keys).await?;
    let incidents = items.iter().map(|(_, item)| table_schema::read_incident(item));
    let incidents = incidents.collect::<Result<Vec<Incident>, _>>()?;
    let (all, by_playbook) = metrics(&incidents);
    Ok(json!({ "all": all, "by_playbook": by_playbook }))
}

/// Parses a decision: the last part of the path, and a JSON body.
///
/// # Errors
/// The reply that says what the body lacks, or that there is no such decision.
pub fn decision(what: &str, body: &str) -> Result<Decision, Reply> {
    if body.len() > BODY {
        return Err(error(413, "too long"));
    }
    let body: Body = match body.trim() {
        "" => Body::default(),
        body => serde_json::from_str(body)
            .map_err(|wrong| error(400, format!("the body is not what {what} takes: {wrong}")))?,
    };
    let text = |value: Option<String>, missing: &str| {
        let value = value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
        value.ok_or_else(|| error(400, missing))
    };
    let act = body.act;
    Ok(match what {
        "approve" => Decision::Approve {
            plan: body
                .plan
                .ok_or_else(|| error(400, "say which plan: {\"plan\": \"...\"}, as GET shows it"))?,
        },
        "undo" => Decision::Undo { act },
        "retry" => Decision::Retry { act },
        "reissue" => {
            let missing = "say what: {\"credential\": \"key\"} or {\"credential\": \"password\"}";
            Decision::Reissue { credential: body.credential.ok_or_else(|| error(400, missing))?, act }
        }
        "assign" => Decision::Assign { to: text(body.to, "say to whom: {\"to\": \"...\"}")? },
        "step" => Decision::Step { step: body.step.ok_or_else(|| error(400, "say which: {\"step\": 0}"))? },
        "close" => Decision::Close { reason: text(body.reason, "say why: {\"reason\": \"...\"}")? },
        _ => return Err(error(404, "there is approve, undo, retry, reissue, assign, step and close")),
    })
}

/// Reply to a refused decision.
pub fn refused(refusal: &Refusal) -> Reply {
    let status = match refusal {
        Refusal::Nameless => 401,
        Refusal::NotApprover(_) | Refusal::OwnIncident => 403,
        Refusal::NoSuchIncident => 404,
        Refusal::Expired => 410,
        Refusal::Empty(_) => 400,
        _ => 409,
    };
    error(status, refusal)
}

/// Range of a list in days, from the query.
fn days_of(request: &Request) -> u32 {
    request.query.get("days").and_then(|days| days.parse().ok()).unwrap_or(DEFAULT_DAYS)
}

/// State of the kill switch and its latest turns.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn switch_state(table: &impl Table) -> Result<Reply, Unavailable> {
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
    let caller = Caller { names: Some(vec![who.clone()]), name: who };
    let outcome = decide(table, bus, (&pressed.id, &pressed.decision), &caller, false, now).await?;
    Ok(outcome.map_or_else(|refusal| refused(&refusal), |incident| reply(202, shown(&incident))))
}

/// Longest body from Slack, in bytes: it repeats the message.
const SLACK_BODY: usize = 256 << 10;
