//! Events in, violations kept and published; how many events there were is kept too.

use std::collections::BTreeMap;

use lambda_runtime::Error;
use trailwarden_core::{finding::Finding, ports::Unavailable, stages::compliance_check::compliance_check};
use trailwarden_integrations::{
    bus::Bus,
    environment::{aws, variable},
    knowledge::Remembered,
    lambda::{Failed, serve_queue},
    now,
    table::DynamoTable,
    telemetry,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = aws().await;
    let table = DynamoTable::new(&aws, variable("TABLE_NAME")?);
    let bus = Bus::new(&aws, variable("EVENT_BUS_NAME")?);
    let settings = Remembered::new(table.clone());
    let check = async |message: &str| -> Result<Vec<Finding>, Unavailable> {
        let settings = settings.current().await?;
        compliance_check(&table, &bus, &settings, message, now()).await
    };
    serve_queue(async |messages| {
        let mut failed: Failed = BTreeMap::new();
        for (at, message) in messages.iter().enumerate() {
            match check(message).await {
                Ok(left) => telemetry::left(&left, now()),
                Err(error) => _ = failed.insert(at, error),
            }
        }
        failed
    })
    .await
}
