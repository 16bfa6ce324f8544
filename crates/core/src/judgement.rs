//! Judgement: runs the detectors over a scope's hours and builds the findings.

mod explanation;

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use crate::{
    activity::{Hour, Scope, Window},
    baseline::{Baseline, Days, Habits, MEMORY_DAYS, Parts, Peers, Tally},
    detectors::{self, Detector},
    event::{Principal, PrincipalKind, account_of},
    features::Features,
    finding::{EVENT_IDS, Finding, Kind, SILENCE, Status},
    networks::Networks,
    risk::{
        Signal,
        assessment::{Assessment, assess},
    },
    settings::Settings,
    severity::thresholds::{History, Thresholds},
};

/// Context that is the same for every scope.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Facts about everybody.
    pub peers: &'a Peers,
    /// Networks by address.
    pub networks: &'a Networks,
    /// The organisation's settings.
    pub settings: &'a Settings,
    /// Thresholds of severity, by day.
    pub thresholds: &'a History,
    /// The parts of the judgement that are on.
    pub parts: Parts,
}

/// Judges the hours (ascending) of a scope from the day of hour `from` on; each hour sees only itself and
/// earlier ones.
///
/// `own` is the baseline before the hours; the returned baseline is the one before the last day of the hours.
/// There is one finding per detector, principal and day: that of the worst hour.
pub fn judge(
    scope: &Scope,
    mut own: Baseline,
    hours: &[(u32, Hour)],
    from: u32,
    around: Surroundings<'_>,
) -> (Vec<Finding>, Baseline) {
    let from = from - from % 24;
    let judge = Judge { scope, hours, around };
    let mut findings = Vec::new();
    let mut start = 0;
    for day in hours.chunk_by(|a, b| a.0 / 24 == b.0 / 24) {
        let today = day[0].0 / 24;
        own.fade(today);
        if day[day.len() - 1].0 >= from {
            findings.extend(judge.day(&own, start..start + day.len()));
        }
        start += day.len();
        if start < hours.len() {
            own.close(today, day);
        }
    }
    (findings, own)
}

/// Rewrites [`Finding::usual`] from hours, for findings judged from a stored baseline, which holds no names.
pub fn retell(findings: &mut [Finding], hours: &[(u32, Hour)]) {
    for finding in findings {
        let day = finding.last_seen.day();
        let first = hours.partition_point(|(hour, _)| *hour < day.saturating_sub(MEMORY_DAYS) * 24);
        let before = &hours[first..hours.partition_point(|(hour, _)| *hour < day * 24)];
        finding.usual = usual(before);
    }
}

/// Usual activity in some hours, as text.
pub fn usual(hours: &[(u32, Hour)]) -> Vec<String> {
    let mut own = Baseline::default();
    for day in hours.chunk_by(|a, b| a.0 / 24 == b.0 / 24) {
        own.close(day[0].0 / 24, day);
    }
    explanation::usual(&own, hours)
}

/// Assesses a scope over the `span` hours up to `until`; `None` without activity in them.
///
/// `own` is the baseline before `hours`; `findings` are the scope's in the 30 days up to `until`.
pub fn assess_at(
    scope: &Scope,
    mut own: Baseline,
    hours: &[(u32, Hour)],
    (until, span): (u32, u32),
    around: Surroundings<'_>,
    findings: &[&Finding],
) -> Option<Assessment> {
    let end = hours.partition_point(|(hour, _)| *hour <= until);
    let start = hours[..end].partition_point(|(hour, _)| hour + span <= until);
    let first_day = hours[..end].get(start)?.0 / 24;
    let known = own.last_active();
    let is_new = |day: u32| known.is_none_or(|known| day > known);
    for day in hours[..start].chunk_by(|a, b| a.0 / 24 == b.0 / 24).filter(|day| day[0].0 / 24 < first_day) {
        if is_new(day[0].0 / 24) {
            own.close(day[0].0 / 24, day);
        }
    }
    own.fade(first_day);
    Some(Judge { scope, hours, around }.assessment(&own, start..end, findings))
}

