//! Behaviour risk of a principal against its own baseline, in six weighted components.
//!
//! The analysis beside it describes the day's deviations as text.

use std::{collections::BTreeSet, net::IpAddr};

use serde::Serialize;

use super::{
    Reason,
    components::{Component, saturating, weigh},
    confidence, reasons,
};
use crate::networks::describe;
use crate::severity::{Level, thresholds::Thresholds};
use crate::{
    activity::{Hour, Window},
    baseline::{Habits, service_of},
    catalog::{Act, Tactic},
    event::Outcome,
    risk::context::is_human,
};

/// Names and weights of the components.
pub const WEIGHTS: [(&str, f32); 6] = [
    ("temporal", 0.15),
    ("geographic", 0.20),
    ("access_pattern", 0.18),
    ("privilege", 0.25),
    ("failed_attempts", 0.12),
    ("new_service", 0.10),
];

/// Behaviour-risk score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BehaviorRisk {
    /// 0 to 1; the points of the parts add up to it.
    pub score: f32,
    /// Level of the score.
    pub level: Level,
    /// The components.
    pub components: Vec<Component>,
    /// Recommendations for the components of at least 0.5.
    pub recommendations: Vec<&'static str>,
}

/// Deviations of a principal from its baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BehaviorAnalysis {
    /// Anomaly score of the isolation forest, 0 to 1, 0.5 being ordinary; `None` with too few days.
    pub anomaly_score: Option<f32>,
    /// Doublings by which the day's counts exceed the maximum of earlier days, added up.
    pub anomaly_beyond: Option<f32>,
    /// Whether they exceed it by as much as one ordinary day in 200 does.
    pub is_anomalous: bool,
    /// Changes of behaviour, as text.
    pub behavioral_changes: Vec<String>,
    /// Risky behaviour, as text.
    pub risk_factors: Vec<String>,
    /// Confidence, 0 to 1.
    pub confidence_level: f32,
}

/// Scores a component: value and reason.
type Part = fn(&Window<'_>, &Habits<'_>) -> (Option<f32>, String);

const PARTS: [(Part, &str); 6] = [
    (temporal, "Ask whether the principal worked at these hours"),
    (geographic, "Ask where the principal is; if not there, revoke its sessions and keys"),
    (access_pattern, "Compare what it called with what its task needs"),
    (privilege, "Review the rights and credentials that were changed, and undo what nobody asked for"),
    (failed_attempts, "Find out what was refused: a missing permission, or somebody trying doors"),
    (new_service, "Ask for the reason of the new services, and narrow the permissions if there is none"),
];

