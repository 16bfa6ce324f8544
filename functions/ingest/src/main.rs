//! Ingest function: reads logs from any trigger, and queues hours and the events that compliance checks judge.

use lambda_runtime::Error;
use serde_json::{Value, value::RawValue};
use trailwarden_integrations::{
    environment::{aws, variable},
    ingest_reader::{IngestReader, metrics},
    lambda::{response, serve},
    objects::Objects,
    quarantine::Quarantine,
    queue::Queue,
    settings_cache::StoredSettings,
    table::DynamoTable,
    telemetry::emit,
};
use trailwarden_pipeline::triggers::{Sender, Transformed, open};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = aws().await;
    let objects = Objects::new(&aws);
    let reading = IngestReader {
        activity: Queue::new(&aws, variable("ACTIVITY_QUEUE_URL")?),
        compliance: Queue::new(&aws, variable("COMPLIANCE_QUEUE_URL")?),
        quarantine: Quarantine::new(objects.clone(), variable("DATA_BUCKET")?),
        objects,
        settings: StoredSettings::new(DynamoTable::new(&aws, variable("TABLE_NAME")?)),
    };
    serve(async |invocation: Box<RawValue>| {
        let (parcels, sender) = open(invocation.get());
        let ids: Vec<String> = parcels.iter().map(|parcel| parcel.id.clone()).collect();
        let read = reading.read(parcels).await;
        emit(&metrics(&read));
        match sender {
            Sender::Batch => Ok(serde_json::to_value(response(&ids, &read.failed))?),
            Sender::Firehose(_) | Sender::Direct if !read.failed.is_empty() => {
                Err(read.failed.into_values().next().map_or_else(|| "failed".into(), Error::from))
            }
            Sender::Firehose(records) => Ok(serde_json::to_value(Transformed::new(records))?),
            Sender::Direct => Ok(Value::Null),
        }
    })
    .await
}
