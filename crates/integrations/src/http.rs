//! HTTP client for services outside AWS, with retries bounded by a function's time limit.

use std::{sync::Arc, time::Duration};

use once_cell::sync::OnceCell;
use reqwest::{Client, RequestBuilder, StatusCode, header::RETRY_AFTER};
use serde_json::Value;
use trailwarden_pipeline::ports::Unavailable;

use crate::pause;

/// Timeout of one attempt.
const TRY: Duration = Duration::from_secs(8);
/// Attempts; after the last one the queue redelivers the message later.
const TRIES: usize = 3;
/// Longest `Retry-After` that is honoured, in seconds.
const PATIENCE: u64 = 10;
/// Longest response body, in bytes.
const ANSWER: usize = 1 << 20;

/// Whether a request may be retried if its outcome is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The request is idempotent.
    Always,
    /// The request is not idempotent: retry only if it did not arrive or was refused.
    OnlyIfRefused,
}

/// HTTP client, built at the first request: reading the machine's trust store takes longer than most invocations need, and
/// many send nothing.
/// Copies share it.
#[derive(Clone, Debug, Default)]
pub struct Http(Arc<OnceCell<Client>>);

impl Http {
    /// The client, to build requests with. It has the machine's trust store, and follows no redirects.
    ///
    /// # Errors
    /// [`Unavailable`] if TLS cannot be initialised; the next call tries again.
    pub fn client(&self) -> Result<&Client, Unavailable> {
        self.0.get_or_try_init(Self::built)
    }

    fn built() -> Result<Client, Unavailable> {
        // The AWS SDK may have installed a provider before; that one serves too.
        let _ = Arc::new(rustls::crypto::ring::default_provider()).as_ref().clone().install_default();
        let client = Client::builder().timeout(TRY).redirect(reqwest::redirect::Policy::none()).build();
        client.map_err(|error| Unavailable::from_error("http", &error))
    }

    /// Sends a request; returns the response body. Status 429 is retried after its `Retry-After`.
    ///
    /// # Errors
    /// [`Unavailable`] without a response, or with a status other than success.
    pub async fn send(
        &self,
        service: &'static str,
        request: RequestBuilder,
        repeat: Repeat,
    ) -> Result<String, Unavailable> {
        let mut reason = Unavailable::because(service, "too many requests");
        for nth in 0..TRIES {
            if nth > 0 {
                pause(nth + 2).await;
            }
            let Some(again) = request.try_clone() else {
                return Err(Unavailable::because(service, "the request body cannot be sent twice"));
            };
            match again.send().await {
                Ok(answer) if answer.status() == StatusCode::TOO_MANY_REQUESTS => {
                    let wait =
                        answer.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
                    let wait: u64 = wait.unwrap_or(1);
                    if wait > PATIENCE {
                        return Err(Unavailable::because(
                            service,
                            format!("too many requests: retry after {wait} s"),
                        ));
                    }
                    tokio::time::sleep(Duration::from_secs(wait)).await;
                }
                Ok(answer) if answer.status().is_success() => return text(service, answer).await,
                Ok(answer) => {
                    let status = answer.status();
                    reason = Unavailable::because(service, format!("HTTP status {status}"));
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

    /// Sends a request; returns the response as JSON.
    ///
    /// # Errors
    /// As [`Http::send`], and if the response is not JSON.
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
            return Err(Unavailable::because(service, "the response is too long"));
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_share_one_client() {
        let http = Http::default();
        let copy = http.clone();
        assert!(std::ptr::eq(http.client().unwrap(), copy.client().unwrap()));
    }
}
