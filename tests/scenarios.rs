//! Each folder of `scenarios/` is a story in logs: what is found in it is exactly what stands beside it.

use std::{fmt::Write, fs, path::PathBuf};

use crate::support::{findings, is_alert, log_in, ndjson, root, text};
use serde_json::Value;

fn scenarios() -> Vec<(String, PathBuf)> {
    let mut found: Vec<_> = fs::read_dir(root().join("tests/scenarios"))
        .expect("scenarios")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .map(|path| (path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned(), path))
        .collect();
    found.sort();
    assert!(found.len() >= 50, "only {} scenarios", found.len());
    found
}

/// What matters of a finding, in lines that a person can review.
fn summary(findings: &[Value]) -> String {
    let mut summary = String::new();
    for finding in findings {
        let word = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        let list = |key: &str| {
            finding[key]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let _ = writeln!(
            summary,
            "{} {} {:.2} {}",
            word("severity"),
            word("detector"),
            finding["score"].as_f64().unwrap_or_default(),
            word("principal")
        );
        let _ = writeln!(
            summary,
            "  {} | {} | {} | {} event(s)",
            word("first_seen"),
            list("tactics"),
            list("techniques"),
            finding["event_ids"].as_array().map_or(0, Vec::len)
        );
        for caller in finding["callers"].as_array().into_iter().flatten() {
            let _ = writeln!(summary, "  by {}", caller.as_str().unwrap_or_default());
        }
        for reason in finding["evidence"].as_array().into_iter().flatten() {
            let _ = writeln!(summary, "  - {}", reason.as_str().unwrap_or_default());
        }
    }
    if summary.is_empty() { "nothing\n".to_owned() } else { summary }
}

#[test]
fn each_story_is_told_as_expected() {
    for (id, folder) in scenarios() {
        let found = findings(&ndjson(&[text(&log_in(&folder))]));
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&folder);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!("expected", summary(&found)));
        let alerts: Vec<&Value> = found.iter().filter(|finding| is_alert(finding)).collect();
        assert_eq!(alerts.is_empty(), id.starts_with("quiet-"), "{id}");
    }
}

#[test]
fn the_guilty_are_named_and_nobody_else() {
    for (id, folder) in scenarios() {
        let story = fs::read_to_string(folder.join("story.md")).expect("a story");
        let guilty = story.lines().find(|line| line.contains("Guilty principal")).expect("a guilty line");
        for finding in findings(&ndjson(&[text(&log_in(&folder))])).iter().filter(|finding| is_alert(finding))
        {
            let principal = finding["principal"].as_str().expect("a principal");
            let name = principal.rsplit(['/', ':']).next().expect("a name");
            let is_named = guilty.contains(principal) || story.contains(name);
            assert!(is_named, "{id}: {principal} is accused, but {guilty}");
        }
    }
}

#[test]
fn the_samples_story_is_found_and_its_innocents_are_left_alone() {
    let networks = root().join("events/sample-trail/networks.csv");
    let found = findings(&ndjson(&[
        text(&root().join("events/sample-trail/AWSLogs")),
        "--networks",
        text(&networks),
    ]));
    let on_the_day =
        |finding: &&Value| finding["first_seen"].as_str().is_some_and(|time| time.starts_with("2026-03-13"));
    let thief = "arn:aws:iam::111122223333:user/piotr.zielak";
    let detectors: Vec<&str> = found
        .iter()
        .filter(on_the_day)
        .filter(|finding| is_alert(finding))
        .filter_map(|finding| finding["detector"].as_str())
        .collect();
    for detector in [
        "privilege-escalation",
        "persistence",
        "evasion",
        "data-exfiltration",
        "credential-access",
        "reconnaissance",
    ] {
        assert!(detectors.contains(&detector), "{detector} is missing of {detectors:?}");
    }
    assert!(found.iter().filter(|finding| is_alert(finding)).all(|finding| finding["principal"] == thief));
}

/// The README's table, made from what the scenarios expect.
fn table() -> String {
    let mut table = String::from("| scenario | techniques | found by |\n|---|---|---|\n");
    for (id, folder) in scenarios().iter().filter(|(id, _)| !id.starts_with("quiet-")) {
        let found = findings(&ndjson(&[text(&log_in(folder))]));
        let alerts: Vec<&Value> = found.iter().filter(|finding| is_alert(finding)).collect();
        let of = |key: &str| {
            let mut words: Vec<&str> = alerts
                .iter()
                .flat_map(|finding| {
                    finding[key].as_array().map_or_else(|| vec![&finding[key]], |list| list.iter().collect())
                })
                .filter_map(Value::as_str)
                .collect();
            words.sort_unstable();
            words.dedup();
            words.join(", ")
        };
        let _ = writeln!(table, "| {id} | {} | {} |", of("techniques"), of("detector"));
    }
    table
}

#[test]
fn the_readmes_table_is_what_the_scenarios_find() {
    let path = root().join("crates/core/README.md");
    let readme = fs::read_to_string(&path).expect("a README");
    let table = table();
    if std::env::var_os("UPDATE_README").is_some() {
        let start = readme.find("| scenario |").or_else(|| readme.find("TABLE\n")).expect("a table");
        let end = start + readme[start..].find("\n\n").expect("an end");
        fs::write(&path, format!("{}{}{}", &readme[..start], table.trim_end(), &readme[end..]))
            .expect("written");
        return;
    }
    assert!(readme.contains(&table), "UPDATE_README=1 cargo test the_readmes_table renews it");
}

#[test]
fn the_readmes_example_is_what_the_command_prints() {
    let networks = root().join("events/sample-trail/networks.csv");
    let logs = root().join("events/sample-trail/AWSLogs");
    let output = crate::support::trailwarden(&["analyze", text(&logs), "--networks", text(&networks)]);
    let printed = String::from_utf8(output.stdout).expect("UTF-8");
    let first_finding = printed.split("\n\n").take(3).collect::<Vec<_>>().join("\n\n");
    let readme = fs::read_to_string(root().join("README.md")).expect("a README");
    assert!(readme.contains(&first_finding), "the README shows something else than:\n{first_finding}");
}
