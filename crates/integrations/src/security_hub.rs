//! Security Hub (CSPM) as a destination of findings in ASFF.
//!
//! AWS limits: 100 findings and 6 MB per call, 240 KB per finding, 10 calls per second, account and Region.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use aws_config::{SdkConfig, sts::AssumeRoleProvider};
use aws_sdk_securityhub::{
    Client,
    config::SharedCredentialsProvider,
    types::{
        AwsSecurityFinding, Compliance, ComplianceStatus, FindingProviderFields, FindingProviderSeverity,
        Partition, Recommendation, RecordState, Remediation, Resource, Severity, SeverityLabel,
    },
};
use trailwarden_core::finding;
use trailwarden_pipeline::{
    formats::asff::{self, Asff},
    ports::{FindingsHub, Unavailable},
};

use crate::queue::runs;

const SERVICE: &str = "securityhub";
/// Findings per call.
const FINDINGS: usize = 100;
/// Bytes per call: 6 MB, less some room.
const BYTES: usize = 5_000_000;
/// Pause between calls: two concurrent functions stay within ten calls per second.
const PACE: Duration = Duration::from_millis(200);

/// Client of Security Hub, of one account or several.
pub struct SecurityHub {
    aws: SdkConfig,
    /// The function's own account.
    home: String,
    /// Role to assume in other accounts, to file there.
    role: Option<String>,
    clients: RefCell<HashMap<String, Client>>,
}

impl SecurityHub {
    /// Client that files under the account `home`, and with `role` under other accounts too.
    pub fn new(aws: &SdkConfig, home: String, role: Option<String>) -> Self {
        let clients = RefCell::new([(home.clone(), Client::new(aws))].into());
        Self { aws: aws.clone(), home, role, clients }
    }

    /// Client for the account that a finding is filed under.
    async fn client(&self, filed: &Asff) -> Result<Client, Unavailable> {
        let account = &filed.aws_account_id;
        if let Some(client) = self.clients.borrow().get(account) {
            return Ok(client.clone());
        }
        let Some(role) = &self.role else {
            return Err(Unavailable::because(SERVICE, format!("no role to file under account {account}")));
        };
        let partition = filed.product_arn.split(':').nth(1).unwrap_or("aws");
        let assumed = AssumeRoleProvider::builder(format!("arn:{partition}:iam::{account}:role/{role}"))
            .session_name("trailwarden")
            .external_id(&self.home)
            .configure(&self.aws)
            .build()
            .await;
        let config =
            self.aws.to_builder().credentials_provider(SharedCredentialsProvider::new(assumed)).build();
        let client = Client::new(&config);
        self.clients.borrow_mut().insert(account.clone(), client.clone());
        Ok(client)
    }

    /// Files findings of one account in one call; returns the id and reason of each refused one.
    async fn file(&self, findings: &[&Asff]) -> Result<Vec<(String, String)>, Unavailable> {
        let Some(first) = findings.first() else { return Ok(Vec::new()) };
        let mapped = findings.iter().map(|finding| mapped(finding)).collect();
        let call = self.client(first).await?.batch_import_findings().set_findings(Some(mapped));
        let answer = call.send().await.map_err(|error| Unavailable::from_error(SERVICE, &error))?;
        let failed = answer.failed_findings.unwrap_or_default().into_iter();
        let refused = failed.map(|failed| {
            let reason = [failed.error_code, failed.error_message].into_iter().flatten();
            (failed.id.unwrap_or_default(), reason.collect::<Vec<_>>().join(": "))
        });
        Ok(refused.collect())
    }
}

impl SecurityHub {
    /// Files one finding; returns its id and the reason if it is refused.
    async fn file_alone(&self, finding: &Asff) -> Option<(String, String)> {
        match self.file(&[finding]).await {
            Ok(failed) => failed.into_iter().next(),
            Err(error) => Some((finding.id.clone(), error.to_string())),
        }
    }
}

impl FindingsHub for SecurityHub {
    async fn import(&self, findings: &[Asff]) -> Result<BTreeMap<usize, String>, Unavailable> {
        let mut by_account: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, finding) in findings.iter().enumerate() {
            by_account.entry(&finding.aws_account_id).or_default().push(at);
        }
        let mut refused = BTreeMap::new();
        let mut calls = 0;
        for positions in by_account.values() {
            let size = |at: &usize| serde_json::to_vec(&findings[*at]).map_or(0, |json| json.len());
            for run in runs(positions.iter().map(size), FINDINGS, BYTES) {
                if calls > 0 {
                    tokio::time::sleep(PACE).await;
                }
                calls += 1;
                let positions = &positions[run];
                let few: Vec<&Asff> = positions.iter().map(|at| &findings[*at]).collect();
                match self.file(&few).await {
                    Ok(failed) => {
                        for (id, reason) in failed {
                            let is_it = |at: &&usize| findings[**at].id == id;
                            refused.extend(positions.iter().filter(is_it).map(|at| (*at, reason.clone())));
                        }
                    }
                    // An error of one account or finding must not fail the others.
                    Err(error) if few.len() == 1 => _ = refused.insert(positions[0], error.to_string()),
                    Err(_) => {
                        for (at, one) in positions.iter().zip(few) {
                            tokio::time::sleep(PACE).await;
                            if let Some((_, reason)) = self.file_alone(one).await {
                                refused.insert(*at, reason);
                            }
                        }
                    }
                }
            }
        }
        Ok(refused)
    }
}

