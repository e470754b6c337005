//! `kapok config`: the node's settings. Where no daemon runs, the file is changed itself, so that a setting that keeps
//! the node from starting can be mended.

use std::path::Path;
use std::sync::Arc;

use clap::{Args, Subcommand};
use kapok_http::port::{Setting, SettingValue, Settings as List};
use kapok_store::fs::{RealFs, SharedFs};
use kapok_store::home::{Home, Paths, Purpose};

use super::client::{Client, encoded};
use super::connect::daemon;
use super::print::{line, one_line};
use super::shell::Shell;
use crate::settings::Settings;

/// Read and change settings
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kapok config list
  kapok config get sync.window
  kapok config set sync.window 22:00-06:00
  kapok config set sync.window \"\"        back to the default")]
pub(super) struct ConfigArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show all settings, each with its meaning
    List,
    /// Show one
    Get {
        /// Its name, as kapok config list shows it
        key: String,
    },
    /// Change one; an empty value brings the default back
    Set {
        /// Its name, as kapok config list shows it
        key: String,
        /// The new value
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
}

pub(super) fn run(shell: &Shell, args: ConfigArgs) -> anyhow::Result<()> {
    let home = shell.home()?;
    match daemon(&home)? {
        Some(client) => with_daemon(shell, &client, args.action),
        None => with_file(shell, &home, args.action),
    }
}

fn with_daemon(shell: &Shell, client: &Client, action: Action) -> anyhow::Result<()> {
    let path = |key: &str| format!("/api/v1/config/{}", encoded(key.trim()));
    match action {
        Action::List => show_all(shell, &client.get("/api/v1/config")?),
        Action::Get { key } => show(shell, &client.get(&path(&key))?),
        Action::Set { key, value } => show(shell, &client.put(&path(&key), &SettingValue { value })?),
    }
}

fn with_file(shell: &Shell, home: &Path, action: Action) -> anyhow::Result<()> {
    let file = Paths::new(home).config();
    let Action::Set { key, value } = action else {
        Home::check(&RealFs, home)?;
        let settings = Settings::load(&file)?;
        return match action {
            Action::Get { key } => show(shell, &settings.get(key.trim())?),
            _ => show_all(shell, &List { settings: settings.all() }),
        };
    };
    // The lock keeps a node from starting on a file that changes under it.
    let fs: SharedFs = Arc::new(RealFs);
    let _locked = Home::open_to(Purpose::Command, fs, home)?;
    show(shell, &Settings::mend(&file, key.trim(), &value)?)
}

fn show_all(shell: &Shell, list: &List) -> anyhow::Result<()> {
    shell.answer(list, |out| list.settings.iter().for_each(|setting| write(out, setting)))
}

fn show(shell: &Shell, setting: &Setting) -> anyhow::Result<()> {
    shell.answer(setting, |out| write(out, setting))
}

fn write(out: &mut String, setting: &Setting) {
    let default = if setting.default.is_empty() { "空" } else { &setting.default };
    if setting.value.is_empty() {
        line!(out, "{} = {}（默认）", setting.key, one_line(default));
    } else {
        line!(out, "{} = {}（默认：{}）", setting.key, one_line(&setting.value), one_line(default));
    }
    line!(out, "    {}", one_line(&setting.meaning));
}
