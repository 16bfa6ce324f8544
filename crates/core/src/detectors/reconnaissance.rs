//! Detector: enumeration, by many different read calls to many services, or many denied ones.
//!
//! An attacker with a stolen key first explores its rights. Scanners and inventory tools read as much, but
//! every day; consoles read much for every page, so reads in a browser count little.

use std::collections::BTreeSet;

use super::{Aspect, Detector, ScopeKind, anomalous_access::news};
use crate::{
    activity::Window,
    baseline::{Habits, service_of},
    catalog::{Tactic, Technique, weight},
    event::{Outcome, PrincipalKind},
    finding::Severity,
    risk::{Reason, Signal, confidence, reasons, signal},
};

pub(super) const DETECTOR: Detector = Detector {
    id: "reconnaissance",
    title: "Reconnaissance: enumeration of the account",
    scope: ScopeKind::Principal,
    base_severity: Severity::Medium,
    assesses: Aspect::Behavior,
    playbook: "unusual-access",
    guesses: false,
    mitigation: &[
        "Ask the owner of the credentials; if it was not them, revoke sessions and keys at once",
        "Look for what was tried next: new credentials, policies, data",
    ],
    detect,
};

/// Different read calls in an hour that normal work explains.
const QUESTIONS: usize = 18;
/// Services that one task explains.
const SERVICES: usize = 5;
/// Different denied calls that a missing permission explains.
const REFUSALS: usize = 5;

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    if !is_judged(window, habits) {
        return stranger(window, habits);
    }
    let mut all: Vec<Reason> =
        [questions(window, habits), refusals(window, habits)].into_iter().flatten().collect();
    all.extend(reasons(window, habits, |act| {
        act.tactic == Tactic::Discovery && act.weight >= weight::MINOR * 0.6
    }));
    signal(all, confidence(habits))
}

/// A machine without a baseline may read anything; denied calls to many services are not part of its job.
fn stranger(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    const DOORS: usize = 4;
    let is_machine = window
        .principal
        .is_some_and(|principal| matches!(principal.kind, PrincipalKind::Role | PrincipalKind::Workload));
    let refused = refused(window, habits);
    let services: BTreeSet<&str> = refused.iter().map(|call| service_of(call)).collect();
    if !is_machine || services.len() < DOORS {
        return None;
    }
    signal(refusals(window, habits).into_iter().collect(), confidence(habits))
}

/// Machines and outside scanners need an established baseline; a role at a command line has a human behind
/// it.
fn is_judged(window: &Window<'_>, habits: &Habits<'_>) -> bool {
    let is_typed = window.now().clients.values().any(|client| client.starts_with("aws-cli"));
    let is_machine = window.principal.is_none_or(|principal| match principal.kind {
        PrincipalKind::Role => !is_typed,
        PrincipalKind::Workload | PrincipalKind::ExternalAccount | PrincipalKind::Anonymous => true,
        _ => false,
    });
    !is_machine || habits.own.is_established()
}

fn is_question(call: &str) -> bool {
    let name = call.split(':').nth(1).unwrap_or_default();
    ["List", "Describe", "Get", "Head", "Lookup", "Search", "Batch", "Simulate"]
        .iter()
        .any(|verb| name.starts_with(verb))
}

fn questions(window: &Window<'_>, habits: &Habits<'_>) -> Option<Reason> {
    let now = window.now();
    let is_browsing =
        now.clients.values().all(|client| client.starts_with("browser") || **client == *"console");
    let new: Vec<&str> = news(now, habits.own).0.into_iter().filter(|call| is_question(call)).collect();
    let services: BTreeSet<&str> = new.iter().map(|call| service_of(call)).collect();
    if is_browsing || new.len() < QUESTIONS || services.len() < SERVICES {
        return None;
    }
    let probability = 0.4 + 0.01 * (new.len() - QUESTIONS) as f32 + 0.03 * (services.len() - SERVICES) as f32;
    let text = format!(
        "{} different questions to {} services within the hour ({}, ...)",
        new.len(),
        services.len(),
        new[..4].join(", ")
    );
    Some(reason(window, probability.min(0.76), text, |_| true))
}

fn refusals(window: &Window<'_>, habits: &Habits<'_>) -> Option<Reason> {
    let new = refused(window, habits);
    if new.len() < REFUSALS {
        return None;
    }
    let text = format!("{} different calls refused ({}, ...)", new.len(), new[..3].join(", "));
    Some(reason(window, (0.3 + 0.04 * new.len() as f32).min(0.76), text, |outcome| {
        outcome == Outcome::Denied
    }))
}

/// The denied calls of the hour that the principal never made before.
fn refused<'h>(window: &Window<'h>, habits: &Habits<'_>) -> Vec<&'h str> {
    let now = window.now();
    let refused: BTreeSet<u32> = now
        .events
        .values()
        .filter(|trace| trace.outcome == Outcome::Denied)
        .map(|trace| trace.call)
        .collect();
    let is_new = |call: u64| refused.contains(&(call as u32)) && habits.own.days_with_call(call) == 0;
    now.calls.iter().filter(|(call, _)| is_new(*call)).map(|(_, name)| &**name).collect()
}

fn reason(window: &Window<'_>, probability: f32, text: String, proves: impl Fn(Outcome) -> bool) -> Reason {
    Reason {
        techniques: vec![Technique::new("T1580"), Technique::new("T1526"), Technique::new("T1087.004")],
        tactics: vec![Tactic::Discovery],
        ..Reason::of_hour(window, probability, text, |trace| proves(trace.outcome))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    fn asks(story: Story, services: usize, each: usize) -> Story {
        (0..services).fold(story.client("aws-cli/2 Linux"), |story, service| {
            (0..each)
                .fold(story, |story, n| story.call(&format!("service{service}"), &format!("List{n}"), "{}"))
        })
    }

    #[test]
    fn many_questions_to_many_services_are_a_look_around() {
        assert!(asks(Story::new(), 14, 4).score(detect) >= 0.7);
    }

    #[test]
    fn refusals_make_it_plain() {
        let story = (0..12)
            .fold(Story::new(), |story, n| story.failed("iam", &format!("List{n}"), "{}", "AccessDenied"));
        assert!(story.score(detect) >= 0.7);
    }

    #[test]
    fn one_task_a_console_or_a_machine_is_not() {
        assert!(asks(Story::new(), 2, 20).signal(detect).is_none());
        assert!(asks(Story::new().instance("scan", "i-0123456789abcdef0"), 14, 4).signal(detect).is_none());
    }
}
