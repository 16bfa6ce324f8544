//! Page of a finding: what happened, its score, the baseline, recommendations and verdict.

use maud::{Markup, html};
use trailwarden_core::{
    features::Features,
    finding::{Finding, Kind, Severity, Status},
    severity::thresholds::Verdict,
};
use trailwarden_pipeline::dashboard::Story;
use trailwarden_response::Plan;

use super::{charts, parts};

pub(super) fn finding(story: &Story) -> Markup {
    let finding = &story.finding;
    html! {
        (head(story))
        // A violation is a fact: it has no score contributions, and no baseline excuses it.
        @if finding.kind != Kind::Compliance {
            (contributions(finding))
            section.card #usual aria-labelledby="usual-title" {
                h2 id="usual-title" { "What was usual, and what was not" }
                (parts::list("Usual", &finding.usual))
                (parts::list("That day", &finding.observed))
                @if finding.usual.is_empty() && finding.observed.is_empty() {
                    p.quiet { "Nothing was known of them before." }
                }
            }
        }
        @if let Some(week) = &story.week {
            section.card.wide #week aria-labelledby="week-title" {
                h2 id="week-title" { "Their week" }
                (charts::week(week))
            }
        }
        @if let Some(plan) = &story.plan { (planned(plan)) }
        (verdict(story))
        (evidence(finding))
    }
}

fn head(story: &Story) -> Markup {
    let finding = &story.finding;
    html! {
        section.card.wide #what {
            p { (parts::severity(finding.severity)) " " span.quiet { (parts::kind(finding.kind)) ", " (parts::shown(&finding.id)) } }
            h1 { (parts::shown(&finding.title)) }
            p { (parts::whose(&finding.principal, &about(story))) " in " (parts::shown(&finding.account_id))
                @if !finding.region.is_empty() { ", " (parts::shown(&finding.region)) } }
            @if !finding.callers.is_empty() {
                p.small { "assumed by " @for caller in &finding.callers { (parts::principal(caller)) " " } }
            }
            p.quiet { (parts::time(finding.first_seen)) " to " (parts::time(finding.last_seen)) " UTC" }
            @match &finding.status {
                Status::Open => {},
                Status::Closed(why) => p.note { "Closed: " (parts::shown(why)) },
                Status::Suppressed(why) => p.note { "Suppressed by the settings: " (parts::shown(why)) },
            }
            ul { @for reason in &finding.evidence { li { (parts::shown(reason)) } } }
            @if let Some(incident) = &story.incident {
                p { "Part of the " (parts::state(incident.state)) " incident " (parts::to_incident(&incident.id, &incident.id)) "." }
            }
        }
    }
}

/// Partition of the finding's principal. It differs from the finding's own partition for an account or an
/// address.
fn about(story: &Story) -> String {
    if story.of.starts_with("ACCOUNT#") || story.of.starts_with("ADDRESS#") {
        trailwarden_response::incident::scope_of(&story.finding.principal).partition()
    } else {
        story.of.clone()
    }
}

fn contributions(finding: &Finding) -> Markup {
    html! {
        section.card #score aria-labelledby="score-title" {
            h2 id="score-title" { "Score " span data-value="score" { (format!("{:.2}", finding.score)) } }
            p.quiet { "A threat begins at " (format!("{:.2}", finding.thresholds.high)) ", an alert at "
                (format!("{:.2}", finding.thresholds.medium)) "; confidence " (format!("{:.2}", finding.confidence)) "." }
            table {
                thead { tr { th scope="col" { "Adds" } th scope="col" { "Because" } } }
                tbody {
                    @for reason in &finding.contributions {
                        tr {
                            td.number { (format!("{:.3}", reason.points)) (charts::share(reason.points, finding.score)) }
                            td.small { (parts::shown(&reason.text)) br;
                                span.quiet { (parts::time(reason.first_seen)) ", " (reason.event_ids.len()) " event(s)" } }
                        }
                    }
                }
            }
            (features(finding))
        }
    }
}

