//! Pins: blobs that somebody is about to name, and the one way by which a blob leaves its place.
//!
//! Between the moment when a blob is found to be here (or gets its place) and the moment when an entry names it,
//! nothing but its pin says that it is needed. So whoever adds or fetches pins first and looks second, and
//! [`Blobs::remove_unless_named`] looks at the pins and asks for names under one lock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kapok_protocol::blob::BlobId;

use super::{BlobError, Blobs, Shared};

/// How many hold each pinned blob.
#[derive(Debug, Default)]
pub(super) struct Pins(Mutex<BTreeMap<BlobId, usize>>);

impl Pins {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<BlobId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, the blob is not removed. Several may hold one blob.
pub struct Pin {
    shared: Arc<Shared>,
    id: BlobId,
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pin({})", self.id)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.shared.pins.lock();
        if let Some(count) = pins.get_mut(&self.id) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.id);
            }
        }
    }
}

/// What became of a blob that was to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    Removed,
    /// It was not here.
    NotHeld,
    /// Somebody is about to name it; to be looked at again.
    Pinned,
    /// Something names it.
    Named,
}

impl Blobs {
    /// Keeps a blob, here or to come, from being removed.
    #[must_use]
    pub fn pin(&self, id: BlobId) -> Pin {
        self.shared.pin(id)
    }

    /// Removes a blob unless it is pinned, or `is_named` says that something names it. After a power cut it may be back.
    ///
    /// `is_named` is asked under the lock of the pins, and only for a blob that is not pinned. Whoever holds what it
    /// waits for must not pin.
    pub fn remove_unless_named<E: From<BlobError>>(
        &self,
        id: BlobId,
        is_named: impl FnOnce() -> Result<bool, E>,
    ) -> Result<Removal, E> {
        self.shared.unless_needed(id, 0, is_named, || {
            Ok(if self.shared.unlink(id)? { Removal::Removed } else { Removal::NotHeld })
        })
    }
}

impl Shared {
    pub(super) fn pin(self: &Arc<Self>, id: BlobId) -> Pin {
        *self.pins.lock().entry(id).or_default() += 1;
        Pin { shared: self.clone(), id }
    }

    /// Does `remove` if no more than the caller's `own` pins hold the blob and nothing names it, all under one lock.
    pub(super) fn unless_needed<E>(
        &self,
        id: BlobId,
        own: usize,
        is_named: impl FnOnce() -> Result<bool, E>,
        remove: impl FnOnce() -> Result<Removal, E>,
    ) -> Result<Removal, E> {
        let pins = self.pins.lock();
        if pins.get(&id).is_some_and(|count| *count > own) {
            return Ok(Removal::Pinned);
        }
        if is_named()? { Ok(Removal::Named) } else { remove() }
    }

    /// Whether the blob was here.
    pub(super) fn unlink(&self, id: BlobId) -> Result<bool, BlobError> {
        let path = self.path_of(id);
        self.pieces().forget(id);
        match self.fs.remove(&path) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(super::io_error("remove", &path)(e)),
        }
    }
}
