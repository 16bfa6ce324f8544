//! Responses as the functions carry them out, in accounts in memory: each once, within limits, and taken back exactly.

mod staleness;

use std::collections::BTreeMap;

use crate::support::{findings, log_in, ndjson, root, text};
use crate::world::{PERSON, World, messages};
use pollster::block_on;
use trailwarden_core::{
    activity::Scope,
    catalog::PROTECTED_TAG,
    event::{HOUR, Time},
    finding::{Finding, FindingRaised, Severity},
    settings::Settings,
};
use trailwarden_pipeline::{
    messages::{Notice, ResponseAsked},
    ports::{Key, Over, Table, Write},
    respond::{respond, respond_as_asked},
    responder::{Guard, Mode, stopped},
    table_schema,
};
use trailwarden_response::{
    DOCUMENT, Resource, State,
    incident::{Incident, IncidentState, Progress},
};

const EVERYTHING: &str = "
[[response.enforce]]
playbook = \"credential-compromise\"
severity = \"LOW\"
[[response.enforce]]
playbook = \"privilege-escalation\"
severity = \"LOW\"
[[response.enforce]]
playbook = \"data-exfiltration\"
severity = \"LOW\"
[[response.enforce]]
playbook = \"evasion\"
severity = \"LOW\"
[response.identity_center]
account = \"999988887777\"
region = \"eu-west-1\"
store = \"d-1234567890\"
policy = \"p-examplepolicyid\"
";

fn settings(text: &str) -> Settings {
    Settings::parse(text, &[], &[]).expect("settings")
}

fn guard(settings: &Settings, mode: Mode) -> Guard<'_> {
    Guard { mode, settings, own_roles: &[], copy: 7 }
}

/// The gravest finding of a story, sure and grave enough to be answered.
fn story(name: &str) -> Finding {
    let log = log_in(&root().join("tests/scenarios").join(name));
    let found = findings(&ndjson(&[text(&log)])).into_iter();
    let found = found.map(|line| serde_json::from_value::<Finding>(line).expect("a finding"));
    let worst =
        found.max_by(|a, b| a.severity.cmp(&b.severity).then(a.score.total_cmp(&b.score))).expect("one");
    Finding { severity: worst.severity.max(Severity::High), confidence: 0.9, ..worst }
}

fn raised(finding: &Finding, revision: u32) -> FindingRaised {
    let scope = Scope::Principal(finding.principal.as_str().into());
    FindingRaised { scope, revision, finding: finding.clone() }
}

fn answer(world: &World, guard: Guard<'_>, findings: &[Finding]) -> Vec<Incident> {
    let now = findings.iter().map(|finding| finding.last_seen).max().expect("a finding");
    let batch: Vec<FindingRaised> = findings.iter().map(|finding| raised(finding, 1)).collect();
    world.deliver(batch, |batch| block_on(respond(world, &world.outlets(guard), batch.to_vec(), now)));
    incidents(world)
}

fn incidents(world: &World) -> Vec<Incident> {
    let items = world.table.items();
    let kept = items.iter().filter(|(key, _)| key.sort.starts_with("INCIDENT#"));
    kept.map(|(_, item)| table_schema::read_incident(item).expect("an incident")).collect()
}

fn key_of(world: &World, incident: &Incident) -> Key {
    let items = world.table.items();
    items.into_keys().find(|key| key.sort.ends_with(&incident.id)).expect("a key")
}

/// A person changes the incident, and respond is asked to look at it.
fn ask(world: &World, guard: Guard<'_>, incident: &Incident, now: Time) -> Incident {
    let key = key_of(world, incident);
    let write = table_schema::write_incident(incident, now);
    block_on(world.table.put(&key, write, Over::Anything)).expect("kept");
    let asked = ResponseAsked { id: incident.id.clone(), partition: key.partition.clone() };
    block_on(respond_as_asked(world, &world.outlets(guard), &asked, now)).expect("answered");
    incidents(world).into_iter().find(|one| one.id == incident.id).expect("it is kept")
}

