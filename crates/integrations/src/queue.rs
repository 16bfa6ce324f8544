//! A queue of SQS that messages are sent to.

use aws_config::SdkConfig;
use aws_sdk_sqs::{Client, types::SendMessageBatchRequestEntry};
use trailwarden_pipeline::{
    messages::sendable,
    ports::{Channel, Unavailable},
};

use crate::pause;

const SERVICE: &str = "sqs";
/// Messages that one call takes.
const ENTRIES: usize = 10;
/// Bytes that one call takes: 1 MiB, with some room.
const BYTES: usize = 1_000_000;
/// Times that messages which SQS refused are sent again.
const TRIES: usize = 4;

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// The queue at this address.
    pub fn new(aws: &SdkConfig, url: String) -> Self {
        Self { client: Client::new(aws), url }
    }

    /// Sends a few messages; those that SQS refuses are sent again.
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

/// Cuts `sizes` into runs of at most so many entries and bytes.
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
