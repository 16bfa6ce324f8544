//! Incidents as people meet them: asked about by HTTP, shown on boards that fail, decided on a laptop.

mod laptop;

use std::{
    cell::{Cell, RefCell},
    fs,
};

use crate::support::{findings, log_in, ndjson, root, text, trailwarden};
use crate::world::{World, broken};
use pollster::block_on;
use serde_json::{Value, json};
use trailwarden_core::{
    activity::Scope,
    event::{HOUR, Time},
    finding::{Finding, FindingRaised},
    settings::Settings,
};
use trailwarden_pipeline::{
    incident_api::{Reply, Request, serve},
    incidents::join,
    messages::{IncidentChanged, Notice},
    notify::{AN_HOUR, notify},
    ports::{Board, Key, Over, Table, Unavailable, Write},
    respond::respond,
    responder::{Guard, Mode},
    table_schema,
};
use trailwarden_response::{
    incident::{APPROVAL_HOURS, Incident},
    planner::STOPS,
};

fn story(name: &str) -> Finding {
    let log = log_in(&root().join("tests/scenarios").join(name));
    let found = findings(&ndjson(&[text(&log)])).into_iter();
    let found = found.map(|line| serde_json::from_value::<Finding>(line).expect("a finding"));
    found.max_by(|a, b| a.severity.cmp(&b.severity)).expect("one")
}

/// A world in which these findings were raised, with nobody enforcing anything.
fn raised(findings: &[Finding]) -> World {
    let (world, settings) = (World::default(), Settings::default());
    let guard = Guard { mode: Mode::Approve, settings: &settings, own_roles: &[], copy: 7 };
    for finding in findings {
        let scope = Scope::Principal(finding.principal.as_str().into());
        let raised = FindingRaised { scope, revision: 1, finding: finding.clone() };
        let failed = block_on(respond(&world, &world.outlets(guard), vec![raised], finding.last_seen));
        assert!(failed.is_empty());
    }
    world
}

fn incidents(world: &World) -> Vec<(Key, Incident)> {
    let items = world.table.items().into_iter();
    let kept = items.filter(|(key, _)| key.sort.starts_with("INCIDENT#"));
    kept.map(|(key, item)| (key, table_schema::read_incident(&item).expect("an incident"))).collect()
}

fn ask(world: &World, method: &str, path: &str, body: impl std::borrow::Borrow<Value>, now: Time) -> Reply {
    let body = body.borrow();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let who = "arn:aws:iam::1:user/kim".to_owned();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let query = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let request =
        Request { method: method.into(), path: path.into(), query, body, who, names: None, reissues: true };
    block_on(serve(world, world, &request, now)).expect("answered")
}

