//! Commands beside `analyze`: `evaluate`, verdicts, `status`, `watch`, and the options that all share.

use super::*;

#[test]
fn a_simulated_organisation_is_evaluated() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = simulated(folder.path(), "5");
    let (code, report, err) =
        said(&trailwarden(&["evaluate", &out, "--format", "json", "--models", "--ablate"]));
    assert_eq!(code, 0, "{err}");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let whole = &report["rows"][0];
    let cases = whole["cases"].as_array().expect("cases");
    let detected = cases.iter().filter(|case| case["is_detected"] == true).count();
    assert!(cases.len() >= 4 && detected * 10 >= cases.len() * 8, "{detected} of {}", cases.len());
    assert!(whole["benign_identity_days"].as_u64() > Some(100), "{whole}");
    assert_eq!(report["rows"].as_array().map(Vec::len), Some(5));
    let models: Vec<&str> =
        report["models"].as_array().expect("models").iter().filter_map(|row| row["model"].as_str()).collect();
    assert_eq!(models, ["anomaly", "behaviour", "risk", "threat"]);
    let (_, table, _) = said(&trailwarden(&["evaluate", &out, "--list"]));
    assert!(table.contains("recall") && table.contains("Missed, or under another name"), "{table}");
}

#[test]
fn verdicts_move_the_thresholds_and_wrong_lines_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = simulated(folder.path(), "5");
    let logs = format!("{out}/AWSLogs");
    let found = findings(&ndjson(&[&logs]));
    let low: Vec<&Value> = found
        .iter()
        .filter(|finding| finding["score"].as_f64().is_some_and(|score| (0.36..0.6).contains(&score)))
        .collect();
    assert!(low.len() >= 5, "{}", low.len());
    let line = |finding: &&Value| {
        let (id, seen) =
            (finding["id"].as_str().expect("an id"), finding["last_seen"].as_str().expect("a time"));
        format!("{id},false_positive,{}", &seen[..10])
    };
    let lines: Vec<String> = low.iter().map(line).collect();
    let file = format!("finding,verdict,day\n{}\n", lines.join("\n"));
    let verdicts = folder.path().join("verdicts.csv");
    fs::write(&verdicts, file).expect("written");
    let settings = folder.path().join("settings.toml");
    fs::write(&settings, "bearable_false_alerts = 0.5\n").expect("written");
    let with = [logs.as_str(), "--verdicts", text(&verdicts), "--settings", text(&settings)];
    let judged = findings(&ndjson(&with));
    let alerts = |found: &[Value]| found.iter().filter(|finding| crate::support::is_alert(finding)).count();
    assert!(alerts(&judged) < alerts(&found), "{} of {}", alerts(&judged), alerts(&found));
    let (_, table, _) = said(&trailwarden(&[&["analyze"], &with[..]].concat()));
    assert!(table.contains("Alerts begin at 0.") && table.contains("raised"), "{table}");
    for (line, expected) in [("x,maybe,2026-03-01", "true_positive"), ("x,true_positive,soon", "2026-03-02")]
    {
        fs::write(&verdicts, format!("finding,verdict,day\n{line}\n")).expect("written");
        let (code, _, err) = said(&trailwarden(&["analyze", &logs, "--verdicts", text(&verdicts)]));
        assert_eq!(code, 2);
        assert!(err.contains("line 2") && err.contains(expected), "{err}");
    }
}

#[test]
fn a_board_tells_how_things_stand_and_is_plain_when_piped() {
    let trail = root().join("events/sample-trail/AWSLogs");
    let output = trailwarden(&["status", text(&trail)]);
    let board = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success() && !board.contains('\u{1b}'), "{board}");
    for part in ["Threat level", "7 acts are", "10 identities", "Failed sign-ins", "SOC 2", "Who, and when"] {
        assert!(board.contains(part), "{part}: {board}");
    }
    let output = trailwarden(&["status", "--format", "json", text(&trail)]);
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["overview"]["watched"], 10);
    assert_eq!(told["compliance"]["frameworks"].as_array().map(Vec::len), Some(5));
    assert_eq!(trailwarden(&["status", text(&root().join("README.md"))]).status.code(), Some(2));
}

#[test]
fn a_folder_is_followed_and_a_new_file_is_told_of() {
    use std::io::{BufRead, BufReader};
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_trailwarden"))
        .args(["watch", "--every", "1", "--format", "ndjson", text(folder.path())])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    let log = log_in(&root().join("tests/scenarios/trail-stopped"));
    std::fs::copy(log, folder.path().join("new.json")).expect("a log arrives");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("a line");
    child.kill().expect("ended");
    child.wait().expect("ended");
    let finding: Value = serde_json::from_str(&line).expect("a finding");
    assert_eq!(finding["detector"], "evasion");
}

#[test]
fn quiet_says_no_line_for_what_is_skipped_and_still_counts_it() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("a.json"), "no log").expect("a log");
    let loud = trailwarden(&["analyze", text(folder.path())]);
    let quiet = trailwarden(&["analyze", "--quiet", text(folder.path())]);
    let errors = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(errors(&loud).contains("a.json"), "{}", errors(&loud));
    assert!(!errors(&quiet).contains("a.json"), "{}", errors(&quiet));
    assert_eq!((loud.stdout, loud.status.code()), (quiet.stdout, quiet.status.code()));
}

#[test]
fn every_command_that_reads_logs_takes_the_same_options() {
    let log = root().join("events/sample-trail/AWSLogs");
    let wrong = root().join("README.md");
    let commands: [&[&str]; 6] = [
        &["analyze"],
        &["compliance"],
        &["status"],
        &["respond", "--plan"],
        &["assess", "all"],
        &["explain", "x"],
    ];
    for command in commands {
        let all = [command, &["--quiet", "--jobs", "1", "--networks", text(&wrong), text(&log)]].concat();
        let output = trailwarden(&all);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{command:?}: {errors}");
        assert!(errors.contains("README.md"), "{command:?}: {errors}");
    }
}

#[test]
fn completions_and_the_manual_are_made_from_the_arguments() {
    for shell in ["bash", "zsh", "fish"] {
        let made = trailwarden(&["completions", shell]);
        assert!(String::from_utf8_lossy(&made.stdout).contains("min-severity"), "{shell}");
    }
    let manual = trailwarden(&["man"]);
    assert!(String::from_utf8_lossy(&manual.stdout).contains("compliance"));
}
