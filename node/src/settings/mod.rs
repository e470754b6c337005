//! Settings: `kapok.toml` in the node's home.
//!
//! The file is the operator's: what this version does not know in it is kept, and so are comments and order.
//! [`keys`] is the one table of what there is; [`Window`] is the only value with a life of its own.
//!
//! Invariant: every known value of a [`Settings`] has been checked, by [`Settings::load`] or by [`Settings::set`].

mod error;
mod keys;
#[cfg(test)]
mod tests;
mod window;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use kapok_http::port::Setting;
use kapok_store::fs::{self, Mode, RealFs};
use toml_edit::{DocumentMut, Item, TableLike};

pub(crate) use error::SettingsError;
use keys::{KEYS, Key};
pub(crate) use window::Window;

/// A page or two are usual; a longer file is not one of ours.
const MAX_FILE_BYTES: usize = 1 << 20;

const CHECKED: &str = "values are checked when they are read and set";

/// The settings of one node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    document: DocumentMut,
}

impl Settings {
    /// Reads the file (`Paths::config` of the home); one that is not there has nothing set.
    pub(crate) fn load(path: &Path) -> Result<Self, SettingsError> {
        Self::read(path)?.checked("")
    }

    /// Reads the file, changes one setting and writes it: also one whose old value is wrong.
    pub(crate) fn mend(path: &Path, name: &str, value: &str) -> Result<Setting, SettingsError> {
        let mut settings = Self::read(path)?;
        let setting = settings.set(name, value)?;
        settings.checked(name)?.save(path)?;
        Ok(setting)
    }

