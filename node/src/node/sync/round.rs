//! One round: sessions with everybody who is linked, and meanwhile and after them the files.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use futures::future::join_all;
use kapok_http::port::{Progress, ProgressSender, Result, SyncPeer, SyncReport};
use kapok_net::link::{Eagerness, Links};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;

use super::{LastRound, Reason};
use crate::node::app::{App, failure, now};

impl App {
    pub(super) async fn round(
        self: &Arc<Self>,
        links: &Links,
        reason: Reason,
        progress: &ProgressSender,
    ) -> Result<SyncReport> {
        let members = links.proven();
        let before: BTreeMap<_, _> = members.iter().map(|member| (member.id, self.ledger(&member.id))).collect();
        let begun = Instant::now();
        let talking = AtomicBool::new(true);
        // Together, so that a slow or silent peer holds nobody up.
        let sessions = async {
            let talks = members.iter().map(|member| self.talk(links, member, reason, progress));
            let peers: Vec<_> = join_all(talks).await.into_iter().flatten().collect();
            talking.store(false, Ordering::Release);
            if !peers.is_empty() {
                self.blocking(|app| app.catalogue.sign_what_is_left(now()).map_err(failure)).await?;
            }
            Ok::<_, kapok_http::port::Failure>(peers)
        };
        let files = self.fetch_missing(reason == Reason::Asked { at_once: true }, &talking, progress);
        let (peers, fetched) = tokio::join!(sessions, files);
        let mut report = SyncReport { peers: peers?, ..SyncReport::default() };
        fetched?;
        for peer in &mut report.peers {
            let Ok(id) = peer.node.parse::<NodeId>() else { continue };
            let (bytes_in, bytes_out, blobs_in) = self.ledger(&id);
            let earlier = before.get(&id).copied().unwrap_or_default();
            peer.blobs_in = blobs_in.saturating_sub(earlier.2);
            peer.bytes_in += bytes_in.saturating_sub(earlier.0);
            peer.bytes_out += bytes_out.saturating_sub(earlier.1);
            if peer.blobs_in > 0 {
                peer.seconds = begun.elapsed().as_secs_f64();
            }
            let last = LastRound { at: now(), peer: peer.clone() };
            self.rounds.ended_with(id, last);
        }
        report.pending = self.blocking(|app| Ok(app.survey()?.figures.pending())).await?;
        Ok(report)
    }

    /// A session with one peer; none where it broke off.
    async fn talk(
        &self,
        links: &Links,
        member: &Member,
        reason: Reason,
        progress: &ProgressSender,
    ) -> Option<SyncPeer> {
        let eagerness = if reason == Reason::LinkUp { Eagerness::Courteous } else { Eagerness::Now };
        let begun = Instant::now();
        match links.sync(member.id, eagerness).await {
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
                    seconds: begun.elapsed().as_secs_f64(),
                })
            }
            Err(error) => {
                tracing::info!(node = %member.id, name = member.name, %error, "session broke off");
                None
            }
        }
    }

    /// Content bytes in, out, and blobs in, with one node since the start.
    fn ledger(&self, node: &NodeId) -> (u64, u64, u64) {
        let ledger = self.exchange.get().and_then(|exchange| exchange.ledger().get(node).copied());
        ledger.map_or((0, 0, 0), |l| (l.bytes_in, l.bytes_out, l.blobs_in))
    }
}
