//! Plan: the response to findings as a value, before anybody acts.
//!
//! A plan says what would be done, in which order, who else is hit by it, how far it can be taken back, and what remains
//! at risk. What AWS does not let us do is a next step for a person, never a claimed action.

use crate::action::{Action, Undo};
use serde::{Deserialize, Serialize};
use trailwarden_core::{
    detectors,
    event::Time,
    finding::{Deed, Finding},
};

/// What would be done about one or more findings of one principal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// About which findings.
    pub finding_ids: Vec<String>,
    /// By which playbook.
    pub playbook: &'static str,
    /// What it is taken for, in words.
    pub classification: String,
    /// Who decides.
    pub level: Level,
    /// Why that level, in words.
    pub because: String,
    /// Whose doing it is.
    pub principal: String,
    /// From which account the principal itself can be stopped, in words; nothing if it is not to be.
    pub from: &'static str,
    /// What would be done, in this order.
    pub actions: Vec<Planned>,
    /// What is left for people to do, in this order.
    pub next_steps: Vec<String>,
    /// Who else is hit.
    pub hits: Vec<String>,
    /// What remains at risk when all of it is done.
    pub residual: Vec<String>,
}

/// Who decides about a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Each minute counts: it may be done without asking, where that is switched on.
    Immediate,
    /// It can be done without asking, where that is switched on.
    Automated,
    /// A person has to decide.
    Escalate,
}

impl Level {
    /// For people.
    pub fn label(self) -> &'static str {
        ["IMMEDIATE", "AUTOMATED", "ESCALATE"][self as usize]
    }
}

/// One thing that would be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// What.
    pub action: Action,
    /// In which account.
    pub account_id: String,
    /// In words.
    pub text: String,
    /// Why.
    pub why: String,
    /// Why it waits for a person, whatever the settings say; nothing if it need not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub waits: String,
    /// How far it can be taken back.
    pub undo: Undo,
    /// How it is taken back, in words.
    pub undone_by: String,
}

impl Planned {
    /// That has to be decided by a person.
    pub(crate) fn waiting(mut self, why: &str) -> Self {
        if self.waits.is_empty() {
            why.clone_into(&mut self.waits);
        }
        self
    }

    /// In this account, unless it can be done in another only.
    pub fn new(action: Action, account_id: &str, why: impl Into<String>) -> Self {
        let (undo, undone_by) = action.undo();
        Self {
            text: action.describe(),
            account_id: action.account().unwrap_or(account_id).to_owned(),
            why: why.into(),
            waits: if undo == Undo::None { "it cannot be taken back".to_owned() } else { String::new() },
            undo,
            undone_by: undone_by.to_owned(),
            action,
        }
    }
}

/// What a playbook may look at.
pub struct Case<'a> {
    /// The findings, all of one principal, the gravest first.
    pub findings: &'a [&'a Finding],
    /// What was done, as the findings have it: what AWS carried out, and since when.
    pub deeds: Vec<(Time, &'a Deed)>,
}

impl Case<'_> {
    /// The gravest of the findings.
    pub fn gravest(&self) -> &Finding {
        self.findings[0]
    }

    /// Whether any of its findings counts tries of passwords.
    pub fn is_guessed(&self) -> bool {
        let guesses = |finding: &&Finding| detectors::find(&finding.detector).is_some_and(|of| of.guesses);
        self.findings.iter().any(guesses)
    }

    /// Is any finding of one of these detectors?
    pub fn is_of(&self, detectors: &[&str]) -> bool {
        self.findings.iter().any(|finding| detectors.contains(&finding.detector.as_str()))
    }
}
