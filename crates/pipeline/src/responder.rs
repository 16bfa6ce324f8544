//! Responder: executes and undoes the due actions of an incident, within the limits of its guard.
//!
//! An action goes from due to begun, when the state before the change is stored, and then to done. A begun action is
//! first compared with the current state: so a crash anywhere is resumed, and nothing is done twice.

mod guard;
mod kill_switch;

use guard::{Checks, Halt};
pub use guard::{Guard, Mode};
pub use kill_switch::{Turn, stopped, turn, turns};

use crate::{
    ports::{Accounts, Item, Key, Table, Trouble, Unavailable, change},
    table_schema,
};
use trailwarden_core::event::{Time, clip};
use trailwarden_response::{
    Impossible, Resource, State,
    incident::{Act, Change, Incident, IncidentState, Progress, US},
};

/// Executes and undoes what an incident has due, and reads the current state of what waits for approval. Idempotent.
///
/// # Errors
/// [`Unavailable`] if a service is; the other actions were carried out all the same.
pub async fn carry_out(
    table: &impl Table,
    accounts: &impl Accounts,
    guard: Guard<'_>,
    key: &Key,
    now: Time,
) -> Result<(), Unavailable> {
    let Some(incident) = load(table, key).await? else { return Ok(()) };
    if guard.mode == Mode::Observe {
        return Ok(());
    }
    let responder = Responder { checks: Checks { table, guard, now }, accounts, key };
    let mut trouble = Ok(());
    // Undo in reverse order: two actions may have changed the same resource.
    let is_undo = |at: &usize| incident.acts[*at].progress == Progress::UndoDue;
    let (mut undos, acts): (Vec<usize>, Vec<usize>) = (0..incident.acts.len()).partition(is_undo);
    undos.reverse();
    for at in undos.into_iter().chain(acts) {
        match incident.acts[at].progress {
            Progress::Due | Progress::Begun | Progress::UndoDue => {
                if let Err(error) = responder.one(at).await {
                    trouble = Err(error);
                }
            }
            Progress::Waiting if incident.acts[at].seen.is_none() || now >= incident.expires() => {
                if let Err(error) = responder.look(at).await {
                    trouble = Err(error);
                }
            }
            Progress::Done if incident.acts[at].again.is_some() => {
                if let Err(error) = responder.look_again(at).await {
                    trouble = Err(error);
                }
            }
            _ => {}
        }
    }
    // Actions that `look_again` added because their effect no longer holds; `one` skips those that need approval.
    let planned_anew = load(table, key).await?.map_or(0, |incident| incident.acts.len());
    for at in incident.acts.len()..planned_anew {
        if let Err(error) = responder.one(at).await {
            trouble = Err(error);
        }
    }
    if now >= incident.expires() && incident.plan_digest().is_some() {
        responder
            .save(|incident| {
                incident.planned = now;
                incident.revision += 1;
            })
            .await?;
    }
    trouble
}

/// Reads an incident; `None` if there is none.
pub async fn load(table: &impl Table, key: &Key) -> Result<Option<Incident>, Unavailable> {
    Ok(table.get(key).await?.as_ref().map(table_schema::read_incident).transpose()?)
}

/// Progress of an action that cannot change anything: needless ones end as impossible, others are left to people.
fn ended(impossible: Impossible) -> Progress {
    match impossible {
        Impossible::Needless(_) => Progress::Impossible,
        Impossible::Lost(_) => Progress::Refused,
    }
}

struct Responder<'a, T, C> {
    checks: Checks<'a, T>,
    accounts: &'a C,
    key: &'a Key,
}

