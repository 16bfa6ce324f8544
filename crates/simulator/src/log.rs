//! Buffer of records, by day.

use std::collections::BTreeMap;

use crate::{
    draw::Draw,
    record::{Call, Record, Session},
};

const DAY: i64 = 86_400;

/// Records, keyed by day since 1970.
#[derive(Default)]
pub(crate) struct Log {
    days: BTreeMap<i64, Vec<Record>>,
}

impl Log {
    /// Records a call; returns its event id.
    pub(crate) fn add(&mut self, time: i64, session: &Session, call: Call, draw: &mut Draw) -> String {
        let (id, record) = call.record(time, session, draw);
        self.days.entry(time.div_euclid(DAY)).or_default().push(record);
        id
    }

    /// Removes and returns the records of the days before `day`.
    pub(crate) fn take_before(&mut self, day: i64) -> Vec<Record> {
        let rest = self.days.split_off(&day);
        std::mem::replace(&mut self.days, rest).into_values().flatten().collect()
    }
}
