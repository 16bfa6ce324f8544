//! Decision: what a person asks of an incident. Each edge (page, Slack, HTTP API, command) parses one.

use super::{Incident, IncidentState, Refusal};
use crate::Credential;
use trailwarden_core::event::{Time, clip};

/// A person's decision about an incident. Positions count from 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Approves the plan with this digest, the one that was shown.
    Approve {
        /// [`Incident::plan_digest`] as shown.
        plan: String,
    },
    /// Undoes one action, or all of them.
    Undo {
        /// Position of the action; all if `None`.
        act: Option<usize>,
    },
    /// Plans again what was refused or undone.
    Retry {
        /// Position of the action; all refused ones if `None`.
        act: Option<usize>,
    },
    /// Issues a new credential for a user of the incident.
    Reissue {
        /// Access key or password.
        credential: Credential,
        /// Position of the action that names the user; the first user if `None`.
        act: Option<usize>,
    },
    /// Assigns the incident to a person.
    Assign {
        /// Name of the assignee.
        to: String,
    },
    /// Marks a step as done.
    Step {
        /// Position of the step.
        step: usize,
    },
    /// Closes the incident.
    Close {
        /// Reason, kept in the timeline.
        reason: String,
    },
}

impl Decision {
    /// Whether only the approvers of the settings may take it. Anybody with access may assign and complete steps.
    pub fn needs_approver(&self) -> bool {
        !matches!(self, Self::Assign { .. } | Self::Step { .. })
    }

    /// Its name, as the API's path has it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Approve { .. } => "approve",
            Self::Undo { .. } => "undo",
            Self::Retry { .. } => "retry",
            Self::Reissue { .. } => "reissue",
            Self::Assign { .. } => "assign",
            Self::Step { .. } => "step",
            Self::Close { .. } => "close",
        }
    }

    /// Whether it makes sense only while the incident is open.
    fn needs_open_incident(&self) -> bool {
        matches!(self, Self::Approve { .. } | Self::Retry { .. } | Self::Reissue { .. })
    }
}

/// Longest name that the timeline records, in bytes.
const NAME: usize = 200;

impl Incident {
    /// Applies a decision by `who` and records it in the timeline.
    ///
    /// # Errors
    /// [`Refusal`], and nothing is changed.
    pub fn decide(&mut self, decision: &Decision, who: &str, now: Time) -> Result<(), Refusal> {
        let who = clip(who, NAME);
        if self.state == IncidentState::Closed && decision.needs_open_incident() {
            return Err(Refusal::Closed);
        }
        match decision {
            Decision::Approve { plan } => self.approve(plan, who, now),
            Decision::Undo { act } => self.undo(*act, who, now),
            Decision::Retry { act } => self.retry(*act, who, now),
            Decision::Reissue { credential, act } => self.reissue(*credential, *act, who, now),
            Decision::Assign { to } if to.trim().is_empty() => Err(Refusal::Empty("say to whom")),
            Decision::Assign { to } => {
                self.assign(to.trim(), who, now);
                Ok(())
            }
            Decision::Step { step } => self.step_done(*step, who, now),
            Decision::Close { reason } if reason.trim().is_empty() => Err(Refusal::Empty("say why")),
            Decision::Close { reason } => {
                self.close(reason.trim(), who, now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::incident, *};
    use crate::{incident::Progress, playbooks::testing::found};

    #[test]
    fn a_closed_incident_can_be_undone_and_assigned_but_not_approved() {
        let mut closed = incident(found("evasion", &[]), Progress::Waiting);
        let plan = closed.plan_digest().unwrap();
        closed.decide(&Decision::Close { reason: "exercise".into() }, "kim", Time(0)).unwrap();
        assert_eq!(closed.decide(&Decision::Approve { plan }, "kim", Time(0)), Err(Refusal::Closed));
        assert_eq!(closed.decide(&Decision::Retry { act: None }, "kim", Time(0)), Err(Refusal::Closed));
        assert_eq!(closed.decide(&Decision::Assign { to: "eva".into() }, "kim", Time(0)), Ok(()));
        assert!(closed.decide(&Decision::Assign { to: " ".into() }, "kim", Time(0)).is_err());
        assert!(closed.decide(&Decision::Close { reason: String::new() }, "kim", Time(0)).is_err());
    }

    #[test]
    fn only_assigning_and_steps_need_no_approver() {
        let decisions = [
            (Decision::Approve { plan: String::new() }, true),
            (Decision::Undo { act: None }, true),
            (Decision::Retry { act: None }, true),
            (Decision::Reissue { credential: Credential::Key, act: None }, true),
            (Decision::Assign { to: String::new() }, false),
            (Decision::Step { step: 0 }, false),
            (Decision::Close { reason: String::new() }, true),
        ];
        for (decision, needs) in decisions {
            assert_eq!(decision.needs_approver(), needs, "{decision:?}");
        }
    }
}
