//! Collection: blobs that no live resource names leave the disk.
//!
//! What was withdrawn or taken back goes at once; what was never named (an upload whose publishing failed) after a
//! time of grace, since its entry may be about to be written.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kapok_http::port::Result;

use super::app::{App, blob_failure, failure};

/// From a blob's arrival until it must be named.
const GRACE: Duration = Duration::from_secs(60 * 60);
/// Between full sweeps.
pub(super) const SWEEP_INTERVAL: Duration = Duration::from_secs(60 * 60);

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

    /// Removes everything that no live resource names and that is old enough.
    pub(super) fn sweep(self: &Arc<Self>) -> Result<()> {
        self.expire_uploads();
        for blob in self.blobs.iter() {
            let blob = blob.map_err(|error| blob_failure("cannot sweep", &error))?;
            let path = self.blobs.path_of(blob);
            let age = std::fs::metadata(&path).and_then(|m| m.modified()).ok();
            let old = age.and_then(|at| SystemTime::now().duration_since(at).ok()).is_some_and(|age| age > GRACE);
            // Looked at one by one, so that nobody who stores waits for the whole sweep.
            if old && self.reading()?.uses(&blob).map_err(failure)?.is_empty() {
                let _ = self.blobs.remove(blob);
                tracing::info!(%blob, "swept");
            }
        }
        Ok(())
    }
}