fn state(entries: &[(&str, &str)]) -> State {
    entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// An account in which what these findings speak of is there to be changed.
fn furnished(findings: &[Finding]) -> World {
    let world = World::default();
    let settings = settings(EVERYTHING);
    for finding in findings {
        let plan = trailwarden_response::planner::plan(&[finding], &settings).expect("a plan");
        for planned in &plan.actions {
            let resource = planned.action.resource().as_found(&state(&[(PERSON, "")]));
            let place = (planned.account_id.clone(), resource.clone());
            world.accounts.borrow_mut().entry(place).or_insert_with(|| before(&resource, finding));
        }
    }
    world
}

fn before(resource: &Resource, finding: &Finding) -> State {
    let deeds = || finding.contributions.iter().flat_map(|reason| &reason.deeds);
    match resource {
        Resource::Keys { .. } => state(&[("AKIAONE", "Active"), ("AKIATWO", "Inactive")]),
        Resource::Password { .. } => state(&[("password", "set")]),
        Resource::Denial { .. } => state(&[(PERSON, "")]),
        Resource::InlinePolicy { policy, .. } if policy.starts_with("Trailwarden") => State::new(),
        Resource::InlinePolicy { .. } => state(&[(DOCUMENT, r#"{"Statement": [{"Effect":"Allow"}]}"#)]),
        Resource::Attached { .. } => {
            let name = deeds().find_map(|deed| deed.detail.strip_prefix("attaches "));
            state(&[
                ("arn:aws:iam::aws:policy/It", name.unwrap_or("It")),
                ("arn:aws:iam::aws:policy/Read", "Read"),
            ])
        }
        Resource::Versions { .. } => state(&[("v1", ""), ("v2", "default")]),
        Resource::Trust { .. } => {
            let whom = deeds().map(|deed| deed.recipient.as_str()).find(|whom| whom.len() == 12);
            let whom = whom.unwrap_or("*");
            let trust = format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":["{whom}","arn:aws:iam::111122223333:root"]}},"Action":"sts:AssumeRole"}}]}}"#
            );
            state(&[(DOCUMENT, &trust)])
        }
        Resource::Trail { .. } => state(&[("logging", "false")]),
        Resource::Recorder { .. } => state(&[("recording", "false")]),
        Resource::Detector { .. } => state(&[("enabled", "false")]),
        Resource::Shares { .. } => deeds()
            .map(|deed| {
                (if deed.recipient == "*" { "all".to_owned() } else { deed.recipient.clone() }, String::new())
            })
            .collect(),
        Resource::PublicAccess { .. } | Resource::Reissued { .. } => State::new(),
        Resource::Key { .. } => state(&[("state", "PendingDeletion")]),
        Resource::Ingress { .. } => state(&[("tcp 22-22 0.0.0.0/0", ""), ("tcp 443-443 0.0.0.0/0", "web")]),
    }
}

/// One story for each playbook that acts, and for each thing that can be changed.
const STORIES: &[&str] = &[
    "iam-backdoor-role",
    "login-profile-other-user",
    "instance-credentials-outside",
    "iam-admin-user",
    "policy-version-escalation",
    "snapshot-shared",
    "ami-shared",
    "database-snapshot-shared",
    "bucket-public",
    "kms-key-deletion",
    "trail-stopped",
    "guardduty-disabled",
    "config-recorder-stopped",
    "open-admin-port",
];

#[test]
fn each_playbook_is_carried_out_and_taken_back_exactly() {
    let (everything, mut done_by) = (settings(EVERYTHING), BTreeMap::<String, usize>::new());
    for name in STORIES {
        let finding = story(name);
        let world = furnished(std::slice::from_ref(&finding));
        let before = world.accounts.borrow().clone();
        let enforcing = guard(&everything, Mode::Enforce);
        let incident = answer(&world, enforcing, std::slice::from_ref(&finding)).remove(0);
        for act in &incident.acts {
            let is_asked = !act.planned.waits.is_empty();
            let expected = match act.note.as_str() {
                _ if is_asked => Progress::Waiting,
                // Two acts may aim at the same: a key saved from deletion is enabled, too.
                "it is so already" => Progress::Impossible,
                _ => Progress::Done,
            };
            assert_eq!(act.progress, expected, "{name}: {act:#?}");
            *done_by.entry(act.playbook.clone()).or_default() += usize::from(!is_asked);
        }
        assert_ne!(*world.accounts.borrow(), before, "{name}");
        let mut asked = incident.clone();
        asked.undo(None, "kim", finding.last_seen).expect("it can be taken back");
        let undone = ask(&world, enforcing, &asked, finding.last_seen);
        let is_left = |act: &&trailwarden_response::incident::Act| {
            !matches!(act.progress, Progress::Undone | Progress::Waiting | Progress::Impossible)
        };
        assert_eq!(undone.acts.iter().find(is_left), None, "{name}");
        assert_eq!(*world.accounts.borrow(), before, "{name}");
    }
    let acting = ["credential-compromise", "data-exfiltration", "evasion", "privilege-escalation"];
    assert_eq!(done_by.keys().map(String::as_str).collect::<Vec<_>>(), acting);
    assert!(done_by.values().all(|done| *done > 0));
}

#[test]
fn the_same_finding_five_times_is_answered_once() {
    let (finding, everything) = (story("iam-backdoor-role"), settings(EVERYTHING));
    let world = furnished(std::slice::from_ref(&finding));
    let enforcing = guard(&everything, Mode::Enforce);
    let once = answer(&world, enforcing, std::slice::from_ref(&finding));
    let writes = world.writes.borrow().len();
    assert_eq!((once.len(), writes), (1, 3), "the trust policy waits for a person");
    for _ in 0..4 {
        assert_eq!(answer(&world, enforcing, std::slice::from_ref(&finding)), once);
    }
    assert_eq!(world.writes.borrow().len(), writes);
}

/// Planned anew means: with what is there by then, whatever was done of it before; and only when a person has seen it.
#[test]
fn what_is_planned_anew_is_done_as_it_is_shown_and_taken_back_whole() {
    let (finding, everything) = (story("iam-backdoor-role"), settings(EVERYTHING));
    let world = furnished(std::slice::from_ref(&finding));
    let enforcing = guard(&everything, Mode::Enforce);
    let mut refused = answer(&world, enforcing, std::slice::from_ref(&finding)).remove(0);
    let (at, now) = (0, finding.last_seen);
    let place = (refused.acts[at].planned.account_id.clone(), refused.acts[at].resource());
    let keys = || world.accounts.borrow()[&place].clone();
    let set =
        |entries: &[(&str, &str)]| _ = world.accounts.borrow_mut().insert(place.clone(), state(entries));
    for there in [
        // Of what was begun, nothing was done, and all of it.
        [("AKIAONE", "Active"), ("AKIASINCE", "Active"), ("AKIATWO", "Inactive")],
        [("AKIAONE", "Inactive"), ("AKIASINCE", "Active"), ("AKIATWO", "Inactive")],
    ] {
        set(&there);
        refused.acts[at].progress = Progress::Refused;
        refused.retry(Some(at), "kim", now).expect("planned anew");
        let shown = ask(&world, enforcing, &refused, now);
        assert_eq!(
            (shown.acts[at].progress, shown.acts[at].seen.clone()),
            (Progress::Waiting, Some(state(&there)))
        );
        let again = answer(&world, enforcing, std::slice::from_ref(&finding)).remove(0);
        assert_eq!(again.acts[at].progress, Progress::Waiting, "the finding again is no person");
        let mut approved = again;
        approved.approve(&approved.plan_digest().expect("a plan"), "kim", now).expect("approved");
        let done = ask(&world, enforcing, &approved, now);
        assert_eq!(done.acts[at].progress, Progress::Done, "{:?}", done.acts[at]);
        assert!(keys().values().all(|state| state == "Inactive"), "{:?}", keys());
        let mut asked = done.clone();
        asked.undo(Some(at), "kim", now).expect("asked");
        let undone = ask(&world, enforcing, &asked, now);
        assert_eq!(undone.acts[at].progress, Progress::Undone);
        let all = [("AKIAONE", "Active"), ("AKIASINCE", "Active"), ("AKIATWO", "Inactive")];
        assert_eq!(keys(), state(&all), "as it was before anything was done");
        refused = Incident { acts: done.acts.clone(), ..undone };
    }
}

#[test]
fn a_crash_anywhere_is_resumed_and_nothing_is_done_twice() {
    let (finding, everything) = (story("iam-backdoor-role"), settings(EVERYTHING));
    let enforcing = guard(&everything, Mode::Enforce);
    let calm = furnished(std::slice::from_ref(&finding));
    let expected = answer(&calm, enforcing, std::slice::from_ref(&finding));
    let uses = calm.faults.uses.get();
    assert!(uses > 50, "{uses}");
    for (nth, is_after) in (1..=uses).flat_map(|nth| [(nth, false), (nth, true)]) {
        let world = furnished(std::slice::from_ref(&finding));
        world.faults.fails_at.set(Some(nth));
        world.faults.is_after.set(is_after);
        let found = answer(&world, enforcing, std::slice::from_ref(&finding));
        assert_eq!(*world.writes.borrow(), *calm.writes.borrow(), "use {nth}, after: {is_after}");
        assert_eq!(found[0].acts, expected[0].acts, "use {nth}, after: {is_after}");
        assert_eq!(found[0].state, expected[0].state);
    }
}

#[test]
fn nobody_who_is_protected_and_no_role_of_ours_is_ever_touched() {
    let finding = story("instance-credentials-outside");
    let role = finding.principal.rsplit('/').next().expect("a name").to_owned();
    let untouched = |settings: &Settings, own_roles: &[String], tag: Option<&str>| {
        let world = furnished(std::slice::from_ref(&finding));
        if let Some(value) = tag {
            let tags = [(PROTECTED_TAG.to_owned(), value.to_owned())].into();
            world.tags.borrow_mut().insert(role.clone(), tags);
        }
        let guard = Guard { mode: Mode::Enforce, settings, own_roles, copy: 7 };
        let incident = answer(&world, guard, std::slice::from_ref(&finding)).remove(0);
        let (note, writes) = (incident.acts[0].note.clone(), world.writes.borrow().len());
        (note, writes)
    };
    let everything = settings(EVERYTHING);
    assert_eq!(untouched(&everything, &[], None), (String::new(), 1));
    assert_eq!(untouched(&everything, &[], Some("false")), (String::new(), 1));
    let (note, writes) = untouched(&everything, &[], Some("yes"));
    assert!(note.contains(PROTECTED_TAG) && writes == 0, "{note}");
    let (note, writes) = untouched(&everything, std::slice::from_ref(&role), None);
    assert!(note.contains("own roles") && writes == 0, "{note}");
    let likeness = role[..role.len() - 1].to_owned();
    assert_eq!(
        untouched(&everything, &[likeness], None),
        (String::new(), 1),
        "nobody is let off for a likeness"
    );
    let listed = settings(&format!("protected_principals = [\"arn:aws:iam::*:role/{role}\"]\n{EVERYTHING}"));
    let (note, writes) = untouched(&listed, &[], None);
    assert!(note.contains("the settings protect it") && writes == 0, "{note}");
}

#[test]
fn the_hourly_limit_holds_under_two_hundred_findings() {
    let limited = settings(&format!("[response]\nhourly_limit = 10\n{EVERYTHING}"));
    let one = story("instance-credentials-outside");
    let many: Vec<Finding> = (0..200)
        .map(|number| Finding {
            id: format!("{}{number}", one.id),
            principal: format!("{}{number}", one.principal),
            ..one.clone()
        })
        .collect();
    let world = furnished(&many);
    let incidents = answer(&world, guard(&limited, Mode::Enforce), &many);
    assert_eq!((incidents.len(), world.writes.borrow().len()), (200, 10));
    let waiting = incidents.iter().flat_map(|incident| &incident.acts);
    let waiting = waiting.filter(|act| act.progress == Progress::Waiting && act.note.contains("10 acts"));
    assert_eq!(waiting.count(), 190);
}

#[test]
fn the_kill_switch_stops_all_and_is_read_at_each_act() {
    let (finding, everything) = (story("iam-backdoor-role"), settings(EVERYTHING));
    let world = furnished(std::slice::from_ref(&finding));
    let write = Write { body: table_schema::write(&Some("kim".to_owned())), ..Write::default() };
    block_on(world.table.put(&table_schema::stop_key(), write, Over::Anything)).expect("stopped");
    assert_eq!(block_on(stopped(&world.table)).expect("known").as_deref(), Some("kim"));
    let incident =
        answer(&world, guard(&everything, Mode::Enforce), std::slice::from_ref(&finding)).remove(0);
    assert!(world.writes.borrow().is_empty());
    let mut enforced = incident.acts.iter().filter(|act| act.planned.waits.is_empty());
    assert!(enforced.all(|act| act.note.contains("stopped, by kim")), "{:#?}", incident.acts);
}

#[test]
fn to_observe_touches_no_account_and_to_approve_looks_only() {
    let (finding, everything) = (story("iam-backdoor-role"), settings(EVERYTHING));
    let world = World::default();
    let incident =
        answer(&world, guard(&everything, Mode::Observe), std::slice::from_ref(&finding)).remove(0);
    assert!(incident.acts.iter().all(|act| act.progress == Progress::Waiting && act.seen.is_none()));
    let world = furnished(std::slice::from_ref(&finding));
    let approving = guard(&everything, Mode::Approve);
    let shown = answer(&world, approving, std::slice::from_ref(&finding)).remove(0);
    assert!(world.writes.borrow().is_empty());
    assert!(shown.acts.iter().all(|act| act.progress == Progress::Waiting && act.seen.is_some()));
    let mut approved = shown.clone();
    let digest = shown.plan_digest().expect("a plan");
    approved.approve(&digest, "arn:aws:iam::1:user/kim", finding.last_seen).expect("approved");
    let done = ask(&world, approving, &approved, finding.last_seen);
    assert!(done.acts.iter().all(|act| act.progress == Progress::Done && act.by.ends_with("user/kim")));
    assert_eq!(done.state, IncidentState::Contained);
    assert!(done.timeline.iter().any(|entry| entry.by.ends_with("user/kim") && entry.what.contains(&digest)));
}

#[test]
fn a_person_behind_identity_center_is_denied_in_the_management_account_unless_protected_meanwhile() {
    let (finding, everything) = (story("ami-shared"), settings(EVERYTHING));
    assert!(finding.principal.contains("AWSReservedSSO_"), "{}", finding.principal);
    let protecting = settings(&format!("protected_principals = [\"{}\"]\n{EVERYTHING}", finding.principal));
    for (settings, is_denied) in [(&everything, true), (&protecting, false)] {
        let world = furnished(std::slice::from_ref(&finding));
        let mut shown =
            answer(&world, guard(&everything, Mode::Approve), std::slice::from_ref(&finding)).remove(0);
        let digest = shown.plan_digest().expect("a plan");
        shown.approve(&digest, "kim", finding.last_seen).expect("approved");
        let done = ask(&world, guard(settings, Mode::Approve), &shown, finding.last_seen);
        let writes = world.writes.borrow();
        let denials = writes.iter().filter(|(_, resource, _)| matches!(resource, Resource::Denial { .. }));
        let denials: Vec<_> = denials.map(|(account, _, to)| (account.as_str(), to.clone())).collect();
        let expected = [("999988887777", state(&[(PERSON, "denied")]))];
        assert_eq!(denials, expected[..usize::from(is_denied)]);
        let denied = if is_denied { Progress::Done } else { Progress::Refused };
        assert_eq!(done.acts[0].progress, denied, "{:#?}", done.acts[0]);
    }
}
