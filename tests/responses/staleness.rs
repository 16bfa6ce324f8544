//! Responses whose plan, resource or incident changed meanwhile, and the log of their own calls.

use super::*;

#[test]
fn one_copy_writes_the_policy_of_people_at_a_time_and_who_was_denied_is_freed_by_id() {
    let (finding, everything) = (story("ami-shared"), settings(EVERYTHING));
    let (world, enforcing) = (furnished(std::slice::from_ref(&finding)), guard(&everything, Mode::Enforce));
    let held =
        |by: u64| Write { body: table_schema::write(&Some((finding.last_seen, by))), ..Write::default() };
    let lease = table_schema::lease_key("p-examplepolicyid");
    let answered = || {
        let batch = vec![raised(&finding, 1)];
        let failed = block_on(respond(&world, &world.outlets(enforcing), batch, finding.last_seen));
        let writes = world.writes.borrow();
        (failed.len(), writes.iter().any(|(_, resource, _)| resource.person().is_some()))
    };
    block_on(world.table.put(&lease, held(8), Over::Anything)).expect("kept");
    assert_eq!(answered(), (1, false), "another copy is at it");
    block_on(world.table.put(&lease, held(7), Over::Anything)).expect("kept");
    assert_eq!(answered(), (0, true));
    let mut done = incidents(&world).remove(0);
    world.is_renamed.set(true);
    done.undo(None, "kim", finding.last_seen).expect("asked");
    let undone = ask(&world, enforcing, &done, finding.last_seen);
    assert_eq!(undone.acts[0].progress, Progress::Undone, "{:#?}", undone.acts[0]);
    let writes = world.writes.borrow();
    let states: Vec<&State> =
        writes.iter().filter(|(_, resource, _)| resource.person().is_some()).map(|(.., to)| to).collect();
    assert_eq!(states, [&state(&[(PERSON, "denied")]), &state(&[(PERSON, "")])]);
}

#[test]
fn a_plan_that_is_stale_waits_again_with_what_is_there_now() {
    let (finding, nothing) = (story("iam-backdoor-role"), Settings::default());
    let world = furnished(std::slice::from_ref(&finding));
    let approving = guard(&nothing, Mode::Approve);
    let mut shown = answer(&world, approving, std::slice::from_ref(&finding)).remove(0);
    let keys = shown.acts[0].planned.action.resource();
    let account = shown.acts[0].planned.account_id.clone();
    let changed = state(&[("AKIAONE", "Active"), ("AKIATHREE", "Active")]);
    world.accounts.borrow_mut().insert((account, keys), changed.clone());
    let digest = shown.plan_digest().expect("a plan");
    shown.approve(&digest, "kim", finding.last_seen).expect("approved");
    let stale = ask(&world, approving, &shown, finding.last_seen);
    assert_eq!((stale.acts[0].progress, stale.acts[0].seen.as_ref()), (Progress::Waiting, Some(&changed)));
    assert!(stale.acts[0].note.contains("has changed"));
    assert_ne!(stale.plan_digest(), Some(digest));
}

