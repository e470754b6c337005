//! Staged files: all bytes durable, the name known, and no place among the blobs yet.
//!
//! What does not need the place (text extraction, checks) is done in this state, because it leaves no trace: dropped, a
//! staged file is as if it had never been. [`super::keep`] gives it its place.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kapok_protocol::blob::BlobId;

use super::{Shared, Upload};
use crate::fs::Metadata;

/// A file that is ready to become a blob. Dropped, it leaves everything as it was.
#[derive(Debug)]
pub struct Staged {
    pub(super) id: BlobId,
    pub(super) size: u64,
    pub(super) source: Source,
}

/// Where the bytes are, and what becomes of that when they are a blob.
#[derive(Debug)]
pub(super) enum Source {
    /// A copy of our own.
    Copy(OwnCopy),
    /// A copy of our own, made of a person's file that goes at the end.
    CopyToMove(OwnCopy, Original),
    /// The person's own file. It becomes the blob as it lies there.
    Original(Original),
    Upload(Box<Upload>),
    /// Ours, and left where it is if it cannot become a blob: it is tried again.
    Partial(PathBuf),
}

/// A person's file as it was when it was read.
#[derive(Clone, Debug)]
pub(super) struct Original {
    pub(super) path: PathBuf,
    pub(super) before: Metadata,
    pub(super) mode: u32,
}

/// A file in `staging/` that goes when nobody takes it.
pub(super) struct OwnCopy {
    shared: Arc<Shared>,
    pub(super) path: PathBuf,
}

impl OwnCopy {
    pub(super) fn new(shared: &Arc<Shared>, path: PathBuf) -> Self {
        Self { shared: shared.clone(), path }
    }
}

impl std::fmt::Debug for OwnCopy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OwnCopy({})", self.path.display())
    }
}

impl Drop for OwnCopy {
    fn drop(&mut self) {
        // Taken already, most often.
        let _ = self.shared.fs.remove(&self.path);
    }
}

impl Staged {
    /// The name that the blob will have.
    #[must_use]
    pub fn id(&self) -> BlobId {
        self.id
    }

    /// Its bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where they can be read meanwhile.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        match &self.source {
            Source::Copy(copy) | Source::CopyToMove(copy, _) => copy.path.clone(),
            Source::Original(original) => original.path.clone(),
            Source::Upload(upload) => upload.path(),
            Source::Partial(path) => path.clone(),
        }
    }

    /// The same, of a copy whose original is to go at the end.
    pub(super) fn with_original(self, original: Original) -> Self {
        let source = match self.source {
            Source::Copy(copy) => Source::CopyToMove(copy, original),
            other => other,
        };
        Self { source, ..self }
    }

    /// Whether the bytes that are given up when the blob is here already may be the only good ones.
    pub(super) fn is_somebodys(&self) -> bool {
        matches!(self.source, Source::Original(_) | Source::CopyToMove(..))
    }
}

impl Original {
    /// Whether a look at the name shows the very file that was read.
    pub(super) fn is_still(&self, now: &Metadata) -> bool {
        *now == self.before
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
