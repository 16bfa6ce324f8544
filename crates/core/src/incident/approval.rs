//! What people decide: approving just the plan they saw, once, while it is fresh; taking back; closing.

use super::{ACTS, Act, Incident, Progress, State};
use crate::{
    event::{Time, hash},
    response::{Action, Credential, HolderKind, Planned, Undo},
};

/// Hours in which a plan that was shown may be approved.
pub const APPROVAL_HOURS: i64 = 24;

/// Why something that a person asks for is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing waits for approval.
    #[error("nothing waits for approval: it was approved before, or nothing can be done")]
    NothingWaits,
    /// The plan is another one than was approved.
    #[error("the plan has changed: it is now {0}; look at it again")]
    Changed(String),
    /// It was shown too long ago.
    #[error(
        "the plan is older than {APPROVAL_HOURS} hours: it is looked at anew; read it again, then approve"
    )]
    Expired,
    /// No such act, or it is not done.
    #[error("{0}")]
    NotDone(String),
}

impl Incident {
    /// What names the plan that waits for approval; nothing if none does.
    pub fn plan_digest(&self) -> Option<String> {
        let waiting = self.acts.iter().enumerate().filter(|(_, act)| act.progress == Progress::Waiting);
        let waiting: Vec<_> =
            waiting.map(|(at, act)| (at, &act.planned.action, &act.planned.account_id, &act.seen)).collect();
        let text = serde_json::to_string(&waiting).unwrap_or_default();
        (!waiting.is_empty()).then(|| format!("{:016x}", hash(&format!("{}{text}", self.id))))
    }

    /// Approves the plan that was seen.
    ///
    /// # Errors
    /// [`Refusal`], and nothing is changed.
    pub fn approve(&mut self, seen: &str, by: &str, now: Time) -> Result<(), Refusal> {
        let digest = self.plan_digest().ok_or(Refusal::NothingWaits)?;
        if digest != seen {
            return Err(Refusal::Changed(digest));
        }
        if now >= self.expires() {
            return Err(Refusal::Expired);
        }
        for act in self.acts.iter_mut().filter(|act| act.progress == Progress::Waiting) {
            act.progress = Progress::Due;
            by.clone_into(&mut act.by);
            act.note.clear();
        }
        self.decided(now, by, format!("approved the plan {digest}"));
        Ok(())
    }

    /// Asks for an act to be taken back, by its position; of all that were done, if none is named.
    ///
    /// # Errors
    /// [`Refusal`], and nothing is changed.
    pub fn undo(&mut self, which: Option<usize>, by: &str, now: Time) -> Result<(), Refusal> {
        // What was begun may have been done, though it ended as refused.
        let was_done = |act: &Act| match act.progress {
            Progress::Done => true,
            Progress::Refused | Progress::Waiting => act.change.is_some(),
            _ => false,
        };
        let can = |act: &Act| was_done(act) && act.planned.undo != Undo::None;
        let chosen: Vec<usize> = if let Some(at) = which {
            vec![at]
        } else {
            // Who got a new key keeps it when the containment ends.
            let is_meant = |act: &Act| can(act) && act.planned.action.contains();
            (0..self.acts.len()).filter(|at| is_meant(&self.acts[*at])).collect()
        };
        if chosen.is_empty() {
            return Err(Refusal::NotDone("nothing that was done can be taken back".to_owned()));
        }
        for at in &chosen {
            let act = self.acts.get(*at).ok_or_else(|| Refusal::NotDone(format!("there is no act {at}")))?;
            if !can(act) {
                let why =
                    if act.planned.undo == Undo::None { &act.planned.undone_by } else { "it is not done" };
                return Err(Refusal::NotDone(format!("act {at} cannot be taken back: {why}")));
            }
        }
        for at in chosen {
            self.acts[at].progress = Progress::UndoDue;
            self.decided(now, by, format!("asked to take back: {}", self.acts[at].planned.text.clone()));
        }
        Ok(())
    }

    /// Asks for a new credential for a user whom an act is about: the first such, if no act is named.
    ///
    /// # Errors
    /// [`Refusal`], and nothing is changed.
    pub fn reissue(
        &mut self,
        credential: Credential,
        which: Option<usize>,
        by: &str,
        now: Time,
    ) -> Result<(), Refusal> {
        let refused = |why: String| Err(Refusal::NotDone(why));
        let user_of = |act: &Act| {
            let holder = act.planned.action.thing().holder();
            holder.filter(|holder| holder.kind == HolderKind::User).map(|user| user.name)
        };
        let found = match which {
            Some(at) => self.acts.get(at).and_then(|act| Some((act, user_of(act)?))),
            None => self.acts.iter().find_map(|act| Some((act, user_of(act)?))),
        };
        let Some((act, user)) = found else {
            return refused("no user is acted on there: only users have keys and passwords".to_owned());
        };
        if self.acts.len() >= ACTS {
            return refused(format!("{ACTS} acts are the most of one incident"));
        }
        let of_both = |act: &Act| match &act.planned.action {
            Action::Reissue { credential: known, user: theirs, .. } => {
                *known == credential && *theirs == user
            }
            _ => false,
        };
        if self.acts.iter().any(|act| of_both(act) && act.is_due()) {
            return refused("that is being done already".to_owned());
        }
        let word = if credential == Credential::Key { "key" } else { "password" };
        let secret = format!("trailwarden-reissued/{}/{word}-{}", self.id, self.acts.len() + 1);
        let action = Action::Reissue { credential, user, secret };
        let planned = Planned::new(action, &act.planned.account_id, format!("{by} asked for it"));
        let what = format!("asked: {}", planned.text);
        let mut act = Act::new(planned, &act.playbook.clone(), Progress::Due);
        by.clone_into(&mut act.by);
        self.acts.push(act);
        self.decided(now, by, what);
        Ok(())
    }

