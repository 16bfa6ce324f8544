//! Load test of the board on loopback: 2,000 identities, 100,000 findings of one week, 50 requests a second,
//! beside the same page without data. `cargo bench -p trailwarden-dashboard --bench load -- [SECONDS]`
#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark ends where something is missing")]

use std::{
    io::{Read, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use pollster::block_on;
use tokio::net::TcpListener;
use trailwarden_core::{
    activity::Scope,
    catalog::Technique,
    event::{DAY, PrincipalKind, Time},
    finding::{Finding, Kind, Severity, Status},
    severity::thresholds::Thresholds,
};
use trailwarden_dashboard::{Entrance, Key, listen, orders, router};
use trailwarden_pipeline::{
    dashboard::{Asked, Desk},
    feedback,
    messages::Notice,
    ports::{Channel, Memory, Over, Table, Unavailable},
    responder::Mode,
    table_schema::{self, KeptFinding},
};

const PRINCIPALS: usize = 2_000;
const FINDINGS: usize = 100_000;
const A_SECOND: u32 = 50;
const NOW: Time = Time(20_600 * DAY + 50_000);

struct Nobody;

impl Channel<Notice> for Nobody {
    async fn send(&self, _: &[Notice]) -> Result<(), Unavailable> {
        Ok(())
    }
}

fn scope(number: usize) -> Scope {
    Scope::Principal(format!("arn:aws:iam::111122223333:user/division/person-{number}").into())
}

fn finding(number: usize) -> Finding {
    let Scope::Principal(principal) = scope(number % PRINCIPALS) else { unreachable!() };
    let last_seen = Time(NOW.0 - (number as i64 * 6) % (7 * DAY));
    let detector = ["evasion", "persistence", "anomalous-access", "data-exfiltration"][number % 4];
    Finding {
        id: Finding::id_of(detector, &format!("{principal} {number}"), last_seen.day()),
        kind: Kind::Anomaly,
        detector: detector.to_owned(),
        title: "Principal does not behave like itself".to_owned(),
        severity: Severity::ALL[number * 7 % 5],
        score: 0.3 + (number % 60) as f32 / 100.0,
        confidence: 0.7,
        principal: principal.to_string(),
        principal_kind: PrincipalKind::User,
        callers: vec![],
        account_id: "111122223333".to_owned(),
        region: "eu-west-1".to_owned(),
        first_seen: last_seen,
        last_seen,
        techniques: Technique::find("T1078.004").into_iter().collect(),
        tactics: vec![],
        event_ids: vec![],
        evidence: vec!["iam:CreateAccessKey: for another user".to_owned()],
        recommendations: vec![],
        controls: vec![],
        status: Status::Open,
        thresholds: Thresholds::default(),
        contributions: vec![],
        usual: vec![],
        observed: vec![],
        features: None,
    }
}

fn full() -> Memory {
    let table = Memory::default();
    for number in 0..FINDINGS {
        let finding = finding(number);
        let key = table_schema::finding_key(&scope(number % PRINCIPALS), &finding.id);
        block_on(table.put(&key, KeptFinding::new(finding).write(NOW), Over::Anything)).unwrap();
    }
    let seen: Vec<(Scope, u32)> = (0..PRINCIPALS).map(|number| (scope(number), NOW.hour())).collect();
    block_on(feedback::count(&table, &seen, NOW)).unwrap();
    table
}

/// Serves a table on a free loopback port until the benchmark ends, with a running clock. Renders the board
/// once before serving, as `trailwarden serve` does. Returns the address and the milliseconds of that first
/// rendering.
fn serve(table: Memory) -> (SocketAddr, f64) {
    let (give, worker) = orders();
    let (ready, is_ready) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (desk, started) = (Desk::new(table, Mode::Observe), Instant::now());
        block_on(desk.see(&Asked::Board, NOW)).unwrap();
        ready.send(started.elapsed().as_secs_f64() * 1000.0).unwrap();
        let clock = || {
            let now = Time(NOW.0 + started.elapsed().as_secs() as i64);
            (now, now)
        };
        block_on(worker.attend(&desk, &Nobody, clock, || false));
    });
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            listen(
                listener,
                router(give, Entrance::Link, false, axum::Router::new()),
                Key::new([0; 16]),
                "bench".to_owned(),
            )
            .await
            .unwrap();
        });
    });
    let look = is_ready.recv().unwrap();
    (told.recv().unwrap(), look)
}

/// Fetches a path: milliseconds to the first byte, and bytes received.
fn get(address: SocketAddr, path: &str) -> (f64, usize) {
    let started = Instant::now();
    let mut stream = TcpStream::connect(address).unwrap();
    let key = "0".repeat(32);
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut first = [0; 1];
    stream.read_exact(&mut first).unwrap();
    let first_byte = started.elapsed().as_secs_f64() * 1000.0;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.starts_with(b"TTP/1.1 200"), "{}", String::from_utf8_lossy(&rest[..40]));
    (first_byte, rest.len() + 1)
}

/// Sends requests at a constant rate, independent of earlier responses. Returns the times to first byte in
/// milliseconds, sorted, and the largest response in bytes.
fn load(address: SocketAddr, path: &'static str, seconds: u32) -> (Vec<f64>, usize) {
    let pace = Duration::from_secs(1) / A_SECOND;
    let started = Instant::now();
    let asked: Vec<_> = (0..A_SECOND * seconds)
        .map(|nth| {
            std::thread::sleep((started + pace * nth).saturating_duration_since(Instant::now()));
            std::thread::spawn(move || get(address, path))
        })
        .collect();
    let answers: Vec<(f64, usize)> = asked.into_iter().map(|one| one.join().unwrap()).collect();
    let mut times: Vec<f64> = answers.iter().map(|(time, _)| *time).collect();
    times.sort_by(f64::total_cmp);
    (times, answers.iter().map(|(_, bytes)| *bytes).max().unwrap_or_default())
}

fn main() {
    let seconds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(20);
    let (full, empty) = (serve(full()), serve(Memory::default()));
    println!(
        "{PRINCIPALS} identities, {FINDINGS} findings in a week; {A_SECOND} requests a second for {seconds} s"
    );
    let mut medians = Vec::new();
    for (name, path, (address, look)) in
        [("empty page", "/", empty), ("the board", "/", full), ("a list", "/findings", full)]
    {
        let (times, bytes) = load(address, path, seconds);
        let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
        println!(
            "{name:<12} first byte: p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms; {bytes} bytes; before, to look {look:.1} ms",
            at(0.5),
            at(0.99),
            at(1.0)
        );
        medians.push(at(0.5));
    }
    println!("ratio to the empty page, at p50: {:.2}", medians[1] / medians[0]);
}
