//! Raw shape of a CloudTrail record and its envelopes, for serde.

use serde::Deserialize;
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use super::{Malformed, Other};
use crate::event::{Caller, Event, EventId, Identity, Outcome, Text, Time};

/// A CloudTrail record, or an envelope that holds some. Unknown fields are skipped.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Record<'a> {
    #[serde(borrow, rename = "eventID")]
    event_id: Text<'a>,
    #[serde(borrow, rename = "sharedEventID")]
    shared_event_id: Text<'a>,
    #[serde(borrow)]
    event_time: Text<'a>,
    #[serde(borrow)]
    event_source: Text<'a>,
    #[serde(borrow)]
    event_name: Text<'a>,
    #[serde(borrow)]
    event_type: Text<'a>,
    #[serde(borrow)]
    event_category: Text<'a>,
    #[serde(borrow)]
    aws_region: Text<'a>,
    #[serde(borrow)]
    recipient_account_id: Text<'a>,
    #[serde(borrow)]
    user_identity: Option<Identity<'a>>,
    #[serde(borrow, rename = "sourceIPAddress")]
    source_ip_address: Text<'a>,
    #[serde(borrow)]
    user_agent: Text<'a>,
    #[serde(borrow)]
    error_code: Text<'a>,
    #[serde(borrow)]
    error_message: Text<'a>,
    #[serde(borrow)]
    read_only: Text<'a>,
    #[serde(borrow)]
    resources: Option<&'a RawValue>,
    #[serde(borrow)]
    request_parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    response_elements: Option<&'a RawValue>,
    #[serde(borrow)]
    additional_event_data: Option<&'a RawValue>,
    #[serde(borrow)]
    digest_start_time: Text<'a>,
    /// Of EventBridge: source, detail type and account of the event.
    #[serde(borrow)]
    pub(super) source: Text<'a>,
    #[serde(borrow, rename = "detail-type")]
    pub(super) detail_type: Text<'a>,
    #[serde(borrow)]
    pub(super) account: Text<'a>,

    /// EventBridge: the event itself.
    #[serde(borrow)]
    pub(super) detail: Option<&'a RawValue>,
    /// `lookup-events`: a record as a string.
    #[serde(rename = "CloudTrailEvent")]
    pub(super) cloud_trail_event: Option<String>,
    /// CloudWatch Logs subscription as Lambda receives it: gzip in base64.
    pub(super) awslogs: Option<AwsLogs>,
    /// Of a CloudWatch Logs subscription: `CONTROL_MESSAGE` for a check of reachability, without records.
    #[serde(borrow)]
    pub(super) message_type: Text<'a>,
    /// CloudWatch Logs subscription, unpacked: records as strings.
    pub(super) log_events: Option<Vec<LogEvent>>,
    /// Kinesis record: any of these, in base64.
    pub(super) kinesis: Option<AwsLogs>,
    /// Queue message: any of these, as a string.
    pub(super) body: Option<String>,
    /// Log file whose list is not the first key.
    #[serde(borrow, rename = "Records")]
    pub(super) records: Option<&'a RawValue>,
    /// Response of `lookup-events` whose list is not the first key.
    #[serde(borrow, rename = "Events")]
    pub(super) events: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct AwsLogs {
    pub(super) data: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct LogEvent {
    pub(super) message: String,
}

/// Fields of `additionalEventData` and `responseElements` that give a sign-in's outcome.
#[derive(Deserialize, Default)]
#[serde(default)]
struct SignIn<'a> {
    #[serde(borrow, rename = "MFAUsed")]
    mfa_used: Text<'a>,
    #[serde(borrow, rename = "ConsoleLogin")]
    console_login: Text<'a>,
    #[serde(borrow, rename = "CheckMfa")]
    check_mfa: Text<'a>,
}

