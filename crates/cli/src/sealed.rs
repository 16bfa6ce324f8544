//! Values as the state file keeps them: so that a damaged one is seen before it is believed.

use anyhow::{Context, Result, bail};

/// A checksum before each value, so that a damaged file is seen before it is believed.
pub(crate) fn seal(bytes: &[u8]) -> Vec<u8> {
    let sum = trailwarden_core::event::checksum(bytes);
    [&sum.to_le_bytes(), bytes].concat()
}

pub(crate) fn unseal(sealed: &[u8]) -> Result<&[u8]> {
    let (sum, bytes) = sealed.split_first_chunk::<8>().context("a value of the state is cut off")?;
    if u64::from_le_bytes(*sum) != trailwarden_core::event::checksum(bytes) {
        bail!("a value of the state is damaged");
    }
    Ok(bytes)
}
