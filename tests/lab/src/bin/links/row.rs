//! What was measured: a line of the table for people, a line of JSON with all of it.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use kapok_lab::link::{Link, Way};
use kapok_lab::packet::{Flow, UDP};
use kapok_lab::profile::{self, Profile};
use kapok_lab::record::{CSV_HEADER, Log, Record, Sums};
use kapok_lab::wire::Wire;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::curve::Trace;
use crate::figure::{Figures, Goal, Unit};

/// What a packet with nothing but content in it has at least.
const FULL_BYTES: u32 = 1_000;
/// When so much has come, handshakes and the catalogue are over and content flows.
const FLOWING_BYTES: u64 = 20_000;

/// What a second transfer is called, with a peer that is known.
pub(crate) const AGAIN: &str = "kapok again";

/// What the columns are.
const LEGEND: &str = "\
share: content bits / seconds / rate; of up: the same of the time in which the line was up, busy: the part of it in which it sent;
sent, back: IP bytes with and against the content, for each byte of it; flows: seconds until 20 kB had come;
tail: seconds after the last full packet; gap: the longest time without one; ping: median, on the empty line and beside";

/// Both directions of a line, as they were at one moment.
#[derive(Debug)]
pub(crate) struct Logs {
    pub(crate) down: Log,
    pub(crate) up: Log,
}

/// One transfer.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Measured {
    /// From the wish to the last byte.
    pub(crate) seconds: f64,
    /// Of them, those in which the line was up.
    up_seconds: f64,
    pub(crate) content_bytes: u64,
    /// From the wish until 20 kB had come: dialling, handshakes, sessions, the first content.
    flowing_s: f64,
    /// From the last full packet's arrival to the end.
    tail_s: f64,
    /// The longest time without a full packet, and when it began.
    gap_s: f64,
    gap_at_s: f64,
    /// After each outage, until a full packet had come.
    restarts_s: Vec<f64>,
    /// The part of the up-time in which the line was at work.
    busy: f64,
    down: Sums,
    up: Sums,
    ping_idle_ms: Option<f64>,
    ping_ms: Option<f64>,
    ping_p95_ms: Option<f64>,
    /// How late the lab was, in the mean and at the worst.
    late_ms: f64,
    latest_ms: f64,
    notes: Map<String, Value>,
}

impl Logs {
    pub(crate) fn of<D: Send + 'static, U: Send + 'static>(wire: &Wire<D, U>) -> Self {
        Self { down: wire.log(Way::Down), up: wire.log(Way::Up) }
    }

    /// All packets of both directions that come from or go to a UDP port.
    pub(crate) fn both(&self, port: u16) -> impl Iterator<Item = &Record> {
        let all = self.down.packets.iter().chain(&self.up.packets);
        all.filter(move |packet| packet.flow.is_of(UDP, port))
    }

    /// What the packets of one program say about the time from `asked` to `ended`; it begins earlier where a packet does.
    pub(crate) fn read(
        &self,
        link: &Link,
        asked: Duration,
        ended: Duration,
        is_mine: impl Fn(&Flow) -> bool,
    ) -> Measured {
        let first = |log: &Log| log.packets.iter().find(|packet| is_mine(&packet.flow)).map(|packet| packet.at);
        let begin = [first(&self.down), first(&self.up)].into_iter().flatten().fold(asked, Duration::min);
        let up = link.down.outages.map_or(ended - begin, |outages| outages.up_time(begin, ended));
        let seconds = |from: Duration, to: Duration| to.saturating_sub(from).as_secs_f64();
        let flowing = self.down.arrival_of(begin, FLOWING_BYTES, &is_mine).unwrap_or(ended);
        let last_content = self.down.last_arrival(ended, FULL_BYTES).unwrap_or(begin);
        let returns = link.down.outages.map_or_else(Vec::new, |outages| outages.returns(begin, ended));
        let restart = |back: Duration| seconds(back, self.down.first_arrival(back, FULL_BYTES).unwrap_or(ended));
        let (gap, gap_at) = self.down.longest_gap(flowing, last_content, FULL_BYTES);
        Measured {
            seconds: seconds(begin, ended),
            up_seconds: up.as_secs_f64(),
            flowing_s: seconds(begin, flowing),
            tail_s: seconds(last_content, ended),
            gap_s: gap.as_secs_f64(),
            gap_at_s: seconds(begin, gap_at),
            restarts_s: returns.into_iter().map(restart).collect(),
            busy: self.down.busy(&link.down, begin, ended).as_secs_f64() / up.as_secs_f64().max(1e-9),
            down: self.down.sums(begin, ended, &is_mine),
            up: self.up.sums(begin, ended, &is_mine),
            late_ms: self.down.late.max(self.up.late).as_secs_f64() * 1e3,
            latest_ms: self.down.latest.max(self.up.latest).as_secs_f64() * 1e3,
            ..Measured::default()
        }
    }
}

