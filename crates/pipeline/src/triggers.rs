//! Triggers of the ingest function: decodes invocations into parcels of logs or of S3 object names.
//!
//! Each SQS message, Kinesis record and Firehose record holds one parcel, as does a direct CloudWatch Logs
//! subscription or EventBridge event. Object names come in the formats of S3, EventBridge or CloudTrail, each
//! optionally wrapped by SNS.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Unit of work that can fail by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parcel {
    /// Id for partial batch failures.
    pub id: String,
    /// Contents.
    pub contents: Contents,
}

/// Contents of a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Logs, in any envelope that the sources parse.
    Logs(Vec<u8>),
    /// S3 objects with logs.
    Objects(Vec<Object>),
    /// Nothing to read, for example a test message, a digest, or one of our own findings.
    Nothing,
}

/// S3 object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Bucket name.
    pub bucket: String,
    /// Key, not percent-encoded.
    pub key: String,
}

/// Kind of sender, which decides the form of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// Queue or stream: expects the ids to redeliver.
    Batch,
    /// Firehose, with the id and data of each record: expects every record back, so that its delivery continues.
    Firehose(Vec<(String, String)>),
    /// Any other sender: expects an error if it must retry.
    Direct,
}

#[derive(Deserialize)]
struct Invocation<'a> {
    #[serde(borrow, rename = "Records", default)]
    records: Vec<Record<'a>>,
    #[serde(rename = "records", default)]
    firehose: Vec<FirehoseRecord>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    message_id: Option<String>,
    body: Option<String>,
    #[serde(borrow)]
    kinesis: Option<&'a RawValue>,
    #[serde(borrow)]
    s3: Option<&'a RawValue>,
    #[serde(borrow, rename = "Sns")]
    sns: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KinesisRecord {
    sequence_number: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FirehoseRecord {
    record_id: String,
    data: String,
}

/// Decodes an invocation. Unknown payloads count as logs sent directly.
pub fn open(invocation: &str) -> (Vec<Parcel>, Sender) {
    let direct = || (vec![parcel("", invocation)], Sender::Direct);
    let Ok(Invocation { records, firehose }) = serde_json::from_str::<Invocation<'_>>(invocation) else {
        return direct();
    };
    if !firehose.is_empty() {
        let parcels = firehose.iter().map(|record| Parcel {
            id: record.record_id.clone(),
            contents: STANDARD
                .decode(&record.data)
                .map_or_else(|_| Contents::Logs(record.data.clone().into_bytes()), |bytes| contents(&bytes)),
        });
        let parcels = parcels.collect();
        let back = firehose.into_iter().map(|record| (record.record_id, record.data)).collect();
        return (parcels, Sender::Firehose(back));
    }
    if records.is_empty() || records.iter().any(|record| record.s3.is_some() || record.sns.is_some()) {
        return direct();
    }
    let parcels: Option<Vec<Parcel>> = records.iter().map(of_batch).collect();
    parcels.map_or_else(direct, |parcels| (parcels, Sender::Batch))
}

