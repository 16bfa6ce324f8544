//! The sample events, one or more for each function: what `cargo lambda invoke` sends is what the functions take.

use std::{fs, path::PathBuf};

use crate::support::{root, scenario_log};
use base64::{Engine, engine::general_purpose::STANDARD};
use pollster::block_on;
use serde_json::{Value, json};
use trailwarden_core::{
    activity::{Fold, Scope},
    event::Time,
    finding::FindingRaised,
    settings::Settings,
    severity::thresholds::Verdict,
    sources::{Item, Limits, read},
};
use trailwarden_pipeline::{
    backfill::BackfillRequest,
    compliance_check::{Brought, compliance_check},
    messages::{
        FeaturesExtracted, Notice, Respondable, SOURCE, incident_changed, judgeable, pack, respondable, said,
        unpack,
    },
    ports::{Channel, Memory, Unavailable},
    triggers::{Contents, Sender, open},
};

fn path(name: &str) -> PathBuf {
    root().join("events").join(name)
}

fn sample(name: &str) -> String {
    fs::read_to_string(path(name)).expect("a sample")
}

/// The bodies of a sample's SQS messages.
fn bodies(name: &str) -> Vec<String> {
    let event: Value = serde_json::from_str(&sample(name)).expect("JSON");
    let records = event["Records"].as_array().expect("records");
    records.iter().map(|record| record["body"].as_str().expect("a body").to_owned()).collect()
}

/// How many events a parcel's logs hold.
fn events(logs: &[u8]) -> usize {
    let mut events = 0;
    read(logs, Limits::default(), &mut |item| events += usize::from(matches!(item, Item::Event(_))))
        .expect("a log");
    events
}

#[test]
fn ingest_takes_what_brings_logs() {
    for (name, sender) in [
        ("ingest.json", Sender::Batch),
        ("ingest-kinesis.json", Sender::Batch),
        ("ingest-cloudwatch-logs.json", Sender::Direct),
        ("ingest-eventbridge.json", Sender::Direct),
    ] {
        let (parcels, from) = open(&sample(name));
        assert_eq!(from, sender, "{name}");
        let read = parcels.iter().filter_map(|parcel| match &parcel.contents {
            Contents::Logs(logs) => Some(events(logs)),
            Contents::Objects(_) | Contents::Nothing => None,
        });
        assert!(read.sum::<usize>() > 0, "{name}");
    }
    let (parcels, from) = open(&sample("ingest-firehose.json"));
    assert!(matches!(from, Sender::Firehose(back) if back.len() == 1));
    assert!(matches!(&parcels[0].contents, Contents::Logs(logs) if events(logs) == 1));
}

#[test]
fn ingest_takes_word_of_objects() {
    for name in ["ingest-s3.json", "ingest-sns.json"] {
        let (parcels, _) = open(&sample(name));
        let named = parcels
            .iter()
            .filter(|parcel| matches!(&parcel.contents, Contents::Objects(objects) if !objects.is_empty()));
        assert!(named.count() > 0, "{name}");
    }
}

#[test]
fn feature_extract_and_score_take_their_messages() {
    let hours: Vec<_> =
        bodies("feature-extract.json").iter().flat_map(|body| unpack(body).expect("a pack")).collect();
    assert!(hours.iter().any(|(scope, ..)| matches!(scope, Scope::Principal(_))));
    let due: Vec<_> = bodies("score.json").iter().flat_map(|body| judgeable(body).expect("due")).collect();
    assert_eq!(due.iter().filter(|due| due.is_final).count(), 1);
    assert!(due.len() > 1);
}

struct Nowhere;

impl Channel<Notice> for Nowhere {
    async fn send(&self, _: &[Notice]) -> Result<(), Unavailable> {
        Ok(())
    }
}

#[test]
fn compliance_check_finds_the_violation_and_respond_takes_a_finding() {
    for body in bodies("compliance-check.json") {
        let now = Time::parse("2026-03-02T12:00:00Z").expect("a time");
        let found = block_on(compliance_check(
            &Memory::default(),
            &Nowhere,
            &Settings::default(),
            brought(&body),
            now,
        ))
        .expect("checked");
        assert!(!found.is_empty());
    }
    let Ok(Respondable::Raised(raised)) = respondable(&bodies("respond.json")[0]) else {
        panic!("no finding")
    };
    let finding = raised.finding;
    assert!(!finding.evidence.is_empty());
    let Ok(Respondable::Asked(asked)) = respondable(&bodies("respond-asked.json")[0]) else {
        panic!("nothing asked")
    };
    let changed = incident_changed(&bodies("notify.json")[0]).expect("a changed incident");
    assert_eq!((changed.id, changed.partition), (asked.id, asked.partition));
    let verdicts = said(&bodies("respond-verdict.json")[0]).expect("what an analyst said");
    assert_eq!(verdicts[0].verdict, Verdict::FalsePositive);
    assert!(said(&bodies("respond.json")[0]).is_none());
}

#[test]
fn watermark_and_backfill_take_theirs() {
    assert!(serde_json::from_str::<Value>(&sample("watermark.json")).is_ok());
    assert!(serde_json::from_str::<Value>(&sample("compliance-report.json")).is_ok());
    let request: BackfillRequest = serde_json::from_str(&sample("backfill.json")).expect("a request");
    assert_eq!(request.days, 30);
}

