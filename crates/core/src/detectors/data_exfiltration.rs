//! Detector: data exfiltration by sharing, public access, replication, export or bulk download.
//!
//! In a cloud nothing needs to be copied: a snapshot shared with another account is gone. Sharing with an
//! account of the same organisation, the bucket of a public website, and a data scientist's nightly download
//! look alike; logs identify the first, the baseline the others.

use super::{Aspect, Detector, ScopeKind};
use crate::{
    activity::Window,
    baseline::Habits,
    catalog::{Tactic, weight},
    finding::Severity,
    risk::{Signal, bulk, confidence, reasons, signal},
};

pub(super) const DETECTOR: Detector = Detector {
    id: "data-exfiltration",
    title: "Data exfiltration: data taken out of the account",
    scope: ScopeKind::Principal,
    base_severity: Severity::High,
    assesses: Aspect::Rights,
    playbook: "data-exfiltration",
    guesses: false,
    mitigation: &[
        "Undo the sharing, policy or replication, and find out from data events what was copied",
        "Revoke the sessions of the principal, and block the address or account that received the data",
        "Block public access for the account, and sharing outside the organisation with a service control policy",
    ],
    detect,
};

/// Objects read in a day that normal work explains.
const BULK_OBJECTS: f64 = 150.0;

fn detect(window: &Window<'_>, habits: &Habits<'_>) -> Option<Signal> {
    let mut all =
        reasons(window, habits, |act| matches!(act.tactic, Tactic::Exfiltration | Tactic::Collection));
    all.extend(bulk(
        window,
        habits,
        "objects read",
        &["s3:GetObject"],
        BULK_OBJECTS,
        weight::ODD,
        &["T1530", "T1567.002"],
    ));
    all.extend(bulk(
        window,
        habits,
        "blocks of disks read",
        &["ebs:GetSnapshotBlock"],
        BULK_OBJECTS,
        weight::ODD,
        &["T1530", "T1020"],
    ));
    signal(all, confidence(habits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::testing::Story;

    #[test]
    fn a_snapshot_shared_with_a_stranger_is_gone() {
        let shared = r#"{"snapshotId":"snap-1","createVolumePermission":{"add":{"items":[{"userId":"999988887777"}]}}}"#;
        assert!(Story::new().call("ec2", "ModifySnapshotAttribute", shared).score(detect) >= 0.7);
    }

    #[test]
    fn hundreds_of_objects_by_somebody_who_never_read_any() {
        let read = |story: Story, many: usize| {
            (0..many).fold(story, |story, n| {
                story.call("s3", "GetObject", &format!(r#"{{"bucketName":"b","key":"{n}"}}"#))
            })
        };
        assert!(read(Story::new(), 600).score(detect) >= 0.4);
        assert!(read(Story::new(), 60).score(detect) < 0.15);
    }
}
