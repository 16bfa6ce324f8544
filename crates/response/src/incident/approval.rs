//! Approval, undo, retry and closing of an incident: a plan is approved once, as it was shown, while it is fresh.

use super::{ACTS, Act, Incident, IncidentState, Progress};
use crate::{Action, Credential, HolderKind, Planned, Undo};
use trailwarden_core::event::{Time, hash};

/// Hours in which a plan that was shown may be approved.
pub const APPROVAL_HOURS: i64 = 24;

/// Reason why a decision is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The caller has no name.
    #[error("nobody is let in without a name")]
    Nameless,
    /// The caller is not among the approvers; with the names that were looked up.
    #[error("{0}: not among response.approvers of the settings, who alone decide that")]
    NotApprover(String),
    /// The incident is about the caller.
    #[error("nobody decides about an incident of their own")]
    OwnIncident,
    /// No incident has this id.
    #[error("no such incident")]
    NoSuchIncident,
    /// The deployment issues no credentials.
    #[error("this deployment makes no credential anew: its parameter ResponseReissue says so")]
    NoReissue,
    /// The state of a resource was not read yet, so nobody was shown what approval would change.
    #[error("what is there was not looked at yet: this deployment only observes, or it takes a moment")]
    Unread,
    /// The incident is closed.
    #[error("it is closed")]
    Closed,
    /// A name or reason is missing; with what to say.
    #[error("{0}")]
    Empty(&'static str),
    /// Nothing waits for approval.
    #[error("nothing waits for approval: it was approved before, or nothing can be done")]
    NothingWaits,
    /// The plan is another one than was approved; with its digest now.
    #[error("the plan has changed: it is now {0}; look at it again")]
    Changed(String),
    /// The plan was shown too long ago.
    #[error(
        "the plan is older than {APPROVAL_HOURS} hours: it is looked at anew; read it again, then approve"
    )]
    Expired,
    /// There is no such action, or it is not done; with the reason.
    #[error("{0}")]
    NotDone(String),
}

impl Refusal {
    /// Whether the incident's state is the reason: reading the resources again may change the answer.
    pub fn is_about_state(&self) -> bool {
        !matches!(self, Self::Nameless | Self::NotApprover(_) | Self::OwnIncident | Self::NoSuchIncident)
    }
}

impl Incident {
    /// Is somebody of this name, an ARN or a mail address, whom it is about? A role's session is the session's; and people are
    /// called the same in whatever role, account or provider: rather one too many is kept from deciding about themselves.
    pub fn is_about(&self, who: &str) -> bool {
        let role = |arn: &str| {
            let (head, rest) = arn.split_once(":assumed-role/")?;
            Some(format!("{}:role/{}", head.replace(":sts:", ":iam:"), rest.split('/').next()?))
        };
        let name = |who: &str| {
            let last = who.rsplit('/').next().unwrap_or_default();
            last.split('@').next().unwrap_or_default().to_lowercase()
        };
        let is_called = who.contains('@') || who.starts_with("arn:");
        let is_same = is_called && !name(who).is_empty() && name(who) == name(&self.principal);
        is_same || who == self.principal || role(who).as_deref() == Some(self.principal.as_str())
    }

    /// What names the plan that waits for approval, as it waits: what was approved, and then held back, is another. Nothing if
    /// none does, or it is closed.
    pub fn plan_digest(&self) -> Option<String> {
        if self.state == IncidentState::Closed {
            return None;
        }
        let waiting = self.acts.iter().enumerate().filter(|(_, act)| act.progress == Progress::Waiting);
        let waiting: Vec<_> = waiting
            .map(|(at, act)| (at, &act.planned.action, &act.planned.account_id, &act.seen, &act.note))
            .collect();
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
            Progress::Begun | Progress::Refused | Progress::Waiting => act.change.is_some(),
            _ => false,
        };
        let is_named = |at: usize| which.is_none_or(|which| which == at);
        let mut is_held_back = false;
        for (at, act) in self.acts.iter_mut().enumerate() {
            if act.progress == Progress::Due && is_named(at) && act.planned.action.contains() {
                (act.progress, act.note) = (Progress::Waiting, format!("held back by {by}"));
                is_held_back = true;
            }
        }
        if is_held_back {
            self.decided(now, by, "held back what was not begun yet".to_owned());
        }
        let can = |act: &Act| was_done(act) && act.planned.undo != Undo::None;
        let chosen: Vec<usize> = if let Some(at) = which {
            vec![at]
        } else {
            // Who got a new key keeps it when the containment ends.
            let is_meant = |act: &Act| can(act) && act.planned.action.contains();
            (0..self.acts.len()).filter(|at| is_meant(&self.acts[*at])).collect()
        };
        if is_held_back && (which.is_some() || chosen.is_empty()) {
            return Ok(());
        }
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

