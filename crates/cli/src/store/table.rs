//! Implementation of the functions' table on the state file.

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, TableError};
use trailwarden_pipeline::ports::{Freshness, Item, Key, Listed, Over, Table, Unavailable, Write};

use crate::store::checksum::{seal, unseal};

type Place<'p> = (&'p str, &'p str);

const ITEMS: TableDefinition<'_, Place<'_>, &[u8]> = TableDefinition::new("items");
/// Index: listing to item.
const LISTED: TableDefinition<'_, Place<'_>, Place<'_>> = TableDefinition::new("listed");
/// Index: listing to index entry.
const LINES: TableDefinition<'_, Place<'_>, &[u8]> = TableDefinition::new("lines");
/// Reverse index: item to listing.
const LISTINGS: TableDefinition<'_, Place<'_>, Place<'_>> = TableDefinition::new("listings");

/// FileTable of a state file. Expiry is ignored: the file belongs to its owner.
pub(crate) struct FileTable<'d>(&'d Database);

fn broken(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Unavailable {
    Unavailable { service: "state", source: error.into() }
}

impl<'d> FileTable<'d> {
    pub(crate) fn new(database: &'d Database) -> Self {
        Self(database)
    }

    fn all(&self, partition: &str, from: &str, to: &str) -> Result<Vec<(String, Item)>, Unavailable> {
        if from > to {
            return Ok(Vec::new());
        }
        let read = self.0.begin_read().map_err(broken)?;
        let table = match read.open_table(ITEMS) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            table => table.map_err(broken)?,
        };
        let mut found = Vec::new();
        for entry in table.range((partition, from)..=(partition, to)).map_err(broken)? {
            let (place, value) = entry.map_err(broken)?;
            found.push((place.value().1.to_owned(), item(value.value())?));
        }
        Ok(found)
    }

    fn write(&self, key: &Key, write: &Write, over: Over) -> anyhow::Result<bool> {
        let place = (key.partition.as_str(), key.sort.as_str());
        let transaction = self.0.begin_write()?;
        {
            let mut items = transaction.open_table(ITEMS)?;
            let known = items.get(place)?.map(|value| item(value.value())).transpose()?;
            let version = known.map(|item| item.version);
            let is_allowed = match over {
                Over::Nothing => version.is_none(),
                Over::Version(known) => version == Some(known),
                Over::Anything => true,
            };
            if !is_allowed {
                return Ok(false);
            }
            let next = version.unwrap_or_default() + 1;
            let bytes = [next.to_le_bytes().as_slice(), &write.body].concat();
            items.insert(place, seal(&bytes).as_slice())?;
            let mut listed = transaction.open_table(LISTED)?;
            let mut listings = transaction.open_table(LISTINGS)?;
            let mut lines = transaction.open_table(LINES)?;
            if let Some(before) = listings.remove(place)? {
                listed.remove(before.value())?;
                lines.remove(before.value())?;
            }
            if let Some(listing) = &write.listed {
                let at = (listing.at.partition.as_str(), listing.at.sort.as_str());
                listed.insert(at, place)?;
                listings.insert(place, at)?;
                lines.insert(at, seal(&listing.line).as_slice())?;
            }
        }
        transaction.commit()?;
        Ok(true)
    }
}

fn item(sealed: &[u8]) -> Result<Item, Unavailable> {
    let bytes = unseal(sealed).map_err(broken)?;
    let (version, body) = bytes.split_first_chunk::<8>().ok_or_else(|| broken("an item is truncated"))?;
    Ok(Item { version: u64::from_le_bytes(*version), body: body.to_vec() })
}

