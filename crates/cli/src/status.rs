//! A board of numbers: how things stand at the end of the logs.

use std::{
    collections::BTreeMap,
    io::{BufWriter, Write},
};

use anstyle::Style;
use anyhow::Result;
use pollster::block_on;
use serde_json::json;
use trailwarden_core::{
    activity::{Hour, Scope},
    baseline::Baseline,
    compliance::{FRAMEWORKS, report::Report},
    event::{HOUR, Time},
    finding::Finding,
    incident::Incident,
    judgement::{assess_at, judge},
    kept::{self, INCIDENTS},
    lines::{Compliance, FindingLine, IncidentLine, RiskLine, Stands},
    messages::FindingRaised,
    overview::{Change, Overview, Seen},
    ports::{Memory, Table},
    stages::{acting::Mode, acting::load, incidents::join},
    tally::Tally,
};

use crate::{
    args::{Form, Status as Asked},
    compliance,
    identities::Identities,
    judging::spread,
    knowledge::now,
    output::style,
    text::{count, paragraph, printable, thousands},
};

/// Hours that an identity's risk is of.
const RISK_HOURS: u32 = 24;
/// Days whose findings are looked at.
const DAYS: u32 = 14;
/// Days of the compliance report.
const PERIOD: u32 = 30;
/// Incidents that are listed.
const LISTED: usize = 8;
/// What one thread sees.
#[derive(Default)]
struct Part {
    findings: Vec<(Scope, Finding)>,
    risk: Vec<RiskLine>,
    failed: BTreeMap<u32, u64>,
}

/// Prints the board; gives the exit code.
pub(crate) fn status(arguments: &Asked) -> Result<u8> {
    let identities = Identities::load(&arguments.input)?;
    let until = identities.end();
    let Part { mut findings, risk, failed } = look(&identities, until)?;
    let incidents = gathered(&findings, &identities)?;
    let stands = standing(arguments, &identities, &mut findings)?;
    let lines: Vec<FindingLine<'_>> = findings.iter().map(|(_, finding)| finding.into()).collect();
    let days = Tally::by_day(lines.iter());
    let told: Vec<IncidentLine> = incidents.iter().map(IncidentLine::from).collect();
    let seen = Seen {
        findings: days.iter().collect(),
        incidents: told.iter().collect(),
        failed_sign_ins: failed,
        risk,
        watched: identities.all().len(),
    };
    let as_of = Time(i64::from(until + 1) * HOUR - 1);
    let overview = Overview::at(as_of, &seen, identities.thresholds.at(as_of.day()));
    let mut out = BufWriter::new(anstream::stdout().lock());
    match arguments.format {
        Form::Json => {
            let lines: Vec<_> = incidents.iter().map(IncidentLine::from).collect();
            let told = json!({ "overview": overview, "incidents": lines, "compliance": stands });
            writeln!(out, "{}", serde_json::to_string_pretty(&told)?)?;
        }
        Form::Table => board(&mut out, &overview, &incidents, stands.as_deref())?,
    }
    Ok(out.flush().map(|()| 0)?)
}

/// Judges everybody again, as of the end of the logs.
fn look(identities: &Identities, until: u32) -> Result<Part> {
    let from = (until / 24).saturating_sub(DAYS) * 24;
    let scopes = identities.scopes();
    let parts = spread(&scopes, identities.jobs, |scope, part: &mut Part| {
        let hours = identities.hours(scope)?;
        let hours = &hours[..hours.partition_point(|(hour, _)| *hour <= until)];
        let (found, _) = judge(scope, Baseline::default(), hours, from, identities.around());
        if scope.is_identity() {
            let grave: Vec<&Finding> = found.iter().collect();
            let assessed = assess_at(
                scope,
                Baseline::default(),
                hours,
                (until, RISK_HOURS),
                identities.around(),
                &grave,
            );
            part.risk.extend(assessed.map(|assessed| RiskLine::new(scope, until / 24, &assessed)));
        }
        if matches!(scope, Scope::Account(_)) {
            let failed = |(hour, seen): &(u32, Hour)| (*hour, seen.failed_sign_ins.distinct().round() as u64);
            hours
                .iter()
                .map(failed)
                .for_each(|(hour, failed)| *part.failed.entry(hour).or_default() += failed);
        }
        part.findings.extend(found.into_iter().map(|finding| (scope.clone(), finding)));
        Ok(())
    })?;
    Ok(parts.into_iter().fold(Part::default(), |mut all, part| {
        all.findings.extend(part.findings);
        all.risk.extend(part.risk);
        part.failed.into_iter().for_each(|(hour, failed)| *all.failed.entry(hour).or_default() += failed);
        all
    }))
}

