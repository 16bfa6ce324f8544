//! What holds responses back, asked before each act: the kill switch, whom nothing may touch, the limit; and what is
//! recorded of it before it is done.

use std::collections::BTreeSet;

use super::kill_switch::stopped;
use crate::{
    ports::{Accounts, Table, Trouble, Unavailable, Write, change},
    table_schema,
};
use trailwarden_core::{
    catalog::PROTECTED_TAG,
    event::{DAY, Time, clip},
    settings::Settings,
};
use trailwarden_response::{
    Action, HolderKind, State, Thing,
    incident::{Act, Progress},
    planner::STOPS,
};

/// How far a deployment lets responses go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Plans are told.
    #[default]
    Observe,
    /// A person approves each plan.
    Approve,
    /// What the settings name is done at once; the rest waits for approval.
    Enforce,
}

impl Mode {
    /// As the template spells it; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        [("observe", Self::Observe), ("approve", Self::Approve), ("enforce", Self::Enforce)]
            .into_iter()
            .find(|(name, _)| *name == text)
            .map(|(_, mode)| mode)
    }
}

/// What responses are held back by.
#[derive(Clone, Copy)]
pub struct Guard<'a> {
    /// How far they may go at all.
    pub mode: Mode,
    /// Whom they may not touch, and how many there may be.
    pub settings: &'a Settings,
    /// Our own roles, by name.
    pub own_roles: &'a [String],
    /// Which copy of the function this is.
    pub copy: u64,
}

/// How long somebody who began an act is waited for: longer than the function may run.
const HELD: i64 = 90;

/// Why an act goes no further for now.
pub(super) enum Halt {
    /// Where it stands then, and why.
    At(Progress, String),
    /// What was there is not what was seen when it was planned.
    Stale(State),
    /// It is tried again.
    Trouble(Unavailable),
}

impl From<Unavailable> for Halt {
    fn from(error: Unavailable) -> Self {
        Self::Trouble(error)
    }
}

impl From<Trouble> for Halt {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Unavailable(error) => Self::Trouble(error),
            Trouble::Refused(why) => Self::At(Progress::Refused, why),
        }
    }
}

/// Asks and records, in one copy of the function at one time.
pub(super) struct Checks<'a, T> {
    pub(super) table: &'a T,
    pub(super) guard: Guard<'a>,
    pub(super) now: Time,
}

impl<T: Table> Checks<'_, T> {
    /// Nothing acts on whom it must not, or when it is stopped; and what is called is recorded before.
    pub(super) async fn allow(
        &self,
        accounts: &impl Accounts,
        account: &str,
        thing: &Thing,
    ) -> Result<(), Halt> {
        self.unstopped().await?;
        let refused = |why: String| Err(Halt::At(Progress::Refused, why));
        self.not_ours(thing)?;
        if thing.person().is_some_and(|person| self.guard.settings.is_protected_person(person)) {
            return refused("the settings protect it".to_owned());
        }
        self.record(account, thing).await?;
        let Some(holder) = thing.holder() else { return Ok(()) };
        let identity = accounts.identity(account, &holder).await?;
        if self.guard.settings.is_protected(&identity.arn) {
            return refused("the settings protect it".to_owned());
        }
        match identity.tags.get(PROTECTED_TAG) {
            Some(value) if value != "false" => refused(format!("its tag {PROTECTED_TAG} protects it")),
            _ => Ok(()),
        }
    }

    /// Whole names of roles, compared as IAM does, whatever their case: nobody is let off for being called a bit like us.
    pub(super) fn not_ours(&self, thing: &Thing) -> Result<(), Halt> {
        let role = thing.holder().filter(|holder| holder.kind == HolderKind::Role);
        if role
            .is_some_and(|role| self.guard.own_roles.iter().any(|own| own.eq_ignore_ascii_case(&role.name)))
        {
            return Err(Halt::At(Progress::Refused, "it is one of our own roles".to_owned()));
        }
        Ok(())
    }

    /// The kill switch.
    pub(super) async fn unstopped(&self) -> Result<(), Halt> {
        match stopped(self.table).await? {
            Some(by) => Err(Halt::At(Progress::Waiting, format!("responses are stopped, by {by}"))),
            None => Ok(()),
        }
    }

    /// Counts an act in an account and hour. A quarter of what may be done is kept for what stops somebody: or whoever has
    /// a lot taken back would be stopped no more.
    pub(super) async fn count(&self, act: &Act) -> Result<(), Halt> {
        let most = self.guard.settings.response.hourly_limit;
        let stops = act.planned.why == STOPS || matches!(act.planned.action, Action::QuarantineUser { .. });
        let limit = if stops { most } else { most - most / 4 };
        let account = &act.planned.account_id;
        let mut is_within = false;
        change(self.table, &table_schema::acts_key(account, self.now.hour()), |item| {
            let count = item.map(table_schema::read::<u32>).transpose()?.unwrap_or_default();
            is_within = count < limit;
            let write = Write {
                body: table_schema::write(&(count + 1)),
                expires: Some(Time(self.now.0 + DAY)),
                listed: None,
            };
            Ok::<_, Unavailable>(is_within.then_some(write))
        })
        .await?;
        if is_within {
            return Ok(());
        }
        let why = if stops {
            format!("{limit} acts were done in this account in this hour: approve it later")
        } else {
            format!("the rest of this hour's {most} acts is kept for what stops somebody: approve it later")
        };
        Err(Halt::At(Progress::Waiting, why))
    }

    /// Records what we are about to call, so that the log of it is known to be of our doing.
    pub(super) async fn record(&self, account: &str, thing: &Thing) -> Result<(), Unavailable> {
        let whom: &[&str] = match thing.holder() {
            Some(_) => &["iam:GetUser", "iam:GetRole", "iam:GetGroup"],
            None => &[],
        };
        let calls = whom.iter().chain(thing.calls());
        let names = || [thing.name()].into_iter().chain(thing.aside());
        let calls: Vec<(String, String)> = calls
            .flat_map(|call| names().map(|name| ((*call).to_owned(), clip(name, 96).to_owned())))
            .collect();
        let key = table_schema::calls_key(account, self.now.hour());
        change(self.table, &key, |item| {
            let mut known =
                item.map(table_schema::read::<BTreeSet<(String, String)>>).transpose()?.unwrap_or_default();
            let before = known.len();
            known.extend(calls.iter().cloned());
            let expires = Some(Time(self.now.0 + i64::from(table_schema::HOURS_KEPT) * DAY));
            let write = Write { body: table_schema::write(&known), expires, listed: None };
            Ok::<_, Unavailable>((known.len() > before).then_some(write))
        })
        .await
    }

    /// Makes something ours alone, or nobody's again.
    pub(super) async fn lease(&self, what: &str, to: Option<(Time, u64)>) -> Result<(), Unavailable> {
        change(self.table, &table_schema::lease_key(what), |item| {
            let held = item.map(table_schema::read::<Option<(Time, u64)>>).transpose()?.flatten();
            if held.is_some_and(|held| self.is_others(held)) {
                return Err(Unavailable { service: "respond", source: "somebody else is at it".into() });
            }
            let expires = Some(Time(self.now.0 + DAY));
            Ok(Some(Write { body: table_schema::write(&to), expires, listed: None }))
        })
        .await
    }

    /// Is another copy of the function at something, and may it still be?
    pub(super) fn is_others(&self, (since, by): (Time, u64)) -> bool {
        by != self.guard.copy && self.now.0 < since.0 + HELD
    }
}
