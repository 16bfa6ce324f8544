//! Incidents on a laptop: decisions in a state file, and plans for a simulated organisation.

use super::*;

#[test]
fn a_laptop_keeps_what_was_decided_and_prints_what_carries_it_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("state");
    let run = |arguments: &[&str]| {
        let output = trailwarden(&[arguments, &["--state", text(&state)]].concat());
        (
            output.status.code(),
            String::from_utf8(output.stdout).expect("UTF-8"),
            String::from_utf8(output.stderr).expect("UTF-8"),
        )
    };
    let (code, _, told) = run(&["incident", "list"]);
    assert!(code == Some(2) && told.contains("analyze --state"), "{told}");
    let log = log_in(&root().join("tests/scenarios/iam-backdoor-role"));
    assert_eq!(run(&["analyze", text(&log)]).0, Some(0));
    let (_, listed, _) = run(&["incident", "list", "--format", "json"]);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let id = listed["incidents"][0]["id"].as_str().expect("an id").to_owned();
    assert_eq!(listed["metrics"]["all"]["incidents"], 1);
    let (_, shown, _) = run(&["incident", "show", &id]);
    for part in [
        "Take 999900001111 out of the trust policy of nightly-billing-export",
        "Left to people",
        "To approve it: ",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let (_, whole, _) = run(&["incident", "show", &id, "--format", "json"]);
    let plan =
        serde_json::from_str::<Value>(&whole).expect("JSON")["plan"].as_str().expect("a plan").to_owned();
    let (code, _, told) = run(&["incident", "approve", &id, "--plan", "0"]);
    assert!(code == Some(2) && told.contains(&plan), "{told}");
    let (code, commands, _) = run(&["incident", "approve", &id[..14], "--plan", &plan]);
    assert_eq!(code, Some(0));
    assert!(commands.contains("Nothing was done in any account"), "{commands}");
    assert!(
        commands
            .contains("aws iam put-user-policy --user-name 'pavel.h' --policy-name TrailwardenQuarantine"),
        "{commands}"
    );
    let (code, _, told) = run(&["incident", "approve", &id, "--plan", &plan]);
    assert!(code == Some(2) && told.contains("nothing waits"), "single use: {told}");
    and_goes_on(&run, &id, &log);
}

/// Runs the command on a state: its code, and what it says.
type Run<'a> = &'a dyn Fn(&[&str]) -> (Option<i32>, String, String);

/// What was approved is taken back, the incident closed, the logs read again.
fn and_goes_on(run: Run<'_>, id: &str, log: &std::path::Path) {
    let (_, back, _) = run(&["incident", "undo", id, "--act", "3"]);
    assert!(
        back.contains("aws iam delete-user-policy --user-name 'pavel.h' --policy-name TrailwardenQuarantine"),
        "{back}"
    );
    assert!(!back.contains("TrailwardenRevokeOlderSessions"), "only the one that was named: {back}");
    let (_, anew, _) = run(&["incident", "reissue", id, "key"]);
    assert!(anew.contains("aws iam create-access-key --user-name 'pavel.h'"), "{anew}");
    assert!(
        anew.contains("| aws secretsmanager create-secret") && !anew.contains("put-user-policy"),
        "{anew}"
    );
    assert_eq!(run(&["incident", "close", id, "--reason", "done"]).0, Some(0));
    assert_eq!(run(&["incident", "reissue", id, "key"]).0, Some(2), "it is closed");
    assert!(run(&["incident", "list"]).1.starts_with("0 incidents"));
    assert_eq!(run(&["analyze", text(log)]).0, Some(0), "the next run goes on with the same file");
    assert!(run(&["incident", "list", "--all"]).1.contains("closed"));
    assert_eq!(run(&["incident", "show", "nothing"]).0, Some(2));
}

/// How much of what attackers do can be answered without a person, where nobody is protected.
#[test]
fn most_grave_incidents_of_a_simulated_organisation_can_be_contained_without_a_person() {
    let folder = tempfile::tempdir().expect("a folder");
    let in_folder = |name: &str| folder.path().join(name);
    let (logs, state, settings) = (in_folder("logs"), in_folder("state"), in_folder("settings.toml"));
    let center = "account = \"999988887777\"\nregion = \"eu-west-1\"\nstore = \"d-1234567890\"\npolicy = \"p-examplepolicyid\"";
    fs::write(&settings, format!("[response.identity_center]\n{center}")).expect("written");
    let made = trailwarden(&["simulate", "--seed", "77", "--out", text(&logs)]);
    assert!(made.status.success());
    let kept = ["--state", text(&state), "--settings", text(&settings)];
    let asked = |words: &[&str]| trailwarden(&[words, &kept].concat());
    assert!(asked(&["analyze", text(&logs)]).status.success());
    let json = |words: &[&str]| serde_json::from_slice::<Value>(&asked(words).stdout).expect("JSON");
    let listed = json(&["incident", "list", "--all", "--format", "json"]);
    let incidents = listed["incidents"].as_array().expect("incidents").iter();
    let grave: Vec<&Value> = incidents
        .filter(|one| ["HIGH", "CRITICAL"].contains(&one["severity"].as_str().expect("one")))
        .collect();
    let stops = |incident: &&&Value| {
        let whole = json(&["incident", "show", incident["id"].as_str().expect("an id"), "--format", "json"]);
        let mut acts = whole["acts"].as_array().expect("acts").iter();
        incident["level"] != "ESCALATE" && acts.any(|act| act["why"] == STOPS)
    };
    let stopped = grave.iter().filter(stops).count();
    eprintln!(
        "who is behind {stopped} of {} grave incidents can be stopped without a person; of all: {}",
        grave.len(),
        listed["metrics"]["all"]
    );
    assert!(grave.len() >= 8 && stopped * 10 >= grave.len() * 8, "{stopped} of {}", grave.len());
}
