//! Compliance stage: runs checks over events, stores and publishes violations as one finding per check, principal and
//! day.
//!
//! It also stores traces, which checks judge across events, and the counts of events that reports are made of.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    finding_outbox,
    messages::{Notice, unpack_counts},
    ports::{Channel, Key, Over, Table, Unavailable, Write, change},
    table_schema::{self, FINDINGS_KEPT, ORGANISATION},
};
use trailwarden_compliance::{Census, Counted, FRAMEWORKS, Traces, finding_of, judge, judge_together};
use trailwarden_core::{
    activity::{Damaged, Scope},
    event::{DAY, Principal, PrincipalKind, Time, hash},
    finding::{CONFIG_RULE, EVENT_IDS, Finding, Status},
    settings::Settings,
    sources::{Item, Limits, read},
};

/// Most lines of evidence of a finding; [`EVENT_IDS`] bounds its event ids likewise.
const REASONS: usize = 20;

/// Merged content of a batch of the compliance queue, so that each item of the table is written once.
#[derive(Default)]
pub struct Brought {
    checked: Checked,
    counted: BTreeMap<(Box<str>, u32), Census>,
}

impl Brought {
    /// Adds a message.
    ///
    /// # Errors
    /// [`Damaged`] if packed counts cannot be decoded.
    pub fn add(&mut self, message: &str, settings: &Settings) -> Result<(), Damaged> {
        let Some(counted) = unpack_counts(message)? else {
            // Ingest has quarantined unreadable records already.
            let _ =
                read(message.as_bytes(), Limits::default(), &mut |item| self.checked.add(&item, settings));
            return Ok(());
        };
        for (account, day, census) in counted {
            self.counted.entry((account, day)).or_default().merge(census);
        }
        Ok(())
    }
}

/// Stores and publishes the violations of a batch, and stores its traces and counts; returns the published findings.
/// Idempotent.
///
/// # Errors
/// [`Unavailable`] if the table or the bus is: the whole batch must be redelivered.
pub async fn compliance_check(
    table: &impl Table,
    bus: &impl Channel<Notice>,
    settings: &Settings,
    brought: Brought,
    now: Time,
) -> Result<Vec<Finding>, Unavailable> {
    let Brought { mut checked, counted } = brought;
    for ((account, day), census) in counted {
        count(table, (account, day, census), now).await?;
    }
    for traces in std::mem::take(&mut checked.traces).into_values() {
        let traces = remember(table, traces, now).await?;
        for finding in judge_together(&traces, &settings.facts) {
            checked.found(finding, settings);
        }
    }
    let own = own_accounts(table, &checked).await?;
    checked.settle(settings, |account| own.contains(account));
    let mut left = Vec::new();
    for (id, finding) in checked.findings {
        let (scope, day) = (scope_of(&finding), kept_day(&finding));
        let join = |known: Option<&Finding>| {
            Some(known.map_or_else(|| finding.clone(), |known| joined(known, &finding)))
        };
        finding_outbox::keep_one(table, &scope, now, &id, join).await?;
        left.extend(finding_outbox::publish(table, bus, &scope, &(day..=day), now).await?);
    }
    Ok(left)
}

/// Results of the checks over some events. The order of the events does not matter.
#[derive(Default)]
pub struct Checked {
    /// Findings by id.
    pub findings: BTreeMap<String, Finding>,
    /// Traces by check and subject, judged together across events.
    pub traces: BTreeMap<(Box<str>, Box<str>), Traces>,
    /// Findings that stand only if one of these accounts is outside the organisation.
    outside: Vec<(Vec<String>, Finding)>,
}

