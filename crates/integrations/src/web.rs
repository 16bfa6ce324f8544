//! Requests of API Gateway's HTTP APIs, in core's words.

use aws_lambda_events::{
    apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    encodings::Body,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use trailwarden_core::stages::interface::{Reply, Request, Signed};

/// Where Slack sends what is pressed.
const SLACK: &str = "/slack/actions";

/// A request, where credentials may be made anew or not, with whoever the API let in: by IAM their ARN, by an identity provider their mail address or subject.
pub fn asked(request: &ApiGatewayV2httpRequest, reissues: bool) -> Request {
    Request {
        method: request.request_context.http.method.to_string(),
        path: path(request),
        query: request
            .query_string_parameters
            .iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        body: body(request),
        who: who(request).unwrap_or_default(),
        reissues,
    }
}

fn who(request: &ApiGatewayV2httpRequest) -> Option<String> {
    let authorizer = request.request_context.authorizer.as_ref()?;
    if let Some(iam) = &authorizer.iam {
        return iam.user_arn.clone();
    }
    let claims = &authorizer.jwt.as_ref()?.claims;
    claims.get("email").or_else(|| claims.get("sub")).cloned()
}

/// What Slack sent, to be believed only by its signature.
pub fn slack(request: &ApiGatewayV2httpRequest) -> Option<Signed> {
    let header = |name: &str| {
        request.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    (path(request) == SLACK).then(|| Signed {
        timestamp: header("x-slack-request-timestamp"),
        signature: header("x-slack-signature"),
        body: body(request),
    })
}

/// Without the stage, which API Gateway puts before it unless it is the default one.
fn path(request: &ApiGatewayV2httpRequest) -> String {
    let path = request.raw_path.clone().unwrap_or_default();
    let stage = request.request_context.stage.as_deref().unwrap_or("$default");
    path.strip_prefix(&format!("/{stage}/")).map_or(path.clone(), |rest| format!("/{rest}"))
}

fn body(request: &ApiGatewayV2httpRequest) -> String {
    let body = request.body.clone().unwrap_or_default();
    if !request.is_base64_encoded {
        return body;
    }
    STANDARD.decode(&body).ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
}

/// A reply as API Gateway takes it.
pub fn answered(reply: &Reply) -> ApiGatewayV2httpResponse {
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = i64::from(reply.status);
    answer.body = Some(Body::Text(reply.body.to_string()));
    for (name, value) in [
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ] {
        if let (Ok(name), Ok(value)) = (name.parse::<aws_lambda_events::http::HeaderName>(), value.parse()) {
            answer.headers.insert(name, value);
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = include_str!("../../../events/incidents.json");

    #[test]
    fn a_request_has_the_name_of_whoever_was_let_in() {
        let request: ApiGatewayV2httpRequest = serde_json::from_str(EVENT).unwrap();
        let asked = asked(&request, false);
        assert_eq!((asked.method.as_str(), asked.path.as_str()), ("GET", "/incidents"));
        assert_eq!(asked.who, "arn:aws:sts::111122223333:assumed-role/analyst/kim");
        assert_eq!(asked.query["days"], "7");
        assert!(slack(&request).is_none());
    }

    #[test]
    fn nobody_is_nobody_and_a_provider_is_believed() {
        let with = |authorizer: serde_json::Value| {
            let mut event: serde_json::Value = serde_json::from_str(EVENT).unwrap();
            event["requestContext"]["authorizer"] = authorizer;
            asked(&serde_json::from_value(event).unwrap(), false).who
        };
        assert_eq!(with(serde_json::Value::Null), "");
        let claims = serde_json::json!({ "jwt": { "claims": { "sub": "1", "email": "kim@x.example" }, "scopes": null } });
        assert_eq!(with(claims), "kim@x.example");
    }
}
