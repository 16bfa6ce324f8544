//! Environment of a function: its variables, and the configuration of AWS clients.

use std::{env, time::Duration};

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use lambda_runtime::Error;

/// Required environment variable, set by the template.
///
/// # Errors
/// Names the variable if it is missing or empty.
pub fn variable(name: &str) -> Result<String, Error> {
    let missing = || {
        Error::from(format!(
            "the environment variable {name} is missing: is this function deployed by its template?"
        ))
    };
    env::var(name).ok().filter(|value| !value.is_empty()).ok_or_else(missing)
}

/// Optional environment variable; `None` if it is missing or empty.
pub fn optional(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Attempts per call, including the first; the SDK backs off between them.
const TRIES: u32 = 5;
const CONNECT: Duration = Duration::from_secs(2);
/// Timeout of one attempt. It does not limit objects, which are read as streams.
const TRY: Duration = Duration::from_secs(10);

/// AWS configuration: the function's own role and Region, TLS by rustls, retries when throttled.
pub async fn aws() -> SdkConfig {
    let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(https)
        .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
        .timeout_config(
            TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(TRY).build(),
        )
        .load()
        .await
}
