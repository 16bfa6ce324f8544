//! Watermark function: closes hours, detects silence, and learns thresholds once a day. Runs every hour.

use lambda_runtime::Error;
use serde_json::{Value, json};
use trailwarden_integrations::{
    bus::Bus,
    environment::{aws, variable},
    lambda::serve,
    now,
    queue::Queue,
    table::DynamoTable,
    telemetry::{count, emit},
};
use trailwarden_pipeline::{
    feedback::learn,
    watermark::{close_hours, watch_silence},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = aws().await;
    let table = DynamoTable::new(&aws, variable("TABLE_NAME")?);
    let bus = Bus::new(&aws, variable("EVENT_BUS_NAME")?);
    let score = Queue::new(&aws, variable("SCORE_QUEUE_URL")?);
    serve(async |_: Value| {
        let closed = close_hours(&table, &score, now()).await;
        let silent = watch_silence(&table, &bus, now()).await?;
        let closed = closed?;
        let has_learnt = learn(&table, now()).await?;
        emit(&[
            count("HoursClosed", closed as f64),
            count("SilenceFindings", silent as f64),
            count("ThresholdsMoved", f64::from(u8::from(has_learnt))),
        ]);
        Ok(json!({ "hours_closed": closed, "silence_findings": silent }))
    })
    .await
}
