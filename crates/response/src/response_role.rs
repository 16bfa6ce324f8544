//! Use of the response role by anybody but the responder: a CRITICAL finding.
//!
//! Whoever holds that role can deny, detach and disable in every account, so one call that we know nothing of is enough.

use std::collections::{BTreeMap, BTreeSet};

use trailwarden_core::{
    activity::{Hour, Scope},
    catalog::{Tactic, Technique},
    event::{HOUR, Time, clip, hash},
    finding::{EVENT_IDS, Finding, Kind, Severity, Status},
    severity::thresholds::Thresholds,
};

/// The detector of such findings.
pub const DETECTOR: &str = "own-role";

/// What we were about to call in an account, by clock hour: the call, and what it was about.
pub type Recorded = BTreeMap<u32, BTreeSet<(String, String)>>;

/// What the role did in these hours that was not recorded; `None` if nothing.
pub fn misuse(scope: &Scope, hours: &[(u32, Hour)], recorded: &Recorded) -> Option<Finding> {
    let Scope::Principal(arn) = scope else { return None };
    let mut strange = BTreeSet::new();
    let mut event_ids = Vec::new();
    let mut span: Option<(u32, u32)> = None;
    for (at, hour) in hours {
        // What was recorded in the last second of an hour may be called in the first of the next.
        let ours: BTreeSet<&(String, String)> =
            [at.saturating_sub(1), *at].iter().filter_map(|hour| recorded.get(hour)).flatten().collect();
        let found = strange_calls(hour, &ours);
        if found.is_empty() {
            continue;
        }
        let keys: BTreeSet<u32> = found.iter().map(|(call, _)| hash(call) as u32).collect();
        let traces = hour.events.values().filter(|trace| keys.contains(&trace.call));
        event_ids.extend(traces.map(|trace| trace.event_id.to_string()));
        span = Some((span.map_or(*at, |(first, _)| first), *at));
        strange.extend(found);
    }
    let (first, last) = span?;
    event_ids.truncate(EVENT_IDS);
    Some(finding(arn, &strange, event_ids, first, last))
}

/// Calls of an hour that are not ours, with what they were about, as far as that is known.
fn strange_calls(hour: &Hour, ours: &BTreeSet<&(String, String)>) -> BTreeSet<(String, String)> {
    let names: BTreeSet<&str> = ours.iter().map(|(call, _)| call.as_str()).collect();
    let mut strange: BTreeSet<(String, String)> = hour
        .calls
        .values()
        .filter(|call| !names.contains(&***call))
        .map(|call| (call.to_string(), String::new()))
        .collect();
    for notable in hour.acts.groups().flat_map(|group| group.acts.values()) {
        let (call, target) = (&notable.act.call, &notable.act.target);
        // A key is named by its id or by its ARN.
        let is_end = |name: &str| {
            target.strip_suffix(name).is_some_and(|head| head.is_empty() || head.ends_with([':', '/']))
        };
        let is_it = |known: &&(String, String)| *known.0 == **call && is_end(&known.1);
        if !target.is_empty() && !ours.iter().copied().any(|known| is_it(&known)) {
            strange.remove(&(call.to_string(), String::new()));
            strange.insert((call.to_string(), target.to_string()));
        }
    }
    strange
}

