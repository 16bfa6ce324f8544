//! A score made of weighted parts, each between 0 and 1, each with its reason: those that cannot be known are left
//! out, and the rest counts for them.

use serde::Serialize;

/// One part of a weighted score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Component {
    /// What it is about, `geographic`.
    pub name: &'static str,
    /// Its weight among the others.
    pub weight: f32,
    /// 0 (as always) to 1; `None` if it cannot be known.
    pub value: Option<f32>,
    /// What it adds to the score: the parts add up to it.
    pub points: f32,
    /// Why, in words.
    pub because: String,
}

impl Component {
    /// A part, before its points are known.
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

/// Weighs the parts; gives the score, 0 to 1, and sets what each adds to it.
pub(crate) fn weigh(components: &mut [Component]) -> f32 {
    let known: f32 = components.iter().filter(|part| part.value.is_some()).map(|part| part.weight).sum();
    for part in components.iter_mut() {
        part.points = part.value.map_or(0.0, |value| value * part.weight / known.max(f32::MIN_POSITIVE));
    }
    components.iter().map(|part| part.points).sum::<f32>().clamp(0.0, 1.0)
}

/// How a count becomes a value: none is 0, `usual` is about 0.4, several times as many come near 1.
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
