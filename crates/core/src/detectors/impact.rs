//! Detector: data destroyed, held to ransom or made unrecoverable, keys destroyed, people locked out.
//!
//! Ransom needs the backups gone first; revenge deletes what hurts. A team that removes an old environment
//! looks alike: it deletes what it created, through its pipeline, with a final snapshot.

use super::{Aspect, Detector, ScopeKind};
use crate::{
    activity::Window,
    baseline::Habits,
    catalog::{Tactic, weight},
    finding::Severity,
    risk::{Signal, bulk, confidence, reasons, signal},
};

pub(super) const DETECTOR: Detector = Detector {
    id: "impact",
    title: "Impact: data or services destroyed",
    scope: ScopeKind::Principal,
    base_severity: Severity::High,
    assesses: Aspect::Rights,
    playbook: "data-exfiltration",
    guesses: false,
    mitigation: &[
        "Stop it: revoke the sessions of the principal",
        "Cancel key deletions, restore versions and snapshots, and copy what is left to another account",
        "Protect backups with vault locks, object lock and MFA delete",
    ],
    detect,
};

/// Model calls in a day that a person's experiments explain.
const MODEL_CALLS: f64 = 60.0;
/// Deletions in a day that normal work explains.
const BULK_DELETIONS: f64 = 50.0;

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    let mut all = reasons(window, habits, |act| act.tactic == Tactic::Impact);
    all.extend(bulk(
        window,
        habits,
        "objects deleted",
        &["s3:DeleteObject", "s3:DeleteObjects"],
        BULK_DELETIONS,
        weight::ODD,
        &["T1485"],
    ));
    all.extend(bulk(
        window,
        habits,
        "answers of hosted models asked for",
        &[
            "bedrock:InvokeModel",
            "bedrock:InvokeModelWithResponseStream",
            "bedrock:Converse",
            "bedrock:ConverseStream",
        ],
        MODEL_CALLS,
        weight::TELLING,
        &["T1496.004"],
    ));
    signal(all, confidence(habits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    #[test]
    fn a_key_scheduled_for_deletion_is_harm() {
        assert!(Story::new().call("kms", "ScheduleKeyDeletion", r#"{"keyId":"k"}"#).score(detect) >= 0.4);
    }

    #[test]
    fn a_database_without_a_last_snapshot_is_worse_than_one_with() {
        let delete = |last: &str| {
            Story::new()
                .call(
                    "rds",
                    "DeleteDBInstance",
                    &format!(r#"{{"dBInstanceIdentifier":"d","skipFinalSnapshot":{last}}}"#),
                )
                .score(detect)
        };
        assert!(delete("true") > delete("false"));
    }

    #[test]
    fn one_machine_less_is_not() {
        assert!(Story::new().call("ec2", "TerminateInstances", "{}").score(detect) < 0.4);
    }
}
