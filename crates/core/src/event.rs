//! Event: one CloudTrail record, in CloudTrail's field names.
//!
//! All fields borrow from the record's bytes. The large ones (`request_parameters`, `response_elements`) stay
//! unparsed: the catalogue parses them for the few calls it reads.

mod caller;
mod principal;
mod text;
mod time;

pub use caller::Caller;
pub use principal::{
    Identity, Principal, PrincipalKind, account_of, is_role_of_single_sign_on, is_service_role,
    is_session_of_person, is_user, permission_set, role_name,
};
pub use text::Text;
pub use time::{DAY, HOUR, Time};

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use xxhash_rust::xxh3::xxh3_64;

/// CloudTrail's event id: a UUID in practice, any text in principle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EventId {
    /// A UUID in its usual lowercase form, packed.
    Uuid(u128),
    /// Any other id.
    Text(Box<str>),
}

impl EventId {
    /// Packs `id`; a record without an id is named after `key`, the hash of its bytes.
    pub fn new(id: &str, key: u64) -> Self {
        if id.is_empty() {
            return Self::Text(format!("record-{key:016x}").into());
        }
        parse_uuid(id).map_or_else(|| Self::Text(clip(id, 64).into()), Self::Uuid)
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Uuid(id) => {
                let hex = format!("{id:032x}");
                write!(f, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
            }
        }
    }
}

/// Bits of a lowercase UUID. Any other id stays text, so that its spelling survives.
fn parse_uuid(text: &str) -> Option<u128> {
    let bytes = text.as_bytes();
    if bytes.len() != 36 {
        return None;
    }
    let mut bits = 0u128;
    for (position, &byte) in bytes.iter().enumerate() {
        match (position, byte) {
            (8 | 13 | 18 | 23, b'-') => {}
            (8 | 13 | 18 | 23, _) => return None,
            (_, b'0'..=b'9') => bits = bits << 4 | u128::from(byte - b'0'),
            (_, b'a'..=b'f') => bits = bits << 4 | u128::from(byte - b'a' + 10),
            _ => return None,
        }
    }
    Some(bits)
}

/// Outcome of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// AWS executed the call.
    Success,
    /// AWS denied the call for lack of permission.
    Denied,
    /// The call failed for another reason: not found, throttled, invalid.
    Failed,
}

/// An API call, sign-in or service event.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// Hash that identifies copies of one event: of `sharedEventID`, else `eventID`, else the record's bytes.
    pub key: u64,
    /// `eventID`, as shown in evidence.
    pub event_id: EventId,
    /// `eventTime` in seconds; [`Time::UNDATED`] where the record has none.
    pub event_time: Time,
    /// `eventSource`, for example `iam.amazonaws.com`.
    pub event_source: Text<'a>,
    /// `eventName` without the API date: `UpdateFunctionCode` for `UpdateFunctionCode20150331v2`.
    pub event_name: Text<'a>,
    /// `eventType`, for example `AwsApiCall`.
    pub event_type: Text<'a>,
    /// `awsRegion`.
    pub aws_region: Text<'a>,
    /// The account of the log: `recipientAccountId`, else the identity's account.
    pub account_id: Text<'a>,
    /// `userIdentity`.
    pub identity: Identity<'a>,
    /// `sourceIPAddress`, parsed.
    pub caller: Caller<'a>,
    /// `userAgent`, without square brackets around it.
    pub user_agent: Text<'a>,
    /// `errorCode`; empty on success.
    pub error_code: Text<'a>,
    /// `readOnly`, if present.
    pub read_only: Option<bool>,
    /// Whether the session was authenticated with MFA; `None` if unknown.
    pub mfa: Option<bool>,
    /// Outcome of the call.
    pub outcome: Outcome,
    /// The record's bytes, unchanged.
    pub record: &'a [u8],
    /// `resources`, unparsed.
    pub resources: Option<&'a RawValue>,
    /// `requestParameters`, unparsed.
    pub request_parameters: Option<&'a RawValue>,
    /// `responseElements`, unparsed.
    pub response_elements: Option<&'a RawValue>,
}

impl Event<'_> {
    /// The service's short name, for example `iam`.
    pub fn service(&self) -> &str {
        self.event_source.split('.').next().unwrap_or_default()
    }

    /// Whether this is a console sign-in.
    pub fn is_sign_in(&self) -> bool {
        self.event_name.as_str() == "ConsoleLogin"
    }

    /// Whether this is a failed sign-in, or a failed answer to its challenge.
    pub fn is_failed_sign_in(&self) -> bool {
        self.outcome != Outcome::Success
            && (matches!(self.event_name.as_str(), "ConsoleLogin" | "CheckMfa")
                || (self.event_source.starts_with("sign")
                    && matches!(self.event_name.as_str(), "CredentialVerification" | "UserAuthentication")))
    }

    /// `requestParameters` as a tree; `Null` where absent or truncated by CloudTrail.
    pub fn parameters(&self) -> Value {
        tree(self.request_parameters)
    }

    /// `responseElements` as a tree; `Null` where absent or truncated.
    pub fn response(&self) -> Value {
        tree(self.response_elements)
    }
}

impl Event<'_> {
    /// The ARNs in `resources`.
    pub fn resource_arns(&self) -> Vec<String> {
        let Value::Array(resources) = tree(self.resources) else { return Vec::new() };
        let arn = |resource: &Value| {
            Some(resource.get("ARN").or_else(|| resource.get("arn"))?.as_str()?.to_owned())
        };
        resources.iter().filter_map(arn).collect()
    }
}

fn tree(raw: Option<&RawValue>) -> Value {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// Hash of a text, used as a key. It is stored, so it must never change.
pub fn hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}

/// Checksum of stored bytes; no protection against forgery.
pub fn checksum(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// A day since 1970 as text, for example `2026-03-02`.
pub fn date(day: u32) -> String {
    Time(i64::from(day) * DAY).to_string()[..10].to_owned()
}

/// Text for people: control, bidirectional and zero-width characters are escaped.
pub fn printable(text: &str) -> String {
    let is_unsafe = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if !text.contains(is_unsafe) {
        return text.to_owned();
    }
    text.chars().map(|c| if is_unsafe(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// Whether text looks like a Region: `eu-west-1`, `us-gov-east-1`.
pub fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_word = |part: &&str| part.len() >= 2 && part.bytes().all(|byte| byte.is_ascii_lowercase());
    parts.len() >= 3
        && parts[..parts.len() - 1].iter().all(is_word)
        && parts[parts.len() - 1].parse::<u8>().is_ok()
}

/// `text` cut to at most `limit` bytes, at a character boundary.
pub fn clip(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_packed_and_printed_unchanged() {
        let text = "0968cbec-f8df-43f3-94ba-b451aad083ed";
        assert!(matches!(EventId::new(text, 1), EventId::Uuid(_)));
        assert_eq!(EventId::new(text, 1).to_string(), text);
    }

    #[test]
    fn any_other_id_keeps_its_spelling() {
        for id in ["test-03", "0968CBEC-F8DF-43F3-94BA-B451AAD083ED", "0968cbecxf8df-43f3-94ba-b451aad083ed"]
        {
            assert_eq!(EventId::new(id, 1).to_string(), id);
        }
    }

    #[test]
    fn clipping_respects_characters() {
        assert_eq!(clip("añb", 2), "a");
        assert_eq!(clip("añb", 9), "añb");
    }
}