impl Checked {
    /// Runs the checks over an item of a log.
    pub fn add(&mut self, item: &Item<'_>, settings: &Settings) {
        match item {
            Item::Event(event) => {
                let judged = judge(event, &settings.facts);
                for (finding, outsiders) in judged.findings {
                    if outsiders.is_empty() {
                        self.found(finding, settings);
                    } else {
                        self.outside.push((outsiders, finding));
                    }
                }
                for trace in judged.traces {
                    match self.traces.get_mut(&trace.key()) {
                        Some(known) => known.add(trace),
                        None => _ = self.traces.insert(trace.key(), Traces::new(trace)),
                    }
                }
            }
            Item::RuleChange(change, _) => {
                if let Some(finding) = finding_of(change, &settings.facts) {
                    self.found(finding, settings);
                }
            }
            Item::Other(_) | Item::Malformed(_) => {}
        }
    }

    /// Adds a finding, marked as suppressed if a rule of the settings accepts it.
    fn found(&mut self, mut finding: Finding, settings: &Settings) {
        let (who, account) = (&finding.principal, &finding.account_id);
        let accepted = settings.suppression(who, account, &finding.detector, finding.first_seen.day());
        if let (Some(reason), Status::Open) = (accepted, &finding.status) {
            finding.status = Status::Suppressed(reason);
        }
        match self.findings.get_mut(&finding.id) {
            Some(known) => *known = joined(known, &finding),
            None => _ = self.findings.insert(finding.id.clone(), finding),
        }
    }

    /// Merges the results of another part of the same logs.
    pub fn merge(&mut self, other: Self, settings: &Settings) {
        other.findings.into_values().for_each(|finding| self.found(finding, settings));
        self.outside.extend(other.outside);
        for (key, traces) in other.traces {
            match self.traces.get_mut(&key) {
                Some(known) => known.merge(traces),
                None => _ = self.traces.insert(key, traces),
            }
        }
    }

    /// Decides on resources that were opened to accounts: access for the organisation's `own` accounts is no violation.
    fn settle(&mut self, settings: &Settings, own: impl Fn(&str) -> bool) {
        for (accounts, finding) in std::mem::take(&mut self.outside) {
            if !accounts.iter().all(|account| own(account)) {
                self.found(finding, settings);
            }
        }
    }

    /// All findings, including those of traces; `own` is the predicate for the organisation's accounts.
    pub fn finish(mut self, settings: &Settings, own: impl Fn(&str) -> bool) -> Vec<Finding> {
        self.settle(settings, own);
        for traces in std::mem::take(&mut self.traces).into_values() {
            for finding in judge_together(&traces, &settings.facts) {
                self.found(finding, settings);
            }
        }
        self.findings.into_values().collect()
    }
}

/// Accounts that were given access and whose events are counted here: these belong to the organisation.
async fn own_accounts(table: &impl Table, checked: &Checked) -> Result<BTreeSet<String>, Unavailable> {
    if checked.outside.is_empty() {
        return Ok(BTreeSet::new());
    }
    let keys = checked
        .outside
        .iter()
        .flat_map(|(accounts, _)| accounts)
        .map(|account| counted_key(account))
        .collect();
    let known = table.get_many(keys).await?;
    Ok(known.into_iter().filter_map(|(key, _)| Some(key.sort.strip_prefix(COUNTED)?.to_owned())).collect())
}

/// Merges traces into the stored ones of the same check and subject; returns the result.
async fn remember(table: &impl Table, traces: Traces, now: Time) -> Result<Traces, Unavailable> {
    let subject = hash(&format!("{}\n{}", traces.check, traces.subject));
    let key = Key { partition: format!("TRACES#{subject:016x}"), sort: traces.check.to_string() };
    let mut all = traces.clone();
    change(table, &key, |item| {
        let known: Option<Traces> = item.map(table_schema::read).transpose()?;
        all = traces.clone();
        if let Some(known) = &known {
            all.merge(known.clone());
        }
        let is_new = known.as_ref() != Some(&all);
        Ok::<_, Unavailable>(is_new.then(|| lasting(table_schema::write(&all), now)))
    })
    .await?;
    Ok(all)
}

