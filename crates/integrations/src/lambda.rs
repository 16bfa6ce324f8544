//! Lambda runtime loop, and the only place for partial batch failures.

use std::collections::BTreeMap;

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use trailwarden_pipeline::ports::Unavailable;

/// Messages of a batch to be redelivered: position and error.
pub type Failed = BTreeMap<usize, Unavailable>;

/// Serves SQS batches. `handle` gets the message bodies; only failed messages are redelivered.
///
/// # Errors
/// The error that ended the runtime.
pub async fn serve_queue(handle: impl AsyncFn(Vec<String>) -> Failed) -> Result<(), Error> {
    let handle = &handle;
    serve(async |event: SqsEvent| {
        let ids: Vec<String> =
            event.records.iter().map(|record| record.message_id.clone().unwrap_or_default()).collect();
        let bodies = event.records.into_iter().map(|record| record.body.unwrap_or_default()).collect();
        Ok(response(&ids, &Box::pin(handle(bodies)).await))
    })
    .await
}

/// Serves any invocation.
///
/// # Errors
/// The error that ended the runtime.
pub async fn serve<E, A>(handle: impl AsyncFn(E) -> Result<A, Error>) -> Result<(), Error>
where
    E: DeserializeOwned + 'static,
    A: Serialize,
{
    lambda_runtime::tracing::init_default_subscriber();
    let handle = &handle;
    // Boxed, as the futures of the SDK's calls otherwise exceed the compiler's recursion limit.
    lambda_runtime::run(service_fn(async |event: LambdaEvent<E>| Box::pin(handle(event.payload)).await)).await
}

/// Fails a whole batch with one error.
pub fn all_failed(messages: usize, error: &Unavailable) -> Failed {
    (0..messages).map(|at| (at, Unavailable::because(error.service, error.source.to_string()))).collect()
}

/// Response that makes SQS and Kinesis redeliver only what failed.
pub fn response(ids: &[String], failed: &Failed) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for (at, error) in failed {
        let Some(id) = ids.get(*at) else { continue };
        tracing::error!(message_id = %id, %error, "failed; will be redelivered");
        let mut failure = BatchItemFailure::default();
        failure.item_identifier.clone_from(id);
        response.batch_item_failures.push(failure);
    }
    response
}
