//! Analyst feedback: records verdicts as they arrive, and learns the thresholds from them once a day.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    feature_extract::WATERMARK,
    messages::Said,
    ports::{Freshness, Item, Key, Over, Table, Unavailable, Write, change},
    stored_settings::settings,
    table_schema::{self, KeptFinding, ORGANISATION},
};
use trailwarden_core::{
    activity::{BottomK, Damaged, Scope},
    baseline::Group,
    event::{DAY, Time, clip},
    finding::{Finding, Kind, Severity},
    severity::thresholds::{Change, FALSE_ALERTS, History, VERDICT_DAYS, Verdict},
};

/// Latest verdict on a finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// Time of the verdict; midnight UTC in records of an older format, which has the day only.
    pub at: Time,
    /// The finding's score.
    pub score: f32,
    /// The verdict.
    pub verdict: Verdict,
    /// Analyst's name; empty in records of an older format.
    pub by: String,
}

impl Word {
    /// Decodes a verdict, also of the older format, which has no name.
    fn read(item: &Item) -> Result<Self, Damaged> {
        table_schema::read(item).or_else(|_| {
            let (day, score, verdict): (u32, _, _) = table_schema::read(item)?;
            Ok(Self { at: Time(i64::from(day) * DAY), score, verdict, by: String::new() })
        })
    }
}

/// Identities judged on a day, as a bottom-k sketch: exact up to 256, then within 7% (one standard error).
type Judged = BottomK<(), 256>;
/// Longest name that is stored, in bytes.
const NAME: usize = 256;

fn key(sort: String) -> Key {
    Key { partition: ORGANISATION.to_owned(), sort }
}

fn thresholds_key() -> Key {
    key("THRESHOLDS".to_owned())
}

/// Stores a verdict on an alert, replacing an earlier one; `false` if the finding is unknown or was never an alert,
/// since it then moves no threshold.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn record(table: &impl Table, said: &Said, now: Time) -> Result<bool, Unavailable> {
    // Anyone with write access to Security Hub can send any verdict, so score and severity come from the stored
    // finding.
    let date = said.finding_id.split('/').nth(1).unwrap_or_default();
    let sort = format!("FINDING#{date}#{}", said.finding_id);
    let kept = table.get(&Key { partition: said.partition.clone(), sort }).await?;
    let kept = kept.as_ref().map(KeptFinding::read).transpose()?;
    // A violation is a fact, not a matter of score: a verdict on it moves no threshold.
    let is_alert =
        |finding: &Finding| finding.severity >= Severity::Medium && finding.kind != Kind::Compliance;
    let Some(finding) = kept.map(|kept| kept.finding).filter(is_alert) else { return Ok(false) };
    let verdict = key(format!("VERDICT#{}", said.finding_id));
    change(table, &verdict, |item| {
        let known = item.map(Word::read).transpose()?;
        if known.is_some_and(|known| known.verdict == said.verdict) {
            return Ok(None);
        }
        let by = clip(&said.by, NAME).to_owned();
        let new = Word { at: now, score: finding.score, verdict: said.verdict, by };
        let expires = Some(Time(now.0 + i64::from(VERDICT_DAYS + 2) * DAY));
        Ok::<_, Unavailable>(Some(Write { body: table_schema::write(&new), expires, listed: None }))
    })
    .await?;
    Ok(true)
}

/// History of the learnt thresholds.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn thresholds(table: &impl Table) -> Result<History, Unavailable> {
    let item = table.get(&thresholds_key()).await?;
    Ok(item.as_ref().map(table_schema::read).transpose()?.unwrap_or_default())
}

/// Number of identities judged within the days whose verdicts count: exact up to 256, then within 7%.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn watched(table: &impl Table, now: Time) -> Result<usize, Unavailable> {
    let first = now.day().saturating_sub(VERDICT_DAYS);
    let mut all = Judged::default();
    for (_, judged) in judged_days(table, first, now.day() + 1).await? {
        all.merge(judged);
    }
    Ok(all.distinct().round() as usize)
}

/// Change that the verdicts given so far make tomorrow; `None` if nothing changes.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn tomorrow(
    table: &impl Table,
    history: &History,
    bearable: f32,
    now: Time,
) -> Result<Option<Change>, Unavailable> {
    let day = now.day() + 1;
    let first = day.saturating_sub(VERDICT_DAYS);
    let said = said(table, first, day).await?;
    if said.is_empty() {
        return Ok(None);
    }
    let principal_days = judged(table, first, day).await?;
    let changed = history.at(day).learn(&said, principal_days, bearable);
    Ok(changed.map(|(thresholds, reason)| Change { day, thresholds, reason }))
}

