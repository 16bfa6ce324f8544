//! Hours in, findings kept and published.

use std::collections::BTreeMap;

use lambda_runtime::Error;
use trailwarden_core::{finding::Finding, messages::judgeable, ports::Unavailable, stages::score::score};
use trailwarden_integrations::{
    bus::Bus,
    environment::{aws, variable},
    knowledge::Knowledge,
    lambda::{Failed, serve_queue},
    now,
    objects::Objects,
    table::DynamoTable,
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = aws().await;
    let table = DynamoTable::new(&aws, variable("TABLE_NAME")?);
    let bus = Bus::new(&aws, variable("EVENT_BUS_NAME")?);
    let knowledge = Knowledge::new(Objects::new(&aws), variable("DATA_BUCKET")?);
    let judge = async |message: &str| -> Result<Vec<Finding>, Unavailable> {
        let (settings, networks) = knowledge.current().await?;
        let mut left = Vec::new();
        for due in judgeable(message)? {
            left.extend(score(&table, &bus, &networks, &settings, &due, now()).await?);
        }
        Ok(left)
    };
    serve_queue(async |messages| {
        let mut failed: Failed = BTreeMap::new();
        for (at, message) in messages.iter().enumerate() {
            match judge(message).await {
                Ok(left) => telemetry::left(&left, now()),
                Err(error) => _ = failed.insert(at, error),
            }
        }
        failed
    })
    .await
}
