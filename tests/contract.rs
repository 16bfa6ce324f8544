//! What every table must do: the one in memory, and DynamoDB.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test ends where something is missing")]

use std::{cell::Cell, collections::BTreeSet};

use trailwarden_core::{
    activity::{Fold, Folded, Scope},
    event::Time,
    sources::{Item, Limits, read},
};
use trailwarden_integrations::{environment, now, table::DynamoTable};
use trailwarden_pipeline::{
    feature_extract::feature_extract,
    messages::Notice,
    ports::{Channel, Freshness, Key, Listing, Memory, Over, Table, Unavailable, Write, change},
    table_schema::{self, KeptHour},
};

fn key(partition: &str, sort: &str) -> Key {
    Key { partition: partition.to_owned(), sort: sort.to_owned() }
}

fn body(bytes: &[u8]) -> Write {
    Write { body: bytes.to_vec(), ..Write::default() }
}

/// What is written is read, under its own key only; a write over something else than is said does nothing.
async fn writes_are_conditional(table: &impl Table) {
    let at = key("CONTRACT#é", "A");
    assert_eq!(table.get(&at).await.unwrap(), None);
    assert!(table.put(&at, body(b"1"), Over::Nothing).await.unwrap());
    assert!(!table.put(&at, body(b"2"), Over::Nothing).await.unwrap());
    let first = table.get(&at).await.unwrap().unwrap();
    assert!(table.put(&at, body(b"3"), Over::Version(first.version)).await.unwrap());
    assert!(!table.put(&at, body(b"4"), Over::Version(first.version)).await.unwrap());
    let second = table.get(&at).await.unwrap().unwrap();
    assert_eq!(second.body, b"3");
    assert_ne!(second.version, first.version);
    assert!(table.put(&at, body(b""), Over::Anything).await.unwrap());
    assert_eq!(table.get(&at).await.unwrap().unwrap().body, b"");
    assert_eq!(table.get(&key("CONTRACT#é", "B")).await.unwrap(), None);
}

/// A range has both its ends, ascending, of one partition, however many pages it takes.
async fn ranges_are_whole_and_ordered(table: &impl Table) {
    for n in (0..120).rev() {
        let write = body(&vec![n; 20 << 10]);
        assert!(
            table
                .put(&key("CONTRACT#range", &table_schema::hour_sort(u32::from(n))), write, Over::Anything)
                .await
                .unwrap()
        );
    }
    table
        .put(&key("CONTRACT#range2", &table_schema::hour_sort(5)), body(b"x"), Over::Anything)
        .await
        .unwrap();
    let hours = async |from: u32, to: u32| -> Vec<u32> {
        let (from, to) = (table_schema::hour_sort(from), table_schema::hour_sort(to));
        let found = table.range("CONTRACT#range", &from, &to, Freshness::Fresh).await.unwrap();
        found
            .iter()
            .map(|(sort, item)| {
                let hour = table_schema::hour_of(sort).unwrap();
                assert_eq!((item.body.len(), u32::from(item.body[0])), (20 << 10, hour));
                hour
            })
            .collect()
    };
    assert_eq!(hours(0, 200).await, (0..120).collect::<Vec<_>>());
    assert_eq!(hours(7, 9).await, [7, 8, 9]);
    assert_eq!(hours(9, 7).await, Vec::<u32>::new());
    let keys: Vec<Key> =
        (0..150).chain(0..3).map(|n| key("CONTRACT#range", &table_schema::hour_sort(n))).collect();
    let found: BTreeSet<Key> = table.get_many(keys).await.unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(found.len(), 120);
}

