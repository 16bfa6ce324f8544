//! Copy of the organisation's settings in the table, for functions that do not read the file.

use crate::{
    ports::{Key, Table, Unavailable},
    table_schema::ORGANISATION,
};
use trailwarden_compliance::{self, FRAMEWORKS};
use trailwarden_core::{
    detectors,
    settings::{Invalid, Settings},
};

/// Parses and validates `settings.toml`.
///
/// # Errors
/// [`Invalid`], with what would be valid.
pub fn read(text: &str) -> Result<Settings, Invalid> {
    let frameworks: Vec<&str> = FRAMEWORKS.iter().map(|framework| framework.id).collect();
    Settings::parse(text, &[detectors::ids(), trailwarden_compliance::ids()].concat(), &frameworks)
}

/// Key of the last valid settings, stored as TOML text.
pub fn key() -> Key {
    Key { partition: ORGANISATION.to_owned(), sort: "SETTINGS".to_owned() }
}

/// Last valid settings; defaults if there are none.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn settings(table: &impl Table) -> Result<Settings, Unavailable> {
    let kept = table.get(&key()).await?;
    let text = kept.as_ref().and_then(|item| std::str::from_utf8(&item.body).ok());
    Ok(text.and_then(|text| read(text).ok()).unwrap_or_default())
}
