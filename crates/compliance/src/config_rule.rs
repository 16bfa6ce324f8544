//! Conversion of AWS Config rule evaluations to findings.
//!
//! A configuration rule that stops being compliant is evidence for the controls of the check that tests the
//! same requirement on activity.

use std::collections::BTreeSet;

use super::{ALL, Check, FRAMEWORKS, finding};
use trailwarden_core::settings::Facts;
use trailwarden_core::{
    event::{Principal, PrincipalKind},
    finding::{CONFIG_RULE, Finding, Status},
    sources::RuleChange,
};

/// Fixed day for the finding id, 2010-01-01: before any log, so it collides with no real day.
const NO_DAY: u32 = 14_610;

/// The finding that an evaluation opens or closes; `None` if no check corresponds to the rule.
pub fn finding_of(change: &RuleChange, facts: &Facts) -> Option<Finding> {
    let checks: Vec<&Check> = ALL.iter().copied().filter(|check| says_the_same(change, check)).collect();
    let worst = checks.iter().max_by_key(|check| check.severity)?;
    let new = &change.new_evaluation_result;
    let (broken, status) = match &change.old_evaluation_result {
        _ if new.is_broken() => (new, Status::Open),
        Some(old) if old.is_broken() => (old, Status::Closed(format!("AWS Config: {}", new.compliance_type))),
        _ => return None,
    };
    let at = broken.time()?;
    let account = Principal::new(
        PrincipalKind::Unknown,
        &format!("account:{}", change.aws_account_id),
        &change.aws_account_id,
    );
    let subject = format!(
        "{}\n{}\n{}\n{}",
        change.aws_account_id, change.aws_region, change.config_rule_name, change.resource_id
    );
    let spoken: BTreeSet<String> =
        checks.iter().flat_map(|check| check.controls(None, &change.aws_account_id, facts)).collect();
    let names =
        FRAMEWORKS.iter().flat_map(|framework| framework.spoken_of().map(|control| framework.name(control)));
    let because = new.annotation.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    Some(Finding {
        // The id has no real day: a later evaluation replaces the earlier one.
        id: Finding::id_of(CONFIG_RULE, &subject, NO_DAY),
        detector: CONFIG_RULE.to_owned(),
        title: format!("AWS Config rule no longer holds: {}", change.config_rule_name),
        last_seen: new.time().unwrap_or(at).max(at),
        controls: names.filter(|name| spoken.contains(name)).collect(),
        evidence: vec![format!(
            "{} {} is {} by rule {}{because}",
            change.resource_type, change.resource_id, new.compliance_type, change.config_rule_name
        )],
        status,
        ..finding(worst, &account, &change.aws_account_id, &change.aws_region, at)
    })
}

/// Conformance packs and Security Hub add a prefix or suffix to the managed rule's name.
fn says_the_same(change: &RuleChange, check: &Check) -> bool {
    let name = change.config_rule_name.to_ascii_lowercase().replace('_', "-");
    let name = name.strip_prefix("securityhub-").unwrap_or(&name);
    check.config_rules.iter().any(|rule| {
        name.strip_prefix(rule).is_some_and(|behind| behind.is_empty() || behind.starts_with('-'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(rule: &str, new: &str, old: &str) -> Option<Finding> {
        let result =
            |kind: &str, at: &str| format!(r#"{{"complianceType":"{kind}","resultRecordedTime":"{at}"}}"#);
        let text = format!(
            r#"{{"resourceId":"main","resourceType":"AWS::CloudTrail::Trail","awsRegion":"eu-west-1","awsAccountId":"111122223333",
            "configRuleName":"{rule}","messageType":"ComplianceChangeNotification","newEvaluationResult":{},"oldEvaluationResult":{}}}"#,
            result(new, "2026-03-03T09:00:00.000Z"),
            result(old, "2026-03-02T10:00:00.000Z"),
        );
        finding_of(&RuleChange::read(&text).unwrap(), &Facts::default())
    }

    #[test]
    fn a_broken_rule_speaks_to_the_controls_of_the_check_that_says_the_same() {
        let finding =
            change("securityhub-cloudtrail-enabled-0a1b2c3d", "NON_COMPLIANT", "COMPLIANT").unwrap();
        assert!(
            finding.controls.iter().any(|control| control.starts_with("PCI DSS")),
            "{:?}",
            finding.controls
        );
        assert!(finding.evidence[0].contains("AWS::CloudTrail::Trail main is NON_COMPLIANT"));
        assert_eq!(finding.status, Status::Open);
    }

    #[test]
    fn one_that_holds_again_closes_what_it_opened() {
        let opened = change("cloudtrail-enabled", "NON_COMPLIANT", "COMPLIANT").unwrap();
        let closed = change("cloudtrail-enabled", "COMPLIANT", "NON_COMPLIANT").unwrap();
        assert!(matches!(closed.status, Status::Closed(_)));
        assert_eq!(opened.id, closed.id, "whatever the days");
    }

    #[test]
    fn a_rule_that_no_check_knows_and_one_that_always_held_say_nothing() {
        assert_eq!(change("our-own-rule", "NON_COMPLIANT", "COMPLIANT"), None);
        assert_eq!(change("cloudtrail-enabledness", "NON_COMPLIANT", "COMPLIANT"), None);
        assert_eq!(change("cloudtrail-enabled", "COMPLIANT", "NOT_APPLICABLE"), None);
    }
}
