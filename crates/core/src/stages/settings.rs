//! The organisation's settings, as the functions that do not read the file go by them.

use crate::{
    kept::ORGANISATION,
    ports::{Key, Table, Unavailable},
    settings::Settings,
};

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
    Ok(text.and_then(|text| Settings::read(text).ok()).unwrap_or_default())
}