/// An SQS event with these bodies.
fn sqs(queue: &str, bodies: &[String]) -> Value {
    let record = |(at, body): (usize, &String)| {
        json!({ "messageId": format!("00000000-0000-4000-8000-{at:012}"), "receiptHandle": "x", "body": body,
            "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1772445600000" }, "messageAttributes": {},
            "eventSource": "aws:sqs", "eventSourceARN": format!("arn:aws:sqs:us-east-1:999988887777:{queue}"), "awsRegion": "us-east-1" })
    };
    json!({ "Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>() })
}

fn envelope(source: &str, kind: &str, detail: &Value) -> Value {
    json!({ "version": "0", "id": "00000000-0000-4000-8000-000000000000", "detail-type": kind, "source": source,
        "account": "111122223333", "time": "2026-03-02T10:00:00Z", "region": "us-east-1", "resources": [], "detail": detail })
}

fn write(name: &str, event: &Value) {
    let text = serde_json::to_string_pretty(event).expect("JSON") + "\n";
    fs::write(path(name), text).expect("written");
}

/// Run with `--ignored` to write the samples again, after a change of what the functions say to each other.
#[test]
#[ignore = "writes the samples"]
fn write_the_samples() {
    let stopped = crate::support::records(&scenario_log("trail-stopped"));
    let last =
        stopped.iter().find(|record| record["eventName"] == "StopLogging").expect("StopLogging").clone();
    let call = envelope("aws.cloudtrail", "AWS API Call via CloudTrail", &last);
    let key = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/02/111122223333_CloudTrail_us-east-1_20260302T1005Z_Ab3dEf6hIj9kLm0n.json.gz";
    let created = envelope(
        "aws.s3",
        "Object Created",
        &json!({ "bucket": { "name": "example-trail" }, "object": { "key": key, "size": 20_000 } }),
    );
    write("ingest.json", &sqs("fast", &[call.to_string()]));
    write("ingest-eventbridge.json", &call);
    write("ingest-s3.json", &sqs("bulk", &[created.to_string()]));
    let announced = json!({ "Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:us-east-1:111122223333:trail",
        "Message": json!({ "s3Bucket": "example-trail", "s3ObjectKey": [key] }).to_string() });
    write("ingest-sns.json", &sqs("bulk", &[announced.to_string()]));
    let data = STANDARD.encode(last.to_string());
    write(
        "ingest-kinesis.json",
        &json!({ "Records": [{ "kinesis": { "kinesisSchemaVersion": "1.0", "partitionKey": "1",
        "sequenceNumber": "49590338271490256608559692538361571095921575989136588898", "data": data }, "eventSource": "aws:kinesis" }] }),
    );
    write(
        "ingest-firehose.json",
        &json!({ "invocationId": "1", "deliveryStreamArn": "arn:aws:firehose:us-east-1:111122223333:deliverystream/trail",
        "region": "us-east-1", "records": [{ "recordId": "1", "data": data }] }),
    );
    let logs = json!({ "messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "trail", "logStream": "1", "subscriptionFilters": ["all"],
        "logEvents": [{ "id": "1", "timestamp": 1_772_445_600_000u64, "message": last.to_string() }] });
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, logs.to_string().as_bytes()).expect("packed");
    write(
        "ingest-cloudwatch-logs.json",
        &json!({ "awslogs": { "data": STANDARD.encode(packed.finish().expect("packed")) } }),
    );
    write_what_functions_say(&stopped, &last);
}

/// The messages between the functions.
fn write_what_functions_say(stopped: &[Value], last: &Value) {
    let mut fold = Fold::default();
    read(json!({ "Records": stopped }).to_string().as_bytes(), Limits::default(), &mut |item| {
        if let Item::Event(event) = item {
            fold.add(&event);
        }
    })
    .expect("a log");
    let hours = fold.take();
    let is_principal = |scope: &Scope| matches!(scope, Scope::Principal(_));
    let (scope, hour, _) = hours.iter().find(|(scope, ..)| is_principal(scope)).expect("a principal").clone();
    let due = |is_final: bool| FeaturesExtracted { scope: scope.clone(), hour, is_final };
    let extracted = envelope(SOURCE, "FeaturesExtracted", &serde_json::to_value(due(false)).expect("JSON"));
    let closings = json!({ "closings": [due(true)] });
    write("score.json", &sqs("score", &[extracted.to_string(), closings.to_string()]));
    write("feature-extract.json", &sqs("activity", &pack(hours)));
    write("compliance-check.json", &sqs("compliance", &[format!("{last}\n")]));
    let found = crate::support::ndjson(&[crate::support::text(&scenario_log("trail-stopped"))]);
    let finding = serde_json::from_str(found.lines().next().expect("a finding")).expect("a finding");
    let scope = due(false).scope;
    let notice = Notice::FindingRaised(Box::new(FindingRaised { scope, revision: 1, finding }));
    let detail = serde_json::from_str(&notice.detail()).expect("JSON");
    write("respond.json", &sqs("findings", &[envelope(SOURCE, "FindingRaised", &detail).to_string()]));
    let word = json!({ "findings": [{ "Id": "evasion/2026-03-02/0123456789abcdef", "GeneratorId": "trailwarden/evasion",
        "Workflow": { "Status": "SUPPRESSED" },
        "ProductFields": { "trailwarden/scope": "PRINCIPAL#arn:aws:iam::111122223333:user/kim" } }] });
    let verdict = envelope("aws.securityhub", "Security Hub Findings - Imported", &word);
    write("respond-verdict.json", &sqs("findings", &[verdict.to_string()]));
    write("watermark.json", &envelope("aws.events", "Scheduled Event", &json!({})));
    write("compliance-report.json", &envelope("aws.events", "Scheduled Event", &json!({})));
    write("backfill.json", &json!({ "bucket": "example-trail", "prefix": "", "days": 30 }));
}

fn brought(message: &str) -> Brought {
    let mut brought = Brought::default();
    brought.add(message, &Settings::default()).expect("a message");
    brought
}
