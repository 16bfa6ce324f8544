//! The command as its users meet it: bad input, options, settings, state, explanations.

mod following;

use std::{fs, path::Path, process::Output};

use crate::support::{findings, log_in, ndjson, root, text, trailwarden};
use serde_json::{Value, json};

fn scenario(id: &str) -> String {
    text(&root().join(format!("tests/scenarios/{id}/log.json"))).to_owned()
}

fn said(output: &Output) -> (i32, String, String) {
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), words(&output.stdout), words(&output.stderr))
}

fn event(id: &str) -> String {
    json!({"eventVersion": "1.11", "eventID": id, "eventName": "ListUsers", "eventSource": "iam.amazonaws.com", "eventTime": "2026-03-01T00:00:00Z"}).to_string()
}

#[test]
fn bad_input_is_named_counted_and_survived() {
    let folder = tempfile::tempdir().expect("a folder");
    let put = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).expect("written");
    put(
        "good.json",
        format!(r#"{{"Records":[{},{{"eventVersion":oops}},{}]}}"#, event("a"), event("b")).as_bytes(),
    );
    put("cut.json", format!(r#"{{"Records":[{},{{"eventVer"#, event("c")).as_bytes());
    put("cut.json.gz", &[0x1f, 0x8b, 8, 0, 0, 0]);
    put("empty.json", b"");
    put("page.html", b"<html>");
    put("nested.json", "[".repeat(1_000_000).as_bytes());
    put("\u{1b}[31mred.json", b"\x00\x01");
    std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).expect("linked");
    let (code, out, err) = said(&trailwarden(&["analyze", text(folder.path())]));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("Read 3 events"), "{out}");
    assert!(err.contains("good.json: record 2: expected"), "{err}");
    assert!(err.contains("cut.json: record 2: cut off at the end of the file"), "{err}");
    assert!(err.contains("cut.json.gz: damaged gzip"), "{err}");
    assert!(err.contains("empty.json: the file is empty"), "{err}");
    assert!(err.contains("page.html: not JSON"), "{err}");
    assert!(err.contains("nested.json: record 1: "), "{err}");
    assert!(err.contains("loop: a link back to"), "{err}");
    assert!(!err.contains('\u{1b}'), "{err:?}");
    assert!(
        out.contains("3 records that could not be read") && out.contains("1 file: the file is empty"),
        "{out}"
    );
}

#[test]
fn nothing_readable_is_exit_1() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, _, err) = said(&trailwarden(&["analyze", text(folder.path())]));
    assert_eq!(code, 1);
    assert!(err.contains("nothing could be read"), "{err}");
    let (code, _, err) = said(&trailwarden(&["analyze", text(&folder.path().join("missing"))]));
    assert_eq!(code, 1);
    assert!(err.contains("missing: "), "{err}");
}

#[test]
fn wrong_options_and_settings_are_exit_2_and_say_what_is_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.toml");
    fs::write(&settings, "[[suppression]]\ndetector = \"evason\"\nreason = \"x\"\n").expect("written");
    let log = scenario("iam-admin-user");
    for (arguments, expected) in [
        (vec!["analyze", &log, "--since", "soon"], "2026-03-01"),
        (vec!["analyze", &log, "--format", "xml"], "possible values: table, ndjson, asff"),
        (vec!["analyze", &log, "--jobs", "0"], "1..=256"),
        (vec!["analyze"], "PATH"),
        (vec!["analyze", &log, "--settings", "/nowhere"], "/nowhere"),
        (vec!["analyze", &log, "--settings", text(&settings)], "there are anomalous-access"),
        (
            vec!["analyze", &log, "--networks", text(&settings)],
            "expected `cidr,country,asn,organisation,use`",
        ),
        (vec!["explain", "nothing", &log], "no finding"),
    ] {
        let (code, _, err) = said(&trailwarden(&arguments));
        assert_eq!(code, 2, "{arguments:?}: {err}");
        assert!(err.contains(expected), "{arguments:?}: {err}");
    }
}

#[test]
fn a_finding_has_all_its_keys() {
    let found = findings(&ndjson(&[&scenario("iam-admin-user")]));
    let finding = &found[0];
    for key in "id kind detector title severity score confidence principal account_id region first_seen last_seen techniques tactics event_ids evidence recommendations".split(' ') {
        let value = &finding[key];
        let is_filled = !value.is_null() && value.as_str() != Some("") && value.as_array().is_none_or(|list| !list.is_empty());
        assert!(is_filled, "{key}: {value}");
    }
}

#[test]
fn severities_bound_what_is_shown_and_what_fails() {
    let log = scenario("iam-admin-user");
    assert_eq!(ndjson(&[&log, "--min-severity", "critical"]), "");
    assert_eq!(trailwarden(&["analyze", &log, "--fail-on", "high"]).status.code(), Some(3));
    assert_eq!(trailwarden(&["analyze", &log, "--fail-on", "critical"]).status.code(), Some(0));
}

