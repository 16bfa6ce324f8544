//! Readers of calls that weaken defences: trails, detectors, recorders, logs.

use serde_json::Value;

use super::{Act, Call, Tactic, weight};

/// Event selectors of a trail: without management events, or with read events alone, it misses an attack.
pub(super) fn event_selectors(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["trailName"]));
    let basic = call.get("eventSelectors").and_then(Value::as_array).filter(|list| !list.is_empty());
    let advanced =
        call.get("advancedEventSelectors").and_then(Value::as_array).filter(|list| !list.is_empty());
    let is_seeing = match (basic, advanced) {
        (Some(selectors), _) => selectors.iter().any(is_recording_changes),
        (None, Some(selectors)) => selectors.iter().any(is_seeing_changes),
        (None, None) => true,
    };
    if is_seeing {
        act.weigh(weight::ROUTINE, "management events stay recorded");
    } else {
        act.detail = "changes are recorded no longer".into();
    }
}

/// Whether an advanced selector covers management events and is not limited to reads.
fn is_seeing_changes(selector: &Value) -> bool {
    let fields = selector.get("fieldSelectors").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let has = |name: &str, value: &str| {
        fields.iter().any(|field| {
            field.get("field").and_then(Value::as_str) == Some(name)
                && field
                    .get("equals")
                    .and_then(Value::as_array)
                    .is_some_and(|values| values.iter().any(|known| known == value))
        })
    };
    has("eventCategory", "Management") && !has("readOnly", "true")
}

fn is_recording_changes(selector: &Value) -> bool {
    let is_managing = selector.get("includeManagementEvents").is_none_or(|value| value != false);
    is_managing && selector.get("readWriteType").and_then(Value::as_str) != Some("ReadOnly")
}

/// A trail that covers less than before.
pub(super) fn trail_updated(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["name"]));
    let lost: Vec<&str> =
        [("isMultiRegionTrail", "other regions"), ("includeGlobalServiceEvents", "global services")]
            .into_iter()
            .filter_map(|(key, what)| call.is_off(key).then_some(what))
            .collect();
    let bucket = call.text(&["s3BucketName"]);
    if !lost.is_empty() {
        act.detail = format!("no longer covers {}", lost.join(", ")).into();
    } else if call.is_off("enableLogFileValidation") || call.is_off("isOrganizationTrail") {
        // Tools send every field, even those that were off before.
        act.weigh(weight::MINOR, "without validation of its files, or without other accounts");
    } else if bucket.is_empty() {
        act.weigh(weight::ROUTINE, "");
    } else {
        act.weigh(weight::MINOR, format!("writes to bucket {bucket}"));
    }
}

/// Changes of a GuardDuty detector: switched off, or with one protection less.
pub(super) fn detector_updated(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["detectorId"]));
    if call.is_off("enable") {
        act.detail = "switched off".into();
    } else if call.parameters.to_string().contains("\"DISABLED\"") {
        act.weigh(weight::ODD, "a protection is switched off");
    } else {
        act.weigh(weight::ROUTINE, "");
    }
}

/// A filter that archives hides findings; a trusted address list hides an attacker.
pub(super) fn findings_hidden(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["name", "detectorId"]));
    let action = call.text(&["action"]);
    if !action.is_empty() && action != "ARCHIVE" {
        act.weigh(weight::ROUTINE, "hides nothing");
    }
}

/// Expiry of a bucket's objects. Trail buckets keep them for months; a day erases evidence.
pub(super) fn lifecycle(act: &mut Act, call: &Call<'_>) {
    const ERASING_DAYS: u64 = 3;
    const WEEK: u64 = 7;
    const SHORT_DAYS: u64 = 14;
    act.on(call.text(&["bucketName"]));
    match shortest_expiry(call) {
        Some(days) if days <= ERASING_DAYS => {
            act.detail = format!("everything expires after {days} day(s)").into();
        }
        Some(days) if days <= WEEK => {
            act.weigh(weight::TELLING, format!("everything expires after {days} days"));
        }
        Some(days) if days <= SHORT_DAYS => {
            act.weigh(weight::MINOR, format!("everything expires after {days} days"));
        }
        _ => act.weigh(weight::ROUTINE, ""),
    }
}

/// Days until everything in the bucket expires, if a lifecycle rule says so.
pub fn shortest_expiry(call: &Call<'_>) -> Option<u64> {
    let configuration = call.get("LifecycleConfiguration").unwrap_or(&call.parameters);
    let rules = configuration.get("Rule").or_else(|| configuration.get("Rules"));
    let rules = rules
        .into_iter()
        .flat_map(|rules| rules.as_array().map_or_else(|| std::slice::from_ref(rules), Vec::as_slice));
    rules.filter(|rule| is_enabled(rule) && is_whole_bucket(rule)).filter_map(days).min()
}

fn is_enabled(rule: &Value) -> bool {
    rule.get("Status").and_then(Value::as_str) != Some("Disabled")
}

/// A rule for a prefix or tag cleans up; a rule for everything erases. In log buckets, `AWSLogs` is
/// everything.
fn is_whole_bucket(rule: &Value) -> bool {
    let filter = rule.get("Filter").unwrap_or(rule);
    let prefix = filter.get("Prefix").and_then(Value::as_str).unwrap_or_default();
    let is_whole = prefix.is_empty() || prefix == "*" || prefix.starts_with("AWSLogs");
    is_whole && filter.get("And").is_none() && filter.get("Tag").is_none()
}

fn days(rule: &Value) -> Option<u64> {
    let days = rule.get("Expiration")?.get("Days")?;
    days.as_u64().or_else(|| days.as_str()?.parse().ok())
}

/// Retention of a CloudWatch log group.
pub(super) fn log_retention(act: &mut Act, call: &Call<'_>) {
    const SHORT_DAYS: u64 = 7;
    act.on(call.text(&["logGroupName"]));
    let days = call.get("retentionInDays").and_then(Value::as_u64);
    match days {
        Some(days) if days < SHORT_DAYS => act.detail = format!("kept for {days} day(s)").into(),
        _ => act.weigh(weight::ROUTINE, ""),
    }
}

/// Versioning suspended or MFA delete disabled: a delete is then final.
pub(super) fn versioning(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&["bucketName"]));
    let configuration = call.get("VersioningConfiguration").unwrap_or(&Value::Null);
    let is = |key: &str, word: &str| configuration.get(key).and_then(Value::as_str) == Some(word);
    if is("MfaDelete", "Disabled") {
        act.technique(Tactic::DefenseEvasion, &["T1562.001", "T1490"]);
        act.detail = "MFA delete switched off".into();
    } else if is("Status", "Suspended") {
        act.detail = "versions are kept no longer".into();
    } else {
        act.weigh(weight::ROUTINE, "");
    }
}

/// Security Hub, Macie, Inspector and others: a status other than on.
pub(super) fn switched_off(act: &mut Act, call: &Call<'_>) {
    act.on(call.text(&[
        "detectorId",
        "name",
        "graphArn",
        "analyzerName",
        "ruleName",
        "resourceArn",
        "logGroupName",
    ]));
    if matches!(call.text(&["status", "state"]), "ENABLED" | "RUNNING" | "ACTIVE") || call.is_on("enable") {
        act.weigh(weight::ROUTINE, "");
    }
}
