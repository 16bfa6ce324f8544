//! Everything outside the functions, in memory, with faults: what the stages are tested in.
#![allow(dead_code, reason = "each test uses its part")]

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet},
};

use pollster::block_on;
use serde_json::{Value, json};
use trailwarden_core::{
    activity::Fold,
    event::Time,
    finding::{Finding, FindingRaised, Status},
    networks::Networks,
    settings::Settings,
    severity::thresholds::History,
    sources::{Item as Read, Limits, read},
};
use trailwarden_pipeline::{
    feature_extract::feature_extract,
    formats::{alert::Alert, asff::Asff},
    messages::{FeaturesExtracted, Notice, judgeable, pack, unpack},
    ports::{
        Accounts, Channel, FindingsHub, Freshness, Identity, Item, Key, Listed, Memory, Over, Table, Trouble,
        Unavailable, Write,
    },
    respond::{Filing, Outlets, respond},
    responder::{Guard, Mode},
    score::{Around, score},
    table_schema::{self, KeptFinding, KeptHour},
    watermark::close_hours,
};
use trailwarden_response::{Holder, Resource, State};

/// When, and how, the outside world fails: at its nth use, before or after the work is done; from then on the function
/// is dead until its message is delivered again.
#[derive(Default)]
pub(crate) struct Faults {
    pub(crate) uses: Cell<usize>,
    pub(crate) fails_at: Cell<Option<usize>>,
    pub(crate) is_after: Cell<bool>,
    pub(crate) is_dead: Cell<bool>,
}

pub(crate) fn broken() -> Unavailable {
    Unavailable { service: "test", source: "a fault".into() }
}

impl Faults {
    pub(crate) fn before(&self) -> Result<(), Unavailable> {
        self.uses.set(self.uses.get() + 1);
        let is_now = self.fails_at.get() == Some(self.uses.get());
        if is_now && !self.is_after.get() {
            self.is_dead.set(true);
        }
        if self.is_dead.get() { Err(broken()) } else { Ok(()) }
    }

    pub(crate) fn after<T>(&self, done: T) -> Result<T, Unavailable> {
        if self.fails_at.get() == Some(self.uses.get()) && self.is_after.get() {
            self.is_dead.set(true);
            return Err(broken());
        }
        Ok(done)
    }
}

/// Everything outside the functions.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) table: Memory,
    pub(crate) faults: Faults,
    pub(crate) notices: RefCell<Vec<Notice>>,
    pub(crate) queue: RefCell<Vec<String>>,
    pub(crate) alerts: RefCell<Vec<Alert>>,
    pub(crate) filed: RefCell<Vec<Asff>>,
    pub(crate) refuses: RefCell<BTreeSet<String>>,
    /// The state of things, by account.
    pub(crate) accounts: RefCell<BTreeMap<(String, Resource), State>>,
    /// Tags of identities, by name.
    pub(crate) tags: RefCell<BTreeMap<String, BTreeMap<String, String>>>,
    /// Is nobody called as they were any more?
    pub(crate) is_renamed: Cell<bool>,
    /// What was written in accounts, in this order.
    pub(crate) writes: RefCell<Vec<(String, Resource, State)>>,
}

impl Table for World {
    async fn get(&self, key: &Key) -> Result<Option<Item>, Unavailable> {
        self.faults.before()?;
        self.faults.after(self.table.get(key).await?)
    }
    async fn get_many(&self, keys: Vec<Key>) -> Result<Vec<(Key, Item)>, Unavailable> {
        self.faults.before()?;
        self.faults.after(self.table.get_many(keys).await?)
    }
    async fn range(
        &self,
        partition: &str,
        from: &str,
        to: &str,
        freshness: Freshness,
    ) -> Result<Vec<(String, Item)>, Unavailable> {
        self.faults.before()?;
        self.faults.after(self.table.range(partition, from, to, freshness).await?)
    }
    async fn listed(&self, partition: &str, from: &str, to: &str) -> Result<Vec<Listed>, Unavailable> {
        self.faults.before()?;
        self.faults.after(self.table.listed(partition, from, to).await?)
    }
    async fn put(&self, key: &Key, write: Write, over: Over) -> Result<bool, Unavailable> {
        assert!(write.body.len() <= 64 << 10, "{key:?}: {} bytes", write.body.len());
        self.faults.before()?;
        self.faults.after(self.table.put(key, write, over).await?)
    }
}

