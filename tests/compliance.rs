//! Each folder of `compliance/` is a story in logs: the violations in it are exactly those that stand beside it; in the
//! quiet ones, and in everything else that is innocent, there are none.

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use crate::support::{log_in, root, text, trailwarden};
use serde_json::Value;
use trailwarden_compliance::{ALL, Group};

fn folders(of: &str) -> Vec<(String, PathBuf)> {
    let mut found: Vec<_> = fs::read_dir(root().join(of))
        .expect("stories")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir())
        .map(|path| (path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned(), path))
        .collect();
    found.sort();
    found
}

/// A year of it, so that a key's age shows.
fn report(log: &Path, settings: Option<&Path>) -> Value {
    let mut arguments = vec!["compliance", "--format", "json", "--period", "400d", text(log)];
    arguments.extend(settings.into_iter().flat_map(|settings| ["--settings", text(settings)]));
    let output = trailwarden(&arguments);
    assert!(output.status.success(), "{}: {}", log.display(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("a report")
}

fn violations(report: &Value) -> &[Value] {
    report["evidence"].as_array().map_or(&[], Vec::as_slice)
}

fn word<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// What matters of a report, in lines that a person can review.
fn summary(report: &Value) -> String {
    let mut summary = String::new();
    for violation in violations(report) {
        let controls: Vec<&str> =
            violation["controls"].as_array().expect("controls").iter().filter_map(Value::as_str).collect();
        let _ = writeln!(
            summary,
            "{} {} {}",
            word(violation, "severity"),
            word(violation, "check"),
            word(violation, "principal")
        );
        for what in violation["evidence"].as_array().expect("evidence") {
            let _ = writeln!(summary, "  - {}", what.as_str().expect("words"));
        }
        let events = violation["event_ids"].as_array().map_or(0, Vec::len);
        let _ = writeln!(summary, "  {}, {events} event(s)", word(violation, "first_seen"));
        let _ = writeln!(summary, "  {}", controls.join("; "));
    }
    for standing in report["frameworks"].as_array().expect("frameworks") {
        let counts = &standing["counts"];
        let _ = writeln!(
            summary,
            "{}: {} of {} judged controls are violated, score {}",
            word(standing, "framework"),
            counts["violated"],
            counts["violated"].as_u64().unwrap_or_default()
                + counts["no_violation_seen"].as_u64().unwrap_or_default(),
            standing["compliance_score"]
        );
    }
    summary
}

#[test]
fn each_story_is_told_as_expected() {
    let stories = folders("tests/compliance");
    let mut shown = BTreeSet::new();
    for (id, folder) in &stories {
        let settings = Some(folder.join("settings.toml")).filter(|path| path.exists());
        let report = report(&log_in(folder), settings.as_deref());
        let mut snapshot = insta::Settings::clone_current();
        snapshot.set_snapshot_path(folder);
        snapshot.set_prepend_module_to_snapshot(false);
        snapshot.set_omit_expression(true);
        snapshot.bind(|| insta::assert_snapshot!("expected", summary(&report)));
        assert_eq!(violations(&report).is_empty(), id.starts_with("quiet-"), "{id}");
        shown.extend(violations(&report).iter().map(|violation| word(violation, "check").to_owned()));
    }
    let missing: Vec<&str> = ALL.iter().map(|check| check.id).filter(|id| !shown.contains(*id)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "no story shows these checks");
    let groups: BTreeSet<Group> = ALL.iter().map(|check| check.group).collect();
    assert!(stories.iter().filter(|(id, _)| id.starts_with("quiet-")).count() >= groups.len());
}

/// An account whose logs are read too is the organisation's own: what is opened to it was not opened to a stranger.
#[test]
fn a_sister_account_whose_logs_are_read_is_no_stranger() {
    let folder = tempfile::tempdir().expect("a folder");
    let share = r#"{"eventID":"e1","eventTime":"2026-04-07T09:00:00Z","eventName":"ModifySnapshotAttribute","eventSource":"ec2.amazonaws.com","awsRegion":"eu-west-1","recipientAccountId":"111122223333","userIdentity":{"type":"IAMUser","userName":"kim","accountId":"111122223333"},"requestParameters":{"snapshotId":"snap-1","createVolumePermission":{"add":{"items":[{"userId":"444455556666"}]}}}}"#;
    let sister = r#"{"eventID":"e2","eventTime":"2026-04-07T10:00:00Z","eventName":"ListUsers","eventSource":"iam.amazonaws.com","awsRegion":"us-east-1","recipientAccountId":"444455556666","userIdentity":{"type":"IAMUser","userName":"lee","accountId":"444455556666"}}"#;
    let alone = folder.path().join("a.jsonl");
    fs::write(&alone, share).expect("a log");
    assert_eq!(violations(&report(&alone, None)).len(), 1);
    fs::write(folder.path().join("b.jsonl"), sister).expect("a log");
    assert_eq!(violations(&report(folder.path(), None)).len(), 0);
    let both = share.replace(
        "[{\"userId\":\"444455556666\"}]",
        "[{\"userId\":\"444455556666\"},{\"userId\":\"999900001111\"}]",
    );
    assert_ne!(both, share);
    fs::write(&alone, both).expect("a log");
    assert_eq!(violations(&report(folder.path(), None)).len(), 1, "a stranger beside the sister account");
}

#[test]
fn the_readmes_examples_are_what_the_command_prints() {
    let readme = fs::read_to_string(root().join("crates/compliance/README.md")).expect("a README");
    let logs = root().join("events/sample-trail/AWSLogs");
    for (arguments, blocks) in
        [(vec!["compliance", text(&logs), "--framework", "soc2"], 5), (vec!["compliance", "--coverage"], 1)]
    {
        let printed = String::from_utf8(trailwarden(&arguments).stdout).expect("UTF-8");
        let shown = printed.split("\n\n").take(blocks).collect::<Vec<_>>().join("\n\n");
        assert!(readme.contains(&shown), "the README shows something else than:\n{shown}");
    }
    let checks = format!("{} checks judge", ALL.len());
    assert!(readme.contains(&checks), "{checks}");
}

/// What disturbs no detector breaks no control either.
#[test]
fn the_quiet_stories_of_the_detectors_have_no_violation() {
    let quiet: Vec<_> =
        folders("tests/scenarios").into_iter().filter(|(id, _)| id.starts_with("quiet-")).collect();
    assert!(quiet.len() >= 10);
    let folder = tempfile::tempdir().expect("a folder");
    let settings = folder.path().join("settings.toml");
    fs::write(&settings, "accounts = [\"444455556666\"]\n").expect("settings"); // whose logs are not in the stories
    for (id, folder) in quiet {
        let report = report(&log_in(&folder), Some(&settings));
        let said: Vec<String> =
            violations(&report).iter().map(|violation| violation["evidence"].to_string()).collect();
        assert_eq!(said, Vec::<String>::new(), "{id}");
    }
}
