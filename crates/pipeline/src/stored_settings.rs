//! The organisation's settings, as the functions that do not read the file go by them.

use crate::{
    ports::{Key, Table, Unavailable},
    table_schema::ORGANISATION,
};
use trailwarden_compliance::{self, FRAMEWORKS};
use trailwarden_core::{
    detectors,
    settings::{Invalid, Settings},
};

/// Reads and checks a document of settings.
///
/// # Errors
/// [`Invalid`], saying what would be right.
pub fn read(text: &str) -> Result<Settings, Invalid> {
    let frameworks: Vec<&str> = FRAMEWORKS.iter().map(|framework| framework.id).collect();
    Settings::parse(text, &[detectors::ids(), trailwarden_compliance::ids()].concat(), &frameworks)
}

/// Where the last good settings are kept, as text.
pub fn key() -> Key {
    Key { partition: ORGANISATION.to_owned(), sort: "SETTINGS".to_owned() }
}

/// The last good settings; none are as good as empty ones.
///
/// # Errors
/// [`Unavailable`] if the table is.
pub async fn settings(table: &impl Table) -> Result<Settings, Unavailable> {
    let kept = table.get(&key()).await?;
    let text = kept.as_ref().and_then(|item| std::str::from_utf8(&item.body).ok());
    Ok(text.and_then(|text| read(text).ok()).unwrap_or_default())
}