/// The incidents that the findings make, the newest first.
fn gathered(findings: &[(Scope, Finding)], identities: &Identities) -> Result<Vec<Incident>> {
    let table = Memory::default();
    let mut alerts: Vec<&(Scope, Finding)> =
        findings.iter().filter(|(_, finding)| finding.is_alert()).collect();
    alerts.sort_by(|(_, a), (_, b)| (a.last_seen, &a.id).cmp(&(b.last_seen, &b.id)));
    for (scope, finding) in &alerts {
        let raised = FindingRaised { scope: scope.clone(), revision: 1, finding: finding.clone() };
        block_on(join(&table, &raised, Mode::Observe, &identities.knowledge.settings, finding.last_seen))?;
    }
    let mut days: Vec<u32> = alerts.iter().map(|(_, finding)| finding.last_seen.day()).collect();
    days.sort_unstable();
    days.dedup();
    let mut found = Vec::new();
    for day in days.into_iter().rev() {
        let listed = block_on(table.listed(&kept::day_partition(day), INCIDENTS.0, INCIDENTS.1))?;
        for entry in listed.iter().rev() {
            found.extend(block_on(load(&table, &entry.key))?);
        }
    }
    Ok(found)
}

/// How each framework stands by the logs, whose violations join the findings; nothing without logs.
fn standing(
    arguments: &Asked,
    identities: &Identities,
    findings: &mut Vec<(Scope, Finding)>,
) -> Result<Option<Vec<Stands>>> {
    if arguments.input.paths.is_empty() {
        return Ok(None);
    }
    let settings = &identities.knowledge.settings;
    let (_, record) = compliance::record(&arguments.input.paths, &arguments.input.reading, settings)?;
    let last = identities.end() / 24;
    let report = Report::new(&record, FRAMEWORKS, &settings.facts, last, PERIOD, now());
    findings.extend(record.findings.into_iter().map(|finding| (Scope::Account("".into()), finding)));
    Ok(Some(Compliance::new(&report, PERIOD).frameworks))
}

fn board(
    out: &mut impl Write,
    overview: &Overview,
    incidents: &[Incident],
    stands: Option<&[Stands]>,
) -> Result<()> {
    let bold = Style::new().bold();
    let threat = &overview.threat;
    let severity = style(threat.level);
    let level = if threat.score == 0 { "CALM" } else { threat.level.label() };
    writeln!(
        out,
        "{bold}Threat level{bold:#}   {severity}{level}{severity:#}, {} of 100   as of {}",
        threat.score, overview.as_of
    )?;
    for reason in &threat.because {
        paragraph(out, "  - ", reason)?;
    }
    let watched = count(overview.watched as u64, "identity").replace("ys", "ies");
    writeln!(out, "{bold}Watched{bold:#}        {watched}, {} at high risk", overview.high_risk)?;
    today(out, overview, stands.is_some())?;
    writeln!(out, "\n{bold}Riskiest{bold:#}")?;
    for one in &overview.riskiest {
        writeln!(out, "  {:.2}  {}", one.score, printable(&one.principal))?;
    }
    matrix(out, overview)?;
    if let Some(stands) = stands {
        controls(out, stands)?;
    }
    writeln!(out, "\n{bold}Incidents{bold:#}")?;
    for incident in incidents.iter().take(LISTED) {
        let severity = style(incident.severity);
        let state = format!("{:?}", incident.state).to_lowercase();
        writeln!(
            out,
            "  {severity}{:<8}{severity:#} {state:<9} {}",
            incident.severity.label(),
            printable(&incident.principal)
        )?;
    }
    if incidents.is_empty() {
        writeln!(out, "  none")?;
    } else if incidents.len() > LISTED {
        writeln!(out, "  and {} more", incidents.len() - LISTED)?;
    }
    Ok(())
}

/// Today beside yesterday.
fn today(out: &mut impl Write, overview: &Overview, has_logs: bool) -> Result<()> {
    let bold = Style::new().bold();
    writeln!(out, "\n{bold}{:<18}{:>9}{:>13}{bold:#}", "Last 24 hours", "now", "day before")?;
    for (name, change) in [
        ("Anomalies", overview.anomalies),
        ("Failed sign-ins", overview.failed_sign_ins),
        ("Violations", overview.violations),
        ("Responses", overview.responses),
    ] {
        let is_known = name != "Violations" || has_logs;
        if is_known {
            writeln!(
                out,
                "{name:<18}{:>9}{:>13}  {}",
                thousands(change.now),
                thousands(change.before),
                arrow(change)
            )?;
        } else {
            writeln!(out, "{name:<18}        -            -  needs the logs, not only what was kept")?;
        }
    }
    Ok(())
}

fn controls(out: &mut impl Write, stands: &[Stands]) -> Result<()> {
    let bold = Style::new().bold();
    writeln!(out, "\n{bold}Compliance, {PERIOD} days{bold:#}")?;
    for one in stands {
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

/// A week at a glance: who, on which day, how bad.
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
