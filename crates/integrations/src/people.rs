//! Alerts to people, by an SNS topic.

use aws_config::SdkConfig;
use aws_sdk_sns::Client;
use trailwarden_pipeline::{
    formats::alert::Alert,
    ports::{Channel, Unavailable},
};

/// SNS topic.
#[derive(Clone, Debug)]
pub struct Topic {
    client: Client,
    arn: String,
}

impl Topic {
    /// Client of the topic with this ARN.
    pub fn new(aws: &SdkConfig, arn: String) -> Self {
        Self { client: Client::new(aws), arn }
    }
}

impl Channel<Alert> for Topic {
    async fn send(&self, alerts: &[Alert]) -> Result<(), Unavailable> {
        for alert in alerts {
            let publish =
                self.client.publish().topic_arn(&self.arn).subject(&alert.subject).message(&alert.text);
            publish.send().await.map_err(|error| Unavailable::from_error("sns", &error))?;
        }
        Ok(())
    }
}
