//! Recorder of AWS Config. State: `recording` to `true` or `false`.

use super::{ActionSheet, ResourceSheet, always, one, pair};
use crate::{Resource, Undo};

pub(crate) fn sheet<'a>(recorder: &'a str, region: &'a str) -> ResourceSheet<'a> {
    let calls = &[
        "config:DescribeConfigurationRecorderStatus",
        "config:StartConfigurationRecorder",
        "config:StopConfigurationRecorder",
    ];
    ResourceSheet { name: recorder, calls, region: Some(region) }
}

/// Starts the recorder.
pub(crate) fn restart<'a>(recorder: &'a str, region: &'a str) -> ActionSheet<'a> {
    let what = format!("--region {region} --configuration-recorder-name '{recorder}'");
    ActionSheet {
        text: format!("Start AWS Config's recorder {recorder} in {region} again"),
        undo: (Undo::Exact, "stop it again"),
        resource: Resource::Recorder { recorder: recorder.to_owned(), region: region.to_owned() },
        desired: always(one("recording", "true")),
        commands: pair(
            format!("aws configservice start-configuration-recorder {what}"),
            format!("aws configservice stop-configuration-recorder {what}"),
        ),
        names: vec![recorder, region],
    }
}
