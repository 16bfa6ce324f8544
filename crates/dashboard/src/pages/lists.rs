//! Lists of findings and incidents: excerpts for the board, and whole pages.

use maud::{Markup, html};
use trailwarden_core::finding::Severity;
use trailwarden_pipeline::{
    dashboard::{PAGE, Page, Placed},
    index_entries::{FindingLine, IncidentLine},
};
use trailwarden_response::Level;

use super::parts;
use crate::queries::Query;

/// Board section: the worst findings of the week.
pub(super) fn worst(findings: &[Placed<FindingLine<'_>>]) -> Markup {
    html! {
        section.card.wide #findings aria-labelledby="findings-title" {
            h2 id="findings-title" { a href="/findings" { "Findings" } }
            @if findings.is_empty() {
                p.quiet { "None in seven days." }
            } @else {
                (of_findings(findings, "findings-title"))
            }
        }
    }
}

pub(super) fn of_findings(findings: &[Placed<FindingLine<'_>>], title: &str) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby=(title) {
            table.lines {
                thead { tr {
                    th scope="col" { "Severity" } th scope="col" { "What" } th scope="col" { "Who" }
                    th scope="col" { "Score" } th scope="col" { "Last seen" }
                } }
                tbody {
                    @for one in findings {
                        tr {
                            td { (parts::severity(one.line.severity)) }
                            td { (parts::to_finding(one, &one.line.id, &one.line.title))
                                span.quiet { " " (parts::kind(one.line.kind)) @if !one.line.is_open { ", no longer open" } } }
                            td { (parts::principal(&one.line.principal)) span.quiet { " in " (parts::shown(&one.line.account_id)) } }
                            td.number { (format!("{:.2}", one.line.score)) }
                            td { (parts::time(one.line.last_seen)) }
                        }
                    }
                }
            }
        }
    }
}

/// Board section: incidents that need attention.
pub(super) fn pressing(incidents: &[Placed<IncidentLine>]) -> Markup {
    html! {
        section.card #incidents aria-labelledby="incidents-title" {
            h2 id="incidents-title" { a href="/incidents" { "Incidents" } }
            @if incidents.is_empty() {
                p.quiet { "None in a month." }
            } @else {
                (of_incidents(incidents))
            }
        }
    }
}

pub(super) fn of_incidents(incidents: &[Placed<IncidentLine>]) -> Markup {
    html! {
        ul.incidents {
            @for one in incidents {
                @let line = &one.line;
                li {
                    p { (parts::severity(line.severity)) " " span class={ "state " (parts::state(line.state)) } { (parts::state(line.state)) } " "
                        (parts::to_incident(&line.id, &line.classification)) }
                    p.small { (parts::principal(&line.principal)) ", " (line.findings) " finding(s), last " (parts::time(line.last_seen)) }
                    p.small { (plan(line)) @if let Some(who) = &line.assignee { ", with " (parts::shown(who)) } }
                }
            }
        }
    }
}

fn plan(line: &IncidentLine) -> Markup {
    let level = match line.level {
        Level::Immediate => "immediate",
        Level::Automated => "automated",
        Level::Escalate => "a person decides",
    };
    html! {
        "Plan: " (level)
        @if line.acts_waiting > 0 { ", " strong { (line.acts_waiting) " waiting for approval" } }
        @if line.acts_done > 0 { ", " (line.acts_done) " done" }
    }
}

/// Page of findings, filtered and paginated.
pub(super) fn findings(page: &Page<FindingLine<'_>>, query: &Query) -> Markup {
    html! {
        section.card.wide id="list" {
            h1 id="list-title" { "Findings" }
            (filter("/findings", "7", query, &html! {
                (choice("severity", "At least", query, &Severity::ALL.map(|one| (one.label(), one.label()))))
                (choice("kind", "Sort", query, &[("threat", "threat"), ("anomaly", "anomaly"), ("compliance", "violation")]))
            }))
            (position(page, query))
            @if page.items.is_empty() { p { "None that match." } } @else { (of_findings(&page.items, "list-title")) }
            (further("/findings", page, query))
        }
    }
}

/// Page of incidents, filtered and paginated.
pub(super) fn incidents(page: &Page<IncidentLine>, query: &Query) -> Markup {
    html! {
        section.card.wide id="list" {
            h1 { "Incidents" }
            (filter("/incidents", "31", query, &html! {
                (choice("state", "State", query, &[("open", "open"), ("contained", "contained"), ("closed", "closed")]))
                (choice("severity", "At least", query, &Severity::ALL.map(|one| (one.label(), one.label()))))
            }))
            (position(page, query))
            @if page.items.is_empty() { p { "None that match." } } @else { (of_incidents(&page.items)) }
            (further("/incidents", page, query))
        }
    }
}

fn filter(to: &str, days: &str, query: &Query, choices: &Markup) -> Markup {
    let value = |name: &str| query.get(name).map_or("", String::as_str);
    html! {
        form.filter method="get" action=(to) autocomplete="off" {
            (choices)
            label { "Days " input type="number" name="days" min="1" max="31" value=(if value("days").is_empty() { days } else { value("days") }); }
            label { "Who " input type="search" name="principal" value=(parts::shown(value("principal"))) maxlength="200"; }
            button type="submit" { "Show" }
        }
    }
}

fn choice(name: &str, title: &str, query: &Query, choices: &[(&str, &str)]) -> Markup {
    let chosen = query.get(name).map_or("", String::as_str);
    html! {
        label { (title) " "
            select name=(name) {
                option value="" { "all" }
                @for (value, text) in choices {
                    option value=(value) selected[chosen.eq_ignore_ascii_case(value)] { (text.to_lowercase()) }
                }
            }
        }
    }
}

fn from(query: &Query) -> usize {
    query.get("from").and_then(|from| from.parse().ok()).unwrap_or_default()
}

/// Position of this page in the list.
fn position<L>(page: &Page<L>, query: &Query) -> Markup {
    let (all, from, shown) = (parts::thousands(page.count as u64), from(query), page.items.len());
    html! {
        p.quiet {
            @if let Some(day) = query.get("day").filter(|day| !day.is_empty()) { "Of " (parts::shown(day)) ": " }
            @if shown > 0 && shown < page.count { (from + 1) " to " (from + shown) " of " (all) } @else { (all) " in all" }
        }
    }
}

/// Links to the previous and next page of the list.
fn further<L>(to: &str, page: &Page<L>, query: &Query) -> Markup {
    let rest = query.iter().filter(|(name, _)| *name != "from");
    let rest: Vec<String> =
        rest.map(|(name, value)| format!("&{}={}", parts::encoded(name), parts::encoded(value))).collect();
    let link = |from: usize, rel: &str, text: &str| {
        html! { a href={ (to) "?from=" (from) (rest.concat()) } rel=(rel) { (text) } " " }
    };
    let limit = query.get("limit").and_then(|limit| limit.parse().ok()).filter(|limit| *limit > 0);
    let limit = limit.unwrap_or(PAGE.0).min(PAGE.1);
    html! {
        p {
            @if from(query) > 0 { (link(from(query).saturating_sub(limit), "prev", "Back")) }
            @if let Some(next) = page.next { (link(next, "next", "More")) }
        }
    }
}
