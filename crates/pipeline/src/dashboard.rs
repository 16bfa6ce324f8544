//! Dashboard queries: board, findings, identities and incidents as values, which the page renders and the API
//! serialises.
//!
//! Lists and counts come from the index alone; an item is read only for its own page. Results are cached for seconds,
//! so that many viewers cost no more than one.

mod board;
pub mod daily_counts;
mod detail_pages;
pub mod overview;

use std::{cell::RefCell, cmp::Reverse, collections::BTreeMap, rc::Rc};

pub use board::{Board, Bucket, Responding};
pub use detail_pages::{Portrait, Story, Week};
use serde::{Deserialize, Serialize};

use crate::{
    dashboard::daily_counts::DailyCounts,
    incident_api, incidents,
    index_entries::{FindingLine, IncidentLine},
    ports::{Item, Key, Listed, Table, Unavailable},
    responder::Mode,
    table_schema::{self, ACCEPTED, INCIDENTS, KeptFinding, STANDING},
};
use trailwarden_core::{
    event::{DAY, Time},
    finding::{Kind, Severity},
};
use trailwarden_response::incident::IncidentState;

/// A query.
#[derive(Clone, Debug, PartialEq)]
pub enum Asked {
    /// The overview page.
    Board,
    /// Findings, newest day first, worst of a day first.
    Findings(Filter),
    /// One finding by id, with its partition if known.
    Finding(String, Option<String>),
    /// One identity by partition or ARN.
    Principal(String),
    /// Incidents, newest first.
    Incidents(Filter),
    /// One incident by id.
    Incident(String),
}

/// Filter and page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Days up to now; 0 stands for 7 days of findings or 31 of incidents.
    pub days: u32,
    /// Only findings of this day, in days since 1970.
    pub day: Option<u32>,
    /// Least severity.
    pub severity: Option<Severity>,
    /// Only this kind of finding.
    pub kind: Option<Kind>,
    /// Only incidents in this state.
    pub state: Option<IncidentState>,
    /// Substring of the principal, in any case.
    pub principal: Option<String>,
    /// Offset of the first item.
    pub from: usize,
    /// Most items; 0 stands for the default page.
    pub limit: usize,
}

/// Result of a query.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "they are what Asked asks for")]
pub enum View {
    Board(Box<Board>),
    Findings(Page<FindingLine<'static>>),
    Finding(Box<Story>),
    Principal(Box<Portrait>),
    Incidents(Page<IncidentLine>),
    Incident(Box<serde_json::Value>),
    Nothing(&'static str),
}

/// Index entry with the partition of its item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Placed<L> {
    /// Partition of the item.
    pub of: String,
    /// The index entry.
    #[serde(flatten)]
    pub line: L,
}

/// Page of a list.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page<L> {
    /// Items of the page.
    pub items: Vec<Placed<L>>,
    /// Number of items in the whole list.
    pub count: usize,
    /// Offset of the next page, if there is one.
    pub next: Option<usize>,
}

/// Default and largest page, in items.
pub const PAGE: (usize, usize) = (50, 500);
/// Default and largest range of a list, in days.
pub const DAYS: (u32, u32) = (7, 31);
/// Cache time of today's data in seconds: shorter than the refresh interval of a viewer.
const NEW: i64 = 4;
/// Cache time of yesterday's data in seconds, once its last hour is closed; before that, [`NEW`] applies.
const LATE: i64 = 23;
/// Hour of the day at which the last hour of the day before is closed.
const CLOSED: u32 = 3;
/// Cache time of older data in seconds, and the increment per day, so that the days do not expire together.
const OLD: (i64, i64) = (120, 7);

/// Findings on the board.
const WORST: usize = 15;

/// Cache by day, with the time of reading.
type Days<D> = RefCell<BTreeMap<u32, (Time, Rc<D>)>>;

/// Findings of a day.
#[derive(Debug)]
struct Found {
    /// Index entries, worst first.
    entries: Vec<Listed>,
    /// Severity and kind of each entry, to filter without decoding.
    heads: Vec<(Severity, Kind)>,
    /// Counts of the findings.
    tally: DailyCounts,
    /// The worst open findings, newest first within a severity: as many as the board shows of all days.
    worst: Vec<Placed<FindingLine<'static>>>,
}

/// Query engine of the dashboard, with a cache.
#[derive(Debug)]
pub struct Desk<T> {
    table: T,
    mode: Mode,
    judges_controls: bool,
    found: Days<Found>,
    joined: Days<Vec<Listed>>,
    board: RefCell<Option<(Time, Rc<Board>)>>,
    weeks: RefCell<BTreeMap<String, (Time, detail_pages::Habits)>>,
}

