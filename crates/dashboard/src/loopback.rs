//! Loopback server, authenticated by a random key: from the printed link first, from a cookie afterwards.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{
        HeaderMap, StatusCode, Uri,
        header::{AUTHORIZATION, COOKIE, HOST, LOCATION, SET_COOKIE},
    },
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use tokio::net::TcpListener;

use crate::routes::Who;

/// Access key of the page; keeps other users of the machine out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// A key from 16 random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(random)))
    }

    /// Link that opens the page, with the key in its query.
    pub fn link(&self, address: SocketAddr) -> String {
        format!("http://{address}/?key={}", self.0)
    }

    /// Compares in constant time.
    fn is(&self, given: &str) -> bool {
        let differs = given.bytes().zip(self.0.bytes()).fold(0, |seen, (a, b)| seen | (a ^ b));
        given.len() == self.0.len() && differs == 0
    }
}

struct Door {
    key: Key,
    name: String,
    address: SocketAddr,
}

/// Serves a router until the process ends; a client with the key is the user `name`.
///
/// # Errors
/// If the listener fails.
pub async fn listen(listener: TcpListener, router: Router, key: Key, name: String) -> std::io::Result<()> {
    let door = Arc::new(Door { key, name, address: listener.local_addr()? });
    let router = router.layer(from_fn_with_state(door, enter));
    axum::serve(listener, router).await
}

async fn enter(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    // A foreign host name is DNS rebinding: another site's page that wants to read ours.
    if !is_here(request.headers(), door.address) {
        return (StatusCode::MISDIRECTED_REQUEST, "this is not the name of this page").into_response();
    }
    if let Some(key) = key_in(request.uri()) {
        return if door.key.is(&key) { remembered(&door, request.uri()) } else { strange() };
    }
    let carried = carried(request.headers(), door.address);
    if carried.is_some_and(|key| door.key.is(key)) {
        request.extensions_mut().insert(Who { name: door.name.clone(), names: None });
    }
    next.run(request).await
}

fn is_here(headers: &HeaderMap, address: SocketAddr) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    host == address.to_string() || host == format!("localhost:{}", address.port())
}

fn key_in(uri: &Uri) -> Option<String> {
    let pairs = uri.query()?.split('&');
    pairs.filter_map(|pair| pair.strip_prefix("key=")).map(str::to_owned).next()
}

fn carried(headers: &HeaderMap, address: SocketAddr) -> Option<&str> {
    let name = cookie_name(address);
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(bearer) = text(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")) {
        return Some(bearer);
    }
    text(COOKIE)?.split(';').find_map(|cookie| cookie.trim().strip_prefix(&name))
}

/// The name contains the port, because cookies are shared by all ports of a host.
fn cookie_name(address: SocketAddr) -> String {
    format!("trailwarden-{}=", address.port())
}

/// Redirects to the address without the key, and stores the key in a cookie that no script can read and no
/// other site sends.
fn remembered(door: &Door, uri: &Uri) -> Response {
    let cookie = format!("{}{}; HttpOnly; SameSite=Strict; Path=/", cookie_name(door.address), door.key.0);
    let to = uri.path().trim_start_matches('/');
    (StatusCode::SEE_OTHER, [(SET_COOKIE, cookie), (LOCATION, format!("/{to}"))]).into_response()
}

fn strange() -> Response {
    (StatusCode::UNAUTHORIZED, "this is not the key: `trailwarden serve` prints the link at its start")
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: axum::http::HeaderName, value: &str) -> HeaderMap {
        [(name, value.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn a_key_is_itself_only() {
        let key = Key::new([7; 16]);
        assert!(key.is(&"07".repeat(16)));
        for wrong in ["", "07", &"08".repeat(16), &"07".repeat(17)] {
            assert!(!key.is(wrong), "{wrong}");
        }
    }

    #[test]
    fn it_comes_in_a_cookie_or_a_header() {
        let address = "127.0.0.1:8787".parse().unwrap();
        assert_eq!(carried(&headers(COOKIE, "a=b; trailwarden-8787=k; c=d"), address), Some("k"));
        assert_eq!(carried(&headers(AUTHORIZATION, "Bearer k"), address), Some("k"));
        assert_eq!(carried(&headers(COOKIE, "trailwarden-8788=k"), address), None);
    }

    #[test]
    fn another_name_is_not_here() {
        let address = "127.0.0.1:8787".parse().unwrap();
        assert!(is_here(&headers(HOST, "127.0.0.1:8787"), address));
        assert!(is_here(&headers(HOST, "localhost:8787"), address));
        assert!(!is_here(&headers(HOST, "evil.example:8787"), address));
        assert!(!is_here(&HeaderMap::new(), address));
    }
}