#[test]
fn since_and_until_bound_what_is_read() {
    let log = scenario("iam-admin-user");
    let (_, out, _) = said(&trailwarden(&["analyze", &log, "--until", "2001-01-01"]));
    assert!(out.contains("Read 0 events"), "{out}");
}

#[test]
fn a_suppressed_finding_never_leaves_and_is_explained_by_its_rule() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = scenario("iam-admin-user");
    let id = findings(&ndjson(&[&log]))[0]["id"].as_str().expect("an id").to_owned();
    let detector = id.split('/').next().expect("a detector");
    let settings = folder.path().join("settings.toml");
    fs::write(&settings, format!("[[suppression]]\ndetector = \"{detector}\"\nprincipal = \"arn:aws:iam::*\"\nreason = \"a drill\"\n")).expect("written");
    for format in ["table", "ndjson", "asff"] {
        let (_, out, _) =
            said(&trailwarden(&["analyze", &log, "--settings", text(&settings), "--format", format]));
        assert!(!out.contains(&id), "{format}");
        assert!(format != "table" || out.contains("Suppressed by the settings: 1 finding."), "{out}");
    }
    let (code, out, _) = said(&trailwarden(&["explain", &id, &log, "--settings", text(&settings)]));
    assert_eq!(code, 0);
    assert!(out.contains("Suppressed by the settings: a drill"), "{out}");
}

#[test]
fn an_explanation_tells_usual_happened_score_and_events() {
    let log = text(&root().join("tests/scenarios/dormant-identity-wakes/log.json")).to_owned();
    let found = findings(&ndjson(&[&log]));
    let finding = found.iter().find(|finding| finding["detector"] == "persistence").expect("a finding");
    let (code, out, err) = said(&trailwarden(&["explain", finding["id"].as_str().expect("an id"), &log]));
    assert_eq!(code, 0, "{err}");
    for part in [
        "What was usual",
        "Active on 3 of the 30 days",
        "What happened",
        "the score",
        "What to do",
        "Events that prove it",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let points: f64 = finding["contributions"]
        .as_array()
        .expect("parts")
        .iter()
        .filter_map(|part| part["points"].as_f64())
        .sum();
    assert!((points - finding["score"].as_f64().expect("a score")).abs() < 0.01);
}

#[test]
fn asff_keeps_security_hubs_rules() {
    let (_, out, _) = said(&trailwarden(&["analyze", &scenario("role-chain"), "--format", "asff"]));
    let asff = findings(&out);
    assert!(!asff.is_empty());
    for finding in &asff {
        assert_eq!(finding["SchemaVersion"], "2018-10-08");
        assert!(finding["Title"].as_str().is_some_and(|title| (1..=256).contains(&title.chars().count())));
        assert!(
            finding["Description"].as_str().is_some_and(|text| (1..=1024).contains(&text.chars().count()))
        );
        let account = finding["AwsAccountId"].as_str().expect("an account");
        assert!(
            finding["ProductArn"]
                .as_str()
                .is_some_and(|arn| arn.ends_with(&format!(":{account}:product/{account}/default")))
        );
        let label = finding["Severity"]["Label"].as_str().expect("a label");
        let normalized = finding["Severity"]["Normalized"].as_u64().expect("a number");
        let band = match label {
            "LOW" => 1..=39,
            "MEDIUM" => 40..=69,
            "HIGH" => 70..=89,
            "CRITICAL" => 90..=100,
            _ => 0..=0,
        };
        assert!(band.contains(&normalized), "{label} {normalized}");
        assert!(finding["Types"].as_array().is_some_and(|types| {
            types.iter().all(|kind| kind.as_str().is_some_and(|kind| kind.split('/').count() <= 3))
        }));
    }
}

#[test]
fn the_first_caller_behind_a_chain_is_named() {
    let found = findings(&ndjson(&[&scenario("role-chain")]));
    let callers: Vec<&str> =
        found[0]["callers"].as_array().expect("callers").iter().filter_map(Value::as_str).collect();
    assert_eq!(callers.len(), 2, "{callers:?}");
    assert!(callers[1].contains(":user/"), "{callers:?}");
}

fn refused(state: &Path) -> String {
    let before = fs::read(state).expect("a file");
    let (code, _, err) =
        said(&trailwarden(&["analyze", &scenario("iam-admin-user"), "--state", text(state)]));
    assert_eq!(code, 2, "{err}");
    assert!(fs::read(state).expect("a file") == before, "it was overwritten");
    err
}

#[test]
fn a_state_that_is_damaged_foreign_or_newer_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    fs::write(&state, "not a database, but something precious").expect("written");
    assert!(refused(&state).contains("cannot be used"));
    fs::remove_file(&state).expect("removed");
    let _ = ndjson(&[&scenario("iam-admin-user"), "--state", text(&state)]);
    let whole = fs::read(&state).expect("a file");
    let cut = folder.path().join("cut");
    fs::write(&cut, &whole[..whole.len() / 3]).expect("written");
    refused(&cut);
    // A flipped byte in the stored findings, wherever the file holds a copy.
    let mut flipped = whole.clone();
    let copies: Vec<usize> = whole
        .windows(11)
        .enumerate()
        .filter(|(_, window)| window == b"persistence")
        .map(|(at, _)| at)
        .collect();
    assert!(!copies.is_empty(), "findings are stored as text");
    copies.into_iter().for_each(|at| flipped[at] ^= 1);
    let damaged = folder.path().join("damaged");
    fs::write(&damaged, flipped).expect("written");
    assert!(refused(&damaged).contains("damaged"));
    let left: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().ends_with(".new")), "{left:?}");
}

