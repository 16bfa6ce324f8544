//! Guard of responses, consulted before each action: kill switch, protected identities, hourly limit and leases.
//!
//! It also records the API calls before they are made, so that detection recognises our own.

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
    Action, HolderKind, Resource, State,
    incident::{Act, Progress},
    planner::STOPS,
};

/// Response mode of a deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Plans are shown, nothing is executed.
    #[default]
    Observe,
    /// A person approves each plan.
    Approve,
    /// What the settings name is executed at once; the rest waits for approval.
    Enforce,
}

impl Mode {
    /// Parses the template's spelling: `observe`, `approve` or `enforce`.
    pub fn parse(text: &str) -> Option<Self> {
        [("observe", Self::Observe), ("approve", Self::Approve), ("enforce", Self::Enforce)]
            .into_iter()
            .find(|(name, _)| *name == text)
            .map(|(_, mode)| mode)
    }
}

/// Limits of responses.
#[derive(Clone, Copy)]
pub struct Guard<'a> {
    /// Response mode.
    pub mode: Mode,
    /// Settings with the protected identities and the hourly limit.
    pub settings: &'a Settings,
    /// Names of the suite's own roles.
    pub own_roles: &'a [String],
    /// Id of this copy of the function, for claims and leases.
    pub copy: u64,
}

/// Seconds until a claim or lease expires: longer than the function's time limit.
const HELD: i64 = 90;

/// Reason why an action stops here.
pub(super) enum Halt {
    /// It ends with this progress, and a note.
    At(Progress, String),
    /// The current state differs from the one shown to the approver.
    Stale(State),
    /// Transient error: retry.
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

/// Guard at one time, with the table.
pub(super) struct Checks<'a, T> {
    pub(super) table: &'a T,
    pub(super) guard: Guard<'a>,
    pub(super) now: Time,
}

impl<T: Table> Checks<'_, T> {
    /// Halts if responses are stopped or the resource is protected; records the calls about to be made.
    pub(super) async fn allow(
        &self,
        accounts: &impl Accounts,
        account: &str,
        resource: &Resource,
    ) -> Result<(), Halt> {
        self.unstopped().await?;
        let refused = |why: String| Err(Halt::At(Progress::Refused, why));
        self.not_ours(resource)?;
        if resource.person().is_some_and(|person| self.guard.settings.is_protected_person(person)) {
            return refused("the settings protect it".to_owned());
        }
        self.record(account, resource).await?;
        let Some(holder) = resource.holder() else { return Ok(()) };
        let identity = accounts.identity(account, &holder).await?;
        if self.guard.settings.is_protected(&identity.arn) {
            return refused("the settings protect it".to_owned());
        }
        match identity.tags.get(PROTECTED_TAG) {
            Some(value) if value != "false" => refused(format!("its tag {PROTECTED_TAG} protects it")),
            _ => Ok(()),
        }
    }

    /// Halts on the suite's own roles. It compares whole names without case, as IAM does: a similar name is no
    /// exemption.
    pub(super) fn not_ours(&self, resource: &Resource) -> Result<(), Halt> {
        let role = resource.holder().filter(|holder| holder.kind == HolderKind::Role);
        if role
            .is_some_and(|role| self.guard.own_roles.iter().any(|own| own.eq_ignore_ascii_case(&role.name)))
        {
            return Err(Halt::At(Progress::Refused, "it is one of our own roles".to_owned()));
        }
        Ok(())
    }

    /// Halts if the kill switch is on.
    pub(super) async fn unstopped(&self) -> Result<(), Halt> {
        match stopped(self.table).await? {
            Some(by) => Err(Halt::At(Progress::Waiting, format!("responses are stopped, by {by}"))),
            None => Ok(()),
        }
    }

    /// Counts an action towards the limit per account and hour. A quarter of the limit is reserved for containment,
    /// so that other actions cannot exhaust it.
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

    /// Records the calls about to be made, so that their CloudTrail events are recognised as our own.
    pub(super) async fn record(&self, account: &str, resource: &Resource) -> Result<(), Unavailable> {
        let whom: &[&str] = match resource.holder() {
            Some(_) => &["iam:GetUser", "iam:GetRole", "iam:GetGroup"],
            None => &[],
        };
        let calls = whom.iter().chain(resource.calls());
        let names = || [resource.name()].into_iter().chain(resource.aside());
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

    /// Takes (`Some`) or releases (`None`) a lease on a resource without optimistic locking.
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

    /// Whether a claim is another copy's and has not expired.
    pub(super) fn is_others(&self, (since, by): (Time, u64)) -> bool {
        by != self.guard.copy && self.now.0 < since.0 + HELD
    }
}
