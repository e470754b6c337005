//! Collection: blobs that no live resource names leave the disk.
//!
//! What was withdrawn or taken back goes at once, unless somebody is about to name it again (it is pinned): then it is
//! looked at again later. All removals go through [`Blobs::remove_unless_named`](kapok_store::blobs::Blobs), which asks
//! the catalogue under the pins' lock.
//!
//! The catalogue's answer counts only if it is settled: everything in the journal is applied, and nothing came while it
//! was asked. A view that is being made anew knows too little, and shows itself by that: it lags behind the journal.
//! Whoever holds a reading must not call [`App::collect_released`], which takes one under the pins' lock.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kapok_http::port::Result;
use kapok_protocol::blob::BlobId;
use kapok_store::blobs::{BlobError, Removal};

use super::app::{App, blob_failure, failure};
use crate::catalogue::CatalogueError;

#[cfg(test)]
mod tests;

/// Between looks for uploads that nobody goes on with.
pub(super) const UPLOADS_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// An entry that is just being applied is through in an fsync or two; asked again after that, so many times.
const SETTLING: Duration = Duration::from_millis(10);
const SETTLING_TRIES: u32 = 20;

/// What is to be removed.
#[derive(Debug, Default)]
pub(super) struct Collection {
    /// Blobs that something has stopped naming, until it is clear what becomes of them.
    released: Mutex<BTreeSet<BlobId>>,
}

impl Collection {
    fn released(&self) -> MutexGuard<'_, BTreeSet<BlobId>> {
        self.released.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a blob was not removed now.
#[derive(Debug, thiserror::Error)]
enum Obstacle {
    #[error("the catalogue has not settled")]
    Unsettled,
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    #[error(transparent)]
    Blob(#[from] BlobError),
}

impl App {
    /// Removes what was just released by withdrawals and tombstones. What cannot be removed now is tried again when this
    /// is called next.
    pub(super) fn collect_released(self: &Arc<Self>) -> Result<()> {
        let mut released = self.collection.released();
        released.extend(self.catalogue.take_released());
        let mut result = Ok(());
        for blob in released.clone() {
            match self.remove_unless_named(blob) {
                Ok(Removal::Removed | Removal::NotHeld | Removal::Named) => {
                    released.remove(&blob);
                }
                Ok(Removal::Pinned) => self.stop_fetching_unless_named(blob),
                Err(Obstacle::Unsettled) => {}
                Err(Obstacle::Catalogue(error)) => result = Err(failure(error)),
                Err(Obstacle::Blob(error)) => result = Err(blob_failure("not removed", &error)),
            }
        }
        result
    }

    /// Removes a blob that is neither pinned nor named, whole or in part.
    fn remove_unless_named(&self, blob: BlobId) -> std::result::Result<Removal, Obstacle> {
        let removal = self.blobs.remove_unless_named(blob, || self.is_named(blob))?;
        if matches!(removal, Removal::Removed | Removal::NotHeld) {
            let _ = self.blobs.abandon_partial(blob);
            self.rounds.recount();
            tracing::info!(%blob, removed = removal == Removal::Removed, "no live resource names it any more");
        }
        Ok(removal)
    }

    /// What is pinned because it is arriving need not arrive any more.
    fn stop_fetching_unless_named(&self, blob: BlobId) {
        if let (Some(exchange), Ok(false)) = (self.exchange.get(), self.is_named(blob)) {
            exchange.unwant(blob);
        }
    }

    /// Whether a live resource names a blob.
    fn is_named(&self, blob: BlobId) -> std::result::Result<bool, Obstacle> {
        for _ in 0..SETTLING_TRIES {
            if let Some(end) = self.settled_at() {
                let named = !self.catalogue.reading()?.uses(&blob)?.is_empty();
                if self.settled_at() == Some(end) {
                    return Ok(named);
                }
            }
            std::thread::sleep(SETTLING);
        }
        Err(Obstacle::Unsettled)
    }

    /// Whether a live resource names a blob, or it cannot be told.
    pub(super) fn may_be_named(&self, blob: BlobId) -> bool {
        self.is_named(blob).unwrap_or(true)
    }

    /// The journal's end, if the catalogue knows everything up to it. A rebuild begins with an entry that is in the
    /// journal and not applied, so two equal answers have none between them.
    fn settled_at(&self) -> Option<u64> {
        let end = self.catalogue.journal().end().position;
        (self.catalogue.applied() == end).then_some(end)
    }
}
