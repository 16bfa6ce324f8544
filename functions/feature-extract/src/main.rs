//! Feature extraction function: merges Hour deltas into the table and requests judgements.

use std::collections::BTreeMap;

use lambda_runtime::Error;
use trailwarden_integrations::{
    bus::Bus,
    environment::{aws, variable},
    lambda::{Failed, serve_queue},
    now,
    table::DynamoTable,
    telemetry::{count, emit},
};
use trailwarden_pipeline::{feature_extract::feature_extract, messages::unpack, ports::Unavailable};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = aws().await;
    let table = DynamoTable::new(&aws, variable("TABLE_NAME")?);
    let bus = Bus::new(&aws, variable("EVENT_BUS_NAME")?);
    let response_role = variable("RESPONSE_ROLE_NAME")?;
    serve_queue(async |messages| {
        let mut damaged: Failed = BTreeMap::new();
        let mut batch = Vec::new();
        for (at, message) in messages.iter().enumerate() {
            let hours = unpack(message).map_err(Unavailable::from);
            batch.push(hours.unwrap_or_else(|error| {
                damaged.insert(at, error);
                Vec::new()
            }));
        }
        let mut extracted = feature_extract(&table, &bus, batch, &response_role, now()).await;
        emit(&[count("HoursWritten", extracted.written as f64), count("Duplicates", extracted.duplicates)]);
        extracted.failed.extend(damaged);
        extracted.failed
    })
    .await
}
