//! Risk assessment of a principal: five components, suspicious patterns, and recommended actions.

use serde::Serialize;

use super::{
    behavior::{BehaviorAnalysis, BehaviorRisk, analyze_behavior, behavior_risk},
    components::Component,
    confidence, force,
};
use crate::detectors::{self, Aspect};
use crate::severity::{Level, thresholds::Thresholds};
use crate::{
    activity::Window,
    baseline::Habits,
    finding::{Finding, Status},
    risk::access_context::{AccessContext, access_context},
};

/// Names and weights of the components.
pub const WEIGHTS: [(&str, f32); 5] = [
    ("authentication", 0.20),
    ("authorization", 0.25),
    ("behavioral", 0.25),
    ("environmental", 0.15),
    ("historical", 0.15),
];

/// Strength of the sum: a component at 1 with a weight of a quarter makes about 0.7, a threat.
const STRENGTH: f32 = 1.4;
/// Days in which an old finding loses half of its weight.
const HALF_LIFE: f32 = 7.0;

/// Risk assessment of a principal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assessment {
    /// 0 to 1; the points of the components add up to it.
    pub score: f32,
    /// Level of the score.
    pub level: Level,
    /// Confidence, 0 to 1.
    pub confidence: f32,
    /// The components.
    pub components: Vec<Component>,
    /// Reasons for most of the score, weightiest first.
    pub primary_factors: Vec<String>,
    /// Findings of the period, as text, worst first.
    pub suspicious_patterns: Vec<String>,
    /// Recommended actions.
    pub recommended_actions: Vec<String>,
    /// The period against earlier days.
    pub behavior: BehaviorAnalysis,
    /// Behaviour-risk score.
    pub behavior_risk: BehaviorRisk,
    /// Access context of the last hour.
    pub access_context: AccessContext,
}

/// Assesses the principal of a window.
///
/// `findings` are those of the last 30 days, including the window's.
pub fn assess(
    window: &Window<'_>,
    habits: &Habits<'_>,
    thresholds: &Thresholds,
    findings: &[&Finding],
) -> Assessment {
    let behavior_risk = behavior_risk(window, habits, thresholds);
    let access_context = access_context(window, habits, thresholds);
    let first_hour = window.hours.first().map_or(window.hour, |(hour, _)| *hour);
    let is_now = |finding: &&&Finding| finding.last_seen.hour() >= first_hour;
    let open = || findings.iter().filter(|finding| finding.status == Status::Open);
    let mut now: Vec<&Finding> = open().filter(is_now).copied().collect();
    now.sort_by(|a, b| b.score.total_cmp(&a.score));
    let before: Vec<&Finding> = open().filter(|finding| !is_now(finding)).copied().collect();
    let mut components: Vec<Component> = WEIGHTS
        .into_iter()
        .zip([
            authentication(&access_context, &now),
            authorization(&behavior_risk, &now),
            behavioral(&behavior_risk, &now),
            environmental(&access_context, &behavior_risk),
            historical(window, &before),
        ])
        .map(|((name, weight), (value, because))| Component::new(name, weight, value, because))
        .collect();
    let score = combine(&mut components);
    let mut ranked: Vec<&Component> = components.iter().filter(|part| part.points >= 0.02).collect();
    ranked.sort_by(|a, b| b.points.total_cmp(&a.points));
    let known =
        components.iter().filter(|part| part.value.is_some()).count() as f32 / components.len() as f32;
    Assessment {
        score,
        level: thresholds.level(score),
        confidence: (confidence(habits) * (0.6 + 0.4 * known)).clamp(0.05, 0.99),
        primary_factors: ranked.iter().map(|part| format!("{}: {}", part.name, part.because)).collect(),
        suspicious_patterns: now.iter().map(|finding| pattern(finding)).collect(),
        recommended_actions: actions(&now, &behavior_risk),
        behavior: analyze_behavior(window, habits),
        components,
        behavior_risk,
        access_context,
    }
}

/// Noisy-or: each component has a force by its weight; forces add up, and each component's points are its
/// share of the score.
fn combine(components: &mut [Component]) -> f32 {
    let force_of =
        |part: &Component| part.value.map_or(0.0, |value| force(0.97 * value) * part.weight * STRENGTH);
    let total: f32 = components.iter().map(force_of).sum();
    let score = 1.0 - (-total).exp();
    for part in components.iter_mut() {
        part.points = if total > 0.0 { score * force_of(part) / total } else { 0.0 };
    }
    score
}

fn pattern(finding: &Finding) -> String {
    let evidence = finding.evidence.first().map_or("", String::as_str);
    format!("{} {}: {evidence}", finding.severity.label(), finding.title)
}

/// The worst of the findings that raise this part of the assessment.
fn worst<'f>(findings: &[&'f Finding], aspect: Aspect) -> Option<&'f Finding> {
    let raises =
        |finding: &&&Finding| detectors::find(&finding.detector).is_some_and(|of| of.assesses == aspect);
    findings.iter().find(raises).copied()
}

type Part = (Option<f32>, String);

