//! Page of a principal: risk, baseline, week and findings.

use maud::{Markup, html};
use serde_json::Value;
use trailwarden_pipeline::dashboard::Portrait;

use super::{charts, lists, parts};

pub(super) fn principal(portrait: &Portrait) -> Markup {
    html! {
        section.card.wide #who {
            p.quiet { "Identity" }
            h1.breaks { (parts::shown(&portrait.principal)) }
        }
        @if let Some(risk) = &portrait.risk { (risk_of(risk, portrait.risk_of.as_deref().unwrap_or_default())) }
        section.card #habits aria-labelledby="habits-title" {
            h2 id="habits-title" { "What is usual" }
            @if portrait.usual.is_empty() {
                p.quiet { "Nothing is known yet: it was not seen for a whole day." }
            } @else {
                ul { @for line in &portrait.usual { li { (parts::shown(line)) } } }
            }
        }
        @if let Some(week) = &portrait.week {
            section.card.wide #week aria-labelledby="week-title" {
                h2 id="week-title" { "The week, against the weeks before" }
                (charts::week(week))
            }
        }
        section.card.wide #findings aria-labelledby="findings-title" {
            h2 id="findings-title" { "Findings of 30 days" }
            @if portrait.findings.is_empty() { p.quiet { "None." } } @else { (lists::of_findings(&portrait.findings, "findings-title")) }
        }
        section.card.wide #incidents aria-labelledby="incidents-title" {
            h2 id="incidents-title" { "Incidents" }
            @if portrait.incidents.is_empty() { p.quiet { "None." } } @else { (lists::of_incidents(&portrait.incidents)) }
        }
    }
}

/// Risk assessment, by component.
fn risk_of(risk: &Value, day: &str) -> Markup {
    let number = |value: &Value| {
        value.as_f64().map_or_else(|| "unknown".to_owned(), |number| format!("{:.2}", number + 0.0))
    };
    let parts_of = risk["components"].as_array().cloned().unwrap_or_default();
    let score = risk["score"].as_f64().unwrap_or_default() as f32;
    html! {
        section.card #risk aria-labelledby="risk-title" {
            h2 id="risk-title" { "Risk " span data-value="risk" { (number(&risk["score"])) } }
            p.quiet { (parts::shown(risk["level"].as_str().unwrap_or_default()).to_lowercase()) ", on " (day) "; confidence " (number(&risk["confidence"])) }
            table {
                thead { tr { th scope="col" { "Part" } th scope="col" { "Adds" } th scope="col" { "Because" } } }
                tbody {
                    @for part in &parts_of {
                        tr {
                            th scope="row" { (parts::shown(part["name"].as_str().unwrap_or_default()).replace('_', " ")) }
                            td.number { (number(&part["points"])) (charts::share(part["points"].as_f64().unwrap_or_default() as f32, score)) }
                            td.small { (parts::shown(part["because"].as_str().unwrap_or_default())) }
                        }
                    }
                }
            }
        }
    }
}
