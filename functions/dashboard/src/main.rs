//! Dashboard function: the same pages as `trailwarden serve`, behind a token of the organisation's identity provider.

mod sign_in;

use axum::{extract::Request, middleware::from_fn};
use lambda_http::{Error, request::RequestContext, tracing};
use trailwarden_dashboard::{Entrance, Who, orders, router};
use trailwarden_integrations::{
    bus::Bus,
    environment::{aws, variable},
    http::Http,
    now,
    provider::Provider,
    table::DynamoTable,
    web::{name_in, names_in},
};
use trailwarden_pipeline::{dashboard::Desk, responder::Mode};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let aws = aws().await;
    let mode = variable("RESPONSE_MODE")?;
    let mode = Mode::parse(&mode).ok_or_else(|| format!("RESPONSE_MODE is {mode:?}, no mode"))?;
    let desk = Desk::new(DynamoTable::new(&aws, variable("TABLE_NAME")?), mode);
    let bus = Bus::new(&aws, variable("EVENT_BUS_NAME")?);
    let provider = Provider::new(Http::default(), &variable("OIDC_ISSUER")?, variable("OIDC_CLIENT_ID")?);
    let (orders, worker) = orders();
    let reissues = variable("RESPONSE_REISSUE")? == "true";
    let pages = router(orders, Entrance::Provider, reissues, sign_in::routes(provider)).layer(from_fn(
        async |request: Request, next: axum::middleware::Next| next.run(named(request)).await,
    ));
    let work = worker.attend(&desk, &bus, || (now(), now()), || false);
    tokio::select! {
        () = work => Ok(()),
        ended = lambda_http::run(pages) => ended,
    }
}

/// Adds the caller's names to a request. API Gateway has verified the token, and nothing else may invoke the function.
fn named(mut request: Request) -> Request {
    let who = match request.extensions().get::<RequestContext>() {
        Some(RequestContext::ApiGatewayV2(context)) => context.authorizer.as_ref().and_then(|authorizer| {
            let claims = &authorizer.jwt.as_ref()?.claims;
            let names = Some(names_in(claims, request.headers()));
            Some(Who { name: name_in(claims)?.clone(), names })
        }),
        _ => None,
    };
    if let Some(who) = who {
        request.extensions_mut().insert(who);
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = include_str!("../../../events/dashboard.json");

    fn who(event: &str) -> Option<Who> {
        let request = lambda_http::request::from_str(event).expect("an event");
        let (head, _) = request.into_parts();
        let named = named(Request::from_parts(head, axum::body::Body::empty()));
        named.extensions().get::<Who>().cloned()
    }

    #[test]
    fn whoever_the_gateway_let_in_has_a_name_and_nobody_else() {
        let (name, names) = ("kim@example.com".to_owned(), Some(vec!["person:1".to_owned()]));
        assert_eq!(who(EVENT), Some(Who { name, names }));
        let mut event: serde_json::Value = serde_json::from_str(EVENT).expect("JSON");
        event["requestContext"]["authorizer"] = serde_json::Value::Null;
        assert_eq!(who(&event.to_string()), None, "a header of their own is no name");
    }
}
