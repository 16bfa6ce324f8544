//! Deltas in, hours kept.

use crate::{
    activity::Folded,
    ports::{Store, Unavailable},
};

/// Merges deltas into the store. Safe to repeat: merging is idempotent.
///
/// # Errors
/// [`Unavailable`] if the store is; what was merged until then stays merged.
pub async fn feature_extract(store: &impl Store, deltas: Vec<Folded>) -> Result<(), Unavailable> {
    for (scope, hour, delta) in deltas {
        store.merge(&scope, hour, delta).await?;
    }
    Ok(())
}
