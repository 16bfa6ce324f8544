//! Trail of CloudTrail. State: `logging` to `true` or `false`.

use super::{ActionSheet, ResourceSheet, always, one, pair};
use crate::{Resource, Undo};

pub(crate) fn sheet<'a>(trail: &'a str, region: &'a str) -> ResourceSheet<'a> {
    let calls = &["cloudtrail:GetTrailStatus", "cloudtrail:StartLogging", "cloudtrail:StopLogging"];
    ResourceSheet { name: trail, calls, region: Some(region) }
}

/// Starts logging.
pub(crate) fn restart<'a>(trail: &'a str, region: &'a str) -> ActionSheet<'a> {
    ActionSheet {
        text: format!("Start the trail {trail} in {region} again"),
        undo: (Undo::Exact, "stop it again"),
        resource: Resource::Trail { trail: trail.to_owned(), region: region.to_owned() },
        desired: always(one("logging", "true")),
        commands: pair(
            format!("aws cloudtrail start-logging --region {region} --name '{trail}'"),
            format!("aws cloudtrail stop-logging --region {region} --name '{trail}'"),
        ),
        names: vec![trail, region],
    }
}
