//! The index's own page: which format and analyser made it, and how far it has come.
//!
//! It is written after the commits of all sets that a batch touched, so its cursor never runs ahead of what the sets
//! hold. After a crash in between, the caller applies some changes a second time, which changes nothing.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::OpenError;
use crate::analyse::ANALYSER_VERSION;

/// The version of the schema and of this page.
const FORMAT_VERSION: u32 = 1;
const FILE: &str = "state.json";
const FRESH_FILE: &str = "state.json.new";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    format: u32,
    analyser: u32,
    pub(super) cursor: Option<Vec<u8>>,
}

impl State {
    pub(super) fn at(cursor: Option<Vec<u8>>) -> Self {
        State { format: FORMAT_VERSION, analyser: ANALYSER_VERSION, cursor }
    }

    /// The state of the index in `dir`, or `None` where there is none yet.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, OpenError> {
        let bytes = match fs::read(dir.join(FILE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(OpenError::Io(error)),
        };
        let state: State =
            serde_json::from_slice(&bytes).map_err(|error| OpenError::Damaged(format!("{FILE}: {error}")))?;
        if (state.format, state.analyser) != (FORMAT_VERSION, ANALYSER_VERSION) {
            return Err(OpenError::OtherVersion {
                found: format!("{}.{}", state.format, state.analyser),
                wanted: format!("{FORMAT_VERSION}.{ANALYSER_VERSION}"),
            });
        }
        Ok(Some(state))
    }

    /// Replaces the page on disk; when this returns, the new one survives a power cut.
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let fresh = dir.join(FRESH_FILE);
        let mut file = File::create(&fresh)?;
        file.write_all(&serde_json::to_vec(self).map_err(io::Error::other)?)?;
        file.sync_all()?;
        fs::rename(fresh, dir.join(FILE))?;
        sync_dir(dir)
    }
}

/// Makes renames and new folders in `dir` durable.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    // Windows has no such thing as syncing a folder.
    if cfg!(unix) { File::open(dir)?.sync_all() } else { Ok(()) }
}
