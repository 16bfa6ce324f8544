//! Command `assess`: risk of one principal or ranking of all, and use of identity providers.

use std::io::{BufWriter, Write};

use anstyle::Style;
use anyhow::{Result, bail};
use serde::Serialize;
use trailwarden_core::{
    activity::Scope,
    baseline::{Baseline, MEMORY_DAYS},
    event::{HOUR, Time},
    finding::{Finding, Severity},
    judgement::{assess_at, judge},
    risk::{
        assessment::Assessment,
        components::Component,
        identity_providers::{Federation, ProviderUse},
    },
    severity::{Level, thresholds::Thresholds},
};

use crate::{
    args::{self, Form},
    identities::{Identities, show},
    judging::spread,
    output::style,
    text::{count, printable, wrap},
};

/// Assesses the given principal, or all.
pub(crate) fn assess(arguments: &args::Assess) -> Result<u8> {
    let identities = Identities::load(&arguments.input)?;
    let until = identities.end();
    let mut out = BufWriter::new(anstream::stdout().lock());
    match arguments.principal.as_str() {
        "all" => everybody(&mut out, arguments, &identities, until)?,
        principal => one(&mut out, arguments, &identities, &identities.find(principal)?, until)?,
    }
    Ok(out.flush().map(|()| 0)?)
}

/// Assessment of a scope from its hours and findings of the 30 days up to `until`, an hour since 1970.
fn look(identities: &Identities, scope: &Scope, until: u32, span: u32) -> Result<Option<Assessment>> {
    let hours = identities.hours(scope)?;
    let hours = &hours[..hours.partition_point(|(hour, _)| *hour <= until)];
    let from = (until / 24).saturating_sub(MEMORY_DAYS) * 24;
    let (found, _) = judge(scope, Baseline::default(), hours, from, identities.around());
    let findings: Vec<&Finding> = found.iter().collect();
    Ok(assess_at(scope, Baseline::default(), hours, (until, span), identities.around(), &findings))
}

#[derive(Serialize)]
struct Assessed<'a> {
    principal: String,
    from: String,
    to: String,
    #[serde(flatten)]
    assessment: &'a Assessment,
}

fn span(until: u32, hours: u32) -> (String, String) {
    let end = i64::from(until + 1) * HOUR;
    (Time(end - i64::from(hours) * HOUR).to_string(), Time(end).to_string())
}

fn one(
    out: &mut impl Write,
    arguments: &args::Assess,
    identities: &Identities,
    scope: &Scope,
    until: u32,
) -> Result<()> {
    let mut until = until;
    let mut assessed = look(identities, scope, until, arguments.hours)?;
    if assessed.is_none() {
        let hours = identities.hours(scope)?;
        until = hours.iter().map(|(hour, _)| *hour).filter(|hour| *hour <= until).max().unwrap_or_default();
        assessed = look(identities, scope, until, arguments.hours)?;
        if arguments.format == Form::Table {
            let quiet = count(u64::from(arguments.hours), "hour");
            writeln!(out, "Quiet in the last {quiet} of the logs; these are its own last ones.")?;
        }
    }
    let Some(assessment) = assessed else { bail!("no activity of {} is known", printable(&show(scope))) };
    let (from, to) = span(until, arguments.hours);
    match arguments.format {
        Form::Json => {
            let assessed = Assessed { principal: show(scope), from, to, assessment: &assessment };
            writeln!(out, "{}", serde_json::to_string(&assessed)?)?;
        }
        Form::Table => {
            let bold = Style::new().bold();
            writeln!(out, "{bold}{}{bold:#}\n{from} to {to}", printable(&show(scope)))?;
            tell(out, &assessment)?;
        }
    }
    Ok(())
}

const WIDTH: usize = 100;

fn tell(out: &mut impl Write, assessment: &Assessment) -> Result<()> {
    let style = level_style(assessment.level);
    writeln!(
        out,
        "\n{style}{}{style:#}  risk {:.2}, confidence {:.2}",
        assessment.level.label(),
        assessment.score,
        assessment.confidence
    )?;
    components(out, "What makes the score", &assessment.components)?;
    let behavior = &assessment.behavior;
    writeln!(out, "\nThe day against its days")?;
    match behavior.anomaly_score {
        Some(score) => {
            let is = if behavior.is_anomalous { "beyond" } else { "within" };
            writeln!(out, "  anomaly score {score:.2}, {is} what it has been")?;
        }
        None => writeln!(out, "  too few days to compare with")?,
    }
    lines(out, "Changed", &behavior.behavioral_changes)?;
    lines(out, "Risky", &behavior.risk_factors)?;
    components(
        out,
        &format!(
            "Behaviour risk {:.2}, {}",
            assessment.behavior_risk.score,
            assessment.behavior_risk.level.label()
        ),
        &assessment.behavior_risk.components,
    )?;
    components(
        out,
        &format!(
            "Circumstances of the last hour {:.2}, {}",
            assessment.access_context.score,
            assessment.access_context.level.label()
        ),
        &assessment.access_context.components,
    )?;
    lines(out, "\nSuspicious patterns", &assessment.suspicious_patterns)?;
    lines(out, "\nWhat to do", &assessment.recommended_actions)
}

