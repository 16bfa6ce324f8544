//! Whatever a log holds: nothing panics, nothing grows without bound, and hours obey their laws.

use proptest::prelude::*;
use serde_json::{Value, json};
use trailwarden_core::{
    activity::{Fold, Hour, Scope},
    baseline::{Baseline, Peers},
    judgement::{Surroundings, judge},
    networks::Networks,
    settings::Settings,
    sources::{Item, Limits, read},
};

/// Reads, folds and judges bytes; gives the hours.
fn swallow(bytes: &[u8]) -> Vec<(Scope, u32, Hour)> {
    let limits = Limits { object_bytes: 4 << 20, record_bytes: 64 << 10 };
    let mut fold = Fold::default();
    let _ = read(bytes, limits, &mut |item| {
        if let Item::Event(event) = item {
            fold.add(&event);
        }
    });
    let mut hours = fold.take();
    hours.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    hours
}

fn judge_all(hours: &[(Scope, u32, Hour)]) -> usize {
    let (peers, networks, settings) = (Peers::default(), Networks::default(), Settings::default());
    let thresholds = trailwarden_core::severity::thresholds::History::default();
    let around = Surroundings {
        peers: &peers,
        networks: &networks,
        settings: &settings,
        thresholds: &thresholds,
        parts: trailwarden_core::baseline::Parts::default(),
    };
    let by_scope = hours.chunk_by(|a, b| a.0 == b.0);
    let findings = by_scope.flat_map(|chunk| {
        let hours: Vec<(u32, Hour)> = chunk.iter().map(|(_, hour, folded)| (*hour, folded.clone())).collect();
        judge(&chunk[0].0, Baseline::default(), &hours, 0, around).0
    });
    findings
        .inspect(|finding| {
            assert!((0.0..=1.0).contains(&finding.score) && (0.0..=1.0).contains(&finding.confidence));
        })
        .count()
}

/// A value of any shape, for where a record should have text.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        prop::sample::select(vec![
            "*",
            "arn:aws:iam::1:role/",
            "AssumedRole",
            "{\"Statement\":[]}",
            "0.0.0.0/0",
            "i-0123456789abcdef0",
            "2026-03-01T00:00:00Z"
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-zA-Z]{1,12}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

const FIELDS: &[&str] = &[
    "eventID",
    "eventTime",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    "userIdentity",
    "requestParameters",
    "responseElements",
    "additionalEventData",
    "readOnly",
    "recipientAccountId",
    "sharedEventID",
    "detail",
    "Records",
    "logEvents",
    "awslogs",
];
const CALLS: &[(&str, &str)] = &[
    ("iam", "PutUserPolicy"),
    ("iam", "UpdateAssumeRolePolicy"),
    ("s3", "PutBucketPolicy"),
    ("s3", "PutBucketReplication"),
    ("ec2", "AuthorizeSecurityGroupIngress"),
    ("ec2", "ModifySnapshotAttribute"),
    ("cloudtrail", "PutEventSelectors"),
    ("lambda", "UpdateFunctionConfiguration"),
    ("sts", "AssumeRole"),
    ("signin", "ConsoleLogin"),
];

