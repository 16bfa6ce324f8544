//! Command `respond`: response plans for alerts, printed only; it acts in no account.

use std::io::Write;

use anstyle::Style;
use anyhow::{Result, bail};
use trailwarden_core::finding::Finding;
use trailwarden_response::{
    Plan,
    planner::{cases, plan, plan_by},
    playbooks,
};

use crate::{
    NOTHING_READ, analysis,
    args::{Form, Respond},
    knowledge::settings,
    output::style,
    text::{count, paragraph, printable},
};

/// Prints a plan for each principal with alerts; returns the exit code.
pub(crate) fn respond(arguments: &Respond) -> Result<u8> {
    let settings = settings(arguments.input.reading.settings.as_deref())?;
    let analysis = analysis::run(&arguments.input, None, false)?;
    let is_meant = |finding: &&Finding| {
        arguments.principal.as_ref().is_none_or(|wanted| {
            let head = finding.principal.strip_suffix(wanted.as_str());
            head.is_some_and(|head| head.is_empty() || head.ends_with(['/', ':']))
        })
    };
    let alerts: Vec<&Finding> =
        analysis.open().filter(|finding| finding.is_alert()).filter(is_meant).collect();
    if let (Some(wanted), true) = (&arguments.principal, alerts.is_empty()) {
        bail!("no alert is about {wanted:?}");
    }
    let compromise = playbooks::ALL.iter().find(|playbook| playbook.id == "credential-compromise");
    let plans = cases(alerts.iter().copied()).into_iter().filter_map(|case| {
        let planned = match compromise.filter(|_| arguments.as_compromised) {
            Some(playbook) => plan_by(playbook, &case, &settings),
            None => plan(&case, &settings),
        };
        planned.map(|planned| (case, planned))
    });
    let plans: Vec<(Vec<&Finding>, Plan)> = plans.collect();
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    match arguments.format {
        Form::Json => {
            let plans: Vec<&Plan> = plans.iter().map(|(_, plan)| plan).collect();
            writeln!(out, "{}", serde_json::to_string_pretty(&plans)?)?;
        }
        Form::Table => {
            let (alerts, principals) =
                (count(alerts.len() as u64, "alert"), count(plans.len() as u64, "principal"));
            writeln!(out, "{alerts} about {principals}. Plans only: nothing is done.")?;
            plans.iter().try_for_each(|(case, plan)| one(&mut out, case, plan))?;
        }
    }
    out.flush()?;
    if !analysis.has_read() && !arguments.input.paths.is_empty() {
        eprintln!("trailwarden: nothing could be read: no CloudTrail log in {} file(s)", analysis.files);
        return Ok(NOTHING_READ);
    }
    Ok(0)
}

fn one(out: &mut impl Write, case: &[&Finding], plan: &Plan) -> Result<()> {
    let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
    let worst = case.iter().map(|finding| finding.severity).max().unwrap_or(case[0].severity);
    let severity = style(worst);
    writeln!(out, "\n{severity}{}{severity:#}  {bold}{}{bold:#}", worst.label(), printable(&plan.principal))?;
    writeln!(out, "  {bold}{}{bold:#}: {}", plan.level.label(), plan.because)?;
    paragraph(out, "  ", &plan.classification)?;
    let actions = plan.actions.iter().map(|planned| {
        let undo = format!("undo, {}: {}", planned.undo.describe(), planned.undone_by);
        let waits = if planned.waits.is_empty() { "" } else { "; a person decides: " };
        let why = format!("{}, in {}{waits}{}", planned.why, planned.account_id, planned.waits);
        (format!("{} ({why})", planned.text), Some(undo))
    });
    let listed = |lines: &[String]| -> Vec<(String, Option<String>)> {
        lines.iter().map(|line| (line.clone(), None)).collect()
    };
    section(out, "What would be done", actions.collect())?;
    if !plan.from.is_empty() {
        paragraph(out, "  ", &format!("Access is stopped from {}", plan.from))?;
    }
    section(out, "Next steps for people", listed(&plan.next_steps))?;
    section(out, "Who else is hit", listed(&plan.hits))?;
    section(out, "What remains", listed(&plan.residual))?;
    writeln!(out, "  {dim}{}{dim:#}", plan.finding_ids.join(" "))?;
    Ok(())
}

fn section(out: &mut impl Write, title: &str, lines: Vec<(String, Option<String>)>) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    writeln!(out, "  {title}")?;
    for (at, (line, more)) in (1..).zip(lines) {
        paragraph(out, &format!("    {at}. "), &line)?;
        if let Some(more) = more {
            paragraph(out, "       ", &more)?;
        }
    }
    Ok(())
}
