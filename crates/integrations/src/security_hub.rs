//! Findings to Security Hub (CSPM), in ASFF.
//!
//! Limits by AWS: 100 findings and 6 MB a call, 240 KB a finding, 10 calls a second per account and Region.

use std::{collections::BTreeMap, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_securityhub::{
    Client,
    types::{
        AwsSecurityFinding, FindingProviderFields, FindingProviderSeverity, Partition, Recommendation,
        RecordState, Remediation, Resource, Severity, SeverityLabel,
    },
};
use trailwarden_core::{
    finding,
    formats::asff::{self, Asff},
    ports::{FindingsHub, Unavailable},
};

use crate::{queue::runs, unavailable};

const SERVICE: &str = "securityhub";
/// Findings that one call takes.
const FINDINGS: usize = 100;
/// Bytes that one call takes: 6 MB, with some room.
const BYTES: usize = 5_000_000;
/// One function may call so often that two at once stay below ten calls a second.
const PACE: Duration = Duration::from_millis(200);

/// Security Hub.
#[derive(Clone, Debug)]
pub struct SecurityHub {
    client: Client,
}

impl SecurityHub {
    /// Of the function's own account and Region.
    pub fn new(aws: &SdkConfig) -> Self {
        Self { client: Client::new(aws) }
    }
}

impl FindingsHub for SecurityHub {
    async fn import(&self, findings: &[Asff]) -> Result<BTreeMap<usize, String>, Unavailable> {
        let sizes = findings.iter().map(|finding| serde_json::to_vec(finding).map_or(0, |json| json.len()));
        let mut refused = BTreeMap::new();
        for (nth, run) in runs(sizes, FINDINGS, BYTES).into_iter().enumerate() {
            if nth > 0 {
                tokio::time::sleep(PACE).await;
            }
            let mapped = findings[run.clone()].iter().map(mapped).collect();
            let answer = self.client.batch_import_findings().set_findings(Some(mapped)).send().await;
            let failed = answer.map_err(|error| unavailable(SERVICE, &error))?.failed_findings;
            for failed in failed.unwrap_or_default() {
                let reason = [failed.error_code.as_deref(), failed.error_message.as_deref()];
                let reason = reason.into_iter().flatten().collect::<Vec<_>>().join(": ");
                let is_it = |at: &usize| failed.id.as_deref() == Some(&findings[*at].id);
                refused.extend(run.clone().filter(is_it).map(|at| (at, reason.clone())));
            }
        }
        Ok(refused)
    }
}

/// Core's ASFF in the SDK's words: nothing more, nothing less.
pub fn mapped(finding: &Asff) -> AwsSecurityFinding {
    AwsSecurityFinding::builder()
        .schema_version(finding.schema_version)
        .id(&finding.id)
        .product_arn(&finding.product_arn)
        .generator_id(&finding.generator_id)
        .aws_account_id(&finding.aws_account_id)
        .set_types(Some(finding.types.clone()))
        .first_observed_at(&finding.first_observed_at)
        .last_observed_at(&finding.last_observed_at)
        .created_at(&finding.created_at)
        .updated_at(&finding.updated_at)
        .severity(
            Severity::builder()
                .label(label(finding.severity.label))
                .normalized(i32::from(finding.severity.normalized))
                .original(&finding.severity.original)
                .build(),
        )
        .confidence(i32::from(finding.confidence))
        .title(&finding.title)
        .description(&finding.description)
        .remediation(remediation(&finding.remediation))
        .set_product_fields(Some(finding.product_fields.clone().into_iter().collect()))
        .finding_provider_fields(provider_fields(&finding.finding_provider_fields))
        .set_resources(Some(finding.resources.iter().map(resource).collect()))
        .record_state(RecordState::from(finding.record_state))
        .build()
}

fn label(severity: finding::Severity) -> SeverityLabel {
    SeverityLabel::from(severity.label())
}

fn remediation(remediation: &asff::Remediation) -> Remediation {
    let text = Recommendation::builder().text(&remediation.recommendation.text).build();
    Remediation::builder().recommendation(text).build()
}

fn provider_fields(fields: &asff::ProviderFields) -> FindingProviderFields {
    let severity = FindingProviderSeverity::builder()
        .label(label(fields.severity.label))
        .original(&fields.severity.original)
        .build();
    FindingProviderFields::builder()
        .confidence(i32::from(fields.confidence))
        .severity(severity)
        .set_types(Some(fields.types.clone()))
        .build()
}

fn resource(resource: &asff::Resource) -> Resource {
    Resource::builder()
        .r#type(resource.kind)
        .id(&resource.id)
        .partition(Partition::from(resource.partition))
        .region(&resource.region)
        .build()
}