#[test]
fn what_is_asked_is_answered_and_what_is_decided_is_kept_with_a_name() {
    let finding = story("iam-backdoor-role");
    let (world, now) = (raised(std::slice::from_ref(&finding)), finding.last_seen);
    let listed = ask(&world, "GET", "/incidents", Value::Null, now).body;
    assert_eq!(listed["count"], 1);
    let id = listed["incidents"][0]["id"].as_str().expect("an id").to_owned();
    let path = |what: &str| format!("/incidents/{id}/{what}");
    let before = ask(&world, "GET", &format!("/incidents/{id}"), Value::Null, now).body;
    assert_eq!(ask(&world, "GET", "/incidents/2026-03-02-0", Value::Null, now).status, 404);
    assert_eq!(ask(&world, "GET", "/incidents/nonsense", Value::Null, now).status, 404);
    assert_eq!(ask(&world, "POST", &path("assign"), json!({ "to": "eva" }), now).status, 202);
    assert_eq!(ask(&world, "POST", &path("step"), json!({ "step": 0 }), now).status, 202);
    assert_eq!(ask(&world, "POST", &path("step"), json!({ "step": 99 }), now).status, 409);
    assert_eq!(ask(&world, "POST", &path("undo"), Value::Null, now).status, 409, "nothing was done");
    assert_eq!(ask(&world, "POST", &path("close"), Value::Null, now).status, 400, "without a reason");
    assert_eq!(ask(&world, "POST", &path("close"), json!({ "why": "x" }), now).status, 400);
    assert_eq!(ask(&world, "POST", &path("close"), json!({ "reason": "exercise" }), now).status, 202);
    let closed = ask(&world, "GET", &format!("/incidents/{id}"), Value::Null, now).body;
    assert_eq!((closed["state"].as_str(), closed["assignee"].as_str()), (Some("closed"), Some("eva")));
    let by: Vec<&str> = closed["timeline"]
        .as_array()
        .expect("a timeline")
        .iter()
        .filter_map(|one| one["by"].as_str())
        .collect();
    assert_eq!(by[by.len() - 3..], ["arn:aws:iam::1:user/kim"; 3]);
    assert!(closed["plan"].is_null(), "nothing of a closed incident can be approved");
    let plan = json!({ "plan": before["plan"] });
    assert_eq!(ask(&world, "POST", &path("approve"), plan, now).status, 409, "it is closed");
    let metrics = ask(&world, "GET", "/metrics", Value::Null, now).body;
    assert_eq!(
        (
            metrics["all"]["incidents"].as_u64(),
            metrics["by_playbook"]["credential-compromise"]["incidents"].as_u64()
        ),
        (Some(1), Some(1))
    );
}

#[test]
fn nobody_nameless_and_nothing_endless_is_let_in() {
    let world = World::default();
    let request = |who: &str, body: String| Request {
        method: "POST".into(),
        path: "/response/stop".into(),
        who: who.into(),
        body,
        ..Request::default()
    };
    let status = |request| block_on(serve(&world, &world, &request, Time(0))).expect("answered").status;
    assert_eq!(status(request(" ", String::new())), 401);
    assert_eq!(status(request("kim", "x".repeat(20_000))), 413);
    assert!(world.table.items().is_empty());
}

#[test]
fn who_came_by_a_provider_or_slack_decides_only_if_the_settings_name_them() {
    let finding = story("iam-backdoor-role");
    let (world, now) = (raised(std::slice::from_ref(&finding)), finding.last_seen);
    let id = ask(&world, "GET", "/incidents", Value::Null, now).body["incidents"][0]["id"].clone();
    let status = |names: &[&str], path: &str, body: Value| {
        let request = Request {
            method: "POST".into(),
            path: path.replace("ID", id.as_str().expect("an id")),
            body: body.to_string(),
            who: "eva".into(),
            names: Some(names.iter().map(|name| (*name).to_owned()).collect()),
            reissues: true,
            ..Request::default()
        };
        block_on(serve(&world, &world, &request, now)).expect("answered").status
    };
    let text = "[response]\napprovers = [\"group:security\", \"slack:U1\"]";
    for is_named in [false, true] {
        for path in
            ["/incidents/ID/approve", "/incidents/ID/undo", "/incidents/ID/reissue", "/response/start"]
        {
            assert_eq!(status(&["person:eva"], path, json!({})), 403, "{path}");
            let is_refused = status(&["person:eva", "group:security"], path, json!({})) == 403;
            assert_eq!(is_refused, !is_named, "{path}");
        }
        let key = trailwarden_pipeline::stored_settings::key();
        let write = Write { body: text.into(), ..Write::default() };
        block_on(world.table.put(&key, write, Over::Anything)).expect("kept");
    }
    assert_eq!(status(&["person:eva"], "/incidents/ID/close", json!({ "reason": "x" })), 403);
    assert_eq!(status(&["person:eva"], "/incidents/ID/assign", json!({ "to": "eva" })), 202);
    assert_eq!(status(&["person:eva"], "/response/stop", json!({})), 200, "anybody stops it all");
    assert_eq!(status(&["slack:U1"], "/incidents/ID/close", json!({ "reason": "x" })), 202);
}

