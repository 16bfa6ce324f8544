//! Isolation forest: anomaly score by the number of random cuts that isolate a point.
//!
//! Liu, Ting and Zhou, "Isolation Forest", ICDM 2008. Trees cut at random features and values; the score of a
//! point is `2^(-depth / c(sample))`, where `depth` is its mean depth in the trees and `c` that of an
//! unsuccessful search: 0.5 is ordinary, 1 is most anomalous. smartcore has none; scikit-learn's is the
//! reference (`tests/models.rs`).

use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng, seq::index};

/// Parameters of a forest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Number of trees.
    pub trees: usize,
    /// Most rows each tree sees.
    pub sample: usize,
    /// Seed of the random cuts.
    pub seed: u64,
}

/// Default seed. Any value would do, but it must never change.
pub const SEED: u64 = 42;

impl Default for Growth {
    fn default() -> Self {
        Self { trees: 100, sample: 256, seed: SEED }
    }
}

/// A grown forest.
#[derive(Clone, Debug)]
pub struct IsolationForest {
    trees: Vec<Tree>,
    /// Mean depth of an unsuccessful search among as many rows as a tree saw.
    usual_depth: f32,
}

#[derive(Clone, Debug)]
struct Tree {
    nodes: Vec<Node>,
    /// The rows the tree saw, ascending.
    rows: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
enum Node {
    Cut { feature: u32, at: f32, below: u32, above: u32 },
    Leaf { depth: f32 },
}

impl IsolationForest {
    /// Grows a forest on rows of equal length.
    pub fn grow<R: AsRef<[f32]>>(rows: &[R], growth: Growth) -> Self {
        let sample = growth.sample.min(rows.len());
        let mut random = ChaCha8Rng::seed_from_u64(growth.seed);
        let deepest = (sample.max(2) as f32).log2().ceil() as u32;
        let trees = (0..growth.trees).map(|_| {
            let mut seen: Vec<u32> =
                index::sample(&mut random, rows.len(), sample).into_iter().map(|row| row as u32).collect();
            let mut nodes = Vec::with_capacity(sample * 2);
            grow(&mut nodes, rows, &mut seen, deepest, 0, &mut random);
            seen.sort_unstable();
            Tree { nodes, rows: seen }
        });
        Self { trees: trees.collect(), usual_depth: unsuccessful_search(sample) }
    }

    /// Anomaly score of a row, 0 to 1.
    pub fn score(&self, row: &[f32]) -> f32 {
        self.mean(self.trees.iter(), row).unwrap_or(0.5)
    }

    /// Scores of the training rows, each by the trees that did not see it; `None` if all did.
    pub fn unseen_scores<R: AsRef<[f32]>>(&self, rows: &[R]) -> Vec<Option<f32>> {
        let unseen = |at: u32| self.trees.iter().filter(move |tree| tree.rows.binary_search(&at).is_err());
        rows.iter().zip(0..).map(|(row, at)| self.mean(unseen(at), row.as_ref())).collect()
    }

    /// The score that a share of the training rows exceeds, each scored by the trees that did not see it. A
    /// share of 0 gives the highest score. 0.5 if no tree left a row out.
    ///
    /// `contamination` is that share, 0 to 1. The usual 0.1 calls one ordinary row in ten anomalous.
    pub fn threshold<R: AsRef<[f32]>>(&self, rows: &[R], contamination: f32) -> f32 {
        let mut scores: Vec<f32> = self.unseen_scores(rows).into_iter().flatten().collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        let at = (scores.len() as f32 * contamination.clamp(0.0, 1.0)) as usize;
        scores.get(at.min(scores.len().saturating_sub(1))).copied().unwrap_or(0.5)
    }

    fn mean<'t>(&self, trees: impl Iterator<Item = &'t Tree>, row: &[f32]) -> Option<f32> {
        let (sum, count) = trees.fold((0.0, 0u32), |(sum, count), tree| (sum + tree.depth(row), count + 1));
        (count > 0 && self.usual_depth > 0.0).then(|| (-sum / count as f32 / self.usual_depth).exp2())
    }
}

impl Tree {
    fn depth(&self, row: &[f32]) -> f32 {
        let mut at = 0;
        loop {
            match self.nodes[at as usize] {
                Node::Leaf { depth } => return depth,
                Node::Cut { feature, at: cut, below, above } => {
                    at = if row[feature as usize] < cut { below } else { above };
                }
            }
        }
    }
}

