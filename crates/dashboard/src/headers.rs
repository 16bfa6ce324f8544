//! HTTP response headers: security headers on every response, and ETag caching.
//!
//! The policy allows no other origin, no inline script, no framing, no content sniffing and no referrer.

use axum::{
    body::Body,
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
    },
    middleware::Next,
    response::Response,
};
use trailwarden_core::event::hash;

const ALWAYS: [(HeaderName, HeaderValue); 7] = [
    (
        HeaderName::from_static("content-security-policy"),
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
             form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
    ),
    // Without effect on loopback, which has no TLS.
    (HeaderName::from_static("strict-transport-security"), HeaderValue::from_static("max-age=31536000")),
    (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
    (HeaderName::from_static("referrer-policy"), HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
];

/// Middleware that sets the security headers on every response.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().extend(ALWAYS);
    response
}

/// A response with an ETag; empty with 304 if the client's `If-None-Match` matches. `keep` is the
/// `Cache-Control` value.
pub(crate) fn tagged(
    asked: &HeaderMap,
    status: StatusCode,
    kind: &'static str,
    keep: &'static str,
    text: String,
) -> Response {
    let tag = format!("\"{:016x}\"", hash(&text));
    let is_known = |known: &HeaderValue| {
        known
            .to_str()
            .is_ok_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag))
    };
    let is_same = status == StatusCode::OK && asked.get(IF_NONE_MATCH).is_some_and(is_known);
    let mut response = if is_same { Response::new(Body::empty()) } else { Response::new(Body::from(text)) };
    *response.status_mut() = if is_same { StatusCode::NOT_MODIFIED } else { status };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    response
}