#[test]
fn a_finding_that_is_told_again_stays_in_its_incident() {
    let first = story("instance-credentials-outside");
    let later = Finding {
        id: first.id.replace("/2026-", "/2027-"),
        first_seen: Time(first.first_seen.0 + 365 * 24 * HOUR),
        last_seen: Time(first.last_seen.0 + 365 * 24 * HOUR),
        ..first.clone()
    };
    let between =
        Finding { id: format!("{}x", first.id), last_seen: Time(first.last_seen.0 + 60), ..first.clone() };
    let world = raised(&[first.clone(), later.clone()]);
    let parts = |world: &World| {
        let of = |incident: &Incident| incident.findings.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
        incidents(world).iter().map(|(_, incident)| of(incident)).collect::<Vec<_>>()
    };
    assert_eq!(parts(&world), [vec![first.id.clone()], vec![later.id.clone()]]);
    let again = |finding: &Finding| {
        let scope = Scope::Principal(finding.principal.as_str().into());
        let raised = FindingRaised { scope, revision: 2, finding: finding.clone() };
        let settings = Settings::default();
        block_on(join(&world, &raised, Mode::Approve, &settings, finding.last_seen)).expect("joined");
    };
    again(&Finding { score: 0.99, ..first.clone() });
    again(&between);
    assert_eq!(parts(&world), [vec![first.id.clone(), between.id.clone()], vec![later.id.clone()]]);
}

#[test]
fn a_plan_too_old_is_looked_at_anew_before_it_can_be_approved() {
    let finding = story("instance-credentials-outside");
    let world = World::default();
    let role = finding.principal.rsplit('/').next().expect("a role").to_owned();
    assert!(!role.is_empty());
    let settings = Settings::default();
    let guard = Guard { mode: Mode::Approve, settings: &settings, own_roles: &[], copy: 7 };
    let scope = Scope::Principal(finding.principal.as_str().into());
    let raised = FindingRaised { scope, revision: 1, finding: finding.clone() };
    block_on(respond(&world, &world.outlets(guard), vec![raised], finding.last_seen));
    let (_, incident) = incidents(&world).remove(0);
    let path = format!("/incidents/{}/approve", incident.id);
    let plan = json!({ "plan": incident.plan_digest() });
    let late = Time(finding.last_seen.0 + APPROVAL_HOURS * HOUR);
    world.notices.take();
    assert_eq!(ask(&world, "POST", &path, plan.clone(), late).status, 410);
    let notices = world.notices.take();
    let [Notice::ResponseAsked(asked)] = &notices[..] else { panic!("{notices:?}") };
    block_on(trailwarden_pipeline::respond::respond_as_asked(&world, &world.outlets(guard), asked, late))
        .expect("looked at");
    assert_eq!(ask(&world, "POST", &path, plan, Time(late.0 + 60)).status, 202);
}

/// A board that fails as it is told: before it takes a message, or after.
#[derive(Default)]
struct Wall {
    messages: RefCell<Vec<(String, Incident)>>,
    digests: RefCell<Vec<(u32, Option<String>)>>,
    fails: Cell<u32>,
    is_after: Cell<bool>,
    can_look: bool,
}

impl Wall {
    fn fate(&self) -> Result<(), Unavailable> {
        match self.fails.get() {
            0 => Ok(()),
            left => {
                self.fails.set(left - 1);
                Err(broken())
            }
        }
    }
}

