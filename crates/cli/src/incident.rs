//! Command `incident`: incidents of a state file, and decisions on them.
//!
//! It acts in no account: it prints the commands.

use std::io::Write as _;

use anstyle::Style;
use anyhow::{Context, Result, anyhow, bail};
use pollster::block_on;
use serde_json::{Value, json};
use trailwarden_core::{event::Time, finding::FindingRaised, settings::Settings};
use trailwarden_pipeline::{
    formats::slack::{headline, progress},
    incident_api::shown,
    incidents::join,
    index_entries::IncidentLine,
    ports::{Key, Listed, Table, change},
    responder::{Mode, load},
    table_schema::{self, INCIDENTS},
};
use trailwarden_response::{
    Commands, Credential, Undo, commands,
    incident::{Act, Decision, Incident, IncidentState, Progress, US, metrics},
};

use crate::{
    args::{self, Form},
    files,
    knowledge::{now, settings},
    output::style,
    store::Store,
    store::table::FileTable,
    text::{count, paragraph, printable},
};

/// Shows incidents or records a decision; returns the exit code.
pub(crate) fn incident(arguments: &args::Incident) -> Result<u8> {
    let Some(path) = &arguments.state else {
        bail!("--state FILE is missing: the file that `analyze --state` keeps")
    };
    if !path.exists() {
        bail!(
            "{}: there is no such state; `trailwarden analyze --state {0} PATH...` makes one",
            files::show(path)
        );
    }
    let settings = settings(arguments.settings.as_deref())?;
    let state = Store::open(path).with_context(|| format!("state {}", files::show(path)))?;
    let days = gather(&state, &settings)?;
    let items = state.items();
    let incidents = all(&items, &days)?;
    let mut out = std::io::BufWriter::new(anstream::stdout().lock());
    let form = arguments.format;
    match &arguments.what {
        args::Decision::List { all } => list(&mut out, &incidents, *all, form)?,
        args::Decision::Show { id } => show(&mut out, &find(&incidents, id)?.1, form)?,
        asked => {
            let Some((id, decision)) = decided(asked) else { return Ok(0) };
            let (key, _) = find(&incidents, id)?;
            let incident = keep(&items, &key, &decision)?;
            state.keep()?;
            tell(&mut out, &decision, &incident, form)?;
        }
    }
    out.flush()?;
    Ok(0)
}

/// Joins the state's findings to incidents; returns the days of the findings, since 1970.
pub(crate) fn gather(state: &Store, settings: &Settings) -> Result<Vec<u32>> {
    let items = state.items();
    let mut findings = state.scoped_findings()?;
    findings.sort_by(|(_, a), (_, b)| (a.last_seen, &a.id).cmp(&(b.last_seen, &b.id)));
    let mut days: Vec<u32> = findings.iter().map(|(_, finding)| finding.last_seen.day()).collect();
    days.sort_unstable();
    days.dedup();
    for (scope, finding) in findings {
        // Joined as of the finding's own time, because an old log may be read today.
        let at = finding.last_seen;
        let raised = FindingRaised { scope, revision: 1, finding };
        block_on(join(&items, &raised, Mode::Observe, settings, at))?;
    }
    Ok(days)
}

/// All incidents of these days, newest first.
fn all(items: &FileTable<'_>, days: &[u32]) -> Result<Vec<(Key, Incident)>> {
    let mut found = Vec::new();
    for day in days.iter().rev() {
        let listed = block_on(items.listed(&table_schema::day_partition(*day), INCIDENTS.0, INCIDENTS.1))?;
        for Listed { key, .. } in listed.into_iter().rev() {
            found.extend(block_on(load(items, &key))?.map(|incident| (key, incident)));
        }
    }
    Ok(found)
}

fn find(incidents: &[(Key, Incident)], id: &str) -> Result<(Key, Incident)> {
    let mut found = incidents.iter().filter(|(_, incident)| incident.id.starts_with(id));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one.clone()),
        (None, _) => bail!("no incident has the id {id:?}; `incident list --all` lists them"),
        (Some(one), Some(other)) => incidents
            .iter()
            .find(|(_, incident)| incident.id == id)
            .cloned()
            .ok_or_else(|| anyhow!("{id:?} may be {} or {}: give more of the id", one.1.id, other.1.id)),
    }
}

