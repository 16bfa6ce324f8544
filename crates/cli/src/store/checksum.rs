//! Checksums for values in the state file, so that damage is detected on reading.

use anyhow::{Context, Result, bail};

/// Prefixes a value with its checksum.
pub(crate) fn seal(bytes: &[u8]) -> Vec<u8> {
    let sum = trailwarden_core::event::checksum(bytes);
    [&sum.to_le_bytes(), bytes].concat()
}

pub(crate) fn unseal(sealed: &[u8]) -> Result<&[u8]> {
    let (sum, bytes) = sealed.split_first_chunk::<8>().context("a value in the state file is truncated")?;
    if u64::from_le_bytes(*sum) != trailwarden_core::event::checksum(bytes) {
        bail!("a value in the state file is damaged");
    }
    Ok(bytes)
}
