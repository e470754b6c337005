//! `kapok peers`: who is connected, and how well.

use clap::Args;
use kapok_http::port::{Peer, Peers};

use super::client::Client;
use super::print::{Bytes, Style, line, local_time, one_line, short_id, tier};
use super::shell::Shell;

/// Show the peers with address, round-trip time, rate and last contact
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kapok peers")]
pub(super) struct PeersArgs {}

pub(super) fn run(shell: &Shell, client: &Client) -> anyhow::Result<()> {
    let found: Peers = client.get("/api/v1/peers")?;
    shell.answer(&found, |out| {
        if found.peers.is_empty() {
            line!(out, "还没有见过别的节点");
        }
        for peer in &found.peers {
            write(out, peer, Style::of_stdout());
        }
    })
}

fn write(out: &mut String, peer: &Peer, style: Style) {
    let state = if peer.connected { "连着" } else { "没连上" };
    line!(out, "{}（{}）  {}  {state}", style.bold(&peer.name), tier(&peer.tier), short_id(&peer.node));
    // Whose line it is, the address says to nobody.
    let is_relayed = peer.address.contains("/p2p-circuit");
    let mut parts =
        vec![if is_relayed { "经县级或市级节点转发".to_owned() } else { one_line(&peer.address) }];
    parts.extend(peer.rtt_ms.map(|rtt| format!("来回 {rtt:.0} 毫秒")));
    parts.extend(peer.rate_bps.map(|rate| format!("每秒 {}", Bytes(rate))));
    parts.extend(peer.last_contact.as_deref().map(|at| format!("上次 {}", local_time(at))));
    parts.retain(|part| !part.is_empty());
    if !parts.is_empty() {
        line!(out, "  {}", parts.join(" · "));
    }
}