/// Assesses each day of a scope as a whole.
pub fn assess_days(
    scope: &Scope,
    hours: &[(u32, Hour)],
    around: Surroundings<'_>,
    findings: &[&Finding],
) -> Vec<(u32, Assessment)> {
    let judge = Judge { scope, hours, around };
    let (mut own, mut start, mut days) = (Baseline::default(), 0, Vec::new());
    for day in hours.chunk_by(|a, b| a.0 / 24 == b.0 / 24) {
        let (today, end) = (day[0].0 / 24, start + day.len());
        own.fade(today);
        let known: Vec<&Finding> = findings
            .iter()
            .filter(|finding| (today.saturating_sub(MEMORY_DAYS)..=today).contains(&finding.last_seen.day()))
            .copied()
            .collect();
        days.push((today, judge.assessment(&own, start..end, &known)));
        own.close(today, day);
        start = end;
    }
    days
}

struct Judge<'a> {
    scope: &'a Scope,
    hours: &'a [(u32, Hour)],
    around: Surroundings<'a>,
}

impl Judge<'_> {
    /// Assesses some hours; `own` is the baseline before their first day.
    fn assessment(&self, own: &Baseline, hours: Range<usize>, findings: &[&Finding]) -> Assessment {
        // Days compare with days: of several, the one furthest beyond counts.
        let each_day = self.hours[hours.clone()].chunk_by(|a, b| a.0 / 24 == b.0 / 24);
        let strangeness = Days::of(own).and_then(|days| {
            let each = each_day.map(|day| days.strangeness(tally_of(own, day).counts()));
            each.max_by(|a, b| a.beyond.total_cmp(&b.beyond))
        });
        let principal = self.principal_at(hours.end - 1);
        let hour = self.hours[hours.end - 1].0;
        let window =
            Window { scope: self.scope, principal: principal.as_ref(), hour, hours: &self.hours[hours] };
        let Surroundings { peers, networks, settings, thresholds, parts } = self.around;
        let habits = Habits { own, peers, networks, settings, strangeness: strangeness.as_ref(), parts };
        assess(&window, &habits, &thresholds.at(hour / 24), findings)
    }

    /// The findings of one day, whose hours are at the indices `day`.
    fn day(&self, own: &Baseline, day: Range<usize>) -> Vec<Finding> {
        let Surroundings { peers, networks, settings, .. } = self.around;
        let weighs_days = self.around.parts.days && self.scope.is_identity();
        let days = if weighs_days { Days::of(own) } else { None };
        let mut tally = Tally::default();
        let parts = self.around.parts;
        let habits = Habits { own, peers, networks, settings, strangeness: None, parts };
        let mut worst: BTreeMap<(usize, Option<String>), (Signal, usize)> = BTreeMap::new();
        let mut principal = None;
        for index in day.clone() {
            let (hour, folded) = &self.hours[index];
            let strangeness = days.as_ref().map(|days| {
                tally.add(*hour, folded, own);
                days.strangeness(tally.counts())
            });
            let habits = Habits { strangeness: strangeness.as_ref(), ..habits };
            principal = self.principal_at(index).or(principal);
            let window = Window::ending_at(self.scope, principal.as_ref(), self.hours, index);
            for (at, detector) in
                detectors::ALL.iter().enumerate().filter(|(_, detector)| detector.scope.is_of(self.scope))
            {
                let Some(signal) = (detector.detect)(&window, &habits) else { continue };
                let known = worst.entry((at, signal.principal.clone())).or_default();
                if signal.score >= known.0.score {
                    *known = (signal, index);
                }
            }
        }
        let today = self.hours[day.start].0 / 24;
        let mut findings = Vec::new();
        for ((at, _), (signal, index)) in worst.into_iter().filter(|(_, (signal, _))| signal.score >= SILENCE)
        {
            let principal = self.acting(&signal, index).or_else(|| principal.clone());
            let window = Window::ending_at(self.scope, principal.as_ref(), self.hours, index);
            let mut finding = self.finding(detectors::ALL[at], signal, principal.as_ref(), today);
            finding.usual = explanation::usual(own, self.remembered(&day));
            let so_far = &self.hours[day.start..=index];
            let strangeness = Days::of(own).map(|days| days.strangeness(tally_of(own, so_far).counts()));
            finding.observed = explanation::observed(own, so_far, strangeness.as_ref());
            finding.features = principal.as_ref().map(|_| Features::of(&window, &habits));
            findings.push(finding);
        }
        findings
    }

    fn finding(
        &self,
        detector: &Detector,
        signal: Signal,
        principal: Option<&Principal>,
        today: u32,
    ) -> Finding {
        let principal = self.principal_of(&signal, principal);
        let first_seen = signal.evidence.iter().map(|evidence| evidence.first_seen).min().unwrap_or_default();
        let last_seen = signal.evidence.iter().map(|evidence| evidence.last_seen).max().unwrap_or_default();
        let account_id = Some(signal.account_id).filter(|account| !account.is_empty());
        let chains = chains(self.around.peers, &signal.sessions, &principal.id);
        let mut evidence: Vec<String> =
            signal.evidence.iter().map(|evidence| evidence.text.clone()).collect();
        if chains.len() > 1 {
            evidence.push(begun_by(&chains));
        }
        let mut finding = Finding {
            id: Finding::id_of(detector.id, &self.subject(&principal), today),
            kind: Kind::Anomaly,
            detector: detector.id.to_owned(),
            title: detector.title.to_owned(),
            severity: detector.base_severity,
            score: signal.score,
            confidence: (signal.confidence * 100.0).round() / 100.0,
            principal: principal.id.to_string(),
            principal_kind: principal.kind,
            // With several chains, no caller is behind all of the acts.
            callers: if chains.len() == 1 { chains.into_iter().flatten().collect() } else { Vec::new() },
            account_id: account_id.unwrap_or_else(|| principal.account_id.to_string()),
            region: signal.region,
            first_seen,
            last_seen,
            techniques: signal.techniques,
            tactics: signal.tactics,
            event_ids: Vec::new(),
            evidence,
            recommendations: detector.mitigation.iter().map(ToString::to_string).collect(),
            controls: Vec::new(),
            status: Status::Open,
            thresholds: Thresholds::default(),
            contributions: signal.evidence,
            usual: Vec::new(),
            observed: Vec::new(),
            features: None,
        };
        finding.relabel(detector.base_severity, self.around.thresholds.at(today));
        finding.event_ids = event_ids(&finding);
        let settings = self.around.settings;
        if let Some(rule) = settings.suppression(&finding.principal, &finding.account_id, detector.id, today)
        {
            finding.status = Status::Suppressed(rule);
        }
        finding
    }

    /// The principal, of a person's several, that acted in the account of the signal's weightiest reason.
    fn acting(&self, signal: &Signal, index: usize) -> Option<Principal> {
        let window = Window::ending_at(self.scope, None, self.hours, index);
        let of_hour = |hour: &Hour| {
            let ids = hour.identities.values().map(ToString::to_string);
            ids.filter(|id| account_of(id) == Some(signal.account_id.as_str())).min()
        };
        let id = window.today().iter().rev().find_map(|(_, hour)| of_hour(hour))?;
        Some(Principal::new(PrincipalKind::Person, &id, &signal.account_id))
    }

    /// The scope's principal as known at the hour at `index`; later records are not used.
    fn principal_at(&self, index: usize) -> Option<Principal> {
        let window = Window::ending_at(self.scope, None, self.hours, index);
        if let Scope::Person(_) = self.scope {
            return window.now().principal_of(self.scope);
        }
        let Scope::Principal(id) = self.scope else { return None };
        let who = window.hours.iter().filter_map(|(_, hour)| hour.who.as_ref()).min()?;
        Some(Principal::new(who.kind, id, &who.account_id))
    }

    /// The hours of the 30 days before a day.
    fn remembered(&self, day: &Range<usize>) -> &[(u32, Hour)] {
        let oldest = (self.hours[day.start].0 / 24).saturating_sub(MEMORY_DAYS) * 24;
        &self.hours[self.hours.partition_point(|(hour, _)| *hour < oldest)..day.start]
    }

    /// Subject of a finding's id: two addresses that take over one user make two findings.
    fn subject(&self, principal: &Principal) -> String {
        match self.scope {
            Scope::Principal(_) => principal.id.to_string(),
            Scope::Person(person) => format!("person:{person}"),
            Scope::Address(address) => format!("{}|{address}", principal.id),
            Scope::Account(account) => format!("{}|{account}", principal.id),
        }
    }

    /// The principal of a finding: the signal's, else the scope's, else one that stands for the account or
    /// address.
    fn principal_of(&self, signal: &Signal, principal: Option<&Principal>) -> Principal {
        match (&signal.principal, principal, self.scope) {
            (Some(id), ..) => named(id),
            (None, Some(principal), _) => principal.clone(),
            (None, None, Scope::Principal(id) | Scope::Person(id)) => named(id),
            (None, None, Scope::Account(id)) => {
                Principal::new(PrincipalKind::Unknown, &format!("account:{id}"), id)
            }
            (None, None, Scope::Address(address)) => {
                Principal::new(PrincipalKind::Unknown, &format!("address:{address}"), "")
            }
        }
    }
}