/// The decision of a subcommand and the incident's id; `None` for those that only show. People count from 1.
fn decided(asked: &args::Decision) -> Option<(&str, Decision)> {
    let position = |act: &Option<usize>| act.map(|act| act.wrapping_sub(1));
    Some(match asked {
        args::Decision::Approve { id, plan } => (id, Decision::Approve { plan: plan.clone() }),
        args::Decision::Undo { id, act } => (id, Decision::Undo { act: position(act) }),
        args::Decision::Reissue { id, credential, act } => {
            let credential = match credential {
                args::Reissued::Key => Credential::Key,
                args::Reissued::Password => Credential::Password,
            };
            (id, Decision::Reissue { credential, act: position(act) })
        }
        args::Decision::Assign { id, whom } => (id, Decision::Assign { to: whom.clone() }),
        args::Decision::Step { id, step } => (id, Decision::Step { step: step.wrapping_sub(1) }),
        args::Decision::Close { id, reason } => (id, Decision::Close { reason: reason.clone() }),
        args::Decision::List { .. } | args::Decision::Show { .. } => return None,
    })
}

/// Records a decision under the name of the current user.
fn keep(items: &FileTable<'_>, key: &Key, decision: &Decision) -> Result<Incident> {
    let who = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let who = format!("local:{}", who.as_deref().unwrap_or("somebody"));
    let mut outcome = Err(anyhow!("the incident no longer exists"));
    block_on(change(items, key, |item| {
        let Some(mut incident) = item.map(table_schema::read_incident).transpose()? else { return Ok(None) };
        let now = now();
        // Actions approved here are carried out and undone by hand.
        let decided = if let Decision::Undo { act } = decision {
            taken_back(&mut incident, *act, &who, now)
        } else {
            incident.planned = incident.planned.max(Time(now.0 - 1));
            incident.decide(decision, &who, now).map_err(Into::into)
        };
        outcome = decided.map(|()| incident.clone());
        Ok::<_, trailwarden_pipeline::ports::Unavailable>(
            outcome.is_ok().then(|| table_schema::write_incident(&incident, now)),
        )
    }))?;
    outcome
}

fn taken_back(incident: &mut Incident, which: Option<usize>, who: &str, now: Time) -> Result<()> {
    let can = |act: &Act| act.progress == Progress::Due && act.planned.undo != Undo::None;
    let is_meant = |at: usize| which.is_none_or(|which| which == at);
    let chosen: Vec<usize> =
        (0..incident.acts.len()).filter(|at| is_meant(*at) && can(&incident.acts[*at])).collect();
    if chosen.is_empty() {
        bail!("no approved action can be undone");
    }
    for at in chosen {
        incident.acts[at].progress = Progress::Undone;
        let what = format!("took back: {}", incident.acts[at].planned.text);
        incident.say(now, who, what);
    }
    incident.revision += 1;
    Ok(())
}

fn list(out: &mut impl std::io::Write, incidents: &[(Key, Incident)], all: bool, form: Form) -> Result<()> {
    let wanted: Vec<&Incident> = incidents
        .iter()
        .map(|(_, incident)| incident)
        .filter(|one| all || one.state != IncidentState::Closed)
        .collect();
    let everything: Vec<Incident> = incidents.iter().map(|(_, incident)| incident.clone()).collect();
    let (numbers, by_playbook) = metrics(&everything);
    if form == Form::Json {
        let lines: Vec<IncidentLine> = wanted.iter().map(|incident| (*incident).into()).collect();
        let told = json!({ "incidents": lines, "metrics": { "all": numbers, "by_playbook": by_playbook } });
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&told)?)?);
    }
    let bold = Style::new().bold();
    writeln!(out, "{}", count(wanted.len() as u64, "incident"))?;
    for incident in wanted {
        let severity = style(incident.severity);
        let waiting = incident.acts.iter().filter(|act| act.progress == Progress::Waiting).count();
        let label = incident.severity.label();
        let state = format!("{:?}", incident.state).to_lowercase();
        writeln!(
            out,
            "{severity}{label:<8}{severity:#}  {}  {state:<9}  {bold}{}{bold:#}",
            incident.id,
            printable(&incident.principal)
        )?;
        let assignee = incident.assignee.as_deref().map_or_else(String::new, |who| format!(", {who}'s"));
        let told = format!(
            "{}: {}, {} to approve{assignee}",
            incident.classification,
            count(incident.findings.len() as u64, "finding"),
            count(waiting as u64, "act"),
        );
        paragraph(out, "          ", &told)?;
    }
    if let Some(share) = numbers.automatable {
        writeln!(
            out,
            "\nContainment without a person was planned for {:.0}% of {}.",
            share * 100.0,
            count(numbers.incidents as u64, "incident")
        )?;
    }
    Ok(())
}

