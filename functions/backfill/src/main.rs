//! A trail's past in: sends the objects of its last days through a queue of their own. Invoked until it says that it is done.

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
use trailwarden_pipeline::backfill::{Request, backfill};

/// A run ends well before the function's own time limit of five minutes.
const A_RUN: Duration = Duration::from_mins(4);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let aws = aws().await;
    let table = DynamoTable::new(&aws, variable("TABLE_NAME")?);
    let objects = Objects::new(&aws);
    let ingest = Queue::new(&aws, variable("INGEST_QUEUE_URL")?);
    serve(async |request: Request| {
        let started = Instant::now();
        let is_time = || started.elapsed() < A_RUN;
        Ok(backfill(&table, &objects, &ingest, &request, now(), is_time).await?)
    })
    .await
}
