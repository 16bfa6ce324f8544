//! Check: protected resource accessed by a principal that the settings do not name for it.
//!
//! Access follows need to know. Not a violation: principals that the settings name, refused attempts,
//! break-glass identities, and resources that are not protected.

use crate::{Broken, Check, Group, Need, Rule, Speaks, principal, told, touched_resources};
use trailwarden_core::{
    event::Event,
    finding::Severity,
    settings::{Facts, Protected},
};

pub(crate) const CHECK: Check = Check {
    id: "protected-data-outsider",
    title: "Protected data was touched by somebody not named for it",
    group: Group::DataAccess,
    severity: Severity::High,
    remediation: &[
        "Ask what the data was needed for",
        "Take the right away, or name the identity in the settings",
        "If data left, follow the duty to notify",
    ],
    blind_spot: "Reads of objects and items, unless CloudTrail records data events; queries inside a database.",
    needs: Some(Need {
        key: "protected.principals",
        is_given: |facts| facts.protected.iter().any(Protected::has_principals),
    }),
    speaks_about: Speaks::Those(|event, facts| {
        touched_resources::protected(event, facts).iter().any(|(rule, _)| rule.has_principals())
    }),
    rule: Rule::Event(violates),
    config_rules: &[],
};

fn violates(event: &Event<'_>, facts: &Facts) -> Option<Broken> {
    let who = principal(event);
    let touched = touched_resources::protected(event, facts);
    let (rule, arn) = touched
        .iter()
        .find(|(rule, _)| rule.has_principals() && !rule.admits(&who) && !facts.is_break_glass(&who))?;
    let data = rule.data.map_or_else(|| "protected".to_owned(), |data| data.describe().to_owned());
    Some(Broken { what: told(event, arn, &data), data: rule.data, outsiders: Vec::new() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{call, user},
        *,
    };

    const SETTINGS: &str = "[[protected]]\nresources = [\"arn:aws:s3:::cards*\", \"arn:aws:dynamodb:*:*:table/cards\"]\ndata = \"cardholder\"\nprincipals = [\"arn:aws:iam::*:user/teller\"]\n";

    #[test]
    fn a_stranger_to_the_data_breaks_it() {
        let said = call("s3:GetObject", json!({ "bucketName": "cards-2026", "key": "a" }))
            .breaks_given(SETTINGS, &CHECK);
        assert_eq!(said.as_deref(), Some("s3:GetObject on arn:aws:s3:::cards-2026: cardholder data"));
        assert!(
            call("dynamodb:Scan", json!({ "tableName": "cards" })).breaks_given(SETTINGS, &CHECK).is_some()
        );
        let listed =
            call("s3:GetObject", json!(null)).with("resources", json!([{ "ARN": "arn:aws:s3:::cards/x" }]));
        assert!(listed.breaks_given(SETTINGS, &CHECK).is_some());
    }

    #[test]
    fn a_secret_by_its_name_is_the_one_that_the_pattern_means() {
        let settings = "[[protected]]\nresources = [\"arn:aws:secretsmanager:*:*:secret:prod/db-??????\"]\nprincipals = [\"arn:aws:iam::*:role/app\"]\n";
        let read = |name: &str| {
            call("secretsmanager:GetSecretValue", json!({ "secretId": name })).breaks_given(settings, &CHECK)
        };
        assert!(read("prod/db").is_some());
        assert_eq!(read("prod/db-two"), None);
    }

    #[test]
    fn asking_how_data_is_kept_and_a_service_do_not() {
        assert_eq!(
            call("s3:GetBucketLocation", json!({ "bucketName": "cards" })).breaks_given(SETTINGS, &CHECK),
            None
        );
        let mut config = super::super::testing::role("AWSServiceRoleForConfig");
        config["invokedBy"] = "config.amazonaws.com".into();
        assert_eq!(
            call("s3:GetObject", json!({ "bucketName": "cards", "key": "k" }))
                .by(config)
                .breaks_given(SETTINGS, &CHECK),
            None
        );
    }

    #[test]
    fn those_named_other_data_and_a_refusal_do_not() {
        let read = |bucket: &str| call("s3:GetObject", json!({ "bucketName": bucket, "key": "a" }));
        assert_eq!(read("cards").by(user("teller")).breaks_given(SETTINGS, &CHECK), None);
        assert_eq!(read("website").breaks_given(SETTINGS, &CHECK), None);
        assert_eq!(read("cards").refused().breaks_given(SETTINGS, &CHECK), None);
    }
}
