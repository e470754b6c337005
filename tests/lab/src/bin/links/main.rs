//! `scripts/bench links`: Kapok over poor links, and others over the same ones in the same run.
//!
//! For each profile two real nodes stand at the ends of a line ([`kapok`]), then a plain libp2p QUIC stream and rsync
//! carry the same bytes ([`rival`]); then what else was promised ([`scenario`]); at last flows share a line ([`fair`]). Each
//! gives a row: a line of the table, and a line of JSON with all that was measured; Kapok's transfers also the curve of the
//! sending side ([`curve`]). The table at the end has the figures beside what was promised ([`figure`]). `--lines` measures
//! the lines themselves ([`check`]).

mod check;
mod curve;
mod fair;
mod figure;
mod kapok;
mod rival;
mod row;
mod scenario;
mod served;
mod stop;
mod traffic;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser;
use kapok_lab::content::Content;
use kapok_lab::lab::Lab;
use kapok_lab::profile::{self, Profile};

use row::Report;

/// Measures Kapok over emulated poor links. Needs root, for network namespaces
#[derive(Debug, Parser)]
struct Args {
    /// Profiles and scenarios to measure, and fair: flows that share a link. All without; --list names them
    names: Vec<String>,
    /// Print the names and what they are
    #[arg(long)]
    list: bool,
    /// A quarter of the content, and shorter fairness runs
    #[arg(long)]
    short: bool,
    /// What to measure: kapok, libp2p, rsync; all without
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Measure what the lines themselves do, instead
    #[arg(long)]
    lines: bool,
    /// Exit 1 if a figure is short of what was promised
    #[arg(long)]
    check: bool,
    /// So many times, each with the next seed; the table has the medians
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    repeat: u64,
    /// Decides content, losses and jitter
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for links.jsonl, curves, a trace of every packet and the nodes' logs
    #[arg(long, default_value = "target/links", overrides_with = "out")]
    out: PathBuf,
}

/// The name that stands for the runs in which flows share a link.
const FAIR: &str = "fair";

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all went well; with `--check`, whether every promise was kept.
fn run(args: &Args) -> anyhow::Result<bool> {
    if args.list {
        list();
        return Ok(true);
    }
    stop::listen()?;
    let chosen = chosen(&args.names)?;
    let mut report = Report::new(&args.out, args.seed)?;
    for seed in args.seed..args.seed.saturating_add(args.repeat) {
        if args.repeat > 1 {
            report.title(&format!("== seed {seed}"));
        }
        for one in &chosen {
            match one {
                Chosen::Profile(profile) if args.lines => check::run(profile, seed, &mut report)?,
                Chosen::Profile(profile) => {
                    let mut profile = profile.clone();
                    if args.short {
                        profile.content = profile.content.quarter();
                    }
                    measure(args, &profile, seed, &mut report)?;
                }
                _ if args.lines || !wants(args, "kapok") => {}
                Chosen::Scenario(name) => scenario::run(name, seed, args.short, &mut report)?,
                Chosen::Fair => fair::run(seed, args.short, &mut report)?,
            }
        }
    }
    let kept = report.finish()?;
    Ok(kept || !args.check)
}

/// Something to measure.
enum Chosen {
    Profile(Box<Profile>),
    Scenario(&'static str),
    Fair,
}

fn all() -> Vec<Chosen> {
    let profiles = profile::all().into_iter().map(|profile| Chosen::Profile(Box::new(profile)));
    profiles.chain(scenario::names().map(Chosen::Scenario)).chain([Chosen::Fair]).collect()
}

impl Chosen {
    fn name(&self) -> &str {
        match self {
            Self::Profile(profile) => &profile.name,
            Self::Scenario(name) => name,
            Self::Fair => FAIR,
        }
    }
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<Chosen>> {
    if names.is_empty() {
        return Ok(all());
    }
    let find = |name: &String| {
        all().into_iter().find(|one| one.name() == name).with_context(|| {
            let known: Vec<String> = all().iter().map(|one| one.name().to_owned()).collect();
            format!("there is nothing called {name} to measure; there are {}", known.join(", "))
        })
    };
    names.iter().map(find).collect()
}

fn list() {
    for one in all() {
        let what = match &one {
            Chosen::Profile(profile) => {
                let down = &profile.link.down;
                let (kbps, rtt_ms) = (down.rate_bps / 1000, profile.link.rtt().as_millis());
                format!("{kbps} kbit/s, {rtt_ms} ms, {} % lost; {} bytes", down.loss * 100.0, profile.content.bytes())
            }
            Chosen::Scenario(name) => scenario::about(name).to_owned(),
            Chosen::Fair => "flows that share a link".to_owned(),
        };
        println!("{:<16}{what}", one.name());
    }
}

fn wants(args: &Args, tool: &str) -> bool {
    args.only.is_empty() || args.only.iter().any(|only| only == tool)
}

fn measure(args: &Args, profile: &Profile, seed: u64, report: &mut Report) -> anyhow::Result<()> {
    let files = profile.content.sizes(seed).len();
    let kind = match profile.content {
        Content::Mixed { .. } => "mixed",
        Content::Equal { .. } => "equal",
    };
    report.heading(&format!("{}: {} bytes in {files} {kind} files", profile.name, profile.content.bytes()));
    if wants(args, "kapok") {
        kapok::run(profile, seed, report).with_context(|| format!("kapok over {}", profile.name))?;
    }
    if wants(args, "libp2p") {
        rival::libp2p(profile, seed, report).with_context(|| format!("libp2p over {}", profile.name))?;
    }
    if wants(args, "rsync") {
        rival::rsync(profile, seed, report).with_context(|| format!("rsync over {}", profile.name))?;
    }
    Ok(())
}

/// How long a transfer may take before it is given up: six times what the rate allows, at most twenty minutes.
fn patience(profile: &Profile) -> Duration {
    let ideal = profile.content.bytes() as f64 * 8.0 / profile.link.down.rate_bps as f64;
    Duration::from_secs_f64((ideal * 6.0 + 60.0).min(1200.0))
}

/// The line of a profile on a good day: nodes are set up over it, and it becomes the poor one when it is measured.
fn lab(profile: &Profile, seed: u64) -> anyhow::Result<Lab> {
    Lab::new(&profile.link.on_a_good_day(), seed).context("no lab (this needs root, unshare, ip and /dev/net/tun)")
}