impl Measured {
    pub(crate) fn pings(&mut self, idle: &[Duration], beside: &[Duration]) {
        self.ping_idle_ms = quantile(idle, 0.5);
        self.ping_ms = quantile(beside, 0.5);
        self.ping_p95_ms = quantile(beside, 0.95);
    }

    /// Something that explains the figures.
    pub(crate) fn note(&mut self, name: &str, value: Value) {
        self.notes.insert(name.to_owned(), value);
    }
}

/// The quantile of some times, in milliseconds.
pub(crate) fn quantile(times: &[Duration], part: f64) -> Option<f64> {
    let mut times = times.to_vec();
    times.sort_unstable();
    let at = (times.len().saturating_sub(1) as f64 * part).round() as usize;
    times.get(at).map(|time| time.as_secs_f64() * 1e3)
}

/// The table and the file beside it.
#[derive(Debug)]
pub(crate) struct Report {
    folder: PathBuf,
    lines: BufWriter<File>,
    versions: Value,
    figures: Figures,
}

impl Report {
    pub(crate) fn new(folder: &Path, seed: u64) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let path = folder.join("links.jsonl");
        let lines = BufWriter::new(File::create(&path).with_context(|| path.display().to_string())?);
        let versions = versions()?;
        println!("seed {seed}, {versions}");
        println!("{LEGEND}");
        Ok(Self { folder: folder.to_owned(), lines, versions, figures: Figures::default() })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Over what is not a table of transfers.
    pub(crate) fn title(&mut self, text: &str) {
        println!("\n{text}");
    }

    pub(crate) fn heading(&mut self, text: &str) {
        println!("\n{text}");
        println!(
            "  {:<22}{:>8}{:>7}{:>7}{:>6}{:>7}{:>7}{:>7}{:>7}{:>7}{:>11}{:>14}",
            "", "seconds", "share", "of up", "busy", "sent", "back", "flows", "tail", "gap", "drop/lost", "ping"
        );
    }

    /// A transfer.
    pub(crate) fn row(&mut self, profile: &Profile, tool: &str, seed: u64, got: &Measured) -> anyhow::Result<()> {
        let bits = got.content_bytes as f64 * 8.0 / profile.link.down.rate_bps as f64;
        let (share, of_up) = (bits / got.seconds.max(1e-9), bits / got.up_seconds.max(1e-9));
        // Where nothing arrived, nothing can be said for each byte of it.
        let content = if got.content_bytes == 0 { f64::NAN } else { got.content_bytes as f64 };
        let (sent, back) = (got.down.bytes as f64 / content, got.up.bytes as f64 / content);
        let ping = match (got.ping_idle_ms, got.ping_ms) {
            (Some(idle), Some(beside)) => format!("{idle:.0} → {beside:.0} ms"),
            _ => String::new(),
        };
        let missing = got.content_bytes < profile.content.bytes();
        println!(
            "  {tool:<22}{:>8.1}{share:>7.3}{of_up:>7.3}{:>6.2}{sent:>7.3}{back:>7.3}{:>7.2}{:>7.2}{:>7.2}{:>11}{ping:>14}{}",
            got.seconds,
            got.busy,
            got.flowing_s,
            got.tail_s,
            got.gap_s,
            format!("{}/{}", got.down.dropped, got.down.lost + got.down.outage),
            if missing { "  GIVEN UP" } else { "" }
        );
        if missing {
            let (arrived, wanted) = (got.down.delivered_bytes, profile.content.bytes());
            self.say(&format!(
                "  {arrived} IP bytes had arrived; of {wanted} bytes, those of whole files are {}",
                got.content_bytes
            ));
        }
        if !got.restarts_s.is_empty() {
            let times: Vec<String> = got.restarts_s.iter().map(|seconds| format!("{seconds:.1}")).collect();
            self.say(&format!("  after outages it went on within {} s", times.join(", ")));
        }
        self.judge(profile, tool, got, [share, of_up, sent]);
        self.line(&json!({
            "kind": "transfer", "profile": profile.name, "link": profile.link, "content": profile.content, "tool": tool,
            "seed": seed, "share": share, "share_of_up": of_up, "sent": sent, "back": back, "delivered": got.down.delivered_bytes as f64 / content, "measured": got,
        }))
    }