/// Components with their points; `-` for unknown ones.
fn components(out: &mut impl Write, title: &str, components: &[Component]) -> Result<()> {
    writeln!(out, "\n{title}")?;
    for part in components {
        let points =
            if part.value.is_some() { format!("{:>6.3}", part.points.max(0.0)) } else { "     -".to_owned() };
        for (at, line) in wrap(&printable(&part.because), WIDTH - 28).into_iter().enumerate() {
            if at == 0 {
                writeln!(out, "{points}  {:<20}{line}", part.name)?;
            } else {
                writeln!(out, "{:28}{line}", "")?;
            }
        }
    }
    Ok(())
}

fn lines(out: &mut impl Write, title: &str, lines: &[String]) -> Result<()> {
    if !lines.is_empty() {
        writeln!(out, "{title}")?;
    }
    for line in lines {
        for (at, part) in wrap(&printable(line), WIDTH - 4).into_iter().enumerate() {
            writeln!(out, "  {} {part}", if at == 0 { "-" } else { " " })?;
        }
    }
    Ok(())
}

fn level_style(level: Level) -> Style {
    style([Severity::Low, Severity::Medium, Severity::High, Severity::Critical][level as usize])
}

#[derive(Serialize)]
struct Everybody<'a> {
    from: String,
    to: String,
    principals: Vec<Assessed<'a>>,
    providers: &'a [ProviderUse],
}

/// Maximum number of principals in the table.
const TOLD: usize = 15;

fn everybody(
    out: &mut impl Write,
    arguments: &args::Assess,
    identities: &Identities,
    until: u32,
) -> Result<()> {
    let scopes = identities.all();
    let parts = spread(&scopes, identities.jobs, |scope, part: &mut Vec<(Scope, Assessment)>| {
        let assessment = look(identities, scope, until, arguments.hours)?;
        part.extend(assessment.map(|assessment| (scope.clone(), assessment)));
        Ok(())
    })?;
    let mut assessed: Vec<(Scope, Assessment)> = parts.into_iter().flatten().collect();
    assessed.sort_by(|a, b| b.1.score.total_cmp(&a.1.score).then_with(|| a.0.cmp(&b.0)));
    let providers = providers(identities, &scopes, until, arguments.hours)?;
    let (from, to) = span(until, arguments.hours);
    if arguments.format == Form::Json {
        let principals = assessed
            .iter()
            .map(|(scope, assessment)| Assessed {
                principal: show(scope),
                from: from.clone(),
                to: to.clone(),
                assessment,
            })
            .collect();
        let everybody = Everybody { from: from.clone(), to: to.clone(), principals, providers: &providers };
        return Ok(writeln!(out, "{}", serde_json::to_string(&everybody)?)?);
    }
    writeln!(
        out,
        "{from} to {to}: {} active\n",
        count(assessed.len() as u64, "identity").replace("ys", "ies")
    )?;
    for (scope, assessment) in assessed.iter().take(TOLD) {
        let style = level_style(assessment.level);
        writeln!(
            out,
            "{style}{:<8}{style:#} {:.2}  {}",
            assessment.level.label(),
            assessment.score,
            printable(&show(scope))
        )?;
        if let Some(factor) = assessment.primary_factors.first().filter(|_| assessment.level > Level::Low) {
            for line in wrap(&printable(factor), WIDTH - 15) {
                writeln!(out, "{:15}{line}", "")?;
            }
        }
    }
    if assessed.len() > TOLD {
        writeln!(out, "and {} more, none riskier", assessed.len() - TOLD)?;
    }
    tell_providers(out, &providers)
}

/// Use of identity providers in the period, against the 30 days before it.
fn providers(identities: &Identities, scopes: &[Scope], until: u32, hours: u32) -> Result<Vec<ProviderUse>> {
    let mut federation = Federation::new(until + 1 - hours.min(until)..until + 1);
    let oldest = until.saturating_sub(hours + MEMORY_DAYS * 24);
    for scope in scopes {
        for (hour, folded) in identities.hours(scope)?.iter().filter(|(hour, _)| *hour >= oldest) {
            federation.add(scope, *hour, folded);
        }
    }
    Ok(federation.report(&Thresholds::default()))
}

fn tell_providers(out: &mut impl Write, providers: &[ProviderUse]) -> Result<()> {
    if providers.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nIdentity providers")?;
    for provider in providers {
        let style = level_style(provider.level);
        writeln!(
            out,
            "{style}{:<8}{style:#} {:.2}  {}: {} by {}, {:.0} failed",
            provider.level.label(),
            provider.risk,
            printable(&provider.provider),
            count(provider.logins.round() as u64, "sign-in"),
            count(provider.unique_users as u64, "user"),
            provider.failures
        )?;
        for pattern in &provider.unusual_patterns {
            writeln!(out, "{:15}- {}", "", printable(pattern))?;
        }
    }
    Ok(())
}
