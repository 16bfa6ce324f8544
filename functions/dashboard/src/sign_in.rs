//! Sign-in routes: redirect to the identity provider, and exchange of the returned code for a token.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{StatusCode, header::CACHE_CONTROL},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::json;
use trailwarden_integrations::provider::{Challenge, Code, Provider};

pub(super) fn routes(provider: Provider) -> Router {
    Router::new().route("/sign-in", get(begin)).route("/token", post(end)).with_state(Arc::new(provider))
}

/// Values that the page generates for a sign-in.
#[derive(Deserialize)]
struct Begun {
    state: String,
    nonce: String,
    challenge: String,
    back: String,
}

async fn begin(State(provider): State<Arc<Provider>>, Query(begun): Query<Begun>) -> Response {
    let Begun { state, nonce, challenge, back } = begun;
    match provider.entrance(&Challenge { state, nonce, challenge, back }).await {
        Ok(url) => Redirect::to(&url).into_response(),
        Err(error) => away(&error),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    code: String,
    verifier: String,
    back: String,
}

async fn end(State(provider): State<Arc<Provider>>, Json(given): Json<Given>) -> Response {
    let Given { code, verifier, back } = given;
    match provider.token(&Code { code, verifier, back }).await {
        Ok(token) => ([(CACHE_CONTROL, "no-store")], Json(json!({ "id_token": token }))).into_response(),
        Err(error) => away(&error),
    }
}

fn away(error: &dyn std::error::Error) -> Response {
    lambda_http::tracing::error!(%error, "the identity provider");
    let told = json!({ "error": "the identity provider gave no answer that helps: try again" });
    (StatusCode::BAD_GATEWAY, Json(told)).into_response()
}
