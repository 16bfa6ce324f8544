//! HTTP router: pages, page parts, JSON API and static files.

use axum::{
    Extension, Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, Uri, header::CONTENT_TYPE},
    middleware::from_fn,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};
use trailwarden_core::severity::thresholds::Verdict;
use trailwarden_pipeline::{
    dashboard::View,
    decisions::Caller,
    incident_api::{self, Reply},
    messages::Said,
    ports::Unavailable,
};

use crate::{
    headers::{guard, tagged},
    pages::{self, Entrance},
    queries::{self, asked},
    worker::{Change, Orders},
};

/// Authenticated user. A layer in front of the router adds it as a request extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Display name, recorded with decisions.
    pub name: String,
    /// Names by which the settings may permit approval; `None` if the user may always approve.
    pub names: Option<Vec<String>>,
}

#[derive(Clone)]
struct Desk {
    orders: Orders,
    entrance: Entrance,
    reissues: bool,
}

const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
/// Personal data: only the browser may cache it, and it must revalidate.
const PRIVATE: &str = "private, no-cache";
const PUBLIC: &str = "public, max-age=300";

/// The router. `more` adds the routes for sign-in; `reissues` allows re-issuing credentials.
pub fn router(orders: Orders, entrance: Entrance, reissues: bool, more: Router) -> Router {
    let pages = Router::new()
        .route("/", get(page))
        .route("/{name}", get(page))
        .route("/pages/", get(part))
        .route("/pages/{name}", get(part));
    let api = Router::new()
        .route("/api/openapi.json", get(description))
        .route("/api/verdict", post(judge))
        .route("/api/incidents/{id}/{what}", post(decide))
        .route("/api/response/{what}", post(switch))
        .route("/api/metrics", get(metrics))
        .route("/api/{name}", get(data))
        .route("/api", get(|| async { Redirect::temporary("/api/openapi.json") }))
        .route("/api/", get(|| async { Redirect::temporary("/api/openapi.json") }));
    let files = Router::new()
        .route("/style.css", get(async |headers: HeaderMap| file(&headers, "text/css; charset=utf-8", STYLE)))
        .route(
            "/app.js",
            get(async |headers: HeaderMap| file(&headers, "text/javascript; charset=utf-8", SCRIPT)),
        )
        .route("/icon.svg", get(async |headers: HeaderMap| file(&headers, "image/svg+xml", ICON)))
        .route("/favicon.ico", get(|| async { Redirect::permanent("/icon.svg") }));
    let desk = Desk { orders, entrance, reissues };
    let lost = get(lost).with_state(desk.clone());
    let all = pages.merge(api).merge(files).with_state(desk).fallback_service(lost);
    all.merge(more).layer(from_fn(guard))
}

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("app.js");
const ICON: &str = include_str!("icon.svg");
const DESCRIPTION: &str = include_str!("openapi.json");

fn file(headers: &HeaderMap, kind: &'static str, text: &'static str) -> Response {
    tagged(headers, StatusCode::OK, kind, PUBLIC, text.to_owned())
}

/// The authenticated user, if any.
type SignedIn = Option<Extension<Who>>;
type Asking = Result<Query<queries::Query>, axum::extract::rejection::QueryRejection>;

/// A whole page; for an anonymous user, the sign-in page.
async fn page(
    State(desk): State<Desk>,
    who: SignedIn,
    uri: Uri,
    query: Asking,
    headers: HeaderMap,
) -> Response {
    let Some(Extension(who)) = who else {
        let page = pages::sign_in(desk.entrance, uri.path());
        // Not cached: a user who signs in must not see it again.
        return tagged(&headers, StatusCode::OK, HTML, "no-store", page.into_string());
    };
    let (status, title, main) = drawn(&desk, &who, uri.path(), query).await;
    let page = pages::whole(&title, &who.name, uri.path(), &main);
    tagged(&headers, status, HTML, PRIVATE, page.into_string())
}