#[test]
fn what_somebody_changed_since_is_not_taken_back_over_their_heads() {
    let (finding, everything) = (story("iam-backdoor-role"), settings(EVERYTHING));
    let world = furnished(std::slice::from_ref(&finding));
    let enforcing = guard(&everything, Mode::Enforce);
    let mut done = answer(&world, enforcing, std::slice::from_ref(&finding)).remove(0);
    let theirs = state(&[(DOCUMENT, r#"{"Statement":[]}"#)]);
    let policy = done.acts[2].planned.action.resource();
    let account = done.acts[2].planned.account_id.clone();
    world.accounts.borrow_mut().insert((account.clone(), policy.clone()), theirs.clone());
    done.undo(None, "kim", finding.last_seen).expect("asked");
    let undone = ask(&world, enforcing, &done, finding.last_seen);
    assert_eq!(undone.acts[2].progress, Progress::Done);
    assert!(undone.acts[2].note.contains("somebody else"), "{}", undone.acts[2].note);
    assert_eq!(world.accounts.borrow()[&(account, policy)], theirs);
    assert!(undone.acts[..2].iter().all(|act| act.progress == Progress::Undone));
}

#[test]
fn a_second_copy_waits_while_the_first_may_still_act() {
    let (finding, everything) = (story("instance-credentials-outside"), settings(EVERYTHING));
    let world = furnished(std::slice::from_ref(&finding));
    world.faults.fails_at.set(Some(9)); // in the middle of the act
    let copy = |copy: u64, at: Time| {
        world.faults.is_dead.set(false);
        let guard = Guard { copy, ..guard(&everything, Mode::Enforce) };
        block_on(respond(&world, &world.outlets(guard), vec![raised(&finding, 1)], at)).len()
    };
    assert_eq!((copy(1, finding.last_seen), world.writes.borrow().len()), (1, 0));
    assert_eq!(copy(2, finding.last_seen), 1, "the first may be at it");
    assert_eq!(world.writes.borrow().len(), 0);
    assert_eq!((copy(2, Time(finding.last_seen.0 + 91)), world.writes.borrow().len()), (0, 1));
}

#[test]
fn old_news_begins_no_incident_and_later_findings_join_the_open_one() {
    let (finding, nothing) = (story("iam-backdoor-role"), Settings::default());
    let world = World::default();
    let observing = guard(&nothing, Mode::Observe);
    let old = Time(finding.last_seen.0 + 25 * HOUR);
    block_on(respond(&world, &world.outlets(observing), vec![raised(&finding, 1)], old));
    assert_eq!(incidents(&world), vec![]);
    let day_after = Time(finding.last_seen.0 + 20 * HOUR);
    let other = Finding {
        id: "evasion/x/1".into(),
        last_seen: day_after,
        severity: Severity::Low,
        ..finding.clone()
    };
    let found = answer(&world, observing, std::slice::from_ref(&finding));
    assert_eq!((found.len(), found[0].findings.len()), (1, 1));
    let found = answer(&world, observing, &[other]);
    assert_eq!(
        (found.len(), found[0].findings.len()),
        (1, 2),
        "it joins, though it is too slight to begin one"
    );
    let announced = world.notices.borrow();
    let revisions = announced.iter().filter(|notice| matches!(notice, Notice::IncidentChanged(_))).count();
    assert_eq!(revisions, 2);
}

#[test]
fn an_act_is_recorded_before_it_shows_in_a_log() {
    let (finding, everything) = (story("instance-credentials-outside"), settings(EVERYTHING));
    let world = furnished(std::slice::from_ref(&finding));
    answer(&world, guard(&everything, Mode::Enforce), std::slice::from_ref(&finding));
    let role = finding.principal.rsplit('/').next().expect("a name");
    let key = table_schema::calls_key(&finding.account_id, finding.last_seen.hour());
    let item = block_on(world.table.get(&key)).expect("read").expect("recorded");
    let calls: std::collections::BTreeSet<(String, String)> = table_schema::read(&item).expect("calls");
    assert!(calls.contains(&("iam:PutRolePolicy".to_owned(), role.to_owned())), "{calls:?}");
}

#[test]
fn what_no_longer_holds_is_done_again_when_more_is_seen() {
    let (finding, everything) = (story("iam-backdoor-role"), settings(EVERYTHING));
    let world = furnished(std::slice::from_ref(&finding));
    let enforcing = guard(&everything, Mode::Enforce);
    let done = answer(&world, enforcing, std::slice::from_ref(&finding)).remove(0);
    let later = Finding { last_seen: Time(finding.last_seen.0 + 600), ..finding.clone() };
    let same = answer(&world, enforcing, std::slice::from_ref(&later)).remove(0);
    let revoked_again = 1;
    assert_eq!(same.acts.len(), done.acts.len() + revoked_again, "what holds is not done again");
    let keys = (done.acts[0].planned.account_id.clone(), done.acts[0].planned.action.resource());
    world
        .accounts
        .borrow_mut()
        .insert(keys.clone(), state(&[("AKIAONE", "Active"), ("AKIATWO", "Inactive")]));
    let latest = Finding { last_seen: Time(later.last_seen.0 + 600), ..finding };
    answer(&world, enforcing, &[latest]);
    assert!(world.accounts.borrow()[&keys].values().all(|status| status == "Inactive"));
}

#[test]
fn a_closed_incident_acts_no_more() {
    let (finding, everything) = (story("iam-backdoor-role"), settings(EVERYTHING));
    let world = furnished(std::slice::from_ref(&finding));
    let mut shown =
        answer(&world, guard(&everything, Mode::Approve), std::slice::from_ref(&finding)).remove(0);
    let digest = shown.plan_digest().expect("a plan");
    shown.approve(&digest, "kim", finding.last_seen).expect("approved");
    shown.close("a false alarm", "kim", finding.last_seen);
    ask(&world, guard(&everything, Mode::Enforce), &shown, finding.last_seen);
    assert!(world.writes.borrow().is_empty());
}

/// What CloudTrail writes of a call by our response role.
fn record(call: &str, target: &str, at: Time, number: u32) -> serde_json::Value {
    let (service, name) = call.split_once(':').expect("a service");
    serde_json::json!({
        "eventVersion": "1.11", "eventID": format!("00000000-0000-4000-8000-{number:012}"),
        "eventTime": at.to_string(), "eventSource": format!("{service}.amazonaws.com"), "eventName": name,
        "awsRegion": "us-east-1", "sourceIPAddress": "198.51.100.9", "userAgent": "aws-sdk-rust",
        "readOnly": name.starts_with("Get"), "eventType": "AwsApiCall", "recipientAccountId": "111122223333",
        "userIdentity": { "type": "AssumedRole", "accountId": "111122223333", "accessKeyId": "ASIAEXAMPLE",
            "arn": "arn:aws:sts::111122223333:assumed-role/TrailwardenResponse/trailwarden-response",
            "principalId": "AROAEXAMPLE:trailwarden-response", "sessionContext": { "sessionIssuer": {
                "type": "Role", "userName": "TrailwardenResponse", "accountId": "111122223333",
                "arn": "arn:aws:iam::111122223333:role/TrailwardenResponse" } } },
        "requestParameters": { "userName": target, "policyName": "TrailwardenQuarantine",
            "policyDocument": "{\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}" },
    })
}

#[test]
fn our_own_acts_are_known_in_the_log_and_anybody_elses_use_of_our_role_is_critical() {
    let (finding, everything) = (story("iam-backdoor-role"), settings(EVERYTHING));
    let world = furnished(std::slice::from_ref(&finding));
    answer(&world, guard(&everything, Mode::Enforce), std::slice::from_ref(&finding));
    let user = finding.principal.rsplit('/').next().expect("a name").to_owned();
    let now = Time(finding.last_seen.0 + 60);
    let told = |world: &World, records: &[serde_json::Value]| -> Vec<(String, Severity)> {
        world.notices.take();
        world.extract(messages(records), now);
        world.work_off(now);
        let ours = world.open().into_values().filter(|one| one.principal.contains("TrailwardenResponse"));
        ours.map(|one| (one.detector, one.severity)).collect()
    };
    let own = [record("iam:PutUserPolicy", &user, now, 1), record("iam:GetUser", &user, now, 2)];
    assert_eq!(told(&world, &own), vec![]);
    let other = [record("iam:PutUserPolicy", "somebody-else", now, 3)];
    let stolen = ("own-role".to_owned(), Severity::Critical);
    assert!(told(&world, &other).contains(&stolen));
    // Without a response, the least thing is strange.
    let stranger = [record("iam:ListUsers", "", now, 4)];
    assert_eq!(told(&World::default(), &stranger), [stolen]);
}
