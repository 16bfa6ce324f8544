//! Metrics in CloudWatch's embedded metric format: one line of JSON in the log, without an API call.

use serde_json::{Map, Value, json};
use trailwarden_core::{event::Time, finding::Finding};

use crate::now;

/// CloudWatch namespace of the metrics.
const NAMESPACE: &str = "Trailwarden";

/// Metric: name, unit and value.
pub type Metric = (&'static str, &'static str, f64);

/// Metric of a number.
pub fn count(name: &'static str, value: f64) -> Metric {
    (name, "Count", value)
}

/// Logs published findings, and their latency since the last event.
pub fn left(findings: &[Finding], now: Time) {
    for Finding { id, severity, event_ids, last_seen, .. } in findings {
        tracing::info!(finding_id = %id, severity = severity.label(), ?event_ids, "published");
        let latency = (now.0 - last_seen.0).max(0) as f64;
        emit(&[count("Findings", 1.0), ("FindingLatency", "Seconds", latency)]);
    }
}

/// Writes metrics to the log.
pub fn emit(metrics: &[Metric]) {
    if !metrics.is_empty() {
        println!("{}", line(metrics, now()));
    }
}

fn line(metrics: &[Metric], now: Time) -> Value {
    let named: Vec<Value> =
        metrics.iter().map(|(name, unit, _)| json!({ "Name": name, "Unit": unit })).collect();
    let mut line = Map::new();
    line.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": now.0 * 1000,
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [[]], "Metrics": named }],
        }),
    );
    line.extend(metrics.iter().map(|(name, _, value)| ((*name).to_owned(), json!(value))));
    Value::Object(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_each_metric_and_has_its_value() {
        let line = line(&[count("Findings", 2.0), ("FindingLatency", "Seconds", 3.5)], Time(7));
        let names = &line["_aws"]["CloudWatchMetrics"][0]["Metrics"];
        assert_eq!(
            (names[1]["Name"].as_str(), names[1]["Unit"].as_str()),
            (Some("FindingLatency"), Some("Seconds"))
        );
        assert_eq!((line["Findings"].as_f64(), line["FindingLatency"].as_f64()), (Some(2.0), Some(3.5)));
        assert_eq!(line["_aws"]["Timestamp"], 7000);
    }
}
