//! Self-contained HTML report for filing: printable, and legible in black and white.
//!
//! Words and signs show a state, never colour alone. maud escapes all log content; characters that could
//! reorder or hide text are shown as escapes.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    ALL, Check,
    control_status::{ControlStanding, Standing, State},
    report::{Action, Period, Report, Violation},
};
use trailwarden_core::{event::printable, finding::Severity};

/// Maximum number of violations in the appendix; the evidence file has all.
const SHOWN: usize = 1_000;

/// Renders the report as one HTML document.
pub fn page(report: &Report) -> String {
    let title = format!("Compliance from activity, {} to {}", report.period.from, report.period.until);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { "Compliance from activity" }
                    p.period { (report.period.from) " to " (report.period.until) }
                }
                main {
                    (summary(report))
                    (reading(report))
                    (actions(&report.actions))
                    @for standing in &report.frameworks { (framework(standing)) }
                    (evidence(report))
                    (checks(report))
                }
                footer {
                    p { "Made by Trailwarden on " (report.generated.to_string()) " from the activity that CloudTrail recorded, and from nothing else." }
                }
            }
        }
    }
    .into_string()
}

fn summary(report: &Report) -> Markup {
    let about = if report.is_estimate { "about " } else { "" };
    let open = report.open().count();
    html! {
        section {
            h2 { "Summary" }
            p {
                (about) (thousands(report.total_activities)) " activities on " (report.days_with_activity) " of " (report.period.days) " days; "
                (open) " open violation" @if open != 1 { "s" } ", " (report.evidence.len() - open) " accepted or remedied."
            }
            p { "Overall score: " strong { (percent(report.compliance_score)) } ", over the controls of all frameworks below together." }
            @if (report.days_with_activity as u64) < u64::from(report.period.days) {
                p { "On the other days nothing was recorded: nothing happened, or nothing was logged." }
            }
            table {
                thead { tr {
                    th { "Framework" } th { "Status" } th.number { "Score" } th { "By severity" }
                    th.number { "Controls violated" } th.number { "no violation seen" } th.number { "not exercised" }
                    th.number { "need a setting" } th.number { "beyond activity" } th.before { "Before" }
                } }
                tbody { @for standing in &report.frameworks { tr {
                    th scope="row" { (standing.title) br; small { (standing.version) } }
                    td { (standing.status.describe()) }
                    td.number { strong { (percent(standing.compliance_score)) } }
                    td { (severities(standing)) }
                    @for state in State::ALL { td.number { (standing.counts.get(&state).copied().unwrap_or_default()) } }
                    td { (before(standing)) }
                } } }
            }
        }
    }
}

fn percent(score: Option<f64>) -> String {
    score.map_or_else(|| "none".to_owned(), |score| format!("{score:.1}"))
}

fn severities(standing: &Standing) -> String {
    let counts: Vec<String> = standing
        .by_severity
        .iter()
        .map(|(severity, count)| format!("{count} {}", severity.label()))
        .collect();
    if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
}

/// Comparison with the preceding period, in words.
fn before(standing: &Standing) -> String {
    let Some(previous) = &standing.previous else { return "nothing was seen before".to_owned() };
    let Period { from, until, .. } = &previous.period;
    let trend = previous.trend.describe();
    format!(
        "{} with {} open, {from} to {until}; {trend}",
        percent(previous.compliance_score),
        previous.violations
    )
}

fn reading(report: &Report) -> Markup {
    html! {
        section {
            h2 { "How to read this" }
            p { strong { "Score. " } (report.score_definition) }
            dl {
                dt { (sign(State::Violated)) " violated" } dd { "Somebody broke it: the evidence names who, when, and by which events." }
                dt { (sign(State::NoViolationSeen)) " no violation seen" } dd { "Activity that could have broken it was judged, and did not. It is no proof of what no log records." }
                dt { (sign(State::NotExercised)) " not exercised" } dd { "Nothing happened in the period that could be judged." }
                dt { (sign(State::NeedsSettings)) " needs a setting" } dd { "It can be judged once the settings say what the organisation expects." }
                dt { (sign(State::BeyondActivity)) " beyond activity" } dd { "It is about documents, people, premises or configurations: other evidence is needed." }
            }
            @if report.is_estimate {
                p { "Counts of activities are estimates: one standard error is 6% of all, 18% of those of a check. Violations are counted one by one." }
            }
        }
    }
}

/// Sign for a state, legible without colour.
fn sign(state: State) -> &'static str {
    match state {
        State::Violated => "✗",
        State::NoViolationSeen => "✓",
        State::NotExercised => "○",
        State::NeedsSettings => "?",
        State::BeyondActivity => "–",
    }
}

fn actions(actions: &[Action]) -> Markup {
    html! {
        section {
            h2 { "What to do, most urgent first" }
            @if actions.is_empty() { p { "Nothing is open." } } @else {
                ol { @for action in actions { li {
                    p { (label(action.severity)) " " strong { (printable(&action.title)) } " (" (action.violations) " open)" }
                    ul { @for step in &action.remediation { li { (printable(step)) } } }
                    p.fine { "By " (printable(&action.principals.join(", "))) }
                    p.fine { "Controls: " (action.controls.join("; ")) }
                } } }
            }
        }
    }
}

fn label(severity: Severity) -> Markup {
    html! { span class={ "severity " (severity.label().to_lowercase()) } { (severity.label()) } }
}

