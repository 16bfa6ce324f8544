//! Benchmark of reading and judging logs: decoding, decoding and folding, the whole analysis, all compliance
//! checks.
//!
//! `cargo bench -p trailwarden [-- EVENTS [FILES]]` writes a trail with that many events (default 200,000),
//! and takes the best of three runs of each on all cores. Compare the ratios: absolute figures depend on the
//! machine.
#![allow(clippy::expect_used, reason = "a benchmark ends where something is missing")]

use std::{
    ffi::OsStr,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use clap::Parser;
use flate2::{Compression, write::GzEncoder};
use trailwarden::{
    analysis,
    args::{Arguments, Command},
    compliance,
};
use trailwarden_compliance::{FRAMEWORKS, report::Report};
use trailwarden_core::{
    activity::Fold,
    event::{DAY, Time},
    sources::{Item, Limits, read},
};
use trailwarden_pipeline::stored_settings::read as read_settings;

const RUNS: usize = 3;
const PRINCIPALS: u64 = 400;
const DAYS: i64 = 3;

fn main() {
    let numbers: Vec<u64> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let events = numbers.first().copied().unwrap_or(200_000);
    let files = numbers.get(1).copied().unwrap_or(events / 2_500).max(1);
    let folder = tempfile::tempdir().expect("a folder for the trail");
    let (paths, bytes) = make(folder.path(), events, files);
    println!("{events} events in {files} files, {} MB of JSON", bytes / 1_000_000);
    let decode = best(|| on_all_cores(&paths, decode));
    let fold = best(|| on_all_cores(&paths, fold));
    let whole = best(|| whole(folder.path()));
    let checks = best(|| checks(folder.path()));
    for (name, seconds) in [
        ("decode only", decode),
        ("decode and fold into hours", fold),
        ("whole analysis", whole),
        ("all compliance checks", checks),
    ] {
        println!(
            "{name:<28}{:>10.0} events/s{:>8.2} of decode only",
            events as f64 / seconds,
            decode / seconds
        );
    }
    println!("compliance at {:.2} of the analysis's speed", whole / checks);
}

fn best(mut run: impl FnMut()) -> f64 {
    let times = (0..RUNS).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed().as_secs_f64()
    });
    times.fold(f64::INFINITY, f64::min)
}

fn on_all_cores(paths: &[PathBuf], each: fn(&Path)) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
                    each(path);
                }
            });
        }
    });
}

fn decode(path: &Path) {
    let mut seen = 0u64;
    let file = File::open(path).expect("a file of the trail");
    read(file, Limits::default(), &mut |item| {
        seen ^= if let Item::Event(event) = item { event.key } else { 0 }
    })
    .expect("a log");
    std::hint::black_box(seen);
}

fn fold(path: &Path) {
    let mut fold = Fold::default();
    let file = File::open(path).expect("a file of the trail");
    let mut add = |item: Item<'_>| {
        if let Item::Event(event) = item {
            fold.add(&event);
        }
    };
    read(file, Limits::default(), &mut add).expect("a log");
    std::hint::black_box(fold.take());
}

fn whole(folder: &Path) {
    let arguments = Arguments::parse_from(["trailwarden".as_ref(), "analyze".as_ref(), folder.as_os_str()]);
    let Command::Analyze(arguments) = arguments.command else { return };
    std::hint::black_box(analysis::run(&arguments.input, None, false).expect("an analysis").findings.len());
}

/// Settings for all checks, so that every check is in force.
const SETTINGS: &str = r#"
allowed_regions = ["eu-west-1"]
break_glass_principals = ["arn:aws:iam::*:user/emergency-*"]
protected_tags = ["data-class"]
[[protected]]
resources = ["arn:aws:s3:::bucket-1*", "arn:aws:dynamodb:*:*:table/cards"]
principals = ["arn:aws:iam::*:role/app-*"]
networks = ["198.51.0.0/16"]
[[change_window]]
from = "00:00"
until = "23:59"
"#;

fn checks(folder: &Path) {
    let words: [&OsStr; 3] = ["trailwarden".as_ref(), "compliance".as_ref(), folder.as_ref()];
    let Command::Compliance(arguments) = Arguments::parse_from(words).command else { return };
    let settings = read_settings(SETTINGS).expect("settings");
    let (_, record) = compliance::record(&arguments.paths, &arguments.reading, &settings).expect("a record");
    std::hint::black_box(Report::new(&record, FRAMEWORKS, &settings.facts, 20_515, 30, Time(0)));
}

