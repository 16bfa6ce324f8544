//! Detector of GuardDuty. State: `enabled` to `true` or `false`.

use super::{ActionSheet, ResourceSheet, always, one, pair};
use crate::{Resource, Undo};

pub(crate) fn sheet<'a>(detector: &'a str, region: &'a str) -> ResourceSheet<'a> {
    ResourceSheet {
        name: detector,
        calls: &["guardduty:GetDetector", "guardduty:UpdateDetector"],
        region: Some(region),
    }
}

/// Enables the detector.
pub(crate) fn enable<'a>(detector: &'a str, region: &'a str) -> ActionSheet<'a> {
    let update = format!("aws guardduty update-detector --region {region} --detector-id '{detector}'");
    ActionSheet {
        text: format!("Enable GuardDuty's detector {detector} in {region} again"),
        undo: (Undo::Exact, "stop it again"),
        resource: Resource::Detector { detector: detector.to_owned(), region: region.to_owned() },
        desired: always(one("enabled", "true")),
        commands: pair(format!("{update} --enable"), format!("{update} --no-enable")),
        names: vec![detector, region],
    }
}
