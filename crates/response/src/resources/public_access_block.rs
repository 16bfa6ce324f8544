//! Public access block of an S3 bucket. State: its four switches, each to `true` or `false`; nothing if there is none.

use super::{ActionSheet, ResourceSheet, always, pair};
use crate::{Resource, Undo};

/// The four switches, by their names in S3's API.
pub const SWITCHES: [&str; 4] =
    ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"];

pub(crate) fn sheet<'a>(bucket: &'a str, region: &'a str) -> ResourceSheet<'a> {
    let calls = &[
        "s3:GetBucketPublicAccessBlock",
        "s3:PutBucketPublicAccessBlock",
        "s3:DeleteBucketPublicAccessBlock",
    ];
    ResourceSheet { name: bucket, calls, region: Some(region) }
}

/// Turns all four switches on.
pub(crate) fn block<'a>(bucket: &'a str, region: &'a str) -> ActionSheet<'a> {
    let switches = SWITCHES.map(|switch| format!("{switch}=true")).join(",");
    ActionSheet {
        text: format!("Block public access to the bucket {bucket}"),
        undo: (Undo::Exact, "put back the four switches, which are recorded before"),
        resource: Resource::PublicAccess { bucket: bucket.to_owned(), region: region.to_owned() },
        desired: always(SWITCHES.map(|switch| (switch.to_owned(), "true".to_owned())).into()),
        commands: pair(
            format!(
                "aws s3api put-public-access-block --bucket '{bucket}' --public-access-block-configuration {switches}"
            ),
            format!("aws s3api delete-public-access-block --bucket '{bucket}'   # if there was none before"),
        ),
        names: vec![bucket, region],
    }
}
