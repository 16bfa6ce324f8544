//! Judges events by the checks that speak about them, and makes findings of violations.

use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

use trailwarden_core::{
    catalog::call_key,
    event::{Event, Outcome, Principal, Time},
    finding::{CONFIG_RULE, Finding, Kind, Severity, Status},
    settings::Facts,
    severity::thresholds::Thresholds,
};

use crate::{
    ALL, Check, Rule, Speaks, Trace, Traces,
    check::{Broken, BrokenTogether},
    traces,
    wording::principal,
};

/// Which checks speak of a call by its name.
static BY_CALL: LazyLock<HashMap<u64, Vec<usize>>> = LazyLock::new(|| {
    let mut by_call: HashMap<u64, Vec<usize>> = HashMap::new();
    for (at, check) in ALL.iter().enumerate() {
        let (Speaks::Calls(services) | Speaks::CallsOf(services, _)) = check.speaks_about else { continue };
        for (service, names) in services {
            names.iter().for_each(|name| by_call.entry(call_key(service, name)).or_default().push(at));
        }
    }
    by_call
});

/// Was it done, and by somebody other than AWS itself? A role that only a service can assume is AWS.
fn is_judged(event: &Event<'_>) -> bool {
    event.outcome == Outcome::Success
        && !event.identity.is_linked_service()
        && &*event.event_type != "AwsServiceEvent"
        && !matches!(&*event.identity.kind, "AWSService" | "")
}

/// Names the checks that judge an event, by their place in [`ALL`], to `each`; but for those asked of every event,
/// only if they want a closer look at this one.
pub fn speaking(event: &Event<'_>, facts: &Facts, mut each: impl FnMut(usize)) {
    if !is_judged(event) {
        return;
    }
    if let Some(checks) = BY_CALL.get(&call_key(event.service(), &event.event_name)) {
        checks.iter().filter(|at| ALL[**at].is_about(event)).for_each(|at| each(*at));
    }
    for (at, check) in ALL.iter().enumerate() {
        let (Speaks::Those(picks) | Speaks::Every(picks)) = check.speaks_about else { continue };
        if check.is_in_force(facts) && picks(event, facts) {
            each(at);
        }
    }
}

/// Names the checks that want to remember what AWS's own services do, which breaks nothing and counts as nothing.
pub fn remembering(event: &Event<'_>, mut each: impl FnMut(usize)) {
    if traces::is_delivery(event) {
        traces::OF_DELIVERY.iter().for_each(|at| each(*at));
    }
}

/// What the checks make of an event.
#[derive(Default)]
pub struct Judged {
    /// What it broke by itself; with accounts, if it is broken only as long as one of them is none of the organisation's.
    pub findings: Vec<(Finding, Vec<String>)>,
    /// What it leaves for judging it together with others.
    pub traces: Vec<Trace>,
}

/// Judges one event by all the checks that speak of it.
pub fn judge(event: &Event<'_>, facts: &Facts) -> Judged {
    let mut judged = Judged::default();
    let mut asked = Vec::new();
    speaking(event, facts, |at| asked.push(at));
    remembering(event, |at| asked.push(at));
    for check in asked.into_iter().map(|at| ALL[at]) {
        match check.rule {
            Rule::Event(violates) if check.is_in_force(facts) => {
                if let Some(mut broken) = violates(event, facts) {
                    let outsiders = std::mem::take(&mut broken.outsiders);
                    judged.findings.push((found(check, event, broken, facts), outsiders));
                }
            }
            Rule::Event(_) => {}
            Rule::Together { trace, .. } => judged.traces.extend(trace(event, facts)),
        }
    }
    judged
}

/// Judges what the events of one subject left, whatever their order.
pub fn judge_together(traces: &Traces, facts: &Facts) -> Vec<Finding> {
    let Some(check) = ALL.iter().find(|check| check.id == &*traces.check) else { return Vec::new() };
    let Rule::Together { judge, .. } = check.rule else { return Vec::new() };
    judge(traces).into_iter().filter_map(|broken| found_together(check, broken, facts)).collect()
}

