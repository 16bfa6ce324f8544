//! Compliance check function: runs checks over events, stores and publishes violations, and counts events.

use std::collections::BTreeMap;

use lambda_runtime::Error;
use trailwarden_core::finding::Finding;
use trailwarden_integrations::{
    bus::Bus,
    environment::{aws, variable},
    lambda::{Failed, all_failed, serve_queue},
    now,
    settings_cache::StoredSettings,
    table::DynamoTable,
    telemetry,
};
use trailwarden_pipeline::{
    compliance_check::{Brought, compliance_check},
    ports::Unavailable,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = aws().await;
    let table = DynamoTable::new(&aws, variable("TABLE_NAME")?);
    let bus = Bus::new(&aws, variable("EVENT_BUS_NAME")?);
    let settings = StoredSettings::new(table.clone());
    let check = async |messages: &[String], failed: &mut Failed| -> Result<Vec<Finding>, Unavailable> {
        let settings = settings.current().await?;
        let mut brought = Brought::default();
        for (at, message) in messages.iter().enumerate() {
            if let Err(damaged) = brought.add(message, &settings) {
                failed.insert(at, damaged.into());
            }
        }
        compliance_check(&table, &bus, &settings, brought, now()).await
    };
    serve_queue(async |messages| {
        let mut failed: Failed = BTreeMap::new();
        match check(&messages, &mut failed).await {
            Ok(left) => telemetry::left(&left, now()),
            Err(error) => failed = all_failed(messages.len(), &error),
        }
        failed
    })
    .await
}
