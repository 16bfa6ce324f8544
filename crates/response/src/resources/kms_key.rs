//! Key of KMS. State: `state` to `Enabled`, `Disabled` or `PendingDeletion`.

use super::{ActionSheet, ResourceSheet, always, one, pair};
use crate::{Commands, Resource, Undo};

pub(crate) fn sheet<'a>(key: &'a str, region: &'a str) -> ResourceSheet<'a> {
    let calls = &["kms:DescribeKey", "kms:CancelKeyDeletion", "kms:EnableKey", "kms:DisableKey"];
    ResourceSheet { name: key, calls, region: Some(region) }
}

/// Cancels the scheduled deletion, and enables the key.
pub(crate) fn cancel_deletion<'a>(key: &'a str, region: &'a str) -> ActionSheet<'a> {
    ActionSheet {
        text: format!("Cancel the deletion of the key {key} in {region}, and enable it"),
        undo: (Undo::Partial, "disable it: to schedule the deletion again is left to people"),
        commands: Commands {
            forth: vec![command("cancel-key-deletion", key, region), command("enable-key", key, region)],
            back: vec![command("disable-key", key, region)],
        },
        ..enable(key, region)
    }
}

/// Enables the key.
pub(crate) fn enable<'a>(key: &'a str, region: &'a str) -> ActionSheet<'a> {
    ActionSheet {
        text: format!("Enable the key {key} in {region} again"),
        undo: (Undo::Exact, "disable it again"),
        resource: Resource::Key { key: key.to_owned(), region: region.to_owned() },
        desired: always(one("state", "Enabled")),
        commands: pair(command("enable-key", key, region), command("disable-key", key, region)),
        names: vec![key, region],
    }
}

fn command(call: &str, key: &str, region: &str) -> String {
    format!("aws kms {call} --region {region} --key-id '{key}'")
}
