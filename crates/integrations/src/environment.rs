//! What a function is told when it starts.

use std::{env, time::Duration};

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use lambda_runtime::Error;

/// A variable that the template sets.
///
/// # Errors
/// That it is missing, by name.
pub fn variable(name: &str) -> Result<String, Error> {
    let missing = || {
        Error::from(format!(
            "the environment variable {name} is missing: is this function deployed by its template?"
        ))
    };
    env::var(name).ok().filter(|value| !value.is_empty()).ok_or_else(missing)
}

/// A variable that may be missing.
pub fn optional(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Tries of one call, the first included; between them the SDK waits, longer each time.
const TRIES: u32 = 5;
const CONNECT: Duration = Duration::from_secs(2);
/// One try of one call. Whole objects are read as streams, which this does not limit.
const TRY: Duration = Duration::from_secs(10);

/// How to reach AWS: the function's own role and Region, TLS by rustls, patient with throttling.
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