fn show(out: &mut impl std::io::Write, incident: &Incident, form: Form) -> Result<()> {
    if form == Form::Json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&shown(incident))?)?);
    }
    let (bold, dim) = (Style::new().bold(), Style::new().dimmed());
    let severity = style(incident.severity);
    writeln!(out, "{severity}{}{severity:#}", printable(&headline(incident)))?;
    writeln!(out, "  {bold}{}{bold:#}", printable(&incident.principal))?;
    writeln!(out, "  {} to {}", incident.first_seen, incident.last_seen)?;
    findings_and_plan(out, incident)?;
    if let Some(plan) = incident.plan_digest() {
        writeln!(out, "    To approve it: incident approve {} --plan {plan}", incident.id)?;
    }
    if !incident.next_steps.is_empty() {
        writeln!(out, "  Left to people")?;
    }
    for (at, step) in (1..).zip(&incident.next_steps) {
        let done =
            step.done.as_ref().map_or_else(String::new, |(when, who)| format!(" (done {when}, {who})"));
        paragraph(out, &format!("    {at}. "), &format!("{}{done}", step.text))?;
    }
    for (title, lines) in [("Who else is hit", &incident.hits), ("What remains", &incident.residual)] {
        if !lines.is_empty() {
            writeln!(out, "  {title}")?;
        }
        for line in lines {
            paragraph(out, "    - ", line)?;
        }
    }
    writeln!(out, "  {dim}What happened{dim:#}")?;
    for entry in &incident.timeline {
        let by = if entry.by == US { String::new() } else { format!("{} ", entry.by) };
        paragraph(out, "    ", &format!("{}  {by}{}", entry.at, entry.what))?;
    }
    Ok(())
}

fn findings_and_plan(out: &mut impl std::io::Write, incident: &Incident) -> Result<()> {
    writeln!(out, "  Findings")?;
    for finding in &incident.findings {
        let state = if finding.is_open { "" } else { ", no longer stands" };
        paragraph(
            out,
            "    ",
            &format!("{} {} ({}{state})", finding.severity.label(), finding.title, finding.id),
        )?;
        for reason in &finding.evidence {
            paragraph(out, "      - ", reason)?;
        }
    }
    if !incident.acts.is_empty() {
        paragraph(out, "  ", &format!("Plan, {}: {}", incident.level.label(), incident.because))?;
    }
    for (at, act) in (1..).zip(&incident.acts) {
        let waits = if act.planned.waits.is_empty() { "" } else { "; a person decides: " };
        let place = format!("in {}{waits}{}", act.planned.account_id, act.planned.waits);
        let what = format!("[{}] {} ({place})", progress(act.progress), act.planned.text);
        paragraph(out, &format!("    {at}. "), &what)?;
        paragraph(
            out,
            "       ",
            &format!("undo, {}: {}", act.planned.undo.describe(), act.planned.undone_by),
        )?;
    }
    Ok(())
}

/// Prints the decision, with the commands that carry it out or undo it.
fn tell(out: &mut impl std::io::Write, decision: &Decision, incident: &Incident, form: Form) -> Result<()> {
    let (wanted, which) = match decision {
        Decision::Approve { .. } => (Progress::Due, None),
        // A re-issued credential is the last action.
        Decision::Reissue { .. } => (Progress::Due, incident.acts.len().checked_sub(1)),
        Decision::Undo { act } => (Progress::Undone, *act),
        _ => return show(out, incident, form),
    };
    let is_meant = |at: usize| which.is_none_or(|which| which == at);
    let acts = incident.acts.iter().enumerate().filter(|(at, act)| act.progress == wanted && is_meant(*at));
    let told: Vec<(&Act, Option<Vec<String>>)> = acts
        .map(|(_, act)| {
            let lines = |made: Commands| if wanted == Progress::Undone { made.back } else { made.forth };
            (act, commands(&act.planned.action, now()).map(lines))
        })
        .collect();
    if form == Form::Json {
        let told: Vec<Value> = told
            .iter()
            .map(|(act, lines)| json!({ "text": act.planned.text, "account_id": act.planned.account_id, "commands": lines }))
            .collect();
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&told)?)?);
    }
    writeln!(
        out,
        "# Kept. Nothing was done in any account: these commands do it, each with credentials of its account."
    )?;
    for (act, lines) in told {
        writeln!(out, "\n# {}, in {}", printable(&act.planned.text), printable(&act.planned.account_id))?;
        match lines {
            Some(lines) => lines.iter().try_for_each(|line| writeln!(out, "{line}"))?,
            None => writeln!(out, "# by hand: a name in it is not safe in a shell")?,
        }
    }
    Ok(())
}
