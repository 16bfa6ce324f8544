//! Compliance as the functions do it, on a table in memory: what they report is what the command reports, in whatever
//! order events come, and whatever breaks.

use std::{collections::BTreeSet, fs, path::Path};

use crate::support::{log_in, records, root, text, trailwarden};
use crate::world::World;
use pollster::block_on;
use serde_json::{Value, json};
use trailwarden_compliance::{Screen, Screened};
use trailwarden_core::{
    event::{DAY, Time},
    finding::{Finding, Kind, Status},
    settings::Settings,
    sources::{Item, Limits, read},
};
use trailwarden_pipeline::{
    compliance_check::{Brought, compliance_check},
    compliance_report::compliance_report,
    messages::{Notice, pack_counts},
    stored_settings,
};

/// What ingest sends to the compliance queue: records that a check wants to see, one a message, and counts.
fn messages(records: &[Value], settings: &Settings) -> Vec<String> {
    let mut messages = Vec::new();
    let mut sink = |screened: Screened<'_>| match screened {
        Screened::Record(record) => messages.push(String::from_utf8_lossy(record).into_owned()),
        Screened::Counts(counts) => messages.extend(pack_counts(&counts)),
    };
    let mut screen = Screen::new(&settings.facts, &mut sink);
    for record in records {
        read(record.to_string().as_bytes(), Limits::default(), &mut |item| match item {
            Item::Event(event) => screen.look(&event),
            Item::RuleChange(_, record) => screen.pass(record),
            Item::Other(_) | Item::Malformed(_) => panic!("not an event: {record}"),
        })
        .expect("a record");
    }
    screen.finish();
    messages
}

fn brought(message: &str, settings: &Settings) -> Brought {
    let mut brought = Brought::default();
    brought.add(message, settings).expect("a message");
    brought
}

/// Checks each message, again after each fault; gives what was sent to the bus.
fn check(world: &World, messages: &[String], settings: &Settings, now: Time) {
    for message in messages {
        for _ in 0..3 {
            if block_on(compliance_check(world, world, settings, brought(message, settings), now)).is_ok() {
                break;
            }
            world.faults.is_dead.set(false);
            world.faults.fails_at.set(None);
        }
    }
}

fn stories() -> Vec<(String, Settings, Vec<Value>, Value)> {
    let mut stories = Vec::new();
    let mut folders: Vec<_> = fs::read_dir(root().join("tests/compliance"))
        .expect("stories")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    folders.sort();
    for folder in folders {
        let file = folder.join("settings.toml");
        let settings = if file.exists() {
            stored_settings::read(&fs::read_to_string(&file).expect("settings")).expect("good settings")
        } else {
            Settings::default()
        };
        let told = told(&log_in(&folder), file.exists().then_some(&file));
        stories.push((text(&folder).to_owned(), settings, records(&log_in(&folder)), told));
    }
    assert!(stories.len() >= 20);
    stories
}

/// The command's report.
fn told(log: &Path, settings: Option<&std::path::PathBuf>) -> Value {
    let mut arguments = vec!["compliance", "--format", "json", "--period", "180d", text(log)];
    arguments.extend(settings.into_iter().flat_map(|settings| ["--settings", text(settings)]));
    serde_json::from_slice(&trailwarden(&arguments).stdout).expect("a report")
}

/// Of a report what does not depend on when it was made, nor on which of a day's like events were looked at.
fn essence(report: &Value) -> Value {
    let mut report = report.clone();
    for key in ["generated", "evidence_sha256"] {
        report[key] = Value::Null;
    }
    let events: Vec<&mut Value> = report["evidence"].as_array_mut().expect("evidence").iter_mut().collect();
    for violation in events {
        if violation["check"] == "access-key-too-old" {
            violation["event_ids"] = Value::Null;
        }
    }
    report
}

