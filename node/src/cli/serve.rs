//! `kapok serve`: runs the node until it is told to stop.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::process;

use clap::Args;
use kapok_store::home::Paths;
use serde::Serialize;

use super::connect::runtime;
use super::fail::Failed;
use super::shell::Shell;
use super::{logging, signals};
use crate::node::{self, StartOptions};
use crate::settings::Settings;

/// Run the node until Ctrl-C or SIGTERM
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kapok serve
  kapok --home /srv/kapok serve --http 0.0.0.0:8420

The first line on standard output says, as JSON, where it listens. The log is on standard error; RUST_LOG, -v and the
setting “log” say how much.")]
pub(super) struct ServeArgs {
    /// Where pages and API listen this time, instead of the setting http.addresses; may be repeated
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    http: Vec<SocketAddr>,
    /// Where other nodes reach it this time, instead of the setting net.listen; may be repeated
    #[arg(long, value_name = "MULTIADDR", value_delimiter = ',')]
    listen: Vec<String>,
}

/// The first line, once the node listens.
#[derive(Serialize)]
struct Ready {
    event: &'static str,
    node: String,
    http: String,
    listen: Vec<String>,
}

pub(super) fn run(shell: &Shell, args: ServeArgs) -> anyhow::Result<()> {
    let home = shell.home()?;
    let settings = Settings::load(&Paths::new(&home).config())?;
    logging::start(&settings.log_filter(), shell.verbose());
    for name in settings.unknown_names() {
        tracing::warn!(name, "kapok.toml has a setting that this version does not know; it is kept and does nothing");
    }
    let http = (!args.http.is_empty()).then_some(args.http);
    let options = StartOptions { http, listen: args.listen, ephemeral: false };
    runtime()?.block_on(async {
        let mut running = tokio::select! {
            running = node::start(&home, options) => running?,
            () = signals::stop() => return Ok(()),
        };
        let ready = Ready {
            event: "ready",
            node: running.node.to_string(),
            http: running.http.clone(),
            listen: running.listen.clone(),
        };
        announce(&ready)?;
        let was_asked = tokio::select! {
            () = signals::stop() => true,
            () = running.wait() => false,
        };
        tracing::info!("stopping");
        tokio::select! {
            () = running.stop() => {}
            () = signals::stop() => {
                tracing::warn!("asked twice; stopped at once, which a node survives");
                process::exit(1);
            }
        }
        if was_asked {
            return Ok(());
        }
        Err(Failed::new("the node stopped by itself", "its last lines on standard error say why").into())
    })
}

/// Whoever started the node may have closed its standard output: then nobody waits for the line.
fn announce(ready: &Ready) -> anyhow::Result<()> {
    let line = serde_json::to_string(ready)?;
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    Ok(())
}