/// Authentication: attacks on passwords, and the strength of the sign-in.
fn authentication(context: &AccessContext, now: &[&Finding]) -> Part {
    if let Some(finding) = worst(now, Aspect::SignIn) {
        return (Some(finding.score), pattern(finding));
    }
    let weak = &context.components[4];
    (weak.value.map(|value| value * 0.3), weak.because.clone())
}

/// Authorization: rights changed, and calls denied.
fn authorization(risk: &BehaviorRisk, now: &[&Finding]) -> Part {
    if let Some(finding) = worst(now, Aspect::Rights) {
        return (Some(finding.score), pattern(finding));
    }
    let (privilege, failed) = (&risk.components[3], &risk.components[4]);
    let stronger = if privilege.value >= failed.value { privilege } else { failed };
    (stronger.value.map(|value| value * 0.5), stronger.because.clone())
}

/// Behaviour: anomalous access and enumeration, else the calls.
fn behavioral(risk: &BehaviorRisk, now: &[&Finding]) -> Part {
    if let Some(finding) = worst(now, Aspect::Behavior) {
        return (Some(finding.score), pattern(finding));
    }
    let pattern = &risk.components[2];
    (pattern.value.map(|value| value * 0.6), pattern.because.clone())
}

/// Environment: network, time and device.
fn environmental(context: &AccessContext, risk: &BehaviorRisk) -> Part {
    let geographic = &risk.components[1];
    let (time, device) = (&context.components[0], &context.components[2]);
    let known: Vec<&Component> =
        [geographic, time, device].into_iter().filter(|part| part.value.is_some()).collect();
    let Some(strongest) =
        known.iter().max_by(|a, b| a.value.unwrap_or(0.0).total_cmp(&b.value.unwrap_or(0.0)))
    else {
        return (None, "too few days are known".to_owned());
    };
    let mean = known.iter().filter_map(|part| part.value).sum::<f32>() / known.len() as f32;
    (Some(mean), strongest.because.clone())
}

/// History: alerts before the window, fading with age.
fn historical(window: &Window<'_>, before: &[&Finding]) -> Part {
    let today = window.hour / 24;
    let faded = |finding: &&&Finding| {
        finding.score * 0.5f32.powf(today.saturating_sub(finding.last_seen.day()) as f32 / HALF_LIFE)
    };
    let alerts = || before.iter().filter(|finding| finding.is_alert());
    let calm: f32 = alerts().map(|finding| 1.0 - faded(&finding)).product();
    match alerts().count() {
        0 => (Some(0.0), "no alert in the 30 days before".to_owned()),
        count => {
            let worst = alerts().max_by(|a, b| faded(a).total_cmp(&faded(b)));
            let worst = worst.map_or("", |finding| finding.title.as_str());
            (Some(1.0 - calm), format!("{count} alert(s) in the 30 days before, above all: {worst}"))
        }
    }
}

/// Recommendations of the worst findings and of the behaviour components, each once.
fn actions(now: &[&Finding], risk: &BehaviorRisk) -> Vec<String> {
    const MOST: usize = 6;
    let mut actions: Vec<String> = Vec::new();
    let advice = now
        .iter()
        .filter(|finding| finding.is_alert())
        .flat_map(|finding| finding.recommendations.iter().map(String::as_str))
        .chain(risk.recommendations.iter().copied());
    for advice in advice {
        if actions.len() < MOST && !actions.iter().any(|known| known == advice) {
            actions.push(advice.to_owned());
        }
    }
    actions
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{detectors::testing::Story, finding::testing::finding};

    fn assessment(story: &Story, findings: &[&Finding]) -> Assessment {
        story.look(|window, habits| {
            let mut findings: Vec<Finding> = findings.iter().map(|finding| (*finding).clone()).collect();
            for (finding, days_ago) in findings.iter_mut().zip(0..) {
                finding.last_seen = crate::event::Time((i64::from(window.hour) - days_ago * 96) * 3600);
            }
            assess(window, habits, &Thresholds::default(), &findings.iter().collect::<Vec<_>>())
        })
    }

    fn office() -> Story {
        Story::new().on_days(12, "s3", "ListBuckets", "{}").call("s3", "ListBuckets", "{}")
    }

    #[test]
    fn a_quiet_day_is_low_and_needs_nothing() {
        let assessment = assessment(&office(), &[]);
        assert_eq!(assessment.level, Level::Low, "{assessment:?}");
        assert!(assessment.recommended_actions.is_empty() && assessment.suspicious_patterns.is_empty());
    }

    #[test]
    fn a_finding_makes_it_worse_and_is_told() {
        let threat = finding();
        let assessment = assessment(&office(), &[&threat]);
        assert!(assessment.level >= Level::Medium, "{assessment:?}");
        assert!(assessment.suspicious_patterns[0].contains("StopLogging"), "{assessment:?}");
        assert!(
            assessment.primary_factors[0].starts_with("authorization"),
            "{:?}",
            assessment.primary_factors
        );
        let points: f32 = assessment.components.iter().map(|part| part.points).sum();
        assert!((points - assessment.score).abs() < 1e-5);
    }

    #[test]
    fn an_old_finding_fades_into_history() {
        let threat = finding();
        let now = assessment(&office(), &[&threat]).score;
        let both = assessment(&office(), &[&threat, &threat]).score;
        assert!(both > now && both - now < now, "{now} {both}");
    }
}