impl<T: Table, C: Accounts> Responder<'_, T, C> {
    /// Executes or undoes one action, up to its end or to what halts it.
    async fn one(&self, at: usize) -> Result<(), Unavailable> {
        let Some(act) = self.claim(at).await? else { return Ok(()) };
        let is_undo = act.progress == Progress::UndoDue;
        let outcome = if is_undo { self.take_back(&act).await } else { self.act(at, &act).await };
        match outcome {
            Ok(()) if is_undo => self.end_of(at, Progress::Undone, "", is_undo).await,
            Ok(()) => self.end(at, Progress::Done, "").await,
            // An action whose undo fails is still done.
            Err(Halt::At(_, why)) if is_undo => {
                self.end_of(at, Progress::Done, &format!("not taken back: {why}"), is_undo).await
            }
            Err(Halt::At(progress, why)) => self.end(at, progress, &why).await,
            Err(Halt::Stale(seen)) => {
                let note = "what is there has changed since the plan was shown: look again";
                self.save(|incident| incident.acts[at].seen = Some(seen.clone())).await?;
                self.end(at, Progress::Waiting, note).await
            }
            Err(Halt::Trouble(error)) => {
                // Release the claim, so that the next attempt need not wait; it reads the current state first anyway.
                self.save(|incident| incident.acts[at].held = None).await?;
                Err(error)
            }
        }
    }

    /// Claims an action; `None` if it is no longer due.
    async fn claim(&self, at: usize) -> Result<Option<Act>, Unavailable> {
        let mut claimed = None;
        self.change(|incident| {
            let is_closed = incident.state == IncidentState::Closed;
            let act = &mut incident.acts[at];
            claimed = None;
            // A closed incident only allows undo.
            if !act.is_due() || (is_closed && act.progress != Progress::UndoDue) {
                return Ok(false);
            }
            if act.held.is_some_and(|held| self.checks.is_others(held)) {
                return Err(Unavailable { service: "respond", source: "somebody else is at it".into() });
            }
            act.held = Some((self.checks.now, self.checks.guard.copy));
            claimed = Some(act.clone());
            Ok(true)
        })
        .await?;
        Ok(claimed)
    }

    async fn act(&self, at: usize, act: &Act) -> Result<(), Halt> {
        let (account, resource) = (&act.planned.account_id, act.resource());
        if let Some(change) = &act.change {
            // An earlier attempt began it, and may have completed it.
            self.checks.record(account, &resource).await?;
            let current = self.accounts.read(account, &resource).await?;
            if change.applied(&current).as_ref() == Some(&current) {
                return Ok(());
            }
        }
        self.checks.allow(self.accounts, account, &resource).await?;
        let current = self.accounts.read(account, &resource).await?;
        // The person's user id is known only after reading.
        let is_protected = |id: &String| self.checks.guard.settings.is_protected_person(id);
        if resource.person().is_some() && current.keys().any(is_protected) {
            return Err(Halt::At(Progress::Refused, "the settings protect it".to_owned()));
        }
        let change = match &act.change {
            // Begun and not done: resume. A revocation is planned again, as the recorded one would miss later sessions.
            Some(change) if !(act.asks || act.planned.action.is_revocation() && change.before == current) => {
                change.resumed(&current)
            }
            // Planned again: the state before the first attempt is reconstructed, with what others changed since.
            Some(change) => {
                let before = change.reversed().applied(&current).unwrap_or_else(|| current.clone());
                self.begin(at, act, &current, &before).await?
            }
            None => self.begin(at, act, &current, &current).await?,
        };
        let Some(target) = change.applied(&current) else {
            return Err(Halt::At(Progress::Refused, "somebody else changed it meanwhile".to_owned()));
        };
        if target != current {
            self.checks.unstopped().await?;
            self.write(account, &resource, &current, &target).await?;
        }
        Ok(())
    }

    async fn write(&self, account: &str, resource: &Resource, from: &State, to: &State) -> Result<(), Halt> {
        let Some(what) = resource.leased() else {
            return Ok(self.accounts.write(account, resource, from, to).await?);
        };
        self.checks.lease(what, Some((self.checks.now, self.checks.guard.copy))).await?;
        let written = self.accounts.write(account, resource, from, to).await;
        self.checks.lease(what, None).await?;
        Ok(written?)
    }

    /// Records the state before and the desired state. Halts if `current` differs from the state that the approver saw.
    async fn begin(&self, at: usize, act: &Act, current: &State, before: &State) -> Result<Change, Halt> {
        if act.seen.as_ref().is_some_and(|seen| seen != current) {
            return Err(Halt::Stale(current.clone()));
        }
        let after = act
            .planned
            .action
            .desired_state(before, self.checks.now)
            .map_err(|impossible| Halt::At(ended(impossible), impossible.to_string()))?;
        let change = Change { before: before.clone(), after };
        if change.applied(before).is_none_or(|target| target == *before) {
            return Err(Halt::At(Progress::Impossible, "it is so already".to_owned()));
        }
        self.checks.count(act).await?;
        let mut outcome = Ok(change);
        self.change(|incident| {
            let act = &mut incident.acts[at];
            let Ok(change) = &outcome else { return Ok(false) };
            // A person has stopped or undone it meanwhile.
            if !matches!(act.progress, Progress::Due | Progress::Begun) {
                outcome = Err(Halt::At(act.progress, act.note.clone()));
                return Ok(false);
            }
            (act.change, act.progress) = (Some(change.clone()), Progress::Begun);
            let fits = incident.fits();
            if !fits {
                let why = "what is there is too much to be recorded, so it could not be taken back";
                outcome = Err(Halt::At(Progress::Refused, why.to_owned()));
            }
            Ok(fits)
        })
        .await?;
        outcome
    }

    async fn take_back(&self, act: &Act) -> Result<(), Halt> {
        let (account, resource) = (&act.planned.account_id, act.resource());
        let refused = |why: &str| Halt::At(Progress::Refused, why.to_owned());
        let change = act.change.as_ref().ok_or_else(|| refused("what was there before is not known"))?;
        // Protection and the kill switch do not block an undo: it helps whoever is protected.
        self.checks.not_ours(&resource)?;
        self.checks.record(account, &resource).await?;
        let current = self.accounts.read(account, &resource).await?;
        let target = change.reversed().applied(&current);
        let target = target.ok_or_else(|| refused("somebody else changed it since"))?;
        if target != current {
            self.write(account, &resource, &current, &target).await?;
        }
        Ok(())
    }

    /// Reads the current state for an action that waits for approval.
    async fn look(&self, at: usize) -> Result<(), Unavailable> {
        let Some(incident) = load(self.checks.table, self.key).await? else { return Ok(()) };
        let act = &incident.acts[at];
        let (account, resource) = (&act.planned.account_id, act.resource());
        let seen = match self.checks.allow(self.accounts, account, &resource).await {
            Ok(()) => self.accounts.read(account, &resource).await.map_err(Halt::from),
            Err(halt) => Err(halt),
        };
        match seen {
            Ok(seen) => match act.planned.action.desired_state(&seen, self.checks.now) {
                Ok(_) => {
                    self.save(|incident| {
                        if incident.acts[at].seen.as_ref() != Some(&seen) {
                            incident.acts[at].seen = Some(seen.clone());
                            incident.revision += 1;
                        }
                    })
                    .await
                }
                Err(impossible) => self.end(at, ended(impossible), &impossible.to_string()).await,
            },
            Err(Halt::At(Progress::Refused, why)) => self.end(at, Progress::Refused, &why).await,
            Err(Halt::Trouble(error)) => Err(error),
            // Stopped: retried at the next run.
            Err(_) => Ok(()),
        }
    }

    /// Checks, after further findings, whether an executed action still holds; otherwise it is planned again.
    async fn look_again(&self, at: usize) -> Result<(), Unavailable> {
        let Some(incident) = load(self.checks.table, self.key).await? else { return Ok(()) };
        let act = &incident.acts[at];
        let (Some(change), Some(progress)) = (&act.change, act.again) else { return Ok(()) };
        let (account, resource) = (&act.planned.account_id, act.resource());
        self.checks.record(account, &resource).await?;
        let holds = match self.accounts.read(account, &resource).await {
            Ok(current) => change.applied(&current).as_ref() == Some(&current),
            Err(Trouble::Unavailable(error)) => return Err(error),
            Err(Trouble::Refused(_)) => true,
        };
        self.save(|incident| {
            incident.acts[at].again = None;
            if !holds {
                incident.do_again(at, progress, self.checks.now);
            }
        })
        .await
    }

    async fn end(&self, at: usize, progress: Progress, note: &str) -> Result<(), Unavailable> {
        self.end_of(at, progress, note, false).await
    }

    /// Records the end of an action or of its undo.
    async fn end_of(
        &self,
        at: usize,
        progress: Progress,
        note: &str,
        is_undo: bool,
    ) -> Result<(), Unavailable> {
        self.save(|incident| {
            let act = &mut incident.acts[at];
            // A request to undo that arrived meanwhile stands, however the action ended.
            if is_undo || act.progress != Progress::UndoDue {
                act.progress = progress;
            }
            act.held = None;
            clip(note, 300).clone_into(&mut act.note);
            let what = match progress {
                Progress::Done if note.is_empty() => {
                    act.at = Some(self.checks.now);
                    format!("done: {}", act.planned.text)
                }
                Progress::Undone => {
                    act.undone = Some(self.checks.now);
                    format!("taken back: {}", act.planned.text)
                }
                Progress::Impossible => format!("nothing to do: {} ({note})", act.planned.text),
                _ => format!("not done: {} ({note})", act.planned.text),
            };
            incident.say(self.checks.now, US, what);
            incident.settle(self.checks.now);
            incident.revision += 1;
        })
        .await
    }

    async fn save(&self, mut edit: impl FnMut(&mut Incident)) -> Result<(), Unavailable> {
        self.change(|incident| {
            edit(incident);
            Ok(true)
        })
        .await
    }

    /// Edits and saves the incident; `false` from `edit` saves nothing.
    async fn change(
        &self,
        mut edit: impl FnMut(&mut Incident) -> Result<bool, Unavailable>,
    ) -> Result<(), Unavailable> {
        change(self.checks.table, self.key, |item: Option<&Item>| {
            let Some(mut incident) = item.map(table_schema::read_incident).transpose()? else {
                return Ok(None);
            };
            let is_changed = edit(&mut incident)?;
            Ok::<_, Unavailable>(is_changed.then(|| table_schema::write_incident(&incident, self.checks.now)))
        })
        .await
    }
}