#[test]
fn output_is_plain_when_piped() {
    let (_, out, err) = said(&trailwarden(&["analyze", &scenario("iam-admin-user")]));
    assert!(!out.contains('\u{1b}') && !err.contains('\u{1b}'));
    assert_eq!(err, "", "no progress when piped");
}

/// A small organisation, simulated into a folder.
fn simulated(folder: &Path, seed: &str) -> String {
    let out = folder.join(seed);
    let (code, said_, err) = said(&trailwarden(&[
        "simulate",
        "--seed",
        seed,
        "--people",
        "12",
        "--workloads",
        "6",
        "--days",
        "36",
        "--out",
        text(&out),
    ]));
    assert_eq!(code, 0, "{err}");
    assert!(said_.contains("truth.jsonl"), "{said_}");
    text(&out).to_owned()
}

#[test]
fn the_same_seed_makes_the_same_organisation_and_never_writes_over_anything() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, again, other) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
    let (one, again, other) = ((simulated(&one, "5")), simulated(&again, "5"), simulated(&other, "6"));
    let truth = |out: &str| fs::read(Path::new(out).join("truth.jsonl")).expect("truth");
    assert_eq!(truth(&one), truth(&again));
    assert_ne!(truth(&one), truth(&other));
    let trail = |out: &str| ndjson(&[&format!("{out}/AWSLogs")]);
    assert_eq!(trail(&one), trail(&again));
    let (code, _, err) = said(&trailwarden(&["simulate", "--out", &one]));
    assert_eq!(code, 2);
    assert!(err.contains("is not empty; nothing was written"), "{err}");
}

#[test]
fn what_is_normal_and_how_risky_somebody_is_can_be_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = simulated(folder.path(), "5");
    let logs = format!("{out}/AWSLogs");
    let json = |arguments: &[&str]| -> Value {
        let (code, out, err) = said(&trailwarden(&[arguments, &["--format", "json"]].concat()));
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).expect("JSON")
    };
    let all = json(&["assess", "all", &logs]);
    let principals = all["principals"].as_array().expect("principals");
    assert!(principals.len() >= 12, "{}", principals.len());
    let score = |one: &Value| one["score"].as_f64().expect("a score");
    assert!(principals.windows(2).all(|pair| score(&pair[0]) >= score(&pair[1])), "the riskiest first");
    for one in principals {
        let points: f64 = one["components"]
            .as_array()
            .expect("parts")
            .iter()
            .filter_map(|part| part["points"].as_f64())
            .sum();
        assert!((points - score(one)).abs() < 1e-4, "{one}");
    }
    assert!(all["providers"].as_array().is_some());
    let name = principals[0]["principal"].as_str().expect("a name");
    let portrait = json(&["baseline", name, &logs]);
    assert!(portrait["active_days"].as_u64().is_some_and(|days| days > 5), "{portrait}");
    assert!(portrait["stored_bytes"].as_u64().is_some_and(|bytes| bytes < 32 << 10), "{portrait}");
    let (code, told, _) = said(&trailwarden(&["baseline", name, &logs]));
    assert_eq!(code, 0);
    for words in ["Services", "Programs", "Mon", "UTC", "Uncertain"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains('\u{1b}'), "piped output has no colours");
    let (_, told, _) = said(&trailwarden(&["assess", name, &logs, "--hours", "48"]));
    for words in ["risk", "What makes the score", "historical", "Circumstances"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let (code, _, err) = said(&trailwarden(&["baseline", "nobody.at.all", &logs]));
    assert_eq!(code, 2);
    assert!(err.contains("no principal \"nobody.at.all\" among"), "{err}");
}

#[test]
fn baselines_come_from_a_state_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = simulated(folder.path(), "5");
    let (logs, state) = (format!("{out}/AWSLogs"), folder.path().join("state"));
    let _ = ndjson(&[&logs, "--state", text(&state)]);
    let all = |arguments: &[&str]| {
        said(&trailwarden(&[&["assess", "all", "--format", "json"], arguments].concat())).1
    };
    assert_eq!(all(&["--state", text(&state)]), all(&[&logs]));
}
