//! Contacts: addresses and credentials of Slack and the ticket webhook, in one secret of Secrets Manager.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use reqwest::Url;
use serde::Deserialize;
use trailwarden_pipeline::{formats::ticket::Shape, ports::Unavailable};

const SERVICE: &str = "secretsmanager";
/// Cache time of the secret: a rotated one takes effect after it.
const TRUSTED: Duration = Duration::from_mins(5);

/// JSON content of the secret. Every field is optional.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contacts {
    /// Token of a Slack bot, `xoxb-...`, with the scopes `chat:write` and `channels:history`.
    pub slack_bot_token: String,
    /// Id of the Slack channel, `C...`.
    pub slack_channel: String,
    /// Secret with which Slack signs pressed buttons; without it, messages have no buttons.
    pub slack_signing_secret: String,
    /// URL of Slack's API, if it is not `https://slack.com/api`.
    pub slack_api: String,
    /// URL of an incoming webhook of Slack, used if there is no bot.
    pub slack_webhook: String,
    /// URL of the ticket webhook.
    pub webhook_url: String,
    /// Secret that signs requests to the ticket webhook.
    pub webhook_secret: String,
    /// `Authorization` header of these requests: `Basic ...`, `Bearer ...`.
    pub webhook_authorization: String,
    /// Format of these requests.
    pub webhook_shape: Shape,
    /// Key of Jira's project.
    pub webhook_project: String,
}

/// Requires TLS, except on loopback.
///
/// # Errors
/// [`Unavailable`] if the URL in `field` of the secret is not `https://`.
pub(crate) fn sealed(field: &str, url: &str) -> Result<(), Unavailable> {
    let is_loopback = |url: &Url| matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    match Url::parse(url) {
        Ok(url) if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) => Ok(()),
        _ => Err(Unavailable::because(SERVICE, format!("{field} of the secret is not an https:// URL"))),
    }
}

/// Client of the secret, if there is one.
pub struct Secrets {
    client: Client,
    arn: Option<String>,
    known: RefCell<Option<(Instant, Rc<Contacts>)>>,
}

impl Secrets {
    /// Client of the secret with this ARN; without one, all contacts are empty.
    pub fn new(aws: &SdkConfig, arn: Option<String>) -> Self {
        Self { client: Client::new(aws), arn, known: RefCell::default() }
    }

    /// Contacts in the secret, cached for five minutes.
    ///
    /// # Errors
    /// [`Unavailable`] if the secret cannot be read or is invalid; the error never contains its content.
    pub async fn contacts(&self) -> Result<Rc<Contacts>, Unavailable> {
        let Some(arn) = &self.arn else { return Ok(Rc::default()) };
        let known = self.known.borrow().clone();
        if let Some((_, contacts)) = known.filter(|(read, _)| read.elapsed() < TRUSTED) {
            return Ok(contacts);
        }
        let answer = self.client.get_secret_value().secret_id(arn).send().await;
        let text = answer
            .map_err(|error| Unavailable::from_error(SERVICE, &error))?
            .secret_string
            .unwrap_or_default();
        let contacts: Contacts = serde_json::from_str(&text).map_err(|error| {
            // serde_json's own message may quote the value.
            Unavailable::because(
                SERVICE,
                format!("the secret is not the JSON of the contacts that the documentation of responses shows (line {})", error.line()),
            )
        })?;
        let contacts = Rc::new(contacts);
        self.known.replace(Some((Instant::now(), contacts.clone())));
        Ok(contacts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_in_the_clear() {
        for url in ["https://tickets.example/hook", "http://127.0.0.1:8080/x", "http://localhost:1/"] {
            assert!(sealed("webhook_url", url).is_ok(), "{url}");
        }
        let elsewhere = [
            "http://tickets.example/hook",
            "http://127.0.0.1.example:80/",
            "http://localhost:x@evil.example/",
        ];
        for url in elsewhere.into_iter().chain(["ftp://x", "//x", ""]) {
            assert!(sealed("webhook_url", url).is_err(), "{url}");
        }
    }
}
