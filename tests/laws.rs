//! The laws: order, copies, splits, threads and days change nothing; a flood hides nothing.

use std::{collections::BTreeMap, fs, path::Path};

use crate::support::{findings, ndjson, records, root, text, trailwarden};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A log with several principals, sign-ins, chains and acts.
fn stories() -> Vec<Value> {
    [
        "credential-stuffing",
        "role-chain",
        "iam-admin-user",
        "gpu-fleet-unused-region",
        "secrets-batch-read",
        "enumeration-burst",
        "instance-credentials-outside",
    ]
    .iter()
    .flat_map(|id| records(&root().join(format!("tests/scenarios/{id}/log.json"))))
    .collect()
}

fn write(folder: &Path, parts: &[Vec<Value>]) {
    fs::create_dir_all(folder).expect("a folder");
    for (at, part) in parts.iter().enumerate() {
        fs::write(folder.join(format!("{at:03}.json")), json!({ "Records": part }).to_string())
            .expect("written");
    }
}

fn shuffled(records: &[Value], seed: u64) -> Vec<Value> {
    let mut keyed: Vec<(u64, &Value)> = records
        .iter()
        .enumerate()
        .map(|(at, record)| {
            (
                (at as u64 + 1).wrapping_mul(seed | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23),
                record,
            )
        })
        .collect();
    keyed.sort_by_key(|(key, _)| *key);
    keyed.into_iter().map(|(_, record)| record.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]
    #[test]
    fn order_copies_splits_and_threads_change_nothing(seed in any::<u64>(), parts in 1usize..9, copies in 0usize..60, jobs in 1u8..3) {
        let folder = tempfile::tempdir().expect("a folder");
        let all = stories();
        write(&folder.path().join("plain"), std::slice::from_ref(&all));
        let expected = ndjson(&[text(&folder.path().join("plain")), "--jobs", "1"]);
        prop_assert!(expected.lines().count() > 6);
        let mut mixed = shuffled(&all, seed);
        mixed.extend(all.iter().take(copies).cloned());
        let size = mixed.len().div_ceil(parts);
        write(&folder.path().join("mixed"), &mixed.chunks(size).map(<[Value]>::to_vec).collect::<Vec<_>>());
        let found = ndjson(&[text(&folder.path().join("mixed")), "--jobs", &jobs.to_string()]);
        prop_assert_eq!(found, expected);
    }
}

/// All files of the sample trail, by the day in their path.
fn days_of_the_sample() -> BTreeMap<String, Vec<Value>> {
    let mut days: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for entry in walk(&root().join("events/sample-trail/AWSLogs/111122223333/CloudTrail")) {
        for record in records(&entry) {
            let day = record["eventTime"].as_str().expect("a time")[..10].to_owned();
            days.entry(day).or_default().push(record);
        }
    }
    days
}

fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// The findings that stand after runs with `--state` over the parts, by id: the last word on each counts.
fn one_after_the_other(parts: &[Vec<Value>]) -> BTreeMap<String, Value> {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    let mut standing = BTreeMap::new();
    for (at, part) in parts.iter().enumerate() {
        let path = folder.path().join(format!("part{at}"));
        write(&path, std::slice::from_ref(part));
        for finding in findings(&ndjson(&[text(&path), "--state", text(&state)])) {
            standing.insert(finding["id"].as_str().expect("an id").to_owned(), finding);
        }
    }
    standing.retain(|_, finding| finding["status"] == "open");
    standing
}

fn at_once(parts: &[Vec<Value>]) -> BTreeMap<String, Value> {
    let folder = tempfile::tempdir().expect("a folder");
    write(folder.path(), parts);
    let found = findings(&ndjson(&[text(folder.path())]));
    assert!(found.len() > 4);
    found.into_iter().map(|finding| (finding["id"].as_str().expect("an id").to_owned(), finding)).collect()
}

#[test]
fn all_days_at_once_or_day_by_day_find_the_same() {
    let days: Vec<Vec<Value>> = days_of_the_sample().into_values().collect();
    assert!(days.len() >= 10, "the sample has {} days", days.len());
    assert_eq!(one_after_the_other(&days), at_once(&days));
}

#[test]
fn cuts_in_the_middle_of_a_day_find_the_same() {
    let days = days_of_the_sample();
    let mut parts: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for record in days.into_values().flatten() {
        // Every five hours or so: never at the same hour of two days.
        let time = record["eventTime"].as_str().expect("a time");
        let (day, hour) = (&time[8..10], &time[11..13]);
        let hours = day.parse::<u32>().expect("a day") * 24 + hour.parse::<u32>().expect("an hour");
        parts.entry(format!("{:04}", hours / 5)).or_default().push(record);
    }
    let parts: Vec<Vec<Value>> = parts.into_values().collect();
    assert_eq!(one_after_the_other(&parts), at_once(&parts));
}