/// Grows the subtree of the rows `seen`; returns its node.
fn grow<R: AsRef<[f32]>>(
    nodes: &mut Vec<Node>,
    rows: &[R],
    seen: &mut [u32],
    deepest: u32,
    depth: u32,
    random: &mut ChaCha8Rng,
) -> u32 {
    let this = nodes.len() as u32;
    let cut = if depth < deepest { cut(rows, seen, random) } else { None };
    let Some((feature, at)) = cut else {
        nodes.push(Node::Leaf { depth: depth as f32 + unsuccessful_search(seen.len()) });
        return this;
    };
    nodes.push(Node::Leaf { depth: 0.0 });
    let below = partition(seen, |row| rows[row as usize].as_ref()[feature] < at);
    let (low, high) = seen.split_at_mut(below);
    let below = grow(nodes, rows, low, deepest, depth + 1, random);
    let above = grow(nodes, rows, high, deepest, depth + 1, random);
    nodes[this as usize] = Node::Cut { feature: feature as u32, at, below, above };
    this
}

/// A random feature in which the rows differ, and a random cut; `None` if all rows are equal.
fn cut<R: AsRef<[f32]>>(rows: &[R], seen: &[u32], random: &mut ChaCha8Rng) -> Option<(usize, f32)> {
    let first = rows[*seen.first()? as usize].as_ref();
    let ranges = (0..first.len()).map(|feature| {
        let values = seen.iter().map(|row| rows[*row as usize].as_ref()[feature]);
        values
            .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
    });
    let wide: Vec<(usize, (f32, f32))> = ranges.enumerate().filter(|(_, (low, high))| low < high).collect();
    if wide.is_empty() {
        return None;
    }
    let (feature, (low, high)) = wide[random.random_range(0..wide.len())];
    let at = low + (high - low) * random.random_range(0.0f32..1.0);
    // A cut at the edge would leave one side empty.
    Some((feature, if at > low { at } else { high }))
}

/// Moves the rows for which `is_low` holds to the front; returns their number.
fn partition(rows: &mut [u32], is_low: impl Fn(u32) -> bool) -> usize {
    let mut low = 0;
    for at in 0..rows.len() {
        if is_low(rows[at]) {
            rows.swap(low, at);
            low += 1;
        }
    }
    low
}

/// Mean depth of an unsuccessful search in a binary tree of `count` rows.
fn unsuccessful_search(count: usize) -> f32 {
    const EULER: f32 = 0.577_215_7;
    match count {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let last = (count - 1) as f32;
            2.0 * (last.ln() + EULER) - 2.0 * last / count as f32
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_far_from_the_rest_is_strange() {
        let rows: Vec<[f32; 2]> = (0..60u8).map(|n| [f32::from(n % 8), f32::from(n % 5)]).collect();
        let forest = IsolationForest::grow(&rows, Growth::default());
        assert!(forest.score(&[90.0, 90.0]) > 0.65);
        assert!(forest.score(&[3.0, 2.0]) < 0.55);
    }

    #[test]
    fn a_tenth_of_the_rows_exceed_the_threshold_of_a_tenth_and_none_that_of_none() {
        let rows: Vec<[f32; 2]> = (0..100u8).map(|n| [f32::from(n % 10), f32::from(n / 10)]).collect();
        let forest = IsolationForest::grow(&rows, Growth { sample: 60, ..Growth::default() });
        let beyond = |contamination: f32| {
            let threshold = forest.threshold(&rows, contamination);
            forest.unseen_scores(&rows).into_iter().flatten().filter(|score| *score > threshold).count()
        };
        assert_eq!((beyond(0.0), beyond(0.1)), (0, 10));
    }

    #[test]
    fn the_same_rows_grow_the_same_forest() {
        let rows: Vec<[f32; 3]> = (0..30u8).map(|n| [f32::from(n), f32::from(n % 7), 1.0]).collect();
        let score = || IsolationForest::grow(&rows, Growth::default()).score(&[40.0, 1.0, 1.0]);
        assert!((score() - score()).abs() < f32::EPSILON);
    }

    #[test]
    fn rows_that_are_alike_cannot_be_told_apart() {
        let rows = vec![[1.0f32, 2.0]; 20];
        let forest = IsolationForest::grow(&rows, Growth { sample: 12, ..Growth::default() });
        let scores = forest.unseen_scores(&rows);
        assert!(scores.iter().flatten().all(|score| (score - 0.5).abs() < 0.01), "{scores:?}");
    }

    proptest! {
        #[test]
        fn scores_stay_between_0_and_1(rows in prop::collection::vec(prop::array::uniform4(-1e6f32..1e6), 1..40), row in prop::array::uniform4(-1e9f32..1e9)) {
            let forest = IsolationForest::grow(&rows, Growth { trees: 20, sample: 16, seed: 1 });
            prop_assert!((0.0..=1.0).contains(&forest.score(&row)));
            for score in forest.unseen_scores(&rows).into_iter().flatten() {
                prop_assert!((0.0..=1.0).contains(&score));
            }
        }
    }
}
