//! One round: a session with everybody who is linked, then files.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use kapok_http::port::{Progress, ProgressSender, Result, SyncPeer, SyncReport};
use kapok_net::link::Links;
use kapok_protocol::identity::NodeId;

use super::LastRound;
use crate::node::app::{App, failure, now};

impl App {
    pub(super) async fn round(
        self: &Arc<Self>,
        links: &Links,
        at_once: bool,
        progress: &ProgressSender,
    ) -> Result<SyncReport> {
        let mut report = SyncReport::default();
        for member in links.proven() {
            let started = Instant::now();
            let before = self.ledger(&member.id);
            match links.sync(member.id).await {
                Ok(done) => {
                    progress.report(Progress {
                        phase: "entries".to_owned(),
                        name: member.name.clone(),
                        done_items: done.entries_in,
                        total_items: done.entries_in,
                        done_bytes: done.bytes_in,
                        ..Progress::default()
                    });
                    report.peers.push(SyncPeer {
                        node: member.id.to_string(),
                        entries_in: done.entries_in,
                        entries_out: done.entries_out,
                        blobs_in: before.2,
                        bytes_in: done.bytes_in,
                        bytes_out: done.bytes_out,
                        seconds: started.elapsed().as_secs_f64(),
                    });
                }
                Err(error) => tracing::info!(node = %member.id, name = member.name, %error, "session broke off"),
            }
        }
        if !report.peers.is_empty() {
            self.blocking(|app| app.catalogue.sign_what_is_left(now()).map_err(failure)).await?;
        }
        let before: BTreeMap<_, _> = links.proven().iter().map(|m| (m.id, self.ledger(&m.id))).collect();
        let fetching = Instant::now();
        self.fetch_missing(at_once, progress).await?;
        let seconds = fetching.elapsed().as_secs_f64();
        for peer in &mut report.peers {
            let Ok(id) = peer.node.parse::<NodeId>() else { continue };
            let (bytes_in, bytes_out, blobs_in) = self.ledger(&id);
            let earlier = before.get(&id).copied().unwrap_or_default();
            peer.blobs_in = blobs_in.saturating_sub(earlier.2);
            peer.bytes_in += bytes_in.saturating_sub(earlier.0);
            peer.bytes_out += bytes_out.saturating_sub(earlier.1);
            if peer.blobs_in > 0 {
                peer.seconds += seconds;
            }
            let last = LastRound { at: now(), peer: peer.clone() };
            self.rounds.ended_with(id, last);
        }
        report.pending = self.blocking(|app| Ok(app.survey()?.figures.pending())).await?;
        Ok(report)
    }

    /// Content bytes in, out, and blobs in, with one node since the start.
    fn ledger(&self, node: &NodeId) -> (u64, u64, u64) {
        let ledger = self.exchange.get().and_then(|exchange| exchange.ledger().get(node).copied());
        ledger.map_or((0, 0, 0), |l| (l.bytes_in, l.bytes_out, l.blobs_in))
    }
}
