//! Command `status`: the dashboard's overview as text, as of the end of the logs.

use std::io::{BufWriter, Write};

use anstyle::Style;
use anyhow::{Context, Result, bail};
use pollster::block_on;
use trailwarden_pipeline::{
    dashboard::{
        Asked, Board, DAYS, Filter, View,
        overview::{Change, Overview},
    },
    index_entries::Compliance,
};
use trailwarden_response::incident::IncidentState;

use crate::{
    analysis,
    args::{Form, Input, Status},
    files,
    output::style,
    store::dashboard_table::DashboardTable,
    text::{count, paragraph, printable, thousands},
};

/// Prints the overview; returns the exit code.
pub(crate) fn status(arguments: &Status) -> Result<u8> {
    let folder = tempfile::tempdir().context("creating a temporary folder for a copy of the state")?;
    let input = &arguments.input;
    let file = match &input.state {
        Some(state) if input.paths.is_empty() && !state.exists() => {
            bail!("{}: there is no such state", files::show(state))
        }
        Some(state) if input.paths.is_empty() => state.clone(),
        known => {
            // Logs are merged into a copy of the state, because a look must change nothing.
            let copy = folder.path().join("joined");
            if let Some(state) = known.as_ref().filter(|state| state.exists()) {
                // The file is only ever replaced by a rename, so a copy is complete.
                std::fs::copy(state, &copy).with_context(|| format!("state {}", files::show(state)))?;
            }
            analysis::run(&Input { state: Some(copy.clone()), ..input.clone() }, None, true)?;
            copy
        }
    };
    let desk = DashboardTable::desk(input, &file)?;
    let see = |asked| block_on(desk.see(&asked, desk.table().as_of()));
    let View::Board(board) = see(Asked::Board)? else { bail!("there is no board") };
    let open = Filter { days: DAYS.1, state: Some(IncidentState::Open), limit: 1, ..Filter::default() };
    let View::Incidents(open) = see(Asked::Incidents(open))? else { bail!("there are no incidents") };
    let mut out = BufWriter::new(anstream::stdout().lock());
    match arguments.format {
        Form::Json => writeln!(out, "{}", serde_json::to_string_pretty(&board)?)?,
        Form::Table => show(&mut out, &board, open.count)?,
    }
    Ok(out.flush().map(|()| 0)?)
}

fn show(out: &mut impl Write, board: &Board, open: usize) -> Result<()> {
    let bold = Style::new().bold();
    let Board { overview, compliance, .. } = board;
    let threat = &overview.threat;
    let severity = style(threat.level);
    let level = if threat.score == 0 { "CALM" } else { threat.level.label() };
    writeln!(
        out,
        "{bold}Threat level{bold:#}   {severity}{level}{severity:#}, {} of 100   as of {}",
        threat.score, overview.as_of
    )?;
    for reason in &threat.because {
        paragraph(out, "  - ", &reason.text)?;
    }
    let watched = count(overview.watched as u64, "identity").replace("ys", "ies");
    writeln!(out, "{bold}Watched{bold:#}        {watched}, {} at high risk", overview.high_risk)?;
    today(out, overview)?;
    writeln!(out, "\n{bold}Riskiest{bold:#}")?;
    for one in &overview.riskiest {
        writeln!(out, "  {:.2}  {}", one.score, printable(&one.principal))?;
    }
    matrix(out, overview)?;
    if let Some(compliance) = compliance {
        controls(out, compliance)?;
    }
    writeln!(out, "\n{bold}Incidents{bold:#}")?;
    for incident in board.incidents.iter().map(|placed| &placed.line) {
        let severity = style(incident.severity);
        let state = format!("{:?}", incident.state).to_lowercase();
        writeln!(
            out,
            "  {severity}{:<8}{severity:#} {state:<9} {}",
            incident.severity.label(),
            printable(&incident.principal)
        )?;
    }
    Ok(writeln!(out, "  {open} open in all")?)
}

/// Last 24 hours against the day before.
fn today(out: &mut impl Write, overview: &Overview) -> Result<()> {
    let bold = Style::new().bold();
    writeln!(out, "\n{bold}{:<18}{:>9}{:>13}{bold:#}", "Last 24 hours", "now", "day before")?;
    for (name, change) in [
        ("Anomalies", Some(overview.anomalies)),
        ("Failed sign-ins", Some(overview.failed_sign_ins)),
        ("Violations", overview.violations),
        ("Responses", Some(overview.responses)),
    ] {
        match change {
            Some(change) => {
                let (now, before) = (thousands(change.now), thousands(change.before));
                writeln!(out, "{name:<18}{now:>9}{before:>13}  {}", arrow(change))?;
            }
            None => {
                writeln!(out, "{name:<18}        -            -  needs the logs, not only what was kept")?;
            }
        }
    }
    Ok(())
}

fn controls(out: &mut impl Write, compliance: &Compliance) -> Result<()> {
    let bold = Style::new().bold();
    writeln!(out, "\n{bold}Compliance, {} days{bold:#}", compliance.days)?;
    for one in &compliance.frameworks {
        let score = one.score.map_or_else(|| "   -".to_owned(), |score| format!("{score:>5.1}"));
        let open = if one.open == 0 {
            "no open violation".to_owned()
        } else {
            count(one.open as u64, "open violation")
        };
        writeln!(out, "  {:<22}{score}  {open}", one.framework)?;
    }
    Ok(())
}

/// Severities of the week, by principal and day.
fn matrix(out: &mut impl Write, overview: &Overview) -> Result<()> {
    if overview.matrix.is_empty() {
        return Ok(());
    }
    let bold = Style::new().bold();
    let days: Vec<&str> = overview.days.iter().map(|day| &day[8..]).collect();
    writeln!(out, "\n{bold}Who, and when{bold:#}  (L low, M medium, H high, C critical)")?;
    writeln!(out, "  {}", days.join("  "))?;
    for (who, row) in &overview.matrix {
        write!(out, "  ")?;
        for cell in row {
            match cell {
                Some(severity) => {
                    let style = style(*severity);
                    write!(out, "{style}{}{style:#}   ", &severity.label()[..1])?;
                }
                None => write!(out, ".   ")?,
            }
        }
        writeln!(out, "{}", printable(who))?;
    }
    Ok(())
}

fn arrow(change: Change) -> String {
    match change.now.cmp(&change.before) {
        std::cmp::Ordering::Greater => format!("\u{25b2} {} more", thousands(change.now - change.before)),
        std::cmp::Ordering::Less => format!("\u{25bc} {} fewer", thousands(change.before - change.now)),
        std::cmp::Ordering::Equal => "as before".to_owned(),
    }
}
