//! Two nodes: one has the files, the other fetches them.
//!
//! The near node has joined and subscribed before, and does not run while the files are added. So what is measured begins
//! with dialling, as LINKS' figures do: from the `sync` command (or the first packet, if that is earlier) until the last
//! file lies there whole. `again` measures a second set after that, when the far node knows the line.

use std::process::Child;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use kapok_lab::lab::Lab;
use kapok_lab::packet::UDP;
use kapok_lab::profile::Profile;

use crate::curve::Trace;
use crate::figure::{Goal, Unit};
use crate::row::{AGAIN, Logs, Report};
use crate::served::{self, Served};
use crate::stop;
use crate::traffic::Pinger;

/// Seeds of a second set lie this far from those of the first.
const SECOND_SEED: u64 = 1_000;
/// Entries, piece lists and frames of a set of files are under this part of it; a piece that was fetched twice is more.
const MOST_BEYOND: f64 = 0.005;
/// How long the command may go on after the last file.
const SYNC_PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run(profile: &Profile, seed: u64, report: &mut Report) -> anyhow::Result<()> {
    let mut lab = crate::lab(profile, seed)?;
    // The nodes borrow an end each while the line between them is changed.
    let Lab { wire, near, far, .. } = &mut lab;
    let idle = Pinger::idle(near, far, profile.family)?;
    let log = |end: &str| report.path(&format!("{}-kapok-{end}.log", profile.name));
    let (giver, mut taker) = served::pair(far, near, profile.family, log)?;
    taker.command(&["subscribe", "--all"])?;
    for round in 0..if profile.again { 2 } else { 1 } {
        taker.stop()?;
        let seed = seed + SECOND_SEED * round;
        let folder = tempfile::tempdir()?;
        profile.content.write(folder.path(), seed)?;
        let blobs = giver.add(folder.path())?;
        let pinger = Pinger::start(near, far, profile.family)?;
        let trace = Trace::begin(giver.log());
        let epoch = wire.become_link(&profile.link, seed);
        taker.start()?;
        let asked = Instant::now();
        let sync = Sync::begin(&taker)?;
        let is_whole = arrive(&taker, &blobs, crate::patience(profile))?;
        let ended = Instant::now();
        let pings = pinger.finish();
        let log = Logs::of(wire);
        let port = giver.port();
        let mut measured = log.read(wire.link(), asked - epoch, ended - epoch, |flow| flow.is_of(UDP, port));
        measured.content_bytes = verified_bytes(&taker, &blobs);
        measured.pings(&idle, &pings);
        measured.note("started", serde_json::json!((asked - epoch).as_secs_f64()));
        let told = sync.end(asked);
        let fetched = fetched_bytes(&told, blobs.len());
        measured.note("sync", told);
        measured.note("complete", serde_json::json!(is_whole));
        let tool = if round == 0 { "kapok" } else { AGAIN };
        report.row(profile, tool, seed, &measured)?;
        if let Some(fetched) = fetched {
            let beyond = fetched as f64 / measured.content_bytes as f64 - 1.0;
            let goal = if profile.link.down.outages.is_some() { Goal::AtMost(MOST_BEYOND) } else { Goal::Free };
            report.figure(&format!("{}, {tool}", profile.name), "fetched beyond the files", beyond, Unit::Part, goal);
        }
        report.trace(&format!("{}-{tool}", profile.name), &log)?;
        let name = if round == 0 { profile.name.clone() } else { format!("{}-again", profile.name) };
        report.curve(&name, &trace)?;
    }
    Ok(())
}

/// What the node counts as fetched, entries included, if all files came in the round that it tells of.
fn fetched_bytes(told: &serde_json::Value, files: usize) -> Option<u64> {
    let peer = &told["told"]["peers"][0];
    (peer["blobs_in"].as_u64()? == files as u64).then(|| peer["bytes_in"].as_u64())?
}

/// Waits until all files are there; whether they are.
pub(crate) fn arrive(taker: &Served<'_>, blobs: &[String], at_most: Duration) -> anyhow::Result<bool> {
    let mut missing: Vec<_> = blobs.iter().map(|blob| taker.blob_path(blob)).collect();
    let all_there = stop::wait_for(at_most, || {
        while missing.last().is_some_and(|path| path.exists()) {
            missing.pop();
        }
        missing.is_empty().then_some(())
    })?;
    Ok(all_there.is_some())
}

/// Reads each file again; the bytes of those that are what their names say.
pub(crate) fn verified_bytes(taker: &Served<'_>, blobs: &[String]) -> u64 {
    let right = |blob: &String| {
        let content = std::fs::read(taker.blob_path(blob)).ok()?;
        (blake3::hash(&content).to_hex().as_str() == blob).then_some(content.len() as u64)
    };
    blobs.iter().filter_map(right).sum()
}

/// `kapok sync --now`, which may end before or after the last file is there.
pub(crate) struct Sync {
    pid: u32,
    ended: mpsc::Receiver<(Instant, String)>,
}

impl Sync {
    pub(crate) fn begin(taker: &Served<'_>) -> anyhow::Result<Self> {
        let child: Child = taker.begin(&["sync", "--now"])?;
        let (pid, (sender, ended)) = (child.id(), mpsc::channel());
        std::thread::spawn(move || {
            let told = child.wait_with_output().map(|output| {
                let told = if output.status.success() { output.stdout } else { output.stderr };
                String::from_utf8_lossy(&told).trim().to_owned()
            });
            let _ = sender.send((Instant::now(), told.unwrap_or_else(|error| error.to_string())));
        });
        Ok(Self { pid, ended })
    }

    /// What it said and when. It still makes the catalogue searchable when the last file has come.
    pub(crate) fn end(self, asked: Instant) -> serde_json::Value {
        let Ok((at, told)) = self.ended.recv_timeout(SYNC_PATIENCE) else {
            return serde_json::json!({"pid": self.pid, "told": "nothing yet"});
        };
        let told = serde_json::from_str(&told).unwrap_or(serde_json::Value::String(told));
        serde_json::json!({"seconds": (at - asked).as_secs_f64(), "told": told})
    }
}