/// Verdict on a finding, if there is one.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn verdict(table: &impl Table, finding_id: &str) -> Result<Option<Word>, Unavailable> {
    let item = table.get(&key(format!("VERDICT#{finding_id}"))).await?;
    Ok(item.as_ref().map(Word::read).transpose()?)
}

/// Stored verdicts with the ids of their findings.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn given(table: &impl Table) -> Result<Vec<(String, Word)>, Unavailable> {
    let items = table.range(ORGANISATION, "VERDICT#", "VERDICT$", Freshness::Fresh).await?;
    let read = |(sort, item): (String, _)| {
        Some((sort.strip_prefix("VERDICT#")?.to_owned(), Word::read(&item).ok()?))
    };
    Ok(items.into_iter().filter_map(read).collect())
}

/// Scores and verdicts given from day `first` to the day before `today`.
async fn said(table: &impl Table, first: u32, today: u32) -> Result<Vec<(f32, Verdict)>, Unavailable> {
    let words = given(table).await?.into_iter().map(|(_, word)| word);
    let words = words.filter(|word| (first..today).contains(&word.at.day()));
    Ok(words.map(|word| (word.score, word.verdict)).collect())
}

/// Learns today's thresholds from the verdicts of earlier days, once a day, after yesterday's last hour has closed;
/// `true` if they changed.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn learn(table: &impl Table, now: Time) -> Result<bool, Unavailable> {
    let today = now.day();
    if now.hour() % 24 < WATERMARK {
        return Ok(false);
    }
    let learnt = key(format!("LEARNT#{}", table_schema::date(today)));
    if table.get(&learnt).await?.is_some() {
        return Ok(false);
    }
    let first = today.saturating_sub(VERDICT_DAYS);
    let verdicts = said(table, first, today).await?;
    let mut changed = false;
    if !verdicts.is_empty() {
        let (principal_days, bearable) = (judged(table, first, today).await?, bearable(table).await?);
        change(table, &thresholds_key(), |item| {
            let mut history: History = item.map(table_schema::read).transpose()?.unwrap_or_default();
            changed = history.learn(today, &verdicts, principal_days, bearable);
            let write = Write { body: table_schema::write(&history), ..Write::default() };
            Ok::<_, Unavailable>(changed.then_some(write))
        })
        .await?;
    }
    let expires = Some(Time(now.0 + 2 * DAY));
    table
        .put(&learnt, Write { body: table_schema::write(&()), expires, listed: None }, Over::Anything)
        .await?;
    Ok(changed)
}

/// Number of principal-days judged from day `first` to the day before `today`.
async fn judged(table: &impl Table, first: u32, today: u32) -> Result<usize, Unavailable> {
    let days = judged_days(table, first, today).await?;
    Ok(days.iter().map(|(_, judged)| judged.distinct()).sum::<f64>().round() as usize)
}

async fn judged_days(
    table: &impl Table,
    first: u32,
    today: u32,
) -> Result<Vec<(String, Judged)>, Unavailable> {
    let (from, to) =
        (format!("JUDGED#{}", table_schema::date(first)), format!("JUDGED#{}", table_schema::date(today)));
    let days = table.range(ORGANISATION, &from, &to, Freshness::Stale).await?;
    let days = days.into_iter().filter(|(sort, _)| *sort < to);
    Ok(days.filter_map(|(sort, item)| Some((sort, table_schema::read::<Judged>(&item).ok()?))).collect())
}

/// Tolerated false alerts per 1,000 principal-days, from the last valid settings.
pub(super) async fn bearable(table: &impl Table) -> Result<f32, Unavailable> {
    Ok(settings(table).await?.bearable_false_alerts.unwrap_or(FALSE_ALERTS))
}