fn finding(
    arn: &str,
    strange: &BTreeSet<(String, String)>,
    event_ids: Vec<String>,
    first: u32,
    last: u32,
) -> Finding {
    let account = trailwarden_core::event::account_of(arn).unwrap_or_default();
    let told = |(call, target): &(String, String)| {
        let on = if target.is_empty() { String::new() } else { format!(" on {}", clip(target, 96)) };
        format!("{call}{on}: by our response role, and no response of ours")
    };
    Finding {
        id: Finding::id_of(DETECTOR, arn, first / 24),
        kind: Kind::Threat,
        detector: DETECTOR.to_owned(),
        title: "Response role misused: a call that no response made".to_owned(),
        severity: Severity::Critical,
        score: 0.97,
        confidence: 0.9,
        principal: arn.to_owned(),
        principal_kind: trailwarden_core::event::PrincipalKind::Role,
        callers: Vec::new(),
        account_id: account.to_owned(),
        region: String::new(),
        first_seen: Time(i64::from(first) * HOUR),
        last_seen: Time(i64::from(last + 1) * HOUR - 1),
        techniques: Technique::find("T1078.004").into_iter().collect(),
        tactics: vec![Tactic::PrivilegeEscalation],
        event_ids,
        evidence: strange.iter().take(20).map(told).collect(),
        recommendations: [
            "Stop all responses: POST /response/stop",
            "See who changed the role's trust policy, or the function that may assume it",
            "Deploy the stack and member.yaml again, which restores both",
        ]
        .map(str::to_owned)
        .to_vec(),
        controls: Vec::new(),
        status: Status::Open,
        thresholds: Thresholds::default(),
        contributions: Vec::new(),
        usual: vec!["It is used by responses alone, each of which is recorded before".to_owned()],
        observed: Vec::new(),
        features: None,
    }
}

/// Findings about the role, where all that it did was recorded: suppressed, and said to be our doing.
pub fn annotate(findings: &mut [Finding]) {
    for finding in findings.iter_mut().filter(|finding| finding.status == Status::Open) {
        finding.status = Status::Suppressed("a response of ours, recorded before it was made".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailwarden_core::activity::testing::grave;

    const ROLE: &str = "arn:aws:iam::111122223333:role/TrailwardenResponse";

    /// An hour with these calls; those that are about something also mean something.
    fn hour_of(calls: &[(&str, &str)]) -> Hour {
        let mut hour = Hour::default();
        for (call, target) in calls {
            hour.calls.insert(hash(call), call);
            if !target.is_empty() {
                let mut notable = grave("198.51.100.7".parse().unwrap());
                (notable.act.call, notable.act.target) = ((*call).into(), (*target).into());
                hour.acts.insert(hash(call), notable);
            }
        }
        hour
    }

    fn found(calls: &[(&str, &str)], recorded: &[(u32, &str, &str)]) -> Option<Finding> {
        let mut ours = Recorded::new();
        for (hour, call, target) in recorded {
            ours.entry(*hour).or_default().insert(((*call).to_owned(), (*target).to_owned()));
        }
        misuse(&Scope::Principal(ROLE.into()), &[(500_000, hour_of(calls))], &ours)
    }

    #[test]
    fn what_was_recorded_is_ours_also_in_the_next_hour() {
        let calls = [("iam:PutUserPolicy", "kim"), ("iam:GetUser", "")];
        let recorded = |hour| [(hour, "iam:PutUserPolicy", "kim"), (hour, "iam:GetUser", "kim")];
        assert_eq!(found(&calls, &recorded(500_000)), None);
        assert_eq!(found(&calls, &recorded(499_999)), None);
        assert!(found(&calls, &recorded(499_998)).is_some());
    }

    #[test]
    fn any_other_use_is_critical() {
        let stray = found(&[("iam:ListUsers", "")], &[(500_000, "iam:GetUser", "kim")]).unwrap();
        assert_eq!(stray.severity, Severity::Critical);
        assert!(stray.evidence[0].starts_with("iam:ListUsers: by our response role"), "{:?}", stray.evidence);
        let key = "arn:aws:kms:eu-west-1:111122223333:key/k1";
        assert_eq!(found(&[("kms:EnableKey", key)], &[(500_000, "kms:EnableKey", "k1")]), None);
        for other in ["tokim", "kim2"] {
            let calls = [("iam:PutUserPolicy", other)];
            assert!(found(&calls, &[(500_000, "iam:PutUserPolicy", "kim")]).is_some(), "{other}");
        }
        let other = found(&[("iam:PutUserPolicy", "eva")], &[(500_000, "iam:PutUserPolicy", "kim")]).unwrap();
        assert!(other.evidence[0].starts_with("iam:PutUserPolicy on eva"), "{:?}", other.evidence);
    }
}
