//! Hours of all scopes, from logs and state, and lookup of one principal.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use trailwarden_core::{
    activity::{Hour, Scope},
    baseline::{Parts, Peers},
    judgement::Surroundings,
    severity::thresholds::History,
};

use crate::{
    analysis,
    args::Input,
    files,
    judging::{self, Encoded},
    knowledge::{Knowledge, now},
    store::Store,
    store::hours::Hours,
    text::printable,
};

/// All scopes with their hours, and the context to judge them.
pub(crate) struct Identities {
    pub(crate) knowledge: Knowledge,
    pub(crate) peers: Peers,
    pub(crate) thresholds: History,
    pub(crate) jobs: usize,
    hours: BTreeMap<Scope, Encoded>,
}

impl Identities {
    /// Reads logs and state; writes nothing.
    pub(crate) fn load(input: &Input) -> Result<Self> {
        let knowledge = Knowledge::load(input)?;
        let memory = Hours::default();
        analysis::read(input, &memory)?;
        let hours = match &input.state {
            Some(path) => Store::open(path)
                .and_then(|state| state.everything(&memory))
                .with_context(|| format!("state {}", files::show(path)))?,
            None => {
                memory.scopes().into_iter().map(|scope| (scope.clone(), memory.encoded(&scope))).collect()
            }
        };
        Self::of(knowledge, hours, input)
    }

    /// Loads from a state that is already open.
    pub(crate) fn in_state(state: &Store, input: &Input) -> Result<Self> {
        Self::of(Knowledge::load(input)?, state.everything(&Hours::default())?, input)
    }

    fn of(knowledge: Knowledge, hours: BTreeMap<Scope, Encoded>, input: &Input) -> Result<Self> {
        if hours.is_empty() {
            bail!("nothing could be read: no CloudTrail log in what was given");
        }
        let jobs = input.reading.threads();
        let scopes: Vec<Scope> = hours.keys().cloned().collect();
        let peers = judging::peers(&scopes, jobs, |scope| hours[scope].clone())?;
        Ok(Self { knowledge, peers, thresholds: History::default(), jobs, hours })
    }

    pub(crate) fn around(&self) -> Surroundings<'_> {
        Surroundings {
            peers: &self.peers,
            networks: &self.knowledge.networks,
            settings: &self.knowledge.settings,
            thresholds: &self.thresholds,
            parts: Parts::default(),
        }
    }

    /// The hours of a scope.
    pub(crate) fn hours(&self, scope: &Scope) -> Result<Vec<(u32, Hour)>> {
        self.hours.get(scope).map_or_else(|| Ok(Vec::new()), judging::decode)
    }

    /// End of the logs: the last hour of any scope that is not in the future, in hours since 1970.
    pub(crate) fn end(&self) -> u32 {
        let tomorrow = now().hour() + 24;
        let hours = self.hours.values().flatten().map(|(hour, _)| *hour);
        hours.filter(|hour| *hour <= tomorrow).max().unwrap_or_default()
    }

    /// All scopes, including accounts and addresses.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        self.hours.keys().cloned().collect()
    }

    /// Scopes of users, roles and people.
    pub(crate) fn all(&self) -> Vec<Scope> {
        self.hours.keys().filter(|scope| scope.is_identity()).cloned().collect()
    }

    /// The identity with this ARN or name, or with an ARN or name that ends in it.
    pub(crate) fn find(&self, wanted: &str) -> Result<Scope> {
        let wanted = wanted.trim();
        let mut named: Vec<(Scope, Vec<String>)> = Vec::new();
        for scope in self.all() {
            let called = match &scope {
                Scope::Principal(id) => vec![id.to_string()],
                _ => self.names(&scope)?,
            };
            named.push((scope, called));
        }
        let with = |is: &dyn Fn(&str) -> bool| -> Vec<&Scope> {
            named
                .iter()
                .filter(|(_, names)| names.iter().any(|name| is(name)))
                .map(|(scope, _)| scope)
                .collect()
        };
        let ends = |name: &str| {
            name.strip_suffix(wanted).is_some_and(|head| head.is_empty() || head.ends_with(['/', ':']))
        };
        let exact = with(&|name| name == wanted);
        let found = if exact.is_empty() { with(&ends) } else { exact };
        match found.as_slice() {
            [] if wanted.is_empty() => bail!("name a principal"),
            [] => {
                let like = with(&|name| name.to_lowercase().contains(&wanted.to_lowercase()));
                let like: Vec<String> = like.iter().take(5).map(|scope| printable(&show(scope))).collect();
                let hint = if like.is_empty() {
                    String::new()
                } else {
                    format!("; similar principals: {}", like.join(", "))
                };
                bail!("no principal {wanted:?} among the {} there are{hint}", named.len())
            }
            [one] => Ok((*one).clone()),
            many => bail!(
                "{} principals match {wanted:?}: {}",
                many.len(),
                many.iter().map(|scope| show(scope)).collect::<Vec<_>>().join(", ")
            ),
        }
    }

    /// A person's name, and the ARNs that the person acted as.
    fn names(&self, scope: &Scope) -> Result<Vec<String>> {
        let hours = self.hours(scope)?;
        let arns = hours.iter().flat_map(|(_, hour)| hour.identities.values().map(ToString::to_string));
        let mut names: Vec<String> = arns.collect();
        names.sort_unstable();
        names.dedup();
        names.push(show(scope));
        Ok(names)
    }
}

/// Display name of a scope, for example an ARN or a person's name.
pub(crate) fn show(scope: &Scope) -> String {
    match scope {
        Scope::Principal(id) | Scope::Person(id) => id.to_string(),
        Scope::Address(address) => format!("address {address}"),
        Scope::Account(account) => format!("account {account}"),
    }
}
