//! Where a command was called: which node it means, and how it answers.

use std::env;
use std::io::{self, IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use super::args::Global;
use super::fail::Failed;

/// Where the packages and the systemd unit keep a machine's node.
const SYSTEM_HOME: &str = "/var/lib/kapok";

/// The surroundings of one command.
#[derive(Clone, Debug)]
pub(super) struct Shell {
    home: Option<PathBuf>,
    json: bool,
    verbose: u8,
}

impl Shell {
    pub(super) fn new(global: Global) -> Self {
        Self { home: global.home, json: global.json, verbose: global.verbose }
    }

    /// The node's data folder, absolute.
    pub(super) fn home(&self) -> anyhow::Result<PathBuf> {
        let home = match &self.home {
            Some(home) if !home.as_os_str().is_empty() => home.clone(),
            _ => default_home()?,
        };
        std::path::absolute(&home).with_context(|| format!("cannot find the folder {}", home.display()))
    }

    pub(super) fn json(&self) -> bool {
        self.json
    }

    pub(super) fn verbose(&self) -> u8 {
        self.verbose
    }

    /// Whether a person sees bars.
    pub(super) fn has_bars(&self) -> bool {
        !self.json && io::stderr().is_terminal()
    }

    /// Prints the document with `--json`, else what `people` writes.
    pub(super) fn answer<T: Serialize>(&self, document: &T, people: impl FnOnce(&mut String)) -> anyhow::Result<()> {
        let mut text = String::new();
        if self.json {
            text = serde_json::to_string(document).context("cannot write the answer as JSON")?;
            text.push('\n');
        } else {
            people(&mut text);
        }
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        Ok(out.flush()?)
    }
}

fn default_home() -> anyhow::Result<PathBuf> {
    if Path::new(SYSTEM_HOME).is_dir() {
        return Ok(SYSTEM_HOME.into());
    }
    let folder = |name: &str| env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
    folder("XDG_DATA_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/share")))
        .or_else(|| folder("LOCALAPPDATA"))
        .map(|folder| folder.join("kapok"))
        .ok_or_else(|| Failed::new("cannot tell where the node is", "say it with --home DIR").into())
}
