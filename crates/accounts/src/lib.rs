//! AWS clients of responses: they read and change resources in an account through its response role.
//!
//! The hub's own account has a response role too. The function's own role may only assume these roles, nothing else.

mod data;
mod defences;
mod identities;
mod identity_center;
mod reissue;

use std::{cell::RefCell, collections::HashMap};
use trailwarden_pipeline::ports::Unavailable;

use aws_config::{Region, SdkConfig, sts::AssumeRoleProvider};
use aws_sdk_iam::{
    config::SharedCredentialsProvider,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use trailwarden_pipeline::ports::{self, Identity, Trouble};
use trailwarden_response::{Holder, Resource, State};

const SERVICE: &str = "response";

/// Accounts in which responses act, with one assumed role per account.
pub struct ResponseAccounts {
    aws: SdkConfig,
    /// The function's own account, which is also the external id.
    home: String,
    /// Name of the response role, the same in every account.
    role: Option<String>,
    known: RefCell<HashMap<String, SdkConfig>>,
}

impl ResponseAccounts {
    /// Accounts behind this role; without a role, every read and write is refused.
    pub fn new(aws: &SdkConfig, home: String, role: Option<String>) -> Self {
        Self { aws: aws.clone(), home, role, known: RefCell::default() }
    }

    /// AWS configuration for an account, in a Region if one is given.
    async fn config(&self, account: &str, region: Option<&str>) -> Result<SdkConfig, Trouble> {
        let known = self.known.borrow().get(account).cloned();
        let config = if let Some(config) = known {
            config
        } else {
            let config = self.assumed(account).await?;
            self.known.borrow_mut().insert(account.to_owned(), config.clone());
            config
        };
        Ok(match region {
            Some(region) => config.to_builder().region(Region::new(region.to_owned())).build(),
            None => config,
        })
    }

    async fn assumed(&self, account: &str) -> Result<SdkConfig, Trouble> {
        let Some(role) = &self.role else {
            return Err(Trouble::Refused("this deployment only observes".to_owned()));
        };
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Trouble::Refused(format!("{account:?} is no account")));
        }
        let partition = match self.aws.region().map(Region::as_ref) {
            Some(region) if region.starts_with("cn-") => "aws-cn",
            Some(region) if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        let assumed = AssumeRoleProvider::builder(format!("arn:{partition}:iam::{account}:role/{role}"))
            .session_name("trailwarden-response")
            .external_id(&self.home)
            .configure(&self.aws)
            .build()
            .await;
        Ok(self.aws.to_builder().credentials_provider(SharedCredentialsProvider::new(assumed)).build())
    }
}

impl ports::Accounts for ResponseAccounts {
    async fn identity(&self, account: &str, holder: &Holder) -> Result<Identity, Trouble> {
        identities::identity(&self.config(account, None).await?, holder).await
    }

    async fn read(&self, account: &str, resource: &Resource) -> Result<State, Trouble> {
        let config = self.config(account, resource.region()).await?;
        match resource {
            Resource::Trail { .. }
            | Resource::Recorder { .. }
            | Resource::Detector { .. }
            | Resource::Key { .. } => defences::read(&config, resource).await,
            Resource::Shares { .. } | Resource::PublicAccess { .. } | Resource::Ingress { .. } => {
                data::read(&config, resource).await
            }
            Resource::Denial { person, directory } => identity_center::read(&config, person, directory).await,
            Resource::Reissued { credential, user, secret } => {
                reissue::read(&config, *credential, user, secret).await
            }
            _ => identities::read(&config, resource).await,
        }
    }

    async fn write(
        &self,
        account: &str,
        resource: &Resource,
        from: &State,
        to: &State,
    ) -> Result<(), Trouble> {
        let config = self.config(account, resource.region()).await?;
        match resource {
            Resource::Trail { .. }
            | Resource::Recorder { .. }
            | Resource::Detector { .. }
            | Resource::Key { .. } => defences::write(&config, resource, from, to).await,
            Resource::Shares { .. } | Resource::PublicAccess { .. } | Resource::Ingress { .. } => {
                data::write(&config, resource, from, to).await
            }
            Resource::Denial { directory, .. } => identity_center::write(&config, directory, to).await,
            Resource::Reissued { credential, user, secret } if to.is_empty() => {
                reissue::take_back(&config, *credential, user, secret).await
            }
            Resource::Reissued { credential, user, secret } => {
                reissue::hand_over(&config, *credential, user, secret).await
            }
            _ => identities::write(&config, resource, from, to).await,
        }
    }
}

/// Parts of AWS error codes that are transient, beyond those that the SDK retries itself.
const FOR_NOW: &[&str] = &[
    "Throttl",
    "TooManyRequests",
    "RequestLimitExceeded",
    "Unavailable",
    "Internal",
    "ConcurrentModification",
    "ServiceFailure",
    "TemporarilyUnmodifiable",
    "SlowDown",
    "OperationAborted",
    "DependencyTimeout",
    "ExpiredToken",
    "RequestExpired",
];

/// Classifies an SDK error as transient or permanent.
#[expect(clippy::needless_pass_by_value, reason = "map_err gives it so")]
fn trouble<E>(error: SdkError<E, HttpResponse>) -> Trouble
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = error.code().unwrap_or_default().to_owned();
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let is_for_now = status >= 500 || status == 429 || FOR_NOW.iter().any(|word| code.contains(word));
    let whole = Unavailable::from_error(SERVICE, &error);
    if error.as_service_error().is_none() && whole.source.to_string().contains("AccessDenied") {
        // The role could not be assumed: the SDK reports that as text, without a code.
        return Trouble::Refused(format!("AWS refuses it: {}", whole.source));
    }
    if error.as_service_error().is_some() && !code.is_empty() && !is_for_now {
        let message = error.message().unwrap_or_default();
        return Trouble::Refused(format!("AWS refuses it: {code}: {message}"));
    }
    Trouble::Unavailable(whole)
}

/// Maps errors with one of these codes, which say that the resource does not exist, to `None`.
fn unless_missing<T, E>(
    answer: Result<T, SdkError<E, HttpResponse>>,
    codes: &[&str],
) -> Result<Option<T>, Trouble>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.code().is_some_and(|code| codes.contains(&code)) => Ok(None),
        Err(error) => Err(trouble(error)),
    }
}

/// Error of building a request or decoding a value.
fn malformed(error: impl std::fmt::Display) -> Trouble {
    Trouble::Unavailable(Unavailable::because(SERVICE, error.to_string()))
}

fn one(name: &str, value: impl Into<String>) -> State {
    State::from([(name.to_owned(), value.into())])
}

fn is_on(state: &State, name: &str) -> bool {
    state.get(name).is_some_and(|value| value == "true")
}

/// Entries of `state` that `other` lacks or has with another value.
fn beyond<'s>(state: &'s State, other: &'s State) -> impl Iterator<Item = (&'s String, &'s String)> {
    state.iter().filter(|(name, value)| other.get(*name) != Some(value))
}
