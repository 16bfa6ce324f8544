//! Defences of an account: CloudTrail trails, AWS Config recorders, GuardDuty detectors and KMS keys.

use aws_config::SdkConfig;
use trailwarden_pipeline::ports::Trouble;
use trailwarden_response::{Resource, State};

use super::{is_on, one, trouble};

pub(super) async fn read(aws: &SdkConfig, resource: &Resource) -> Result<State, Trouble> {
    match resource {
        Resource::Trail { trail, .. } => {
            let cloudtrail = aws_sdk_cloudtrail::Client::new(aws);
            let status = cloudtrail.get_trail_status().name(trail).send().await.map_err(trouble)?;
            Ok(one("logging", status.is_logging.unwrap_or_default().to_string()))
        }
        Resource::Recorder { recorder, .. } => {
            let config = aws_sdk_config::Client::new(aws);
            let asked = config.describe_configuration_recorder_status();
            let asked = asked.configuration_recorder_names(recorder).send().await.map_err(trouble)?;
            let recorders = asked.configuration_recorders_status.unwrap_or_default();
            let is_recording = recorders.first().is_some_and(|recorder| recorder.recording);
            Ok(one("recording", is_recording.to_string()))
        }
        Resource::Detector { detector, .. } => {
            let guardduty = aws_sdk_guardduty::Client::new(aws);
            let answer = guardduty.get_detector().detector_id(detector).send().await.map_err(trouble)?;
            let is_enabled = answer.status.is_some_and(|status| status.as_str() == "ENABLED");
            Ok(one("enabled", is_enabled.to_string()))
        }
        Resource::Key { key, .. } => {
            let kms = aws_sdk_kms::Client::new(aws);
            let answer = kms.describe_key().key_id(key).send().await.map_err(trouble)?;
            let state = answer.key_metadata.and_then(|key| key.key_state);
            Ok(state.map(|state| one("state", state.as_str())).unwrap_or_default())
        }
        _ => Err(unknown()),
    }
}

pub(super) async fn write(
    aws: &SdkConfig,
    resource: &Resource,
    from: &State,
    to: &State,
) -> Result<(), Trouble> {
    match resource {
        Resource::Trail { trail, .. } => {
            let cloudtrail = aws_sdk_cloudtrail::Client::new(aws);
            if is_on(to, "logging") {
                cloudtrail.start_logging().name(trail).send().await.map(drop).map_err(trouble)
            } else {
                cloudtrail.stop_logging().name(trail).send().await.map(drop).map_err(trouble)
            }
        }
        Resource::Recorder { recorder, .. } => {
            let config = aws_sdk_config::Client::new(aws);
            if is_on(to, "recording") {
                let start = config.start_configuration_recorder().configuration_recorder_name(recorder);
                start.send().await.map(drop).map_err(trouble)
            } else {
                let stop = config.stop_configuration_recorder().configuration_recorder_name(recorder);
                stop.send().await.map(drop).map_err(trouble)
            }
        }
        Resource::Detector { detector, .. } => {
            let guardduty = aws_sdk_guardduty::Client::new(aws);
            let update = guardduty.update_detector().detector_id(detector).enable(is_on(to, "enabled"));
            update.send().await.map(drop).map_err(trouble)
        }
        Resource::Key { key, .. } => key_becomes(aws, key, from, to).await,
        _ => Err(unknown()),
    }
}

async fn key_becomes(aws: &SdkConfig, key: &str, from: &State, to: &State) -> Result<(), Trouble> {
    let kms = aws_sdk_kms::Client::new(aws);
    let is = |state: &State, name: &str| state.get("state").is_some_and(|is| is == name);
    if is(from, "PendingDeletion") {
        kms.cancel_key_deletion().key_id(key).send().await.map_err(trouble)?;
    }
    // No response schedules a deletion: a key that was pending deletion becomes disabled instead.
    if is(to, "Enabled") {
        kms.enable_key().key_id(key).send().await.map(drop).map_err(trouble)
    } else {
        kms.disable_key().key_id(key).send().await.map(drop).map_err(trouble)
    }
}

fn unknown() -> Trouble {
    Trouble::Refused("nobody knows how".to_owned())
}