fn now_after(records: &[Value]) -> Time {
    let last =
        records.iter().filter_map(|record| Time::parse(record["eventTime"].as_str()?)).max().expect("a time");
    Time((i64::from(last.day()) + 1) * DAY + 3_600)
}

#[test]
fn the_functions_report_what_the_command_reports_in_any_order() {
    for (story, settings, records, told) in stories() {
        let now = now_after(&records);
        for is_reversed in [false, true] {
            let world = World::default();
            // Two batches, as of two objects; one comes twice.
            let (one, other) = records.split_at(records.len() / 2);
            let mut sent =
                [messages(one, &settings), messages(other, &settings), messages(one, &settings)].concat();
            if is_reversed {
                sent.reverse();
            }
            check(&world, &sent, &settings, now);
            let report = block_on(compliance_report(&world, &settings, 180, now)).expect("a report");
            let report = serde_json::to_value(report).expect("JSON");
            assert_eq!(essence(&report), essence(&told), "{story}, reversed: {is_reversed}");
        }
    }
}

/// A fault at each use of the table or the bus, before or after the work was done: the same is kept and published.
#[test]
fn a_fault_anywhere_loses_nothing_and_repeats_nothing() {
    let (_, settings, records, _) =
        stories().into_iter().find(|(story, ..)| story.ends_with("/authentication")).expect("the story");
    let now = now_after(&records);
    let sent = messages(&records, &settings);
    let quiet = World::default();
    check(&quiet, &sent, &settings, now);
    let uses = quiet.faults.uses.get();
    assert!(uses > 30, "{uses}");
    for nth in 1..=uses {
        for is_after in [false, true] {
            let world = World::default();
            world.faults.fails_at.set(Some(nth));
            world.faults.is_after.set(is_after);
            check(&world, &sent, &settings, now);
            assert_eq!(open(&world), open(&quiet), "fault {nth}, after: {is_after}");
            assert!(world.kept().values().all(|kept| !kept.is_due()), "fault {nth}, after: {is_after}");
            let published: BTreeSet<String> = raised(&world).into_iter().map(|finding| finding.id).collect();
            assert_eq!(
                published,
                raised(&quiet).into_iter().map(|finding| finding.id).collect(),
                "fault {nth}"
            );
        }
    }
}

fn open(world: &World) -> Vec<Finding> {
    world.open().into_values().collect()
}

fn raised(world: &World) -> Vec<Finding> {
    let notices = world.notices.borrow();
    let raised = notices.iter().filter_map(|notice| match notice {
        Notice::FindingRaised(raised) => Some(raised.finding.clone()),
        _ => None,
    });
    raised.collect()
}

fn record(name: &str, time: &str, parameters: &Value) -> Value {
    json!({ "eventID": format!("e-{name}"), "eventTime": time, "eventName": name, "eventSource": "iam.amazonaws.com", "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333", "requestParameters": parameters,
        "userIdentity": { "type": "IAMUser", "userName": "kim", "accountId": "111122223333", "arn": "arn:aws:iam::111122223333:user/kim" } })
}

#[test]
fn what_is_explained_later_is_closed() {
    let (settings, world) = (Settings::default(), World::default());
    let whose = json!({ "userName": "lee" });
    let (removed, deleted) = (
        record("DeactivateMFADevice", "2026-03-02T10:00:00Z", &whose),
        record("DeleteUser", "2026-03-02T10:01:00Z", &whose),
    );
    let now = Time::parse("2026-03-02T10:05:00Z").expect("a time");
    check(&world, &messages(&[removed], &settings), &settings, now);
    assert_eq!(
        raised(&world).iter().map(|finding| finding.status.clone()).collect::<Vec<_>>(),
        [Status::Open]
    );
    check(&world, &messages(&[deleted], &settings), &settings, now);
    let last = raised(&world).pop().expect("a finding");
    assert_eq!(
        (last.kind, last.status),
        (Kind::Compliance, Status::Closed("the user was deleted".to_owned()))
    );
}

