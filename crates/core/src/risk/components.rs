//! Weighted score: components between 0 and 1, each with a reason.
//!
//! Unknown components are left out, and the others count for them.

use serde::Serialize;

/// One component of a weighted score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Component {
    /// Name, for example `geographic`.
    pub name: &'static str,
    /// Weight among the components.
    pub weight: f32,
    /// 0 (usual) to 1; `None` if unknown.
    pub value: Option<f32>,
    /// Contribution to the score; the points of all components add up to it.
    pub points: f32,
    /// The reason, as text.
    pub because: String,
}

impl Component {
    /// A component, before its points are computed.
    pub(crate) fn new(
        name: &'static str,
        weight: f32,
        value: Option<f32>,
        because: impl Into<String>,
    ) -> Self {
        let value = value.map(|value| value.clamp(0.0, 1.0));
        Self { name, weight, value, points: 0.0, because: because.into() }
    }
}

/// Computes the points of the components; returns the score, 0 to 1.
pub(crate) fn weigh(components: &mut [Component]) -> f32 {
    let known: f32 = components.iter().filter(|part| part.value.is_some()).map(|part| part.weight).sum();
    for part in components.iter_mut() {
        part.points = part.value.map_or(0.0, |value| value * part.weight / known.max(f32::MIN_POSITIVE));
    }
    components.iter().map(|part| part.points).sum::<f32>().clamp(0.0, 1.0)
}

/// Maps a count to 0 to 1: none is 0, `usual` about 0.4, several times as many near 1.
pub(crate) fn saturating(count: f32, usual: f32) -> f32 {
    1.0 - (-count / (2.0 * usual.max(0.1))).exp()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_unknown_is_left_out_and_the_rest_counts_for_it() {
        let mut parts =
            [Component::new("a", 0.5, Some(1.0), ""), Component::new("b", 0.5, None, "no history")];
        assert!((weigh(&mut parts) - 1.0).abs() < 1e-6);
        assert!((parts[0].points - 1.0).abs() < 1e-6 && parts[1].points == 0.0);
    }

    proptest! {
        #[test]
        fn points_add_up_to_the_score(values in prop::collection::vec(prop::option::of(-1.0f32..2.0), 1..8)) {
            let mut parts: Vec<Component> = values.into_iter().map(|value| Component::new("x", 0.2, value, "")).collect();
            let score = weigh(&mut parts);
            prop_assert!((0.0..=1.0).contains(&score));
            prop_assert!((parts.iter().map(|part| part.points).sum::<f32>() - score).abs() < 1e-5);
        }
    }
}