/// A principal of which only the id is known.
fn named(id: &str) -> Principal {
    let account = crate::event::account_of(id).unwrap_or_default();
    let kind = if id.ends_with(":root") { PrincipalKind::Root } else { PrincipalKind::User };
    Principal {
        kind,
        id: id.into(),
        account_id: account.into(),
        name: id.rsplit('/').next().unwrap_or(id).into(),
    }
}

/// Most callers named in a text.
const CALLERS: usize = 4;

/// The distinct event ids, those of the weightiest evidence first.
fn event_ids(finding: &Finding) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let all = finding.contributions.iter().flat_map(|evidence| &evidence.event_ids);
    all.filter(|id| seen.insert(*id)).take(EVENT_IDS).cloned().collect()
}

/// Caller chains behind the sessions used, nearest caller first. Sessions may have different callers.
fn chains(peers: &Peers, sessions: &BTreeSet<u64>, principal: &str) -> BTreeSet<Vec<String>> {
    let chain = |session: &u64| {
        let callers = peers.callers(*session).into_iter().filter(|caller| *caller != principal);
        callers.map(str::to_owned).collect()
    };
    sessions.iter().map(chain).collect()
}

/// Sentence about the callers of several sessions.
fn begun_by(chains: &BTreeSet<Vec<String>>) -> String {
    let known: BTreeSet<&str> = chains.iter().filter_map(|chain| chain.last()).map(String::as_str).collect();
    let unknown = if chains.iter().any(Vec::is_empty) { ", and somebody unknown" } else { "" };
    let named: Vec<&str> = known.iter().take(CALLERS).copied().collect();
    let more = if known.len() > CALLERS { " and others" } else { "" };
    format!(
        "its sessions were begun by several, {}{more}{unknown}: which did what, the events tell",
        named.join(", ")
    )
}

/// Counts of a day's hours, against the baseline before it.
fn tally_of(own: &Baseline, hours: &[(u32, Hour)]) -> Tally {
    let mut tally = Tally::default();
    hours.iter().for_each(|(hour, folded)| tally.add(*hour, folded, own));
    tally
}