macro_rules! channel {
    ($message:ty, $field:ident) => {
        impl Channel<$message> for World {
            async fn send(&self, messages: &[$message]) -> Result<(), Unavailable> {
                self.faults.before()?;
                self.$field.borrow_mut().extend(messages.iter().cloned());
                self.faults.after(())
            }
        }
    };
}
channel!(Notice, notices);
channel!(String, queue);
channel!(Alert, alerts);

impl FindingsHub for World {
    async fn import(&self, findings: &[Asff]) -> Result<BTreeMap<usize, String>, Unavailable> {
        self.faults.before()?;
        let bad = self.refuses.borrow();
        let (mut refused, mut filed) = (BTreeMap::new(), self.filed.borrow_mut());
        for (at, finding) in findings.iter().enumerate() {
            if bad.contains(&finding.id) {
                refused.insert(at, "InvalidInput".to_owned());
            } else {
                filed.push(finding.clone());
            }
        }
        self.faults.after(refused)
    }
}

impl World {
    pub(crate) fn at(fails_at: usize, is_after: bool) -> Self {
        let world = Self::default();
        world.faults.fails_at.set(Some(fails_at));
        world.faults.is_after.set(is_after);
        world
    }

    /// Delivers a batch until nothing of it fails; says how often.
    pub(crate) fn deliver<M>(
        &self,
        mut batch: Vec<M>,
        stage: impl Fn(&[M]) -> BTreeMap<usize, Unavailable>,
    ) -> usize {
        let mut times = 0;
        while !batch.is_empty() {
            self.faults.is_dead.set(false);
            let failed = stage(&batch);
            let mut at = 0;
            batch.retain(|_| {
                at += 1;
                failed.contains_key(&(at - 1))
            });
            times += 1;
            assert!(times < 5, "a message fails again and again");
        }
        self.faults.is_dead.set(false);
        times
    }

    pub(crate) fn extract(&self, messages: Vec<String>, now: Time) {
        self.deliver(messages, |batch| {
            let hours = batch.iter().map(|message| unpack(message).expect("a pack")).collect();
            block_on(feature_extract(self, self, hours, "TrailwardenResponse", now)).failed
        });
    }

    pub(crate) fn judge(&self, due: Vec<FeaturesExtracted>, now: Time) {
        let (networks, settings, thresholds) = (Networks::default(), Settings::default(), History::default());
        let around = Around {
            networks: &networks,
            settings: &settings,
            thresholds: &thresholds,
            response_role: "TrailwardenResponse",
        };
        self.deliver(due, |batch| {
            let outcomes = batch.iter().map(|due| block_on(score(self, self, around, due, now)).err());
            outcomes.enumerate().filter_map(|(at, error)| Some((at, error?))).collect()
        });
    }

    /// Everything that waits on the bus and in the queue, until nothing waits.
    pub(crate) fn work_off(&self, now: Time) {
        loop {
            let notices = self.notices.take();
            let queue = self.queue.take();
            if notices.is_empty() && queue.is_empty() {
                return;
            }
            let mut due: Vec<FeaturesExtracted> =
                queue.iter().flat_map(|message| judgeable(message).expect("closings")).collect();
            let mut raised = Vec::new();
            for notice in notices {
                match notice {
                    Notice::FeaturesExtracted(extracted) => due.push(extracted),
                    Notice::FindingRaised(finding) => raised.push(*finding),
                    Notice::ResponseTaken(_) | Notice::IncidentChanged(_) | Notice::ResponseAsked(_) => {}
                }
            }
            self.judge(due, now);
            self.respond(raised, now);
        }
    }

    pub(crate) fn respond(&self, raised: Vec<FindingRaised>, now: Time) {
        let settings = Settings::default();
        let outlets = self.outlets(observing(&settings, 7));
        let turn = Cell::new(0);
        self.deliver(raised, |batch| {
            // A queue delivers again only when the function that took the message must be dead.
            let later = Time(now.0 + 61 * turn.replace(turn.get() + 1));
            block_on(respond(self, &outlets, batch.to_vec(), later))
        });
    }

    pub(crate) fn outlets<'a>(&'a self, guard: Guard<'a>) -> Outlets<'a, Self, Self, Self, Self> {
        Outlets { hub: self, accounts: self, guard, people: self, bus: self, filing: filing() }
    }

