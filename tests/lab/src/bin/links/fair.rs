//! Flows that share a line (rural2m): what each gets, and what a ping sees.
//!
//! The second comes ten seconds after the first. Shares are of the line's rate, in IP bytes that arrived, over the windows
//! that the promises name.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use kapok_lab::content::Content;
use kapok_lab::lab::Lab;
use kapok_lab::packet::{Flow, TCP, UDP};
use kapok_lab::profile::{self, Profile};
use serde_json::json;

use crate::row::{Logs, Report, quantile};
use crate::served::Served;
use crate::stop;
use crate::traffic::{Bulk, Pinger, has_control};

const PROFILE: &str = "rural2m";
const HEAD_START: Duration = Duration::from_secs(10);
/// How long both are there.
const SPAN: Duration = Duration::from_secs(60);
const SHORT_SPAN: Duration = Duration::from_secs(30);
/// Two flows of a kind have found each other by then.
const SETTLED: Duration = Duration::from_secs(30);
/// Three minutes of it at 2 Mbit/s: nobody is done while others share.
const CONTENT: Content = Content::Equal { files: 1, bytes_each: 45_000_000 };

/// Who is on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Kapok,
    Tcp(&'static str),
}

const PAIRS: [(Who, Who); 6] = [
    (Who::Kapok, Who::Kapok),
    (Who::Kapok, Who::Tcp("cubic")),
    (Who::Tcp("cubic"), Who::Kapok),
    (Who::Kapok, Who::Tcp("bbr")),
    (Who::Tcp("bbr"), Who::Kapok),
    // What the others do to each other, for comparison.
    (Who::Tcp("cubic"), Who::Tcp("bbr")),
];

pub(crate) fn run(seed: u64, short: bool, report: &mut Report) -> anyhow::Result<()> {
    let profile = profile::find(PROFILE).context("the profile of the fairness runs is gone")?;
    println!("\nfair, {PROFILE}: shares of the rate over the time that both are there, and of its second half");
    for (first, second) in PAIRS {
        let missing = [first, second].into_iter().find_map(|who| match who {
            Who::Tcp(control) if !has_control(control) => Some(control),
            _ => None,
        });
        if let Some(control) = missing {
            report.say(&format!("{}: not measured, this kernel has no {control}", title(first, second)));
            continue;
        }
        let span = if short { SHORT_SPAN } else { SPAN };
        pair(&profile, first, second, span, seed, report).with_context(|| title(first, second))?;
    }
    Ok(())
}

/// Each TCP flow has its own, so that its packets are known.
fn bulk_port(number: usize) -> u16 {
    if number == 0 { 1009 } else { 1010 }
}

fn title(first: Who, second: Who) -> String {
    let name = |who| match who {
        Who::Kapok => "kapok".to_owned(),
        Who::Tcp(control) => format!("TCP {control}"),
    };
    format!("{}, then {}", name(first), name(second))
}

fn pair(
    profile: &Profile,
    first: Who,
    second: Who,
    span: Duration,
    seed: u64,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut lab = crate::lab(profile, seed)?;
    let Lab { wire, near, far, .. } = &mut lab;
    let idle = Pinger::idle(near, far, profile.family)?;
    let folder = tempfile::tempdir()?;
    // Each pair of nodes is a federation of its own, ready and apart until its flow begins.
    let mut nodes = Vec::new();
    for (number, who) in [first, second].into_iter().enumerate() {
        if who != Who::Kapok {
            nodes.push(None);
            continue;
        }
        let log = |end: &str| report.path(&format!("fair-{number}-{end}.log"));
        let mut giver = Served::init(far, profile.family, "city", "攀枝花市电教馆", log("far"))?;
        let mut taker = Served::init(near, profile.family, "county", "盐边县电教馆", log("near"))?;
        giver.start()?;
        taker.start()?;
        taker.join(&giver, "county")?;
        taker.command(&["subscribe", "--all"])?;
        taker.stop()?;
        let source = folder.path().join(number.to_string());
        CONTENT.write(&source, seed + number as u64)?;
        giver.add(&source)?;
        nodes.push(Some((giver, taker)));
    }
    let pinger = Pinger::start(near, far, profile.family)?;
    let epoch = wire.become_link(&profile.link, seed);
    let mut bulks = Vec::new();
    let mut begun = Vec::new();
    for (number, who) in [first, second].into_iter().enumerate() {
        if number > 0 {
            stop::pause(HEAD_START)?;
        }
        begun.push(Instant::now() - epoch);
        match (who, &mut nodes[number]) {
            (Who::Tcp(control), _) => bulks.push(Bulk::start(near, far, profile.family, bulk_port(number), control)?),
            (Who::Kapok, Some((_, taker))) => taker.start()?,
            (Who::Kapok, None) => {}
        }
    }
    stop::pause(span)?;
    let ended = epoch.elapsed();
    let pings = pinger.finish();
    let logs = Logs::of(wire);
    drop(bulks);
    let ports: Vec<(u8, u16)> = nodes
        .iter()
        .enumerate()
        .map(|(number, nodes)| nodes.as_ref().map_or((TCP, bulk_port(number)), |(giver, _)| (UDP, giver.port())))
        .collect();
    let share = |of: usize, from: Duration, to: Duration| {
        let is_mine = |flow: &Flow| flow.is_of(ports[of].0, ports[of].1);
        let bits = logs.down.sums(from, to, is_mine).delivered_bytes as f64 * 8.0;
        bits / (to - from).as_secs_f64() / profile.link.down.rate_bps as f64
    };
    let (all, late) = (begun[1], begun[1] + SETTLED.min(span / 2));
    let shares = [share(0, all, ended), share(1, all, ended), share(0, late, ended), share(1, late, ended)];
    let (before, beside) = (quantile(&idle, 0.5), quantile(&pings, 0.5));
    println!(
        "  {:<28} {:.2} + {:.2}   later {:.2} + {:.2}   ping {:.0} → {:.0} ms",
        title(first, second),
        shares[0],
        shares[1],
        shares[2],
        shares[3],
        before.unwrap_or(f64::NAN),
        beside.unwrap_or(f64::NAN),
    );
    report.line(&json!({
        "kind": "fair", "profile": profile.name, "first": title(first, second), "seed": seed,
        "seconds": span.as_secs_f64(), "shares": &shares[..2], "shares_later": &shares[2..],
        "ping_idle_ms": before, "ping_ms": beside,
        "dropped": logs.down.sums(all, ended, |_| true).dropped,
    }))?;
    let name = title(first, second).replace(", then ", "-").replace(' ', "-");
    report.trace(&format!("fair-{name}"), &logs)
}
