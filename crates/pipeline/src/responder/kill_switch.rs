//! The kill switch: read before each act; who turned it, and when, is kept.

use serde::{Deserialize, Serialize};

use crate::{
    ports::{Over, Table, Unavailable, Write, change},
    table_schema,
};
use trailwarden_core::event::Time;

/// Somebody stopped responses, or started them again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// When.
    pub at: Time,
    /// Who.
    pub by: String,
    /// Stopped, or started again?
    pub stops: bool,
}

/// Turns that are kept.
const TURNS: usize = 50;

/// Is everything stopped, and by whom?
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn stopped(table: &impl Table) -> Result<Option<String>, Unavailable> {
    let item = table.get(&table_schema::stop_key()).await?;
    Ok(item.as_ref().map(table_schema::read::<Option<String>>).transpose()?.flatten())
}

/// Who stopped and started responses, the newest first; at most 50.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn turns(table: &impl Table) -> Result<Vec<Turn>, Unavailable> {
    let item = table.get(&table_schema::turns_key()).await?;
    Ok(item.as_ref().map(table_schema::read).transpose()?.unwrap_or_default())
}

/// Stops everything, or starts it again. If this fails, it may hold all the same: asking again does no harm.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn turn(table: &impl Table, new: Turn) -> Result<(), Unavailable> {
    let body = table_schema::write(&new.stops.then_some(&new.by));
    // The switch itself first: whatever becomes of its history, it holds.
    table.put(&table_schema::stop_key(), Write { body, ..Write::default() }, Over::Anything).await?;
    change(table, &table_schema::turns_key(), |item| {
        let mut all: Vec<Turn> = item.map(table_schema::read).transpose()?.unwrap_or_default();
        all.insert(0, new.clone());
        all.truncate(TURNS);
        Ok::<_, Unavailable>(Some(Write { body: table_schema::write(&all), ..Write::default() }))
    })
    .await
    .map(drop)
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::*;
    use crate::ports::Memory;

    #[test]
    fn the_last_turn_holds_and_who_made_the_others_is_kept() {
        let table = Memory::default();
        assert_eq!(block_on(stopped(&table)).unwrap(), None);
        for at in 0..60 {
            let new = Turn { at: Time(at), by: format!("person {at}"), stops: at % 2 == 0 };
            block_on(turn(&table, new)).unwrap();
        }
        assert_eq!(block_on(stopped(&table)).unwrap(), None);
        let all = block_on(turns(&table)).unwrap();
        assert_eq!((all.len(), all[0].by.as_str(), all[49].at), (50, "person 59", Time(10)));
        block_on(turn(&table, Turn { at: Time(60), by: "kim".to_owned(), stops: true })).unwrap();
        assert_eq!(block_on(stopped(&table)).unwrap().as_deref(), Some("kim"));
    }
}
