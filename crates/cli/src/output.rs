//! Output of `analyze`: table, JSON lines or ASFF.

use std::{
    collections::BTreeMap,
    io::{BufWriter, Write},
};

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use trailwarden_core::{
    event::{DAY, Time},
    finding::{Finding, Severity},
};
use trailwarden_pipeline::formats::asff::asff;

use crate::{
    analysis::Analysis,
    args::{Analyze, Format},
    knowledge::now,
    text::{count, printable, thousands, wrap},
};

/// Writes the findings to standard output.
pub(crate) fn write(arguments: &Analyze, analysis: &Analysis) -> Result<()> {
    let bound = arguments.min_severity.into();
    let is_shown = |finding: &&Finding| finding.severity >= bound;
    let leaving: Vec<&Finding> = analysis.leaving().filter(is_shown).collect();
    let mut out = BufWriter::new(anstream::stdout().lock());
    match arguments.format {
        Format::Table => table(&mut out, analysis, analysis.open().filter(is_shown).collect())?,
        Format::Ndjson => write_lines(&mut out, &leaving)?,
        Format::Asff => {
            let now = now();
            write_lines(
                &mut out,
                &leaving.into_iter().map(|finding| asff(finding, now)).collect::<Vec<_>>(),
            )?;
        }
    }
    Ok(out.flush()?)
}

fn write_lines(out: &mut impl Write, items: &[impl serde::Serialize]) -> Result<()> {
    for item in items {
        writeln!(out, "{}", serde_json::to_string(item)?)?;
    }
    Ok(())
}

/// Line width in characters.
const WIDTH: usize = 110;
/// Maximum number of reasons for a finding; `explain` prints all.
const REASONS: usize = 3;
/// Maximum number of threshold changes printed.
const CHANGES: usize = 3;

fn table(out: &mut impl Write, analysis: &Analysis, mut findings: Vec<&Finding>) -> Result<()> {
    findings.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then(b.score.total_cmp(&a.score)).then_with(|| a.id.cmp(&b.id))
    });
    read(out, analysis)?;
    if findings.is_empty() {
        writeln!(out, "\nNo findings.")?;
    } else {
        counts(out, &findings)?;
        for finding in &findings {
            one(out, finding)?;
        }
        principals(out, &findings)?;
        writeln!(out, "\nThe whole story of one: trailwarden explain ID PATH...")?;
    }
    Ok(())
}

/// Counts of what was read, and of what was skipped and why.
fn read(out: &mut impl Write, analysis: &Analysis) -> Result<()> {
    let tally = &analysis.tally;
    if analysis.files > 0 || !analysis.skipped.is_empty() {
        let (events, files) = (count(tally.events, "event"), count(analysis.files as u64, "file"));
        writeln!(out, "Read {events} of {} in {files}.", count(analysis.principals as u64, "principal"))?;
    } else {
        writeln!(out, "Nothing new was given; this is what is kept.")?;
    }
    let others =
        tally.others.iter().map(|(kind, count)| format!("{} {}", thousands(*count), kind.describe()));
    let mut skipped: Vec<String> = others.collect();
    if tally.malformed > 0 {
        skipped.push(format!("{} that could not be read", count(tally.malformed, "record")));
    }
    let reasons = analysis.skipped.iter();
    skipped
        .extend(reasons.map(|(reason, files)| format!("{}: {}", count(*files, "file"), printable(reason))));
    if !skipped.is_empty() {
        writeln!(out, "Skipped: {}.", skipped.join("; "))?;
    }
    if tally.undated > 0 {
        writeln!(
            out,
            "{} without a time; they are judged together, as of 1970.",
            count(tally.undated, "event")
        )?;
    }
    for change in analysis.thresholds.changes.iter().rev().take(CHANGES).rev() {
        let day = Time(i64::from(change.day) * DAY).to_string();
        let medium = change.thresholds.medium;
        writeln!(out, "Alerts begin at {medium:.2} from {} on, {}.", &day[..10], change.reason)?;
    }
    let closed = analysis.leaving().count() - analysis.open().count();
    if closed > 0 {
        writeln!(
            out,
            "Closed: {} of earlier runs, which later events explain.",
            count(closed as u64, "finding")
        )?;
    }
    if analysis.suppressed() > 0 {
        writeln!(out, "Suppressed by the settings: {}.", count(analysis.suppressed() as u64, "finding"))?;
    }
    Ok(())
}