fn framework(standing: &Standing) -> Markup {
    let spoken: Vec<&ControlStanding> =
        standing.controls.iter().filter(|control| control.state != State::BeyondActivity).collect();
    let beyond = standing.controls.iter().filter(|control| control.state == State::BeyondActivity);
    html! {
        section.framework {
            h2 { (standing.title) " " small { (standing.version) } }
            @if let Some(scope) = &standing.scope { p { "In scope: accounts " (scope.join(", ")) "." } }
            p { "Score " strong { (percent(standing.compliance_score)) } ", " (standing.status.describe()) ". Activity can speak to " (spoken.len()) " of " (standing.controls.len()) " controls." }
            table {
                thead { tr { th { "Control" } th.short { "In short" } th { "State" } th.number { "Judged" } th.number { "Open" } th.checks { "Checks" } } }
                tbody { @for control in spoken { tr class={ @if control.state == State::Violated { "violated" } } {
                    th scope="row" { (control.id) }
                    td { (control.title) }
                    td.state { (sign(control.state)) " " (control.state.describe()) @if control.state == State::NeedsSettings { ": " code { (control.needs.join(", ")) } } }
                    td.number { (thousands(control.judged)) }
                    td.number { (control.violations) }
                    td { (control.checks.join(", ")) }
                } } }
            }
            details open {
                summary { "Controls to which activity cannot speak" }
                p.fine.beyond { @for (at, control) in beyond.enumerate() { @if at > 0 { "; " } span.control { (control.id) " " (control.title) } } "." }
            }
        }
    }
}

fn evidence(report: &Report) -> Markup {
    html! {
        section.appendix {
            h2 { "Appendix: evidence" }
            p { "SHA-256 of the evidence: " code.hash { (report.evidence_sha256) } }
            p.fine {
                "It is the hash of the evidence file, one JSON object a line: " code { "--evidence FILE" }
                " writes it, and a scheduled report has it beside itself. " code { "sha256sum" } " of it must give the same."
            }
            @if report.evidence.is_empty() { p { "There is none: no violation was seen." } }
            @for violation in report.evidence.iter().take(SHOWN) { (proof(violation)) }
            @if report.evidence.len() > SHOWN {
                p { strong { (report.evidence.len() - SHOWN) " more are in the evidence file." } }
            }
        }
    }
}

fn proof(violation: &Violation) -> Markup {
    html! {
        article {
            h3 { (label(violation.severity)) " " (printable(&violation.title)) }
            dl.facts {
                dt { "Who" } dd { (printable(&violation.principal)) }
                dt { "When" } dd { (violation.first_seen.to_string()) @if violation.last_seen != violation.first_seen { " to " (violation.last_seen.to_string()) } }
                dt { "Where" } dd { "account " (printable(&violation.account_id)) ", " (printable(&violation.region)) }
                dt { "What" } dd { @for what in &violation.evidence { div { (printable(what)) } } }
                dt { "Status" } dd { (printable(&violation.status)) }
                dt { "Controls" } dd { (violation.controls.join("; ")) }
                dt { "Events" } dd.ids { (printable(&violation.event_ids.join(" "))) @if violation.has_more_events { " and more, of which only these are named" } }
                dt { "Finding" } dd.ids { (printable(&violation.id)) }
            }
        }
    }
}

/// Appendix: each check with its severity and blind spot.
fn checks(report: &Report) -> Markup {
    let is_used = |check: &&&Check| {
        report
            .frameworks
            .iter()
            .any(|standing| standing.controls.iter().any(|control| control.checks.contains(&check.id)))
    };
    html! {
        section.appendix {
            h2 { "Appendix: checks, and what a log cannot show of them" }
            table {
                thead { tr { th { "Check" } th { "Violated when" } th { "Severity" } th { "A log cannot show" } } }
                tbody { @for check in ALL.iter().filter(is_used) { tr {
                    th scope="row" { (check.id) }
                    td { (check.title) @if let Some(need) = &check.needs { " (needs " code { (need.key) } ")" } }
                    td { (label(check.severity)) }
                    td { (check.blind_spot) }
                } } }
            }
        }
    }
}

/// `12345` as `12,345`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

const STYLE: &str = include_str!("html_report.css");

#[cfg(test)]
mod tests {
    use super::{
        super::{FRAMEWORKS, report::Record},
        *,
    };
    use trailwarden_core::settings::Facts;
    use trailwarden_core::{event::Time, finding::testing::finding};

    fn report(record: &Record) -> String {
        page(&Report::new(record, FRAMEWORKS, &Facts::default(), 20_000, 30, Time(1_728_000_000)))
    }

    #[test]
    fn hostile_text_is_text() {
        let check = ALL[0];
        let mut hostile = finding();
        (hostile.first_seen, hostile.last_seen) = (Time(20_000 * 86_400), Time(20_000 * 86_400));
        hostile.detector = check.id.to_owned();
        hostile.controls = check.controls(None, "", &Facts::default());
        hostile.principal = "<script>alert(1)</script>\u{202e}&\"'".to_owned();
        let page = report(&Record { findings: vec![hostile], ..Record::default() });
        assert!(
            page.contains("&lt;script&gt;alert(1)")
                && !page.contains("<script")
                && !page.contains('\u{202e}')
        );
    }

    #[test]
    fn it_asks_nothing_of_the_network() {
        let page = report(&Record::default());
        for word in ["http:", "https:", "url(", "@import", "src=", "href="] {
            assert!(!page.contains(word), "{word}");
        }
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([7, 1_234, 1_234_567].map(thousands), ["7", "1,234", "1,234,567"]);
    }
}
