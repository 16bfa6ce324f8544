//! Alert: a finding as a plain-text message to people, readable on a telephone at night.

use super::plain::plain;
use trailwarden_core::finding::{Finding, Status};
use trailwarden_response::{
    Plan, Planned,
    incident::{Act, Incident, Progress},
};

/// Message to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// One line of printable ASCII, at most 100 characters.
    pub subject: String,
    /// Lines of plain text: what happened, and what to do.
    pub text: String,
}

/// Longest subject that SNS accepts, in ASCII characters.
const SUBJECT: usize = 100;
/// Lines of evidence in an alert; the finding has the rest.
const REASONS: usize = 8;

/// Actions, and next steps, in an alert; `trailwarden respond --plan` prints all.
const STEPS: usize = 8;
/// Controls per line.
const CONTROLS_A_LINE: usize = 4;
/// Longest line, in bytes.
const LINE: usize = 1_000;

/// Alert on a finding, with its response plan and what has been executed of it.
pub fn alert(finding: &Finding, plan: Option<&Plan>, incident: Option<&Incident>) -> Alert {
    let state = match &finding.status {
        Status::Open => finding.severity.label(),
        Status::Closed(_) | Status::Suppressed(_) => "CLOSED",
    };
    let name = finding.principal.rsplit('/').next().unwrap_or_default();
    let subject = format!("[{state}] {}: {name} in {}", finding.title, finding.account_id);
    Alert { subject: ascii(&subject), text: text(finding, state, plan, incident) }
}

/// Alert that replaces further ones of the hour, after `told` were sent.
pub fn storm(told: u32) -> Alert {
    Alert {
        subject: format!("[MANY] More than {told} findings in this hour"),
        text: format!(
            "More than {told} HIGH or CRITICAL findings were raised within this hour.\nFurther ones of this hour are not sent \
             one by one; all are in Security Hub.\n\nWhat to do\n- Look at them there, by principal and by account"
        ),
    }
}

fn text(finding: &Finding, state: &str, plan: Option<&Plan>, incident: Option<&Incident>) -> String {
    let mut lines = vec![
        format!("{state}: {}", finding.title),
        String::new(),
        format!("Who:      {}", finding.principal),
        format!("Account:  {}  Region: {}", finding.account_id, finding.region),
        format!("When:     {} to {}", finding.first_seen, finding.last_seen),
        format!("Score:    {:.2} of 1, confidence {:.0}%", finding.score, finding.confidence * 100.0),
    ];
    if let Status::Closed(reason) = &finding.status {
        lines.push(format!("Closed:   {reason}"));
    }
    if !finding.callers.is_empty() {
        lines.push(format!("Behind:   {}", finding.callers.join(", then ")));
    }
    lines.extend([String::new(), "What happened".to_owned()]);
    lines.extend(finding.evidence.iter().take(REASONS).map(|reason| format!("- {reason}")));
    if finding.evidence.len() > REASONS {
        lines.push(format!("- and {} more", finding.evidence.len() - REASONS));
    }
    if !finding.controls.is_empty() {
        lines.extend([String::new(), "Controls".to_owned()]);
        lines.extend(finding.controls.chunks(CONTROLS_A_LINE).map(|some| format!("- {}", some.join("; "))));
    }
    lines.extend([String::new(), "What to do".to_owned()]);
    lines.extend(finding.recommendations.iter().map(|step| format!("- {step}")));
    if let Some(plan) = plan.filter(|_| finding.status == Status::Open) {
        lines.extend(planned(plan, incident));
    }
    lines.extend([String::new(), format!("Finding {}", finding.id)]);
    lines.extend(incident.map(|incident| format!("Incident {}", incident.id)));
    let lines: Vec<String> = lines.iter().map(|line| plain(line, LINE)).collect();
    lines.join("\n")
}

