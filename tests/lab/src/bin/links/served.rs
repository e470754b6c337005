//! A real node at one end of a line.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use kapok_lab::lab::{End, Family};
use kapok_tests::{Node, kapok};
use serde_json::Value;

use crate::stop;

/// A release build comes up in well under a second; a debug build on a busy machine within this.
const START: Duration = Duration::from_secs(60);
/// What the nodes write down, so that a trace can be explained.
const LOG: &str = "info,kapok=debug,kapok_net=debug,kapok::path=trace";

/// A node in a namespace. Its process and folder are gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Served<'a> {
    end: &'a End,
    node: Node,
    log: PathBuf,
    process: Option<Child>,
}

impl<'a> Served<'a> {
    /// `kapok init`, listening on the end's address alone.
    pub(crate) fn init(end: &'a End, family: Family, tier: &str, name: &str, log: PathBuf) -> anyhow::Result<Self> {
        let node = end.namespace.enter(|| Node::init(tier, name))?;
        let served = Self { end, node, log, process: None };
        let address = match end.address(family) {
            IpAddr::V4(address) => format!("/ip4/{address}"),
            IpAddr::V6(address) => format!("/ip6/{address}"),
        };
        let listen = format!("{address}/udp/{}/quic-v1", served.port());
        served.command(&["config", "set", "net.listen", &listen])?;
        served.command(&["config", "set", "log", LOG])?;
        Ok(served)
    }

    /// The UDP port at which other nodes reach it.
    pub(crate) fn port(&self) -> u16 {
        self.node.peer_port()
    }

    /// Its log, with the points of its controller's curve.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// Files and addresses as the tests know them.
    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// Something that is done where it runs, such as a request to its pages.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> T + Send) -> anyhow::Result<T> {
        Ok(self.end.namespace.enter(work)?)
    }

    /// Its process, while it runs.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.node.home()
    }

    /// Where a file of this hash will lie.
    pub(crate) fn blob_path(&self, blob: &str) -> PathBuf {
        self.node.blob_path(blob)
    }

    /// `kapok serve`, until its ready line.
    pub(crate) fn start(&mut self) -> anyhow::Result<()> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let home = self.home();
        let mut child = self.end.namespace.enter(|| {
            let mut command = Command::new(kapok());
            command.arg("--home").arg(home).arg("serve");
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::from(log)).spawn()
        })??;
        let output = child.stdout.take();
        self.process = Some(child);
        let (sender, ready) = mpsc::channel();
        std::thread::spawn(move || {
            // Read to the end, so that a node that prints more never waits for its reader.
            for line in BufReader::new(output?).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
            Some(())
        });
        if ready.recv_timeout(START).is_err() {
            bail!("{} did not come up; its log is {}", self.node.name, self.log.display());
        }
        Ok(())
    }

    /// Ends the process in order, as Ctrl-C would.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut child) = self.process.take() else { return Ok(()) };
        interrupt(&child);
        let ended = stop::wait_for(START, || child.try_wait().ok().flatten());
        if !matches!(ended, Ok(Some(_))) {
            let _ = child.kill();
            let _ = child.wait();
        }
        ended.map(|_| ())
    }

    /// A command with `--json`, to its end; its document.
    pub(crate) fn command(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let child = self.begin(arguments)?;
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("kapok {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        serde_json::from_slice(&output.stdout).with_context(|| format!("kapok {}", arguments.join(" ")))
    }

    /// A command with `--json`, begun.
    pub(crate) fn begin(&self, arguments: &[&str]) -> anyhow::Result<Child> {
        let home = self.home();
        let child = self.end.namespace.enter(|| {
            let mut command = Command::new(kapok());
            command.arg("--home").arg(home).arg("--json").args(arguments);
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
        })??;
        Ok(child)
    }

    /// Becomes a child of `parent`, over the line.
    pub(crate) fn join(&self, parent: &Self, tier: &str) -> anyhow::Result<()> {
        let invitation = parent.command(&["invite", "--tier", tier, "--name", &self.node.name])?;
        let code = invitation["code"].as_str().context("the invitation has no code")?;
        self.command(&["join", code])?;
        Ok(())
    }

    /// Adds all files of a folder; the hashes of the blobs.
    pub(crate) fn add(&self, folder: &Path) -> anyhow::Result<Vec<String>> {
        Ok(blobs(&self.add_as(folder, &[])?))
    }

    /// Adds a file or all files of a folder; what the command told.
    pub(crate) fn add_as(&self, path: &Path, more: &[&str]) -> anyhow::Result<Value> {
        let path = path.to_str().context("the path is no text")?;
        let added = self.command(&[&["add", path, "--license", "CC0-1.0", "--visibility", "public"], more].concat())?;
        if blobs(&added).is_empty() {
            bail!("nothing was added: {added}");
        }
        Ok(added)
    }
}

impl Drop for Served<'_> {
    fn drop(&mut self) {
        if let Some(child) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A city at the far end and its county at the near one, which has joined it; both run.
pub(crate) fn pair<'a>(
    far: &'a End,
    near: &'a End,
    family: Family,
    log: impl Fn(&str) -> PathBuf,
) -> anyhow::Result<(Served<'a>, Served<'a>)> {
    let mut giver = Served::init(far, family, "city", "攀枝花市电教馆", log("far"))?;
    let mut taker = Served::init(near, family, "county", "盐边县电教馆", log("near"))?;
    giver.start()?;
    taker.start()?;
    taker.join(&giver, "county")?;
    Ok((giver, taker))
}

/// The hashes of what was added.
pub(crate) fn blobs(added: &Value) -> Vec<String> {
    let resources = added["resources"].as_array().into_iter().flatten();
    let files = resources.filter_map(|resource| resource["files"].as_array()).flatten();
    files.filter_map(|file| file["blob"].as_str().map(str::to_owned)).collect()
}

fn interrupt(child: &Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // An error means that it has ended already.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
    }
}