fn found_together(check: &Check, broken: BrokenTogether, facts: &Facts) -> Option<Finding> {
    let BrokenTogether { what, proof, at, excused } = broken;
    let first = proof.first()?.clone();
    let seen = proof.iter().map(|trace| trace.time);
    let event_ids: BTreeSet<String> = proof.iter().map(|trace| trace.event_id.to_string()).collect();
    Some(Finding {
        first_seen: seen.clone().min()?,
        last_seen: seen.max()?,
        // In order, as those of findings that are joined: so that judging again changes nothing.
        event_ids: event_ids.into_iter().collect(),
        evidence: vec![what],
        controls: check.controls(None, &first.account_id, facts),
        status: excused.map_or(Status::Open, Status::Closed),
        ..finding(check, &first.principal, &first.account_id, &first.region, at)
    })
}

fn found(check: &Check, event: &Event<'_>, broken: Broken, facts: &Facts) -> Finding {
    let principal = principal(event);
    Finding {
        event_ids: vec![event.event_id.to_string()],
        evidence: vec![broken.what],
        controls: check.controls(broken.data, &event.account_id, facts),
        ..finding(check, &principal, &event.account_id, &event.aws_region, event.event_time)
    }
}

/// ASFF's middle of a severity's band, as a score.
fn score(severity: Severity) -> f32 {
    [0.1, 0.3, 0.5, 0.75, 0.95][severity as usize]
}

/// A finding of a check about a principal on the day of `at`, without evidence.
pub(crate) fn finding(
    check: &Check,
    principal: &Principal,
    account: &str,
    region: &str,
    at: Time,
) -> Finding {
    Finding {
        id: Finding::id_of(check.id, &principal.id, at.day()),
        kind: Kind::Compliance,
        detector: check.id.to_owned(),
        title: check.title.to_owned(),
        severity: check.severity,
        score: score(check.severity),
        confidence: 1.0,
        principal: principal.id.to_string(),
        principal_kind: principal.kind,
        callers: Vec::new(),
        account_id: account.to_owned(),
        region: region.to_owned(),
        first_seen: at,
        last_seen: at,
        techniques: Vec::new(),
        tactics: Vec::new(),
        event_ids: Vec::new(),
        evidence: Vec::new(),
        recommendations: check.remediation.iter().map(ToString::to_string).collect(),
        controls: Vec::new(),
        status: Status::Open,
        thresholds: Thresholds::default(),
        contributions: Vec::new(),
        usual: Vec::new(),
        observed: Vec::new(),
        features: None,
    }
}

/// Calls that are made too often to be brought one by one.
const BUSY: &[(&str, &[&str])] = &[
    ("s3", &["DeleteObject", "DeleteObjects", "PutObjectAcl", "PutObjectRetention", "PutObjectLegalHold"]),
    ("kms", &["CreateGrant"]),
    ("logs", &["DeleteLogGroup", "DeleteLogStream"]),
    ("signin", &["ConsoleLogin"]), // has a rule of its own
];

/// The calls that can break a control gravely, as (event source, event name): people are told of such at once.
pub fn urgent_calls() -> impl Iterator<Item = (String, &'static str)> {
    let grave = ALL.iter().filter(|check| check.severity >= Severity::High);
    let calls = grave.filter_map(|check| match check.speaks_about {
        Speaks::Calls(services) | Speaks::CallsOf(services, _) => Some(services),
        Speaks::Those(_) | Speaks::Every(_) => None,
    });
    let is_busy =
        |service: &str, name: &str| BUSY.iter().any(|(of, names)| *of == service && names.contains(&name));
    calls
        .flatten()
        .flat_map(|(service, names)| names.iter().map(move |name| (*service, *name)))
        .filter(move |(service, name)| !is_busy(service, name))
        .map(|(service, name)| (format!("{service}.amazonaws.com"), name))
}

/// The check, or AWS Config's rule, that a finding is of: may a rule of the settings name it?
pub fn ids() -> Vec<&'static str> {
    ALL.iter().map(|check| check.id).chain([CONFIG_RULE]).collect()
}
