//! Kill switch of all responses, read before each action, with a history of its changes.

use serde::{Deserialize, Serialize};

use crate::{
    ports::{Over, Table, Unavailable, Write, change},
    table_schema,
};
use trailwarden_core::event::Time;

/// A change of the kill switch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Time of the change.
    pub at: Time,
    /// Person who made it.
    pub by: String,
    /// `true` stops all responses, `false` starts them again.
    pub stops: bool,
}

/// Changes in the history.
const TURNS: usize = 50;

/// Name of whoever stopped all responses; `None` while they are running.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn stopped(table: &impl Table) -> Result<Option<String>, Unavailable> {
    let item = table.get(&table_schema::stop_key()).await?;
    Ok(item.as_ref().map(table_schema::read::<Option<String>>).transpose()?.flatten())
}

/// History of the kill switch, newest first; at most 50 changes.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn turns(table: &impl Table) -> Result<Vec<Turn>, Unavailable> {
    let item = table.get(&table_schema::turns_key()).await?;
    Ok(item.as_ref().map(table_schema::read).transpose()?.unwrap_or_default())
}

/// Sets the kill switch. After an error it may be set all the same; a retry is safe.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn turn(table: &impl Table, new: Turn) -> Result<(), Unavailable> {
    let body = table_schema::write(&new.stops.then_some(&new.by));
    // The switch is written first, so that it holds even if the history fails.
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
