//! Rounds: with each linked node a catalogue session, and meanwhile the files that are wanted and missing.
//!
//! A round is begun by `kapok sync`, by a change here, by entries that come from others, by a link that comes up, and
//! every now and then. Catalogue and texts go at any time; files by themselves inside the window only. Rounds may
//! overlap: sessions with one peer are shared ([`kapok_net::link::Need`]), and a file is wanted once.
//!
//! Reading order: [`rounds`] (what is remembered) → [`round`] (one of them) → [`files`] (its other half) → [`parent`]
//! (keeping the link up) → [`transfers`] (what people see of it, [`expected`] when it will be here). What is missing is in `survey`.

mod expected;
mod files;
mod parent;
mod round;
mod rounds;
mod transfers;

use std::sync::Arc;
use std::time::Duration;

use kapok_http::port::{Failure, ProgressSender, Result, SyncReport, SyncRequest};
use kapok_net::link::Need;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::app::{App, now};
use super::survey::Missing;
use round::{Order, Outcome};

pub(super) use rounds::{LastRound, Rounds};

/// A change here is announced to others after this long, so that ten files added one by one make one round.
const ANNOUNCE_AFTER: Duration = Duration::from_millis(700);
/// Until searches find what a round has brought.
const INDEX_PATIENCE: Duration = Duration::from_secs(30);

/// Rounds of the node's own that may go on at once: one with its files, and sessions beside it.
const MAX_ROUNDS: usize = 8;
const TITLE: &str = "cannot sync";

impl App {
    /// A round with everybody who can be reached.
    pub(super) async fn sync(self: &Arc<Self>, request: SyncRequest, progress: ProgressSender) -> Result<SyncReport> {
        // Counted from here: a session that the call to the parent brings about is as fresh as can be.
        let order = Order { need: Need::Since(Instant::now()), at_once: request.now, calls: true };
        match self.whole_round(order, progress).await? {
            (report, Some(reason)) if report.peers.is_empty() => {
                Err(Failure::unavailable(TITLE, format!("no node can be reached: {reason}"))
                    .remedy("what is here can be used meanwhile; check the line, or use a stick"))
            }
            (report, _) => Ok(report),
        }
    }

    async fn whole_round(self: &Arc<Self>, order: Order, progress: ProgressSender) -> Result<Outcome> {
        let links = self.links.get().ok_or_else(|| Failure::unavailable(TITLE, "the network is not up yet"))?;
        self.blocking(|app| app.reading().and_then(|reading| Self::me(&reading).map(|_| ()))).await?;
        let outcome = {
            let _running = self.rounds.begin();
            self.round(links, order, &progress).await?
        };
        // Who syncs and then searches finds what came, and nothing is left of what was withdrawn.
        let end = self.catalogue.journal().end().position;
        self.blocking(move |app| {
            app.indexing.wait_for(end, INDEX_PATIENCE);
            app.collect_released()
        })
        .await?;
        Ok(outcome)
    }

    /// Rounds by themselves: after a change here or entries from others, when a link comes, and every interval.
    pub(super) async fn keep_syncing(self: Arc<Self>) {
        let Some(links) = self.links.get().cloned() else { return };
        let (mut changes, mut arrivals) = (links.changes(), links.arrivals());
        let mut rounds = JoinSet::new();
        loop {
            let interval = self.settings().sync_interval();
            let need = tokio::select! {
                () = self.rounds.wake.notified() => {
                    tokio::time::sleep(ANNOUNCE_AFTER).await;
                    Need::Changes
                }
                Ok(()) = arrivals.changed() => {
                    tokio::time::sleep(ANNOUNCE_AFTER).await;
                    arrivals.mark_unchanged();
                    Need::Changes
                }
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.rounds.link_since(!links.proven().is_empty(), now());
                    Need::OnThisLink
                }
                () = tokio::time::sleep(interval) => Need::Since(Instant::now()),
            };
            while rounds.try_join_next().is_some() {}
            if links.proven().is_empty() {
                // What is missing may have changed all the same.
                let _ = self.missing().await;
                continue;
            }
            let order = Order { need, at_once: false, calls: false };
            let (app, links) = (self.clone(), links.clone());
            if rounds.is_empty() {
                rounds.spawn(async move {
                    if let Err(error) = app.whole_round(order, ProgressSender::silent()).await {
                        tracing::debug!(%error, "a round came to nothing");
                    }
                });
            } else if rounds.len() < MAX_ROUNDS {
                // The round that goes on sees to the end of the files; others need not wait for that to hear of this.
                // Subscriptions may have changed, too.
                self.rounds.look.send_replace(());
                rounds.spawn(async move {
                    app.sessions(&links, order, &ProgressSender::silent()).await;
                });
            } else {
                // Sessions that hang; whoever comes to an end makes room.
                rounds.join_next().await;
                self.rounds.announce();
            }
        }
    }

    /// What is wanted and not here, as of now.
    async fn missing(self: &Arc<Self>) -> Result<Arc<Vec<Missing>>> {
        self.blocking(|app| Ok(app.survey()?.figures.missing())).await
    }
}
