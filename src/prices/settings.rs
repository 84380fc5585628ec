//! Where sources are asked and with which keys, from the settings of the process.

use std::{collections::BTreeMap, time::Duration};

use url::Url;

use super::{sources::ALL, web::WebSettings};
use crate::config::{self, Config, Secret};

/// One source's way in.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// Where it is asked; `None`: where it always is.
    pub url: Option<Url>,
    /// Its key.
    pub key: Option<Secret>,
}

/// How sources are asked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// By source; one that isn't here is asked where it always is, without a key.
    pub access: BTreeMap<String, Access>,
    /// Where exchange rates are; `None`: at the European Central Bank.
    pub ecb_url: Option<Url>,
    /// How calls are made.
    pub web: WebSettings,
    /// How long an ask may take; `None`: the source's own limit.
    pub time_limit: Option<Duration>,
    /// Sources asked at the same time.
    pub at_once: usize,
    /// By how much a GPU's cheapest price must fall for webhooks to be told, percent.
    pub drop_percent: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            access: BTreeMap::new(),
            ecb_url: None,
            web: WebSettings::default(),
            time_limit: None,
            at_once: 4,
            drop_percent: 10,
        }
    }
}

impl Settings {
    /// Those of the environment: `PRICE_<SOURCE>_URL`, `<SOURCE>_API_KEY`.
    ///
    /// # Errors
    /// Names the variable that can't be used.
    pub fn from_config(config: &Config) -> Result<Self, config::Error> {
        let mut settings = Self {
            ecb_url: config::price_source("ecb", "ecb")?.url,
            drop_percent: config.webhooks.price_drop_percent,
            ..Self::default()
        };
        for source in ALL {
            let mut set = config::price_source(source.name(), source.key_name())?;
            if source.key_name() == "runpod" {
                set.key = set.key.or_else(|| config.runpod.api_key.clone());
            }
            // A key is sent only to a source that asks for one.
            set.key = set.key.filter(|_| source.needs_key());
            settings.access.insert(source.name().to_owned(), Access { url: set.url, key: set.key });
        }
        Ok(settings)
    }

    /// A source's way in.
    #[must_use]
    pub fn of(&self, source: &str) -> Access {
        self.access.get(source).cloned().unwrap_or_default()
    }
}
