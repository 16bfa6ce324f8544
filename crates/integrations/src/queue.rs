//! SQS queue, as a destination of messages.

use aws_config::SdkConfig;
use aws_sdk_sqs::{Client, types::SendMessageBatchRequestEntry};
use trailwarden_pipeline::{
    messages::sendable,
    ports::{Channel, Unavailable},
};

use crate::pause;

const SERVICE: &str = "sqs";
/// Messages per call.
const ENTRIES: usize = 10;
/// Bytes per call: 1 MiB, less some room.
const BYTES: usize = 1_000_000;
/// Attempts at sending messages that SQS refuses.
const TRIES: usize = 4;

/// SQS queue.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// Client of the queue with this URL.
    pub fn new(aws: &SdkConfig, url: String) -> Self {
        Self { client: Client::new(aws), url }
    }

    /// Sends the messages of one call; retries those that SQS refuses.
    async fn send_few(&self, few: &[String]) -> Result<(), Unavailable> {
        let mut left: Vec<usize> = (0..few.len()).collect();
        let mut reason = String::new();
        for nth in 0..TRIES {
            if nth > 0 {
                pause(nth).await;
            }
            let mut call = self.client.send_message_batch().queue_url(&self.url);
            for at in &left {
                let entry = SendMessageBatchRequestEntry::builder()
                    .id(at.to_string())
                    .message_body(sendable(&few[*at]));
                call = call.entries(entry.build().map_err(|error| Unavailable::from_error(SERVICE, &error))?);
            }
            let answer = call.send().await.map_err(|error| Unavailable::from_error(SERVICE, &error))?;
            left = answer.failed.iter().filter_map(|failed| failed.id.parse().ok()).collect();
            if left.is_empty() {
                return Ok(());
            }
            reason = answer.failed.first().map(|failed| failed.code.clone()).unwrap_or_default();
        }
        Err(Unavailable::because(SERVICE, format!("{} message(s) refused: {reason}", left.len())))
    }
}

/// Splits `sizes` into ranges of at most so many entries and bytes; a larger single entry gets a range of its own.
pub(crate) fn runs(
    sizes: impl Iterator<Item = usize>,
    entries: usize,
    bytes: usize,
) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let (mut start, mut sum, mut end) = (0, 0, 0);
    for (at, size) in sizes.enumerate() {
        if at > start && (at - start >= entries || sum + size > bytes) {
            runs.push(start..at);
            (start, sum) = (at, 0);
        }
        sum += size;
        end = at + 1;
    }
    if end > start {
        runs.push(start..end);
    }
    runs
}

impl Channel<String> for Queue {
    async fn send(&self, messages: &[String]) -> Result<(), Unavailable> {
        for run in runs(messages.iter().map(String::len), ENTRIES, BYTES) {
            self.send_few(&messages[run]).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::runs;

    #[test]
    fn runs_keep_both_limits_and_lose_nothing() {
        assert!(runs(std::iter::empty(), 10, 100).is_empty());
        assert_eq!(runs([1; 25].into_iter(), 10, 100), vec![0..10, 10..20, 20..25]);
        assert_eq!(runs([60, 60, 30, 200, 1].into_iter(), 10, 100), [0..1, 1..3, 3..4, 4..5]);
    }
}
