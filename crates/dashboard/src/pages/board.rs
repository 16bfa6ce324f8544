//! Board: the start page with an overview.

use maud::{Markup, html};
use trailwarden_core::{event::Time, finding::Severity, severity::thresholds};
use trailwarden_pipeline::{
    dashboard::{
        Board,
        overview::{Change, Overview},
    },
    index_entries::Compliance,
};

use super::{charts, lists, parts};

/// Main part of the board.
pub(super) fn board(board: &Board, decides: bool) -> Markup {
    let overview = &board.overview;
    if board.is_empty {
        return empty();
    }
    html! {
        h1.hidden { "How things stand" }
        (threat(overview))
        (watched(board, decides))
        (today(overview))
        (timeline(board))
        (lists::worst(&board.findings))
        (risk(overview))
        (matrix(overview))
        (lists::pressing(&board.incidents))
        (compliance(board.compliance.as_ref()))
        (learnt(board))
    }
}

/// Board without any data: first steps.
fn empty() -> Markup {
    html! {
        section.card.wide id="empty" {
            h1 { "No logs yet" }
            p { "Trailwarden has not read any CloudTrail event. As soon as it has, this page fills by itself." }
            ul {
                li { "On this machine: " code { "trailwarden analyze --state FILE PATH..." } ", with the file that this page shows." }
                li { "Deployed: give the stack the trail's bucket (" code { "TrailBucketName" } "), or a stream or log group; then "
                    "start a backfill, so that nobody begins without a past." }
                li { "To see what it looks like: " code { "trailwarden simulate --out FOLDER" } " makes an organisation with attacks in it." }
            }
        }
    }
}

fn threat(overview: &Overview) -> Markup {
    let threat = &overview.threat;
    let level = if threat.score == 0 { "CALM" } else { threat.level.label() };
    html! {
        section.card #threat aria-labelledby="threat-title" {
            h2 id="threat-title" { "Threat level" }
            div.pair {
                (charts::gauge(threat))
                div {
                    p class={ "level " (level.to_lowercase()) } data-value="threat" { (level) }
                    p.quiet { "as of " (parts::time(overview.as_of)) " UTC" }
                }
            }
            @if threat.because.is_empty() {
                p.quiet { "No open incident weighs on it." }
            } @else {
                ul.because { @for reason in &threat.because {
                    li { @match &reason.incident {
                        Some(id) => (parts::to_incident(id, &reason.text)),
                        None => a href="/incidents?state=open&days=31" { (reason.text) },
                    } }
                } }
            }
        }
    }
}

fn watched(board: &Board, decides: bool) -> Markup {
    let overview = &board.overview;
    let mode = match (&board.response.stopped_by, board.response.mode) {
        (Some(_), _) => "stopped",
        (None, "observe") => "off: plans are told, nothing is done",
        (None, "approve") => "on approval",
        _ => "on",
    };
    html! {
        section.card #watched aria-labelledby="watched-title" {
            h2 id="watched-title" { "Under watch" }
            dl.numbers {
                div { dt { "Identities" } dd data-value="watched" { (parts::thousands(overview.watched as u64)) } }
                div { dt { "At high risk" } dd data-value="high-risk" { (overview.high_risk) } }
                div { dt { "Active threats" } dd data-value="active-threats" { (overview.active_threats) } }
            }
            dl.facts {
                div {
                    dt { "Automatic response" }
                    dd data-value="response" { (mode) }
                    @if let (Some(by), None) = (&board.response.stopped_by, &board.response.turn) {
                        dd.small { "stopped by " (parts::shown(by)) }
                    }
                    @if let Some(turn) = &board.response.turn {
                        dd.small { (if turn.stops { "stopped" } else { "started again" }) " by " (parts::shown(&turn.by))
                            ", " (parts::time(turn.at)) " UTC" }
                    }
                    dd { (switch(board, decides)) }
                }
                div {
                    dt { "A threat begins at" }
                    dd { span data-value="threshold-high" { (format!("{:.3}", overview.thresholds.high)) }
                        ", an alert at " span data-value="threshold-medium" { (format!("{:.3}", overview.thresholds.medium)) } }
                }
            }
        }
    }
}

/// Kill switch for responses, hidden in observe mode. Every user may stop; only a user who `decides` may
/// start again.
fn switch(board: &Board, decides: bool) -> Markup {
    let (what, text, sure) = match &board.response.stopped_by {
        Some(_) => ("start", "Start responses again", "Let responses act again?"),
        None => ("stop", "Stop all responses", "Stop all responses, also those approved?"),
    };
    html! {
        @if board.response.mode != "observe" && (decides || what == "stop") {
            button type="button" data-post={ "/api/response/" (what) } data-sure=(sure) { (text) }
        }
    }
}

fn today(overview: &Overview) -> Markup {
    let cards = [
        ("anomalies", "Anomalies", Some(overview.anomalies), "/findings?days=2"),
        ("failed-sign-ins", "Failed sign-ins", Some(overview.failed_sign_ins), ""),
        ("violations", "Violations", overview.violations, "/findings?days=2&kind=compliance"),
        ("responses", "Responses", Some(overview.responses), "/incidents?days=2"),
    ];
    html! {
        section.card.wide #today aria-labelledby="today-title" {
            h2 id="today-title" { "Last 24 hours" }
            div.four {
                @for (id, name, change, to) in cards {
                    div.stat {
                        p.name { @if to.is_empty() { (name) } @else { a href=(to) { (name) } } }
                        @if let Some(change) = change {
                            p.value data-value=(id) { (parts::thousands(change.now)) }
                            p.change { (against(change)) }
                        } @else {
                            p.value data-value=(id) { "-" }
                            p.change { "needs the logs, not only what was kept" }
                        }
                    }
                }
            }
        }
    }
}

