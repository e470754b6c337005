//! Rounds: with each linked node a catalogue session, then the files that are wanted and missing.
//!
//! A round is begun by `kapok sync`, by a change here, by a link that comes up, and every now and then. Catalogue and
//! texts go at any time; files by themselves inside the window only.
//!
//! Reading order: [`rounds`] (what is remembered) → [`round`] (one of them) → [`files`] (what it fetches) → [`parent`]
//! (keeping the link up) → [`transfers`] (what people see of it). What is missing is in `survey`.

mod files;
mod parent;
mod round;
mod rounds;
mod transfers;

use std::sync::Arc;
use std::time::Duration;

use kapok_http::port::{Failure, ProgressSender, Result, SyncReport, SyncRequest};

use super::app::{App, now};
use super::survey::Missing;

pub(super) use rounds::{LastRound, Rounds};

/// A change here is announced to others after this long, so that ten files added one by one make one round.
const ANNOUNCE_AFTER: Duration = Duration::from_millis(700);
/// Until searches find what a round has brought.
const INDEX_PATIENCE: Duration = Duration::from_secs(30);

/// Why there is a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// A person asks; with `at_once`, files too, whatever the window says.
    Asked { at_once: bool },
    /// A link has come up: whoever called opens the session.
    LinkUp,
    /// Something changed here, or it is time.
    Due,
}

impl App {
    /// A round with everybody who can be reached.
    pub(super) async fn sync(self: &Arc<Self>, request: SyncRequest, progress: ProgressSender) -> Result<SyncReport> {
        self.sync_because(Reason::Asked { at_once: request.now }, progress).await
    }

    async fn sync_because(self: &Arc<Self>, reason: Reason, progress: ProgressSender) -> Result<SyncReport> {
        const TITLE: &str = "cannot sync";
        let links = self.links.get().ok_or_else(|| Failure::unavailable(TITLE, "the network is not up yet"))?;
        self.blocking(|app| app.reading().and_then(|reading| Self::me(&reading).map(|_| ()))).await?;
        let unreachable = self.call_parent(links).await.err();
        let _turn = self.rounds.turn.lock().await;
        let report = {
            let _running = self.rounds.begin();
            self.round(links, reason, &progress).await?
        };
        // Who syncs and then searches finds what came, and nothing is left of what was withdrawn.
        let end = self.catalogue.journal().end().position;
        self.blocking(move |app| {
            app.indexing.wait_for(end, INDEX_PATIENCE);
            app.collect_released()
        })
        .await?;
        match unreachable {
            Some(reason) if report.peers.is_empty() => {
                Err(Failure::unavailable(TITLE, format!("no node can be reached: {reason}"))
                    .remedy("what is here can be used meanwhile; check the line, or use a stick"))
            }
            _ => Ok(report),
        }
    }

    /// Rounds by themselves: after a change here, when a link comes, and every interval.
    pub(super) async fn keep_syncing(self: Arc<Self>) {
        let Some(links) = self.links.get().cloned() else { return };
        let mut changes = links.changes();
        loop {
            let interval = self.settings().sync_interval();
            let reason = tokio::select! {
                () = self.rounds.wake.notified() => {
                    tokio::time::sleep(ANNOUNCE_AFTER).await;
                    Reason::Due
                }
                changed = changes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.rounds.link_since(!links.proven().is_empty(), now());
                    Reason::LinkUp
                }
                () = tokio::time::sleep(interval) => Reason::Due,
            };
            if links.proven().is_empty() {
                // What is missing may have changed all the same.
                let _ = self.missing().await;
                continue;
            }
            if let Err(error) = self.sync_because(reason, ProgressSender::silent()).await {
                tracing::debug!(%error, "a round came to nothing");
            }
        }
    }

    /// What is wanted and not here, as of now.
    async fn missing(self: &Arc<Self>) -> Result<Arc<Vec<Missing>>> {
        self.blocking(|app| Ok(app.survey()?.figures.missing())).await
    }
}
