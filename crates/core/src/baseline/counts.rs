//! Daily counts, and a day's deviation from the principal's earlier days.
//!
//! The counts, mainly of what is new, are compared with the maximum of the earlier days; an isolation forest
//! grown on those days adds an anomaly score. The forest's threshold is the principal's own: the highest
//! score of its past days, each scored by the trees that did not see it. (The usual contamination of one in
//! ten would call one quiet day in eight an anomaly.)

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Baseline, network_key, service_of};
use crate::{
    activity::Hour,
    event::{Outcome, hash},
    models::isolation_forest::{Growth, IsolationForest},
};

/// Names of the counts, in order.
pub const COUNTED: [&str; 12] = [
    "calls",
    "different calls",
    "calls never made before",
    "services",
    "services never used before",
    "networks never used before",
    "programs never used before",
    "regions never used before",
    "refusals",
    "resources never named before",
    "hours at which it is never active",
    WEIGHT,
];
/// A sum of weights, not a count; left out of texts.
const WEIGHT: &str = "weight of its acts";

/// The stored counts of a day: log2 of each count + 1, in sixteenths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts([u8; COUNTED.len()]);

impl Counts {
    fn row(self) -> [f32; COUNTED.len()] {
        self.0.map(f32::from)
    }

    /// Number of calls never made before.
    pub(super) fn new_calls(self) -> f32 {
        self.values()[2]
    }

    /// The counts, as exact as they are stored (within 3%).
    pub fn values(self) -> [f32; COUNTED.len()] {
        self.row().map(|steps| (steps / STEPS).exp2() - 1.0)
    }
}

/// Steps per doubling.
const STEPS: f32 = 16.0;

/// Accumulator of a day's counts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    calls: f64,
    refusals: f64,
    weight: f32,
    strange_hours: u32,
    seen: [HashSet<u64>; 8],
}

impl Tally {
    /// Adds an hour; `own` is the baseline before the day.
    pub(crate) fn add(&mut self, hour: u32, folded: &Hour, own: &Baseline) {
        let refused = folded.events.values().filter(|trace| trace.outcome == Outcome::Denied).count();
        self.calls += folded.events.distinct();
        self.refusals += refused as f64 * folded.events.scale() + folded.failed_sign_ins.distinct();
        self.weight +=
            folded.acts.iter().map(|(notable, scale)| notable.act.weight * scale as f32).sum::<f32>();
        self.strange_hours += u32::from(own.strangeness_of_hour(hour).is_some_and(|strange| strange >= 0.9));
        let [calls, new_calls, services, new_services, networks, programs, regions, resources] =
            &mut self.seen;
        for (call, name) in folded.calls.iter() {
            if calls.insert(call) && own.days_with_call(call) == 0 {
                new_calls.insert(call);
            }
            let service = service_of(name);
            if services.insert(hash(service)) && own.days_with_service(service) == 0 {
                new_services.insert(hash(service));
            }
        }
        let new = folded.addresses.values().filter(|address| !own.has_seen_network(**address));
        networks.extend(new.map(|address| network_key(*address)));
        let new = folded.clients.iter().filter(|(_, client)| !own.has_seen_client(client));
        programs.extend(new.map(|(key, _)| key));
        let new = folded.regions.iter().filter(|(_, region)| own.days_with_region(region) == 0);
        regions.extend(new.map(|(key, _)| key));
        resources.extend(
            folded.resources.iter().map(|(key, _)| key).filter(|key| own.days_with_resource(*key) == 0),
        );
    }

    pub(crate) fn counts(&self) -> Counts {
        let [calls, new_calls, services, new_services, networks, programs, regions, resources] =
            self.seen.each_ref().map(|seen| seen.len() as f32);
        let counts = [
            self.calls as f32,
            calls,
            new_calls,
            services,
            new_services,
            networks,
            programs,
            regions,
            self.refusals as f32,
            resources,
            self.strange_hours as f32,
            self.weight * 10.0,
        ];
        Counts(counts.map(|count| ((count + 1.0).log2() * STEPS).round().min(255.0) as u8))
    }
}

/// Fewest days to compare with.
pub(super) const DAYS: usize = 8;
/// Trees of the forest: more make no difference at thirty days.
const TREES: usize = 50;
/// Share of the principal's own days that may count as anomalous: with 0, the highest-scoring day is the
/// threshold.
const CONTAMINATION: f32 = 0.0;
/// Share of the days each tree sees; the other trees score the rest.
const SEEN: f32 = 0.6;

/// Model of a principal's days, for comparison with another day.
#[derive(Debug)]
pub(crate) struct Days {
    forest: IsolationForest,
    /// Median of each count: a lower value is never unusual.
    middle: [f32; COUNTED.len()],
    /// Maximum of each count.
    most: Counts,
    /// Highest anomaly score of the days.
    threshold: f32,
    days: usize,
}

/// Doublings beyond the maximum that one ordinary day in 200 reaches (measured on simulated organisations,
/// seeds 1 to 10).
const ANOMALOUS: f32 = 3.0;

/// Deviation of a day from earlier days.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Strangeness {
    /// Anomaly score of the forest, 0 to 1; 0.5 is ordinary.
    pub score: f32,
    /// Highest anomaly score of the earlier days.
    pub threshold: f32,
    /// Number of earlier days.
    pub days: usize,
    /// Sum over the counts of the doublings beyond the maximum of the earlier days.
    pub beyond: f32,
    /// The counts above their maximum: name, value, earlier maximum.
    pub more: Vec<(String, f32, f32)>,
}

