//! Event bus between the functions, on EventBridge.

use aws_config::SdkConfig;
use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use trailwarden_pipeline::{
    messages::{Notice, SOURCE, sendable},
    ports::{Channel, Unavailable},
};

use crate::{pause, queue::runs};

const SERVICE: &str = "eventbridge";
/// Entries per call.
const ENTRIES: usize = 10;
/// Bytes of details per call: 256 KB, less some room for the other fields.
const BYTES: usize = 240 << 10;
/// Attempts at sending entries that EventBridge refuses.
const TRIES: usize = 4;

/// Event bus.
#[derive(Clone, Debug)]
pub struct Bus {
    client: Client,
    name: String,
}

impl Bus {
    /// Client of the bus with this name.
    pub fn new(aws: &SdkConfig, name: String) -> Self {
        Self { client: Client::new(aws), name }
    }

    async fn send_few(&self, mut entries: Vec<PutEventsRequestEntry>) -> Result<(), Unavailable> {
        let mut reason = String::new();
        for nth in 0..TRIES {
            if nth > 0 {
                pause(nth).await;
            }
            let answer = self.client.put_events().set_entries(Some(entries.clone())).send().await;
            let results =
                answer.map_err(|error| Unavailable::from_error(SERVICE, &error))?.entries.unwrap_or_default();
            let refused: Vec<bool> = results.iter().map(|result| result.error_code.is_some()).collect();
            reason = results.into_iter().find_map(|result| result.error_code).unwrap_or_default();
            let mut at = 0;
            entries.retain(|_| {
                at += 1;
                refused.get(at - 1).copied().unwrap_or_default()
            });
            if entries.is_empty() {
                return Ok(());
            }
        }
        Err(Unavailable::because(SERVICE, format!("{} event(s) refused: {reason}", entries.len())))
    }
}

impl Channel<Notice> for Bus {
    async fn send(&self, notices: &[Notice]) -> Result<(), Unavailable> {
        let details: Vec<String> = notices.iter().map(Notice::detail).collect();
        for run in runs(details.iter().map(String::len), ENTRIES, BYTES) {
            let entry = |(notice, detail): (&Notice, &String)| {
                PutEventsRequestEntry::builder()
                    .event_bus_name(&self.name)
                    .source(SOURCE)
                    .detail_type(notice.detail_type())
                    .detail(sendable(detail))
                    .build()
            };
            let entries = notices[run.clone()].iter().zip(&details[run]).map(entry).collect();
            self.send_few(entries).await?;
        }
        Ok(())
    }
}
