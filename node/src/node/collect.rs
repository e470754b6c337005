//! Collection: blobs that no live resource names leave the disk.
//!
//! What was withdrawn or taken back goes at once, unless somebody is about to name it again (it is pinned): then it is
//! looked at again later. All removals go through [`Blobs::remove_unless_named`](kapok_store::blobs::Blobs), which asks
//! the catalogue under the pins' lock.
//!
//! The catalogue's answer counts only if it is settled: everything in the journal is applied, and nothing came while it
//! was asked. A view that is being made anew knows too little, and shows itself by that: it lags behind the journal.
//! Whoever holds a reading must not call [`App::collect_released`], which takes one under the pins' lock.
//!
//! Blobs that were never named (an add that was killed) are found by a sweep, in small steps and with patience
//! ([`sweep`]). Before it looks at blobs it reads the whole journal: if a frame is damaged, or holds what this version
//! cannot read, nobody knows what was named there, and nothing is swept. Former versions' files are named; partial and
//! wanted files are none of its business.

mod sweep;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kapok_http::port::Result;
use kapok_library::resource::Resource;
use kapok_protocol::blob::BlobId;
use kapok_protocol::entry::Kind;
use kapok_store::blobs::{self, BlobError, Removal};
use kapok_store::journal::Frames;
use sweep::{Fate, Standing, Sweep};

use super::app::{App, blob_failure, failure};
use crate::catalogue::{CatalogueError, Record};

#[cfg(test)]
mod tests;

/// Between looks for uploads that nobody goes on with.
pub(super) const UPLOADS_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// An entry that is just being applied is through in an fsync or two; asked again after that, so many times.
const SETTLING: Duration = Duration::from_millis(10);
const SETTLING_TRIES: u32 = 20;

/// A sweep's step ends after so much, so that it takes a twentieth of the disk's time and nobody notices.
const STEP: Duration = Duration::from_millis(100);

/// What is to be removed.
#[derive(Debug)]
pub(super) struct Collection {
    /// Blobs that something has stopped naming, until it is clear what becomes of them.
    released: Mutex<BTreeSet<BlobId>>,
    sweeping: Mutex<Sweeping>,
}

#[derive(Debug)]
struct Sweeping {
    sweep: Sweep,
    walk: Walk,
}

/// How far the sweep under way has come.
#[derive(Debug)]
enum Walk {
    None,
    Journal(Frames),
    /// With a blob of which the catalogue could not tell when it was met.
    Blobs(blobs::Iter, Option<BlobId>),
}