impl Days {
    /// Fits the model to the remembered days; `None` with too few.
    pub(crate) fn of(own: &Baseline) -> Option<Self> {
        let rows: Vec<[f32; COUNTED.len()]> =
            own.days.iter().filter_map(|day| day.counts).map(Counts::row).collect();
        if rows.len() < DAYS {
            return None;
        }
        let mut middle = [0.0; COUNTED.len()];
        let mut most = [0; COUNTED.len()];
        for column in 0..COUNTED.len() {
            let mut values: Vec<f32> = rows.iter().map(|row| row[column]).collect();
            values.sort_by(f32::total_cmp);
            middle[column] = values[values.len() / 2];
            most[column] = values[values.len() - 1] as u8;
        }
        let raised: Vec<[f32; COUNTED.len()]> = rows.iter().map(|row| raise(*row, &middle)).collect();
        let sample = ((rows.len() as f32 * SEEN) as usize).max(2);
        let forest = IsolationForest::grow(&raised, Growth { trees: TREES, sample, ..Growth::default() });
        let threshold = forest.threshold(&raised, CONTAMINATION);
        Some(Self { forest, middle, most: Counts(most), threshold, days: rows.len() })
    }

    /// Deviation of `counts` from these days.
    pub(crate) fn strangeness(&self, counts: Counts) -> Strangeness {
        let compared = COUNTED.iter().zip(counts.0.iter().zip(self.most.0));
        let more = compared.zip(counts.values().into_iter().zip(self.most.values()));
        let more = more
            .filter(|((_, (now, most)), _)| **now > *most)
            .map(|((name, _), (now, most))| ((*name).to_owned(), now, most));
        let doublings =
            counts.0.iter().zip(self.most.0).map(|(now, most)| f32::from(now.saturating_sub(most)));
        Strangeness {
            beyond: doublings.sum::<f32>() / STEPS,
            score: self.forest.score(&raise(counts.row(), &self.middle)),
            threshold: self.threshold,
            days: self.days,
            more: more.collect(),
        }
    }
}

/// Raises counts below the median to the median: a quiet day, or one that has just begun, is not anomalous.
fn raise(mut row: [f32; COUNTED.len()], middle: &[f32; COUNTED.len()]) -> [f32; COUNTED.len()] {
    for (value, middle) in row.iter_mut().zip(middle) {
        *value = value.max(*middle);
    }
    row
}

impl Strangeness {
    /// Deviation from 0 to 1; 0.5 is anomalous.
    pub fn excess(&self) -> f32 {
        (self.beyond / (2.0 * ANOMALOUS)).clamp(0.0, 1.0)
    }

    /// Whether the deviation is one that one ordinary day in 200 reaches.
    pub fn is_anomalous(&self) -> bool {
        self.beyond >= ANOMALOUS
    }

    /// The deviation as a sentence.
    pub fn describe(&self) -> String {
        const TOLD: usize = 4;
        let mut more: Vec<&(String, f32, f32)> =
            self.more.iter().filter(|(name, ..)| name != WEIGHT).collect();
        more.sort_by(|(_, a, b), (_, c, d)| ((c + 1.0) / (d + 1.0)).total_cmp(&((a + 1.0) / (b + 1.0))));
        let words = more.iter().take(TOLD).map(|(name, now, most)| match most.round() {
            most if most > 0.0 => format!("{:.0} {name} (at most {most:.0} before)", now.round()),
            _ => format!("{:.0} {name}", now.round()),
        });
        let words: Vec<String> = words.collect();
        let because = if words.is_empty() { "in its combination".to_owned() } else { words.join(", ") };
        format!("the day is unlike any of {} before: {because}", self.days)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(rows: &[[u8; COUNTED.len()]]) -> Days {
        let day = |(row, day): (&[u8; COUNTED.len()], u32)| super::super::Day {
            day,
            counts: Some(Counts(*row)),
            ..Default::default()
        };
        let own = Baseline { days: rows.iter().zip(100..).map(day).collect(), ..Baseline::default() };
        Days::of(&own).unwrap()
    }

    fn ordinary(n: u8) -> [u8; COUNTED.len()] {
        [60 + n % 9, 40 + n % 5, n % 3, 30, 0, 0, 0, 0, n % 2, n % 4, 0, 10 + n % 7]
    }

    #[test]
    fn a_day_like_the_others_is_not_strange() {
        let days = days(&(0..20).map(ordinary).collect::<Vec<_>>());
        assert!(days.strangeness(Counts(ordinary(4))).excess() < 0.05);
        let quiet = days.strangeness(Counts([0; COUNTED.len()]));
        assert!(quiet.excess() < 0.05 && quiet.more.is_empty(), "{quiet:?}");
    }

    #[test]
    fn a_day_with_much_that_is_new_is_strange_and_says_why() {
        let days = days(&(0..20).map(ordinary).collect::<Vec<_>>());
        let strange = days.strangeness(Counts([70, 60, 60, 50, 40, 16, 16, 16, 40, 40, 16, 60]));
        assert!(strange.excess() > 0.5, "{strange:?}");
        assert!(strange.describe().contains("calls never made before"), "{}", strange.describe());
    }
}
