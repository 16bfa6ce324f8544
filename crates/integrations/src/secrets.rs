//! Where people are told, and by which secrets: one secret of Secrets Manager, read again now and then.

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
/// How long it is not read again: a rotated secret is taken up by then.
const TRUSTED: Duration = Duration::from_mins(5);

/// What the secret holds, as JSON. All of it may be missing.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Contacts {
    /// A bot's token, `xoxb-...`, with `chat:write` and `channels:history`.
    pub slack_bot_token: String,
    /// The channel's id, `C...`.
    pub slack_channel: String,
    /// By which Slack signs what is pressed.
    pub slack_signing_secret: String,
    /// Slack's API, where it is not `https://slack.com/api`.
    pub slack_api: String,
    /// An incoming webhook, where there is no bot.
    pub slack_webhook: String,
    /// Where tickets are sent.
    pub webhook_url: String,
    /// By which they are signed.
    pub webhook_secret: String,
    /// What goes as `Authorization` besides: `Basic ...`, `Bearer ...`.
    pub webhook_authorization: String,
    /// In which words.
    pub webhook_shape: Shape,
    /// Jira's project.
    pub webhook_project: String,
}

/// Nobody is told in the clear, but on this machine.
///
/// # Errors
/// [`Unavailable`] if `field` of the secret is another address than `https://`.
pub(crate) fn sealed(field: &str, url: &str) -> Result<(), Unavailable> {
    let is_loopback = |url: &Url| matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    match Url::parse(url) {
        Ok(url) if url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url)) => Ok(()),
        _ => Err(Unavailable::because(SERVICE, format!("{field} of the secret is no https:// address"))),
    }
}

/// The secret, if there is one.
pub struct Secrets {
    client: Client,
    arn: Option<String>,
    known: RefCell<Option<(Instant, Rc<Contacts>)>>,
}

impl Secrets {
    /// The secret with this ARN; without one, nobody is known.
    pub fn new(aws: &SdkConfig, arn: Option<String>) -> Self {
        Self { client: Client::new(aws), arn, known: RefCell::default() }
    }

    /// Who is told.
    ///
    /// # Errors
    /// [`Unavailable`] if the secret cannot be read, or is not what it should be; its content is never told.
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
            // serde_json's own words may quote the value.
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