fn counts(out: &mut impl Write, findings: &[&Finding]) -> Result<()> {
    let counts = Severity::ALL.iter().rev().filter_map(|severity| {
        let found = findings.iter().filter(|finding| finding.severity == *severity).count();
        let style = style(*severity);
        (found > 0).then(|| format!("{style}{found} {}{style:#}", severity.label()))
    });
    writeln!(
        out,
        "\n{}: {}",
        count(findings.len() as u64, "finding"),
        counts.collect::<Vec<_>>().join(", ")
    )?;
    Ok(())
}

fn one(out: &mut impl Write, finding: &Finding) -> Result<()> {
    let (style, bold) = (style(finding.severity), Style::new().bold());
    let label = finding.severity.label();
    writeln!(
        out,
        "\n{style}{label}{style:#}  {bold}{}{bold:#}  score {:.2}, confidence {:.2}",
        finding.title, finding.score, finding.confidence
    )?;
    writeln!(out, "  {}", printable(&finding.principal))?;
    if !finding.callers.is_empty() {
        writeln!(out, "  assumed by {}", printable(&finding.callers.join(", then by ")))?;
    }
    writeln!(out, "  {}", place_and_time(finding))?;
    for reason in finding.evidence.iter().take(REASONS) {
        for (at, line) in wrap(&printable(reason), WIDTH - 4).into_iter().enumerate() {
            writeln!(out, "  {} {line}", if at == 0 { "-" } else { " " })?;
        }
    }
    if finding.evidence.len() > REASONS {
        writeln!(out, "  - and {} more", finding.evidence.len() - REASONS)?;
    }
    let dim = Style::new().dimmed();
    writeln!(out, "  {dim}{}{dim:#}", finding.id)?;
    Ok(())
}

/// Time, place and techniques of a finding.
pub(crate) fn place_and_time(finding: &Finding) -> String {
    let (first, last) = (finding.first_seen.to_string(), finding.last_seen.to_string());
    let until = if first == last {
        String::new()
    } else {
        format!(" to {}", if first[..10] == last[..10] { &last[11..] } else { &last })
    };
    let techniques: Vec<&str> = finding.techniques.iter().map(|technique| technique.id()).collect();
    let place: Vec<String> = [&finding.region, &finding.account_id]
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(|part| printable(part))
        .collect();
    format!("{first}{until}, {}; {}", place.join(", "), techniques.join(" "))
}

fn principals(out: &mut impl Write, findings: &[&Finding]) -> Result<()> {
    const TOLD: usize = 5;
    let mut worst: BTreeMap<&str, (f32, usize)> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.is_alert()) {
        let (score, count) = worst.entry(&finding.principal).or_default();
        *score += finding.score;
        *count += 1;
    }
    let mut worst: Vec<_> = worst.into_iter().collect();
    worst.sort_by(|a, b| b.1.0.total_cmp(&a.1.0).then(a.0.cmp(b.0)));
    if worst.len() > 1 {
        writeln!(out, "\nPrincipals to look at first")?;
        for (principal, (_, count)) in worst.into_iter().take(TOLD) {
            writeln!(out, "  {count:>3} findings  {}", printable(principal))?;
        }
    }
    Ok(())
}

/// Colour of a severity.
pub(crate) fn style(severity: Severity) -> Style {
    let colour = match severity {
        Severity::Critical => {
            return Style::new()
                .bold()
                .fg_color(Some(AnsiColor::White.into()))
                .bg_color(Some(AnsiColor::Red.into()));
        }
        Severity::High => AnsiColor::Red,
        Severity::Medium => AnsiColor::Yellow,
        Severity::Low => AnsiColor::Cyan,
        Severity::Informational => AnsiColor::White,
    };
    Style::new().fg_color(Some(colour.into()))
}
