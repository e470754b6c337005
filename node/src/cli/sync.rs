//! `kapok sync`: one round with the peers.

use std::time::Instant;

use clap::Args;
use kapok_http::port::{Estimate, SyncReport, SyncRequest, Transfers};

use super::client::Client;
use super::print::{Bytes, count, duration, line, local_time};
use super::progress::Display;
use super::shell::Shell;

/// Exchange with the peers until nothing subscribed is missing, or none can give more
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kapok sync
  kapok sync --now      also outside the window and the budgets")]
pub(super) struct SyncArgs {
    /// Now, also outside the window and the budgets
    #[arg(long)]
    now: bool,
}

pub(super) fn run(shell: &Shell, client: &Client, args: &SyncArgs) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut display = Display::new(shell);
    let report = client.follow::<SyncReport>("/api/v1/sync", &SyncRequest { now: args.now }, |step| display.step(step));
    display.end();
    let report = report?;
    let expected = if shell.json() || report.pending.blobs == 0 { None } else { expected(client) };
    shell.answer(&report, |out| write(out, &report, begun.elapsed().as_secs_f64(), expected.as_ref()))
}

/// When all that is waited for will be here.
fn expected(client: &Client) -> Option<Estimate> {
    Some(client.get::<Transfers>("/api/v1/transfers").ok()?.estimate)
}

fn write(out: &mut String, report: &SyncReport, seconds: f64, expected: Option<&Estimate>) {
    let sum = |field: fn(&kapok_http::port::SyncPeer) -> u64| report.peers.iter().map(field).sum::<u64>();
    if report.peers.is_empty() {
        line!(out, "没有连上别的节点，目录和文件都没有变");
    } else {
        let entries = match (sum(|peer| peer.entries_in), sum(|peer| peer.entries_out)) {
            (got, 0) => format!("新增 {} 条记录", count(got)),
            (got, sent) => format!("新增 {} 条记录、送出 {} 条", count(got), count(sent)),
        };
        let (blobs, bytes) = (sum(|peer| peer.blobs_in), Bytes(sum(|peer| peer.bytes_in)));
        line!(out, "已同步：{entries}，取回 {} 个文件（{bytes}），用时 {}", count(blobs), duration(seconds));
    }
    if report.pending.blobs > 0 {
        let (blobs, bytes) = (count(report.pending.blobs), Bytes(report.pending.bytes));
        let when = match expected.map(|estimate| (estimate.firm(), &estimate.earliest, &estimate.latest)) {
            Some((Some(time), ..)) => format!("，预计 {} 完成", local_time(time)),
            Some((None, Some(earliest), Some(latest))) => {
                format!("，预计 {} 到 {} 之间完成", local_time(earliest), local_time(latest))
            }
            _ => String::new(),
        };
        line!(out, "还差 {blobs} 个文件（{bytes}）{when}");
    } else if !report.peers.is_empty() {
        line!(out, "要取的都到齐了");
    }
}

#[cfg(test)]
mod tests {
    use kapok_http::port::{Pending, SyncPeer};

    use super::*;

    #[test]
    fn the_last_line_is_worth_reading() {
        let one = SyncPeer { entries_in: 100, blobs_in: 40, bytes_in: 200_000_000, ..SyncPeer::default() };
        let other = SyncPeer { entries_in: 32, blobs_in: 8, bytes_in: 12_000_000, ..SyncPeer::default() };
        let pending = Pending { blobs: 3, bytes: 5_000_000 };
        let mut out = String::new();
        write(&mut out, &SyncReport { peers: vec![one, other], pending }, 31.0 * 60.0, None);
        assert_eq!(out, "已同步：新增 132 条记录，取回 48 个文件（212 MB），用时 31 分\n还差 3 个文件（5.0 MB）\n");
    }

    #[test]
    fn a_round_without_peers_says_so() {
        let mut out = String::new();
        write(&mut out, &SyncReport::default(), 0.1, None);
        assert!(out.contains("没有连上"), "{out}");
    }
}
