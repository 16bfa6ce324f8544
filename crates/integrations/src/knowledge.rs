//! What an organisation tells us of itself: `settings/settings.toml`, `settings/networks.csv` or `.mmdb` in our bucket.
//!
//! Both may be missing. A new file is taken up within minutes; one that cannot be read is refused, told in the log and
//! counted, and what was known before stays in force.

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
/// How long is not looked for a new file.
const TRUSTED: Duration = Duration::from_mins(5);

/// The settings as `score` remembers them in the table: for functions that read no file.
pub struct Remembered {
    table: DynamoTable,
    known: RefCell<Option<(Instant, Arc<Settings>)>>,
}

impl Remembered {
    /// From this table.
    pub fn new(table: DynamoTable) -> Self {
        Self { table, known: RefCell::default() }
    }

    /// What is known now.
    ///
    /// # Errors
    /// [`Unavailable`] if the table is, and nothing was ever known; later, what is known stays in force.
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
                        tracing::warn!(%error, "settings could not be looked up; the known ones stay");
                        Ok(settings)
                    }
                },
            },
        }
    }
}

/// How long what is remembered in the table is not looked up again: it is cheap.
const FRESH: Duration = Duration::from_mins(1);

/// What is known, looked up again now and then.
pub struct Knowledge {
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

impl Knowledge {
    /// From this bucket.
    pub fn new(objects: Objects, bucket: String, table: DynamoTable) -> Self {
        Self { objects, bucket, table, known: RefCell::default() }
    }

    /// What is known now.
    ///
    /// # Errors
    /// [`Unavailable`] if S3 is, and nothing was ever known; later, what is known stays in force.
    pub async fn current(&self) -> Result<(Rc<Settings>, Rc<Networks>), Unavailable> {
        let looked = self.known.borrow().looked;
        if looked.is_none_or(|looked| looked.elapsed() > TRUSTED) {
            match self.look().await {
                Ok(()) => self.known.borrow_mut().looked = Some(Instant::now()),
                Err(error) if looked.is_none() => return Err(error),
                Err(error) => tracing::warn!(%error, "settings could not be looked up; the known ones stay"),
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

    /// Keeps the last good settings in the table: a function that starts while the file is broken goes by them.
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
    tracing::error!(key, reason, "refused; what was known before stays in force");
    telemetry::emit(&[telemetry::count("SettingsRefused", 1.0)]);
}
