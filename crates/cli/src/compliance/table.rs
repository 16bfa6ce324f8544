//! Compliance report and coverage as tables for a terminal.

use std::io::Write;

use anstyle::Style;
use anyhow::Result;
use trailwarden_compliance::{
    ALL, Coverage,
    control_status::{Standing, State},
    report::{Action, Report},
};
use trailwarden_core::settings::Facts;

use crate::{
    output::style,
    reading::Read,
    text::{count, printable, thousands, wrap},
};

/// Line width in characters.
const WIDTH: usize = 110;
/// Maximum number of actions; JSON and HTML have all.
const ACTIONS: usize = 12;

/// Coverage of each framework, and all checks.
pub(super) fn coverage(out: &mut impl Write, covered: &[Coverage], facts: &Facts) -> Result<()> {
    let bold = Style::new().bold();
    writeln!(
        out,
        "{bold}{:<22}{:<34}{:>9}{:>12}{:>15}{:>8}{bold:#}",
        "Framework", "Edition", "controls", "activity", "need settings", "checks"
    )?;
    for one in covered {
        writeln!(
            out,
            "{:<22}{:<34}{:>9}{:>12}{:>15}{:>8}",
            one.title, one.version, one.controls, one.spoken_of, one.need_settings, one.checks
        )?;
    }
    writeln!(
        out,
        "\nactivity: controls that what people do can speak to. The others are about documents, people, premises or configurations."
    )?;
    writeln!(
        out,
        "need settings: those of them that only checks speak to which need a setting that is not given."
    )?;
    let mut checks: Vec<_> = ALL.iter().collect();
    checks.sort_by_key(|check| check.group);
    for (at, check) in checks.iter().enumerate() {
        if at == 0 || checks[at - 1].group != check.group {
            writeln!(out, "\n{bold}{}{bold:#}", check.group.title())?;
        }
        let severity = style(check.severity);
        let need = check
            .needs
            .as_ref()
            .filter(|_| !check.is_in_force(facts))
            .map(|need| format!(" (needs {} in the settings)", need.key));
        writeln!(
            out,
            "  {:<32}{severity}{:<9}{severity:#} {}{}",
            check.id,
            check.severity.label(),
            check.title,
            need.unwrap_or_default()
        )?;
    }
    Ok(())
}

/// The report as a table.
pub(super) fn report(out: &mut impl Write, report: &Report, read: &Read) -> Result<()> {
    let bold = Style::new().bold();
    writeln!(
        out,
        "{bold}Compliance from activity, {} to {}{bold:#}",
        report.period.from, report.period.until
    )?;
    let open = report.open().count();
    writeln!(
        out,
        "{} on {} of {} days; {}, {} accepted or remedied.",
        count(report.total_activities, "activity").replace("activitys", "activities"),
        report.days_with_activity,
        report.period.days,
        count(open as u64, "open violation"),
        report.evidence.len() - open
    )?;
    skipped(out, read)?;
    writeln!(
        out,
        "\n{bold}{:<22}{:>7}  {:<19}{:>9}{:>11}{:>15}{:>15}{:>17}  Before{bold:#}",
        "Framework",
        "Score",
        "Status",
        "violated",
        "none seen",
        "not exercised",
        "need settings",
        "beyond activity"
    )?;
    for standing in &report.frameworks {
        row(out, standing)?;
    }
    if report.frameworks.len() > 1 {
        let overall = percent(report.compliance_score);
        writeln!(out, "{:<22}{overall:>7}  over the controls of all of them together", "Overall")?;
    }
    for line in wrap(&format!("Score: {}", report.score_definition), WIDTH) {
        writeln!(out, "{line}")?;
    }
    controls(out, report)?;
    actions(out, report)?;
    writeln!(out, "\nSHA-256 of the evidence: {}", report.evidence_sha256)?;
    Ok(())
}