impl Default for Collection {
    fn default() -> Self {
        let sweeping = Sweeping { sweep: Sweep::new(Instant::now()), walk: Walk::None };
        Self { released: Mutex::default(), sweeping: Mutex::new(sweeping) }
    }
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
        let mut decided = Vec::new();
        for blob in released.clone() {
            match self.remove_unless_named(blob) {
                Ok(Removal::Removed | Removal::NotHeld | Removal::Named) => {
                    released.remove(&blob);
                    decided.push(blob);
                }
                Ok(Removal::Pinned) => self.stop_fetching_unless_named(blob),
                Err(Obstacle::Unsettled) => {}
                Err(Obstacle::Catalogue(error)) => result = Err(failure(error)),
                Err(Obstacle::Blob(error)) => result = Err(blob_failure("not removed", &error)),
            }
        }
        drop(released);
        self.catalogue.forget_released(&decided).map_err(failure)?;
        result
    }

    /// Removes a blob that is neither pinned nor named: whole, in part, and damaged.
    fn remove_unless_named(&self, blob: BlobId) -> std::result::Result<Removal, Obstacle> {
        // Waits without the pins' lock, which others need.
        let remove = || self.blobs.remove_unless_named(blob, || self.is_named_now(blob));
        let removal = settled(remove)?;
        if matches!(removal, Removal::Removed | Removal::NotHeld) {
            let _ = self.blobs.abandon_partial(blob);
            let _ = self.blobs.discard_quarantined(blob);
            self.rounds.recount();
            tracing::info!(%blob, removed = removal == Removal::Removed, "no live resource names it any more");
        }
        Ok(removal)
    }

    /// What is pinned because it is arriving need not arrive any more.
    fn stop_fetching_unless_named(&self, blob: BlobId) {
        if let (Some(exchange), Ok(false)) = (self.exchange.get(), self.is_named_now(blob)) {
            exchange.unwant(blob);
        }
    }

    /// Goes on with the sweep for a moment, or begins one that is due. Called again and again.
    pub(super) fn sweep_step(&self) {
        self.sweep_step_at(Instant::now());
    }

    fn sweep_step_at(&self, now: Instant) {
        let mut sweeping = self.collection.sweeping.lock().unwrap_or_else(PoisonError::into_inner);
        let Sweeping { sweep, walk } = &mut *sweeping;
        let standing = self.standing();
        if sweep.begin(now, standing) {
            *walk = match self.catalogue.journal().iter_from(self.catalogue.journal().cursor(0)) {
                Ok(frames) => Walk::Journal(frames),
                Err(error) => {
                    tracing::warn!(%error, "the journal cannot be read through; nothing is swept");
                    Walk::None
                }
            };
        } else if !sweep.goes_on(now, standing) {
            *walk = Walk::None;
            return;
        }
        let walked = match walk {
            Walk::None => Walked::Stuck,
            Walk::Journal(frames) => self.read_through(frames),
            Walk::Blobs(blobs, met) => self.sweep_blobs(sweep, blobs, met, now),
        };
        match (walked, &walk) {
            (Walked::On, _) => {}
            (Walked::Through, Walk::Journal(_)) => *walk = Walk::Blobs(self.blobs.iter(), None),
            (Walked::Through, _) => {
                *walk = Walk::None;
                sweep.end(now);
            }
            (Walked::Stuck, _) => {
                *walk = Walk::None;
                sweep.break_off(now);
            }
        }
    }

    fn standing(&self) -> Standing {
        Standing {
            applied: self.catalogue.applied(),
            is_settled: self.settled_at().is_some() && self.catalogue.reading().is_ok(),
            is_damaged: !self.catalogue.journal().damaged().is_empty(),
        }
    }

    /// Reads on in the journal, so that damage shows.
    fn read_through(&self, frames: &mut Frames) -> Walked {
        let begun = Instant::now();
        while begun.elapsed() < STEP {
            match frames.next() {
                None => return Walked::Through,
                Some(Ok(frame)) if is_understood(&frame.payload) => {}
                Some(Ok(frame)) => {
                    tracing::info!(
                        position = frame.position,
                        "the journal holds what cannot be read; nothing is swept"
                    );
                    return Walked::Stuck;
                }
                Some(Err(error)) => {
                    tracing::warn!(%error, "the journal cannot be read through; nothing is swept");
                    return Walked::Stuck;
                }
            }
        }
        Walked::On
    }

    fn sweep_blobs(
        &self,
        sweep: &mut Sweep,
        blobs: &mut blobs::Iter,
        met: &mut Option<BlobId>,
        now: Instant,
    ) -> Walked {
        let begun = Instant::now();
        while begun.elapsed() < STEP {
            let blob = match met.take().map(Ok).or_else(|| blobs.next()) {
                None => return Walked::Through,
                Some(Ok(blob)) => blob,
                Some(Err(error)) => {
                    tracing::warn!(%error, "blobs cannot be listed; the sweep is tried again later");
                    return Walked::Stuck;
                }
            };
            let fate = match self.is_named_now(blob) {
                Ok(is_named) => sweep.meet(blob, is_named, now),
                Err(Obstacle::Unsettled) => {
                    *met = Some(blob);
                    return Walked::On;
                }
                Err(error) => {
                    tracing::warn!(%error, "the catalogue cannot be asked; the sweep is tried again later");
                    return Walked::Stuck;
                }
            };
            if fate == Fate::Goes
                && let Err(error) = self.remove_unless_named(blob)
            {
                tracing::info!(%blob, %error, "a blob that nothing names stays for now");
            }
        }
        Walked::On
    }

    /// Whether a live resource names a blob.
    fn is_named_now(&self, blob: BlobId) -> std::result::Result<bool, Obstacle> {
        let end = self.settled_at().ok_or(Obstacle::Unsettled)?;
        let is_named = !self.catalogue.reading()?.uses(&blob)?.is_empty();
        if self.settled_at() == Some(end) { Ok(is_named) } else { Err(Obstacle::Unsettled) }
    }

    /// Whether a live resource names a blob, or it cannot be told.
    pub(super) fn may_be_named(&self, blob: BlobId) -> bool {
        settled(|| self.is_named_now(blob)).unwrap_or(true)
    }

    /// The journal's end, if the catalogue knows everything up to it. A rebuild begins with an entry that is in the
    /// journal and not applied, so two equal answers have none between them.
    fn settled_at(&self) -> Option<u64> {
        let end = self.catalogue.journal().end().position;
        (self.catalogue.applied() == end).then_some(end)
    }
}

/// Asks until the catalogue has settled, with patience.
fn settled<T>(ask: impl Fn() -> std::result::Result<T, Obstacle>) -> std::result::Result<T, Obstacle> {
    for _ in 0..SETTLING_TRIES {
        match ask() {
            Err(Obstacle::Unsettled) => std::thread::sleep(SETTLING),
            told => return told,
        }
    }
    Err(Obstacle::Unsettled)
}

/// How a step of a sweep ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walked {
    On,
    Through,
    Stuck,
}

/// Whether this version can tell which blobs a record of the journal names.
fn is_understood(payload: &[u8]) -> bool {
    match Record::from_bytes(payload) {
        Ok(Record::Entry(entry)) if entry.entry().key.kind == Kind::RESOURCE => {
            entry.entry().body.as_deref().is_none_or(|body| Resource::from_body(body).is_ok())
        }
        Ok(_) => true,
        Err(_) => false,
    }
}