/// Writes the trail: realistic in shape and size, without scenarios.
fn make(folder: &Path, events: u64, files: u64) -> (Vec<PathBuf>, u64) {
    let start = Time::parse("2026-03-02T00:00:00Z").expect("a time").0;
    let mut paths = Vec::new();
    let mut bytes = 0;
    let mut random = Random(42);
    for file in 0..files {
        let (from, to) = (events * file / files, events * (file + 1) / files);
        let path = folder.join(format!("{file:05}.json.gz"));
        let mut out = GzEncoder::new(File::create(&path).expect("a file"), Compression::new(4));
        let mut text = String::from("{\"Records\":[");
        for event in from..to {
            text.push_str(if event == from { "" } else { "," });
            text.push_str(&record(start + (DAYS * DAY) * event as i64 / events as i64, &mut random));
        }
        text.push_str("]}");
        bytes += text.len() as u64;
        out.write_all(text.as_bytes()).and_then(|()| out.finish()).expect("written");
        paths.push(path);
    }
    (paths, bytes)
}

/// xorshift64*: random enough for synthetic logs.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

const CALLS: &[(&str, &str, bool)] = &[
    ("ec2", "DescribeInstances", true),
    ("ec2", "DescribeVolumes", true),
    ("s3", "GetObject", true),
    ("s3", "PutObject", false),
    ("kms", "Decrypt", true),
    ("sts", "GetCallerIdentity", true),
    ("sts", "AssumeRole", true),
    ("iam", "GetRole", true),
    ("iam", "ListRoles", true),
    ("lambda", "Invoke", false),
    ("dynamodb", "GetItem", true),
    ("logs", "CreateLogStream", false),
    ("ec2", "CreateTags", false),
    ("ssm", "GetParameter", true),
    ("ecs", "DescribeTasks", true),
];

fn record(time: i64, random: &mut Random) -> String {
    let (source, name, is_read) = CALLS[random.below(CALLS.len() as u64) as usize];
    let who = random.below(PRINCIPALS);
    let (account, role) = (format!("{:012}", 100_000_000_000 + who % 8), format!("app-{who:03}"));
    let (id, request) = (random.next(), random.next());
    let error = if random.below(40) == 0 {
        r#""errorCode":"AccessDenied","errorMessage":"User is not authorized to perform this action","#
    } else {
        ""
    };
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLE{who:09}:session-{who}","arn":"arn:aws:sts::{account}:assumed-role/{role}/session-{who}","accountId":"{account}","accessKeyId":"ASIAEXAMPLE{who:09}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLE{who:09}","arn":"arn:aws:iam::{account}:role/{role}","accountId":"{account}","userName":"{role}"}},"attributes":{{"creationDate":"{at}","mfaAuthenticated":"false"}}}}}},"eventTime":"{at}","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","sourceIPAddress":"198.51.{a}.{b}","userAgent":"aws-sdk-java/2.20.{who} Linux/5.10.199 OpenJDK_64-Bit_Server_VM/17.0.9 Java/17.0.9 vendor/Amazon.com_Inc. exec-env/AWS_ECS_FARGATE io/sync http/Apache cfg/retry-mode/legacy",{error}"requestParameters":{{"bucketName":"bucket-{who}","key":"data/2026/{id:016x}.parquet","Host":"bucket-{who}.s3.eu-west-1.amazonaws.com"}},"responseElements":null,"additionalEventData":{{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"{request:016x}{id:016x}","bytesTransferredOut":{request}}},"requestID":"{request:016X}","eventID":"{e1:08x}-{e2:04x}-4{e3:03x}-8{e4:03x}-{e5:012x}","readOnly":{is_read},"resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::bucket-{who}/data"}}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"{account}","eventCategory":"Management","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{source}.eu-west-1.amazonaws.com"}}}}"#,
        at = Time(time),
        a = who % 250,
        b = random.below(4),
        e1 = id as u32,
        e2 = id >> 48,
        e3 = id >> 36 & 0xfff,
        e4 = request >> 52,
        e5 = request & 0xffff_ffff_ffff,
    )
}
