//! The isolation forest against scikit-learn's, on three public data sets.
//!
//! The references are the mean and the standard deviation (over 200 seeds) of the area under the ROC curve of
//! scikit-learn 1.9.1's `IsolationForest(n_estimators=100, max_samples=min(256, n))`, fitted and scored on the same
//! rows. The data sets are those that smartcore ships; of each, some rows of one class are the anomalies among another.

use smartcore::{
    dataset::{Dataset, breast_cancer, digits, iris},
    metrics::roc_auc_score,
};
use trailwarden_core::models::isolation_forest::{Growth, IsolationForest};

const SEEDS: u64 = 30;

/// The rows of the classes that `is_usual` chooses, and the first `few` of those that `is_strange` does.
fn rows<Y: Copy>(
    data: &Dataset<f32, Y>,
    few: usize,
    is_usual: fn(Y) -> bool,
    is_strange: fn(Y) -> bool,
) -> (Vec<Vec<f32>>, Vec<f64>) {
    let mut strange = 0;
    let all = data.data.chunks(data.num_features).zip(&data.target);
    let kept = all.filter_map(|(row, class)| {
        let is_anomaly = is_strange(*class) && strange < few;
        strange += usize::from(is_anomaly);
        (is_anomaly || is_usual(*class)).then(|| (row.to_vec(), f64::from(u8::from(is_anomaly))))
    });
    kept.unzip()
}

/// Does the mean over the seeds lie within three standard errors of the reference?
fn compare(name: &str, (rows, truth): (Vec<Vec<f32>>, Vec<f64>), mean: f64, deviation: f64) {
    let auc = |seed| {
        let forest = IsolationForest::grow(&rows, Growth { seed, ..Growth::default() });
        let scores: Vec<f64> = rows.iter().map(|row| f64::from(forest.score(row))).collect();
        roc_auc_score(&truth, &scores)
    };
    let ours = (0..SEEDS).map(auc).sum::<f64>() / SEEDS as f64;
    let error = deviation / (SEEDS as f64).sqrt();
    println!("{name}: AUC {ours:.4}, scikit-learn {mean:.4} (standard error {error:.4})");
    assert!((ours - mean).abs() < 3.0 * error, "{name}: {ours} against {mean}");
}

#[test]
fn breast_cancer_is_as_with_scikit_learn() {
    compare(
        "breast cancer",
        rows(&breast_cancer::load_dataset(), 20, |y| y == 1, |y| y == 0),
        0.9615,
        0.0057,
    );
}

#[test]
fn digits_are_as_with_scikit_learn() {
    compare(
        "digits",
        rows(&digits::load_dataset(), 20, |y: f32| (y - 4.0).abs() < 0.5, |y: f32| (y - 5.0).abs() < 0.5),
        0.9551,
        0.0087,
    );
}

#[test]
fn iris_is_as_with_scikit_learn() {
    compare("iris", rows(&iris::load_dataset(), 10, |y| y > 0, |y| y == 0), 0.9583, 0.0059);
}
