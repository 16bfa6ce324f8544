//! AWS Security Finding Format (ASFF), as Security Hub's `BatchImportFindings` accepts it.
//!
//! Source of names, lengths and patterns: Security Hub's service model (botocore 1.44.5) and the
//! "AWS Security Finding Format" pages of its user guide. The default product ARN requires that the
//! finding's `AwsAccountId` is the importing account; for the command that is the account acted in.

use serde::Serialize;

use crate::messages::REFUSED;
use trailwarden_core::{
    catalog::Tactic,
    event::{PrincipalKind, Time, clip},
    finding::{Finding, Kind, Severity, Status},
};

/// A finding in ASFF. Field names are ASFF's.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are ASFF's")]
pub struct Asff {
    pub schema_version: &'static str,
    pub id: String,
    pub product_arn: String,
    pub generator_id: String,
    pub aws_account_id: String,
    pub types: Vec<String>,
    pub first_observed_at: String,
    pub last_observed_at: String,
    pub created_at: String,
    pub updated_at: String,
    pub severity: Label,
    pub confidence: u8,
    pub title: String,
    pub description: String,
    pub remediation: Remediation,
    pub product_fields: std::collections::BTreeMap<String, String>,
    pub finding_provider_fields: ProviderFields,
    pub resources: Vec<Resource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compliance: Option<Compliance>,
    pub record_state: &'static str,
}

/// Controls that a violation fails.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are ASFF's")]
pub struct Compliance {
    pub status: &'static str,
    pub related_requirements: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are ASFF's")]
pub struct Label {
    pub label: Severity,
    pub normalized: u8,
    pub original: String,
}

/// Provider's fields: after a finding's creation, Security Hub updates severity, confidence and types only from here.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are ASFF's")]
pub struct ProviderFields {
    pub confidence: u8,
    pub severity: ProviderSeverity,
    pub types: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are ASFF's")]
pub struct ProviderSeverity {
    pub label: Severity,
    pub original: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are ASFF's")]
pub struct Remediation {
    pub recommendation: Recommendation,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are ASFF's")]
pub struct Recommendation {
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
#[expect(missing_docs, reason = "the names are ASFF's")]
pub struct Resource {
    #[serde(rename = "Type")]
    pub kind: &'static str,
    pub id: String,
    pub partition: &'static str,
    pub region: String,
}

/// Most requirements that Security Hub accepts, and their longest, in characters.
const REQUIREMENTS: usize = 32;
const REQUIREMENT: usize = 64;
/// Longest texts that Security Hub accepts, in characters.
const TITLE: usize = 256;
const DESCRIPTION: usize = 1024;
const RECOMMENDATION: usize = 512;
const FIELD: usize = 2048;
const ID: usize = 512;
/// Account id of findings without one: Security Hub refuses anything but 12 digits.
pub const NO_ACCOUNT: &str = "000000000000";

/// Maps a finding. `now` becomes `UpdatedAt`: Security Hub ignores updates that are not later than the last one.
pub fn asff(finding: &Finding, now: Time) -> Asff {
    let account = if is_account(&finding.account_id) { &finding.account_id } else { NO_ACCOUNT };
    let region = if is_region(&finding.region) { &finding.region } else { "us-east-1" };
    let partition = partition(region);
    let confidence = (finding.confidence * 100.0).round().clamp(0.0, 100.0) as u8;
    let original = format!("{:.3}", finding.score);
    Asff {
        schema_version: "2018-10-08",
        id: text(&finding.id, ID),
        product_arn: format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default"),
        generator_id: format!("trailwarden/{}", finding.detector),
        aws_account_id: account.to_owned(),
        types: types(finding),
        first_observed_at: finding.first_seen.to_string(),
        last_observed_at: finding.last_seen.to_string(),
        created_at: finding.first_seen.to_string(),
        updated_at: now.max(finding.last_seen).to_string(),
        severity: Label {
            label: finding.severity,
            normalized: normalized(finding),
            original: original.clone(),
        },
        confidence,
        finding_provider_fields: ProviderFields {
            confidence,
            severity: ProviderSeverity { label: finding.severity, original },
            types: types(finding),
        },
        title: text(&format!("{}: {}", finding.title, short(&finding.principal)), TITLE),
        description: text(&describe(finding), DESCRIPTION),
        remediation: Remediation {
            recommendation: Recommendation {
                text: text(&finding.recommendations.join(". "), RECOMMENDATION),
            },
        },
        product_fields: product_fields(finding),
        resources: vec![resource(finding, partition, region)],
        compliance: compliance(finding),
        record_state: if finding.status == Status::Open { "ACTIVE" } else { "ARCHIVED" },
    }
}

impl Asff {
    /// Adds the revision to `UpdatedAt` as milliseconds, so that of two within a second the later revision wins.
    #[must_use]
    pub fn revised(mut self, revision: u32) -> Self {
        let seconds = self.updated_at.trim_end_matches('Z');
        self.updated_at = format!("{seconds}.{:03}Z", revision.min(999));
        self
    }

