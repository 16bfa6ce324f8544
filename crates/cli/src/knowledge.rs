//! What a run knows besides its logs: settings, networks, and the time.

use std::time::SystemTime;

use anyhow::{Context, Result};
use trailwarden_core::{detectors, event::Time, networks::Networks, settings::Settings};

use crate::{args::Input, files};

/// What a run knows besides its logs.
pub(crate) struct Knowledge {
    pub(crate) settings: Settings,
    pub(crate) networks: Networks,
}

impl Knowledge {
    pub(crate) fn load(input: &Input) -> Result<Self> {
        let settings = match &input.settings {
            None => Settings::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("reading settings {}", files::show(path)))?;
                Settings::parse(&text, &detectors::ids())
                    .with_context(|| format!("settings {}", files::show(path)))?
            }
        };
        let networks = match &input.networks {
            None => Networks::default(),
            Some(path) => {
                let bytes =
                    std::fs::read(path).with_context(|| format!("reading networks {}", files::show(path)))?;
                Networks::read(bytes).with_context(|| format!("networks {}", files::show(path)))?
            }
        };
        Ok(Self { settings, networks })
    }
}

/// The clock, asked where the command needs it.
pub(crate) fn now() -> Time {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since_1970.as_secs()).unwrap_or_default())
}
