//! Page of an incident: findings, planned and executed actions, manual steps and decisions.

use maud::{Markup, html};
use serde_json::Value;
use trailwarden_core::event::Time;
use trailwarden_pipeline::formats::slack::progress;
use trailwarden_response::{
    Undo,
    incident::{Act, Incident, IncidentState, Progress},
};

use super::{Entrance, parts};

/// `shown` is the incident as the incident API returns it, with the plan that can be approved now. `decides`
/// shows the buttons for approvers.
pub(super) fn incident(shown: &Value, entrance: Entrance, decides: bool) -> Markup {
    let Ok(incident) = serde_json::from_value::<Incident>(shown.clone()) else {
        return super::trouble("the incident cannot be read", true);
    };
    let plan = shown["plan"].as_str();
    html! {
        (head(&incident, decides))
        (acts(&incident, plan, entrance, decides))
        (steps(&incident))
        section.card #findings aria-labelledby="findings-title" {
            h2 id="findings-title" { "Findings" }
            ul.incidents { @for one in &incident.findings {
                li {
                    p { (parts::severity(one.severity)) " "
                        a href={ "/finding?id=" (parts::encoded(&one.id)) "&of=" (parts::encoded(&one.partition)) } { (parts::shown(&one.title)) }
                        @if !one.is_open { span.quiet { " no longer stands" } } }
                    @for reason in &one.evidence { p.small { (parts::shown(reason)) } }
                }
            } }
        }
        section.card #around aria-labelledby="around-title" {
            h2 id="around-title" { "Around it" }
            (parts::list("Who else is hit", &incident.hits))
            (parts::list("What remains", &incident.residual))
            @if incident.hits.is_empty() && incident.residual.is_empty() { p.quiet { "Nothing is known to." } }
        }
        section.card.wide #timeline aria-labelledby="timeline-title" {
            h2 id="timeline-title" { "What happened" }
            ol.timeline { @for entry in &incident.timeline {
                li { (parts::time(entry.at)) " " strong { (parts::shown(&entry.by)) } " " (parts::shown(&entry.what)) }
            } }
        }
    }
}

fn head(incident: &Incident, decides: bool) -> Markup {
    let path = format!("/api/incidents/{}", parts::encoded(&incident.id));
    html! {
        section.card.wide #what {
            p { (parts::severity(incident.severity)) " " span class={ "state " (parts::state(incident.state)) } { (parts::state(incident.state)) }
                span.quiet { " " (incident.id) } }
            h1 { (parts::shown(if incident.classification.is_empty() { "Incident" } else { &incident.classification })) }
            p { (parts::principal(&incident.principal)) " in " (parts::shown(&incident.account_id)) ", "
                (parts::time(incident.first_seen)) " to " (parts::time(incident.last_seen)) " UTC" }
            p.small {
                @match &incident.assignee { Some(who) => { "With " (parts::shown(who)) }, None => "With nobody" }
                @if let Some(ticket) = &incident.ticket { ", ticket " (parts::shown(ticket)) }
            }
            @if incident.state != IncidentState::Closed {
                p.buttons {
                    button type="button" data-post={ (path) "/assign" } data-ask="to" data-question="To whom?" { "Assign" }
                    @if decides {
                        button type="button" data-post={ (path) "/close" } data-ask="reason" data-question="Why can it be closed?" { "Close" }
                    }
                }
            }
        }
    }
}