    /// Lets time pass: whatever closed by then is judged finally.
    pub(crate) fn close(&self, now: Time) {
        self.deliver(vec![()], |_| {
            block_on(close_hours(self, self, now)).err().into_iter().map(|error| (0, error)).collect()
        });
        self.work_off(now);
    }

    pub(crate) fn kept(&self) -> BTreeMap<String, KeptFinding> {
        let items = self.table.items();
        let findings = items.iter().filter(|(key, _)| key.sort.starts_with("FINDING#"));
        findings
            .map(|(_, item)| KeptFinding::read(item).expect("a finding"))
            .map(|kept| (kept.finding.id.clone(), kept))
            .collect()
    }

    pub(crate) fn open(&self) -> BTreeMap<String, Finding> {
        let open = self.kept().into_iter().filter(|(_, kept)| kept.finding.status == Status::Open);
        open.map(|(id, kept)| (id, kept.finding)).collect()
    }

    pub(crate) fn hours(&self) -> BTreeMap<Key, (u64, trailwarden_core::activity::Hour)> {
        let items = self.table.items();
        let hours = items.into_iter().filter(|(key, _)| key.sort.starts_with("HOUR#"));
        hours
            .map(|(key, item)| {
                let kept: KeptHour = table_schema::read(&item).expect("an hour");
                (key, (kept.announced, kept.hour))
            })
            .collect()
    }
}

/// Everything is filed under one account.
pub(crate) fn filing() -> Filing {
    Filing { account: "999988887777".into(), region: "eu-central-1".into(), each_in_its_own: false }
}

/// Responses that only plan.
pub(crate) fn observing(settings: &Settings, copy: u64) -> Guard<'_> {
    Guard { mode: Mode::Observe, settings, own_roles: &[], copy }
}

/// Accounts in memory: what is not there is empty, as a policy is that nobody put.
/// The id of whoever is behind Identity Center here.
pub(crate) const PERSON: &str = "24a8f4c8-0081";

impl World {
    /// A resource as it is kept: people by their id, as long as somebody is called so.
    fn found(&self, resource: &Resource) -> Option<Resource> {
        let is_name = resource.person().is_some_and(|person| !person.contains(":identitystore:"));
        if is_name && self.is_renamed.get() {
            return None;
        }
        let by_id = State::from([(PERSON.to_owned(), String::new())]);
        Some(if is_name { resource.clone().as_found(&by_id) } else { resource.clone() })
    }
}

impl Accounts for World {
    async fn identity(&self, account: &str, holder: &Holder) -> Result<Identity, Trouble> {
        self.faults.before()?;
        let kind = format!("{:?}", holder.kind).to_lowercase();
        let arn = format!("arn:aws:iam::{account}:{kind}/{}", holder.name);
        let tags = self.tags.borrow().get(&holder.name).cloned().unwrap_or_default();
        Ok(self.faults.after(Identity { arn, tags })?)
    }

    async fn read(&self, account: &str, resource: &Resource) -> Result<State, Trouble> {
        self.faults.before()?;
        let Some(resource) = self.found(resource) else { return Ok(self.faults.after(State::new())?) };
        let state = self.accounts.borrow().get(&(account.to_owned(), resource)).cloned();
        Ok(self.faults.after(state.unwrap_or_default())?)
    }

    async fn write(
        &self,
        account: &str,
        resource: &Resource,
        from: &State,
        to: &State,
    ) -> Result<(), Trouble> {
        self.faults.before()?;
        let mut accounts = self.accounts.borrow_mut();
        let found = self.found(resource).expect("who was read");
        let state = accounts.entry((account.to_owned(), found)).or_default();
        assert_eq!(state, from, "it is not what was read");
        state.clone_from(to);
        self.writes.borrow_mut().push((account.to_owned(), resource.clone(), to.clone()));
        Ok(self.faults.after(())?)
    }
}

/// Records as messages of the activity queue: each message has the records of one "object".
pub(crate) fn messages(records: &[Value]) -> Vec<String> {
    let mut fold = Fold::default();
    let log = json!({ "Records": records }).to_string();
    read(log.as_bytes(), Limits::default(), &mut |item| {
        if let Read::Event(event) = item {
            fold.add(&event);
        }
    })
    .expect("a log");
    pack(fold.take())
}
