//! Evaluation of events against checks; violations become findings.

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

/// Index of checks by the call they name, as positions in [`ALL`].
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

/// Whether the call succeeded and its principal is not AWS itself. A service-linked role counts as AWS.
fn is_judged(event: &Event<'_>) -> bool {
    event.outcome == Outcome::Success
        && !event.identity.is_linked_service()
        && &*event.event_type != "AwsServiceEvent"
        && !matches!(&*event.identity.kind, "AWSService" | "")
}

/// Calls `each` with the position in [`ALL`] of every check that judges an event. Checks of [`Speaks::Every`]
/// are included only if their filter accepts the event.
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

/// Calls `each` with the position of every check that needs a trace of AWS delivering audit logs. Such an
/// event is no violation and is not counted as judged.
pub fn remembering(event: &Event<'_>, mut each: impl FnMut(usize)) {
    if traces::is_delivery(event) {
        traces::OF_DELIVERY.iter().for_each(|at| each(*at));
    }
}

/// Result of judging one event.
#[derive(Default)]
pub struct Judged {
    /// Violations by this event alone. The accounts, if any, make the violation conditional: it holds only
    /// while one of them is outside the organisation.
    pub findings: Vec<(Finding, Vec<String>)>,
    /// Traces for checks that judge several events together.
    pub traces: Vec<Trace>,
}

/// Judges one event by all checks that apply to it.
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

/// Judges the traces of one subject, independent of their order.
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
        // Sorted like the ids of merged findings, so that judging again is idempotent.
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

/// Score of a severity: the middle of its ASFF band, 0 to 1.
fn score(severity: Severity) -> f32 {
    [0.1, 0.3, 0.5, 0.75, 0.95][severity as usize]
}

/// A finding of a check for a principal on the day of `at`, without evidence.
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

/// Calls too frequent to be delivered one by one.
const BUSY: &[(&str, &[&str])] = &[
    ("s3", &["DeleteObject", "DeleteObjects", "PutObjectAcl", "PutObjectRetention", "PutObjectLegalHold"]),
    ("kms", &["CreateGrant"]),
    ("logs", &["DeleteLogGroup", "DeleteLogStream"]),
    ("signin", &["ConsoleLogin"]), // has a rule of its own
];

/// Calls that can cause a violation of severity HIGH or above, as (event source, event name). EventBridge
/// delivers them at once.
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

/// Detector ids of compliance findings that the settings may name: all checks, and AWS Config's rule.
pub fn ids() -> Vec<&'static str> {
    ALL.iter().map(|check| check.id).chain([CONFIG_RULE]).collect()
}
