//! Risk score of acts: intrinsic weight x rarity for the identity x context.
//!
//! Each reason has a *force*; the score is `1 - exp(-sum of forces)`, the noisy-or of the reasons. Forces
//! after the strongest count half, a quarter, and so on. So every score decomposes into its reasons, and none
//! exceeds 1.

pub mod access_context;
pub mod assessment;
pub mod behavior;
mod bulk;
pub mod components;
mod context;
pub mod identity_providers;
mod rarity;

use std::collections::{BTreeMap, BTreeSet};

pub(crate) use bulk::bulk;
pub(crate) use context::{Factor, context, is_human};
pub(crate) use rarity::rarity;

use crate::{
    activity::{BottomK, Notable, Trace, Window},
    baseline::Habits,
    catalog::{Act, Tactic, Technique, weight},
    event::{Outcome, Time},
    finding::{Deed, Evidence},
};

/// Output of a detector.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signal {
    /// Score, 0 to 1.
    pub score: f32,
    /// Confidence, 0 to 1.
    pub confidence: f32,
    /// Reasons, weightiest first.
    pub evidence: Vec<Evidence>,
    /// ATT&CK techniques.
    pub techniques: Vec<Technique>,
    /// Tactics of the reasons.
    pub tactics: Vec<Tactic>,
    /// Region of the weightiest reason.
    pub region: String,
    /// Account of the weightiest reason.
    pub account_id: String,
    /// Id of the principal, where the scope is an address or account.
    pub principal: Option<String>,
    /// Hashes of the access keys used, to find their callers.
    pub sessions: BTreeSet<u64>,
}

/// A reason for a score, before it is weighed against others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reason {
    pub(crate) force: f32,
    pub(crate) text: String,
    pub(crate) times: Vec<Time>,
    pub(crate) event_ids: Vec<String>,
    pub(crate) techniques: Vec<Technique>,
    pub(crate) tactics: Vec<Tactic>,
    pub(crate) region: String,
    pub(crate) account_id: String,
    pub(crate) sessions: Vec<u64>,
    pub(crate) deeds: Vec<Deed>,
}

