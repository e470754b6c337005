//! Two nodes that know 100,000 entries meet again: nothing has changed meanwhile, or 100 entries have.
//!
//! Measured from the moment when the handshake is over: when the caller's last packet of it (QUIC's long header) came to the
//! line. What follows is all that the nodes say: proofs of membership, identify, a ping, the session.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use kapok_lab::lab::{Family, Lab};
use kapok_lab::link::{Direction, Fate, Link};
use kapok_lab::packet::UDP;
use kapok_lab::record::Record;
use kapok_tests::{fill, fill_changed};
use serde_json::json;

use crate::figure::{Goal, Unit};
use crate::row::{Logs, Report};
use crate::served::Served;
use crate::stop;

const ENTRIES: usize = 100_000;
const SHORT_ENTRIES: usize = 5_000;
const CHANGED: usize = 100;
const UNCHANGED_BYTES: f64 = 1_000.0;
const UNCHANGED_RTTS: f64 = 1.0;
const CHANGED_BYTES: f64 = 48_000.0;
const CHANGED_RTTS: f64 = 3.0;
/// So long without a packet, and all has been said.
const SILENCE: Duration = Duration::from_secs(3);
/// All entries over the fast line, verified and indexed, by a debug build too.
const FIRST_SYNC: Duration = Duration::from_secs(300);
/// A session over the measured line is a matter of seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// Without the handshake nothing as small as this is said when nothing has changed, so larger packets only look how
/// large packets may be (RFC 8899).
const PROBE_BYTES: u32 = 1_250;
/// An acknowledgement alone is smaller.
const SAYING_BYTES: u32 = 90;

/// What went over the line when two nodes met.
#[derive(Debug, Default, serde::Serialize)]
struct Meeting {
    handshake_bytes: u64,
    /// After it, without the probes.
    bytes: u64,
    probe_bytes: u64,
    packets: u64,
    seconds: f64,
    /// The time from the end of the handshake to the last packet that says something.
    round_trips: f64,
    /// What the line needs for the bytes that came down, in round trips.
    of_bytes: f64,
}

/// rural2m's rate and round trip, on a day without losses and jitter: what is counted is what the nodes say.
fn line() -> Link {
    Link::symmetric(&Direction {
        rate_bps: 2_000_000,
        delay_ms: 40.0,
        jitter_ms: 0.0,
        loss: 0.0,
        burst: 0.0,
        queue_ms: 300.0,
        outages: None,
    })
}

/// On which all entries come the first time.
fn fast() -> Link {
    let way = Direction { rate_bps: 200_000_000, delay_ms: 1.0, queue_ms: 200.0, ..line().down };
    Link::symmetric(&way)
}

pub(super) fn unchanged(seed: u64, short: bool, report: &mut Report) -> anyhow::Result<()> {
    meet("unchanged", None, seed, short, report)
}

pub(super) fn changed(seed: u64, short: bool, report: &mut Report) -> anyhow::Result<()> {
    meet("changed", Some(CHANGED), seed, short, report)
}

fn meet(name: &str, changed: Option<usize>, seed: u64, short: bool, report: &mut Report) -> anyhow::Result<()> {
    let entries = if short { SHORT_ENTRIES } else { ENTRIES };
    report.title(&format!("{name}: two nodes that know {entries} entries, {} of them new", changed.unwrap_or(0)));
    let mut lab = Lab::new(&fast(), seed).context("no lab (this needs root, unshare, ip and /dev/net/tun)")?;
    let Lab { wire, near, far, .. } = &mut lab;
    let log = |end: &str| report.path(&format!("{name}-{end}.log"));
    let mut giver = Served::init(far, Family::V4, "city", "攀枝花市电教馆", log("far"))?;
    let mut taker = Served::init(near, Family::V4, "county", "盐边县电教馆", log("near"))?;
    fill(giver.node(), entries);
    giver.start()?;
    taker.start()?;
    know(&giver, entries)?;
    taker.join(&giver, "county")?;
    know(&taker, entries)?;
    taker.stop()?;
    if let Some(changed) = changed {
        giver.stop()?;
        fill_changed(giver.node(), entries, changed);
        giver.start()?;
        // It states its new head with a round of its own, which finds nobody.
        know(&giver, entries)?;
    }
    let link = line();
    wire.become_link(&link, seed);
    taker.start()?;
    let port = giver.port();
    quiet(wire, port)?;
    let logs = Logs::of(wire);
    let met = Meeting::of(&logs, &link, port, if changed.is_none() { PROBE_BYTES } else { u32::MAX })
        .context("they did not meet")?;
    report.trace(name, &logs)?;
    report.say(&format!(
        "meeting again: handshake {} bytes; then {} in {} packets over {:.2} s, {:.2} round trips; and {} of probes for the size of packets",
        met.handshake_bytes, met.bytes, met.packets, met.seconds, met.round_trips, met.probe_bytes
    ));
    let round = taker.command(&["peers"])?;
    let came = round["peers"][0]["last_round"]["entries_in"].as_u64();
    let (bytes, rtts) = match changed {
        None => (UNCHANGED_BYTES, UNCHANGED_RTTS),
        Some(_) => (CHANGED_BYTES, CHANGED_RTTS + met.of_bytes),
    };
    report.figure(name, "handshake", met.handshake_bytes as f64, Unit::Bytes, Goal::Free);
    report.figure(name, "after it", met.bytes as f64, Unit::Bytes, Goal::AtMost(bytes));
    report.figure(name, "until all is said", met.round_trips, Unit::RoundTrips, Goal::AtMost(rtts));
    report.line(
        &json!({"kind": "meeting", "name": name, "entries": entries, "seed": seed, "meeting": met, "entries_in": came}),
    )?;
    if let Some(changed) = changed
        && came.is_none_or(|came| came < changed as u64)
    {
        bail!("of {changed} changed entries {came:?} came; the nodes' logs are beside the trace");
    }
    if changed.is_none() {
        once_more(wire, &taker, port, &link, seed, report)?;
    }
    Ok(())
}

