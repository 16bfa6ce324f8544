//! Silence of accounts, and backfills that are interrupted.

use super::*;

#[test]
fn silence_is_raised_once_and_closed_when_it_ends() {
    let hour = 490_000 / 24 * 24;
    let record = |hour: u32| {
        json!({ "eventID": format!("e{hour}"), "eventTime": Time(i64::from(hour) * HOUR).to_string(), "eventName": "ListUsers",
            "eventSource": "iam.amazonaws.com", "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
            "userIdentity": { "type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/kim", "accountId": "111122223333" } })
    };
    let world = World::default();
    let hear = |from: u32, to: u32| {
        let records: Vec<Value> = (from..to).map(record).collect();
        world.extract(messages(&records), Time(i64::from(to) * HOUR));
        world.notices.take();
    };
    let watch =
        |hour: u32| block_on(watch_silence(&world, &world, Time(i64::from(hour) * HOUR))).expect("watched");
    hear(hour, hour + 10 * 24);
    let last = hour + 10 * 24;
    assert_eq!((watch(last + 3), watch(last + 8), watch(last + 9)), (0, 1, 0));
    let open: Vec<Finding> = world.open().into_values().collect();
    assert_eq!(
        (open.len(), &*open[0].title, open[0].severity),
        (1, "An account fell silent", Severity::High)
    );
    hear(last + 9, last + 11);
    assert_eq!(watch(last + 11), 1);
    assert!(world.open().is_empty());
}

/// A bucket with two accounts, one of them in an organisation's folder.
struct Bucket(Vec<String>);

impl BackfillListing for Bucket {
    async fn list(
        &self,
        _: &str,
        prefix: &str,
        after: Option<&str>,
        folders: bool,
    ) -> Result<BackfillPage, Unavailable> {
        let below = self
            .0
            .iter()
            .filter(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
        if folders {
            let folder = |key: &String| Some(format!("{prefix}{}/", key[prefix.len()..].split_once('/')?.0));
            let folders: BTreeSet<String> = below
                .filter_map(folder)
                .filter(|folder| after.is_none_or(|after| folder.as_str() > after))
                .collect();
            return Ok(BackfillPage {
                folders: folders.into_iter().collect(),
                is_last: true,
                ..BackfillPage::default()
            });
        }
        let keys: Vec<String> = below.cloned().collect();
        let is_last = keys.len() <= 3;
        Ok(BackfillPage { keys: keys.into_iter().take(3).collect(), is_last, ..BackfillPage::default() })
    }
}

#[test]
fn a_backfill_that_is_interrupted_goes_on_and_sends_everything_newest_first() {
    let now = Time::parse("2026-03-03T12:00:00Z").expect("a time");
    let mut keys = Vec::new();
    for folder in ["logs/AWSLogs/111122223333", "logs/AWSLogs/o-abc/444455556666"] {
        for day in ["2026/03/03", "2026/03/02", "2026/02/01"] {
            keys.extend((0..5).map(|n| format!("{folder}/CloudTrail/us-east-1/{day}/{n}.json.gz")));
        }
        keys.push(format!("{folder}/CloudTrail-Digest/us-east-1/2026/03/03/d.json.gz"));
    }
    keys.sort();
    let bucket = Bucket(keys);
    let request = BackfillRequest { bucket: "trail".into(), prefix: "logs/".into(), days: 1 };
    for fails_at in 1..40 {
        let world = World::at(fails_at, fails_at % 2 == 0);
        let mut runs = 0;
        let progress = loop {
            world.faults.is_dead.set(false);
            runs += 1;
            let turns = Cell::new(0);
            let is_time = || turns.replace(turns.get() + 1) < 3;
            match block_on(backfill(&world, &bucket, &world, &request, now, is_time)) {
                Ok(progress) if progress.is_done => break progress,
                _ => assert!(runs < 60, "it never ends"),
            }
        };
        assert_eq!((progress.days_done, progress.objects), (2, 20), "{progress:?}");
        let sent: Vec<String> = world
            .queue
            .borrow()
            .iter()
            .flat_map(|message| {
                let message: Value = serde_json::from_str(message).expect("JSON");
                message["s3ObjectKey"]
                    .as_array()
                    .expect("keys")
                    .iter()
                    .map(|key| key.as_str().expect("a key").to_owned())
                    .collect::<Vec<_>>()
            })
            .collect();
        assert!(sent[0].contains("2026/03/03"));
        let distinct: BTreeSet<&String> = sent.iter().collect();
        assert_eq!(distinct.len(), 20, "all of two days, and nothing else");
    }
}
