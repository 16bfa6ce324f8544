//! Context of a run besides its logs: settings, networks and the clock.

use std::{path::Path, time::SystemTime};

use anyhow::{Context, Result};
use trailwarden_core::{event::Time, networks::Networks, settings::Settings};
use trailwarden_pipeline::stored_settings::read;

use crate::{args::Input, files};

/// Settings and networks of a run.
pub(crate) struct Knowledge {
    pub(crate) settings: Settings,
    pub(crate) networks: Networks,
}

impl Knowledge {
    pub(crate) fn load(input: &Input) -> Result<Self> {
        let settings = settings(input.reading.settings.as_deref())?;
        Ok(Self { settings, networks: networks(input.reading.networks.as_deref())? })
    }
}

/// Reads the networks; none if `path` is `None`.
pub(crate) fn networks(path: Option<&Path>) -> Result<Networks> {
    let Some(path) = path else { return Ok(Networks::default()) };
    let bytes = std::fs::read(path).with_context(|| format!("reading networks {}", files::show(path)))?;
    Networks::read(bytes).with_context(|| format!("networks {}", files::show(path)))
}

/// Reads the settings; defaults if `path` is `None`.
pub(crate) fn settings(path: Option<&Path>) -> Result<Settings> {
    let Some(path) = path else { return Ok(Settings::default()) };
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading settings {}", files::show(path)))?;
    read(&text).with_context(|| format!("settings {}", files::show(path)))
}

/// Current time; the only access to the clock.
pub(crate) fn now() -> Time {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since_1970.as_secs()).unwrap_or_default())
}