    /// Gives it to somebody.
    pub fn assign(&mut self, whom: &str, by: &str, now: Time) {
        self.assignee = Some(crate::event::clip(whom, 200).to_owned());
        self.decided(now, by, format!("gave it to {whom}"));
    }

    /// Ticks a person's step, by its position.
    ///
    /// # Errors
    /// [`Refusal`] if there is none.
    pub fn step_done(&mut self, at: usize, by: &str, now: Time) -> Result<(), Refusal> {
        let step = self.next_steps.get_mut(at);
        let step = step.ok_or_else(|| Refusal::NotDone(format!("there is no step {at}")))?;
        if step.done.is_none() {
            step.done = Some((now, by.to_owned()));
            let what = format!("did: {}", step.text);
            self.decided(now, by, what);
        }
        Ok(())
    }

    /// Closes it.
    pub fn close(&mut self, why: &str, by: &str, now: Time) {
        if self.state != State::Closed {
            (self.state, self.closed_by) = (State::Closed, Some(by.to_owned()));
            self.decided(now, by, format!("closed it: {why}"));
        }
    }

    fn decided(&mut self, now: Time, by: &str, what: String) {
        self.say(now, by, what);
        self.revision += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::incident, *};
    use crate::playbooks::testing::found;

    #[test]
    fn a_plan_is_approved_once_while_it_is_fresh_and_only_as_it_was_seen() {
        let mut waiting = incident(found("evasion", &[]), Progress::Waiting);
        let digest = waiting.plan_digest().unwrap();
        assert!(matches!(waiting.approve("0", "kim", Time(0)), Err(Refusal::Changed(_))));
        let late = waiting.expires();
        assert_eq!(waiting.approve(&digest, "kim", late), Err(Refusal::Expired));
        let mut seen = waiting.clone();
        seen.acts[0].seen = Some([("AKIA1".to_owned(), "Active".to_owned())].into());
        assert!(matches!(seen.approve(&digest, "kim", Time(0)), Err(Refusal::Changed(_))));
        assert_eq!(waiting.approve(&digest, "kim", Time(0)), Ok(()));
        assert!(waiting.acts.iter().all(|act| act.progress == Progress::Due && act.by == "kim"));
        assert_eq!(waiting.approve(&digest, "kim", Time(0)), Err(Refusal::NothingWaits));
    }

    #[test]
    fn only_what_was_done_and_can_be_is_taken_back() {
        let calls = [("iam:UpdateLoginProfile", "eva", "eva", "")];
        let mut done = incident(found("persistence", &calls), Progress::Done);
        let password = done.acts.iter().position(|act| act.planned.undo == Undo::None).unwrap();
        assert!(matches!(done.undo(Some(password), "kim", Time(0)), Err(Refusal::NotDone(_))));
        assert!(matches!(done.undo(Some(99), "kim", Time(0)), Err(Refusal::NotDone(_))));
        done.undo(None, "kim", Time(0)).unwrap();
        assert_eq!(done.acts[password].progress, Progress::Done);
        assert!(done.acts.iter().filter(|act| act.progress == Progress::UndoDue).count() >= 4);
    }

    #[test]
    fn a_credential_is_given_anew_on_request_and_contains_nothing() {
        let mut done = incident(found("evasion", &[]), Progress::Done);
        done.settle(Time(0));
        let contained = done.contained;
        assert_eq!(done.state, State::Contained);
        done.reissue(Credential::Key, None, "kim", Time(9)).unwrap();
        done.settle(Time(9));
        assert_eq!((done.state, done.contained), (State::Contained, contained));
        let act = done.acts.last().unwrap();
        assert_eq!((act.progress, act.by.as_str(), act.planned.undo), (Progress::Due, "kim", Undo::Exact));
        let Action::Reissue { secret, .. } = &act.planned.action else { panic!("{act:?}") };
        assert_eq!(*secret, format!("trailwarden-reissued/{}/key-{}", done.id, done.acts.len()));
        assert!(done.reissue(Credential::Key, None, "kim", Time(9)).is_err(), "it is under way");
        assert!(done.reissue(Credential::Password, None, "kim", Time(9)).is_ok());
        let stopped = [("cloudtrail:StopLogging", "trail", "", "")];
        let mut of_a_role = incident(found("evasion", &stopped), Progress::Done);
        of_a_role.acts.retain(|act| act.planned.action.thing().holder().is_none());
        assert!(of_a_role.reissue(Credential::Key, None, "kim", Time(9)).is_err());
    }
}