    fn read(path: &Path) -> Result<Self, SettingsError> {
        let bytes = match fs::read_small(&RealFs, path, MAX_FILE_BYTES) {
            Ok(bytes) => bytes,
            // A file where the folder should be is said by whoever opens the folder.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Vec::new(),
            Err(source) => return Err(SettingsError::Read { path: path.to_owned(), source }),
        };
        let wrong = |before: &[u8], reason: &str| SettingsError::NotToml {
            path: path.to_owned(),
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            reason: reason.replace('\n', ", "),
        };
        let text = String::from_utf8(bytes)
            .map_err(|error| wrong(&error.as_bytes()[..error.utf8_error().valid_up_to()], "it is not UTF-8 text"))?;
        let document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| {
            let before = error.span().map_or(0, |span| span.start).min(text.len());
            wrong(&text.as_bytes()[..before], error.message())
        })?;
        Ok(Self { document })
    }

    fn checked(self, except: &str) -> Result<Self, SettingsError> {
        for key in KEYS.iter().filter(|key| key.name != except) {
            if let Some(item) = self.item(key.name) {
                let value = keys::typed(item).map_err(|reason| invalid(key, item.to_string().trim(), reason))?;
                // Empty is as good as not set.
                if !value.is_empty() {
                    key.form.check(&value).map_err(|reason| invalid(key, &value, reason))?;
                }
            }
        }
        Ok(self)
    }

    /// Writes the file; on return it is durable.
    pub(crate) fn save(&self, path: &Path) -> Result<(), SettingsError> {
        fs::write_atomically(&RealFs, path, self.document.to_string().as_bytes(), Mode::CreateNew)
            .map_err(|source| SettingsError::Write { path: path.to_owned(), source })
    }

    /// All settings with their meaning.
    pub(crate) fn all(&self) -> Vec<Setting> {
        KEYS.iter().map(|key| self.setting(key)).collect()
    }

    /// One of them.
    pub(crate) fn get(&self, name: &str) -> Result<Setting, SettingsError> {
        Ok(self.setting(known(name)?))
    }

    /// Changes one of them, as it is typed; an empty value brings the default back. [`Settings::save`] keeps it.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<Setting, SettingsError> {
        let key = known(name)?;
        if value.trim().is_empty() {
            self.remove(key);
        } else {
            key.form.check(value).map_err(|reason| invalid(key, value, reason))?;
            self.insert(key, value)?;
        }
        Ok(self.setting(key))
    }

    /// Names in the file that this version does not know: a later version's, or slips of the pen.
    pub(crate) fn unknown_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for (name, item) in self.document.iter() {
            match item.as_table_like() {
                Some(table) => names.extend(table.iter().map(|(inner, _)| format!("{name}.{inner}"))),
                None => names.push(name.to_owned()),
            }
        }
        names.retain(|name| keys::find(name).is_none());
        names
    }

    /// Where the pages and the API listen.
    pub(crate) fn http_addresses(&self) -> Vec<SocketAddr> {
        keys::sockets(&self.text(keys::HTTP_ADDRESSES)).expect(CHECKED)
    }

    /// Names under which requests may arrive on loopback, behind a reverse proxy.
    pub(crate) fn host_names(&self) -> Vec<String> {
        keys::host_names(&self.text(keys::HTTP_NAMES)).expect(CHECKED)
    }

    /// Whether browsers reach the node by HTTPS alone.
    pub(crate) fn secure_cookies(&self) -> bool {
        keys::flag(&self.text(keys::HTTP_SECURE_COOKIES)).expect(CHECKED)
    }

    /// Multiaddrs on which other nodes reach this one.
    pub(crate) fn listen_addresses(&self) -> Vec<String> {
        keys::multiaddrs(&self.text(keys::NET_LISTEN)).expect(CHECKED)
    }

    /// Bytes a second that may be sent to one node; `None` means as much as the link takes.
    pub(crate) fn link_rate_bytes_per_s(&self) -> Option<u64> {
        keys::kilobits(&self.text(keys::NET_RATE)).expect(CHECKED)
    }

    /// Whether nodes on the same local network are looked for.
    pub(crate) fn neighbours(&self) -> bool {
        keys::flag(&self.text(keys::NET_NEIGHBOURS)).expect(CHECKED)
    }

    /// Whether a city or county lets others reach each other through it.
    pub(crate) fn relay(&self) -> bool {
        keys::flag(&self.text(keys::NET_RELAY)).expect(CHECKED)
    }

    /// From one round that the node begins by itself to the next.
    pub(crate) fn sync_interval(&self) -> Duration {
        keys::minutes(&self.text(keys::SYNC_INTERVAL)).expect(CHECKED)
    }

    /// When files are fetched by themselves; `None` means at any time.
    pub(crate) fn sync_window(&self) -> Option<Window> {
        keys::hours(&self.text(keys::SYNC_WINDOW)).expect(CHECKED)
    }

    /// What is logged, as `RUST_LOG` says it.
    pub(crate) fn log_filter(&self) -> String {
        self.text(keys::LOG)
    }

    fn setting(&self, key: &Key) -> Setting {
        Setting {
            key: key.name.into(),
            value: self.value(key.name).unwrap_or_default(),
            default: key.default.into(),
            meaning: key.meaning.into(),
        }
    }

    /// The value that holds: the file's, or the default.
    fn text(&self, name: &str) -> String {
        self.value(name).unwrap_or_else(|| keys::find(name).map_or_else(String::new, |key| key.default.into()))
    }

    /// The value that the file has. An empty one is as good as none, as in [`Settings::set`].
    fn value(&self, name: &str) -> Option<String> {
        self.item(name).and_then(|item| keys::typed(item).ok()).filter(|text| !text.is_empty())
    }

    fn item(&self, name: &str) -> Option<&Item> {
        match name.split_once('.') {
            Some((table, key)) => self.document.get(table)?.as_table_like()?.get(key),
            None => self.document.get(name),
        }
    }

    /// The table that has the setting, and the setting's name in it.
    fn table_of(&mut self, key: &'static Key) -> Result<(&mut dyn TableLike, &'static str), SettingsError> {
        let Some((part, name)) = key.name.split_once('.') else { return Ok((self.document.as_table_mut(), key.name)) };
        let table = self.document.entry(part).or_insert_with(toml_edit::table).as_table_like_mut();
        Ok((table.ok_or(SettingsError::NotATable { key: key.name, part })?, name))
    }

    fn insert(&mut self, key: &'static Key, value: &str) -> Result<(), SettingsError> {
        let mut new = key.form.to_toml(value);
        let (table, name) = self.table_of(key)?;
        // The decoration is the comment behind the value.
        if let Some(old) = table.get(name).and_then(Item::as_value) {
            *new.decor_mut() = old.decor().clone();
        }
        table.insert(name, Item::Value(new));
        Ok(())
    }

    fn remove(&mut self, key: &Key) {
        match key.name.split_once('.') {
            Some((part, name)) => {
                if let Some(table) = self.document.get_mut(part).and_then(Item::as_table_like_mut) {
                    table.remove(name);
                }
            }
            None => drop(self.document.remove(key.name)),
        }
    }
}

fn known(name: &str) -> Result<&'static Key, SettingsError> {
    keys::find(name).ok_or_else(|| SettingsError::UnknownKey(name.to_owned()))
}

fn invalid(key: &Key, value: &str, reason: String) -> SettingsError {
    SettingsError::Invalid { key: key.name, value: value.to_owned(), reason, example: key.example }
}
