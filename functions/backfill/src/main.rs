//! Backfill function: queues the log objects of a trail's last days for ingest.
//!
//! Invoked by hand, again and again, until it returns `is_done`.

use std::time::{Duration, Instant};

use lambda_runtime::Error;
use trailwarden_integrations::{
    environment::{aws, variable},
    lambda::serve,
    now,
    objects::Objects,
    queue::Queue,
    table::DynamoTable,
};
use trailwarden_pipeline::backfill::{BackfillRequest, backfill};

/// Length of a run: well below the function's time limit of five minutes.
const A_RUN: Duration = Duration::from_mins(4);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = aws().await;
    let table = DynamoTable::new(&aws, variable("TABLE_NAME")?);
    let objects = Objects::new(&aws);
    let ingest = Queue::new(&aws, variable("INGEST_QUEUE_URL")?);
    serve(async |request: BackfillRequest| {
        let started = Instant::now();
        let is_time = || started.elapsed() < A_RUN;
        Ok(backfill(&table, &objects, &ingest, &request, now(), is_time).await?)
    })
    .await
}
