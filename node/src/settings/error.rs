//! Why settings cannot be read, changed or kept.

use std::io;
use std::path::PathBuf;

use kapok_store::home::remedy;

/// What is wrong with `kapok.toml` or with a value.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    #[error("cannot read the settings in {}: {source}\n  {}", .path.display(), remedy(.source))]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot keep the settings in {}: {source}; nothing was changed\n  {}", .path.display(), remedy(.source))]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot read the settings: {}, line {line}: {reason}\n  mend that line, or take it out", .path.display())]
    NotToml { path: PathBuf, line: usize, reason: String },
    #[error("“{}” is not a setting\n  see all of them: kapok config list", short(.0))]
    UnknownKey(String),
    #[error("{key} cannot be “{}”: {reason}\n  for example: kapok config set {key} \"{example}\"", short(.value))]
    Invalid { key: &'static str, value: String, reason: String, example: &'static str },
    #[error("cannot set {key}: “{part}” in kapok.toml is not a table\n  take it out of the file")]
    NotATable { key: &'static str, part: &'static str },
}

/// Values are shown, not their whole length.
fn short(text: &str) -> String {
    let mut shown: String = text.chars().filter(|c| !c.is_control()).take(80).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}
