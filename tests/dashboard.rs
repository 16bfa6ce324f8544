//! The page's router: who is let in, what the API says of itself, what a hostile log can do to a page.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test ends where something is missing")]

use axum::{
    Extension, Router,
    body::{Body, to_bytes},
    http::{HeaderMap, Request, StatusCode},
};
use pollster::block_on;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use trailwarden_core::{
    activity::Scope,
    event::{DAY, Time},
    finding::{Finding, FindingRaised, Severity},
    settings::Settings,
};
use trailwarden_dashboard::{Entrance, Who, orders, router};
use trailwarden_pipeline::{
    dashboard::{Asked, Desk, View},
    feedback,
    incidents::join,
    messages::Notice,
    ports::{Channel, Memory, Over, Table, Unavailable, Write},
    responder::Mode,
    table_schema::{self, INCIDENTS, KeptFinding},
};
use trailwarden_response::{State, incident::Progress};

const NOW: Time = Time(20_600 * DAY + 40_000);
const HOSTILE: &str = "arn:aws:iam::111122223333:user/<script>alert(1)</script>\u{202e}";

struct Nobody;

impl Channel<Notice> for Nobody {
    async fn send(&self, _: &[Notice]) -> Result<(), Unavailable> {
        Ok(())
    }
}

fn finding() -> Finding {
    let at = NOW.to_string();
    serde_json::from_value(json!({
        "id": format!("evasion/{}/0123456789abcdef", &at[..10]), "kind": "threat", "detector": "evasion",
        "title": "Defences weakened", "severity": "CRITICAL", "score": 0.95, "confidence": 0.9, "principal": HOSTILE,
        "principal_kind": "user", "callers": [], "account_id": "111122223333", "region": "eu-west-1", "first_seen": at,
        "last_seen": at, "techniques": ["T1562.008"], "tactics": ["TA0005"], "event_ids": ["<b>e</b>"],
        "evidence": ["cloudtrail:StopLogging on <img src=x onerror=alert(1)>"], "recommendations": ["Switch it on"],
        "controls": [], "status": "open", "contributions": [], "usual": [], "features": null,
    }))
    .unwrap()
}

fn scope() -> Scope {
    Scope::Principal(HOSTILE.into())
}

/// A router on a table with one finding and its incident; for somebody with a name, or for nobody.
fn served(name: Option<&str>) -> Router {
    seen_by(name.map(|name| Who { name: name.to_owned(), names: None }))
}

/// The first act of the incident is done, the others wait and can be approved.
fn seen_by(who: Option<Who>) -> Router {
    let table = Memory::default();
    let settings = Write { body: b"[response]\napprovers = [\"person:eva\"]".to_vec(), ..Write::default() };
    block_on(table.put(&trailwarden_pipeline::stored_settings::key(), settings, Over::Anything)).unwrap();
    let raised = FindingRaised { scope: scope(), revision: 1, finding: finding() };
    let key = table_schema::finding_key(&scope(), &raised.finding.id);
    block_on(table.put(&key, KeptFinding::new(finding()).write(NOW), Over::Anything)).unwrap();
    block_on(join(&table, &raised, Mode::Approve, &Settings::default(), NOW)).unwrap();
    let (key, mut incident) = {
        let listed =
            block_on(table.listed(&table_schema::day_partition(NOW.day()), INCIDENTS.0, INCIDENTS.1))
                .unwrap();
        let item = block_on(table.get(&listed[0].key)).unwrap().unwrap();
        (listed[0].key.clone(), table_schema::read_incident(&item).unwrap())
    };
    incident.acts.iter_mut().for_each(|act| act.seen = Some(State::default()));
    incident.acts[0].progress = Progress::Done;
    block_on(table.put(&key, table_schema::write_incident(&incident, NOW), Over::Anything)).unwrap();
    block_on(feedback::count(&table, &[(scope(), NOW.hour())], NOW)).unwrap();
    let (give, worker) = orders();
    std::thread::spawn(move || {
        let desk = Desk::new(table, Mode::Approve);
        block_on(worker.attend(&desk, &Nobody, || (NOW, NOW), || false));
    });
    let pages = router(give, Entrance::Link, false, Router::new());
    match who {
        Some(who) => pages.layer(Extension(who)),
        None => pages,
    }
}