/// Maps ASFF to the SDK's type, field by field.
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
        .set_compliance(finding.compliance.as_ref().map(compliance))
        .record_state(RecordState::from(finding.record_state))
        .build()
}

fn label(severity: finding::Severity) -> SeverityLabel {
    SeverityLabel::from(severity.label())
}

fn compliance(compliance: &asff::Compliance) -> Compliance {
    Compliance::builder()
        .status(ComplianceStatus::from(compliance.status))
        .set_related_requirements(Some(compliance.related_requirements.clone()))
        .build()
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use trailwarden_core::event::Time;
    use trailwarden_pipeline::messages::{Respondable, respondable};

    use super::*;

    const EVENT: &str = include_str!("../../../events/respond.json");

    /// The SDK's finding, mapped back to ASFF's JSON.
    fn told(sdk: &AwsSecurityFinding) -> Value {
        let severity = sdk.severity.as_ref().unwrap();
        json!({
            "SchemaVersion": sdk.schema_version, "Id": sdk.id, "ProductArn": sdk.product_arn,
            "GeneratorId": sdk.generator_id, "AwsAccountId": sdk.aws_account_id, "Types": sdk.types,
            "FirstObservedAt": sdk.first_observed_at, "LastObservedAt": sdk.last_observed_at,
            "CreatedAt": sdk.created_at, "UpdatedAt": sdk.updated_at,
            "Severity": { "Label": label_of(severity.label.as_ref()), "Normalized": severity.normalized, "Original": severity.original },
            "Confidence": sdk.confidence, "Title": sdk.title, "Description": sdk.description,
            "Remediation": { "Recommendation": { "Text": sdk.remediation.as_ref().unwrap().recommendation.as_ref().unwrap().text } },
            "ProductFields": sdk.product_fields, "FindingProviderFields": told_fields(sdk.finding_provider_fields.as_ref().unwrap()),
            "Resources": sdk.resources.iter().flatten().map(told_resource).collect::<Vec<_>>(),
            "RecordState": sdk.record_state.as_ref().map(RecordState::as_str),
        })
    }

    fn told_compliance(compliance: &Compliance) -> Value {
        let status = compliance.status.as_ref().map(ComplianceStatus::as_str);
        json!({ "Status": status, "RelatedRequirements": compliance.related_requirements })
    }

    fn label_of(label: Option<&SeverityLabel>) -> Option<&str> {
        label.map(SeverityLabel::as_str)
    }

    fn told_fields(fields: &FindingProviderFields) -> Value {
        let severity = fields.severity.as_ref().unwrap();
        let severity = json!({ "Label": label_of(severity.label.as_ref()), "Original": severity.original });
        json!({ "Confidence": fields.confidence, "Severity": severity, "Types": fields.types })
    }

    fn told_resource(resource: &Resource) -> Value {
        let partition = resource.partition.as_ref().map(Partition::as_str);
        json!({ "Type": resource.r#type, "Id": resource.id, "Partition": partition, "Region": resource.region })
    }

    #[test]
    fn the_sdk_is_told_all_that_core_says() {
        let event: Value = serde_json::from_str(EVENT).unwrap();
        let Ok(Respondable::Raised(raised)) = respondable(event["Records"][0]["body"].as_str().unwrap())
        else {
            panic!("no finding")
        };
        let finding = raised.finding;
        let core =
            asff::asff(&finding, Time(1_772_445_700)).revised(3).filed_under("999988887777", "eu-west-1");
        assert_eq!(told(&mapped(&core)), serde_json::to_value(&core).unwrap());
        let violated =
            asff::Compliance { status: "FAILED", related_requirements: vec!["SOC 2 CC7.2".to_owned()] };
        let core = Asff { compliance: Some(violated), ..core };
        let sdk = mapped(&core);
        let told = told_compliance(sdk.compliance.as_ref().unwrap());
        assert_eq!(told, serde_json::to_value(core.compliance.as_ref().unwrap()).unwrap());
    }
}
