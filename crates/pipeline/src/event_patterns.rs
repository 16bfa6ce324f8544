//! EventBridge event patterns of the fast lane, generated from the urgent calls of the catalogue and of the
//! compliance checks.
//!
//! They also match sign-ins, every call of root, and AWS Config's verdicts. EventBridge omits read-only calls and
//! delivers the others on a best-effort basis; the bulk lane delivers whatever is missing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use trailwarden_compliance::{self};
use trailwarden_core::catalog;

/// Longest pattern that EventBridge accepts, in characters.
pub const PATTERN: usize = 2_048;

/// Event patterns as JSON, one per rule.
pub fn patterns() -> Vec<String> {
    let mut services: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (source, name) in urgent_calls() {
        services.entry(source).or_default().push(name);
    }
    let mut patterns: Vec<Value> = vec![
        // CloudTrail's user guide and its events spell this differently.
        json!({ "source": from_aws(), "detail-type": ["AWS Console Sign In via CloudTrail", "AWS Console Signin via CloudTrail"] }),
        json!({ "source": from_aws(), "detail-type": [CALL], "detail": { "userIdentity": { "type": ["Root"] } } }),
        json!({ "source": ["aws.config"], "detail-type": ["Config Rules Compliance Change"] }),
    ];
    let mut together: Vec<Value> = Vec::new();
    for (source, names) in services {
        let of_service = json!({ "eventSource": [source], "eventName": names });
        together.push(of_service.clone());
        if of_calls(&together).to_string().len() > PATTERN {
            together.pop();
            patterns.push(of_calls(&together));
            together = vec![of_service];
        }
    }
    if !together.is_empty() {
        patterns.push(of_calls(&together));
    }
    patterns.iter().map(Value::to_string).collect()
}

/// Urgent calls, as event source and event name: the catalogue's, and those that can break a control gravely.
fn urgent_calls() -> BTreeSet<(String, &'static str)> {
    catalog::urgent_calls().chain(trailwarden_compliance::urgent_calls()).collect()
}

/// Only AWS may use these sources on EventBridge, so nobody else can forge calls.
fn from_aws() -> Value {
    json!([{ "prefix": "aws." }])
}

const CALL: &str = "AWS API Call via CloudTrail";

fn of_calls(services: &[Value]) -> Value {
    match services {
        [one] => json!({ "source": from_aws(), "detail-type": [CALL], "detail": one }),
        several => json!({ "source": from_aws(), "detail-type": [CALL], "detail": { "$or": several } }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The calls that a pattern's part matches.
    fn calls(part: &Value) -> Vec<(String, String)> {
        if let Some(several) = part.get("$or").and_then(Value::as_array) {
            return several.iter().flat_map(calls).collect();
        }
        let texts = |key: &str| -> Vec<String> {
            let list = part.get(key).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
        };
        let names = texts("eventName");
        texts("eventSource")
            .into_iter()
            .flat_map(|s| names.iter().map(move |n| (s.clone(), n.clone())))
            .collect()
    }

    #[test]
    fn the_patterns_match_the_urgent_calls_and_no_others() {
        let patterns: Vec<Value> =
            patterns().iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        let matched: Vec<_> = patterns.iter().flat_map(|pattern| calls(&pattern["detail"])).collect();
        let urgent: BTreeSet<_> =
            urgent_calls().into_iter().map(|(source, name)| (source, name.to_owned())).collect();
        assert_eq!(matched.len(), urgent.len(), "each once");
        assert_eq!(matched.into_iter().collect::<BTreeSet<_>>(), urgent);
    }

    #[test]
    fn each_pattern_fits_a_rule_and_all_fit_a_bus() {
        let patterns = patterns();
        assert!(patterns.iter().all(|pattern| pattern.len() <= PATTERN));
        assert!(patterns.len() < 20, "{} of the 300 rules of a bus", patterns.len());
    }
}