fn ask(router: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let answer = block_on(router.clone().oneshot(request)).unwrap();
    let (head, body) = answer.into_parts();
    let body = block_on(to_bytes(body, 1 << 20)).unwrap();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

fn get(router: &Router, path: &str) -> (StatusCode, HeaderMap, String) {
    ask(router, Request::get(path).body(Body::empty()).unwrap())
}

fn post(router: &Router, path: &str, kind: &str, site: &str, body: &Value) -> (StatusCode, String) {
    let request = Request::post(path).header("content-type", kind).header("sec-fetch-site", site);
    let (status, _, text) = ask(router, request.body(Body::from(body.to_string())).unwrap());
    (status, text)
}

fn encoded(text: &str) -> String {
    text.bytes().flat_map(|byte| format!("%{byte:02X}").into_bytes()).map(char::from).collect()
}

/// Where the one finding, its principal and its incident are.
fn places(router: &Router) -> [String; 3] {
    let list: Value = serde_json::from_str(&get(router, "/api/incidents").2).unwrap();
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    let of = encoded(&scope().partition());
    [
        format!("finding?id={}&of={of}", encoded(&finding().id)),
        format!("principal?of={of}"),
        format!("incident?id={id}"),
    ]
}

#[test]
fn nobody_without_a_name_is_told_anything() {
    let (open, named) = (served(None), served(Some("kim")));
    let places = places(&named);
    for path in ["board", "findings", "incidents"].into_iter().chain(places.iter().map(String::as_str)) {
        for kind in ["api", "pages"] {
            let path = format!("/{kind}/{path}");
            assert_eq!(get(&open, &path).0, StatusCode::UNAUTHORIZED, "{path}");
            assert_eq!(get(&named, &path).0, StatusCode::OK, "{path}: {}", get(&named, &path).2);
        }
        let (status, _, shell) = get(&open, &format!("/{path}"));
        assert!(
            status == StatusCode::OK && shell.contains("Sign in") && !shell.contains("Defences"),
            "{path}"
        );
    }
    let said = json!({ "id": finding().id, "of": scope().partition(), "verdict": "true_positive" });
    assert_eq!(
        post(&open, "/api/verdict", "application/json", "same-origin", &said).0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        post(&open, "/api/response/stop", "application/json", "none", &json!({})).0,
        StatusCode::UNAUTHORIZED
    );
}

#[test]
fn each_answer_has_what_the_description_says() {
    let router = served(Some("kim"));
    let description: Value = serde_json::from_str(&get(&router, "/api/openapi.json").2).unwrap();
    let places = places(&router);
    let mut asked = 0;
    for (path, methods) in description["paths"].as_object().unwrap() {
        let Some(what) = methods.get("get") else { continue };
        let name = path.trim_start_matches("/api/");
        let place = places.iter().find(|place| place.split('?').next() == Some(name));
        let (status, _, text) = get(&router, &place.map_or(path.clone(), |place| format!("/api/{place}")));
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        let named = what["responses"]["200"]["$ref"].as_str().and_then(|name| name.rsplit('/').next());
        let Some(named) = named else { continue };
        let schema = &description["components"]["responses"][named]["content"]["application/json"]["schema"];
        for field in schema["required"].as_array().unwrap() {
            assert!(answer.get(field.as_str().unwrap()).is_some(), "{path} has no {field}: {answer}");
            asked += 1;
        }
    }
    assert!(asked > 30, "{asked}");
    let line: Value = serde_json::from_str(&get(&router, "/api/findings").2).unwrap();
    for field in description["components"]["schemas"]["FindingLine"]["required"].as_array().unwrap() {
        assert!(line["items"][0].get(field.as_str().unwrap()).is_some(), "{field}");
    }
}

#[test]
fn what_has_not_changed_is_not_sent_again_and_each_answer_is_guarded() {
    let router = served(Some("kim"));
    for path in ["/", "/pages/board", "/api/board", "/app.js"] {
        let (_, headers, _) = get(&router, path);
        let request =
            Request::get(path).header("if-none-match", &headers["etag"]).body(Body::empty()).unwrap();
        let (status, _, body) = ask(&router, request);
        assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{path}");
    }
    for path in [
        "/",
        "/api/board",
        "/api/nothing",
        "/nothing",
        "/no/such/path",
        "/findings?severity=bad",
        "/icon.svg",
    ] {
        let (_, headers, _) = get(&router, path);
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
    }
    assert_eq!(get(&router, "/findings?severity=bad").0, StatusCode::BAD_REQUEST);
    assert_eq!(get(&router, "/api/finding?id=evasion/2026-03-02/0").0, StatusCode::NOT_FOUND);
}

#[test]
fn what_a_log_says_is_text_wherever_it_shows() {
    let router = served(Some("<i>kim</i>"));
    let [finding, principal, incident] = places(&router);
    for path in ["", "findings", "incidents", &finding, &principal, &incident] {
        let (status, _, page) = get(&router, &format!("/{path}"));
        assert_eq!(status, StatusCode::OK, "{path}");
        for bad in ["<script>alert", "<img src=x", "<b>e</b>", "<i>kim", "\u{202e}"] {
            assert!(!page.contains(bad), "{path} has {bad}");
        }
        assert!(page.contains("script&gt;alert(1)"), "{path}");
        assert!(!page.contains("style=") && !page.contains("javascript:"), "{path}");
    }
}

#[test]
fn only_a_page_of_ours_changes_anything() {
    let router = served(Some("kim"));
    let said = json!({ "id": finding().id, "of": scope().partition(), "verdict": "false_positive" });
    let json = "application/json";
    assert_eq!(
        post(&router, "/api/verdict", "text/plain", "same-origin", &said).0,
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    assert_eq!(post(&router, "/api/verdict", json, "cross-site", &said).0, StatusCode::FORBIDDEN);
    assert_eq!(
        post(&router, "/api/verdict", json, "same-origin", &json!({ "id": 1 })).0,
        StatusCode::BAD_REQUEST
    );
    let [place, ..] = places(&router);
    let verdict = || {
        serde_json::from_str::<Value>(&get(&router, &format!("/api/{place}")).2).unwrap()["verdict"].clone()
    };
    assert_eq!(verdict(), Value::Null);
    assert_eq!(post(&router, "/api/verdict", json, "same-origin", &said).0, StatusCode::OK);
    assert_eq!((&verdict()["verdict"], &verdict()["by"]), (&json!("false_positive"), &json!("kim")));
    let page = get(&router, &format!("/{place}")).2;
    assert!(page.contains("It was said to be a false alarm by kim, "), "{page}");
    let strange = json!({ "id": "evasion/2026-03-02/0", "of": "PRINCIPAL#x", "verdict": "false_positive" });
    assert_eq!(post(&router, "/api/verdict", json, "none", &strange).0, StatusCode::CONFLICT);
    assert_eq!(get(&router, "/api/verdict").0, StatusCode::METHOD_NOT_ALLOWED);
}

#[test]
fn nobody_decides_about_an_incident_of_their_own_however_they_are_called() {
    let name = HOSTILE.rsplit('/').next().unwrap();
    let mail = format!("{name}@example.com");
    for (who, expected) in [(mail.as_str(), StatusCode::FORBIDDEN), ("kim@example.com", StatusCode::ACCEPTED)]
    {
        let router = served(Some(who));
        let [.., incident] = places(&router);
        let id = incident.strip_prefix("incident?id=").unwrap();
        let path = format!("/api/incidents/{id}/close");
        let (status, text) =
            post(&router, &path, "application/json", "same-origin", &json!({ "reason": "mine" }));
        assert_eq!(status, expected, "{who}: {text}");
        let path = format!("/api/incidents/{id}/reissue");
        let body = json!({ "credential": "key" });
        let (status, _) = post(&router, &path, "application/json", "same-origin", &body);
        let is_refused = [StatusCode::FORBIDDEN, StatusCode::CONFLICT].contains(&status);
        assert!(is_refused, "nothing is made anew where that is switched off: {status}");
    }
}

#[test]
fn who_does_not_decide_is_shown_nothing_to_press_for_it() {
    let who = |names: Option<&str>| {
        let names = names.map(|name| vec![name.to_owned()]);
        let router = seen_by(Some(Who { name: "eva".to_owned(), names }));
        let [.., incident] = places(&router);
        let page = get(&router, &format!("/{incident}")).2;
        let before = get(&router, "/").2;
        let stopped = post(&router, "/api/response/stop", "application/json", "same-origin", &json!({})).0;
        assert_eq!(
            (stopped, before.contains("/api/response/stop\"")),
            (StatusCode::OK, true),
            "to stop is for all"
        );
        (page, get(&router, "/").2)
    };
    for (names, decides) in [(Some("person:kim"), false), (Some("person:eva"), true), (None, true)] {
        let (page, board) = who(names);
        for button in ["/close\"", "/approve\"", "/undo\""] {
            assert_eq!(page.contains(button), decides, "{button} for {names:?}");
        }
        assert_eq!(board.contains("/api/response/start\""), decides, "{names:?}");
        assert!(board.contains("stopped by eva, "), "{board}");
        assert_eq!(page.contains("those whom the settings name"), !decides, "{names:?}");
        assert!(page.contains("/assign\""), "to assign is for all");
    }
}

/// Days are read again when they may have changed: yesterday as soon as today until its last hour is closed, then less often.
#[test]
fn what_comes_late_is_seen_and_counted_once() {
    let midnight = NOW.0 - NOW.0 % DAY;
    for (hour, not_yet, by_then) in [(0, 3, 4), (2, 3, 4), (12, 22, 27)] {
        let (desk, begin) = (Desk::new(Memory::default(), Mode::Observe), midnight + hour * 3_600 + 60);
        let put = |number: usize, at: i64| {
            let last_seen = Time(at);
            let id = Finding::id_of("evasion", &number.to_string(), last_seen.day());
            let one = Finding { id, first_seen: last_seen, last_seen, ..finding() };
            let key = table_schema::finding_key(&scope(), &one.id);
            block_on(desk.table().put(&key, KeptFinding::new(one).write(last_seen), Over::Anything)).unwrap();
        };
        let counted = |after: i64| match block_on(desk.see(&Asked::Board, Time(begin + after))).unwrap() {
            View::Board(board) => {
                let findings: u32 = board.timeline.iter().flat_map(|bucket| bucket.findings).sum();
                assert_eq!(findings as usize, board.findings.len());
                findings
            }
            _ => panic!("no board"),
        };
        put(0, begin);
        assert_eq!(counted(0), 1);
        put(1, begin + 1);
        assert_eq!((counted(3), counted(4)), (1, 2), "at {hour}");
        put(2, midnight - 90);
        assert_eq!((counted(7), counted(27)), (2, 3), "at {hour}");
        put(3, midnight - 80);
        assert_eq!((counted(27 + not_yet), counted(27 + by_then)), (3, 4), "at {hour}");
        put(4, begin);
        desk.forget();
        assert_eq!(counted(27 + by_then), 5, "whoever changed something sees it");
    }
}

#[test]
fn an_incident_that_goes_on_counts_though_it_began_long_ago() {
    let table = Memory::default();
    let old = Time(NOW.0 - 10 * DAY);
    let begun = Finding { first_seen: old, last_seen: old, ..finding() };
    let raised = FindingRaised { scope: scope(), revision: 1, finding: begun };
    block_on(join(&table, &raised, Mode::Observe, &Settings::default(), old)).unwrap();
    let (give, worker) = orders();
    std::thread::spawn(move || {
        let desk = Desk::new(table, Mode::Observe);
        block_on(worker.attend(&desk, &Nobody, || (NOW, NOW), || false));
    });
    let router = router(give, Entrance::Link, false, Router::new())
        .layer(Extension(Who { name: "kim".to_owned(), names: None }));
    let board: Value = serde_json::from_str(&get(&router, "/api/board").2).unwrap();
    assert_eq!(board["overview"]["active_threats"], 1, "{board}");
    assert_eq!(board["incidents"].as_array().unwrap().len(), 1);
}

#[test]
fn a_list_comes_in_parts() {
    let table = Memory::default();
    for number in 0..120usize {
        let id = Finding::id_of("evasion", &number.to_string(), NOW.day());
        let severity = if number % 3 == 0 { Severity::High } else { Severity::Low };
        let one = Finding { id, severity, ..finding() };
        let key = table_schema::finding_key(&scope(), &one.id);
        block_on(table.put(&key, KeptFinding::new(one).write(NOW), Over::Anything)).unwrap();
    }
    let (give, worker) = orders();
    std::thread::spawn(move || {
        let desk = Desk::new(table, Mode::Observe);
        block_on(worker.attend(&desk, &Nobody, || (NOW, NOW), || false));
    });
    let router = router(give, Entrance::Link, false, Router::new())
        .layer(Extension(Who { name: "kim".to_owned(), names: None }));
    let part = |query: &str| -> Value {
        serde_json::from_str(&get(&router, &format!("/api/findings?{query}")).2).unwrap()
    };
    let mut seen = std::collections::BTreeSet::new();
    let mut next = Some(0);
    while let Some(from) = next {
        let page = part(&format!("limit=50&from={from}"));
        assert_eq!(page["count"], 120);
        seen.extend(page["items"].as_array().unwrap().iter().map(|one| one["id"].to_string()));
        next = page["next"].as_u64();
    }
    assert_eq!(seen.len(), 120, "each once");
    assert_eq!(part("severity=high")["count"], 40);
    assert_eq!(
        (&part("principal=user")["count"], &part("principal=nobody")["count"]),
        (&json!(120), &json!(0))
    );
    assert_eq!((&part("kind=threat")["count"], &part("kind=compliance")["count"]), (&json!(120), &json!(0)));
    assert_eq!(part("")["items"][0]["severity"], "HIGH", "the worst of a day first");
    assert!(get(&router, "/findings").2.contains("from=50"));
}
