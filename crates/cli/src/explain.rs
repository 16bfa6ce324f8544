//! Command `explain`: one finding in full.

use std::{
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::{Context, Result, bail};
use trailwarden_core::{
    features::Features,
    finding::{Finding, Status},
};

use crate::{
    analysis, args, files,
    output::{place_and_time, style},
    store::Store,
    text::{printable, wrap},
};

/// Looks the finding up, in the state or by a new analysis, and prints it.
pub(crate) fn explain(arguments: &args::Explain) -> Result<u8> {
    let mut findings = match &arguments.input.state {
        Some(path) => kept(path).with_context(|| format!("state {}", files::show(path)))?,
        None => Vec::new(),
    };
    if !arguments.input.paths.is_empty() {
        findings.extend(analysis::run(&arguments.input, arguments.verdicts.as_deref(), false)?.findings);
        findings.reverse(); // new results before stored ones
    }
    let wanted = arguments.finding_id.trim();
    let matching: Vec<&Finding> = findings
        .iter()
        .filter(|finding| {
            !wanted.is_empty() && (finding.id.starts_with(wanted) || finding.id.ends_with(wanted))
        })
        .collect();
    let finding = match matching.as_slice() {
        [one] => one,
        [] => bail!("no finding {:?} among the {} there are", wanted, findings.len()),
        [first, others @ ..] if others.iter().all(|other| other.id == first.id) => first,
        many => match many.iter().find(|finding| finding.id == wanted) {
            Some(exact) => exact,
            None => bail!(
                "{} findings match {wanted:?}: {}",
                many.len(),
                many.iter().map(|finding| finding.id.as_str()).collect::<Vec<_>>().join(", ")
            ),
        },
    };
    let mut out = BufWriter::new(anstream::stdout().lock());
    tell(&mut out, finding)?;
    out.flush()?;
    Ok(0)
}

/// Findings in a state file.
pub(crate) fn kept(path: &Path) -> Result<Vec<Finding>> {
    if !path.exists() {
        bail!("no such file");
    }
    Store::open(path)?.findings()
}

const WIDTH: usize = 100;

fn tell(out: &mut impl Write, finding: &Finding) -> Result<()> {
    let style = style(finding.severity);
    writeln!(out, "{style}{}{style:#}  {}", finding.severity.label(), finding.title)?;
    writeln!(out, "{}", printable(&finding.principal))?;
    if !finding.callers.is_empty() {
        writeln!(out, "assumed by {}", printable(&finding.callers.join(", then by ")))?;
    }
    writeln!(out, "{}", place_and_time(finding))?;
    match &finding.status {
        Status::Open => {}
        Status::Closed(reason) => writeln!(out, "Closed: {}", printable(reason))?,
        Status::Suppressed(rule) => writeln!(out, "Suppressed by the settings: {}", printable(rule))?,
    }
    section(out, "What was usual", finding.usual.iter().map(String::as_str))?;
    if !finding.observed.is_empty() {
        section(out, "What was different that day", finding.observed.iter().map(String::as_str))?;
    }
    writeln!(out, "\nWhat happened, and what each part adds to the score")?;
    for reason in &finding.contributions {
        for (at, line) in wrap(&printable(&reason.text), WIDTH).into_iter().enumerate() {
            let points = if at == 0 { format!("{:>6.3}", reason.points) } else { " ".repeat(6) };
            writeln!(out, "{points}  {line}")?;
        }
        writeln!(
            out,
            "        {} to {}, {} event(s)",
            reason.first_seen,
            reason.last_seen,
            reason.event_ids.len()
        )?;
    }
    let begin = finding.thresholds.high;
    let is = if finding.score >= begin { "a threat" } else { "out of the ordinary, below a threat" };
    writeln!(out, "{:>6.3}  the score: {is} (threats begin at {begin:.2})", finding.score)?;
    writeln!(
        out,
        "\nHow sure: {:.2}. More days of history, and a list of networks, make it surer.",
        finding.confidence
    )?;
    features(out, finding)?;
    let techniques: Vec<String> = finding
        .techniques
        .iter()
        .map(|technique| format!("{} {}", technique.id(), technique.name()))
        .collect();
    section(out, "ATT&CK techniques", techniques.iter().map(String::as_str))?;
    section(out, "What to do", finding.recommendations.iter().map(String::as_str))?;
    section(out, "Events that prove it", finding.event_ids.iter().map(String::as_str))
}

/// The twelve features, as far as they are known.
fn features(out: &mut impl Write, finding: &Finding) -> Result<()> {
    let Some(features) = finding.features.and_then(|features| serde_json::to_value(features).ok()) else {
        return Ok(());
    };
    let lines =
        Features::NAMES.iter().map(|name| match features.get(name).and_then(serde_json::Value::as_f64) {
            Some(value) => format!("{name:<26}{:>8.2}", value + 0.0),
            None => format!("{name:<26} unknown"),
        });
    let lines: Vec<String> = lines.collect();
    section(out, "The 24 hours in numbers", lines.iter().map(String::as_str))
}

fn section<'a>(out: &mut impl Write, title: &str, lines: impl Iterator<Item = &'a str>) -> Result<()> {
    writeln!(out, "\n{title}")?;
    for line in lines {
        for (at, part) in wrap(&printable(line), WIDTH).into_iter().enumerate() {
            writeln!(out, "  {}{part}", if at == 0 { "" } else { "  " })?;
        }
    }
    Ok(())
}