impl<T: Table> Desk<T> {
    /// Queries on a table; `mode` is the response mode to display.
    pub fn new(table: T, mode: Mode) -> Self {
        let (found, joined, board, weeks) = Default::default();
        Self { table, mode, judges_controls: true, found, joined, board, weeks }
    }

    /// Without compliance: violations are shown as unknown, not as none.
    #[must_use]
    pub fn without_controls(self) -> Self {
        Self { judges_controls: false, ..self }
    }

    /// The table.
    pub fn table(&self) -> &T {
        &self.table
    }

    /// Clears the cache, after a change.
    pub fn forget(&self) {
        self.found.borrow_mut().clear();
        self.joined.borrow_mut().clear();
        self.weeks.borrow_mut().clear();
        self.board.replace(None);
    }

    /// Answers a query.
    ///
    /// # Errors
    /// [`Unavailable`] if the table is.
    pub async fn see(&self, asked: &Asked, now: Time) -> Result<View, Unavailable> {
        Ok(match asked {
            Asked::Board => View::Board(Box::new((*self.board(now).await?).clone())),
            Asked::Findings(filter) => View::Findings(self.findings(filter, now).await?),
            Asked::Incidents(filter) => View::Incidents(self.incidents(filter, now).await?),
            Asked::Finding(id, of) => match self.story(id, of.as_deref(), now).await? {
                Some(story) => View::Finding(Box::new(story)),
                None => View::Nothing("no such finding"),
            },
            Asked::Principal(of) => match self.portrait(of, now).await? {
                Some(portrait) => View::Principal(Box::new(portrait)),
                None => View::Nothing("nobody of that name is known"),
            },
            Asked::Incident(id) => match incidents::find(&self.table, id).await? {
                Some((_, incident)) => View::Incident(Box::new(incident_api::shown(&incident))),
                None => View::Nothing("no such incident"),
            },
        })
    }

    /// Findings of the last `count` days, newest day first.
    async fn found(&self, count: u32, now: Time) -> Result<Vec<Rc<Found>>, Unavailable> {
        let mut days = Vec::new();
        for back in 0..counted(count) {
            days.push(self.found_on(now.day().saturating_sub(back), now).await?);
        }
        Ok(days)
    }

    async fn found_on(&self, day: u32, now: Time) -> Result<Rc<Found>, Unavailable> {
        let lasts = match now.day().saturating_sub(day) {
            0 => NEW,
            1 if now.hour() % 24 < CLOSED => NEW,
            1 => LATE,
            back => OLD.0 + OLD.1 * i64::from(back),
        };
        if let Some(known) = known(&self.found, day, now, lasts) {
            return Ok(known);
        }
        let partition = table_schema::day_partition(day);
        let mut lines = Vec::new();
        for kind in [ACCEPTED, STANDING] {
            let listed = self.table.listed(&partition, kind, &format!("{kind}\u{7f}")).await?;
            let read = |item: &Item| {
                Some(table_schema::write(&FindingLine::from(&KeptFinding::read(item).ok()?.finding)))
            };
            lines.extend(filled(&self.table, listed, read).await?);
        }
        lines.reverse();
        Ok(remembered(&self.found, day, now, Found::of(day, lines)))
    }

    /// Index entries of incidents that began within the last `count` days, newest day first.
    async fn joined(&self, count: u32, now: Time) -> Result<Vec<Rc<Vec<Listed>>>, Unavailable> {
        let mut days = Vec::new();
        for back in 0..counted(count) {
            let day = now.day().saturating_sub(back);
            if let Some(known) = known(&self.joined, day, now, if back < DAYS.0 { NEW } else { OLD.0 }) {
                days.push(known);
                continue;
            }
            let listed =
                self.table.listed(&table_schema::day_partition(day), INCIDENTS.0, INCIDENTS.1).await?;
            let read = |item: &Item| {
                Some(table_schema::write(&IncidentLine::from(&table_schema::read_incident(item).ok()?)))
            };
            let mut lines = filled(&self.table, listed, read).await?;
            lines.reverse();
            days.push(remembered(&self.joined, day, now, lines));
        }
        Ok(days)
    }

    async fn findings(&self, filter: &Filter, now: Time) -> Result<Page<FindingLine<'static>>, Unavailable> {
        let days = match filter.day {
            Some(day) => vec![self.found_on(day, now).await?],
            None => self.found(filter.days, now).await?,
        };
        let all = days.iter().flat_map(|day| day.heads.iter().zip(&day.entries));
        let wanted = all.filter(|(head, _)| filter.takes(**head)).map(|(_, entry)| entry);
        let read = |entry| table_schema::line::<FindingLine<'_>>(entry).map(FindingLine::into_owned);
        let is_about = |entry: &&Listed| {
            let line = || table_schema::line::<FindingLine<'_>>(entry);
            filter.principal.is_none() || line().is_some_and(|line| filter.is_about(&line.principal))
        };
        Ok(page(wanted.filter(is_about), read, filter))
    }

    async fn incidents(&self, filter: &Filter, now: Time) -> Result<Page<IncidentLine>, Unavailable> {
        // An incident of weeks ago may still be open.
        let days = self.joined(if filter.days == 0 { DAYS.1 } else { filter.days }, now).await?;
        let is_wanted = |(_, line): &(&Listed, IncidentLine)| {
            filter.state.is_none_or(|state| line.state == state)
                && filter.severity.is_none_or(|least| line.severity >= least)
                && filter.is_about(&line.principal)
        };
        let wanted = lines(days.iter().flat_map(|day| &**day)).filter(is_wanted).map(|(entry, _)| entry);
        Ok(page(wanted, table_schema::line, filter))
    }
}