    /// Plans acts anew, for approval, that were refused, changed nothing or were taken back: the one at a position, or all that
    /// were refused.
    ///
    /// # Errors
    /// [`Refusal`], and nothing is changed.
    pub fn retry(&mut self, which: Option<usize>, by: &str, now: Time) -> Result<(), Refusal> {
        let can = |act: &Act| match which {
            Some(_) => matches!(act.progress, Progress::Refused | Progress::Impossible | Progress::Undone),
            None => act.progress == Progress::Refused,
        };
        let chosen =
            |(at, act): (usize, &Act)| (which.is_none_or(|which| which == at) && can(act)).then_some(at);
        let chosen: Vec<usize> = self.acts.iter().enumerate().filter_map(chosen).collect();
        if chosen.is_empty() {
            return Err(Refusal::NotDone("nothing there was refused, or ended without effect".to_owned()));
        }
        for at in chosen {
            let act = &mut self.acts[at];
            // What was begun and then refused may have been done in part: what was there before stays known.
            if act.progress != Progress::Refused {
                (act.change, act.at) = (None, None);
            }
            (act.progress, act.seen, act.asks) = (Progress::Waiting, None, true);
            act.note.clear();
            act.by.clear();
            let what = format!("planned anew: {}", act.planned.text);
            self.decided(now, by, what);
        }
        self.planned = now;
        self.settle(now);
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
            let holder = act.planned.action.resource().holder();
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
        self.assignee = Some(trailwarden_core::event::clip(whom, 200).to_owned());
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
        if self.state != IncidentState::Closed {
            (self.state, self.closed_by) = (IncidentState::Closed, Some(by.to_owned()));
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
    fn nobody_is_somebody_else_for_coming_another_way() {
        let person = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0a/Kim@x.example";
        let about = |principal: &str, who: &str| {
            let made = incident(found("evasion", &[]), Progress::Waiting);
            Incident { principal: principal.into(), ..made }.is_about(who)
        };
        let user = "arn:aws:iam::111122223333:user/kim";
        for who in [
            person,
            "arn:aws:sts::444455556666:assumed-role/AWSReservedSSO_ReadOnly_0b/kim@x.example",
            "arn:aws:sts::111122223333:assumed-role/analyst/kim",
            "kim@x.example",
            user,
        ] {
            assert!(about(person, who) && about(user, who), "{who}");
        }
        let role = "arn:aws:iam::111122223333:role/web";
        assert!(about(role, "arn:aws:sts::111122223333:assumed-role/web/i-0123456789abcdef0"));
        for who in ["arn:aws:sts::111122223333:assumed-role/analyst/eva", "eva@x.example", "slack:U1", "kim"]
        {
            assert!(!about(user, who) && !about(role, who), "{who}");
        }
    }

    #[test]
    fn taking_back_holds_back_what_was_not_begun() {
        let mut due = incident(found("evasion", &[]), Progress::Due);
        due.acts[0].progress = Progress::Done;
        due.undo(None, "kim", Time(0)).unwrap();
        let progress: Vec<Progress> = due.acts.iter().map(|act| act.progress).collect();
        assert_eq!(progress, [Progress::UndoDue, Progress::Waiting, Progress::Waiting]);
        assert_eq!(due.acts[1].note, "held back by kim");
        // The next finding does not set it going again.
        due.acts[1].go_on(Progress::Due, Time(9));
        assert_eq!(due.acts[1].progress, Progress::Waiting);
    }

    #[test]
    fn what_was_refused_or_taken_back_can_be_planned_anew() {
        let mut refused = incident(found("evasion", &[]), Progress::Refused);
        refused.acts[0].progress = Progress::Undone;
        assert_eq!(refused.plan_digest(), None);
        refused.retry(None, "kim", Time(9)).unwrap();
        assert_eq!(refused.acts[0].progress, Progress::Undone, "what somebody took back, only by name");
        refused.acts[1].go_on(Progress::Due, Time(9));
        assert!(refused.acts[1..].iter().all(|act| act.progress == Progress::Waiting && act.seen.is_none()));
        refused.retry(Some(0), "kim", Time(9)).unwrap();
        assert_eq!(refused.acts[0].progress, Progress::Waiting);
        assert!(refused.plan_digest().is_some());
        assert!(refused.retry(None, "kim", Time(9)).is_err());
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
        assert_eq!(done.state, IncidentState::Contained);
        done.reissue(Credential::Key, None, "kim", Time(9)).unwrap();
        done.settle(Time(9));
        assert_eq!((done.state, done.contained), (IncidentState::Contained, contained));
        let act = done.acts.last().unwrap();
        assert_eq!((act.progress, act.by.as_str(), act.planned.undo), (Progress::Due, "kim", Undo::Exact));
        let Action::Reissue { secret, .. } = &act.planned.action else { panic!("{act:?}") };
        assert_eq!(*secret, format!("trailwarden-reissued/{}/key-{}", done.id, done.acts.len()));
        assert!(done.reissue(Credential::Key, None, "kim", Time(9)).is_err(), "it is under way");
        assert!(done.reissue(Credential::Password, None, "kim", Time(9)).is_ok());
        let stopped = [("cloudtrail:StopLogging", "trail", "", "")];
        let mut of_a_role = incident(found("evasion", &stopped), Progress::Done);
        of_a_role.acts.retain(|act| act.planned.action.resource().holder().is_none());
        assert!(of_a_role.reissue(Credential::Key, None, "kim", Time(9)).is_err());
    }
}