impl<'a> Record<'a> {
    /// The record as JSON without malformed parts of its identity: the rest still says what was done.
    pub(super) fn mended(bytes: &[u8]) -> Option<String> {
        let mut record: serde_json::Value =
            serde_json::Deserializer::from_slice(bytes).into_iter().next()?.ok()?;
        let identity = record.get_mut("userIdentity")?;
        let Some(fields) = identity.as_object_mut() else {
            *identity = serde_json::Value::Null;
            return Some(record.to_string());
        };
        for part in ["sessionContext", "onBehalfOf"] {
            if fields.get(part).is_some_and(|part| !part.is_object()) {
                fields.remove(part);
            }
        }
        if let Some(session) = fields.get_mut("sessionContext").and_then(serde_json::Value::as_object_mut) {
            session.retain(|_, part| part.is_object() || part.is_string());
            for part in ["sessionIssuer", "attributes"] {
                if session.get(part).is_some_and(|part| !part.is_object()) {
                    session.remove(part);
                }
            }
        }
        Some(record.to_string())
    }

    /// The kind of a record that is not an event; `None` for an event.
    pub(super) fn other(&self) -> Option<Other> {
        if &*self.event_type == "AwsCloudTrailInsight" || &*self.event_category == "Insight" {
            Some(Other::Insight)
        } else if !self.digest_start_time.is_empty() {
            Some(Other::Digest)
        } else if self.event_name.is_empty() || self.event_source.is_empty() {
            Some(Other::NotCloudTrail)
        } else {
            None
        }
    }

    /// Builds the event; `bytes` are the record's own, hashed if it has no id; `record` is its number in the
    /// object.
    pub(super) fn into_event(self, bytes: &'a [u8], record: u64) -> Result<Event<'a>, Malformed> {
        let event_time = match self.event_time.filled() {
            None => Time::UNDATED,
            Some(text) => Time::parse(text)
                .ok_or_else(|| Malformed { record, reason: "eventTime is not a time".to_owned() })?,
        };
        let identity = self.user_identity.unwrap_or_default();
        let id = self.shared_event_id.filled().or(self.event_id.filled()).map_or(bytes, str::as_bytes);
        let key = xxh3_64(id);
        let sign_in = SignIn::read(&self.event_name, self.additional_event_data, self.response_elements);
        let mfa = mfa(&identity, &sign_in.mfa_used);
        let outcome = outcome(&self.error_code, &self.error_message, &sign_in);
        let caller = caller(&self.source_ip_address);
        let account_id = [self.recipient_account_id, identity.account_id.clone()]
            .into_iter()
            .find(is_account)
            .unwrap_or_default();
        Ok(Event {
            key,
            event_id: EventId::new(&self.event_id, key),
            event_time,
            event_source: self.event_source,
            event_name: self.event_name.map(without_api_date),
            event_type: self.event_type,
            aws_region: self.aws_region,
            account_id,
            identity,
            caller,
            user_agent: self.user_agent.map(|agent| agent.trim_start_matches('[').trim_end_matches(']')),
            error_code: self.error_code,
            read_only: self.read_only.parse().ok(),
            mfa,
            outcome,
            record: bytes,
            resources: self.resources,
            request_parameters: self.request_parameters,
            response_elements: self.response_elements,
        })
    }
}

impl<'a> SignIn<'a> {
    fn read(event_name: &str, additional: Option<&'a RawValue>, response: Option<&'a RawValue>) -> Self {
        if !matches!(event_name, "ConsoleLogin" | "CheckMfa") {
            return Self::default();
        }
        let parse = |raw: Option<&'a RawValue>| -> Self {
            raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
        };
        Self { mfa_used: parse(additional).mfa_used, ..parse(response) }
    }

    fn has_failed(&self) -> bool {
        &*self.console_login == "Failure" || &*self.check_mfa == "Failure"
    }
}

fn mfa(identity: &Identity<'_>, mfa_used: &str) -> Option<bool> {
    match mfa_used {
        "Yes" => return Some(true),
        "No" => return Some(false),
        _ => {}
    }
    identity.session_context.as_ref()?.attributes.as_ref()?.mfa_authenticated.parse().ok()
}

/// AWS has several error codes for a denial. Some services, such as Managed Grafana, write an HTTP status instead, 200 for
/// success.
fn outcome(error_code: &str, error_message: &str, sign_in: &SignIn<'_>) -> Outcome {
    let is_denied = ["AccessDenied", "Unauthorized", "NotAuthorized", "Forbidden"]
        .iter()
        .any(|word| error_code.contains(word));
    let status = error_code.parse::<u16>().ok();
    if is_denied || matches!(status, Some(401 | 403)) {
        Outcome::Denied
    } else if !(error_code.is_empty() || matches!(status, Some(200..=299)))
        || sign_in.has_failed()
        || error_message == "Failed authentication"
    {
        Outcome::Failed
    } else {
        Outcome::Success
    }
}