fn skipped(out: &mut impl Write, read: &Read) -> Result<()> {
    let mut skipped: Vec<String> = read
        .skipped
        .iter()
        .map(|(reason, files)| format!("{}: {}", count(*files, "file"), printable(reason)))
        .collect();
    if read.tally.malformed > 0 {
        skipped.push(format!("{} that could not be read", count(read.tally.malformed, "record")));
    }
    if read.tally.undated > 0 {
        skipped.push(format!("{} without a time, in no period", count(read.tally.undated, "event")));
    }
    if !skipped.is_empty() {
        writeln!(out, "Skipped: {}.", skipped.join("; "))?;
    }
    Ok(())
}

fn percent(score: Option<f64>) -> String {
    score.map_or_else(|| "none".to_owned(), |score| format!("{score:.1}"))
}

fn row(out: &mut impl Write, standing: &Standing) -> Result<()> {
    let of = |state: State| standing.counts.get(&state).copied().unwrap_or_default();
    let before = standing.previous.as_ref().map_or_else(
        || "nothing seen".to_owned(),
        |previous| {
            let trend = previous.trend.describe();
            format!("{}, {} open; {trend}", percent(previous.compliance_score), previous.violations)
        },
    );
    writeln!(
        out,
        "{:<22}{:>7}  {:<19}{:>9}{:>11}{:>15}{:>15}{:>17}  {before}",
        standing.title,
        percent(standing.compliance_score),
        standing.status.describe(),
        of(State::Violated),
        of(State::NoViolationSeen),
        of(State::NotExercised),
        of(State::NeedsSettings),
        of(State::BeyondActivity),
    )?;
    Ok(())
}

/// Violated controls; for a single framework, all controls that have a check.
fn controls(out: &mut impl Write, report: &Report) -> Result<()> {
    let is_single = report.frameworks.len() == 1;
    let bold = Style::new().bold();
    for standing in &report.frameworks {
        let is_told =
            |state: State| state == State::Violated || (is_single && state != State::BeyondActivity);
        let mut told = standing.controls.iter().filter(|control| is_told(control.state)).peekable();
        if told.peek().is_some() {
            writeln!(out, "\n{bold}{}{bold:#}", standing.title)?;
        }
        for control in told {
            let more = match control.state {
                State::Violated => format!("violated, {} open", control.violations),
                State::NoViolationSeen => format!("no violation in {} judged", thousands(control.judged)),
                State::NeedsSettings => format!("needs {} in the settings", control.needs.join(", ")),
                state => state.describe().to_owned(),
            };
            let style = if control.state == State::Violated { bold } else { Style::new() };
            writeln!(out, "  {style}{:<24}{:<66} {more}{style:#}", control.id, control.title)?;
        }
    }
    Ok(())
}

fn actions(out: &mut impl Write, report: &Report) -> Result<()> {
    let bold = Style::new().bold();
    if report.actions.is_empty() {
        return Ok(writeln!(out, "\nNothing is open.")?);
    }
    writeln!(out, "\n{bold}What to do, most urgent first{bold:#}")?;
    for action in report.actions.iter().take(ACTIONS) {
        one(out, action)?;
    }
    if report.actions.len() > ACTIONS {
        writeln!(out, "\nAnd {} more: --format json or html.", report.actions.len() - ACTIONS)?;
    }
    Ok(())
}

fn one(out: &mut impl Write, action: &Action) -> Result<()> {
    let (severity, dim) = (style(action.severity), Style::new().dimmed());
    let label = action.severity.label();
    writeln!(
        out,
        "\n{:>2}. {severity}{label}{severity:#}  {} ({} open)",
        action.priority,
        printable(&action.title),
        action.violations
    )?;
    for step in &action.remediation {
        writeln!(out, "    - {step}")?;
    }
    for line in wrap(&format!("By {}", printable(&action.principals.join(", "))), WIDTH - 4) {
        writeln!(out, "    {line}")?;
    }
    for line in wrap(&action.controls.join("; "), WIDTH - 4) {
        writeln!(out, "    {dim}{line}{dim:#}")?;
    }
    Ok(())
}