fn acts(incident: &Incident, plan: Option<&str>, entrance: Entrance, decides: bool) -> Markup {
    let path = format!("/api/incidents/{}", parts::encoded(&incident.id));
    let is_waiting = |act: &Act| act.progress == Progress::Waiting;
    let can_approve = incident.acts.iter().filter(|act| is_waiting(act)).all(|act| act.seen.is_some());
    html! {
        section.card.wide #plan aria-labelledby="plan-title" {
            h2 id="plan-title" { "Plan" }
            p { strong { (incident.level.label()) } @if !incident.because.is_empty() { ", " (parts::shown(&incident.because)) } }
            @if incident.acts.is_empty() { p.quiet { "Nothing that we could do stops this: see what is left to people." } }
            ol.acts { @for (at, act) in incident.acts.iter().enumerate() { li { (act_line(&path, at, act, (decides, decides && incident.state != IncidentState::Closed))) } } }
            @if !decides && incident.state != IncidentState::Closed {
                p.quiet { "To approve, take back and close is for those whom the settings name (response.approvers)." }
            }
            @if let Some(plan) = plan.filter(|_| decides) {
                @if can_approve {
                    p.buttons { button.grave type="button" data-post={ (path) "/approve" } data-plan=(plan)
                        data-sure=(sure(incident)) { "Approve what waits" } }
                    p.quiet { "Until " (parts::time(incident.expires())) " UTC, and only if nothing has changed since." }
                } @else if entrance == Entrance::Provider {
                    p.quiet { "What waits can be approved when it is known what is there. That takes a moment; while responses are stopped, or only observe, nobody looks." }
                } @else {
                    p.quiet { "Nothing acts here. To keep your approval and see the commands: "
                        code { "trailwarden incident approve " (incident.id) " --plan " (plan) " --state FILE" } }
                }
            }
        }
    }
}

/// Confirmation text before approval: the waiting actions of the plan.
fn sure(incident: &Incident) -> String {
    let waiting = incident.acts.iter().filter(|act| act.progress == Progress::Waiting);
    let lines: Vec<String> = waiting.map(|act| format!("- {}", parts::shown(&act.planned.text))).collect();
    format!("Carry out?\n{}", lines.join("\n"))
}

fn act_line(path: &str, at: usize, act: &Act, (decides, can_retry): (bool, bool)) -> Markup {
    let can_undo = decides && act.progress == Progress::Done && act.planned.undo != Undo::None;
    let can_retry =
        can_retry && matches!(act.progress, Progress::Refused | Progress::Impossible | Progress::Undone);
    html! {
        span class={ "state " (if act.progress == Progress::Done { "contained" } else { "open" }) } { (progress(act.progress)) } " "
        (parts::shown(&act.planned.text)) span.quiet { " in " (parts::shown(&act.planned.account_id)) }
        @if !act.planned.waits.is_empty() { span.quiet { "; a person decides: " (parts::shown(&act.planned.waits)) } }
        @if !act.note.is_empty() { span.quiet { "; " (parts::shown(&act.note)) } }
        br;
        span.quiet { "undo, " (act.planned.undo.describe()) ": " (parts::shown(&act.planned.undone_by)) }
        @if can_undo {
            " " button type="button" data-post={ (path) "/undo" } data-act=(at) data-sure="Take this back?" { "Undo" }
        }
        @if can_retry {
            " " button type="button" data-post={ (path) "/retry" } data-act=(at) { "Plan anew" }
        }
    }
}

fn steps(incident: &Incident) -> Markup {
    let path = format!("/api/incidents/{}/step", parts::encoded(&incident.id));
    let done = |(when, who): &(Time, String)| html! { span.quiet { " done " (parts::time(*when)) ", " (parts::shown(who)) } };
    html! {
        @if !incident.next_steps.is_empty() {
            section.card.wide #steps aria-labelledby="steps-title" {
                h2 id="steps-title" { "Left to people" }
                ol { @for (at, step) in incident.next_steps.iter().enumerate() {
                    li { (parts::shown(&step.text)) " "
                        @match &step.done {
                            Some(by) => (done(by)),
                            None => button type="button" data-post=(path) data-step=(at) { "Done" },
                        } }
                } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_incident_is_said_to_be_none() {
        assert!(
            incident(&serde_json::json!({}), Entrance::Link, true).into_string().contains("cannot be read")
        );
    }
}
