//! The files of a round: what is wanted and missing is asked for as soon as its entry is here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kapok_http::port::{Progress, ProgressSender, Result};
use kapok_net::blob::Exchange;
use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::message::Urgency;

use super::super::survey::Missing;
use crate::node::app::App;

/// How long a round waits for files without any byte coming, before it says what is still missing. A link that is down
/// for less than a minute comes back; after that it is closed, and the round ends because nobody is linked.
const STALL: Duration = Duration::from_secs(80);
/// How often it is looked at what is missing, where no session stores anything.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What a round has asked for so far.
#[derive(Default)]
struct Asked {
    wanted: Vec<Missing>,
    blobs: BTreeSet<BlobId>,
}

impl App {
    /// Wants everything that is missing, while sessions go on and after them, and waits until it is here or nothing comes
    /// any more.
    pub(super) async fn fetch_missing(
        self: &Arc<Self>,
        at_once: bool,
        talking: &AtomicBool,
        progress: &ProgressSender,
    ) -> Result<()> {
        let Some(exchange) = self.exchange.get() else { return Ok(()) };
        let in_window = at_once || self.settings().sync_window().is_none_or(|window| window.is_open_now());
        let mut asked = Asked::default();
        let mut last_progress = Instant::now();
        let mut last_left = u64::MAX;
        let mut completions = exchange.completions();
        loop {
            // Before the look: what the sessions brought up to here is in it.
            let is_last_look = !talking.load(Ordering::Acquire);
            let missing = self.missing().await?;
            for m in missing.iter().filter(|m| self.blobs.contains(m.blob).unwrap_or(false)) {
                // Put here by something else than a transfer; waiting for it would never end.
                self.survey.saw(m.blob);
            }
            asked.ask(exchange, missing.iter().filter(|m| m.is_text || in_window));
            let left = asked.left_bytes(exchange, |blob| self.blobs.contains(blob).unwrap_or(false));
            if left != last_left {
                (last_left, last_progress) = (left, Instant::now());
                asked.report(left, progress);
            }
            let nobody = self.links.get().is_none_or(|links| links.proven().is_empty());
            let ends = left == 0 || nobody || last_progress.elapsed() > STALL || exchange.is_stuck();
            if is_last_look && ends {
                return Ok(());
            }
            tokio::select! {
                () = self.rounds.stored.notified() => {}
                _ = completions.recv() => tokio::time::sleep(LOOK_EVERY).await,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }
}

impl Asked {
    /// Asks for what was not asked for yet, in the order of the survey.
    fn ask<'a>(&mut self, exchange: &Exchange, missing: impl Iterator<Item = &'a Missing>) {
        for (rank, m) in (0u64..).zip(missing) {
            if self.blobs.insert(m.blob) {
                exchange.want(m.blob, m.size, m.home, Urgency::Bulk, rank);
                self.wanted.push(m.clone());
            }
        }
    }

    fn left_bytes(&self, exchange: &Exchange, is_here: impl Fn(BlobId) -> bool) -> u64 {
        let missing: u64 = self.wanted.iter().filter(|m| !is_here(m.blob)).map(|m| m.size).sum();
        let partly: u64 = exchange.progress().iter().map(|transfer| transfer.done).sum();
        missing.saturating_sub(partly)
    }

    fn report(&self, left: u64, progress: &ProgressSender) {
        let total_bytes: u64 = self.wanted.iter().map(|m| m.size).sum();
        progress.report(Progress {
            phase: "blobs".to_owned(),
            done_bytes: total_bytes.saturating_sub(left),
            total_bytes,
            total_items: self.wanted.len() as u64,
            ..Progress::default()
        });
    }
}
