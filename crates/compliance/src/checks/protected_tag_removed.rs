//! Check: data classification tag removed from a resource.
//!
//! Policies and people rely on such tags. Not a violation: removing other tags, and setting the tag.

use crate::{Broken, Check, Group, Need, Rule, Speaks, told};
use trailwarden_core::{
    catalog::{Call, strings},
    event::Event,
    finding::Severity,
    settings::Facts,
};

pub(crate) const CHECK: Check = Check {
    id: "protected-tag-removed",
    title: "A tag that classifies data was removed",
    group: Group::DataAccess,
    severity: Severity::Medium,
    remediation: &[
        "Put the tag back",
        "Let only few change it (a tag policy, or aws:TagKeys in a condition)",
    ],
    blind_spot: "A tag set to another value; tags of a bucket that were replaced all together.",
    needs: Some(Need { key: "protected_tags", is_given: |facts| !facts.protected_tags.is_empty() }),
    speaks_about: Speaks::Those(|event, _| is_untagging(event)),
    rule: Rule::Event(violates),
    config_rules: &[],
};

fn is_untagging(event: &Event<'_>) -> bool {
    let name = &*event.event_name;
    name.starts_with("Untag")
        || matches!(
            name,
            "DeleteTags"
                | "RemoveTags"
                | "RemoveTagsFromResource"
                | "DeleteBucketTagging"
                | "DeleteObjectTagging"
        )
}

fn violates(event: &Event<'_>, facts: &Facts) -> Option<Broken> {
    let call = Call::new(event);
    let named = strings(&call.parameters);
    let all_go = matches!(&*event.event_name, "DeleteBucketTagging" | "DeleteObjectTagging");
    let tag = facts.protected_tags.iter().find(|tag| all_go || named.contains(&tag.as_str()))?;
    let target =
        call.text(&["bucketName", "resourceArn", "resourceARN", "resourceId", "resourceName", "arn"]);
    Some(told(event, target, tag).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::call, *};

    const SETTINGS: &str = "protected_tags = [\"data-class\"]";

    #[test]
    fn taking_it_away_breaks_it() {
        let tags = json!({ "resourcesSet": { "items": [{ "resourceId": "vol-1" }] }, "tagSet": { "items": [{ "key": "data-class" }] } });
        assert!(call("ec2:DeleteTags", tags).breaks_given(SETTINGS, &CHECK).is_some());
        assert!(
            call("s3:DeleteBucketTagging", json!({ "bucketName": "cards" }))
                .breaks_given(SETTINGS, &CHECK)
                .is_some()
        );
    }

    #[test]
    fn other_tags_and_a_refusal_do_not() {
        let tags = json!({ "tagKeys": ["team"], "resourceArn": "arn:aws:lambda:eu-west-1:1:function:f" });
        assert_eq!(call("lambda:UntagResource", tags).breaks_given(SETTINGS, &CHECK), None);
        assert_eq!(
            call("s3:DeleteBucketTagging", json!({ "bucketName": "cards" }))
                .refused()
                .breaks_given(SETTINGS, &CHECK),
            None
        );
    }
}