impl Table for FileTable<'_> {
    async fn get(&self, key: &Key) -> Result<Option<Item>, Unavailable> {
        Ok(self.all(&key.partition, &key.sort, &key.sort)?.pop().map(|(_, item)| item))
    }

    async fn get_many(&self, keys: Vec<Key>) -> Result<Vec<(Key, Item)>, Unavailable> {
        let mut found = Vec::new();
        for key in keys {
            if let Some(item) = self.get(&key).await? {
                found.push((key, item));
            }
        }
        Ok(found)
    }

    async fn range(
        &self,
        partition: &str,
        from: &str,
        to: &str,
        _: Freshness,
    ) -> Result<Vec<(String, Item)>, Unavailable> {
        self.all(partition, from, to)
    }

    async fn listed(&self, partition: &str, from: &str, to: &str) -> Result<Vec<Listed>, Unavailable> {
        if from > to {
            return Ok(Vec::new());
        }
        let read = self.0.begin_read().map_err(broken)?;
        let table = match read.open_table(LISTED) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(Vec::new()),
            table => table.map_err(broken)?,
        };
        let mut found = Vec::new();
        for entry in table.range((partition, from)..=(partition, to)).map_err(broken)? {
            let (at, value) = entry.map_err(broken)?;
            let (partition, sort) = value.value();
            let key = Key { partition: partition.to_owned(), sort: sort.to_owned() };
            let line = match read.open_table(LINES) {
                Err(TableError::TableDoesNotExist(_)) => None,
                lines => lines.map_err(broken)?.get(at.value()).map_err(broken)?,
            };
            let line =
                line.map(|line| unseal(line.value()).map(<[u8]>::to_vec)).transpose().map_err(broken)?;
            found.push(Listed { sort: at.value().1.to_owned(), key, line: line.unwrap_or_default() });
        }
        Ok(found)
    }

    async fn put(&self, key: &Key, write: Write, over: Over) -> Result<bool, Unavailable> {
        self.write(key, &write, over).map_err(broken)
    }
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::*;
    use trailwarden_pipeline::ports::Listing;

    /// What the contract of all tables says, as `tests/contract.rs` has it for the others.
    #[test]
    fn it_keeps_the_contract_of_tables() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::create(folder.path().join("state")).unwrap();
        let table = FileTable::new(&database);
        let key = |sort: &str| Key { partition: "P".into(), sort: sort.into() };
        let write = |body: &str, listed: Option<&str>| Write {
            body: body.into(),
            expires: None,
            listed: listed.map(|sort| Listing {
                at: Key { partition: "DAY#1".into(), sort: sort.into() },
                line: sort.into(),
            }),
        };
        assert_eq!(block_on(table.get(&key("A"))).unwrap(), None);
        assert!(block_on(table.listed("DAY#1", "", "~")).unwrap().is_empty());
        assert!(block_on(table.put(&key("A"), write("1", Some("x")), Over::Nothing)).unwrap());
        assert!(!block_on(table.put(&key("A"), write("2", None), Over::Nothing)).unwrap());
        let first = block_on(table.get(&key("A"))).unwrap().unwrap();
        assert!(block_on(table.put(&key("A"), write("3", Some("y")), Over::Version(first.version))).unwrap());
        assert!(!block_on(table.put(&key("A"), write("4", None), Over::Version(first.version))).unwrap());
        let once = Listed { sort: "y".into(), key: key("A"), line: b"y".to_vec() };
        assert_eq!(block_on(table.listed("DAY#1", "", "~")).unwrap(), [once], "where it is now");
        assert!(block_on(table.listed("DAY#1", "x", "x")).unwrap().is_empty());
        assert!(block_on(table.put(&key("B"), write("", None), Over::Anything)).unwrap());
        let range = block_on(table.range("P", "A", "B", Freshness::Fresh)).unwrap();
        let bodies: Vec<&[u8]> = range.iter().map(|(_, item)| item.body.as_slice()).collect();
        assert_eq!(bodies, [b"3".as_slice(), b""]);
        assert!(block_on(table.put(&key("A"), write("5", None), Over::Anything)).unwrap());
        assert!(block_on(table.listed("DAY#1", "", "~")).unwrap().is_empty());
    }
}
