//! The part of the page that moves: from documents of the port to its rows.

use kapok_private::Permission;
use kapok_web_ui::format::Bytes;
use kapok_web_ui::pages::sync::{Board, Exchanged, Night, Outlook, When};

use crate::access::Caller;
use crate::pages::facts::{Around, moment};
use crate::port::{Estimate, Peer, Status, Window};

/// Rows of each list. The board is drawn and sent once a second while something moves; nobody reads more of it.
const ROWS: usize = 24;

pub(super) fn board(around: &Around, status: &Status, caller: &Caller) -> Board {
    let known = &around.transfers;
    let (mut transfers, mut waiting) = (around.moving(), around.waiting());
    let moving = transfers.iter().filter(|transfer| transfer.queued.is_none()).count() as u64;
    let waits = waiting.len() as u64;
    transfers.truncate(ROWS);
    waiting.truncate(ROWS);
    // What is not listed is the end of the queue, or waits with those that are.
    let more = known.pending.blobs.saturating_sub(waits).saturating_sub(transfers.len() as u64);
    let reads_all = caller.may(Permission::ReadPrivate);
    Board {
        outlook: Outlook {
            count: known.pending.blobs,
            missing: Bytes(known.pending.bytes),
            received: Bytes(known.done),
            rate: Some(Bytes(known.rate_bps)).filter(|rate| rate.0 > 0),
            when: when(&known.estimate),
            night: known.window.as_ref().and_then(night),
            arrived_last_day: reads_all.then_some(status.arrived_last_day),
        },
        more: if transfers.is_empty() { 0 } else { more },
        transfers,
        moving,
        waiting,
        ledger: reads_all.then(|| ledger(&around.peers)),
        last_round: known.last_round.as_deref().and_then(moment),
        running: known.running,
    }
}

fn when(estimate: &Estimate) -> When {
    let time = |text: &Option<String>| text.as_deref().and_then(moment);
    match (time(&estimate.earliest), time(&estimate.latest)) {
        (Some(earliest), Some(latest)) if earliest == latest => When::At(latest),
        (Some(earliest), Some(latest)) => When::Between(earliest, latest),
        _ => When::Unknown,
    }
}

fn night(window: &Window) -> Option<Night> {
    let (opens, closes) = (window.opens.as_deref().and_then(moment)?, window.closes.as_deref().and_then(moment)?);
    Some(Night { hours: window.hours.clone(), is_open: window.is_open, opens, closes })
}

/// Nodes with which files were exchanged, those with the most first.
fn ledger(peers: &[Peer]) -> Vec<Exchanged> {
    let mut with: Vec<_> = peers.iter().filter(|peer| peer.bytes_in.saturating_add(peer.bytes_out) > 0).collect();
    with.sort_by_key(|peer| std::cmp::Reverse(peer.bytes_in.saturating_add(peer.bytes_out)));
    let exchanged = |peer: &Peer| Exchanged {
        name: if peer.name.is_empty() { peer.node.clone() } else { peer.name.clone() },
        lan_in: Bytes(peer.lan_bytes_in),
        lan_out: Bytes(peer.lan_bytes_out),
        wan_in: Bytes(peer.bytes_in.saturating_sub(peer.lan_bytes_in)),
        wan_out: Bytes(peer.bytes_out.saturating_sub(peer.lan_bytes_out)),
    };
    with.into_iter().take(ROWS).map(exchanged).collect()
}