/// A record that is right but for some fields.
fn record() -> impl Strategy<Value = Value> {
    let changes = prop::collection::vec((prop::sample::select(FIELDS), anything()), 0..5);
    (prop::sample::select(CALLS), changes, anything(), anything()).prop_map(|((source, name), changes, parameters, response)| {
        let mut record = json!({
            "eventVersion": "1.11", "eventID": "e", "eventTime": "2026-03-01T00:00:00Z", "eventSource": format!("{source}.amazonaws.com"), "eventName": name,
            "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/r/s"}, "sourceIPAddress": "198.51.100.1",
            "requestParameters": parameters, "responseElements": response,
        });
        for (field, value) in changes {
            record[field] = value;
        }
        record
    })
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        judge_all(&swallow(&bytes));
    }

    #[test]
    fn any_records_are_survived(records in prop::collection::vec(record(), 1..8)) {
        judge_all(&swallow(json!({ "Records": records }).to_string().as_bytes()));
    }

    #[test]
    fn broken_files_are_survived(records in prop::collection::vec(record(), 1..4), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = json!({ "Records": records }).to_string().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        judge_all(&swallow(&bytes));
        judge_all(&swallow(&bytes[..at]));
    }

    #[test]
    fn stored_hours_come_back_the_same(records in prop::collection::vec(record(), 1..8)) {
        for (_, _, hour) in swallow(json!(records).to_string().as_bytes()) {
            prop_assert_eq!(Hour::decode(&hour.encode()), Ok(hour));
        }
    }

    #[test]
    fn damaged_stored_hours_are_refused_or_read_but_never_panic(records in prop::collection::vec(record(), 1..4), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        for (_, _, hour) in swallow(json!(records).to_string().as_bytes()) {
            let mut bytes = hour.encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = Hour::decode(&bytes);
        }
    }

    #[test]
    fn merging_is_commutative_associative_and_idempotent(a in prop::collection::vec(record(), 1..6), b in prop::collection::vec(record(), 1..6)) {
        let hour = |records: &[Value]| {
            let hours = swallow(json!(records).to_string().as_bytes());
            hours.into_iter().map(|(_, _, hour)| hour).reduce(merged).unwrap_or_default()
        };
        let (a, b) = (hour(&a), hour(&b));
        let both = merged(a.clone(), b.clone());
        prop_assert_eq!(&merged(b.clone(), a.clone()), &both);
        prop_assert_eq!(&merged(both.clone(), a), &both);
        prop_assert_eq!(&merged(b, both.clone()), &both);
    }
}

fn merged(mut a: Hour, b: Hour) -> Hour {
    a.merge(b);
    a
}

#[test]
fn an_hour_stays_within_64_kilobytes_whatever_happens_in_it() {
    let long = |n: usize| format!("{n:08}{}", "ü".repeat(4_000));
    let records: Vec<Value> = (0..4_000)
        .map(|n| {
            let (source, name) = CALLS[n % CALLS.len()];
            json!({
                "eventID": long(n), "eventTime": "2026-03-01T00:00:00Z", "eventSource": format!("{source}.amazonaws.com"), "eventName": name,
                "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/x", "accessKeyId": long(n)}, "userAgent": long(n),
                "awsRegion": long(n), "sourceIPAddress": format!("2001:db8::{:x}", n), "recipientAccountId": long(n),
                "errorCode": if n % 3 == 0 { "AccessDenied" } else { "" },
                "requestParameters": {
                    "userName": long(n), "roleName": long(n), "bucketName": long(n), "snapshotId": long(n), "groupId": long(n), "functionName": long(n), "trailName": long(n),
                    "createVolumePermission": {"add": {"items": [{"userId": long(n)}]}},
                    "policyDocument": "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"*\"}]}",
                },
                "responseElements": {"credentials": {"accessKeyId": long(n)}, "assumedRoleUser": {"arn": long(n)}, "ConsoleLogin": "Failure"},
            })
        })
        .collect();
    let mut largest = 0;
    for chunk in records.chunks(200).map(|chunk| json!(chunk).to_string()).collect::<Vec<_>>() {
        let hours = swallow(chunk.as_bytes());
        largest = largest.max(hours.iter().map(|(_, _, hour)| hour.encode().len()).max().unwrap_or_default());
    }
    let everything = records
        .chunks(200)
        .flat_map(|chunk| swallow(json!(chunk).to_string().as_bytes()))
        .map(|(_, _, hour)| hour)
        .reduce(merged);
    largest = largest.max(everything.map_or(0, |hour| hour.encode().len()));
    println!("largest hour: {largest} bytes");
    assert!(largest > 8_000, "the test no longer fills an hour: {largest}");
    assert!(largest <= 64 << 10, "{largest}");
}
