//! Prefilter at ingestion: counts all events, and passes on those that a check must judge.

use std::collections::{HashMap, HashSet};

use super::{ALL, Census, Rule, Trace, remembering, speaking};
use trailwarden_core::event::{Event, date, hash};
use trailwarden_core::settings::Facts;

/// Account id, day since 1970, and the counts of that day.
pub type Counted = (Box<str>, u32, Census);

/// Output of the prefilter.
pub enum Screened<'a> {
    /// A raw record that a check must judge.
    Record(&'a [u8]),
    /// Counts of events.
    Counts(Vec<Counted>),
}

/// Prefilter for the events of a batch.
///
/// For a check that needs one event of a kind a day, it passes on the first of each day and kind: a small
/// part of all.
pub struct Screen<'a> {
    facts: &'a Facts,
    sink: &'a mut dyn FnMut(Screened<'_>),
    seen: HashSet<u64>,
    counted: HashMap<(u64, u32), Counted>,
}

/// Maximum number of remembered kinds; beyond it, all events pass.
const REMEMBERED: usize = 1 << 16;
/// Number of account days after which the counts are flushed.
const GATHERED: usize = 512;

impl<'a> Screen<'a> {
    /// A prefilter that writes to `sink`.
    pub fn new(facts: &'a Facts, sink: &'a mut dyn FnMut(Screened<'_>)) -> Self {
        Self { facts, sink, seen: HashSet::new(), counted: HashMap::new() }
    }

    /// Counts an event, and passes its record on if a check must judge it.
    pub fn look(&mut self, event: &Event<'_>) {
        let day = event.event_time.day();
        let key = (hash(&event.account_id), day);
        let (_, _, census) =
            self.counted.entry(key).or_insert_with(|| ((&*event.account_id).into(), day, Census::default()));
        census.count(event.key);
        let mut asked = Vec::new();
        speaking(event, self.facts, |at| {
            census.spoke(at, event.key);
            asked.push(at);
        });
        remembering(event, |at| asked.push(at));
        let mut is_wanted = false;
        for at in asked {
            is_wanted |= match ALL[at].rule {
                Rule::Together { trace, sheet, .. } if sheet.is_by_day => {
                    trace(event, self.facts).is_some_and(|trace| is_new(&mut self.seen, &trace))
                }
                _ => true,
            };
        }
        if is_wanted {
            (self.sink)(Screened::Record(event.record));
        }
        if self.counted.len() >= GATHERED {
            self.finish();
        }
    }

    /// Passes a record on without a look at it.
    pub fn pass(&mut self, record: &[u8]) {
        (self.sink)(Screened::Record(record));
    }

    /// Flushes the counts to the sink.
    pub fn finish(&mut self) {
        let mut counted: Vec<Counted> = std::mem::take(&mut self.counted).into_values().collect();
        counted.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        if !counted.is_empty() {
            (self.sink)(Screened::Counts(counted));
        }
    }
}

fn is_new(seen: &mut HashSet<u64>, trace: &Trace) -> bool {
    let Trace { check, subject, part, who, time, .. } = trace;
    let kind = hash(&format!("{check}\n{subject}\n{part}\n{who}\n{}", date(time.day())));
    seen.len() >= REMEMBERED || seen.insert(kind)
}

#[cfg(test)]
mod tests {
    use trailwarden_core::{
        settings::Facts,
        sources::{Item, Limits, read},
    };

    use super::*;

    fn screened(records: &str) -> (usize, Vec<Counted>) {
        let (facts, mut wanted, mut counted) = (Facts::default(), 0, Vec::new());
        let mut sink = |screened: Screened<'_>| match screened {
            Screened::Record(_) => wanted += 1,
            Screened::Counts(more) => counted.extend(more),
        };
        let mut screen = Screen::new(&facts, &mut sink);
        read(records.as_bytes(), Limits::default(), &mut |item| {
            if let Item::Event(event) = item {
                screen.look(&event);
            }
        })
        .unwrap();
        screen.finish();
        (wanted, counted)
    }

    fn record(id: u32, time: &str, name: &str) -> String {
        format!(
            r#"{{"eventID":"e{id}","eventTime":"{time}","eventName":"{name}","eventSource":"iam.amazonaws.com","recipientAccountId":"111122223333",
            "userIdentity":{{"type":"IAMUser","userName":"kim","accountId":"111122223333","accessKeyId":"AKIA1"}}}}"#
        )
        .replace('\n', "")
            + "\n"
    }

    #[test]
    fn of_a_keys_uses_one_a_day_is_enough_and_all_are_counted() {
        let day = |id, hour: u32| record(id, &format!("2026-03-04T{hour:02}:00:00Z"), "ListUsers");
        let records: String = (0..20).map(|id| day(id, id)).collect::<String>()
            + &record(90, "2026-03-05T00:00:00Z", "ListUsers");
        let (wanted, counted) = screened(&records);
        assert_eq!(wanted, 2);
        let of_days: Vec<u64> = counted.iter().map(|(_, _, census)| census.tally().events).collect();
        assert_eq!(of_days, [20, 1]);
    }

    #[test]
    fn what_a_check_judges_by_itself_passes_each_time() {
        let records: String =
            (0..3).map(|id| record(id, "2026-03-04T00:00:00Z", "CreateLoginProfile")).collect();
        assert_eq!(screened(&records).0, 3);
    }
}