/// Unknown path: a JSON error under `/api/`, otherwise a page.
async fn lost(desk: State<Desk>, who: SignedIn, uri: Uri, query: Asking, headers: HeaderMap) -> Response {
    if uri.path().starts_with("/api/") {
        return error(StatusCode::NOT_FOUND, "there is no such path: see /api/openapi.json");
    }
    page(desk, who, uri, query, headers).await
}

/// The main part of a page, for reloading.
async fn part(
    State(desk): State<Desk>,
    who: SignedIn,
    uri: Uri,
    query: Asking,
    headers: HeaderMap,
) -> Response {
    let Some(Extension(who)) = who else { return nobody() };
    let path = uri.path().strip_prefix("/pages").unwrap_or_default();
    let (status, _, main) = drawn(&desk, &who, path, query).await;
    tagged(&headers, status, HTML, PRIVATE, main.into_string())
}

async fn drawn(desk: &Desk, who: &Who, path: &str, query: Asking) -> (StatusCode, String, maud::Markup) {
    match seen(desk, path, query).await {
        Ok((view, query)) => {
            let (title, main) = pages::main(&view, &query, desk.entrance, decides(desk, who, &view).await);
            (StatusCode::OK, title, main)
        }
        Err((status, why)) => {
            let page = pages::trouble(&why, status.is_client_error());
            (status, why, page)
        }
    }
}

/// Whether to show buttons for approvers. If the permission cannot be read they are shown; the API checks it
/// again on submit.
async fn decides(desk: &Desk, who: &Who, view: &View) -> bool {
    let is_asked = match view {
        View::Incident(_) => true,
        View::Board(board) => board.response.stopped_by.is_some(),
        _ => false,
    };
    match &who.names {
        Some(names) if is_asked => desk.orders.lets(names.clone()).await.unwrap_or(true),
        _ => true,
    }
}

/// The view of a path, or status and reason of the failure.
async fn seen(
    desk: &Desk,
    path: &str,
    query: Asking,
) -> Result<(View, queries::Query), (StatusCode, String)> {
    let Query(query) = query.map_err(|_| (StatusCode::BAD_REQUEST, "the query cannot be read".to_owned()))?;
    let asked = asked(path, &query).ok_or((StatusCode::NOT_FOUND, "there is no such page".to_owned()))?;
    let asked = asked.map_err(|why| (StatusCode::BAD_REQUEST, why))?;
    match desk.orders.see(asked).await {
        Ok(View::Nothing(why)) => Err((StatusCode::NOT_FOUND, why.to_owned())),
        Ok(view) => Ok((view, query)),
        Err(away) => Err((StatusCode::SERVICE_UNAVAILABLE, told(&away))),
    }
}

/// A view as JSON.
async fn data(
    State(desk): State<Desk>,
    who: SignedIn,
    Path(name): Path<String>,
    query: Asking,
    headers: HeaderMap,
) -> Response {
    if who.is_none() {
        return nobody();
    }
    match seen(&desk, &name, query).await {
        Ok((view, _)) => {
            let text = serde_json::to_string(&view).unwrap_or_default();
            tagged(&headers, StatusCode::OK, JSON, PRIVATE, text)
        }
        Err((status, why)) => error(status, &why),
    }
}

async fn description(headers: HeaderMap) -> Response {
    tagged(&headers, StatusCode::OK, JSON, PUBLIC, DESCRIPTION.to_owned())
}

/// An analyst's verdict on a finding.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Judgement {
    id: String,
    of: String,
    verdict: Verdict,
}

