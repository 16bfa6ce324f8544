//! OpenID Connect provider: the URL where people sign in, and the exchange of a code for a token.
//!
//! The suite is a public client without a secret; PKCE (RFC 7636) proves that the same browser began and ends a
//! sign-in.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::sync::OnceCell;
use trailwarden_pipeline::ports::Unavailable;

use crate::http::{Http, Repeat};

const SERVICE: &str = "identity provider";

/// Client of an OpenID Connect provider.
#[derive(Debug)]
pub struct Provider {
    http: Http,
    issuer: String,
    client_id: String,
    known: OnceCell<Endpoints>,
}

/// Discovery document of the provider (OpenID Connect Discovery 1.0).
#[derive(Clone, Debug, Deserialize)]
struct Endpoints {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
}

/// Values that the page generates before a sign-in.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// OAuth `state`, by which the page recognises its own request.
    pub state: String,
    /// Nonce that binds the token to the request.
    pub nonce: String,
    /// PKCE challenge: the SHA-256 of the verifier, in base64url.
    pub challenge: String,
    /// Redirect URI, as registered with the provider.
    pub back: String,
}

/// Values to exchange for a token after a sign-in.
#[derive(Clone, Debug)]
pub struct Code {
    /// Authorization code.
    pub code: String,
    /// PKCE verifier.
    pub verifier: String,
    /// Redirect URI of the sign-in.
    pub back: String,
}

impl Provider {
    /// Provider with this issuer URL, where the suite is registered as `client_id`.
    pub fn new(http: Http, issuer: &str, client_id: String) -> Self {
        let issuer = issuer.trim_end_matches('/').to_owned();
        Self { http, issuer, client_id, known: OnceCell::new() }
    }

    async fn endpoints(&self) -> Result<&Endpoints, Unavailable> {
        self.known
            .get_or_try_init(async || {
                let url = format!("{}/.well-known/openid-configuration", self.issuer);
                let said = self.http.json(SERVICE, self.http.client()?.get(url), Repeat::Always).await?;
                let said: Endpoints =
                    serde_json::from_value(said).map_err(|error| Unavailable::from_error(SERVICE, &error))?;
                if said.issuer.trim_end_matches('/') != self.issuer {
                    return Err(Unavailable::because(SERVICE, "the discovery document names another issuer"));
                }
                Ok(said)
            })
            .await
    }

    /// URL of the sign-in page for this challenge.
    ///
    /// # Errors
    /// [`Unavailable`] if the provider's discovery document is.
    pub async fn entrance(&self, challenge: &Challenge) -> Result<String, Unavailable> {
        let Challenge { state, nonce, challenge, back } = challenge;
        let known = self.endpoints().await?;
        let query = [
            ("response_type", "code"),
            ("scope", "openid email"),
            ("code_challenge_method", "S256"),
            ("client_id", &self.client_id),
            ("redirect_uri", back),
            ("state", state),
            ("nonce", nonce),
            ("code_challenge", challenge),
        ]
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        .join("&");
        let joint = if known.authorization_endpoint.contains('?') { '&' } else { '?' };
        Ok(format!("{}{joint}{query}", known.authorization_endpoint))
    }

    /// Exchanges a code for an ID token.
    ///
    /// # Errors
    /// [`Unavailable`] if the provider returns none.
    pub async fn token(&self, code: &Code) -> Result<String, Unavailable> {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &self.client_id),
            ("code", &code.code),
            ("code_verifier", &code.verifier),
            ("redirect_uri", &code.back),
        ];
        let request = self.http.client()?.post(&self.endpoints().await?.token_endpoint).form(&form);
        let answer = self.http.json(SERVICE, request, Repeat::OnlyIfRefused).await?;
        let token = answer["id_token"].as_str().map(str::to_owned);
        token.ok_or_else(|| Unavailable::because(SERVICE, "the response has no id_token"))
    }
}