/// Adds the identities whose hours close to the daily counts of judged identities.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn count(table: &impl Table, due: &[(Scope, u32)], now: Time) -> Result<(), Unavailable> {
    let mut days: BTreeMap<u32, Judged> = BTreeMap::new();
    for (scope, hour) in due.iter().filter(|(scope, _)| scope.is_identity()) {
        let Group(who) = Group::of_one(scope);
        days.entry(hour / 24).or_default().insert(who, || ());
    }
    for (day, new) in days.into_iter().filter(|(day, _)| day + VERDICT_DAYS >= now.day()) {
        change(table, &key(format!("JUDGED#{}", table_schema::date(day))), |item| {
            let known: Judged = item.map(table_schema::read).transpose()?.unwrap_or_default();
            let mut all = known.clone();
            all.merge(new.clone());
            let expires = Some(Time(now.0 + i64::from(VERDICT_DAYS + 2) * DAY));
            let write = Write { body: table_schema::write(&all), expires, listed: None };
            Ok::<_, Unavailable>((all != known).then_some(write))
        })
        .await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::*;
    use crate::ports::Memory;
    use trailwarden_core::finding::testing::finding;

    fn now(day: u32) -> Time {
        Time(i64::from(20_500 + day) * DAY + 5 * 3600)
    }

    fn scope() -> Scope {
        Scope::Principal("kim".into())
    }

    fn said(id: &str, verdict: Verdict) -> Said {
        Said { partition: scope().partition(), finding_id: id.to_owned(), verdict, by: "kim".to_owned() }
    }

    fn filed(table: &Memory, id: &str, severity: Severity) {
        let finding = Finding { id: id.to_owned(), score: 0.5, severity, ..finding() };
        let key = table_schema::finding_key(&scope(), id);
        block_on(table.put(&key, KeptFinding::new(finding).write(now(0)), Over::Anything)).unwrap();
    }

    #[test]
    fn false_alerts_raise_the_threshold_once_a_day_and_are_kept() {
        let table = Memory::default();
        let due: Vec<(Scope, u32)> =
            (0..40).map(|n| (Scope::Principal(format!("p{n}").into()), now(0).hour())).collect();
        block_on(count(&table, &due, now(0))).unwrap();
        for n in 0..8 {
            let id = format!("evasion/2026-03-02/{n}");
            filed(&table, &id, Severity::Medium);
            assert!(block_on(record(&table, &said(&id, Verdict::FalsePositive), now(0))).unwrap());
        }
        assert!(!block_on(learn(&table, now(0))).unwrap(), "a day learns from those before it");
        let early = Time(now(1).0 - 4 * 3600);
        assert!(!block_on(learn(&table, early)).unwrap(), "yesterday is not closed yet");
        assert!(block_on(learn(&table, now(1))).unwrap());
        assert!(!block_on(learn(&table, now(1))).unwrap());
        let history = block_on(thresholds(&table)).unwrap();
        assert!(history.at(now(1).day()).medium > history.at(now(0).day()).medium);
        assert!(history.changes[0].reason.contains("8 of 8"), "{:?}", history.changes);
        assert!(history.changes[0].reason.contains("40 identity-days"), "{:?}", history.changes);
    }

    #[test]
    fn the_last_word_counts_and_has_a_name_if_one_was_kept() {
        let (table, id) = (Memory::default(), "evasion/2026-03-02/1");
        filed(&table, id, Severity::Medium);
        let kept = || block_on(verdict(&table, id)).unwrap().expect("a word");
        let item = key(format!("VERDICT#{id}"));
        let body = table_schema::write(&(7u32, 0.5f32, Verdict::FalsePositive));
        block_on(table.put(&item, Write { body, ..Write::default() }, Over::Anything)).unwrap();
        let nameless =
            Word { at: Time(7 * DAY), score: 0.5, verdict: Verdict::FalsePositive, by: String::new() };
        assert_eq!(kept(), nameless, "written when names were not kept");
        block_on(record(&table, &said(id, Verdict::FalsePositive), now(0))).unwrap();
        assert_eq!(kept(), nameless, "who says the same again says nothing");
        block_on(record(&table, &said(id, Verdict::TruePositive), now(0))).unwrap();
        let (verdict, by) = (Verdict::TruePositive, "kim".to_owned());
        assert_eq!(kept(), Word { at: now(0), score: 0.5, verdict, by });
    }

    #[test]
    fn what_we_never_said_and_what_was_no_alert_moves_nothing() {
        let table = Memory::default();
        filed(&table, "evasion/2026-03-02/1", Severity::Low);
        let violation = Finding { id: "check/2026-03-02/1".to_owned(), kind: Kind::Compliance, ..finding() };
        let key = table_schema::finding_key(&scope(), &violation.id);
        block_on(table.put(&key, KeptFinding::new(violation).write(now(0)), Over::Anything)).unwrap();
        assert!(
            !block_on(record(&table, &said("check/2026-03-02/1", Verdict::FalsePositive), now(0))).unwrap()
        );
        for id in ["evasion/2026-03-02/0", "evasion/2026-03-02/1", "nonsense"] {
            assert!(!block_on(record(&table, &said(id, Verdict::FalsePositive), now(0))).unwrap(), "{id}");
        }
    }
}