/// Whether text is an account id; `ANONYMOUS_PRINCIPAL` is not.
fn is_account(text: &Text<'_>) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A caller borrows from the record; text with escapes, never an address, is unknown.
fn caller<'a>(text: &Text<'a>) -> Caller<'a> {
    text.borrowed().map_or(Caller::Unknown, Caller::parse)
}

/// `UpdateFunctionCode20150331v2` is `UpdateFunctionCode`: Lambda and CloudFront append their API's date to
/// the name.
fn without_api_date(name: &str) -> &str {
    let head = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, 'v' | '_'));
    let tail = &name[head.len()..];
    let digits = tail.trim_start_matches('_');
    let is_date = digits.len() >= 8
        && digits.bytes().take(8).all(|byte| byte.is_ascii_digit())
        && (digits.starts_with("19") || digits.starts_with("20"));
    if is_date { head } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: &str) -> Event<'_> {
        serde_json::from_str::<Record<'_>>(json).unwrap().into_event(json.as_bytes(), 1).unwrap()
    }

    #[test]
    fn an_api_date_is_no_part_of_the_name() {
        for (name, expected) in [
            ("UpdateFunctionCode20150331v2", "UpdateFunctionCode"),
            ("CreateDistribution2020_05_31", "CreateDistribution2020_05_31"),
            ("AddPermission20150331", "AddPermission"),
            ("GetObject", "GetObject"),
            ("ListFoo2", "ListFoo2"),
            ("CreateCloudFrontOriginAccessIdentity2020", "CreateCloudFrontOriginAccessIdentity2020"),
        ] {
            assert_eq!(without_api_date(name), expected);
        }
    }

    #[test]
    fn the_four_spellings_of_denied_are_one() {
        for code in
            ["AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "Client.UnauthorizedOperation"]
        {
            assert_eq!(outcome(code, "", &SignIn::default()), Outcome::Denied);
        }
        assert_eq!(outcome("ThrottlingException", "", &SignIn::default()), Outcome::Failed);
    }

    #[test]
    fn an_http_status_is_read_as_one() {
        for (code, expected) in [
            ("200", Outcome::Success),
            ("204", Outcome::Success),
            ("403", Outcome::Denied),
            ("404", Outcome::Failed),
            ("2000", Outcome::Failed),
        ] {
            assert_eq!(outcome(code, "", &SignIn::default()), expected, "{code}");
        }
    }

    #[test]
    fn a_failed_sign_in_has_no_error_code() {
        let event = event(
            r#"{"eventName":"ConsoleLogin","eventSource":"signin.amazonaws.com","errorMessage":"Failed authentication",
            "responseElements":{"ConsoleLogin":"Failure"},"additionalEventData":{"MFAUsed":"No"}}"#,
        );
        assert!(event.is_failed_sign_in());
        assert_eq!(event.mfa, Some(false));
    }

    #[test]
    fn missing_mfa_is_unknown() {
        assert_eq!(
            event(r#"{"eventName":"A","userIdentity":{"sessionContext":{"sessionIssuer":{}}}}"#).mfa,
            None
        );
        let with = r#"{"eventName":"A","userIdentity":{"sessionContext":{"attributes":{"mfaAuthenticated":"false"}}}}"#;
        assert_eq!(event(with).mfa, Some(false));
    }

    #[test]
    fn copies_of_a_shared_event_have_one_key() {
        let one = event(r#"{"eventName":"A","eventID":"1","sharedEventID":"s"}"#).key;
        assert_eq!(one, event(r#"{"eventName":"A","eventID":"2","sharedEventID":"s"}"#).key);
        assert_ne!(one, event(r#"{"eventName":"A","eventID":"1"}"#).key);
    }

    #[test]
    fn a_time_that_is_none_is_refused_and_an_absent_one_is_kept() {
        let json = r#"{"eventName":"A","eventTime":"soon"}"#;
        assert!(serde_json::from_str::<Record<'_>>(json).unwrap().into_event(b"", 1).is_err());
        assert_eq!(event(r#"{"eventName":"A"}"#).event_time, Time::UNDATED);
    }
}