/// What is listed is found by its place in the index, only there, and only as long as it is listed.
async fn the_index_follows_what_is_written(table: &impl Table) {
    let listing = |sort: &str| {
        let listed = Listing { at: key("CONTRACT#index", sort), line: sort.into() };
        Write { listed: Some(listed), ..body(b"x") }
    };
    let at = key("CONTRACT#listed", "A");
    table.put(&at, listing("FINDING#3#a"), Over::Anything).await.unwrap();
    table.put(&key("CONTRACT#listed", "B"), listing("FINDING#4#b"), Over::Anything).await.unwrap();
    table.put(&key("CONTRACT#listed", "C"), body(b"x"), Over::Anything).await.unwrap();
    let found = async |from: &str, to: &str| -> Vec<String> {
        let entries = table.listed("CONTRACT#index", from, to).await.unwrap();
        for entry in &entries {
            assert_eq!(entry.line, entry.sort.as_bytes());
        }
        entries.into_iter().map(|entry| entry.key.sort).collect()
    };
    assert_eq!(found("FINDING#", "FINDING#\u{7f}").await, ["A", "B"]);
    assert_eq!(found("FINDING#4", "FINDING#5").await, ["B"]);
    assert_eq!(found("INCIDENT#", "INCIDENT#\u{7f}").await, Vec::<String>::new());
    table.put(&at, listing("INCIDENT#1#a"), Over::Anything).await.unwrap();
    assert_eq!(found("FINDING#", "FINDING#\u{7f}").await, ["B"]);
    table.put(&at, body(b"y"), Over::Anything).await.unwrap();
    assert_eq!(found("INCIDENT#", "INCIDENT#\u{7f}").await, Vec::<String>::new());
}

/// Many writers at one item: each change is made, none is lost.
async fn races_lose_nothing(table: &impl Table) {
    let at = key("CONTRACT#race", "A");
    let writer = async |n: u32| {
        for turn in 0..4 {
            change(table, &at, |item| {
                let mut known: BTreeSet<u32> =
                    item.map(|item| table_schema::read(item).unwrap()).unwrap_or_default();
                known.insert(n * 100 + turn);
                Ok::<_, Unavailable>(Some(body(&table_schema::write(&known))))
            })
            .await
            .unwrap();
        }
    };
    futures_util::future::join_all((0..8).map(writer)).await;
    let known: BTreeSet<u32> = table_schema::read(&table.get(&at).await.unwrap().unwrap()).unwrap();
    assert_eq!(known.len(), 32, "at most 28 of the others come before one: fewer than `change` bears");
}

struct Nowhere;

impl Channel<Notice> for Nowhere {
    async fn send(&self, _: &[Notice]) -> Result<(), Unavailable> {
        Ok(())
    }
}

/// The hours of some records, a line each.
fn folded(log: &[String]) -> Vec<Folded> {
    let mut fold = Fold::default();
    read(log.join("\n").as_bytes(), Limits::default(), &mut |item| {
        if let Item::Event(event) = item {
            fold.add(&event);
        }
    })
    .unwrap();
    fold.take()
}

/// While something is announced, another copy adds these hours, and announces them.
struct Meanwhile<'t, T> {
    table: &'t T,
    hours: Cell<Vec<Folded>>,
    now: Time,
}

impl<T: Table> Channel<Notice> for Meanwhile<'_, T> {
    async fn send(&self, _: &[Notice]) -> Result<(), Unavailable> {
        let added = vec![self.hours.take()];
        let done = feature_extract(self.table, &Nowhere, added, "TrailwardenResponse", self.now).await;
        assert!(done.failed.is_empty(), "{:?}", done.failed);
        Ok(())
    }
}

