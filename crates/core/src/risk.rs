//! How a score is made: intrinsic badness x rarity for this identity x context.
//!
//! Each reason has a *force*; the score is `1 - exp(-sum of forces)`, which is the noisy-or of the reasons
//! one by one. So forces add up, every score decomposes into its reasons, and none exceeds 1.

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

/// What a detector says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signal {
    /// How strongly, 0 to 1.
    pub score: f32,
    /// How sure, 0 to 1.
    pub confidence: f32,
    /// Why, weightiest first.
    pub evidence: Vec<Evidence>,
    /// ATT&CK techniques seen.
    pub techniques: Vec<Technique>,
    /// Their tactics.
    pub tactics: Vec<Tactic>,
    /// Where the weightiest reason showed.
    pub region: String,
    /// The account acted in.
    pub account_id: String,
    /// Whose doing it is, where the scope is not a principal.
    pub principal: Option<String>,
    /// Hashes of the access keys used, by which callers are found.
    pub sessions: BTreeSet<u64>,
}

/// One reason, before it is weighed against the others.
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
    /// A reason that the hour judged gives as a whole, proved by those of its sampled events that `proves` chooses.
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

/// The force of a reason that alone would score `probability`.
pub(crate) fn force(probability: f32) -> f32 {
    -(1.0 - probability.clamp(0.0, 0.999)).ln()
}

/// Reasons after the first count half, a quarter, ...: many weak ones never outweigh twice the strongest.
const NEXT: f32 = 0.5;
/// A reason below this part of the whole is not told: it is everyday work beside what matters.
const UNTOLD: f32 = 0.02;
/// Reasons told: the rest adds nothing a reader would miss.
const TOLD: usize = 12;

/// Weighs reasons against each other.
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

/// Scores are told, and compared, in thousandths.
pub(crate) fn round(score: f32) -> f32 {
    (score * 1000.0).round() / 1000.0
}

/// Like acts of a day: same call, outcome, exposure, grant and weight.
#[derive(Default)]
struct Like<'a> {
    acts: Vec<(u32, &'a Notable)>,
    count: f64,
    targets: BottomK<(), 24>,
}

/// The reasons that the day's acts give, of those that `belongs` chooses; empty unless one was done in the hour judged.
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
        like.targets.merge(group.targets.clone());
    }
    likes.into_values().map(|like| like.reason(window, habits)).collect()
}

/// What ten like acts weigh more than one: force grows with the logarithm of the targets reached. Not for the minor
/// acts of a machine of which nothing is known yet: machines make and remove by the dozen. Secrets they do not collect.
const BREADTH: f32 = 0.35;

/// Circumstances alone never make an alert of one minor act.
const MINOR_BOUND: f32 = 1.9;

/// What any number of minor deletions weighs, at most: clearing up is done by the dozen.
const CLEARING: f32 = 2.0;

/// Deeds named of one group of like acts.
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
        // The strangest of them speaks for the group.
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

    /// What was done, each thing once.
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

    /// How many different things were reached.
    fn reached(&self) -> f32 {
        let breadth = self.acts.iter().map(|(_, notable)| f64::from(notable.act.breadth)).sum::<f64>();
        (self.targets.distinct() * breadth / self.acts.len() as f64).max(1.0) as f32
    }

    /// The share of targets that the principal never acted on before.
    fn news(&self, habits: &Habits<'_>) -> f32 {
        let new = self.targets.iter().filter(|(target, ())| !habits.own.knows_target(*target)).count();
        new as f32 / self.targets.len().max(1) as f32
    }

    fn describe(&self, notable: &Notable, rarity: &Factor, context: &Factor) -> String {
        let act = &notable.act;
        let mut text = act.call.to_string();
        let count = self.count.round();
        if count > 1.0 {
            let about = if count > self.acts.len() as f64 { "about " } else { "" };
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

/// The tactic an act serves first, then those of its techniques.
fn tactics(act: &Act) -> Vec<Tactic> {
    let mut tactics = vec![act.tactic];
    for technique in &act.techniques {
        if !tactics.contains(&technique.tactic()) {
            tactics.push(technique.tactic());
        }
    }
    tactics
}

/// How sure we can be: more history makes surer; a machine's clock-like habits surer still; unknown networks less sure.
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
