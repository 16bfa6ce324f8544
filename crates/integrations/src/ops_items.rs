//! Board of OpsItems in Systems Manager: one per incident, by a deduplication string, resolved when the incident
//! closes.

use aws_config::SdkConfig;
use aws_sdk_ssm::{
    Client,
    types::{OpsItemDataType, OpsItemDataValue, OpsItemStatus},
};
use trailwarden_core::{event::Time, finding::Severity};
use trailwarden_pipeline::{
    formats::{slack::headline, ticket::description},
    ports::{Board, Unavailable},
};
use trailwarden_response::incident::{Incident, IncidentState};

const SERVICE: &str = "ssm";
/// Longest description, in bytes: AWS accepts 2,048 characters.
const DESCRIPTION: usize = 2_000;

/// OpsItems of this account and Region.
pub struct OpsItems {
    client: Client,
}

impl OpsItems {
    /// Board in the account and Region of the configuration.
    pub fn new(aws: &SdkConfig) -> Self {
        Self { client: Client::new(aws) }
    }
}

impl Board for OpsItems {
    fn name(&self) -> &'static str {
        "ops-item"
    }

    fn is_tickets(&self) -> bool {
        true
    }

    async fn open(&self, incident: &Incident, _: Option<Time>) -> Result<Option<String>, Unavailable> {
        let data = |value: String| {
            OpsItemDataValue::builder().value(value).r#type(OpsItemDataType::SearchableString).build()
        };
        let dedup = serde_json::json!({ "dedupString": format!("trailwarden {}", incident.id) }).to_string();
        let create = self
            .client
            .create_ops_item()
            .title(headline(incident))
            .source("Trailwarden")
            .description(description(incident, DESCRIPTION))
            .category("Security")
            .severity(if incident.severity >= Severity::Critical { "1" } else { "2" })
            .operational_data("/aws/dedup", data(dedup))
            .operational_data("trailwarden/incident", data(incident.id.clone()));
        match create.send().await {
            Ok(created) => Ok(created.ops_item_id),
            // An earlier attempt arrived although its response was lost; the message has the id.
            Err(error) => match error.as_service_error() {
                Some(known) if known.is_ops_item_already_exists_exception() => Ok(known
                    .meta()
                    .message()
                    .and_then(|text| {
                        text.split(|c: char| !c.is_alphanumeric() && c != '-')
                            .find(|word| word.starts_with("oi-"))
                    })
                    .map(str::to_owned)),
                _ => Err(Unavailable::from_error(SERVICE, &error)),
            },
        }
    }

    async fn update(&self, incident: &Incident, handle: Option<&str>) -> Result<Option<String>, Unavailable> {
        let Some(id) = handle else { return Ok(None) };
        let mut update = self
            .client
            .update_ops_item()
            .ops_item_id(id)
            .title(headline(incident))
            .description(description(incident, DESCRIPTION));
        if incident.state == IncidentState::Closed {
            update = update.status(OpsItemStatus::Resolved);
        }
        update.send().await.map_err(|error| Unavailable::from_error(SERVICE, &error))?;
        Ok(handle.map(str::to_owned))
    }
}
