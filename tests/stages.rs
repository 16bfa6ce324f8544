//! The stages as the functions run them, on a table in memory: what they find is what the command finds; and no crash,
//! copy or delay of a message changes that.

mod silence;

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet},
    fs,
};

use crate::support::{findings, ndjson, records, root, scenario_log, text};
use crate::world::{World, messages, observing};
use pollster::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};
use trailwarden_core::{
    event::{HOUR, Time},
    finding::{Finding, FindingRaised, Severity, Status},
    settings::Settings,
};
use trailwarden_pipeline::{
    backfill::{BackfillListing, BackfillPage, BackfillRequest, backfill},
    compliance_check::{Brought, compliance_check},
    ports::Unavailable,
    respond::respond,
    watermark::watch_silence,
};

fn time_of(record: &Value) -> Option<Time> {
    Time::parse(record["eventTime"].as_str()?)
}

/// Records by clock hour, in the order of time.
fn by_hour(records: &[Value]) -> BTreeMap<u32, Vec<Value>> {
    let mut hours: BTreeMap<u32, Vec<Value>> = BTreeMap::new();
    for record in records {
        hours.entry(time_of(record).map_or(0, Time::hour)).or_default().push(record.clone());
    }
    hours
}

/// What identifies a judgement: everything that the command prints of it.
fn printed(finding: &Finding) -> Value {
    // By way of text, as the command prints it: a short decimal stays one.
    let text = serde_json::to_string(finding).expect("JSON");
    let finding: Value = serde_json::from_str(&text).expect("JSON");
    let keys = [
        "id",
        "kind",
        "severity",
        "score",
        "confidence",
        "principal",
        "account_id",
        "region",
        "techniques",
        "tactics",
        "event_ids",
        "evidence",
        "callers",
    ];
    keys.into_iter()
        .map(|key| (key.to_owned(), finding[key].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Feeds records hour by hour, each a little after it is over, closing hours as time passes; then lets all close.
fn live(records: &[Value]) -> World {
    let world = World::default();
    let hours = by_hour(records);
    let (first, last) = (*hours.keys().next().expect("an hour"), *hours.keys().last().expect("an hour"));
    for hour in first..=last + 5 {
        let now = Time((i64::from(hour) + 1) * HOUR + 600);
        if let Some(records) = hours.get(&hour) {
            world.extract(messages(records), now);
            world.work_off(now);
        }
        world.close(now);
    }
    world
}

fn scenario(id: &str) -> Vec<Value> {
    records(&scenario_log(id))
}

#[test]
fn hour_by_hour_the_functions_find_what_the_command_finds() {
    let mut compared = 0;
    for entry in fs::read_dir(root().join("tests/scenarios")).expect("scenarios") {
        let id = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        let records = scenario(&id);
        if records.iter().any(|record| time_of(record).is_none()) {
            continue; // a year of 1970 would pass hour by hour
        }
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("log.json"), json!({ "Records": records }).to_string())
            .expect("written");
        let expected: BTreeMap<String, Value> = findings(&ndjson(&[text(folder.path())]))
            .into_iter()
            .map(|finding| (finding["id"].as_str().expect("an id").to_owned(), finding))
            .collect();
        let found = live(&records).open();
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{id}");
        for (finding_id, finding) in found {
            for (key, value) in printed(&finding).as_object().expect("an object") {
                assert_eq!(value, &expected[&finding_id][key], "{id}: {finding_id}: {key}");
            }
            compared += 1;
        }
    }
    assert!(compared > 40, "only {compared} findings");
}

/// A short story with acts, sign-ins, roles assumed and refusals, over three days.
fn story() -> Vec<Value> {
    ["role-chain", "iam-admin-user", "credential-stuffing"].into_iter().flat_map(scenario).collect()
}

fn latest(records: &[Value]) -> Time {
    records.iter().filter_map(time_of).max().expect("a time")
}

/// Runs a whole story as one batch, with a fault at the nth use of the outside world.
fn at_once(records: &[Value], world: World) -> World {
    let now = Time(latest(records).0 + 600);
    world.extract(records.chunks(40).flat_map(messages).collect(), now);
    world.work_off(now);
    world.close(Time(now.0 + 5 * HOUR));
    world
}

#[test]
fn a_crash_at_any_point_loses_nothing_and_files_nothing_twice() {
    let records = story();
    let calm = at_once(&records, World::default());
    let expected = (calm.hours(), calm.open().values().map(printed).collect::<Vec<_>>());
    let uses = calm.faults.uses.get();
    assert!(uses > 100 && expected.1.len() >= 3, "{uses} uses, {} findings", expected.1.len());
    let step = uses.div_ceil(150);
    for (fails_at, is_after) in (1..=uses).step_by(step).flat_map(|at| [(at, false), (at, true)]) {
        let world = at_once(&records, World::at(fails_at, is_after));
        let found = (world.hours(), world.open().values().map(printed).collect::<Vec<_>>());
        assert!(found == expected, "use {fails_at} failed (after: {is_after})");
        assert!(world.kept().values().all(|kept| !kept.is_due()), "something waits to be published");
        let told = world.alerts.borrow().len();
        // The one message whose sending failed after it was sent is the only one that may come twice.
        assert!(told <= calm.alerts.borrow().len() + usize::from(is_after), "{told} alerts");
        let filed: BTreeSet<_> = world.filed.borrow().iter().map(|asff| asff.id.clone()).collect();
        assert_eq!(filed, world.open().into_keys().collect(), "filed");
    }
}

#[test]
fn what_should_not_wait_for_the_hours_end_does_not_wait_after_a_crash_either() {
    let records = scenario("iam-admin-user");
    let now = Time(latest(&records).0 + 600);
    let soon = |world: World| {
        world.extract(messages(&records), now);
        let uses = world.faults.uses.get();
        world.work_off(now);
        (world.open().into_keys().collect::<Vec<_>>(), uses)
    };
    let (expected, uses) = soon(World::default());
    assert!(!expected.is_empty() && uses > 10, "{expected:?}, {uses} uses");
    for (fails_at, is_after) in (1..=uses).flat_map(|at| [(at, false), (at, true)]) {
        assert_eq!(
            soon(World::at(fails_at, is_after)).0,
            expected,
            "use {fails_at} failed (after: {is_after})"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn the_order_copies_and_size_of_messages_change_nothing(seed in any::<u64>(), size in 5usize..80, copies in 0usize..20) {
        let records = story();
        let now = Time(latest(&records).0 + 600);
        let calm = at_once(&records, World::default());
        let mut all: Vec<String> = records.chunks(size).flat_map(messages).collect();
        all.extend(all.clone().into_iter().take(copies));
        all.sort_by_key(|message| trailwarden_core::event::checksum(message.as_bytes()) ^ seed);
        let world = World::default();
        for batch in all.chunks(3) {
            world.extract(batch.to_vec(), now);
            world.work_off(now);
        }
        world.close(Time(now.0 + 5 * HOUR));
        prop_assert_eq!(world.hours(), calm.hours());
        let found = |world: &World| world.open().values().map(printed).collect::<Vec<_>>();
        prop_assert_eq!(found(&world), found(&calm));
    }
}

#[test]
fn a_late_hour_changes_the_judgement_of_its_day_and_of_those_that_followed() {
    for id in ["quiet-developer-day", "iam-admin-user", "anomalous-access"] {
        late_hours(&scenario(id));
    }
}

fn late_hours(records: &[Value]) {
    let whole = live(records);
    let (late, punctual): (Vec<_>, Vec<_>) =
        records.iter().cloned().enumerate().partition(|(at, _)| at % 7 == 3);
    let records_of =
        |numbered: Vec<(usize, Value)>| numbered.into_iter().map(|(_, record)| record).collect::<Vec<_>>();
    let world = live(&records_of(punctual));
    let now = Time(latest(records).0 + 8 * HOUR);
    world.extract(messages(&records_of(late)), now);
    world.work_off(now);
    world.close(Time(now.0 + 2 * HOUR));
    let hours =
        |world: &World| world.hours().into_iter().map(|(key, (_, hour))| (key, hour)).collect::<Vec<_>>();
    assert_eq!(hours(&world), hours(&whole));
    let found = |world: &World| world.open().values().map(printed).collect::<Vec<_>>();
    assert_eq!(found(&world), found(&whole));
}

fn raised(finding: &Finding, revision: u32) -> FindingRaised {
    let scope = trailwarden_core::activity::Scope::Principal(finding.principal.as_str().into());
    FindingRaised { scope, revision, finding: finding.clone() }
}

/// A finding that somebody should be woken for.
fn serious() -> (Finding, Time) {
    let world = at_once(&story(), World::default());
    let finding = world.open().into_values().max_by_key(|finding| finding.severity).expect("a finding");
    assert!(finding.severity >= Severity::High);
    let now = Time(finding.last_seen.0 + 60);
    (finding, now)
}

#[test]
fn a_finding_is_filed_once_for_each_publication_in_whatever_order_they_come() {
    let (finding, now) = serious();
    let closed = Finding { status: Status::Closed("it was us".into()), ..finding.clone() };
    let world = World::default();
    world.respond(vec![raised(&finding, 1)], now);
    world.respond(vec![raised(&closed, 2), raised(&finding, 1)], now);
    world.respond(vec![raised(&finding, 1)], now);
    let states: Vec<&str> = world.filed.borrow().iter().map(|asff| asff.record_state).collect();
    assert_eq!(states, ["ACTIVE", "ARCHIVED"]);
    assert!(world.filed.borrow().iter().all(|asff| asff.aws_account_id == "999988887777"));
    let times: Vec<String> = world.filed.borrow().iter().map(|asff| asff.updated_at.clone()).collect();
    assert!(times[0] < times[1], "Security Hub ignores an update that is not later: {times:?}");
    let subjects: Vec<String> = world.alerts.borrow().iter().map(|alert| alert.subject.clone()).collect();
    assert_eq!(subjects.len(), 2, "told once, and told that it is over: {subjects:?}");
    assert!(subjects[0].starts_with(&format!("[{}] ", finding.severity.label())), "{subjects:?}");
    assert!(subjects[1].starts_with("[CLOSED] "), "{subjects:?}");
}

#[test]
fn one_bad_finding_does_not_hold_up_the_others() {
    let (finding, now) = serious();
    let world = World::default();
    let other = Finding { id: format!("{}-other", finding.id), ..finding.clone() };
    world.refuses.borrow_mut().insert(finding.id.clone());
    let settings = Settings::default();
    let outlets = world.outlets(observing(&settings, 7));
    let batch = vec![raised(&finding, 1), raised(&other, 1)];
    let failed = block_on(respond(&world, &outlets, batch, now));
    assert_eq!(
        failed.keys().copied().collect::<Vec<_>>(),
        [0],
        "it comes again, and ends in the dead letters"
    );
    assert_eq!(world.filed.borrow().iter().map(|asff| asff.id.clone()).collect::<Vec<_>>(), [other.id]);
    assert_eq!(world.alerts.borrow().len(), 2, "people are told all the same");
}

#[test]
fn while_one_copy_tells_people_the_other_waits() {
    let (finding, now) = serious();
    let world = World::default();
    let copy = |copy: u64, at: Time| {
        let settings = Settings::default();
        let outlets = world.outlets(observing(&settings, copy));
        block_on(respond(&world, &outlets, vec![raised(&finding, 1)], at)).len()
    };
    world.faults.fails_at.set(Some(11)); // joined, announced, claimed, and dead before telling
    assert_eq!(copy(1, now), 1);
    world.faults.is_dead.set(false);
    assert_eq!((copy(2, Time(now.0 + 30)), world.alerts.borrow().len()), (1, 0), "it may still be at work");
    assert_eq!((copy(2, Time(now.0 + 61)), world.alerts.borrow().len()), (0, 1));
}

#[test]
fn a_storm_is_told_as_one() {
    let (finding, now) = serious();
    let world = World::default();
    let one = |n: u32| Finding { id: format!("{}{n}", finding.id), ..finding.clone() };
    world.respond((0..30).map(|n| raised(&one(n), 1)).collect(), now);
    let alerts = world.alerts.borrow();
    assert_eq!((alerts.len(), world.filed.borrow().len()), (21, 30));
    assert!(alerts[20].subject.starts_with("[MANY]"), "{}", alerts[20].subject);
}

#[test]
fn nothing_older_than_a_day_wakes_anybody() {
    let (finding, now) = serious();
    let world = World::default();
    world.respond(vec![raised(&finding, 1)], Time(now.0 + 25 * HOUR));
    assert_eq!((world.filed.borrow().len(), world.alerts.borrow().len()), (1, 0));
}

#[test]
fn a_violation_is_one_finding_a_day_however_its_events_come() {
    let record = |id: &str, time: &str| {
        json!({ "eventID": id, "eventTime": time, "eventName": "CreateUser", "eventSource": "iam.amazonaws.com",
            "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
            "userIdentity": { "type": "Root", "accountId": "111122223333", "arn": "arn:aws:iam::111122223333:root" } })
        .to_string()
    };
    let (a, b) = (record("a", "2026-03-02T10:00:00Z"), record("b", "2026-03-02T09:00:00Z"));
    let check = |messages: &[String]| {
        let world = World::default();
        for message in messages {
            block_on(compliance_check(
                &world,
                &world,
                &Settings::default(),
                brought(message),
                Time(1_772_500_000),
            ))
            .expect("checked");
        }
        world.kept().into_values().map(|kept| kept.finding).collect::<Vec<_>>()
    };
    let found = check(&[format!("{a}\n{b}\n")]);
    assert_eq!(found, check(&[b.clone(), a.clone(), b.clone()]));
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].event_ids.join(" "), &*found[0].detector), ("a b".to_owned(), "root-use"));
}

fn brought(message: &str) -> Brought {
    let mut brought = Brought::default();
    brought.add(message, &Settings::default()).expect("a message");
    brought
}
