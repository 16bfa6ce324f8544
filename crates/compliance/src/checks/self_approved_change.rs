//! Check: change approved or merged by its author, without another approver.
//!
//! A second reviewer catches mistakes, and a single thief cannot provide one. Not a violation: a colleague
//! approves; the author merges a change that a colleague approved; both the author and a colleague approve.

use crate::{BrokenTogether, Check, Group, Rule, Span, Speaks, Together, Trace, Traces, principal, told};
use trailwarden_core::{catalog::Call, event::Event, finding::Severity, settings::Facts};

pub(crate) const CHECK: Check = Check {
    id: ID,
    title: "Somebody released their own change, and nobody else approved it",
    group: Group::Separation,
    severity: Severity::Medium,
    remediation: &[
        "Let somebody else review the change now",
        "Demand an approval by another (approval rules of CodeCommit, approvers of a change template)",
    ],
    blind_spot: "Changes that are reviewed elsewhere (GitHub, a ticket); approvals in CodePipeline, whose records do not say of which run; two accounts of one person.",
    needs: None,
    speaks_about: Speaks::Calls(&[
        (
            "codecommit",
            &[
                "CreatePullRequest",
                "UpdatePullRequestApprovalState",
                "MergePullRequestByFastForward",
                "MergePullRequestBySquash",
                "MergePullRequestByThreeWay",
            ],
        ),
        ("ssm", &["StartChangeRequestExecution", "StartAutomationExecution", "SendAutomationSignal"]),
    ]),
    rule: Rule::Together { trace, judge, sheet: Together::PLAIN },
    config_rules: &[],
};

const ID: &str = "self-approved-change";
const MADE: u8 = 0;
const APPROVED: u8 = 1;
/// Merged. AWS refuses an author's own approval there, so a merge without approval means that nobody else
/// reviewed it.
const RELEASED: u8 = 2;

fn trace(event: &Event<'_>, _: &Facts) -> Option<Trace> {
    let (part, change) = part(event)?;
    let who = principal(event);
    let who = who.person().unwrap_or(&who.id);
    // Several people use one role; the session name distinguishes them.
    let who = format!("{who} {}", event.identity.session_name());
    let subject = format!("{} {} {change}", event.service(), event.account_id);
    Some(Trace::of(event, ID, &subject, part, who.trim()).saying(&told(event, &change, "")))
}

/// Part that a call plays in a change, and the change's id.
fn part(event: &Event<'_>) -> Option<(u8, String)> {
    let call = Call::new(event);
    let answer = event.response();
    let answered = |path: &str| answer.pointer(path).and_then(serde_json::Value::as_str).map(str::to_owned);
    let given = |keys: &[&str]| Some(call.text(keys).to_owned()).filter(|text| !text.is_empty());
    let approves = |is: bool, change: Option<String>| if is { Some((APPROVED, change?)) } else { None };
    match &*event.event_name {
        "CreatePullRequest" => Some((MADE, answered("/pullRequest/pullRequestId")?)),
        "UpdatePullRequestApprovalState" => {
            approves(call.text(&["approvalState"]) == "APPROVE", given(&["pullRequestId"]))
        }
        "MergePullRequestByFastForward" | "MergePullRequestBySquash" | "MergePullRequestByThreeWay" => {
            Some((RELEASED, given(&["pullRequestId"])?))
        }
        "StartChangeRequestExecution" | "StartAutomationExecution" => {
            Some((MADE, answered("/automationExecutionId")?))
        }
        "SendAutomationSignal" => {
            approves(call.text(&["signalType"]) == "Approve", given(&["automationExecutionId"]))
        }
        _ => None,
    }
}

fn judge(traces: &Traces) -> Vec<BrokenTogether> {
    released_alone(traces).into_iter().collect()
}

fn released_alone(traces: &Traces) -> Option<BrokenTogether> {
    let made: Vec<&Trace> = traces.of(MADE).map(|span| &span.first).collect();
    let by_author = |span: &&Span| made.iter().any(|made| made.who == span.first.who);
    let own = traces.of(APPROVED).chain(traces.of(RELEASED)).find(by_author).map(|span| &span.first)?;
    // An approval by a colleague as well satisfies the four-eyes principle.
    if traces.of(APPROVED).any(|span| span.first.who != own.who) {
        return None;
    }
    let made = made.into_iter().find(|made| made.who == own.who)?;
    Some(BrokenTogether {
        what: format!("{}, after {} at {}", own.what, made.what, made.time),
        proof: vec![own.clone(), made.clone()],
        at: own.time,
        excused: None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{Told, call, together, user},
        *,
    };

    fn request() -> Told {
        call("codecommit:CreatePullRequest", json!({}))
            .with("responseElements", json!({ "pullRequest": { "pullRequestId": "7" } }))
    }

    fn approval(who: &str, state: &str) -> Told {
        call(
            "codecommit:UpdatePullRequestApprovalState",
            json!({ "pullRequestId": "7", "approvalState": state }),
        )
        .by(user(who))
        .at("2026-03-05T09:00:00Z")
    }

    fn merge() -> Told {
        call("codecommit:MergePullRequestBySquash", json!({ "pullRequestId": "7" }))
            .at("2026-03-05T10:00:00Z")
    }

    #[test]
    fn merging_ones_own_request_that_nobody_approved_breaks_it_in_any_order() {
        let said = together(vec![request(), merge()], "", &CHECK);
        assert!(said.unwrap().starts_with(
            "codecommit:MergePullRequestBySquash on 7, after codecommit:CreatePullRequest on 7"
        ));
    }

    #[test]
    fn so_does_releasing_a_change_request_one_started() {
        let started = call("ssm:StartChangeRequestExecution", json!({}))
            .with("responseElements", json!({ "automationExecutionId": "a1" }));
        let signal = call(
            "ssm:SendAutomationSignal",
            json!({ "automationExecutionId": "a1", "signalType": "Approve" }),
        );
        assert!(together(vec![started, signal], "", &CHECK).is_some());
    }

    #[test]
    fn a_colleagues_approval_does_not_unless_it_is_revoked() {
        assert_eq!(together(vec![request(), approval("lee", "APPROVE"), merge()], "", &CHECK), None);
        assert!(together(vec![request(), approval("lee", "REVOKE"), merge()], "", &CHECK).is_some());
    }
}
