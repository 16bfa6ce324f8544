//! HTTP to what is not AWS: patient with what says that it is busy, never for longer than a function may run.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, RequestBuilder, StatusCode, header::RETRY_AFTER};
use serde_json::Value;
use trailwarden_pipeline::ports::Unavailable;

use crate::pause;

/// One try.
const TRY: Duration = Duration::from_secs(8);
/// Tries; beyond them the message comes again later.
const TRIES: usize = 3;
/// The longest that somebody busy is waited for.
const PATIENCE: u64 = 10;
/// Bytes of an answer.
const ANSWER: usize = 1 << 20;

/// May a call be repeated when nobody knows whether it arrived?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It does the same twice as once.
    Always,
    /// It would be seen twice.
    OnlyIfRefused,
}

/// A client.
#[derive(Clone, Debug)]
pub struct Http(Client);

impl Http {
    /// Trusts what the machine trusts.
    ///
    /// # Errors
    /// [`Unavailable`] if TLS cannot be had here.
    pub fn new() -> Result<Self, Unavailable> {
        // Another may have been installed before, by the SDK: then that one serves.
        let _ = Arc::new(rustls::crypto::ring::default_provider()).as_ref().clone().install_default();
        let client = Client::builder().timeout(TRY).redirect(reqwest::redirect::Policy::none()).build();
        client.map(Self).map_err(|error| Unavailable::from_error("http", &error))
    }

    /// The client, to begin a request with.
    pub fn client(&self) -> &Client {
        &self.0
    }

    /// Sends a request; gives the answer's text. Too many requests are waited for, as long as the other side asks.
    ///
    /// # Errors
    /// [`Unavailable`] if nobody answers, or with anything but success.
    pub async fn send(
        &self,
        service: &'static str,
        request: RequestBuilder,
        repeat: Repeat,
    ) -> Result<String, Unavailable> {
        let mut reason = Unavailable::because(service, "it is busy");
        for nth in 0..TRIES {
            if nth > 0 {
                pause(nth + 2).await;
            }
            let Some(again) = request.try_clone() else {
                return Err(Unavailable::because(service, "nothing to send"));
            };
            match again.send().await {
                Ok(answer) if answer.status() == StatusCode::TOO_MANY_REQUESTS => {
                    let wait =
                        answer.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
                    let wait: u64 = wait.unwrap_or(1);
                    if wait > PATIENCE {
                        return Err(Unavailable::because(
                            service,
                            format!("it asks to wait for {wait} seconds"),
                        ));
                    }
                    tokio::time::sleep(Duration::from_secs(wait)).await;
                }
                Ok(answer) if answer.status().is_success() => return text(service, answer).await,
                Ok(answer) => {
                    let status = answer.status();
                    reason = Unavailable::because(service, format!("it answers {status}"));
                    if !status.is_server_error() || repeat == Repeat::OnlyIfRefused {
                        return Err(reason);
                    }
                }
                Err(error) => {
                    let never_arrived = error.is_connect();
                    reason = Unavailable::from_error(service, &error.without_url());
                    if !never_arrived && repeat == Repeat::OnlyIfRefused {
                        return Err(reason);
                    }
                }
            }
        }
        Err(reason)
    }

    /// Sends a request that is answered with JSON.
    ///
    /// # Errors
    /// As [`Http::send`]; and if it is no JSON.
    pub async fn json(
        &self,
        service: &'static str,
        request: RequestBuilder,
        repeat: Repeat,
    ) -> Result<Value, Unavailable> {
        let text = self.send(service, request, repeat).await?;
        serde_json::from_str(&text).map_err(|error| Unavailable::from_error(service, &error))
    }
}

async fn text(service: &'static str, mut answer: reqwest::Response) -> Result<String, Unavailable> {
    let mut body = Vec::new();
    while let Some(chunk) =
        answer.chunk().await.map_err(|error| Unavailable::from_error(service, &error.without_url()))?
    {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER {
            return Err(Unavailable::because(service, "its answer has no end"));
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}
