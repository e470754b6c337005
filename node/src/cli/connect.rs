//! Finds the node that a command is for: the daemon that runs on the home, or one in this process for as long as the
//! command takes.
//!
//! A daemon leaves its address in `run/http` and its token in `run/token`, which only the owner of the home can read.
//! After a crash both are stale; the lock of the home says who is right.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use kapok_store::home::{HomeError, Paths, Purpose};
use tokio::runtime::{Builder, Runtime};

use super::client::{Answers, Client, ClientError};
use super::fail::Failed;
use super::shell::Shell;
use super::{logging, signals};
use crate::node::{self, Running, StartOptions};

/// A daemon that starts, or that is being stopped, is through with it much sooner.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);
/// What may still run when the node has stopped is a thread that waits for an answer.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why the node that runs cannot be asked.
#[derive(Debug, thiserror::Error)]
enum ConnectError {
    #[error("cannot read {}: {source}\n  only the owner of the node's folder may: use that account", .path.display())]
    NotOurs { path: PathBuf, source: io::Error },
    #[error("cannot read {}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "the node runs, but what it left in {} for commands (http, token) is damaged\n  \
         stop it and start it again, which makes both files anew: kapok serve", .0.display()
    )]
    Damaged(PathBuf),
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Does the work with the node of the shell's home.
pub(super) fn with_node(
    shell: Shell,
    work: impl FnOnce(&Shell, &Client) -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<()> {
    let home = shell.home()?;
    if let Some(client) = daemon(&home)? {
        return work(&shell, &client);
    }
    logging::start("error", shell.verbose());
    let runtime = runtime()?;
    let done = runtime.block_on(in_process(&home, shell, work));
    runtime.shutdown_timeout(FAREWELL);
    done
}

/// The daemon that runs on this home, if one does.
pub(super) fn daemon(home: &Path) -> anyhow::Result<Option<Client>> {
    Ok(find(home)?)
}

pub(super) fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_multi_thread().enable_all().build().context("cannot start threads")
}

/// What the files in `run/` lead to.
enum Seen {
    Daemon(Client),
    Nobody,
    /// To nothing that could ever be right: damaged, or left by a crash.
    Nonsense,
}

fn find(home: &Path) -> Result<Option<Client>, ConnectError> {
    Ok(match look(home)? {
        Seen::Daemon(client) => Some(client),
        Seen::Nobody | Seen::Nonsense => None,
    })
}

fn look(home: &Path) -> Result<Seen, ConnectError> {
    let run = Paths::new(home).run();
    let (address, token) = match (run_file(&run.join("http"))?, run_file(&run.join("token"))?) {
        (Some(address), Some(token)) => (address, token),
        (None, None) => return Ok(Seen::Nobody),
        _ => return Ok(Seen::Nonsense),
    };
    let is_token = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let is_address = address.strip_prefix("http://").is_some_and(|address| address.parse::<SocketAddr>().is_ok());
    if !is_token || !is_address {
        return Ok(Seen::Nonsense);
    }
    let client = Client::new(&address, &token);
    Ok(match client.probe()? {
        Answers::Node => Seen::Daemon(client),
        Answers::WithOtherToken => Seen::Nonsense,
        Answers::Nobody => Seen::Nobody,
    })
}

fn run_file(path: &Path) -> Result<Option<String>, ConnectError> {
    let path = path.to_path_buf();
    match std::fs::read(&path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).trim().to_owned())),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
            io::ErrorKind::PermissionDenied => Err(ConnectError::NotOurs { path, source: error }),
            _ => Err(ConnectError::Io { path, source: error }),
        },
    }
}

/// Whether the files in `run/` are of the process that has the folder: it writes them after its lock. Older ones are
/// those of a crash, and the process is still on its way up.
fn are_of_the_holder(home: &Path) -> bool {
    let paths = Paths::new(home);
    let written = |path: PathBuf| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let newest = ["http", "token"].into_iter().filter_map(|name| written(paths.run().join(name))).max();
    matches!((written(paths.lock()), newest), (Some(locked), Some(newest)) if newest >= locked)
}

/// A node for one command, or the daemon that came up in the meantime.
enum Found {
    Own(Box<Running>),
    Daemon(Client),
}

async fn in_process(
    home: &Path,
    shell: Shell,
    work: impl FnOnce(&Shell, &Client) -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<()> {
    let found = tokio::select! {
        found = start(home) => found?,
        () = signals::stop() => return Err(interrupted()),
    };
    let (client, running) = match found {
        Found::Own(running) => (Client::new(&running.http, &running.token), Some(running)),
        Found::Daemon(client) => (client, None),
    };
    let mut task = tokio::task::spawn_blocking(move || work(&shell, &client));
    let done = tokio::select! {
        done = &mut task => Some(done),
        () = signals::stop() => None,
    };
    if let Some(running) = running {
        running.stop().await;
    }
    let Some(done) = done else {
        // A node that stops ends what it has begun, so the answer may have come yet.
        return match tokio::time::timeout(FAREWELL, task).await {
            Ok(Ok(Ok(()))) => Ok(()),
            _ => Err(interrupted()),
        };
    };
    done.context("a fault of this command").and_then(|done| done)
}

fn interrupted() -> anyhow::Error {
    Failed::new("stopped before it was done", "what was finished by then stays; see what is missing, and repeat that")
        .into()
}

async fn start(home: &Path) -> anyhow::Result<Found> {
    let begun = Instant::now();
    let mut made_no_sense = false;
    loop {
        let http = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let options = StartOptions { http: Some(vec![http]), listen: Vec::new(), ephemeral: true };
        let error = match node::start(home, options).await {
            Ok(running) => return Ok(Found::Own(Box::new(running))),
            Err(error) => error,
        };
        if !is_held_by_daemon(&error) {
            return Err(error);
        }
        if begun.elapsed() > PATIENCE {
            return Err(error.context(format!("the node did not answer within {} s", PATIENCE.as_secs())));
        }
        tokio::time::sleep(PAUSE).await;
        let makes_no_sense = match look(home)? {
            Seen::Daemon(client) => return Ok(Found::Daemon(client)),
            Seen::Nobody => false,
            Seen::Nonsense => are_of_the_holder(home),
        };
        // Once can be a daemon that writes or removes them at this moment.
        if makes_no_sense && made_no_sense {
            return Err(ConnectError::Damaged(Paths::new(home).run()).into());
        }
        made_no_sense = makes_no_sense;
    }
}

/// Whether a daemon has the folder: one that does not answer yet, or not any more.
fn is_held_by_daemon(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(HomeError::InUse { purpose: Purpose::Serve, .. }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn home_with(address: &str, token: &str) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let run = Paths::new(home.path()).run();
        std::fs::create_dir_all(&run).unwrap();
        std::fs::write(run.join("http"), address).unwrap();
        std::fs::write(run.join("token"), token).unwrap();
        home
    }

    #[test]
    fn what_a_crash_left_behind_is_no_daemon() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        for (address, token) in [
            (format!("http://127.0.0.1:{port}\n"), "token"),
            ("ftp://127.0.0.1".into(), "token"),
            (String::new(), "token"),
            ("http://127.0.0.1:1".into(), "to\nken"),
            ("http://127.0.0.1:1".into(), ""),
        ] {
            assert!(find(home_with(&address, token).path()).unwrap().is_none(), "{address}");
        }
    }

    #[test]
    fn a_folder_without_a_node_has_no_daemon() {
        assert!(find(Path::new("/nowhere/at/all")).unwrap().is_none());
    }
}
