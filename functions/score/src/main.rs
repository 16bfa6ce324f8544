//! Scoring function: judges hours against their baselines, stores findings and publishes them.

use std::collections::BTreeMap;

use lambda_runtime::Error;
use trailwarden_integrations::{
    bus::Bus,
    environment::{aws, variable},
    lambda::{Failed, serve_queue},
    now,
    objects::Objects,
    settings_cache::SettingsCache,
    table::DynamoTable,
    telemetry,
};
use trailwarden_pipeline::{
    feedback::thresholds,
    messages::judgeable,
    ports::Unavailable,
    score::{Around, score},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = aws().await;
    let table = DynamoTable::new(&aws, variable("TABLE_NAME")?);
    let bus = Bus::new(&aws, variable("EVENT_BUS_NAME")?);
    let knowledge = SettingsCache::new(Objects::new(&aws), variable("DATA_BUCKET")?, table.clone());
    let response_role = variable("RESPONSE_ROLE_NAME")?;
    let judge = async |message: &str| -> Result<(), Unavailable> {
        let (settings, networks) = knowledge.current().await?;
        let thresholds = thresholds(&table).await?;
        let around = Around {
            networks: &networks,
            settings: &settings,
            thresholds: &thresholds,
            response_role: &response_role,
        };
        let mut outcome = Ok(());
        for due in judgeable(message)? {
            // A failed judgement does not keep the others of its message from being made.
            match score(&table, &bus, around, &due, now()).await {
                Ok(left) => telemetry::left(&left, now()),
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    };
    serve_queue(async |messages| {
        let mut failed: Failed = BTreeMap::new();
        for (at, message) in messages.iter().enumerate() {
            if let Err(error) = judge(message).await {
                failed.insert(at, error);
            }
        }
        failed
    })
    .await
}
