//! Flows that share a line: what each gets, what a ping sees, and what Kapok costs those beside it.
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

use crate::curve::Trace;
use crate::figure::{Goal, Unit};
use crate::row::{Logs, Report, quantile};
use crate::served;
use crate::stop;
use crate::traffic::{Bulk, Pinger, has_control};

/// All pairs on the first, those with TCP Cubic on the second too.
const PROFILES: [&str; 2] = ["rural2m", "county10m"];
const HEAD_START: Duration = Duration::from_secs(10);
/// How long both are there.
const SPAN: Duration = Duration::from_secs(60);
const SHORT_SPAN: Duration = Duration::from_secs(30);
/// Two flows of a kind have found each other by then.
const SETTLED: Duration = Duration::from_secs(30);
/// Nobody is done while others share: this times what the whole line carries from the first to the end.
const CONTENT_SPANS: f64 = 1.2;
/// Promised: two flows of Kapok share within it, and what Kapok keeps beside TCP and leaves it.
const MOST_APART: f64 = 1.5;
const BESIDE_CUBIC: f64 = 0.30;
const BESIDE_BBR: f64 = 0.12;

/// Who is on the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Kapok,
    Tcp(&'static str),
}

const PAIRS: [(Who, Who); 8] = [
    (Who::Kapok, Who::Kapok),
    (Who::Kapok, Who::Tcp("cubic")),
    (Who::Tcp("cubic"), Who::Kapok),
    (Who::Kapok, Who::Tcp("bbr")),
    (Who::Tcp("bbr"), Who::Kapok),
    // What the others do to each other, for comparison.
    (Who::Tcp("cubic"), Who::Tcp("cubic")),
    (Who::Tcp("cubic"), Who::Tcp("bbr")),
    (Who::Tcp("bbr"), Who::Tcp("cubic")),
];

pub(crate) fn run(seed: u64, short: bool, report: &mut Report) -> anyhow::Result<()> {
    for name in PROFILES {
        let profile = profile::find(name).context("a profile of the fairness runs is gone")?;
        report.title(&format!(
            "fair, {name}: shares of the rate while both are there, and later; packets lost in the queue"
        ));
        let all = name == PROFILES[0];
        let pairs = PAIRS.into_iter().filter(|pair| all || is_with_cubic(*pair));
        run_over(&profile, pairs, seed, short, report)?;
    }
    Ok(())
}

fn is_with_cubic((first, second): (Who, Who)) -> bool {
    matches!((first, second), (Who::Kapok, Who::Tcp("cubic")) | (Who::Tcp("cubic"), Who::Kapok))
}

fn run_over(
    profile: &Profile,
    pairs: impl Iterator<Item = (Who, Who)>,
    seed: u64,
    short: bool,
    report: &mut Report,
) -> anyhow::Result<()> {
    for (first, second) in pairs {
        let missing = [first, second].into_iter().find_map(|who| match who {
            Who::Tcp(control) if !has_control(control) => Some(control),
            _ => None,
        });
        if let Some(control) = missing {
            report.say(&format!("{}: not measured, this kernel has no {control}", title(first, second)));
            continue;
        }
        let span = if short { SHORT_SPAN } else { SPAN };
        pair(profile, first, second, span, seed, report).with_context(|| title(first, second))?;
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
        let log = |end: &str| report.path(&format!("fair-{}-{number}-{end}.log", profile.name));
        let (giver, mut taker) = served::pair(far, near, profile.family, log)?;
        taker.command(&["subscribe", "--all"])?;
        taker.stop()?;
        let source = folder.path().join(number.to_string());
        let seconds = (span + HEAD_START).as_secs_f64() * CONTENT_SPANS;
        let bytes_each = (profile.link.down.rate_bps as f64 / 8.0 * seconds) as u64;
        Content::Equal { files: 1, bytes_each }.write(&source, seed + number as u64)?;
        giver.add(&source)?;
        nodes.push(Some((giver, taker)));
    }
    let pinger = Pinger::start(near, far, profile.family)?;
    let epoch = wire.become_link(&profile.link, seed);
    let mut bulks = Vec::new();
    let traces: Vec<Option<Trace>> =
        nodes.iter().map(|pair| pair.as_ref().map(|(giver, _)| Trace::begin(giver.log()))).collect();
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
    let lost = [0, 1].map(|of| {
        let sums = logs.down.sums(all, ended, |flow| flow.is_of(ports[of].0, ports[of].1));
        sums.dropped as f64 / sums.packets.max(1) as f64
    });
    println!(
        "  {:<28} {:.2} + {:.2}   later {:.2} + {:.2}   ping {:.0} → {:.0} ms   dropped {:.1} % + {:.1} %",
        title(first, second),
        shares[0],
        shares[1],
        shares[2],
        shares[3],
        before.unwrap_or(f64::NAN),
        beside.unwrap_or(f64::NAN),
        lost[0] * 100.0,
        lost[1] * 100.0,
    );
    judge(profile, first, second, shares, report);
    report.line(&json!({
        "kind": "fair", "profile": profile.name, "first": title(first, second), "seed": seed,
        "seconds": span.as_secs_f64(), "shares": &shares[..2], "shares_later": &shares[2..],
        "ping_idle_ms": before, "ping_ms": beside,
        "dropped": logs.down.sums(all, ended, |_| true).dropped, "dropped_parts": lost,
    }))?;
    let name = format!("fair-{}-{}", profile.name, title(first, second).replace(", then ", "-").replace(' ', "-"));
    for (number, trace) in traces.iter().enumerate().filter_map(|(number, trace)| Some((number, trace.as_ref()?))) {
        report.curve(&format!("{name}-{}", number + 1), trace)?;
    }
    report.trace(&name, &logs)
}

/// What was promised of these two.
fn judge(profile: &Profile, first: Who, second: Who, shares: [f64; 4], report: &mut Report) {
    let of = format!("{}: {}", profile.name, title(first, second));
    let mut share = |what: &str, got: f64, goal: Goal| report.figure(&of, what, got, Unit::Part, goal);
    match (first, second) {
        (Who::Kapok, Who::Kapok) => {
            let (less, more) = (shares[2].min(shares[3]), shares[2].max(shares[3]));
            share("later, the greater to the less", more / less, Goal::AtMost(MOST_APART));
        }
        (Who::Kapok, Who::Tcp(control)) | (Who::Tcp(control), Who::Kapok) => {
            let [ours, theirs] = if first == Who::Kapok { [shares[0], shares[1]] } else { [shares[1], shares[0]] };
            let is_cubic = control == "cubic";
            share("kapok keeps", ours, Goal::AtLeast(if is_cubic { BESIDE_CUBIC } else { BESIDE_BBR }));
            share("leaves TCP", theirs, if is_cubic { Goal::AtLeast(BESIDE_CUBIC) } else { Goal::Free });
        }
        (Who::Tcp(_), Who::Tcp(_)) => {
            share("the first has", shares[0], Goal::Free);
            share("the second has", shares[1], Goal::Free);
        }
    }
}
