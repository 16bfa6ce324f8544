//! Test builders for CloudTrail records, and helpers that run one check on them.

use serde_json::{Value, json};

use crate::{Check, Traces, judge, judge_together};
use trailwarden_core::{
    finding::{Finding, Status},
    settings::{Facts, Settings},
    sources::{Item, Limits, read},
};

/// A record under construction. Defaults: user kim, account 111122223333, eu-west-1, noon.
pub(crate) struct Told(Value);

/// A record of a call, for example `iam:CreateUser`, with these parameters.
#[expect(clippy::needless_pass_by_value, reason = "tests read better so")]
pub(crate) fn call(call: &str, parameters: Value) -> Told {
    let (service, name) = call.split_once(':').unwrap();
    Told(json!({
        "eventName": name,
        "eventSource": format!("{service}.amazonaws.com"),
        "eventTime": "2026-03-04T12:00:00Z",
        "eventID": format!("e-{name}"),
        "awsRegion": "eu-west-1",
        "sourceIPAddress": "198.51.100.7",
        "recipientAccountId": "111122223333",
        "userIdentity": user("kim"),
        "requestParameters": parameters,
    }))
}

/// `userIdentity` of an IAM user.
pub(crate) fn user(name: &str) -> Value {
    json!({ "type": "IAMUser", "accountId": "111122223333", "userName": name,
        "arn": format!("arn:aws:iam::111122223333:user/{name}"), "accessKeyId": "AKIAEXAMPLE" })
}

/// `userIdentity` of a role session.
pub(crate) fn role(name: &str) -> Value {
    json!({ "type": "AssumedRole", "accountId": "111122223333",
        "arn": format!("arn:aws:sts::111122223333:assumed-role/{name}/session"),
        "sessionContext": { "sessionIssuer": { "arn": format!("arn:aws:iam::111122223333:role/{name}") } } })
}

/// `userIdentity` of the root user.
pub(crate) fn root() -> Value {
    json!({ "type": "Root", "accountId": "111122223333", "arn": "arn:aws:iam::111122223333:root" })
}

impl Told {
    /// Sets a top-level field of the record.
    pub(crate) fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.0[field] = value.into();
        self
    }

    pub(crate) fn by(self, identity: Value) -> Self {
        self.with("userIdentity", identity)
    }

    pub(crate) fn at(self, time: &str) -> Self {
        let id = format!("{}-{time}", self.0["eventID"].as_str().unwrap());
        self.with("eventTime", time).with("eventID", id)
    }

    pub(crate) fn refused(self) -> Self {
        self.with("errorCode", "AccessDenied")
    }

    /// Evidence of the check's violation by this record, if any.
    pub(crate) fn breaks(self, check: &Check) -> Option<String> {
        self.breaks_given("", check)
    }

    /// Evidence of the check's violation under these settings, if any.
    pub(crate) fn breaks_given(self, settings: &str, check: &Check) -> Option<String> {
        let found = all(&[self], &facts(settings));
        found
            .into_iter()
            .find(|finding| finding.detector == check.id && finding.status == Status::Open)
            .map(|finding| finding.evidence[0].clone())
    }
}

/// Evidence of the check's violation by several records; asserts that their order does not matter.
pub(crate) fn together(told: Vec<Told>, settings: &str, check: &Check) -> Option<String> {
    let facts = facts(settings);
    let said = |told: &[Told]| {
        all(told, &facts)
            .into_iter()
            .find(|finding| finding.detector == check.id && finding.status == Status::Open)
            .map(|finding| finding.evidence[0].clone())
    };
    let forwards = said(&told);
    let backwards: Vec<Told> = told.into_iter().rev().collect();
    assert_eq!(said(&backwards), forwards);
    forwards
}

/// Number of open violations of the check.
pub(crate) fn count(told: &[Told], check: &Check) -> usize {
    all(told, &facts(""))
        .iter()
        .filter(|finding| finding.detector == check.id && finding.status == Status::Open)
        .count()
}

pub(crate) fn facts(settings: &str) -> Facts {
    Settings::parse(settings, &[], &[]).unwrap().facts
}

fn all(told: &[Told], facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut traces: Vec<Traces> = Vec::new();
    for Told(record) in told {
        read(record.to_string().as_bytes(), Limits::default(), &mut |item| {
            let Item::Event(event) = item else { panic!("not an event") };
            let judged = judge(&event, facts);
            findings.extend(judged.findings.into_iter().map(|(finding, _)| finding));
            for trace in judged.traces {
                match traces
                    .iter_mut()
                    .find(|known| (known.check.clone(), known.subject.clone()) == trace.key())
                {
                    Some(known) => known.add(trace),
                    None => traces.push(Traces::new(trace)),
                }
            }
        })
        .unwrap();
    }
    findings.extend(traces.iter().flat_map(|traces| judge_together(traces, facts)));
    findings
}
