//! One round: sessions with everybody who is linked, all at once, and files meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use kapok_http::port::{Progress, ProgressSender, Result, SyncPeer, SyncReport};
use kapok_net::link::{Links, Need};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use tokio::sync::watch;

use super::LastRound;
use crate::node::app::{App, failure, now};

/// What a round is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub(super) need: Need,
    /// Also outside windows and budgets.
    pub(super) at_once: bool,
    /// Call the parent, if it is not linked.
    pub(super) calls: bool,
}

/// How a round went, and why the parent is not among its peers where it was called in vain.
pub(super) type Outcome = (SyncReport, Option<String>);

impl App {
    pub(super) async fn round(
        self: &Arc<Self>,
        links: &Links,
        order: Order,
        progress: &ProgressSender,
    ) -> Result<Outcome> {
        let before = self.ledgers();
        let (over, is_over) = watch::channel(false);
        let catalogue = async {
            let done = self.sessions(links, order, progress).await;
            let signed = if done.0.is_empty() {
                Ok(())
            } else {
                self.blocking(|app| app.catalogue.sign_what_is_left(now()).map_err(failure)).await
            };
            let _ = over.send(true);
            signed.map(|()| done)
        };
        let begun = Instant::now();
        let ((peers, unreachable), ()) = tokio::try_join!(catalogue, self.fetch_missing(is_over, progress))?;
        let seconds = begun.elapsed().as_secs_f64();
        let after = self.ledgers();
        let mut report = SyncReport { peers, ..SyncReport::default() };
        for peer in &mut report.peers {
            let Ok(id) = peer.node.parse::<NodeId>() else { continue };
            let (bytes_in, bytes_out, blobs_in) = after.get(&id).copied().unwrap_or_default();
            let earlier = before.get(&id).copied().unwrap_or_default();
            peer.blobs_in = blobs_in.saturating_sub(earlier.2);
            peer.bytes_in += bytes_in.saturating_sub(earlier.0);
            peer.bytes_out += bytes_out.saturating_sub(earlier.1);
            if peer.blobs_in > 0 {
                // Files came from the first entry on.
                peer.seconds = seconds;
            }
            let last = LastRound { at: now(), peer: peer.clone() };
            self.rounds.ended_with(id, last);
        }
        report.pending = self.blocking(|app| Ok(app.survey()?.figures.pending())).await?;
        Ok((report, unreachable))
    }

    /// Sessions with everybody who is linked, and with the parent once it is. A peer that is slow holds up nobody.
    pub(super) async fn sessions(
        self: &Arc<Self>,
        links: &Links,
        order: Order,
        progress: &ProgressSender,
    ) -> (Vec<SyncPeer>, Option<String>) {
        let session = |member: Member| self.session(links, member, order.need, progress);
        let linked = links.proven();
        let met: BTreeSet<_> = linked.iter().map(|member| member.id).collect();
        let all = async {
            let running: FuturesUnordered<_> = linked.into_iter().map(session).collect();
            running.filter_map(std::future::ready).collect::<Vec<_>>().await
        };
        let called = async {
            if !order.calls {
                return (Vec::new(), None);
            }
            let unreachable = self.call_parent(links).await.err();
            let new = links.proven().into_iter().filter(|member| !met.contains(&member.id));
            let running: FuturesUnordered<_> = new.map(session).collect();
            (running.filter_map(std::future::ready).collect::<Vec<_>>().await, unreachable)
        };
        let (mut peers, (new, unreachable)) = tokio::join!(all, called);
        peers.extend(new);
        peers.sort_by(|a, b| a.node.cmp(&b.node));
        (peers, unreachable)
    }

    async fn session(&self, links: &Links, member: Member, need: Need, progress: &ProgressSender) -> Option<SyncPeer> {
        match links.sync(member.id, need).await {
            Ok(done) => {
                progress.report(Progress {
                    phase: "entries".to_owned(),
                    name: member.name.clone(),
                    done_items: done.entries_in,
                    total_items: done.entries_in,
                    done_bytes: done.bytes_in,
                    ..Progress::default()
                });
                Some(SyncPeer {
                    node: member.id.to_string(),
                    entries_in: done.entries_in,
                    entries_out: done.entries_out,
                    blobs_in: 0,
                    bytes_in: done.bytes_in,
                    bytes_out: done.bytes_out,
                    seconds: done.seconds,
                })
            }
            Err(error) => {
                tracing::info!(node = %member.id, name = member.name, %error, "session broke off");
                None
            }
        }
    }

    /// Content bytes in, out, and blobs in, with each node since the start.
    fn ledgers(&self) -> BTreeMap<NodeId, (u64, u64, u64)> {
        let ledger = self.exchange.get().map(kapok_net::blob::Exchange::ledger).unwrap_or_default();
        ledger.into_iter().map(|(id, l)| (id, (l.bytes_in, l.bytes_out, l.blobs_in))).collect()
    }
}