/// A round on the connection that stands.
fn once_more(
    wire: &mut kapok_lab::wire::Wire<Vec<u8>, Vec<u8>>,
    taker: &Served<'_>,
    port: u16,
    link: &Link,
    seed: u64,
    report: &mut Report,
) -> anyhow::Result<()> {
    wire.become_link(link, seed);
    let told = taker.command(&["sync", "--now"])?;
    quiet(wire, port)?;
    let logs = Logs::of(wire);
    let seconds = told["peers"][0]["seconds"].as_f64().unwrap_or(f64::NAN);
    let bytes: u64 = logs.both(port).map(|packet| u64::from(packet.bytes)).sum();
    let round_trips = seconds / link.rtt().as_secs_f64();
    report.say(&format!("a round on that connection: {bytes} bytes, {seconds:.3} s, {round_trips:.2} round trips"));
    report.figure("unchanged, connected", "IP bytes", bytes as f64, Unit::Bytes, Goal::AtMost(UNCHANGED_BYTES));
    // What the line's transmitters and two processes take is a tenth of it.
    report.figure("unchanged, connected", "the session", round_trips, Unit::RoundTrips, Goal::AtMost(1.1));
    report.line(&json!({"kind": "round", "name": "unchanged", "bytes": bytes, "seconds": seconds, "told": told}))
}

/// Waits until the node shows all of them.
fn know(node: &Served<'_>, entries: usize) -> anyhow::Result<()> {
    let known = stop::wait_for(FIRST_SYNC, || {
        let status = node.command(&["status"]).ok()?;
        (status["resources"].as_u64()? >= entries as u64).then_some(())
    })?;
    let told =
        |node: &Served<'_>| node.command(&["status"]).map_or_else(|error| error.to_string(), |told| told.to_string());
    known.with_context(|| format!("{} does not show {entries} resources: {}", node.node().name, told(node)))
}

/// Waits until nothing was said on the line for a while.
fn quiet(wire: &kapok_lab::wire::Wire<Vec<u8>, Vec<u8>>, port: u16) -> anyhow::Result<()> {
    let (mut packets, mut since) = (0, Instant::now());
    let is_quiet = stop::wait_for(PATIENCE, || {
        let now = Logs::of(wire).both(port).count();
        if now != packets {
            (packets, since) = (now, Instant::now());
        }
        (packets > 0 && since.elapsed() > SILENCE).then_some(())
    })?;
    is_quiet.context("the line does not become quiet")
}

impl Meeting {
    /// What the log says; packets of `probe` bytes and more are none of it.
    fn of(logs: &Logs, link: &Link, port: u16, probe: u32) -> Option<Self> {
        let is_mine = |packet: &&Record| packet.flow.is_of(UDP, port);
        let opened = logs.up.packets.iter().filter(is_mine).rfind(|packet| packet.opens)?.at;
        let mut met = Self::default();
        for packet in logs.both(port) {
            let bytes = u64::from(packet.bytes);
            match packet {
                Record { opens: true, .. } => met.handshake_bytes += bytes,
                Record { bytes, .. } if *bytes >= probe => met.probe_bytes += u64::from(*bytes),
                _ => (met.bytes, met.packets) = (met.bytes + bytes, met.packets + 1),
            }
        }
        let arrival = |packet: &Record| match packet.fate {
            Fate::Delivered { at } if packet.bytes >= SAYING_BYTES && !packet.opens && packet.at >= opened => Some(at),
            _ => None,
        };
        let down = logs.down.packets.iter().filter(is_mine);
        let last = down.clone().filter(|packet| packet.bytes < probe).filter_map(arrival).max()?;
        let came: u64 = down.filter(|packet| !packet.opens).map(|packet| u64::from(packet.bytes)).sum();
        let rtt = link.rtt().as_secs_f64();
        met.seconds = (last - opened).as_secs_f64();
        met.round_trips = met.seconds / rtt;
        met.of_bytes = link.down.transmission(usize::try_from(came).unwrap_or(0)).as_secs_f64() / rtt;
        Some(met)
    }
}