/// Comparison with the day before: an arrow, and words for screen readers.
fn against(change: Change) -> Markup {
    let (arrow, class, text) = match change.now.cmp(&change.before) {
        std::cmp::Ordering::Greater => {
            ("\u{25b2}", "up", format!("{} more than", parts::thousands(change.now - change.before)))
        }
        std::cmp::Ordering::Less => {
            ("\u{25bc}", "down", format!("{} fewer than", parts::thousands(change.before - change.now)))
        }
        std::cmp::Ordering::Equal => ("=", "same", "as many as".to_owned()),
    };
    html! {
        span class=(class) { span aria-hidden="true" { (arrow) " " } (text) }
        span.quiet { " the day before (" (parts::thousands(change.before)) ")" }
    }
}

fn timeline(board: &Board) -> Markup {
    html! {
        section.card.wide #timeline aria-labelledby="timeline-title" {
            h2 id="timeline-title" { "Findings over seven days" }
            div.scroll tabindex="0" role="region" aria-labelledby="timeline-title" data-late { (charts::timeline(&board.timeline)) }
            p.legend aria-hidden="true" {
                @for severity in Severity::ALL.iter().rev() {
                    span.one { span class={ "key " (severity.label().to_lowercase()) } {} " " (severity.label()) } " "
                }
            }
        }
    }
}

fn risk(overview: &Overview) -> Markup {
    html! {
        section.card #risk aria-labelledby="risk-title" {
            h2 id="risk-title" { "Top risk" }
            @if overview.riskiest.is_empty() {
                p.quiet { "Nobody did anything in seven days that a finding came of." }
            } @else {
                table.stack {
                    thead { tr { th scope="col" { "Who" } th scope="col" { "Risk" } th scope="col" { "Mostly because" } } }
                    tbody {
                        @for one in &overview.riskiest {
                            tr {
                                td { (parts::whose(&one.principal, &one.of)) }
                                td.number { (format!("{:.2}", one.score)) (charts::share(one.score, 1.0)) }
                                td.small { (parts::shown(one.because.first().map_or("", String::as_str)))
                                    span.quiet { " on " (one.day.get(5..).unwrap_or_default()) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Severities by principal and day, as letters, not by colour alone.
fn matrix(overview: &Overview) -> Markup {
    html! {
        section.card #matrix aria-labelledby="matrix-title" {
            h2 id="matrix-title" { "Who, and when" }
            @if overview.matrix.is_empty() {
                p.quiet { "No finding in seven days." }
            } @else {
                div.scroll tabindex="0" role="region" aria-labelledby="matrix-title" data-late {
                    table.matrix {
                        thead { tr {
                            th scope="col" { "Who" }
                            @for day in &overview.days { th scope="col" { (day.get(5..).unwrap_or_default()) } }
                        } }
                        tbody {
                            @for (who, row) in &overview.matrix {
                                tr {
                                    th scope="row" { (parts::principal(who)) }
                                    @for (day, cell) in overview.days.iter().zip(row) {
                                        @match cell {
                                            Some(severity) => td class={ "cell " (severity.label().to_lowercase()) } title=(severity.label()) {
                                                a href={ "/findings?day=" (day) "&principal=" (parts::encoded(who)) } {
                                                    (&severity.label()[..1]) span.hidden { (&severity.label()[1..]) }
                                                }
                                            },
                                            None => td.none { span.hidden { "none" } },
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn compliance(compliance: Option<&Compliance>) -> Markup {
    html! {
        section.card #compliance aria-labelledby="compliance-title" {
            h2 id="compliance-title" { "Compliance" }
            @match compliance {
                Some(stand) => {
                    table {
                        thead { tr { th scope="col" { "Framework" } th scope="col" { "Score" } th scope="col" { "Open" } } }
                        tbody {
                            @for one in &stand.frameworks {
                                tr {
                                    th scope="row" { (one.framework) }
                                    td.number {
                                        @match one.score {
                                            Some(score) => { (format!("{score:.1}")) (charts::share(score as f32, 100.0)) }
                                            None => "-",
                                        }
                                    }
                                    td.number { a href="/findings?kind=compliance&days=31" { (one.open) } }
                                }
                            }
                        }
                    }
                    p.quiet { (stand.days) " days up to " (parts::time(stand.at)) "." }
                }
                None => p.quiet { "Not looked at yet: deployed, the scheduled report does; here, give " code { "serve" } " the logs too." },
            }
        }
    }
}

fn learnt(board: &Board) -> Markup {
    let day = |day: u32| Time(i64::from(day) * 86_400).to_string()[..10].to_owned();
    let row = |change: &thresholds::Change, when: String| {
        html! {
            tr {
                td { (when) }
                td.number { (format!("{:.3}", change.thresholds.medium)) }
                td.number { (format!("{:.3}", change.thresholds.high)) }
                td.small { (parts::shown(&change.reason)) }
            }
        }
    };
    html! {
        section.card.wide #thresholds aria-labelledby="thresholds-title" {
            h2 id="thresholds-title" { "What verdicts taught" }
            @if board.history.is_empty() && board.tomorrow.is_none() {
                p.quiet { "The thresholds are as they began. Say of findings whether they were right: five verdicts on alerts are enough to learn from." }
            } @else {
                div.scroll tabindex="0" role="region" aria-labelledby="thresholds-title" {
                    table {
                        thead { tr {
                            th scope="col" { "From" } th scope="col" { "Alert at" } th scope="col" { "Threat at" } th scope="col" { "Why" }
                        } }
                        tbody {
                            @if let Some(change) = &board.tomorrow { (row(change, format!("{}, as things are", day(change.day)))) }
                            @for change in &board.history { (row(change, day(change.day))) }
                        }
                    }
                }
            }
        }
    }
}