/// A write that expires when findings do.
fn lasting(body: Vec<u8>, now: Time) -> Write {
    Write { body, expires: Some(Time(now.0 + i64::from(FINDINGS_KEPT) * DAY)), listed: None }
}

/// Sort key prefix of an account's counts; a date follows.
pub(super) const COUNTS: &str = "COUNTS#";
/// Sort key prefix of the register of accounts with counts; an account follows.
pub(super) const COUNTED: &str = "COUNTED#";

/// Key of an account's counts of a day.
fn counts_key(account: &str, day: u32) -> Key {
    Key {
        partition: Scope::Account(account.into()).partition(),
        sort: format!("{COUNTS}{}", table_schema::date(day)),
    }
}

/// Key of an account's entry in the register of accounts with counts.
fn counted_key(account: &str) -> Key {
    Key { partition: ORGANISATION.to_owned(), sort: format!("{COUNTED}{account}") }
}

/// Merges counts into those of an account's day.
async fn count(table: &impl Table, (account, day, census): Counted, now: Time) -> Result<(), Unavailable> {
    let mut is_first = false;
    change(table, &counts_key(&account, day), |item| {
        let known = item.map(table_schema::read::<Census>).transpose()?;
        is_first = known.is_none();
        let mut all = census.clone();
        if let Some(known) = &known {
            all.merge(known.clone());
        }
        let is_new = known.as_ref() != Some(&all);
        Ok::<_, Unavailable>(is_new.then(|| lasting(table_schema::write(&all), now)))
    })
    .await?;
    if is_first {
        table.put(&counted_key(&account), lasting(table_schema::write(&day), now), Over::Anything).await?;
    }
    Ok(())
}

/// Scope that stores a finding: its principal, or its account if the principal is unknown.
fn scope_of(finding: &Finding) -> Scope {
    if finding.principal_kind == PrincipalKind::Unknown {
        return Scope::Account(finding.account_id.as_str().into());
    }
    Scope::of(&Principal::new(finding.principal_kind, &finding.principal, &finding.account_id))
}

/// Day in a finding's id.
fn kept_day(finding: &Finding) -> u32 {
    let date = finding.id.split('/').nth(1).unwrap_or_default();
    Time::parse(&format!("{date}T00:00:00Z")).map_or_else(|| finding.first_seen.day(), Time::day)
}

/// Merges two findings of one id. Of two AWS Config verdicts the later one counts; otherwise both are combined, in a
/// way that does not depend on their order.
fn joined(known: &Finding, other: &Finding) -> Finding {
    if known.detector == CONFIG_RULE {
        return if other.last_seen >= known.last_seen { other } else { known }.clone();
    }
    let least = |a: &[String], b: &[String], most: usize| -> Vec<String> {
        let all: BTreeSet<&String> = a.iter().chain(b).collect();
        all.into_iter().take(most).cloned().collect()
    };
    let is_over = matches!(known.status, Status::Closed(_));
    Finding {
        first_seen: known.first_seen.min(other.first_seen),
        last_seen: known.last_seen.max(other.last_seen),
        account_id: known.account_id.clone().min(other.account_id.clone()),
        region: known.region.clone().min(other.region.clone()),
        event_ids: least(&known.event_ids, &other.event_ids, EVENT_IDS),
        evidence: least(&known.evidence, &other.evidence, REASONS),
        controls: in_order(&known.controls, &other.controls),
        status: if is_over { known.status.clone() } else { other.status.clone() },
        ..known.clone()
    }
}

/// Controls of both, in the order of the frameworks.
fn in_order(known: &[String], other: &[String]) -> Vec<String> {
    if known == other {
        return known.to_vec();
    }
    let names =
        FRAMEWORKS.iter().flat_map(|framework| framework.spoken_of().map(|control| framework.name(control)));
    names.filter(|name| known.contains(name) || other.contains(name)).collect()
}