/// Actions of the plan in order, each with its progress.
fn planned(plan: &Plan, incident: Option<&Incident>) -> Vec<String> {
    let acts: &[Act] = incident.map(|incident| &*incident.acts).unwrap_or_default();
    let of = |planned: &Planned| {
        acts.iter()
            .rev()
            .find(|act| act.planned.action == planned.action && act.planned.account_id == planned.account_id)
    };
    let is_done = |planned: &Planned| of(planned).is_some_and(|act| act.progress == Progress::Done);
    let done = plan.actions.iter().filter(|planned| is_done(planned)).count();
    let what = match done {
        0 => "Nothing was done.".to_owned(),
        done => format!("{done} of {} done.", plan.actions.len()),
    };
    let mut lines = vec![String::new(), format!("Plan ({}: {}). {what}", plan.level.label(), plan.because)];
    for (at, planned) in (1..).zip(plan.actions.iter().take(STEPS)) {
        let state = of(planned).map(told).unwrap_or_default();
        let undo = planned.undo.describe();
        lines.push(format!("{at}. {}{state}; undo ({undo}): {}", planned.text, planned.undone_by));
    }
    if plan.actions.len() > STEPS {
        lines.push(format!("and {} more: see the incident", plan.actions.len() - STEPS));
    }
    lines.extend(plan.next_steps.iter().take(STEPS).map(|step| format!("- {step}")));
    lines.extend(plan.hits.iter().map(|hit| format!("Hits: {hit}")));
    lines.extend(plan.residual.iter().map(|rest| format!("Remains: {rest}")));
    lines
}

/// Progress of an action, to follow its text.
fn told(act: &Act) -> String {
    let note = if act.note.is_empty() { String::new() } else { format!(": {}", act.note) };
    match act.progress {
        Progress::Waiting | Progress::Due | Progress::Begun | Progress::UndoDue => {
            format!(" [not done{note}]")
        }
        Progress::Done => format!(" [DONE{note}]"),
        Progress::Impossible | Progress::Refused => format!(" [NOT DONE{note}]"),
        Progress::Undone => format!(" [taken back{note}]"),
    }
}

fn ascii(line: &str) -> String {
    line.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(SUBJECT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailwarden_core::finding::Severity;

    #[test]
    fn an_alert_says_who_what_and_what_to_do() {
        let finding = trailwarden_core::finding::testing::finding();
        let plan = trailwarden_response::planner::plan(
            &[&finding],
            &trailwarden_core::settings::Settings::default(),
        );
        let alert = alert(&finding, plan.as_ref(), None);
        assert_eq!(alert.subject, "[HIGH] Defences weakened: kim in 111122223333");
        for part in [
            "user/kim",
            "cloudtrail:StopLogging on main",
            "Switch it on",
            "evasion/2026-03-02/",
            "Nothing was done.",
            "1. Deactivate the access keys of kim; undo (exact): ",
            "Hits: ",
        ] {
            assert!(alert.text.contains(part), "{part}");
        }
    }

    #[test]
    fn a_violation_names_its_controls() {
        let names = ["SOC 2 CC7.2", "PCI DSS v4.0.1/10.2.1"];
        let finding = Finding {
            controls: names.map(str::to_owned).to_vec(),
            ..trailwarden_core::finding::testing::finding()
        };
        assert!(
            alert(&finding, None, None).text.contains("Controls\n- SOC 2 CC7.2; PCI DSS v4.0.1/10.2.1\n")
        );
    }

    #[test]
    fn hostile_text_stays_on_its_line() {
        let finding = Finding {
            severity: Severity::Critical,
            title: "ü\u{1b}[31m\nSubject: x".repeat(30),
            evidence: vec!["a\nWhat to do\n- wire the money".into()],
            ..trailwarden_core::finding::testing::finding()
        };
        let alert = alert(&finding, None, None);
        assert!(alert.subject.len() <= SUBJECT && alert.subject.is_ascii() && !alert.subject.contains('\n'));
        assert!(!alert.text.contains('\u{1b}') && alert.text.contains("- a What to do - wire the money"));
    }
}