impl Board for Wall {
    fn name(&self) -> &'static str {
        "wall"
    }

    async fn open(&self, incident: &Incident, again: Option<Time>) -> Result<Option<String>, Unavailable> {
        let known = self.messages.borrow().iter().position(|(id, _)| *id == incident.id);
        if let (Some(_), true, Some(at)) = (again, self.can_look, known) {
            self.messages.borrow_mut()[at].1 = incident.clone();
            return Ok(Some(at.to_string()));
        }
        if !self.is_after.get() {
            self.fate()?;
        }
        self.messages.borrow_mut().push((incident.id.clone(), incident.clone()));
        if self.is_after.get() {
            self.fate()?;
        }
        Ok(Some((self.messages.borrow().len() - 1).to_string()))
    }

    async fn update(&self, incident: &Incident, handle: Option<&str>) -> Result<Option<String>, Unavailable> {
        self.fate()?;
        let at: usize = handle.expect("a handle").parse().expect("a number");
        self.messages.borrow_mut()[at].1 = incident.clone();
        Ok(handle.map(str::to_owned))
    }

    async fn digest(
        &self,
        count: u32,
        _: &[String],
        handle: Option<&str>,
    ) -> Result<Option<String>, Unavailable> {
        self.digests.borrow_mut().push((count, handle.map(str::to_owned)));
        Ok(Some("digest".to_owned()))
    }
}

/// Delivers word of a change until it is taken; gives how often.
fn tell(world: &World, wall: &Wall, now: Time) -> usize {
    let mut times = 0;
    for (key, incident) in incidents(world) {
        let changed = IncidentChanged {
            id: incident.id.clone(),
            partition: key.partition,
            revision: incident.revision,
        };
        loop {
            times += 1;
            assert!(times < 100);
            if block_on(notify(world, wall, &changed, 1, now)).is_ok() {
                break;
            }
        }
    }
    times
}

#[test]
fn a_board_that_fails_shows_each_incident_once_in_the_end() {
    let finding = story("iam-backdoor-role");
    for is_after in [false, true] {
        let world = raised(std::slice::from_ref(&finding));
        let wall = Wall { can_look: true, ..Wall::default() };
        wall.fails.set(3);
        wall.is_after.set(is_after);
        let times = tell(&world, &wall, finding.last_seen);
        assert_eq!(
            (wall.messages.borrow().len(), times),
            (1, if is_after { 2 } else { 4 }),
            "after: {is_after}"
        );
        wall.fails.set(0);
        assert_eq!(tell(&world, &wall, finding.last_seen), 1, "it is shown: nothing is sent");
        let (_, shown) = wall.messages.borrow()[0].clone();
        assert_eq!(shown.id, incidents(&world)[0].1.id);
    }
}

#[test]
fn a_change_is_shown_in_the_same_place() {
    let finding = story("iam-backdoor-role");
    let (world, now) = (raised(std::slice::from_ref(&finding)), finding.last_seen);
    let wall = Wall::default();
    tell(&world, &wall, now);
    let id = incidents(&world)[0].1.id.clone();
    ask(&world, "POST", &format!("/incidents/{id}/assign"), json!({ "to": "eva" }), now);
    wall.fails.set(2);
    assert_eq!(tell(&world, &wall, now), 3);
    let messages = wall.messages.borrow();
    assert_eq!((messages.len(), messages[0].1.assignee.as_deref()), (1, Some("eva")));
}

#[test]
fn of_a_storm_the_rest_is_a_digest_and_the_next_hour_begins_anew() {
    let finding = story("iam-backdoor-role");
    let many: Vec<Finding> = (0..AN_HOUR + 5)
        .map(|number| Finding {
            id: format!("{}{number}", finding.id),
            principal: format!("{}{number}", finding.principal),
            ..finding.clone()
        })
        .collect();
    let (world, wall) = (raised(&many), Wall::default());
    tell(&world, &wall, finding.last_seen);
    assert_eq!(wall.messages.borrow().len(), AN_HOUR);
    assert_eq!(wall.digests.borrow().last(), Some(&(5, Some("digest".to_owned()))), "one, that counts up");
    tell(&world, &wall, Time(finding.last_seen.0 + HOUR));
    assert_eq!(wall.messages.borrow().len(), AN_HOUR + 5, "a later word of them is shown");
}
