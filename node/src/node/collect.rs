//! Collection: blobs that no live resource names leave the disk.
//!
//! What was withdrawn or taken back goes at once. Blobs that were never named stay: whether one belongs to an add under
//! way, or to a catalogue that is being made anew, cannot be told by its age (a moved file keeps its old one), and a file
//! lost is worse than space.

use std::sync::Arc;
use std::time::Duration;

use kapok_http::port::Result;

use super::app::{App, blob_failure, failure};

/// Between looks for uploads that nobody goes on with.
pub(super) const UPLOADS_INTERVAL: Duration = Duration::from_secs(60 * 60);

impl App {
    /// Removes what was just released by withdrawals and tombstones.
    pub(super) fn collect_released(self: &Arc<Self>) -> Result<()> {
        let released = self.catalogue.take_released();
        if released.is_empty() {
            return Ok(());
        }
        self.rounds.recount();
        let reading = self.reading()?;
        for blob in released {
            if reading.uses(&blob).map_err(failure)?.is_empty() {
                let removed = self.blobs.remove(blob).map_err(|error| blob_failure("not removed", &error))?;
                let _ = self.blobs.abandon_partial(blob);
                tracing::info!(%blob, removed, "no live resource names it any more");
            }
        }
        Ok(())
    }
}
