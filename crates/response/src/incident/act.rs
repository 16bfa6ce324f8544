//! One planned action and what became of it: with what was there before, so that it can be taken back.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Planned, Resource, State};
use trailwarden_core::event::Time;

/// How far an act is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// For a person's approval.
    Waiting,
    /// To be done as soon as may be.
    Due,
    /// What was there before is recorded; it may or may not have been done.
    Begun,
    /// Done.
    Done,
    /// Nothing is there that it could change.
    Impossible,
    /// It may not be done, or AWS does not let us: a person has to.
    Refused,
    /// To be taken back.
    UndoDue,
    /// Taken back.
    Undone,
}

/// A planned action and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Act {
    /// What is planned.
    #[serde(flatten)]
    pub planned: Planned,
    /// By which playbook.
    pub playbook: String,
    /// How far it is.
    pub progress: Progress,
    /// Why it is not further, in words.
    pub note: String,
    /// What was there when it was shown for approval.
    pub seen: Option<State>,
    /// What was there before, and what should be there afterwards: recorded before it is done.
    pub change: Option<Change>,
    /// Since when which copy of the function has been at it.
    pub held: Option<(Time, u64)>,
    /// When it was done.
    pub at: Option<Time>,
    /// When it was taken back.
    #[serde(default)]
    pub undone: Option<Time>,
    /// It was done, and more was seen since: whether it still holds has to be looked at; if not, another act stands so.
    #[serde(default)]
    pub again: Option<Progress>,
    /// Only a person lets it be done: one took it back, or had it planned anew; or it hit others before.
    #[serde(default)]
    pub asks: bool,
    /// Who decided: a person, or `trailwarden` by the settings.
    pub by: String,
}

impl Act {
    pub(super) fn new(planned: Planned, playbook: &str, progress: Progress) -> Self {
        Self {
            planned,
            playbook: playbook.to_owned(),
            progress,
            note: String::new(),
            seen: None,
            change: None,
            held: None,
            at: None,
            undone: None,
            again: None,
            asks: false,
            by: if progress == Progress::Due { super::US.to_owned() } else { String::new() },
        }
    }

    /// Planned again by a finding last seen then: what was decided stays, but for what need not wait any more.
    pub(super) fn go_on(&mut self, progress: Progress, last_seen: Time) {
        if self.progress == Progress::Done && self.at.is_some_and(|at| last_seen > at) {
            self.again = Some(progress);
        }
        let may_go_on = self.note.is_empty() && !self.asks;
        if self.progress == Progress::Waiting && progress == Progress::Due && may_go_on {
            self.progress = progress;
            super::US.clone_into(&mut self.by);
        }
    }

    /// Must it be planned once more, where something was seen then? Sessions begun after a revocation outlive it; and whoever
    /// had it taken back knew nothing of what came since.
    pub(super) fn is_outlived(&self, last_seen: Time) -> bool {
        let end = match self.progress {
            Progress::Done if self.planned.action.is_revocation() => self.at,
            Progress::Undone => self.undone,
            _ => None,
        };
        end.is_some_and(|end| last_seen > end)
    }

    /// What it changes; what it changed, as it was found.
    pub fn resource(&self) -> Resource {
        let resource = self.planned.action.resource();
        match &self.change {
            Some(change) => resource.as_found(&change.before),
            None => resource,
        }
    }

    /// Is there something to be done about it without asking anybody?
    pub fn is_due(&self) -> bool {
        matches!(self.progress, Progress::Due | Progress::Begun | Progress::UndoDue)
    }
}

/// What was there before, and what should be there afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Before.
    pub before: State,
    /// Afterwards.
    pub after: State,
}

impl Change {
    /// The other way.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self { before: self.after.clone(), after: self.before.clone() }
    }

    /// As it goes on from what is there: a key whose deletion was cancelled, and that was not enabled yet, is half-way.
    #[must_use]
    pub fn resumed(&self, current: &State) -> Self {
        let is = |state: &State, value: &str| state.get("state").is_some_and(|is| is == value);
        if is(&self.before, "PendingDeletion") && is(current, "Disabled") {
            return Self { before: current.clone(), after: self.after.clone() };
        }
        self.clone()
    }

    /// What has to be written where there is `current`: only what the change is about is touched. `None` if somebody
    /// else changed just that meanwhile.
    pub fn applied(&self, current: &State) -> Option<State> {
        let mut target = current.clone();
        for name in self.before.keys().chain(self.after.keys()) {
            let [before, after, now] =
                [&self.before, &self.after, current].map(|state| state.get(name).map(String::as_str));
            if same(before, after) || same(now, after) {
                continue;
            }
            if !same(now, before) {
                return None;
            }
            match after {
                Some(value) => _ = target.insert(name.clone(), value.to_owned()),
                None => _ = target.remove(name),
            }
        }
        Some(target)
    }
}

/// Is a value the same? Documents are if they say the same: AWS may spell a list of one as the one.
pub fn same(one: Option<&str>, other: Option<&str>) -> bool {
    if one == other {
        return true;
    }
    let read =
        |text: Option<&str>| serde_json::from_str::<Value>(text.filter(|text| text.starts_with('{'))?).ok();
    match (read(one), read(other)) {
        (Some(one), Some(other)) => plain(one) == plain(other),
        _ => false,
    }
}

fn plain(value: Value) -> Value {
    match value {
        Value::Array(mut list) if list.len() == 1 => plain(list.remove(0)),
        Value::Array(list) => Value::Array(list.into_iter().map(plain).collect()),
        Value::Object(fields) => fields.into_iter().map(|(name, value)| (name, plain(value))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(entries: &[(&str, &str)]) -> State {
        entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn change(before: &[(&str, &str)], after: &[(&str, &str)]) -> Change {
        Change { before: state(before), after: state(after) }
    }

    #[test]
    fn undoing_puts_back_what_was_there_and_leaves_what_came_since() {
        let change = change(&[("a", "Active"), ("b", "Inactive")], &[("a", "Inactive"), ("b", "Inactive")]);
        let later = state(&[("a", "Inactive"), ("b", "Inactive"), ("c", "Active")]);
        let undone = change.reversed().applied(&later).unwrap();
        assert_eq!(undone, state(&[("a", "Active"), ("b", "Inactive"), ("c", "Active")]));
    }

    #[test]
    fn what_somebody_else_changed_is_left_alone() {
        let change = change(&[("document", r#"{"a":1}"#)], &[]);
        assert_eq!(change.applied(&state(&[("document", r#"{"a": [1]}"#)])), Some(State::new()));
        assert_eq!(change.applied(&state(&[("document", r#"{"a":2}"#)])), None);
        assert_eq!(change.applied(&State::new()), Some(State::new()), "done already");
    }
}