#[test]
fn a_forged_date_does_not_erase_what_was_learnt() {
    let mut days: Vec<Vec<Value>> = days_of_the_sample().into_values().collect();
    let mut forged = days[0][0].clone();
    forged["eventID"] = json!("forged");
    forged["eventTime"] = json!("2099-01-01T00:00:00Z");
    let expected = at_once(&days);
    days.insert(5, vec![forged]);
    let found = one_after_the_other(&days);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
}

#[test]
fn the_same_day_again_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (state, log) = (folder.path().join("state"), folder.path().join("log"));
    write(&log, &[stories()]);
    let first = ndjson(&[text(&log), "--state", text(&state)]);
    assert!(!first.is_empty());
    assert_eq!(ndjson(&[text(&log), "--state", text(&state)]), "", "nothing is new");
}

#[test]
fn a_flood_of_one_kind_does_not_hide_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let attack = records(&root().join("tests/scenarios/trail-stopped/log.jsonl"));
    let stop = attack.iter().find(|record| record["eventName"] == "StopLogging").expect("the act").clone();
    let flood = (0..5_000).map(|n| {
        let mut record = stop.clone();
        record["eventID"] = json!(format!("00000000-0000-4000-8000-{n:012}"));
        record["eventName"] = json!(if n % 2 == 0 { "GetTrailStatus" } else { "DeleteTrail" });
        record["errorCode"] = json!("AccessDenied");
        record
    });
    write(folder.path(), &[flood.chain([stop.clone()]).collect()]);
    let found = findings(&ndjson(&[text(folder.path())]));
    let evasion = found.iter().find(|finding| finding["detector"] == "evasion").expect("a finding");
    let ids: Vec<&str> =
        evasion["event_ids"].as_array().expect("ids").iter().filter_map(Value::as_str).collect();
    assert!(ids.contains(&stop["eventID"].as_str().expect("an id")), "{ids:?}");
    assert_eq!(
        found.iter().filter(|finding| finding["detector"] == "evasion").count(),
        1,
        "one finding, not five thousand"
    );
}

#[test]
fn a_killed_run_leaves_the_old_state_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let days = days_of_the_sample();
    let (first, second): (Vec<_>, Vec<_>) =
        days.into_iter().partition(|(day, _)| day.as_str() < "2026-03-10");
    let (early, late) = (folder.path().join("early"), folder.path().join("late"));
    write(&early, &first.into_iter().map(|(_, records)| records).collect::<Vec<_>>());
    write(&late, &second.into_iter().map(|(_, records)| records).collect::<Vec<_>>());
    let undisturbed = folder.path().join("undisturbed");
    let _ = ndjson(&[text(&early), "--state", text(&undisturbed)]);
    let expected = ndjson(&[text(&late), "--state", text(&undisturbed)]);
    let state = folder.path().join("state");
    let _ = ndjson(&[text(&early), "--state", text(&state)]);
    for delay in [1, 5, 10, 20, 40, 60, 80, 120] {
        let mut run = std::process::Command::new(env!("CARGO_BIN_EXE_trailwarden"));
        run.args(["analyze", text(&late), "--state", text(&state), "--format", "ndjson"])
            .stdout(std::process::Stdio::null());
        let mut child = run.spawn().expect("the command runs");
        std::thread::sleep(std::time::Duration::from_millis(delay));
        if child.try_wait().expect("a child").is_none() {
            child.kill().expect("killed"); // SIGKILL
        }
        let status = child.wait().expect("a child");
        if status.success() {
            // It was done before it could be killed: start over from the early days.
            fs::remove_file(&state).expect("removed");
            let _ = ndjson(&[text(&early), "--state", text(&state)]);
        }
    }
    assert_eq!(ndjson(&[text(&late), "--state", text(&state)]), expected);
    assert!(trailwarden(&["explain", "evasion/2026-03-13", "--state", text(&state)]).status.success());
}

#[test]
fn a_quarter_at_once_or_week_by_week_finds_the_same() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("organisation");
    let size = ["--people", "7", "--workloads", "4", "--days", "90", "--attacks", "12", "--seed", "78"];
    let made = trailwarden(&[&["simulate", "--out", text(&out)], &size[..]].concat());
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let mut weeks: BTreeMap<u64, Vec<Value>> = BTreeMap::new();
    for entry in walk(&out.join("AWSLogs")) {
        for record in records(&entry) {
            let time = record["eventTime"].as_str().expect("a time");
            let day = trailwarden_core::event::Time::parse(time).expect("a time").day();
            weeks.entry(u64::from(day / 8)).or_default().push(record);
        }
    }
    let weeks: Vec<Vec<Value>> = weeks.into_values().collect();
    assert!(weeks.len() >= 11, "{} parts", weeks.len());
    let (found, expected) = (one_after_the_other(&weeks), at_once(&weeks));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (id, finding) in &expected {
        assert_eq!(&found[id], finding, "{id}");
    }
}
