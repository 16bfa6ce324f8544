//! Check: change in a Region that the organisation does not use.
//!
//! Nobody watches such a Region, and data may not be stored there. Not a violation: reads (consoles query
//! every Region), services that exist in one Region only (including certificates for CloudFront), security
//! services that should run everywhere, and AWS services acting on a principal's behalf.

use crate::{Check, Group, Need, Rule, Speaks, told};
use trailwarden_core::{event::Event, finding::Severity, settings::Facts};

pub(crate) const CHECK: Check = Check {
    id: "activity-outside-regions",
    title: "A change in a Region that is not used",
    group: Group::Boundary,
    severity: Severity::Medium,
    remediation: &[
        "Ask what is needed there; delete what is not",
        "Deny other Regions by a service control policy (aws:RequestedRegion)",
    ],
    blind_spot: "Which Regions a policy allows; Regions without a trail.",
    needs: Some(Need { key: "allowed_regions", is_given: |facts| !facts.regions.is_empty() }),
    speaks_about: Speaks::Every(is_elsewhere),
    rule: Rule::Event(|event, _| Some(told(event, "", &format!("in {}", event.aws_region)).into())),
    config_rules: &[],
};

/// Global services, logged in us-east-1 or another single Region: AWS general reference, "Service endpoints".
const GLOBAL: &[&str] = &[
    "iam",
    "sts",
    "signin",
    "organizations",
    "route53",
    "route53domains",
    "cloudfront",
    "globalaccelerator",
    "account",
    "sso",
    "support",
    "trustedadvisor",
    "health",
    "waf",
    "shield",
    "ce",
    "budgets",
    "billing",
    "cur",
    "artifact",
    "identitystore",
    "sso-directory",
    "networkmanager",
    "servicequotas",
    "tagging",
    "marketplace",
    "ecr-public",
    "q",
    "consoleapp",
    "notifications",
];

/// Security services that should run in every Region, used or not.
const WATCHERS: &[&str] = &[
    "guardduty",
    "securityhub",
    "config",
    "cloudtrail",
    "access-analyzer",
    "inspector2",
    "macie2",
    "detective",
];

fn is_elsewhere(event: &Event<'_>, facts: &Facts) -> bool {
    let region = &*event.aws_region;
    event.read_only == Some(false)
        && !region.is_empty()
        && !facts.regions.iter().any(|allowed| allowed == region)
        && !GLOBAL.contains(&event.service())
        && !WATCHERS.contains(&event.service())
        && (event.service() != "acm" || region != "us-east-1")
        && event.identity.invoked_by.is_empty()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::testing::{Told, call},
        *,
    };

    const SETTINGS: &str = "allowed_regions = [\"eu-west-1\"]";

    fn made(what: &str, region: &str, reads: bool) -> Told {
        call(what, json!({})).with("awsRegion", region).with("readOnly", reads)
    }

    #[test]
    fn a_machine_elsewhere_breaks_it() {
        assert_eq!(
            made("ec2:RunInstances", "sa-east-1", false).breaks_given(SETTINGS, &CHECK).as_deref(),
            Some("ec2:RunInstances: in sa-east-1")
        );
        assert_eq!(made("ec2:RunInstances", "sa-east-1", false).breaks(&CHECK), None, "no Regions are named");
    }

    #[test]
    fn one_at_home_reading_and_a_global_service_do_not() {
        assert_eq!(made("ec2:RunInstances", "eu-west-1", false).breaks_given(SETTINGS, &CHECK), None);
        assert_eq!(made("ec2:DescribeInstances", "sa-east-1", true).breaks_given(SETTINGS, &CHECK), None);
        assert_eq!(made("iam:CreateRole", "us-east-1", false).breaks_given(SETTINGS, &CHECK), None);
        assert_eq!(
            made("ec2:RunInstances", "sa-east-1", false).refused().breaks_given(SETTINGS, &CHECK),
            None
        );
    }
}
