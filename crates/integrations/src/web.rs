//! API Gateway adapter: maps requests of HTTP APIs to the incident API, and its replies back.

use std::{collections::HashMap, hash::BuildHasher};

use aws_lambda_events::{
    apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    encodings::Body,
    http::HeaderMap,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::Value;
use trailwarden_pipeline::incident_api::{Reply, Request, Signed};

/// Path to which Slack posts pressed buttons.
const SLACK: &str = "/slack/actions";

/// Maps a request, with the caller that API Gateway authenticated: the ARN with IAM, the mail address or subject with
/// an identity provider. `reissues` tells whether this deployment may issue credentials.
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
        names: names(request),
        reissues,
    }
}

fn who(request: &ApiGatewayV2httpRequest) -> Option<String> {
    let authorizer = request.request_context.authorizer.as_ref()?;
    if let Some(iam) = &authorizer.iam {
        return iam.user_arn.clone();
    }
    name_in(&authorizer.jwt.as_ref()?.claims).cloned()
}

/// Names to look up among the approvers; `None` with IAM, whose policies decide who may approve. An identity provider
/// only authenticates.
fn names(request: &ApiGatewayV2httpRequest) -> Option<Vec<String>> {
    let claims = &request.request_context.authorizer.as_ref()?.jwt.as_ref()?.claims;
    Some(names_in(claims, &request.headers))
}

/// Display name in a token: the mail address, unless it is marked as unverified, or else the subject.
pub fn name_in<S: BuildHasher>(claims: &HashMap<String, String, S>) -> Option<&String> {
    let is_verified = claims.get("email_verified").is_none_or(|is| is == "true");
    claims.get("email").filter(|_| is_verified).or_else(|| claims.get("sub"))
}

/// Names that approvers may be listed by: `person:` with the subject, and with the mail address if it is marked as
/// verified; `group:` with each group in the token.
///
/// Call only after API Gateway has verified the token. The groups are read from the token itself, since the gateway's
/// text form of a list claim is ambiguous.
pub fn names_in<S: BuildHasher>(claims: &HashMap<String, String, S>, headers: &HeaderMap) -> Vec<String> {
    let is_vouched = claims.get("email_verified").is_some_and(|is| is == "true");
    let mail = claims.get("email").filter(|_| is_vouched).cloned();
    let people = claims.get("sub").cloned().into_iter().chain(mail).map(|name| format!("person:{name}"));
    let payload = || {
        // Exactly one token: of two, the gateway may have verified the other.
        let token = headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")?;
        if token.contains([',', ' ']) {
            return None;
        }
        let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
        serde_json::from_slice::<Value>(&payload).ok()
    };
    let payload = payload().unwrap_or_default();
    let lists = ["groups", "cognito:groups"].into_iter().filter_map(|claim| payload.get(claim)?.as_array());
    let groups = lists.flatten().filter_map(Value::as_str).map(|group| format!("group:{group}"));
    people.chain(groups).collect()
}

/// Request of Slack, if it is one; unverified until its signature is checked.
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

/// Path without the stage, which API Gateway prepends unless it is the default stage.
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

/// Maps a reply to API Gateway's form.
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
        assert_eq!(asked.names, None, "IAM has let them in to decide");
        assert_eq!(asked.query["days"], "7");
        assert!(slack(&request).is_none());
    }

    #[test]
    fn nobody_is_nobody_and_a_provider_is_believed() {
        let with = |authorizer: serde_json::Value| {
            let mut event: serde_json::Value = serde_json::from_str(EVENT).unwrap();
            event["requestContext"]["authorizer"] = authorizer;
            let asked = asked(&serde_json::from_value(event).unwrap(), false);
            (asked.who, asked.names)
        };
        assert_eq!(with(serde_json::Value::Null), (String::new(), None));
        let claims = |more: serde_json::Value| {
            let mut claims = serde_json::json!({ "sub": "1", "email": "kim@x.example" });
            claims.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            with(serde_json::json!({ "jwt": { "claims": claims, "scopes": null } }))
        };
        let names = |names: &[&str]| Some(names.iter().map(|name| format!("person:{name}")).collect());
        assert_eq!(claims(serde_json::json!({})), ("kim@x.example".to_owned(), names(&["1"])));
        assert_eq!(claims(serde_json::json!({ "email_verified": "false" })), ("1".to_owned(), names(&["1"])));
        let vouched = claims(serde_json::json!({ "email_verified": "true" }));
        assert_eq!(vouched, ("kim@x.example".to_owned(), names(&["1", "kim@x.example"])));
    }

    #[test]
    fn somebody_has_the_names_of_their_groups_too() {
        let kim = HashMap::from([("sub".to_owned(), "kim".to_owned())]);
        let token = |payload: &str| format!("Bearer e30.{}.x", URL_SAFE_NO_PAD.encode(payload));
        let names = |authorization: &str| {
            let headers =
                HeaderMap::from_iter([("authorization".parse().unwrap(), authorization.parse().unwrap())]);
            names_in(&kim, &headers)
        };
        assert_eq!(
            names(&token(r#"{"groups":["security","not security"],"cognito:groups":["eu"]}"#)),
            ["person:kim", "group:security", "group:not security", "group:eu"]
        );
        for nothing in [token(r#"{"groups":"security"}"#), token("nonsense"), "Bearer".into(), "x.!.y".into()]
        {
            assert_eq!(names(&nothing), ["person:kim"], "{nothing}");
        }
        assert_eq!(names_in(&kim, &HeaderMap::new()), ["person:kim"]);
    }
}
