//! CloudTrail record of a call.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::draw::Draw;

/// One record as JSON, with the fields that the log file's name needs.
pub struct Record {
    /// Seconds since 1970.
    pub time: i64,
    /// Account whose log contains it.
    pub account_id: String,
    /// `awsRegion`.
    pub region: String,
    /// The record as JSON text.
    pub json: String,
}

/// Credentials, address and user agent of a caller.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) identity: Value,
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) address: String,
    pub(crate) agent: String,
}

/// A call to record.
pub(crate) struct Call {
    service: String,
    name: String,
    parameters: Value,
    response: Value,
    error: Option<(&'static str, String)>,
    extra: Map<String, Value>,
}

/// A call without parameters, from `service:Name`.
pub(crate) fn call(api: &str) -> Call {
    let (service, name) = api.split_once(':').unwrap_or(("sts", api));
    Call {
        service: service.to_owned(),
        name: name.to_owned(),
        parameters: Value::Null,
        response: Value::Null,
        error: None,
        extra: Map::new(),
    }
}

impl Call {
    pub(crate) fn with(mut self, parameters: Value) -> Self {
        self.parameters = parameters;
        self
    }

    pub(crate) fn gives(mut self, response: Value) -> Self {
        self.response = response;
        self
    }

    pub(crate) fn denied(mut self) -> Self {
        let is_ec2 = self.service == "ec2";
        let code = if is_ec2 { "Client.UnauthorizedOperation" } else { "AccessDenied" };
        self.error = Some((code, format!("not authorized to perform: {}:{}", self.service, self.name)));
        self
    }

    pub(crate) fn denied_if(self, is_denied: bool) -> Self {
        if is_denied { self.denied() } else { self }
    }

    pub(crate) fn fails(mut self, code: &'static str) -> Self {
        self.error = Some((code, "the request could not be completed".to_owned()));
        self
    }

    pub(crate) fn extra(mut self, key: &str, value: Value) -> Self {
        self.extra.insert(key.to_owned(), value);
        self
    }

    fn is_read(&self) -> bool {
        [
            "Get", "List", "Describe", "Lookup", "Head", "Search", "Simulate", "Filter", "Batch", "Query",
            "Scan",
        ]
        .iter()
        .any(|verb| self.name.starts_with(verb))
    }

    fn is_data(&self) -> bool {
        let is_object =
            self.name.contains("Object") && !self.name.contains("Objects") && !self.name.contains("Lock");
        (self.service == "s3" && (is_object || self.name == "DeleteObjects" || self.name == "ListObjects"))
            || (self.service == "lambda" && self.name == "Invoke")
    }

    /// Region of the record; global services log in us-east-1.
    fn region_of<'a>(&'a self, session: &'a Session) -> &'a str {
        let is_global = matches!(
            self.service.as_str(),
            "iam" | "organizations" | "route53" | "ce" | "budgets" | "account" | "support"
        );
        if is_global { "us-east-1" } else { &session.region }
    }

    /// Event id and record of this call.
    pub(crate) fn record(self, time: i64, session: &Session, draw: &mut Draw) -> (String, Record) {
        let id = draw.uuid();
        let region = self.region_of(session).to_owned();
        let account = session.account.clone();
        let is_sign_in = self.name == "ConsoleLogin";
        let is_data = self.is_data();
        let mut record = json!({
            "eventVersion": "1.11", "userIdentity": session.identity, "eventTime": rfc3339(time),
            "eventSource": format!("{}.amazonaws.com", self.service), "eventName": self.name, "awsRegion": region,
            "sourceIPAddress": session.address, "userAgent": session.agent,
            "requestParameters": self.parameters, "responseElements": self.response,
            "requestID": draw.uuid(), "eventID": id, "readOnly": self.is_read(),
            "eventType": if is_sign_in { "AwsConsoleSignIn" } else { "AwsApiCall" },
            "managementEvent": !is_data, "recipientAccountId": account,
            "eventCategory": if is_data { "Data" } else { "Management" },
        });
        if let Some(fields) = record.as_object_mut() {
            if let Some((code, message)) = self.error {
                if is_sign_in {
                    fields.insert("errorMessage".into(), "Failed authentication".into());
                } else {
                    fields.insert("errorCode".into(), code.into());
                    fields.insert("errorMessage".into(), message.into());
                    fields.insert("responseElements".into(), Value::Null);
                }
            }
            fields.extend(self.extra);
        }
        (id, Record { time, account_id: account, region, json: record.to_string() })
    }
}

/// Seconds since 1970 as RFC 3339, for example `2026-03-02T10:00:00Z`.
pub(crate) fn rfc3339(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap_or_default().to_string()
}