fn features(finding: &Finding) -> Markup {
    let known = finding.features.and_then(|features| serde_json::to_value(features).ok());
    html! {
        @if let Some(features) = known {
            details id="features" {
                summary { "The 24 hours in numbers" }
                table { tbody {
                    @for name in Features::NAMES {
                        tr {
                            th scope="row" { (name.replace('_', " ")) }
                            td.number {
                                @match features.get(name).and_then(serde_json::Value::as_f64) {
                                    Some(value) => (format!("{:.2}", value + 0.0)),
                                    None => "unknown",
                                }
                            }
                        }
                    }
                } }
            }
        }
    }
}

fn planned(plan: &Plan) -> Markup {
    html! {
        section.card.wide #plan aria-labelledby="plan-title" {
            h2 id="plan-title" { "Plan: " (parts::shown(&plan.classification)) }
            p { strong { (plan.level.label()) } ", " (parts::shown(&plan.because)) }
            @if !plan.actions.is_empty() {
                ol { @for act in &plan.actions {
                    li { (parts::shown(&act.text)) span.quiet { " in " (parts::shown(&act.account_id)) "; " (parts::shown(&act.why))
                        ". Undo, " (act.undo.describe()) ": " (parts::shown(&act.undone_by)) } }
                } }
            }
            (parts::list("Left to people", &plan.next_steps))
            (parts::list("Who else is hit", &plan.hits))
            (parts::list("What remains", &plan.residual))
        }
    }
}

fn verdict(story: &Story) -> Markup {
    let finding = &story.finding;
    let said = story.verdict.as_ref().map(|word| word.verdict);
    let words = match said {
        None => "Nobody has said yet whether it was right.",
        Some(Verdict::TruePositive) => "It was said to be right",
        Some(Verdict::FalsePositive) => "It was said to be a false alarm",
    };
    let button = |verdict: Verdict, value: &str, text: &str| {
        html! {
            button type="button" data-post="/api/verdict" data-id=(parts::encoded(&finding.id)) data-of=(parts::encoded(&story.of)) data-verdict=(value)
                aria-pressed=(if said == Some(verdict) { "true" } else { "false" }) { (text) }
        }
    };
    html! {
        section.card #verdict aria-labelledby="verdict-title" {
            h2 id="verdict-title" { "Was it right?" }
            p data-value="verdict" {
                (words)
                @if let Some(word) = &story.verdict {
                    @if !word.by.is_empty() { " by " (parts::shown(&word.by)) }
                    ", " (parts::time(word.at)) " UTC."
                }
            }
            @if finding.kind == Kind::Compliance {
                p.quiet { "A violation is a fact. What is allowed all the same, a rule of the settings accepts, with its reason." }
            } @else if finding.severity >= Severity::Medium {
                p.buttons {
                    (button(Verdict::TruePositive, "true_positive", "It was right"))
                    (button(Verdict::FalsePositive, "false_positive", "False alarm"))
                }
                p.quiet { "The last word counts. Verdicts of 30 days move the thresholds from the next day on, in small steps." }
            } @else {
                p.quiet { "It was no alert, so a verdict would move nothing." }
            }
        }
    }
}

/// Event ids, grouped by score contribution, for lookup in CloudTrail.
fn events(finding: &Finding) -> Markup {
    let ids = |ids: &[String]| html! { ul.ids { @for id in ids { li { code { (parts::shown(id)) } } } } };
    html! {
        details id="events" {
            summary { (finding.event_ids.len()) " event(s) that prove it" }
            @for reason in &finding.contributions {
                p.small { (parts::shown(&reason.text)) span.quiet { ", " (parts::time(reason.first_seen)) " to " (parts::time(reason.last_seen)) " UTC" } }
                (ids(&reason.event_ids))
            }
            @if finding.contributions.is_empty() { (ids(&finding.event_ids)) }
            p.quiet { "Each whole, for 90 days: " code { "aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventId,AttributeValue=ID" }
                @if !finding.region.is_empty() { code { " --region " (parts::shown(&finding.region)) } } "; later, in the trail's bucket." }
        }
    }
}

fn evidence(finding: &Finding) -> Markup {
    html! {
        section.card #evidence aria-labelledby="evidence-title" {
            h2 id="evidence-title" { "Evidence" }
            @if !finding.techniques.is_empty() {
                h3 { "ATT&CK" }
                ul { @for technique in &finding.techniques { li { (technique.id()) " " (technique.name()) } } }
            }
            (parts::list("Controls", &finding.controls))
            (parts::list("What to do", &finding.recommendations))
            (events(finding))
        }
    }
}