/// What is recorded as announced is what is there, also where two copies announce at the same time.
async fn what_another_announced_is_not_unsaid(table: &impl Table) {
    let key_for = |whom: &str| {
        folded(&[format!(
            r#"{{"eventID":"{whom}","eventTime":"2026-03-02T10:00:00Z","eventName":"CreateAccessKey","eventSource":"iam.amazonaws.com","requestParameters":{{"userName":"{whom}"}},"userIdentity":{{"type":"IAMUser","userName":"maker","arn":"arn:aws:iam::111122223333:user/maker"}}}}"#
        )])
    };
    let now = now();
    let bus = Meanwhile { table, hours: Cell::new(key_for("second")), now };
    feature_extract(table, &bus, vec![key_for("first")], "TrailwardenResponse", now).await;
    let scope = Scope::Principal("arn:aws:iam::111122223333:user/maker".into());
    let hour = Time::parse("2026-03-02T10:00:00Z").unwrap().hour();
    let kept: KeptHour =
        table_schema::read(&table.get(&table_schema::hour_key(&scope, hour)).await.unwrap().unwrap())
            .unwrap();
    assert_eq!(kept.hour.events.values().count(), 2);
    assert!(kept.announced != 0 && kept.announced == kept.hour.mark());
}

/// Four copies of feature-extract at one principal's hour, each with a part of its events, some twice.
async fn racing_copies_merge_to_the_same_hour(table: &impl Table) {
    let scope = Scope::Principal("arn:aws:iam::111122223333:user/racer".into());
    let hours = |from: usize, to: usize| -> Vec<Folded> {
        let record = |n: usize| {
            format!(
                r#"{{"eventID":"race-{n}","eventTime":"2026-03-02T10:{:02}:00Z","eventName":"List{}","eventSource":"iam.amazonaws.com","userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/racer"}}}}"#,
                n % 60,
                n % 9
            )
        };
        folded(&(from..to).map(record).collect::<Vec<_>>())
    };
    let now = now();
    let copy = async |n: usize| {
        for part in 0..6 {
            let from = n * 20 + part * 10;
            let done =
                feature_extract(table, &Nowhere, vec![hours(from, from + 15)], "TrailwardenResponse", now)
                    .await;
            assert!(done.failed.is_empty(), "{:?}", done.failed);
        }
    };
    futures_util::future::join_all((0..4).map(copy)).await;
    let hour = Time::parse("2026-03-02T10:00:00Z").unwrap().hour();
    let item = table.get(&table_schema::hour_key(&scope, hour)).await.unwrap().unwrap();
    let kept: KeptHour = table_schema::read(&item).unwrap();
    let all = hours(0, 125).into_iter().find(|(of, ..)| *of == scope).unwrap().2;
    assert_eq!(kept.hour, all);
}

async fn contract(table: &impl Table) {
    writes_are_conditional(table).await;
    ranges_are_whole_and_ordered(table).await;
    the_index_follows_what_is_written(table).await;
    races_lose_nothing(table).await;
    racing_copies_merge_to_the_same_hour(table).await;
    what_another_announced_is_not_unsaid(table).await;
}

#[tokio::test]
async fn memory_keeps_the_contract() {
    contract(&Memory::default()).await;
}

/// Run by the deployed-stack test, which names a table of the emulator and how to reach it.
#[tokio::test]
#[ignore = "needs a DynamoDB table: CONTRACT_TABLE, AWS_ENDPOINT_URL and credentials"]
async fn dynamodb_keeps_the_contract_and_shows_nothing_that_expired() {
    let table = DynamoTable::new(&environment::aws().await, environment::variable("CONTRACT_TABLE").unwrap());
    contract(&table).await;
    let at = key("CONTRACT#expired", "A");
    let expired = Write { expires: Some(Time(now().0 - 1)), ..body(b"old") };
    assert!(table.put(&at, expired, Over::Nothing).await.unwrap());
    assert_eq!(table.get(&at).await.unwrap(), None);
    assert_eq!(table.get_many(vec![at.clone()]).await.unwrap(), vec![]);
    assert_eq!(table.range("CONTRACT#expired", "A", "Z", Freshness::Stale).await.unwrap(), vec![]);
    assert!(table.put(&at, body(b"new"), Over::Nothing).await.unwrap(), "what has expired is not in the way");
    assert_eq!(table.get(&at).await.unwrap().unwrap().body, b"new");
}