#[test]
fn an_account_whose_events_are_counted_is_no_stranger() {
    let (settings, world) = (Settings::default(), World::default());
    let share = |id: &str| {
        let mut record = record(
            "ModifySnapshotAttribute",
            "2026-03-02T10:00:00Z",
            &json!({ "snapshotId": "snap-1",
            "createVolumePermission": { "add": { "items": [{ "userId": "444455556666" }] } } }),
        );
        (record["eventSource"], record["eventID"]) = (json!("ec2.amazonaws.com"), json!(id));
        record
    };
    let mut sister = record("ListUsers", "2026-03-02T09:00:00Z", &Value::Null);
    sister["recipientAccountId"] = json!("444455556666");
    let now = Time::parse("2026-03-02T12:00:00Z").expect("a time");
    check(&world, &messages(&[sister], &settings), &settings, now);
    check(&world, &messages(&[share("a")], &settings), &settings, now);
    assert_eq!(raised(&world).len(), 0);
    let stranger = World::default();
    check(&stranger, &messages(&[share("a")], &settings), &settings, now);
    assert_eq!(raised(&stranger).len(), 1);
}

#[test]
fn an_accepted_violation_is_kept_and_reported_and_nobody_is_told() {
    let settings = "[[suppression]]\ndetector = \"password-policy-weak\"\nreason = \"legacy directory\"\nexpires = \"2026-12-31\"\n";
    let (settings, world) = (stored_settings::read(settings).expect("settings"), World::default());
    let weak =
        record("UpdateAccountPasswordPolicy", "2026-03-02T10:00:00Z", &json!({ "minimumPasswordLength": 6 }));
    let now = now_after(std::slice::from_ref(&weak));
    check(&world, &messages(&[weak], &settings), &settings, now);
    assert_eq!(raised(&world).len(), 0);
    let report = block_on(compliance_report(&world, &settings, 30, now)).expect("a report");
    assert_eq!((report.open().count(), report.evidence.len(), report.frameworks[0].accepted), (0, 1, 1));
    assert!(
        report.evidence[0].status.starts_with("accepted: legacy directory"),
        "{}",
        report.evidence[0].status
    );
}

#[test]
fn a_verdict_of_aws_config_opens_and_closes_a_finding() {
    let change = |new: &str, at: &str, old: &str, before: &str| {
        json!({ "version": "0", "id": "1", "detail-type": "Config Rules Compliance Change", "source": "aws.config", "account": "111122223333",
            "detail": { "resourceId": "main", "resourceType": "AWS::CloudTrail::Trail", "awsRegion": "eu-west-1", "awsAccountId": "111122223333",
                "configRuleName": "cloudtrail-enabled", "messageType": "ComplianceChangeNotification",
                "newEvaluationResult": { "complianceType": new, "resultRecordedTime": at },
                "oldEvaluationResult": { "complianceType": old, "resultRecordedTime": before } } })
    };
    let (settings, world) = (Settings::default(), World::default());
    let broken = change("NON_COMPLIANT", "2026-03-02T10:00:00.000Z", "COMPLIANT", "2026-02-01T10:00:00.000Z");
    let mended = change("COMPLIANT", "2026-03-03T10:00:00.000Z", "NON_COMPLIANT", "2026-03-02T10:00:00.000Z");
    let now = Time::parse("2026-03-03T12:00:00Z").expect("a time");
    check(&world, &messages(&[broken], &settings), &settings, now);
    let opened = raised(&world).pop().expect("a finding");
    assert_eq!((opened.principal.as_str(), &opened.status), ("account:111122223333", &Status::Open));
    assert!(opened.controls.contains(&"PCI DSS v4.0.1/10.2.1".to_owned()), "{:?}", opened.controls);
    check(&world, &messages(&[mended], &settings), &settings, now);
    let closed = raised(&world).pop().expect("a finding");
    assert_eq!((closed.id, closed.status), (opened.id, Status::Closed("AWS Config: COMPLIANT".to_owned())));
}
