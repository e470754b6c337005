//! The second half of a round: files that are wanted and missing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kapok_http::port::{Progress, ProgressSender, Result};
use kapok_protocol::blob::message::Urgency;

use crate::node::app::App;

/// How long a round waits for files without any byte coming, before it says what is still missing.
const STALL: Duration = Duration::from_secs(20);

impl App {
    /// Wants everything that is missing, and waits until it is here or nothing comes any more.
    pub(super) async fn fetch_missing(self: &Arc<Self>, at_once: bool, progress: &ProgressSender) -> Result<()> {
        let Some(exchange) = self.exchange.get() else { return Ok(()) };
        let in_window = at_once || self.settings().sync_window().is_none_or(|window| window.is_open_now());
        let mut first = None;
        let mut last_progress = Instant::now();
        let mut last_left = u64::MAX;
        let mut completions = exchange.completions();
        loop {
            let missing = self.missing().await?;
            let (here, missing): (Vec<_>, Vec<_>) =
                missing.iter().partition(|m| self.blobs.contains(m.blob).unwrap_or(false));
            // Put here by something else than a transfer; waiting for it would never end.
            here.iter().for_each(|m| self.survey.saw(m.blob));
            let wanted: Vec<_> = missing.into_iter().filter(|m| m.is_text || in_window).collect();
            if wanted.is_empty() {
                return Ok(());
            }
            for (rank, m) in (0u64..).zip(&wanted) {
                exchange.want(m.blob, m.size, m.home, Urgency::Bulk, rank);
            }
            let total_bytes: u64 = *first.get_or_insert_with(|| wanted.iter().map(|m| m.size).sum());
            // Until one is complete, or half a second is over: bytes may come without completing anything.
            let partial = |exchange: &kapok_net::blob::Exchange| -> u64 {
                exchange.progress().iter().map(|transfer| transfer.done).sum()
            };
            loop {
                let _ = tokio::time::timeout(Duration::from_millis(500), completions.recv()).await;
                let wanted_left: u64 =
                    wanted.iter().filter(|m| !self.blobs.contains(m.blob).unwrap_or(false)).map(|m| m.size).sum();
                let left = wanted_left.saturating_sub(partial(exchange));
                if left != last_left {
                    last_left = left;
                    last_progress = Instant::now();
                    progress.report(Progress {
                        phase: "blobs".to_owned(),
                        done_bytes: total_bytes.saturating_sub(left),
                        total_bytes,
                        total_items: wanted.len() as u64,
                        ..Progress::default()
                    });
                }
                let nobody = self.links.get().is_none_or(|links| links.proven().is_empty());
                if wanted_left == 0 {
                    break;
                }
                if nobody || last_progress.elapsed() > STALL || exchange.is_stuck() {
                    return Ok(());
                }
            }
        }
    }
}
