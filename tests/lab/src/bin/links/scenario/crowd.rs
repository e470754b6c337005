//! A node gives to 50 others at once: how much memory it takes.
//!
//! They are real nodes, all at the near end of one fast line, and fetch one large file. The peak is the kernel's, of the
//! giving process alone, from the moment when they begin.

use std::time::Duration;

use anyhow::Context as _;
use kapok_lab::content::Content;
use kapok_lab::lab::{Family, Lab};
use kapok_lab::link::{Direction, Link, Way};
use kapok_lab::packet::UDP;
use kapok_lab::record::Sums;
use serde_json::json;

use crate::figure::{Goal, Unit};
use crate::row::Report;
use crate::served::Served;
use crate::stop;

const PEERS: usize = 50;
const SHORT_PEERS: usize = 8;
/// More than each gets while this goes on.
const CONTENT: Content = Content::Equal { files: 1, bytes_each: 60_000_000 };
const SPAN: Duration = Duration::from_secs(40);
const MOST_MB: f64 = 150.0;

/// 100 Mbit/s over 40 ms and losses: windows stand open, and what was sent is kept until it is acknowledged.
fn line() -> Link {
    Link::symmetric(&Direction {
        rate_bps: 100_000_000,
        delay_ms: 20.0,
        jitter_ms: 0.0,
        loss: 0.005,
        burst: 0.0,
        queue_ms: 300.0,
        outages: None,
    })
}

pub(super) fn run(seed: u64, short: bool, report: &mut Report) -> anyhow::Result<()> {
    let peers = if short { SHORT_PEERS } else { PEERS };
    report.title(&format!("crowd: a node gives {} bytes to {peers} peers at once, over 100 Mbit/s", CONTENT.bytes()));
    let link = line();
    let mut lab = Lab::new(&link.on_a_good_day(), seed).context("no lab (this needs root, unshare, ip and TUN)")?;
    let Lab { wire, near, far, .. } = &mut lab;
    let mut giver = Served::init(far, Family::V4, "city", "攀枝花市电教馆", report.path("crowd-far.log"))?;
    giver.start()?;
    let mut takers = Vec::new();
    for number in 0..peers {
        let name = format!("第{}县电教馆", number + 1);
        let log = report.path(&format!("crowd-near-{number}.log"));
        let mut taker = Served::init(near, Family::V4, "county", &name, log)?;
        taker.start()?;
        taker.join(&giver, "county")?;
        taker.command(&["subscribe", "--all"])?;
        taker.stop()?;
        takers.push(taker);
        stop::check()?;
    }
    let folder = tempfile::tempdir()?;
    CONTENT.write(folder.path(), seed)?;
    giver.add(folder.path())?;
    let pid = giver.pid().context("the giving node does not run")?;
    let idle_mb = memory_mb(pid, "VmRSS");
    // The peak counts from here on (proc(5), clear_refs).
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
    wire.become_link(&link, seed);
    for taker in &mut takers {
        taker.start()?;
    }
    stop::pause(SPAN)?;
    let connected = giver.command(&["status"])?["peers_connected"].as_u64().unwrap_or(0);
    let (peak_mb, now_mb) = (memory_mb(pid, "VmHWM"), memory_mb(pid, "VmRSS"));
    let log = wire.log(Way::Down);
    let whom: Vec<u16> = takers.iter().map(Served::port).collect();
    let port = giver.port();
    let mine: Sums = log.sums(Duration::ZERO, Duration::MAX, |flow| flow.is_of(UDP, port));
    let fed = whom.iter().filter(|to| {
        let got = log.sums(Duration::ZERO, Duration::MAX, |flow| flow.is_of(UDP, **to)).delivered_bytes;
        got > 500_000
    });
    let fed = fed.count();
    report.say(&format!(
        "{connected} connected, {fed} were given more than 0.5 MB each, {:.0} MB in all; memory {idle_mb:.1} MB before, {peak_mb:.1} MB at the peak, {now_mb:.1} MB now",
        mine.delivered_bytes as f64 / 1e6
    ));
    report.figure("crowd", "peers that were given to", fed as f64 / peers as f64, Unit::Part, Goal::AtLeast(1.0));
    report.figure("crowd", "memory before", idle_mb, Unit::Megabytes, Goal::Free);
    report.figure("crowd", "memory, peak", peak_mb, Unit::Megabytes, Goal::AtMost(MOST_MB));
    report.line(&json!({
        "kind": "crowd", "seed": seed, "peers": peers, "fed": fed, "delivered": mine.delivered_bytes,
        "idle_mb": idle_mb, "peak_mb": peak_mb,
    }))
}

/// A line of `/proc/PID/status`.
fn memory_mb(pid: u32, field: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) * 1024.0 / 1e6
}
