//! Others over the same lines: a plain libp2p QUIC stream, and rsync over TCP.

use std::io::{BufRead as _, BufReader};
use std::net::IpAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use kapok_lab::lab::{End, Lab};
use kapok_lab::packet::{TCP, UDP};
use kapok_lab::profile::Profile;

use crate::row::{Logs, Report};
use crate::stop;
use crate::traffic::{self, Pinger};

const LIBP2P_PORT: u16 = 4001;
const RSYNC_PORT: u16 = 873;

/// A process that is ended with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn start(end: &End, command: &mut Command) -> anyhow::Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = end.namespace.enter(|| command.spawn())?;
        Ok(Self(child.with_context(|| format!("{:?} cannot be started", command.get_program()))?))
    }

    fn first_line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        let output = self.0.stdout.as_mut().context("its output is taken")?;
        BufReader::new(output).read_line(&mut line)?;
        Ok(line.trim().to_owned())
    }

    /// Waits for its end.
    fn finish(&mut self, at_most: Duration) -> anyhow::Result<()> {
        let child = &mut self.0;
        let Some(status) = stop::wait_for(at_most, || child.try_wait().ok().flatten())? else { bail!("did not end") };
        if status.success() {
            return Ok(());
        }
        let mut reason = String::new();
        if let Some(errors) = child.stderr.take() {
            let _ = std::io::Read::read_to_string(&mut BufReader::new(errors), &mut reason);
        }
        bail!("failed: {}", reason.trim())
    }
}

/// The example `libp2p-stream` of this crate: dialling included, one stream.
pub(crate) fn libp2p(profile: &Profile, seed: u64, report: &mut Report) -> anyhow::Result<()> {
    let program = std::env::current_exe()?.with_file_name("examples").join("libp2p-stream");
    if !program.exists() {
        report.say("libp2p: not measured, its example is not built (cargo build --package kapok-lab --examples)");
        return Ok(());
    }
    let mut lab = crate::lab(profile, seed)?;
    let Lab { wire, near, far, .. } = &mut lab;
    let address = match far.address(profile.family) {
        IpAddr::V4(address) => format!("/ip4/{address}/udp/{LIBP2P_PORT}/quic-v1"),
        IpAddr::V6(address) => format!("/ip6/{address}/udp/{LIBP2P_PORT}/quic-v1"),
    };
    let bytes = profile.content.bytes().to_string();
    let mut giver = Process::start(far, Command::new(&program).args(["give", &address, &bytes]))?;
    let id = giver.first_line()?;
    let idle = Pinger::idle(near, far, profile.family)?;
    let pinger = Pinger::start(near, far, profile.family)?;
    let epoch = wire.become_link(&profile.link, seed);
    let asked = Instant::now();
    let mut taker =
        Process::start(near, Command::new(&program).args(["take", &format!("{address}/p2p/{id}"), &bytes]))?;
    let outcome = taker.finish(crate::patience(profile));
    let ended = Instant::now();
    stop::check()?;
    let pings = pinger.finish();
    let logs = Logs::of(wire);
    let mut measured = logs.read(wire.link(), asked - epoch, ended - epoch, |flow| flow.is_of(UDP, LIBP2P_PORT));
    match outcome {
        Ok(()) => measured.content_bytes = profile.content.bytes(),
        Err(reason) => report.say(&format!("libp2p: {reason:#}")),
    }
    measured.pings(&idle, &pings);
    report.row(profile, "libp2p QUIC", seed, &measured)?;
    report.trace(&format!("{}-libp2p", profile.name), &logs)
}

/// `rsync -rW` from a daemon, under each of the congestion controls that people have.
pub(crate) fn rsync(profile: &Profile, seed: u64, report: &mut Report) -> anyhow::Result<()> {
    if Command::new("rsync").arg("--version").output().is_err() {
        report.say("rsync: not measured, it is not installed (apt-get install rsync)");
        return Ok(());
    }
    for control in ["cubic", "bbr"] {
        if traffic::has_control(control) {
            rsync_under(control, profile, seed, report)?;
        } else {
            report.say(&format!("rsync over TCP {control}: not measured, this kernel does not have it"));
        }
    }
    Ok(())
}

fn rsync_under(control: &str, profile: &Profile, seed: u64, report: &mut Report) -> anyhow::Result<()> {
    let mut lab = crate::lab(profile, seed)?;
    let Lab { wire, near, far, .. } = &mut lab;
    let folder = tempfile::tempdir()?;
    let (source, target) = (folder.path().join("source"), folder.path().join("target"));
    profile.content.write(&source, seed)?;
    let config = folder.path().join("rsyncd.conf");
    std::fs::write(&config, format!("use chroot = no\n[files]\npath = {}\nread only = yes\n", source.display()))?;
    far.set_congestion_control(control)?;
    let address = far.address(profile.family);
    let mut daemon = Command::new("rsync");
    daemon.args(["--daemon", "--no-detach", "--address", &address.to_string()]);
    let _daemon = Process::start(far, daemon.arg("--config").arg(&config))?;
    let listens = stop::wait_for(Duration::from_secs(10), || listens(far, RSYNC_PORT).then_some(()))?;
    listens.context("the rsync daemon does not listen")?;
    let idle = Pinger::idle(near, far, profile.family)?;
    let pinger = Pinger::start(near, far, profile.family)?;
    let epoch = wire.become_link(&profile.link, seed);
    let asked = Instant::now();
    let url = match address {
        IpAddr::V4(address) => format!("rsync://{address}/files/"),
        IpAddr::V6(address) => format!("rsync://[{address}]/files/"),
    };
    let mut taker = Process::start(near, Command::new("rsync").args(["-rW", &url]).arg(&target))?;
    let outcome = taker.finish(crate::patience(profile));
    let ended = Instant::now();
    stop::check()?;
    let pings = pinger.finish();
    let logs = Logs::of(wire);
    let mut measured = logs.read(wire.link(), asked - epoch, ended - epoch, |flow| flow.is_of(TCP, RSYNC_PORT));
    measured.content_bytes = same_bytes(&source, &target);
    if let Err(reason) = outcome {
        report.say(&format!("rsync: {reason:#}"));
    }
    measured.pings(&idle, &pings);
    report.row(profile, &format!("rsync, TCP {control}"), seed, &measured)?;
    report.trace(&format!("{}-rsync-{control}", profile.name), &logs)
}

/// Whether somebody in that namespace listens on the port: the kernel's table of sockets, state 0A.
fn listens(end: &End, port: u16) -> bool {
    let tables = end.namespace.enter(|| {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/thread-self/net/{name}")).unwrap_or_default();
        read("tcp") + &read("tcp6")
    });
    let wanted = format!(":{port:04X}");
    tables.unwrap_or_default().lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(1).is_some_and(|local| local.ends_with(&wanted)) && fields.get(3) == Some(&"0A")
    })
}

/// Bytes of the files that are the same in both folders.
fn same_bytes(source: &Path, target: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(source) else { return 0 };
    let same = |entry: std::fs::DirEntry| {
        let content = std::fs::read(entry.path()).ok()?;
        let copy = std::fs::read(target.join(entry.file_name())).ok()?;
        (content == copy).then_some(content.len() as u64)
    };
    entries.flatten().filter_map(same).sum()
}
