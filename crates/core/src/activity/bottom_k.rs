//! Bottom-k sketch: a bounded sample of distinct values, independent of order, batching and duplicates.
//!
//! The k values with the smallest hashes are a fair sample of the values seen. The number of distinct values
//! is exact up to k; beyond it, the k-th hash gives an estimate with a standard error of 1/sqrt(k - 2)
//! (Bar-Yossef et al., "Counting Distinct Elements in a Data Stream", 2002).

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::hash;

/// Up to `N` values, those with the smallest keys. A key is a hash of the value's identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BottomK<T, const N: usize> {
    kept: Vec<(u64, T)>,
}

impl<T, const N: usize> Default for BottomK<T, N> {
    fn default() -> Self {
        Self { kept: Vec::new() }
    }
}

impl<T: Ord, const N: usize> BottomK<T, N> {
    /// Adds a value. Of two values with one key, the smaller stays, whatever the order.
    pub fn insert(&mut self, key: u64, value: impl FnOnce() -> T) {
        if !self.would_take(key) {
            return;
        }
        match self.kept.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(at) => {
                let value = value();
                if value < self.kept[at].1 {
                    self.kept[at].1 = value;
                }
            }
            Err(at) => {
                self.kept.truncate(N - 1);
                self.kept.insert(at, (key, value()));
            }
        }
    }

    /// Whether `key` is small enough to be kept: a cheap check before the value is built.
    pub fn would_take(&self, key: u64) -> bool {
        self.kept.len() < N || self.kept.last().is_some_and(|(last, _)| key <= *last)
    }

    /// Merges `other` into this sketch.
    pub fn merge(&mut self, other: Self) {
        for (key, value) in other.kept {
            self.insert(key, || value);
        }
    }
}

impl<T, const N: usize> BottomK<T, N> {
    /// Number of distinct keys seen: exact up to `N`, then an estimate.
    pub fn distinct(&self) -> f64 {
        match self.kept.last() {
            Some((last, _)) if self.kept.len() == N => (N - 1) as f64 / (*last as f64 / u64::MAX as f64),
            _ => self.kept.len() as f64,
        }
    }

    /// Whether [`distinct`](Self::distinct) is an estimate.
    pub fn is_estimate(&self) -> bool {
        self.kept.len() == N
    }

    /// Number of seen keys that each kept one stands for.
    pub fn scale(&self) -> f64 {
        if self.kept.is_empty() { 1.0 } else { self.distinct() / self.kept.len() as f64 }
    }

    /// Whether no value is kept.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Number of kept values.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// The kept values with their keys, in order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        self.kept.iter().map(|(key, value)| (*key, value))
    }

    /// The kept values, in order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.kept.iter().map(|(_, value)| value)
    }

    /// The value under `key`, if kept.
    pub fn get(&self, key: u64) -> Option<&T> {
        self.kept.binary_search_by_key(&key, |(key, _)| *key).ok().map(|at| &self.kept[at].1)
    }
}

/// Up to `N` distinct strings, keyed by their own hash. Serialised as the strings alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words<const N: usize>(BottomK<Box<str>, N>);

impl<const N: usize> Words<N> {
    /// Adds a string; allocates only if it is new and stays. `key` is the string's [`hash`].
    pub fn insert(&mut self, key: u64, word: &str) {
        let is_new = self.0.get(key).is_none_or(|known| word < &**known);
        if is_new {
            self.0.insert(key, || word.into());
        }
    }

    /// Merges `other` into these strings.
    pub fn merge(&mut self, other: Self) {
        self.0.merge(other.0);
    }
}

impl<const N: usize> std::ops::Deref for Words<N> {
    type Target = BottomK<Box<str>, N>;
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<const N: usize> Serialize for Words<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.values())
    }
}

impl<'de, const N: usize> Deserialize<'de> for Words<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<Box<str>>::deserialize(deserializer)?;
        let mut kept: Vec<(u64, Box<str>)> = words.into_iter().map(|word| (hash(&word), word)).collect();
        kept.sort_unstable_by_key(|(key, _)| *key);
        kept.dedup_by_key(|(key, _)| *key);
        kept.truncate(N);
        Ok(Self(BottomK { kept }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Few = BottomK<u32, 8>;

    fn of(values: &[u32]) -> Few {
        let mut few = Few::default();
        for value in values {
            few.insert(hash(&value.to_string()), || *value);
        }
        few
    }

    proptest! {
        #[test]
        fn order_copies_and_splits_change_nothing(values in prop::collection::vec(0u32..40, 0..60), at in 0usize..60) {
            let whole = of(&values);
            let mut shuffled: Vec<u32> = values.iter().rev().copied().chain(values.iter().copied()).collect();
            shuffled.rotate_left(at.min(values.len()));
            prop_assert_eq!(&of(&shuffled), &whole);
            let (left, right) = values.split_at(at.min(values.len()));
            let mut merged = of(right);
            merged.merge(of(left));
            merged.merge(of(left));
            prop_assert_eq!(&merged, &whole);
            prop_assert!(whole.len() <= 8);
        }
    }

    #[test]
    fn counts_are_exact_up_to_the_limit_and_estimated_beyond() {
        assert!((of(&[1, 2, 3, 3]).distinct() - 3.0).abs() < f64::EPSILON);
        let mut many = BottomK::<u32, 256>::default();
        for value in 0..100_000u32 {
            many.insert(hash(&value.to_string()), || value);
        }
        assert!((many.distinct() / 100_000.0 - 1.0).abs() < 0.2, "{}", many.distinct());
    }

    #[test]
    fn of_two_values_with_one_key_the_lesser_stays() {
        let mut few = Few::default();
        few.insert(7, || 2);
        few.insert(7, || 1);
        few.insert(7, || 3);
        assert_eq!(few.get(7), Some(&1));
    }
}
