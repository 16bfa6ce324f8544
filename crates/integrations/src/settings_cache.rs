//! Settings and networks of the organisation, read from `settings/` in the data bucket: `settings.toml`, and
//! `networks.csv` or `networks.mmdb`.
//!
//! Both are optional. A new file takes effect within minutes. An invalid one is refused, logged and counted, and the
//! previous one stays in force.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use trailwarden_core::{networks::Networks, settings::Settings};
use trailwarden_pipeline::{
    ports::{Over, Table, Unavailable, Write},
    stored_settings::{key, read},
};

use crate::{objects::Objects, table::DynamoTable, telemetry};

const FOLDER: &str = "settings/";
const SETTINGS: &str = "settings/settings.toml";
const NETWORKS: [&str; 2] = ["settings/networks.csv", "settings/networks.mmdb"];
/// Interval between looks for a new file.
const TRUSTED: Duration = Duration::from_mins(5);

/// Settings that `score` stored in the table, for functions that do not read the file.
pub struct StoredSettings {
    table: DynamoTable,
    known: RefCell<Option<(Instant, Arc<Settings>)>>,
}

impl StoredSettings {
    /// Settings in this table.
    pub fn new(table: DynamoTable) -> Self {
        Self { table, known: RefCell::default() }
    }

    /// Current settings, cached for a minute.
    ///
    /// # Errors
    /// [`Unavailable`] if the table is at the first read; later the last settings stay in force.
    pub async fn current(&self) -> Result<Arc<Settings>, Unavailable> {
        let known = self.known.borrow().clone();
        match known {
            Some((looked, settings)) if looked.elapsed() <= FRESH => Ok(settings),
            known => match trailwarden_pipeline::stored_settings::settings(&self.table).await {
                Ok(settings) => {
                    let settings = Arc::new(settings);
                    self.known.replace(Some((Instant::now(), settings.clone())));
                    Ok(settings)
                }
                Err(error) => match known {
                    None => Err(error),
                    Some((_, settings)) => {
                        tracing::warn!(%error, "settings not read; the last ones stay in force");
                        Ok(settings)
                    }
                },
            },
        }
    }
}

/// Cache time of the settings in the table: short, since the read is cheap.
const FRESH: Duration = Duration::from_mins(1);

/// Settings and networks in the bucket, refreshed every few minutes.
pub struct SettingsCache {
    objects: Objects,
    bucket: String,
    table: DynamoTable,
    known: RefCell<Known>,
}

#[derive(Default)]
struct Known {
    looked: Option<Instant>,
    tags: BTreeMap<String, String>,
    settings: Rc<Settings>,
    networks: Rc<Networks>,
}

impl SettingsCache {
    /// SettingsCache in this bucket; `table` stores the last valid settings.
    pub fn new(objects: Objects, bucket: String, table: DynamoTable) -> Self {
        Self { objects, bucket, table, known: RefCell::default() }
    }

    /// Current settings and networks.
    ///
    /// # Errors
    /// [`Unavailable`] if S3 or the table is at the first read; later the last ones stay in force.
    pub async fn current(&self) -> Result<(Rc<Settings>, Rc<Networks>), Unavailable> {
        let looked = self.known.borrow().looked;
        if looked.is_none_or(|looked| looked.elapsed() > TRUSTED) {
            match self.look().await {
                Ok(()) => self.known.borrow_mut().looked = Some(Instant::now()),
                Err(error) if looked.is_none() => return Err(error),
                Err(error) => tracing::warn!(%error, "settings not read; the last ones stay in force"),
            }
        }
        let known = self.known.borrow();
        Ok((known.settings.clone(), known.networks.clone()))
    }

    async fn look(&self) -> Result<(), Unavailable> {
        let tags: BTreeMap<String, String> =
            self.objects.tags(&self.bucket, FOLDER).await?.into_iter().collect();
        let is_new = |key: &str| tags.get(key) != self.known.borrow().tags.get(key);
        if is_new(SETTINGS) {
            let bytes = self.read(SETTINGS, &tags).await?;
            let settings = match settings(bytes.as_deref()) {
                Ok(settings) => {
                    self.remember(bytes.as_deref()).await?;
                    Some(settings)
                }
                Err(reason) => {
                    refuse(SETTINGS, &reason);
                    self.remembered().await?
                }
            };
            if let Some(settings) = settings {
                self.known.borrow_mut().settings = Rc::new(settings);
            }
        }
        if NETWORKS.into_iter().any(is_new) {
            let key = NETWORKS.into_iter().find(|key| tags.contains_key(*key)).unwrap_or(NETWORKS[0]);
            match self.read(key, &tags).await?.map(Networks::read) {
                None => self.known.borrow_mut().networks = Rc::default(),
                Some(Ok(networks)) => self.known.borrow_mut().networks = Rc::new(networks),
                Some(Err(error)) => refuse(key, &error.to_string()),
            }
        }
        self.known.borrow_mut().tags = tags;
        Ok(())
    }

    /// Stores the last valid settings in the table, for functions that start while the file is invalid.
    async fn remember(&self, good: Option<&[u8]>) -> Result<(), Unavailable> {
        let known = self.table.get(&key()).await?.map(|item| item.body);
        let good = good.unwrap_or_default();
        if known.as_deref().unwrap_or_default() != good {
            let write = Write { body: good.to_vec(), ..Write::default() };
            self.table.put(&key(), write, Over::Anything).await?;
        }
        Ok(())
    }

    async fn remembered(&self) -> Result<Option<Settings>, Unavailable> {
        let item = self.table.get(&key()).await?;
        Ok(item.and_then(|item| settings(Some(&item.body)).ok()))
    }

    async fn read(&self, key: &str, tags: &BTreeMap<String, String>) -> Result<Option<Vec<u8>>, Unavailable> {
        if tags.contains_key(key) { self.objects.read(&self.bucket, key).await } else { Ok(None) }
    }
}

fn settings(bytes: Option<&[u8]>) -> Result<Settings, String> {
    let Some(bytes) = bytes else { return Ok(Settings::default()) };
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    read(text).map_err(|error| error.to_string())
}

fn refuse(key: &str, reason: &str) {
    tracing::error!(key, reason, "file refused; the last valid one stays in force");
    telemetry::emit(&[telemetry::count("SettingsRefused", 1.0)]);
}