    /// Adds the finding's partition as a product field, by which analysts' verdicts find their way back.
    #[must_use]
    pub fn kept_in(mut self, partition: &str) -> Self {
        self.product_fields.insert("trailwarden/scope".to_owned(), text(partition, FIELD));
        self
    }

    /// Files the finding under the importing account, as the default product ARN requires. The account acted in moves
    /// to the resources and product fields.
    #[must_use]
    pub fn filed_under(mut self, account: &str, region: &str) -> Self {
        let acted_in = std::mem::replace(&mut self.aws_account_id, account.to_owned());
        let partition = partition(region);
        self.product_arn =
            format!("arn:{partition}:securityhub:{region}:{account}:product/{account}/default");
        if acted_in == account {
            return self;
        }
        let id = format!("AWS::::Account:{acted_in}");
        if self.resources.iter().all(|resource| resource.id != id) {
            let region =
                self.resources.first().map_or_else(|| region.to_owned(), |first| first.region.clone());
            self.resources.push(Resource { kind: "AwsAccount", id, partition, region });
        }
        self.product_fields.insert("trailwarden/accountId".to_owned(), acted_in);
        self
    }
}

/// ASFF's normalized severity, placed within its band by the score.
fn normalized(finding: &Finding) -> u8 {
    let (low, high) = match finding.severity {
        Severity::Informational => return 0,
        Severity::Low => (1.0, 39.0),
        Severity::Medium => (40.0, 69.0),
        Severity::High => (70.0, 89.0),
        Severity::Critical => (90.0, 100.0),
    };
    (finding.score * 100.0).clamp(low, high) as u8
}

/// ASFF types, `namespace/category`, by ATT&CK tactic.
fn types(finding: &Finding) -> Vec<String> {
    if finding.kind == Kind::Compliance {
        return vec!["Software and Configuration Checks/Industry and Regulatory Standards".to_owned()];
    }
    let mut types: Vec<String> = finding.tactics.iter().map(|tactic| namespace(*tactic)).collect();
    if types.is_empty() {
        types.push("Unusual Behaviors/User".to_owned());
    }
    types.dedup();
    types
}

fn namespace(tactic: Tactic) -> String {
    match tactic {
        Tactic::Exfiltration => "Effects/Data Exfiltration".to_owned(),
        Tactic::Impact => "Effects/Data Destruction".to_owned(),
        tactic => format!("TTPs/{}", tactic.name()),
    }
}

/// Compliance status: an open violation fails its controls, a closed one passes them.
fn compliance(finding: &Finding) -> Option<Compliance> {
    let status = match finding.status {
        Status::Open => "FAILED",
        Status::Closed(_) => "PASSED",
        Status::Suppressed(_) => "NOT_AVAILABLE",
    };
    let controls = finding.controls.iter().take(REQUIREMENTS);
    let related_requirements = controls.map(|control| text(control, REQUIREMENT)).collect();
    (finding.kind == Kind::Compliance).then_some(Compliance { status, related_requirements })
}

fn describe(finding: &Finding) -> String {
    let mut text =
        format!("{} (score {:.2}): {}", finding.principal, finding.score, finding.evidence.join(". "));
    if !finding.callers.is_empty() {
        text = format!("{text}. Assumed by {}", finding.callers.join(", then by "));
    }
    text
}

fn product_fields(finding: &Finding) -> std::collections::BTreeMap<String, String> {
    let techniques: Vec<&str> = finding.techniques.iter().map(|technique| technique.id()).collect();
    [
        ("trailwarden/detector", finding.detector.clone()),
        ("trailwarden/principal", finding.principal.clone()),
        ("trailwarden/techniques", techniques.join(",")),
        ("trailwarden/eventIds", finding.event_ids.join(",")),
        ("trailwarden/callers", finding.callers.join(",")),
    ]
    .into_iter()
    .filter(|(_, value)| !value.is_empty())
    .map(|(key, value)| (key.to_owned(), text(&value, FIELD)))
    .collect()
}

fn resource(finding: &Finding, partition: &'static str, region: &str) -> Resource {
    let kind = match finding.principal_kind {
        PrincipalKind::User => "AwsIamUser",
        PrincipalKind::Role | PrincipalKind::Workload => "AwsIamRole",
        PrincipalKind::Root => "AwsAccount",
        _ => "Other",
    };
    let id = if kind == "AwsAccount" {
        format!("AWS::::Account:{}", finding.account_id)
    } else {
        finding.principal.clone()
    };
    Resource { kind, id: text(&id, ID), partition, region: region.to_owned() }
}

fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

/// Text cut at `limit` characters, the unit of ASFF's limits; control characters become spaces. Never empty, since ASFF
/// refuses that.
fn text(value: &str, limit: usize) -> String {
    let clean: String = value
        .chars()
        .map(|c| if c.is_control() || REFUSED.contains(&c) { ' ' } else { c })
        .take(limit)
        .collect();
    let trimmed = clean.trim();
    if trimmed.is_empty() { "-".to_owned() } else { trimmed.to_owned() }
}

fn short(principal: &str) -> &str {
    clip(principal.rsplit('/').next().unwrap_or(principal), 128)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_region(text: &str) -> bool {
    (6..=25).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailwarden_core::finding::testing::finding;

    #[test]
    fn a_later_publication_has_a_later_time_and_another_account_files_it() {
        let plain = asff(&finding(), Time(1_772_445_700));
        let filed = plain.clone().revised(2).filed_under("999988887777", "eu-central-1");
        assert!(filed.updated_at > plain.clone().revised(1).updated_at, "{}", filed.updated_at);
        assert_eq!(filed.aws_account_id, "999988887777");
        assert_eq!(
            filed.product_arn,
            "arn:aws:securityhub:eu-central-1:999988887777:product/999988887777/default"
        );
        assert_eq!(filed.product_fields["trailwarden/accountId"], "111122223333");
        assert_eq!(filed.resources.last().unwrap().id, "AWS::::Account:111122223333");
    }

    #[test]
    fn a_finding_has_all_that_security_hub_requires() {
        let json = serde_json::to_value(asff(&finding(), Time(0))).unwrap();
        for key in [
            "SchemaVersion",
            "Id",
            "ProductArn",
            "GeneratorId",
            "AwsAccountId",
            "CreatedAt",
            "UpdatedAt",
            "Title",
            "Description",
            "Resources",
            "Types",
            "Severity",
        ] {
            assert!(json.get(key).is_some(), "{key}");
        }
        assert_eq!(
            json["ProductArn"],
            "arn:aws:securityhub:eu-west-1:111122223333:product/111122223333/default"
        );
        assert_eq!(
            (json["Severity"]["Label"].as_str(), json["Severity"]["Normalized"].as_u64()),
            (Some("HIGH"), Some(76))
        );
        assert_eq!(json["Types"][0], "TTPs/Defense Evasion");
    }

    #[test]
    fn hostile_text_is_bounded_and_without_controls() {
        let long = "é\u{1b}[31m\n".repeat(2_000);
        let hostile = Finding {
            principal: long.clone(),
            title: long.clone(),
            evidence: vec![long.clone()],
            recommendations: vec![long.clone()],
            event_ids: vec![long.clone(); 100],
            account_id: "12".into(),
            region: long,
            ..finding()
        };
        let asff = asff(&hostile, Time(0));
        assert!(asff.title.chars().count() <= TITLE && asff.description.chars().count() <= DESCRIPTION);
        assert!(asff.remediation.recommendation.text.chars().count() <= RECOMMENDATION);
        assert!(
            asff.product_fields
                .values()
                .all(|value| value.chars().count() <= FIELD && !value.contains(char::is_control))
        );
        assert!(asff.resources[0].id.chars().count() <= ID);
        assert_eq!(
            (asff.aws_account_id.as_str(), asff.resources[0].region.as_str()),
            (NO_ACCOUNT, "us-east-1")
        );
    }
}