async fn judge(State(desk): State<Desk>, who: SignedIn, headers: HeaderMap, body: Bytes) -> Response {
    let Some(Extension(who)) = who else { return nobody() };
    if let Some(refused) = is_ours(&headers) {
        return refused;
    }
    match serde_json::from_slice::<Judgement>(&body) {
        Ok(Judgement { id, of, .. }) if ![&id, &of].into_iter().all(|key| queries::is_key(key)) => {
            error(StatusCode::BAD_REQUEST, "id or of is empty, or too long")
        }
        Ok(Judgement { id, of, verdict }) => {
            let said = Said { partition: of, finding_id: id, verdict, by: who.name };
            change(&desk, Change::Verdict(said)).await
        }
        Err(wrong) => error(StatusCode::BAD_REQUEST, &format!("the body is not what a verdict is: {wrong}")),
    }
}

async fn decide(
    State(desk): State<Desk>,
    who: SignedIn,
    Path((id, what)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let caller = match decider(who, &headers) {
        Ok(caller) => caller,
        Err(refused) => return *refused,
    };
    let Ok(body) = std::str::from_utf8(&body) else {
        return error(StatusCode::BAD_REQUEST, "the body is not UTF-8");
    };
    match incident_api::decision(&what, body) {
        Ok(decision) => {
            let reissues = desk.reissues;
            change(&desk, Change::Decision { id, decision, caller, reissues }).await
        }
        Err(malformed) => said(&malformed),
    }
}

async fn switch(
    State(desk): State<Desk>,
    who: SignedIn,
    Path(what): Path<String>,
    headers: HeaderMap,
) -> Response {
    let caller = match decider(who, &headers) {
        Ok(caller) => caller,
        Err(refused) => return *refused,
    };
    match what.as_str() {
        "stop" | "start" => change(&desk, Change::Switch { stops: what == "stop", caller }).await,
        _ => error(StatusCode::NOT_FOUND, "there is /api/response/stop and /api/response/start"),
    }
}

async fn metrics(State(desk): State<Desk>, who: SignedIn) -> Response {
    if who.is_none() {
        return nobody();
    }
    match desk.orders.metrics().await {
        Ok(body) => said(&Reply { status: 200, body }),
        Err(away) => error(StatusCode::SERVICE_UNAVAILABLE, &told(&away)),
    }
}

/// The signed-in user who asks for a change, unless another site made their browser ask.
fn decider(who: SignedIn, headers: &HeaderMap) -> Result<Caller, Box<Response>> {
    let Some(Extension(Who { name, names })) = who else { return Err(Box::new(nobody())) };
    is_ours(headers).map_or(Ok(Caller { name, names }), |refused| Err(Box::new(refused)))
}

/// Rejects cross-site requests for a change. A form of another site cannot send JSON, and a script of another
/// site cannot do so without a CORS preflight.
fn is_ours(headers: &HeaderMap) -> Option<Response> {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if value(CONTENT_TYPE.as_str()).is_none_or(|kind| kind.split(';').next() != Some(JSON)) {
        return Some(error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json"));
    }
    let is_from_here = |site: &str| matches!(site, "same-origin" | "none");
    if value("sec-fetch-site").is_some_and(|site| !is_from_here(site)) {
        return Some(error(StatusCode::FORBIDDEN, "another site may change nothing"));
    }
    None
}

async fn change(desk: &Desk, change: Change) -> Response {
    match desk.orders.change(change).await {
        Ok(reply) => said(&reply),
        Err(away) => error(StatusCode::SERVICE_UNAVAILABLE, &told(&away)),
    }
}

fn said(reply: &Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(CONTENT_TYPE, JSON)], reply.body.to_string()).into_response()
}

fn error(status: StatusCode, why: &str) -> Response {
    let body: Value = json!({ "error": why });
    (status, [(CONTENT_TYPE, JSON)], body.to_string()).into_response()
}

fn nobody() -> Response {
    error(StatusCode::UNAUTHORIZED, "nobody is let in without a name: sign in")
}

/// Error text for users: names the failed service only; the details are logged.
fn told(error: &Unavailable) -> String {
    tracing::error!(%error, "request failed");
    format!("{} cannot be reached now: try again", error.service)
}
