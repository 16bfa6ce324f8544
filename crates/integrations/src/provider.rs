//! An OpenID provider: where people sign in, and where a code is changed for a token. We have no secret there: who began is
//! known by PKCE (RFC 7636).

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::sync::OnceCell;
use trailwarden_pipeline::ports::Unavailable;

use crate::http::{Http, Repeat};

const SERVICE: &str = "identity provider";

/// A provider, by its issuer.
#[derive(Debug)]
pub struct Provider {
    http: Http,
    issuer: String,
    client_id: String,
    known: OnceCell<Endpoints>,
}

/// What its discovery document says (OpenID Connect Discovery 1.0).
#[derive(Clone, Debug, Deserialize)]
struct Endpoints {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
}

/// What a page made up before it sends somebody to sign in.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// By which the page knows its own request again.
    pub state: String,
    /// By which the token is bound to it.
    pub nonce: String,
    /// The SHA-256 of the verifier, in base64url.
    pub challenge: String,
    /// Where people come back to, as the provider knows it.
    pub back: String,
}

/// What somebody comes back with.
#[derive(Clone, Debug)]
pub struct Code {
    /// The code.
    pub code: String,
    /// What the challenge was made of.
    pub verifier: String,
    /// Where people came back to.
    pub back: String,
}

impl Provider {
    /// What is `https://issuer`, and calls us so.
    pub fn new(http: Http, issuer: &str, client_id: String) -> Self {
        let issuer = issuer.trim_end_matches('/').to_owned();
        Self { http, issuer, client_id, known: OnceCell::new() }
    }

    async fn endpoints(&self) -> Result<&Endpoints, Unavailable> {
        self.known
            .get_or_try_init(async || {
                let url = format!("{}/.well-known/openid-configuration", self.issuer);
                let said = self.http.json(SERVICE, self.http.client().get(url), Repeat::Always).await?;
                let said: Endpoints =
                    serde_json::from_value(said).map_err(|error| Unavailable::from_error(SERVICE, &error))?;
                if said.issuer.trim_end_matches('/') != self.issuer {
                    return Err(Unavailable::because(SERVICE, "its discovery document is another issuer's"));
                }
                Ok(said)
            })
            .await
    }

    /// Where somebody signs in.
    ///
    /// # Errors
    /// [`Unavailable`] if the provider does not say.
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

    /// The token that a code stands for.
    ///
    /// # Errors
    /// [`Unavailable`] if the provider gives none.
    pub async fn token(&self, code: &Code) -> Result<String, Unavailable> {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", &self.client_id),
            ("code", &code.code),
            ("code_verifier", &code.verifier),
            ("redirect_uri", &code.back),
        ];
        let request = self.http.client().post(&self.endpoints().await?.token_endpoint).form(&form);
        let answer = self.http.json(SERVICE, request, Repeat::OnlyIfRefused).await?;
        let token = answer["id_token"].as_str().map(str::to_owned);
        token.ok_or_else(|| Unavailable::because(SERVICE, "it gave no id_token"))
    }
}