impl Reason {
    /// A reason from the judged hour as a whole; the sampled events that `proves` selects are its evidence.
    pub(crate) fn of_hour(
        window: &Window<'_>,
        probability: f32,
        text: String,
        proves: impl Fn(&Trace) -> bool,
    ) -> Self {
        let traces: Vec<&Trace> = window.now().events.values().filter(|trace| proves(trace)).collect();
        Self {
            force: force(probability),
            text,
            times: traces.iter().map(|trace| trace.time(window.hour)).collect(),
            event_ids: traces.iter().map(|trace| trace.event_id.to_string()).collect(),
            region: window.now().regions.values().next().map(ToString::to_string).unwrap_or_default(),
            account_id: window.now().accounts.values().next().map(ToString::to_string).unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// The force of a reason that alone scores `probability`.
pub(crate) fn force(probability: f32) -> f32 {
    -(1.0 - probability.clamp(0.0, 0.999)).ln()
}

/// Factor from one reason to the next: many weak reasons never outweigh twice the strongest.
const NEXT: f32 = 0.5;
/// Share of the whole below which a reason is left out: everyday work beside what matters.
const UNTOLD: f32 = 0.02;
/// Most reasons of a signal.
const TOLD: usize = 12;

/// Combines reasons into a signal; `None` without any.
pub(crate) fn signal(mut reasons: Vec<Reason>, confidence: f32) -> Option<Signal> {
    reasons.sort_by(|a, b| b.force.total_cmp(&a.force).then_with(|| a.text.cmp(&b.text)));
    reasons.truncate(TOLD);
    let first = reasons.first()?;
    let mut signal = Signal {
        confidence: confidence.clamp(0.05, 0.99),
        region: first.region.clone(),
        account_id: first.account_id.clone(),
        ..Signal::default()
    };
    let forces: Vec<f32> = reasons.iter().zip(0..).map(|(reason, at)| reason.force * NEXT.powi(at)).collect();
    let total: f32 = forces.iter().sum();
    signal.score = round(1.0 - (-total).exp());
    for (reason, force) in reasons.into_iter().zip(forces).filter(|(_, force)| *force >= total * UNTOLD) {
        let points = round(signal.score * force / total.max(f32::MIN_POSITIVE));
        signal.add(reason, points);
    }
    Some(signal)
}

impl Signal {
    fn add(&mut self, reason: Reason, points: f32) {
        for technique in reason.techniques {
            if !self.techniques.contains(&technique) {
                self.techniques.push(technique);
            }
        }
        for tactic in reason.tactics {
            if !self.tactics.contains(&tactic) {
                self.tactics.push(tactic);
            }
        }
        self.sessions.extend(reason.sessions);
        let first_seen = reason.times.iter().min().copied().unwrap_or_default();
        let last_seen = reason.times.iter().max().copied().unwrap_or_default();
        self.evidence.push(Evidence {
            text: reason.text,
            points,
            first_seen,
            last_seen,
            event_ids: reason.event_ids,
            deeds: reason.deeds,
        });
    }
}

/// Rounds a score to thousandths, the precision of comparison and display.
pub(crate) fn round(score: f32) -> f32 {
    (score * 1000.0).round() / 1000.0
}

/// Like acts of a day: same call, outcome, exposure, grants and weight.
#[derive(Default)]
struct Like<'a> {
    acts: Vec<(u32, &'a Notable)>,
    count: f64,
    is_estimate: bool,
    targets: BottomK<(), 24>,
}

/// Reasons from the day's acts that `belongs` selects; empty unless one of them is in the judged hour.
pub(crate) fn reasons(
    window: &Window<'_>,
    habits: &Habits<'_>,
    belongs: impl Fn(&Act) -> bool,
) -> Vec<Reason> {
    if !window.now().acts.iter().any(|(notable, _)| belongs(&notable.act)) {
        return Vec::new();
    }
    let mut likes: BTreeMap<(&str, Outcome, u8, u8, u32), Like<'_>> = BTreeMap::new();
    for (hour, group) in window.groups() {
        let Some(act) = group.acts.values().next().map(|notable| &notable.act).filter(|act| belongs(act))
        else {
            continue;
        };
        let key = (&*act.call, act.outcome, act.exposure as u8, act.grants as u8, act.weight.to_bits());
        let like = likes.entry(key).or_default();
        like.acts.extend(group.acts.values().map(|notable| (hour, notable)));
        like.count += group.acts.distinct();
        like.is_estimate |= group.acts.is_estimate();
        like.targets.merge(group.targets.clone());
    }
    likes.into_values().map(|like| like.reason(window, habits)).collect()
}

/// Gain in force per doubling of the targets reached. Minor acts of a machine without history gain nothing,
/// since machines create and remove by the dozen; reads of secrets do.
const BREADTH: f32 = 0.35;

/// Most that circumstances multiply one minor act: they alone never make it an alert.
const MINOR_BOUND: f32 = 1.9;

/// Most that breadth multiplies minor deletions: cleaning up is done by the dozen.
const CLEARING: f32 = 2.0;

/// Most deeds named per group of like acts.
const DEEDS: usize = 16;

impl Like<'_> {
    fn reason(mut self, window: &Window<'_>, habits: &Habits<'_>) -> Reason {
        self.acts.sort_by_key(|(hour, notable)| notable.time(*hour));
        let (news, reached) = (self.news(habits), self.reached());
        let weighed = self.acts.iter().map(|(hour, notable)| {
            let (rarity, context) =
                (rarity(window, habits, notable, news, reached), context(window, habits, *hour, notable));
            let factor = rarity.factor * context.factor;
            (factor, *hour, *notable, rarity, context)
        });
        // The act with the highest factor represents the group.
        let strangest = weighed.reduce(|best, next| if next.0 > best.0 { next } else { best });
        let Some((factor, _, notable, rarity, context)) = strangest else { return Reason::default() };
        let act = &notable.act;
        let is_minor = act.weight <= weight::MINOR;
        let is_churn = act.tactic != Tactic::CredentialAccess
            && !context::is_human_kind(window)
            && habits.own.active_days() == 0;
        let breadth = if is_minor && is_churn { 1.0 } else { 1.0 + BREADTH * reached.log2() };
        let factor = if is_minor && reached < 2.0 { factor.min(MINOR_BOUND) } else { factor };
        let is_clearing = is_minor && act.tactic == Tactic::Impact;
        let breadth = if is_clearing { breadth.min(CLEARING) } else { breadth };
        Reason {
            force: force(act.weight) * breadth * factor,
            text: self.describe(notable, &rarity, &context),
            times: self.acts.iter().map(|(hour, notable)| notable.time(*hour)).collect(),
            event_ids: self.acts.iter().map(|(_, notable)| notable.event_id.to_string()).collect(),
            deeds: self.deeds(),
            tactics: tactics(act),
            techniques: act.techniques.clone(),
            region: notable.region.to_string(),
            account_id: notable.account_id.to_string(),
            sessions: self
                .acts
                .iter()
                .map(|(_, notable)| notable.session)
                .filter(|session| *session != 0)
                .collect(),
        }
    }

    /// The distinct deeds of the group.
    fn deeds(&self) -> Vec<Deed> {
        let deed = |(_, notable): &(u32, &Notable)| Deed {
            call: notable.act.call.to_string(),
            target: notable.act.target.to_string(),
            recipient: notable.act.recipient.to_string(),
            detail: notable.act.detail.to_string(),
            outcome: notable.act.outcome,
            account_id: notable.account_id.to_string(),
            region: notable.region.to_string(),
        };
        let all: BTreeSet<Deed> = self.acts.iter().map(deed).collect();
        all.into_iter().take(DEEDS).collect()
    }

    /// Number of the acts: exact, unless it is an estimate. Where each known act has a target of its own, the targets tell it
    /// better: more of them are kept.
    fn times(&self) -> f64 {
        let targets: BTreeSet<&str> = self.acts.iter().map(|(_, notable)| &*notable.act.target).collect();
        let by_target = self.targets.distinct();
        // Of many acts on some dozens of targets, a few known ones may have a target each by chance.
        let is_one_each = targets.len() == self.acts.len() && self.count <= 2.0 * by_target;
        if self.is_estimate && is_one_each { by_target } else { self.count }
    }

    /// Number of distinct targets reached.
    fn reached(&self) -> f32 {
        let breadth = self.acts.iter().map(|(_, notable)| f64::from(notable.act.breadth)).sum::<f64>();
        (self.targets.distinct() * breadth / self.acts.len() as f64).max(1.0) as f32
    }

    /// Share of targets on which the principal never acted before.
    fn news(&self, habits: &Habits<'_>) -> f32 {
        let new = self.targets.iter().filter(|(target, ())| !habits.own.knows_target(*target)).count();
        new as f32 / self.targets.len().max(1) as f32
    }

    fn describe(&self, notable: &Notable, rarity: &Factor, context: &Factor) -> String {
        let act = &notable.act;
        let mut text = act.call.to_string();
        let count = self.times().round();
        if count > 1.0 {
            let about = if self.is_estimate { "about " } else { "" };
            text = format!("{about}{count:.0} x {text}");
        }
        if !act.target.is_empty() && !act.detail.contains(&*act.target) {
            text = format!("{text} on {}", act.target);
        }
        if !act.detail.is_empty() {
            text = format!("{text}: {}", act.detail);
        }
        match act.outcome {
            Outcome::Success => {}
            Outcome::Denied => text.push_str(", refused"),
            Outcome::Failed => text.push_str(", failed"),
        }
        let because: Vec<&str> = rarity.because.iter().chain(&context.because).map(String::as_str).collect();
        if because.is_empty() { text } else { format!("{text} ({})", because.join("; ")) }
    }
}

/// The act's main tactic, then those of its techniques.
fn tactics(act: &Act) -> Vec<Tactic> {
    let mut tactics = vec![act.tactic];
    for technique in &act.techniques {
        if !tactics.contains(&technique.tactic()) {
            tactics.push(technique.tactic());
        }
    }
    tactics
}

/// Confidence: grows with the days of history, and if networks are known.
pub(crate) fn confidence(habits: &Habits<'_>) -> f32 {
    const WITHOUT_HISTORY: f32 = 0.62;
    const PER_DAY: f32 = 0.014;
    const WITH_NETWORKS: f32 = 0.03;
    let days = habits.own.active_days().min(20) as f32;
    let networks = if habits.networks.is_empty() { 0.0 } else { WITH_NETWORKS };
    WITHOUT_HISTORY + days * PER_DAY + networks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reason(probability: f32) -> Reason {
        Reason { force: force(probability), text: format!("{probability}"), ..Reason::default() }
    }

    #[test]
    fn one_reason_scores_its_own_weight() {
        let signal = signal(vec![reason(0.6)], 0.5).unwrap();
        assert!((signal.score - 0.6).abs() < 0.001);
    }

    #[test]
    fn minor_reasons_never_make_an_alert_by_their_number() {
        let many: Vec<Reason> = (0..10).map(|_| reason(crate::catalog::weight::MINOR)).collect();
        assert!(signal(many, 0.5).unwrap().score < crate::finding::NOTEWORTHY);
    }

    proptest! {
        #[test]
        fn scores_stay_between_0_and_1_and_decompose(weights in prop::collection::vec(0.0f32..=1.0, 1..20)) {
            let signal = signal(weights.into_iter().map(reason).collect(), 0.5).unwrap();
            prop_assert!((0.0..=1.0).contains(&signal.score));
            let points: f32 = signal.evidence.iter().map(|evidence| evidence.points).sum();
            prop_assert!((points - signal.score).abs() < 0.05, "{} of {}", points, signal.score);
        }
    }
}
