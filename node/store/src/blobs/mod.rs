//! Blobs: whole files under their BLAKE3 hash, `blobs/ab/cd/HEX`, mode 0444.
//!
//! Files come in by [`Blobs::stage_batch`] and its kin ([`add`]), by an [`Upload`] that can be resumed, or piece by piece
//! from peers ([`Partial`]). The first two are [`Staged`] until all that can be refused has been looked at; then
//! [`keep`] gives them their places by [`publish`]: bytes synced, renamed, folder synced, and only then acknowledged,
//! so that an entry which names a blob never comes before it. [`pins`] keep a blob meanwhile. [`verify`] finds what has
//! rotted.
//!
//! Invariant: a file under `blobs/` had all the bytes of its name when it got there.

mod add;
mod iter;
mod keep;
mod partial;
mod pins;
mod publish;
mod reader;
mod recipe;
mod space;
mod staged;
#[cfg(test)]
mod tests;
mod upload;
mod verify;

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kapok_protocol::blob::BlobId;

pub use kapok_protocol::blob::piece::MAX_BLOB_BYTES;

pub use add::{AddMode, Added};
pub use iter::Iter;
pub use keep::Kept;
pub use partial::Partial;
pub use pins::{Pin, Removal};
pub use reader::{BlobReader, CHECK_FIRST_BYTES, CheckedReader};
pub use space::FLOOR_BYTES;
pub use staged::Staged;
pub use upload::{MAX_TOKEN_BYTES, Upload, UploadInfo};
pub use verify::Verdict;

use crate::fs::SharedFs;
use crate::home::Paths;

/// Bytes of every piece but the last, as memory counts them.
pub const PIECE_BYTES: usize = kapok_protocol::blob::piece::PIECE_BYTES as usize;

/// The chaining value of one piece.
pub type PieceValue = [u8; kapok_protocol::blob::piece::VALUE_BYTES];

/// What the blob store cannot do, and why.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("{} is gone", .0.display())]
    Vanished(PathBuf),
    #[error("{} is not a regular file", .0.display())]
    NotAFile(PathBuf),
    #[error("{} changed while it was being added; add it again when it is finished", .0.display())]
    Changed(PathBuf),
    #[error("cannot read {}: {source}", .path.display())]
    Source { path: PathBuf, source: io::Error },
    #[error("the file being received broke off: {0}")]
    BrokenOff(io::Error),
    #[error("not enough space: {needed} bytes are needed, {free} are free for files")]
    NoSpace { needed: u64, free: u64 },
    #[error("a file of {size} bytes is larger than {MAX_BLOB_BYTES}, the largest that can be kept")]
    TooLarge { size: u64 },
    #[error("the blob {0} is not here")]
    NotHeld(BlobId),
    #[error("the blob {0} was damaged on this disk and is in quarantine")]
    Damaged(BlobId),
    #[error("“{0}” does not name an upload (1 to {MAX_TOKEN_BYTES} of a–z, 0–9, - and _)")]
    BadToken(String),
    #[error("the upload goes on at byte {expected}, not at {got}")]
    WrongOffset { expected: u64, got: u64 },
    #[error("{0} is being written by somebody else at this moment")]
    Busy(String),
    #[error("the blob {id} has {pieces} pieces; there is none with number {index} and {bytes} bytes")]
    WrongPiece { id: BlobId, index: u32, bytes: usize, pieces: u32 },
    #[error("{missing} pieces of the blob {id} are still missing")]
    Incomplete { id: BlobId, missing: u32 },
    #[error("what arrived for the blob {id} are not its bytes; it is fetched again from the beginning")]
    WrongBytes { id: BlobId },
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

/// The blobs of one node. Clones share the store; all methods may be called from many threads.
#[derive(Clone)]
pub struct Blobs {
    shared: Arc<Shared>,
}

struct Shared {
    fs: SharedFs,
    paths: Paths,
    /// Numbers of the temporary files in `staging/`.
    next_staged: AtomicU64,
    /// Fan-out folders whose names this process has synced (`ab` as 0xab00 + 65536, `ab/cd` as 0xabcd).
    durable_folders: Mutex<HashSet<u32>>,
    /// Uploads and partial files that somebody writes.
    busy: Mutex<BTreeSet<String>>,
    pieces: Mutex<verify::PieceCache>,
    pins: pins::Pins,
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blobs({})", self.shared.paths.blobs().display())
    }
}

impl Blobs {
    /// Opens the store of a data folder, and removes what a crash left of files that were being added.
    pub fn open(fs: SharedFs, paths: Paths) -> Result<Self, BlobError> {
        for dir in [paths.blobs(), paths.partial(), paths.staging(), paths.quarantine()] {
            crate::fs::create_durably(&*fs, &dir).map_err(io_error("create", &dir))?;
        }
        let staging = paths.staging();
        for name in fs.list(&staging).map_err(io_error("read", &staging))? {
            if name.ends_with(add::STAGED_SUFFIX) {
                let path = staging.join(name);
                fs.remove(&path).map_err(io_error("remove", &path))?;
            }
        }
        let shared = Shared {
            fs,
            paths,
            next_staged: AtomicU64::new(0),
            durable_folders: Mutex::default(),
            busy: Mutex::default(),
            pieces: Mutex::default(),
            pins: pins::Pins::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Where the blob is, or would be.
    #[must_use]
    pub fn path_of(&self, id: BlobId) -> PathBuf {
        self.shared.path_of(id)
    }

    /// Whether the blob is here.
    pub fn contains(&self, id: BlobId) -> Result<bool, BlobError> {
        self.size(id).map(|size| size.is_some())
    }

    /// The blob's bytes; `None` if it is not here.
    pub fn size(&self, id: BlobId) -> Result<Option<u64>, BlobError> {
        self.shared.size(id)
    }
}

impl Shared {
    fn path_of(&self, id: BlobId) -> PathBuf {
        let hex = id.to_string();
        self.paths.blobs().join(&hex[..2]).join(&hex[2..4]).join(hex)
    }

    fn size(&self, id: BlobId) -> Result<Option<u64>, BlobError> {
        let path = self.path_of(id);
        match self.fs.metadata(&path) {
            Ok(m) => Ok(Some(m.len)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(io_error("look at", &path)(e)),
        }
    }

    fn pieces(&self) -> MutexGuard<'_, verify::PieceCache> {
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps others from writing the same upload or partial file.
    fn occupy(self: &Arc<Self>, name: String) -> Result<Occupied, BlobError> {
        if !self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone()) {
            return Err(BlobError::Busy(name));
        }
        Ok(Occupied { shared: self.clone(), name })
    }
}

struct Occupied {
    shared: Arc<Shared>,
    name: String,
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.shared.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

fn io_error(doing: &'static str, path: &Path) -> impl Fn(io::Error) -> BlobError {
    let path = path.to_path_buf();
    move |source| BlobError::Io { doing, path: path.clone(), source }
}
