//! Seeded random draws, identical on every machine.

use rand::{Rng, RngExt, SeedableRng, rngs::ChaCha8Rng};

/// A random stream.
pub(crate) struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream of a seed and a purpose. Streams are independent, so one more person does not change the
    /// others.
    pub(crate) fn of(seed: u64, what: &str, number: u64) -> Self {
        let mix = |sum: u64, next: u64| (sum ^ next).wrapping_mul(0x0100_0000_01B3).rotate_left(29);
        let name = what.bytes().fold(0xCBF2_9CE4_8422_2325, |sum, byte| mix(sum, u64::from(byte)));
        Self(ChaCha8Rng::seed_from_u64(mix(mix(name, seed), number)))
    }

    /// An integer from `low` to `high`, exclusive.
    pub(crate) fn within(&mut self, low: i64, high: i64) -> i64 {
        if low >= high { low } else { self.0.random_range(low..high) }
    }

    pub(crate) fn count(&mut self, low: usize, high: usize) -> usize {
        self.within(low as i64, high as i64) as usize
    }

    /// True with this probability.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.0.random_bool(share.clamp(0.0, 1.0))
    }

    pub(crate) fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.count(0, list.len())]
    }

    /// An entry of the list; the first ones are far more likely, as people have favourites.
    pub(crate) fn favourite<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        let share = self.0.random_range(0.0f64..1.0).powi(3);
        &list[((share * list.len() as f64) as usize).min(list.len() - 1)]
    }

    /// An index, drawn by weight.
    pub(crate) fn weighted(&mut self, weights: &[u32]) -> usize {
        let mut left = self.within(0, i64::from(weights.iter().sum::<u32>().max(1)));
        for (at, weight) in weights.iter().enumerate() {
            left -= i64::from(*weight);
            if left < 0 {
                return at;
            }
        }
        0
    }

    /// A value around `mean`, from 0 to twice the mean.
    pub(crate) fn about(&mut self, mean: f64) -> f64 {
        let sum: f64 = (0..4).map(|_| self.0.random_range(0.0f64..1.0)).sum();
        mean * sum / 2.0
    }

    /// Shuffles in place.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            let other = self.count(0, at + 1);
            list.swap(at, other);
        }
    }

    pub(crate) fn digits(&mut self, length: usize) -> String {
        (0..length).map(|at| char::from(b'0' + self.within(i64::from(at == 0), 10) as u8)).collect()
    }

    pub(crate) fn hex(&mut self, length: usize) -> String {
        (0..length).map(|_| char::from(b"0123456789abcdef"[self.count(0, 16)])).collect()
    }

    /// An id like AWS's unique ids: `AKIA` and 16 letters and digits.
    pub(crate) fn id(&mut self, prefix: &str) -> String {
        let letters: String =
            (0..16).map(|_| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[self.count(0, 32)])).collect();
        format!("{prefix}{letters}")
    }

    /// A random UUID, for `eventID`.
    pub(crate) fn uuid(&mut self) -> String {
        let bits = (u128::from(self.0.next_u64()) << 64) | u128::from(self.0.next_u64());
        let hex = format!("{bits:032x}");
        format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
    }
}