/// Scores the behaviour in the window's hours.
pub fn behavior_risk(window: &Window<'_>, habits: &Habits<'_>, thresholds: &Thresholds) -> BehaviorRisk {
    let mut components: Vec<Component> = PARTS
        .iter()
        .zip(WEIGHTS)
        .map(|((part, _), (name, weight))| {
            let (value, because) = part(window, habits);
            Component::new(name, weight, value, because)
        })
        .collect();
    let score = weigh(&mut components);
    let telling = |(component, (_, advice)): (&Component, &(Part, &'static str))| {
        component.value.is_some_and(|value| value >= TELLING).then_some(*advice)
    };
    let recommendations = components.iter().zip(&PARTS).filter_map(telling).collect();
    BehaviorRisk { score, level: thresholds.level(score), components, recommendations }
}

/// Describes the deviations in the window's hours.
pub fn analyze_behavior(window: &Window<'_>, habits: &Habits<'_>) -> BehaviorAnalysis {
    let strangeness = habits.strangeness;
    let is_anomalous = strangeness.is_some_and(crate::baseline::Strangeness::is_anomalous);
    let changes = [geographic, temporal, access_pattern, new_service].map(|part| part(window, habits));
    let risks = [privilege, failed_attempts].map(|part| part(window, habits));
    let telling = |parts: &[(Option<f32>, String)]| -> Vec<String> {
        parts
            .iter()
            .filter(|(value, _)| value.is_some_and(|value| value >= TELLING))
            .map(|(_, because)| because.clone())
            .collect()
    };
    let mut behavioral_changes = telling(&changes);
    behavioral_changes
        .extend(strangeness.filter(|_| is_anomalous).map(crate::baseline::Strangeness::describe));
    BehaviorAnalysis {
        anomaly_score: strangeness.map(|strangeness| strangeness.score),
        anomaly_beyond: strangeness.map(|strangeness| strangeness.beyond),
        is_anomalous,
        behavioral_changes,
        risk_factors: telling(&risks),
        confidence_level: confidence(habits).clamp(0.0, 1.0),
    }
}

/// Value from which a component is unusual.
const TELLING: f32 = 0.5;

/// Days that the window's hours span, rounded up.
fn days(window: &Window<'_>) -> f32 {
    let first = window.hours.first().map_or(window.hour, |(hour, _)| *hour);
    ((window.hour - first) / 24 + 1) as f32
}

const NO_HISTORY: &str = "too few days are known";

fn temporal(window: &Window<'_>, habits: &Habits<'_>) -> (Option<f32>, String) {
    if !is_human(window) {
        return (None, "machines keep no hours".to_owned());
    }
    if !habits.own.is_established() {
        return (None, NO_HISTORY.to_owned());
    }
    let strange = |hour: u32| habits.own.strangeness_of_hour(hour).unwrap_or_default();
    let worst = window.hours.iter().map(|(hour, _)| *hour).max_by(|a, b| strange(*a).total_cmp(&strange(*b)));
    let Some(hour) = worst else { return (None, NO_HISTORY.to_owned()) };
    let value = strange(hour);
    let because = if value >= 0.5 {
        format!("active at {:02}:00 UTC, when it hardly ever is", hour % 24)
    } else {
        "active at its usual hours".to_owned()
    };
    (Some(value), because)
}

fn geographic(window: &Window<'_>, habits: &Habits<'_>) -> (Option<f32>, String) {
    let addresses: BTreeSet<IpAddr> =
        window.hours.iter().flat_map(|(_, hour)| hour.addresses.values().copied()).collect();
    if addresses.is_empty() {
        return (None, "no public address".to_owned());
    }
    if !habits.own.is_established() {
        return (None, NO_HISTORY.to_owned());
    }
    let today = window.hour / 24;
    let strangeness = |address: &IpAddr| {
        let usage = habits.network(*address).map_or_else(String::new, |network| network.usage);
        let is_hiding = matches!(usage.as_str(), "tor" | "vpn" | "proxy");
        let settled = 1.0 - habits.own.mobility();
        match habits.own.days_with_network(*address) {
            0 if is_hiding => 1.0,
            0 if habits.own.days_with_provider(*address) > 0 => 0.35 * settled,
            0 if habits.peers.is_known_desk(*address, today) => 0.3 * settled,
            0 => 0.8 * settled,
            _ => 0.0,
        }
    };
    let strangest = addresses.iter().max_by(|a, b| strangeness(a).total_cmp(&strangeness(b)));
    let Some(address) = strangest else { return (None, NO_HISTORY.to_owned()) };
    let value = strangeness(address);
    let because = if value > 0.0 {
        let described =
            habits.network(*address).map_or_else(String::new, |network| format!(", {}", describe(&network)));
        format!("calls from {address}{described}, a network it never used")
    } else {
        format!("calls from {} network(s) it knows", addresses.len())
    };
    (Some(value), because)
}

/// The share of what is new; the deviation of the whole day, where it can be compared and is larger.
fn access_pattern(window: &Window<'_>, habits: &Habits<'_>) -> (Option<f32>, String) {
    if !habits.own.is_established() {
        return (None, NO_HISTORY.to_owned());
    }
    let new: BTreeSet<&str> = all(window, |hour| {
        hour.calls.iter().filter(|(call, _)| habits.own.days_with_call(*call) == 0).map(|(_, name)| &**name)
    });
    let usual = habits.own.usual_new_calls().unwrap_or(2.0).max(2.0) * days(window);
    let value = saturating(new.len() as f32, usual)
        .max(habits.strangeness.map_or(0.0, crate::baseline::Strangeness::excess));
    let examples: Vec<&str> = new.iter().copied().take(3).collect();
    let because = match (new.len(), habits.strangeness.filter(|strangeness| strangeness.excess() > 0.0)) {
        (_, Some(strangeness)) => strangeness.describe(),
        (0, None) => "the calls it always makes".to_owned(),
        (count, None) => format!("{count} call(s) it never made before ({})", examples.join(", ")),
    };
    (Some(value), because)
}

/// Acts that change rights, credentials, defences or data, by weight and rarity.
fn privilege(window: &Window<'_>, habits: &Habits<'_>) -> (Option<f32>, String) {
    let is_weighed = |act: &Act| {
        matches!(
            act.tactic,
            Tactic::PrivilegeEscalation
                | Tactic::Persistence
                | Tactic::DefenseEvasion
                | Tactic::CredentialAccess
                | Tactic::Impact
                | Tactic::Exfiltration
        )
    };
    // Each act is weighed in the hour in which it happened.
    let reasons: Vec<Reason> = (0..window.hours.len())
        .flat_map(|at| {
            let until = Window { hour: window.hours[at].0, hours: &window.hours[..=at], ..*window };
            reasons(&until, habits, is_weighed)
        })
        .collect();
    let force: f32 = reasons.iter().map(|reason| reason.force).fold(0.0, f32::max);
    let worst = reasons.iter().max_by(|a, b| a.force.total_cmp(&b.force));
    (
        Some(1.0 - (-force).exp()),
        worst.map_or_else(|| "nothing that changes rights".to_owned(), |worst| worst.text.clone()),
    )
}

fn failed_attempts(window: &Window<'_>, _: &Habits<'_>) -> (Option<f32>, String) {
    /// Refusals a day that forgotten passwords and missing permissions explain.
    const USUAL: f32 = 6.0;
    let denied = Window::count(window.hours, |trace| trace.outcome == Outcome::Denied);
    let count = (window.failed_sign_in_count() + denied) as f32;
    (
        Some(saturating(count, USUAL * days(window))),
        format!("{count:.0} refused call(s) and failed sign-in(s)"),
    )
}

fn new_service(window: &Window<'_>, habits: &Habits<'_>) -> (Option<f32>, String) {
    if !habits.own.is_established() {
        return (None, NO_HISTORY.to_owned());
    }
    let new: BTreeSet<&str> = all(window, |hour| {
        hour.calls
            .values()
            .map(|call| service_of(call))
            .filter(|service| habits.own.days_with_service(service) == 0)
    });
    let because = if new.is_empty() {
        "the services it always uses".to_owned()
    } else {
        format!(
            "{} service(s) it never used ({})",
            new.len(),
            new.iter().copied().take(4).collect::<Vec<_>>().join(", ")
        )
    };
    (Some(saturating(new.len() as f32, 1.5 * days(window))), because)
}

fn all<'h, I: Iterator<Item = &'h str>>(
    window: &Window<'h>,
    of: impl Fn(&'h Hour) -> I,
) -> BTreeSet<&'h str> {
    window.hours.iter().flat_map(|(_, hour)| of(hour)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    fn risk(story: &Story) -> BehaviorRisk {
        story.look(|window, habits| behavior_risk(window, habits, &Thresholds::default()))
    }

    fn office() -> Story {
        Story::new().on_days(12, "s3", "ListBuckets", "{}")
    }

    #[test]
    fn the_weights_are_a_whole() {
        assert!((WEIGHTS.iter().map(|(_, weight)| weight).sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_day_like_the_others_is_low() {
        let risk = risk(&office().call("s3", "ListBuckets", "{}"));
        assert_eq!(risk.level, Level::Low, "{risk:?}");
        assert!(risk.recommendations.is_empty());
    }

    #[test]
    fn another_place_other_services_and_an_administrator_are_not() {
        let story = office()
            .from("203.0.113.9")
            .call("ec2", "DescribeInstances", "{}")
            .call("kms", "ListKeys", "{}")
            .call(
                "iam",
                "AttachUserPolicy",
                r#"{"userName":"kim","policyArn":"arn:aws:iam::aws:policy/AdministratorAccess"}"#,
            );
        let risk = risk(&story);
        assert!(risk.level >= Level::Medium, "{risk:?}");
        assert!((risk.components.iter().map(|part| part.points).sum::<f32>() - risk.score).abs() < 1e-5);
        assert!(!risk.recommendations.is_empty());
        let analysis = story.look(analyze_behavior);
        assert!(
            analysis.behavioral_changes.iter().any(|change| change.contains("203.0.113.9")),
            "{analysis:?}"
        );
    }

    #[test]
    fn without_history_only_what_is_bad_in_itself_counts() {
        let risk = risk(&Story::new().call("s3", "ListBuckets", "{}"));
        let known: Vec<&str> =
            risk.components.iter().filter(|part| part.value.is_some()).map(|part| part.name).collect();
        assert_eq!(known, ["privilege", "failed_attempts"]);
    }
}