/// Decodes a record of a queue or a stream; `None` if it is neither.
fn of_batch(record: &Record<'_>) -> Option<Parcel> {
    if let (Some(id), Some(body)) = (&record.message_id, &record.body) {
        return Some(parcel(id, body));
    }
    let kinesis = record.kinesis?.get();
    let id = serde_json::from_str::<KinesisRecord>(kinesis).ok()?.sequence_number;
    // The Kinesis source unpacks the record.
    Some(Parcel { id, contents: Contents::Logs(format!(r#"{{"kinesis":{kinesis}}}"#).into_bytes()) })
}

fn parcel(id: &str, body: &str) -> Parcel {
    Parcel { id: id.to_owned(), contents: contents(body.as_bytes()) }
}

/// Fields of the notifications that a body may be.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Word<'a> {
    #[serde(borrow, rename = "Records")]
    records: Option<Vec<S3Record<'a>>>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    #[serde(borrow)]
    detail: Option<&'a RawValue>,
    #[serde(rename = "Type")]
    kind: Option<String>,
    #[serde(rename = "Message")]
    message: Option<String>,
    #[serde(rename = "s3Bucket")]
    bucket: Option<String>,
    #[serde(rename = "s3ObjectKey")]
    keys: Option<Vec<String>>,
    #[serde(rename = "Event")]
    event: Option<String>,
}

#[derive(Deserialize)]
struct S3Record<'a> {
    #[serde(borrow)]
    s3: Option<&'a RawValue>,
    #[serde(rename = "Sns")]
    sns: Option<SnsMessage>,
}

#[derive(Deserialize)]
struct SnsMessage {
    #[serde(rename = "Message")]
    message: String,
}

#[derive(Deserialize)]
struct S3Entity {
    bucket: Bucket,
    object: ObjectName,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize)]
struct ObjectName {
    key: String,
}

fn contents(body: &[u8]) -> Contents {
    let logs = || Contents::Logs(body.to_vec());
    let Ok(word) = serde_json::from_slice::<Word<'_>>(body) else { return logs() };
    match word {
        Word { kind: Some(kind), message: Some(message), .. } if kind == "Notification" => {
            contents(message.as_bytes())
        }
        Word { bucket: Some(bucket), keys: Some(keys), .. } => {
            objects(keys.into_iter().map(|key| Object { bucket: bucket.clone(), key }))
        }
        Word { event: Some(event), .. } if event == "s3:TestEvent" => Contents::Nothing,
        Word { detail_type: Some(kind), detail: Some(detail), .. } => of_eventbridge(&kind, detail, logs),
        Word { records: Some(records), .. } => of_s3(&records).unwrap_or_else(logs),
        _ => logs(),
    }
}

fn of_eventbridge(kind: &str, detail: &RawValue, logs: impl Fn() -> Contents) -> Contents {
    if kind == "Object Created" {
        let entity = serde_json::from_str::<S3Entity>(detail.get());
        // EventBridge, unlike S3's own notifications, does not encode keys.
        return entity.map_or_else(
            |_| logs(),
            |entity| objects([Object { bucket: entity.bucket.name, key: entity.object.key }]),
        );
    }
    // Security Hub publishes findings as events, our own among them: they are not logs.
    if kind.starts_with("Security Hub") { Contents::Nothing } else { logs() }
}

/// Decodes an S3 notification, direct or by SNS; `None` if the records are something else.
fn of_s3(records: &[S3Record<'_>]) -> Option<Contents> {
    let mut named = Vec::new();
    for record in records {
        match (record.s3, &record.sns) {
            (Some(raw), _) => {
                let entity: S3Entity = serde_json::from_str(raw.get()).ok()?;
                named.push(Object { bucket: entity.bucket.name, key: decoded(&entity.object.key) });
            }
            (None, Some(sns)) => match contents(sns.message.as_bytes()) {
                Contents::Objects(objects) => named.extend(objects),
                Contents::Logs(_) | Contents::Nothing => {}
            },
            (None, None) => return None,
        }
    }
    (!records.is_empty()).then(|| objects(named))
}

fn objects(named: impl IntoIterator<Item = Object>) -> Contents {
    let is_log = |object: &Object| !object.key.contains("AWSLogs/") || object.key.contains(LOGS);
    let logs: Vec<Object> = named.into_iter().filter(is_log).collect();
    if logs.is_empty() { Contents::Nothing } else { Contents::Objects(logs) }
}

/// Folder of a trail's logs below `AWSLogs/`; its siblings are digests, Insights, and logs of other services.
const LOGS: &str = "/CloudTrail/";

/// Decodes a key of an S3 notification, which is form-encoded: a plus is a space.
fn decoded(key: &str) -> String {
    let key = key.replace('+', " ");
    percent_encoding::percent_decode_str(&key).decode_utf8_lossy().into_owned()
}

/// Answer to a Firehose transformation.
#[derive(Debug, Serialize)]
pub struct Transformed {
    records: Vec<TransformedRecord>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TransformedRecord {
    record_id: String,
    result: &'static str,
    data: String,
}

impl Transformed {
    /// Returns each record unchanged. Firehose does not retry records marked as failed, so failures fail the
    /// invocation.
    pub fn new(records: Vec<(String, String)>) -> Self {
        let back = |(record_id, data)| TransformedRecord { record_id, result: "Ok", data };
        Self { records: records.into_iter().map(back).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(body: &str) -> Contents {
        contents(body.as_bytes())
    }

    fn object(key: &str) -> Contents {
        Contents::Objects(vec![Object { bucket: "trail".into(), key: key.into() }])
    }

    const S3: &str = r#"{"Records":[{"eventSource":"aws:s3","s3":{"bucket":{"name":"trail"},"object":{"key":"a%2Bb/c+d.json.gz"}}}]}"#;

    #[test]
    fn word_of_an_object_is_understood_in_each_dialect() {
        assert_eq!(one(S3), object("a+b/c d.json.gz"));
        let by_sns = serde_json::json!({ "Type": "Notification", "Message": S3 }).to_string();
        assert_eq!(one(&by_sns), object("a+b/c d.json.gz"));
        let by_bus = r#"{"detail-type":"Object Created","detail":{"bucket":{"name":"trail"},"object":{"key":"a+b.gz"}}}"#;
        assert_eq!(one(by_bus), object("a+b.gz"));
        assert_eq!(one(r#"{"s3Bucket":"trail","s3ObjectKey":["k"]}"#), object("k"));
    }

    #[test]
    fn logs_stay_logs() {
        for log in [
            r#"{"Records":[{"eventVersion":"1.11"}]}"#,
            r#"{"detail-type":"AWS API Call via CloudTrail","detail":{}}"#,
            "nonsense",
            "[1]",
            r#"{"Records":[{"s3":7}]}"#,
        ] {
            assert_eq!(one(log), Contents::Logs(log.into()), "{log}");
        }
    }

    #[test]
    fn digests_tests_and_our_own_findings_are_nothing() {
        for nothing in [
            r#"{"Event":"s3:TestEvent","Bucket":"trail"}"#,
            r#"{"s3Bucket":"trail","s3ObjectKey":["AWSLogs/1/CloudTrail-Digest/x.json.gz","AWSLogs/1/Config/y.json.gz"]}"#,
            r#"{"detail-type":"Security Hub Findings - Imported","detail":{"findings":[]}}"#,
        ] {
            assert_eq!(one(nothing), Contents::Nothing, "{nothing}");
        }
    }

    #[test]
    fn each_sender_gets_its_own_answer() {
        let (parcels, sender) =
            open(r#"{"Records":[{"messageId":"m1","body":"{}"},{"messageId":"m2","body":"x"}]}"#);
        assert_eq!((parcels.len(), &*parcels[1].id, sender), (2, "m2", Sender::Batch));
        let (parcels, sender) = open(r#"{"Records":[{"kinesis":{"sequenceNumber":"7","data":"e30="}}]}"#);
        assert_eq!((&*parcels[0].id, sender), ("7", Sender::Batch));
        let (parcels, sender) = open(r#"{"records":[{"recordId":"r","data":"e30="}]}"#);
        assert_eq!(parcels[0].contents, Contents::Logs(b"{}".to_vec()));
        let Sender::Firehose(back) = sender else { panic!() };
        let back = serde_json::to_value(Transformed::new(back)).unwrap();
        assert_eq!(
            back["records"][0],
            serde_json::json!({ "recordId": "r", "result": "Ok", "data": "e30=" })
        );
        assert_eq!(
            open(S3),
            (vec![Parcel { id: String::new(), contents: object("a+b/c d.json.gz") }], Sender::Direct)
        );
        assert_eq!(open(r#"{"awslogs":{"data":"x"}}"#).1, Sender::Direct);
    }
}