impl Found {
    fn of(day: u32, mut entries: Vec<Listed>) -> Self {
        entries.retain(|entry| table_schema::line::<FindingLine<'_>>(entry).is_some());
        let lines: Vec<(&Listed, FindingLine<'_>)> = lines(entries.iter()).collect();
        let tally = DailyCounts::of(day, lines.iter().map(|(_, line)| line));
        let mut standing: Vec<_> =
            lines.iter().filter(|(_, line)| line.is_open && line.severity >= Severity::Low).collect();
        standing.sort_by_key(|(_, line)| Reverse((line.severity, line.last_seen)));
        let worst = standing.into_iter().take(WORST);
        let worst = worst.map(|(entry, line)| placed(entry, line.clone().into_owned())).collect();
        let heads = lines.iter().map(|(_, line)| (line.severity, line.kind)).collect();
        Self { entries, heads, tally, worst }
    }
}

impl Filter {
    fn takes(&self, (severity, kind): (Severity, Kind)) -> bool {
        self.severity.is_none_or(|least| severity >= least) && self.kind.is_none_or(|wanted| kind == wanted)
    }

    fn is_about(&self, principal: &str) -> bool {
        let Some(part) = self.principal.as_deref().map(|part| part.trim().to_lowercase()) else {
            return true;
        };
        principal.to_lowercase().contains(&part)
    }
}

fn counted(days: u32) -> u32 {
    if days == 0 { DAYS.0 } else { days.min(DAYS.1) }
}

/// Cached data of a day, unless it is older than `lasts` seconds.
fn known<D>(days: &Days<D>, day: u32, now: Time, lasts: i64) -> Option<Rc<D>> {
    let days = days.borrow();
    days.get(&day).filter(|(read, _)| now.0 < read.0 + lasts).map(|(_, known)| known.clone())
}

fn remembered<D>(days: &Days<D>, day: u32, now: Time, known: D) -> Rc<D> {
    let known = Rc::new(known);
    let mut days = days.borrow_mut();
    days.retain(|day, _| day + DAYS.1 > now.day());
    days.insert(day, (now, known.clone()));
    known
}

/// Index entries, completed: an older version wrote none, so those items are read.
async fn filled(
    table: &impl Table,
    mut listed: Vec<Listed>,
    read: impl Fn(&Item) -> Option<Vec<u8>>,
) -> Result<Vec<Listed>, Unavailable> {
    let old = listed.iter().filter(|entry| entry.line.is_empty()).map(|entry| entry.key.clone()).collect();
    let old: BTreeMap<Key, Item> = table.get_many(old).await?.into_iter().collect();
    for entry in listed.iter_mut().filter(|entry| entry.line.is_empty()) {
        entry.line = old.get(&entry.key).and_then(&read).unwrap_or_default();
    }
    Ok(listed)
}

/// Index entries with their decoded lines; undecodable ones are left out.
fn lines<'l, L: Deserialize<'l>>(
    entries: impl Iterator<Item = &'l Listed>,
) -> impl Iterator<Item = (&'l Listed, L)> {
    entries.filter_map(|entry| Some((entry, table_schema::line(entry)?)))
}

fn placed<L>(entry: &Listed, line: L) -> Placed<L> {
    Placed { of: entry.key.partition.clone(), line }
}

/// A page of a list; only the entries of the page are decoded.
fn page<'l, L>(
    entries: impl Iterator<Item = &'l Listed>,
    read: impl Fn(&'l Listed) -> Option<L>,
    filter: &Filter,
) -> Page<L> {
    let limit = if filter.limit == 0 { PAGE.0 } else { filter.limit.min(PAGE.1) };
    let mut count = 0;
    let mut items = Vec::new();
    for entry in entries {
        if count >= filter.from && items.len() < limit {
            items.extend(read(entry).map(|line| placed(entry, line)));
        }
        count += 1;
    }
    let next = filter.from.saturating_add(limit);
    Page { items, count, next: (next < count).then_some(next) }
}

/// The first second of a day.
fn beginning(day: u32) -> Time {
    Time(i64::from(day) * DAY)
}