    /// Figures of a transfer: Kapok's beside the promises, others' for comparison.
    fn judge(&mut self, profile: &Profile, tool: &str, got: &Measured, [share, of_up, sent]: [f64; 3]) {
        let goal = if tool.starts_with("kapok") { profile.goal } else { profile::Goal::default() };
        let (least, most) = (
            |goal: Option<f64>| goal.map_or(Goal::Free, Goal::AtLeast),
            |goal: Option<f64>| goal.map_or(Goal::Free, Goal::AtMost),
        );
        let of = format!("{}, {tool}", profile.name);
        let wanted = if tool == AGAIN { goal.share_again } else { goal.share };
        if profile.link.down.outages.is_some() {
            self.figure(&of, "share of the up-time", of_up, Unit::Part, least(goal.share_of_up));
        } else {
            self.figure(&of, "share of the rate", share, Unit::Part, least(wanted));
        }
        self.figure(&of, "IP bytes sent for a byte", sent, Unit::Part, most(goal.sent));
        if let (Some(idle), Some(beside)) = (got.ping_idle_ms, got.ping_ms) {
            self.figure(&of, "ping slower by, median", beside - idle, Unit::Millis, most(goal.ping_more_ms));
        }
        let mut restarts = got.restarts_s.clone();
        restarts.sort_by(f64::total_cmp);
        if let (Some(median), Some(worst)) = (restarts.get(restarts.len() / 2), restarts.last()) {
            self.figure(&of, "restart, median", *median, Unit::Seconds, most(goal.restart_s));
            self.figure(&of, "restart, worst", *worst, Unit::Seconds, most(goal.restart_s));
        }
    }

    /// A figure for the table at the end.
    pub(crate) fn figure(&mut self, of: &str, what: &str, got: f64, unit: Unit, goal: Goal) {
        self.figures.add(of, what, got, unit, goal);
    }

    /// A line that explains.
    pub(crate) fn say(&mut self, text: &str) {
        println!("  {text}");
    }

    pub(crate) fn line(&mut self, line: &Value) -> anyhow::Result<()> {
        let mut line = line.clone();
        line["versions"] = self.versions.clone();
        writeln!(self.lines, "{line}")?;
        self.lines.flush()?;
        Ok(())
    }

    /// Every packet of both directions.
    pub(crate) fn trace(&self, name: &str, logs: &Logs) -> anyhow::Result<()> {
        let path = self.path(&format!("{}.csv", name.replace(' ', "-")));
        let mut out = BufWriter::new(File::create(path)?);
        writeln!(out, "{CSV_HEADER}")?;
        logs.down.write_csv("down", &mut out)?;
        logs.up.write_csv("up", &mut out)?;
        out.flush()?;
        Ok(())
    }

    /// The curve of the sending side, as `NAME.svg`.
    pub(crate) fn curve(&self, name: &str, trace: &Trace) -> anyhow::Result<()> {
        let points = trace.draw(name, &self.path(&format!("{name}.svg")))?;
        if points == 0 {
            println!("    no curve of {name}: the node's log has no points of kapok::path");
        }
        Ok(())
    }

    /// The table of all figures; whether what was promised of them was kept.
    pub(crate) fn finish(mut self) -> anyhow::Result<bool> {
        let lines: Vec<Value> = self.figures.lines().collect();
        for line in &lines {
            self.line(line)?;
        }
        let kept = self.figures.print();
        println!("\nall that was measured: {}", self.folder.display());
        Ok(kept)
    }
}

/// What is compared: the program by its hash, the libraries by the lock file.
fn versions() -> anyhow::Result<Value> {
    let program = kapok_tests::kapok();
    let hash = blake3::hash(&std::fs::read(program)?).to_hex();
    let lock = std::fs::read_to_string(kapok_tests::repository().join("Cargo.lock")).unwrap_or_default();
    let locked = |name: &str| {
        let at = format!("name = \"{name}\"\nversion = \"");
        let version = lock.split(&at).nth(1).and_then(|rest| rest.split('"').next());
        version.unwrap_or_default().to_owned()
    };
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    Ok(json!({
        "kapok": &hash.as_str()[..12], "libp2p-quic": locked("libp2p-quic"), "quinn": locked("quinn"),
        "kernel": kernel.trim(),
    }))
}
