//! Every alert of every story has a plan that stops the access or says who can, names who else is hit, says how each
//! action is taken back, and what remains.

use std::{fs, path::Path};

use crate::support::{log_in, root, text, trailwarden};
use serde_json::{Value, json};

fn plans(log: &Path) -> Vec<Value> {
    let output = trailwarden(&["respond", "--plan", "--format", "json", text(log)]);
    assert!(output.status.success(), "{}: {}", log.display(), String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("plans")
}

fn lines<'p>(plan: &'p Value, key: &str) -> Vec<&'p str> {
    plan[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What every plan must say.
fn complaints(plan: &Value) -> Vec<String> {
    let actions = plan["actions"].as_array().expect("actions");
    let mut found = Vec::new();
    if actions.is_empty() && lines(plan, "next_steps").is_empty() {
        found.push("nothing is to be done".to_owned());
    }
    for key in ["hits", "residual", "finding_ids"] {
        if lines(plan, key).is_empty() {
            found.push(format!("{key} is empty"));
        }
    }
    if actions.iter().any(|action| action["undone_by"].as_str().is_none_or(str::is_empty)) {
        found.push("an action that nobody can take back".to_owned());
    }
    let is_person = plan["principal"].as_str().is_some_and(|principal| principal.contains("AWSReservedSSO_"));
    let edits =
        |action: &&Value| action["role"].as_str().is_some_and(|role| role.starts_with("AWSReservedSSO_"));
    if is_person && actions.iter().any(|action| edits(&&action["action"])) {
        found.push("a role of Identity Center is edited in IAM".to_owned());
    }
    if actions.is_empty() && plan["level"] != "ESCALATE" {
        found.push("nothing can be done, and nobody is asked".to_owned());
    }
    found
}

#[test]
fn each_storys_alerts_are_planned_for() {
    let mut seen = 0;
    for entry in fs::read_dir(root().join("tests/scenarios")).expect("scenarios") {
        let folder = entry.expect("an entry").path();
        let is_quiet = text(&folder).contains("/quiet-");
        let plans = plans(&log_in(&folder));
        assert_eq!(plans.is_empty(), is_quiet, "{}", folder.display());
        for plan in &plans {
            assert_eq!(complaints(plan), Vec::<String>::new(), "{}: {plan:#}", folder.display());
            seen += 1;
        }
    }
    assert!(seen > 40, "{seen}");
}

/// The corpus is not part of the project; where it is at hand, its attacks are planned for too.
#[test]
fn so_are_the_corpuss() {
    let corpus = root().join("../shared/corpus");
    if !corpus.is_dir() {
        eprintln!("no corpus beside the project: not tried");
        return;
    }
    let mut seen = 0;
    for part in ["invictus_masked", "otrf", "panther", "stratus_masked", "streamalert"] {
        for plan in plans(&corpus.join(part)) {
            assert_eq!(complaints(&plan), Vec::<String>::new(), "{part}: {plan:#}");
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn a_stopped_trail_is_started_again_by_the_plan_and_a_shared_disk_unshared() {
    for (story, action) in [
        ("trail-stopped", "restart_trail"),
        ("snapshot-shared", "unshare"),
        ("kms-key-deletion", "cancel_key_deletion"),
    ] {
        let plans = plans(&log_in(&root().join("tests/scenarios").join(story)));
        let is_there = plans
            .iter()
            .flat_map(|plan| plan["actions"].as_array().expect("actions"))
            .any(|one| one["action"]["action"] == action);
        assert!(is_there, "{story}: {plans:#?}");
    }
}

#[test]
fn the_readmes_plans_are_what_the_command_prints() {
    let readme = fs::read_to_string(root().join("crates/response/README.md")).expect("a README");
    for story in ["iam-backdoor-role", "instance-credentials-outside", "ami-shared"] {
        let log = root().join("tests/scenarios").join(story);
        let printed =
            String::from_utf8(trailwarden(&["respond", "--plan", text(&log)]).stdout).expect("UTF-8");
        let (_, plan) = printed.split_once("\n\n").expect("a plan");
        assert!(readme.contains(plan.trim_end()), "the README shows something else than:\n{plan}");
    }
}

#[test]
fn somebody_chosen_is_planned_for_as_compromised_and_nobody_else() {
    let log = log_in(&root().join("tests/scenarios/anomalous-access"));
    let all = plans(&log);
    let who = all[0]["principal"].as_str().expect("a principal").to_owned();
    let output = trailwarden(&[
        "respond",
        "--plan",
        "--as-compromised",
        "--principal",
        &who,
        "--format",
        "json",
        text(&log),
    ]);
    let chosen: Vec<Value> = serde_json::from_slice(&output.stdout).expect("plans");
    assert_eq!((chosen.len(), chosen[0]["playbook"].as_str()), (1, Some("credential-compromise")));
    let nobody = trailwarden(&["respond", "--plan", "--principal", "nobody", text(&log)]);
    assert_eq!(nobody.status.code(), Some(2));
    assert_eq!(trailwarden(&["respond", text(&log)]).status.code(), Some(2), "it only plans, and says so");
}

/// Users of account 111122223333 who take on the role `deploy`, each by a key of their own, and stop things by it.
fn taken_on(by: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().expect("a folder");
    let account = "111122223333";
    let mut records = Vec::new();
    for (nth, user) in by.iter().enumerate() {
        let key = format!("ASIA{nth}EXAMPLE");
        let at = |minute: usize| format!("2026-03-02T10:{:02}:00Z", nth * 10 + minute);
        let record = |minute: usize, source: &str, name: &str, who: Value, asked: Value, answered: Value| {
            json!({
                "eventVersion": "1.11", "eventID": format!("{user}-{minute}"), "eventTime": at(minute), "eventType": "AwsApiCall",
                "eventSource": format!("{source}.amazonaws.com"), "eventName": name, "awsRegion": "eu-west-1",
                "sourceIPAddress": "198.51.100.7", "userAgent": "aws-cli/2", "userIdentity": who, "requestParameters": asked,
                "responseElements": answered, "recipientAccountId": account, "managementEvent": true, "readOnly": false,
            })
        };
        let user_arn = format!("arn:aws:iam::{account}:user/{user}");
        let whose = json!({ "type": "IAMUser", "userName": user, "arn": user_arn, "accountId": account, "accessKeyId": "AKIAEXAMPLE" });
        let role = format!("arn:aws:iam::{account}:role/deploy");
        let session = format!("arn:aws:sts::{account}:assumed-role/deploy/{user}");
        let answer = json!({ "credentials": { "accessKeyId": key }, "assumedRoleUser": { "arn": session } });
        records.push(record(
            0,
            "sts",
            "AssumeRole",
            whose,
            json!({ "roleArn": role, "roleSessionName": user }),
            answer,
        ));
        let issuer = json!({ "type": "Role", "arn": role, "accountId": account, "userName": "deploy" });
        let who = json!({ "type": "AssumedRole", "arn": session, "accountId": account, "accessKeyId": key, "sessionContext": { "sessionIssuer": issuer } });
        records.push(record(
            1,
            "cloudtrail",
            "StopLogging",
            who.clone(),
            json!({ "name": "main" }),
            Value::Null,
        ));
        records.push(record(
            2,
            "guardduty",
            "DeleteDetector",
            who,
            json!({ "detectorId": "d1" }),
            Value::Null,
        ));
    }
    let log = folder.path().join("log.json");
    fs::write(&log, json!({ "Records": records }).to_string()).expect("written");
    plans(&log)
}

#[test]
fn whoever_began_it_is_stopped_and_nobody_for_what_another_did_by_the_same_role() {
    let of_the_role = |plans: &[Value]| {
        let plan = plans.iter().find(|plan| plan["principal"] == "arn:aws:iam::111122223333:role/deploy");
        let actions = plan.expect("a plan")["actions"].as_array().expect("actions").iter();
        actions.map(|one| one["text"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    let one = of_the_role(&taken_on(&["kim"]));
    assert!(one.iter().any(|text| text.starts_with("Quarantine kim")), "{one:?}");
    let both = of_the_role(&taken_on(&["kim", "eva"]));
    assert!(both.iter().any(|text| text.starts_with("Revoke all sessions of the role deploy")), "{both:?}");
    assert!(!both.iter().any(|text| text.contains("kim") || text.contains("eva")), "{both:?}");
}
