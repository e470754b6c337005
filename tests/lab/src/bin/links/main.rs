//! `scripts/bench links`: Kapok over poor links, and others over the same ones in the same run.
//!
//! For each profile two real nodes stand at the ends of a line ([`kapok`]), then a plain libp2p QUIC stream and rsync
//! carry the same bytes ([`rival`]); at last flows share a line ([`fair`]). Each gives a row: a line of the table, and a
//! line of JSON with all that was measured. `--check` measures the lines themselves ([`check`]).

mod check;
mod fair;
mod kapok;
mod rival;
mod row;
mod served;
mod stop;
mod traffic;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser;
use kapok_lab::content::Content;
use kapok_lab::lab::Lab;
use kapok_lab::profile::{self, Profile};

use row::Report;

/// Measures Kapok over emulated poor links. Needs root, for network namespaces
#[derive(Debug, Parser)]
struct Args {
    /// Profiles to measure, and `fair`: flows that share a link. All without
    profiles: Vec<String>,
    /// A quarter of the content, and shorter fairness runs
    #[arg(long)]
    short: bool,
    /// What to measure: kapok, libp2p, rsync; all without
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Measure what the links themselves do, instead
    #[arg(long)]
    check: bool,
    /// Decides content, losses and jitter
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for links.jsonl, a trace of every packet and the nodes' logs
    #[arg(long, default_value = "target/links", overrides_with = "out")]
    out: PathBuf,
}

/// The name that stands for the runs in which flows share a link.
const FAIR: &str = "fair";

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    stop::listen()?;
    let chosen = chosen(&args.profiles)?;
    let with_fair = args.profiles.is_empty() || args.profiles.iter().any(|name| name == FAIR);
    let mut report = Report::new(&args.out, args.seed)?;
    for mut profile in chosen {
        if args.short {
            profile.content = profile.content.quarter();
        }
        if args.check {
            check::run(&profile, args.seed, &mut report)?;
        } else {
            measure(args, &profile, &mut report)?;
        }
    }
    if with_fair && !args.check && wants(args, "kapok") {
        fair::run(args.seed, args.short, &mut report)?;
    }
    report.finish();
    Ok(())
}

fn chosen(names: &[String]) -> anyhow::Result<Vec<Profile>> {
    if names.is_empty() {
        return Ok(profile::all());
    }
    let mut chosen = Vec::new();
    for name in names.iter().filter(|name| *name != FAIR) {
        let Some(profile) = profile::find(name) else {
            let known: Vec<String> = profile::all().into_iter().map(|profile| profile.name).collect();
            bail!("there is no profile {name}; there are {}, and {FAIR}", known.join(", "));
        };
        chosen.push(profile);
    }
    Ok(chosen)
}

fn wants(args: &Args, tool: &str) -> bool {
    args.only.is_empty() || args.only.iter().any(|only| only == tool)
}

fn measure(args: &Args, profile: &Profile, report: &mut Report) -> anyhow::Result<()> {
    let files = profile.content.sizes(args.seed).len();
    let kind = match profile.content {
        Content::Mixed { .. } => "mixed",
        Content::Equal { .. } => "equal",
    };
    report.heading(&format!("{}: {} bytes in {files} {kind} files", profile.name, profile.content.bytes()));
    if wants(args, "kapok") {
        kapok::run(profile, args.seed, report).with_context(|| format!("kapok over {}", profile.name))?;
    }
    if wants(args, "libp2p") {
        rival::libp2p(profile, args.seed, report).with_context(|| format!("libp2p over {}", profile.name))?;
    }
    if wants(args, "rsync") {
        rival::rsync(profile, args.seed, report).with_context(|| format!("rsync over {}", profile.name))?;
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
