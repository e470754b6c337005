//! Adding files: copied, cloned block by block, or moved.
//!
//! A copy is hashed while it is written to `staging/`; a file that is moved is hashed where it lies. Files of a batch are
//! synced one by one, on a few threads. [`super::keep`] then gives them their places.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::piece::{PieceHasher, PieceList};

use super::keep::Placed;
use super::publish::in_parallel;
use super::space::CHECK_EVERY_BYTES;
use super::staged::{Original, OwnCopy, Source, Staged};
use super::{BlobError, Blobs, MAX_BLOB_BYTES, Shared, io_error};
use crate::fs::{File, Kind, Metadata, Mode};

/// Ending of the names in `staging/` that are removed at start.
pub(super) const STAGED_SUFFIX: &str = ".tmp";

/// What is read, hashed and written at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// Files whose places are synced together.
const BATCH_FILES: usize = 1024;

/// What happens to the file that is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddMode {
    /// It stays; its bytes are copied.
    Copy,
    /// It becomes the blob, and goes from where it was when that is settled.
    Move,
    /// It stays and shares its blocks with the blob, where the file system can do that; else as [`AddMode::Copy`].
    Reflink,
}

/// A blob that is here, durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// Its name.
    pub id: BlobId,
    /// Its bytes.
    pub size: u64,
    /// Whether it was here before.
    pub already_held: bool,
}

impl Blobs {
    /// Makes files ready to become blobs; outcomes in the order of `paths`. One bad file spoils no other. Nothing that a
    /// person has is changed: a file that is to be moved stays where it is until [`super::Kept::settle`].
    pub fn stage_batch(&self, paths: &[PathBuf], mode: AddMode) -> Vec<Result<Staged, BlobError>> {
        let shared = &self.shared;
        let stage = |path: &PathBuf| match mode {
            AddMode::Copy => shared.stage_copy(path),
            AddMode::Reflink => shared.stage_reflink(path),
            AddMode::Move => shared.stage_move(path),
        };
        in_parallel(shared.fs.parallelism(), paths, stage)
    }

    /// Makes ready what a reader gives, to its end. `expected` bytes, if known, are looked for on the disk first.
    pub fn stage_reader(&self, reader: &mut dyn Read, expected: Option<u64>) -> Result<Staged, BlobError> {
        self.shared.stage_with(expected.unwrap_or(0), |buffer| reader.read(buffer).map_err(BlobError::BrokenOff))
    }

    /// Adds a file for good: staged, kept and settled at once, for callers who publish nothing.
    pub fn add(&self, path: &Path, mode: AddMode) -> Result<Added, BlobError> {
        self.add_batch(&[path.to_path_buf()], mode)
            .pop()
            .unwrap_or_else(|| Err(BlobError::Vanished(path.to_path_buf())))
    }

    /// Adds a copy of a file.
    pub fn add_copy(&self, path: &Path) -> Result<Added, BlobError> {
        self.add(path, AddMode::Copy)
    }

    /// Makes a file the blob; it is gone from where it was.
    pub fn add_move(&self, path: &Path) -> Result<Added, BlobError> {
        self.add(path, AddMode::Move)
    }

    /// Adds a file that goes on sharing its blocks with the blob, where the file system can do that.
    pub fn add_reflink(&self, path: &Path) -> Result<Added, BlobError> {
        self.add(path, AddMode::Reflink)
    }

    /// Adds what a reader gives, to its end. `expected` bytes, if known, are looked for on the disk first.
    pub fn add_reader(&self, reader: &mut dyn Read, expected: Option<u64>) -> Result<Added, BlobError> {
        self.shared.keep_at_once(self.stage_reader(reader, expected)?)
    }

    /// Adds many files with as few syncs as can be; outcomes in the order of `paths`. One bad file spoils no other.
    pub fn add_batch(&self, paths: &[PathBuf], mode: AddMode) -> Vec<Result<Added, BlobError>> {
        let shared = &self.shared;
        let mut outcomes = Vec::with_capacity(paths.len());
        for paths in paths.chunks(BATCH_FILES) {
            // There is no catalogue to ask: what is in its place by then stays.
            let placed = shared.place_all(self.stage_batch(paths, mode), &|_| true);
            outcomes.extend(placed.into_iter().map(|placed| shared.settle_at_once(placed?)));
        }
        outcomes
    }
}

impl Shared {
    /// Keeps what needs no entry to be kept for.
    pub(super) fn keep_at_once(self: &Arc<Self>, staged: Staged) -> Result<Added, BlobError> {
        let id = staged.id;
        let placed = self.place_all(vec![Ok(staged)], &|_| true).pop();
        self.settle_at_once(placed.unwrap_or(Err(BlobError::NotHeld(id)))?)
    }

    fn settle_at_once(self: &Arc<Self>, placed: Placed) -> Result<Added, BlobError> {
        let added = placed.added;
        self.settle(placed).map(|()| added)
    }

    /// Copies a file to `staging/`, hashed and synced.
    pub(super) fn stage_copy(self: &Arc<Self>, path: &Path) -> Result<Staged, BlobError> {
        let (file, before) = self.open_source(path, Mode::Read)?;
        let mut at = 0;
        let staged = self.stage_with(before.len, |buffer| {
            let read = file.read_at(at, buffer).map_err(source_error(path))?;
            at += read as u64;
            // Somebody who goes on writing is not waited for.
            if at > before.len { Err(BlobError::Changed(path.to_path_buf())) } else { Ok(read) }
        })?;
        self.unchanged(path, &*file, before)?;
        Ok(staged)
    }

    fn stage_reflink(self: &Arc<Self>, path: &Path) -> Result<Staged, BlobError> {
        let (file, before) = self.open_source(path, Mode::Read)?;
        let copy = OwnCopy::new(self, self.staged_path());
        if self.fs.reflink(path, &copy.path).is_err() {
            return self.stage_copy(path);
        }
        // The clone has its source's mode; it must be writable to be synced on every system.
        self.fs.set_writable(&copy.path).map_err(io_error("open", &copy.path))?;
        let clone = self.fs.open(&copy.path, Mode::Write).map_err(io_error("open", &copy.path))?;
        let (id, size) = self.hash(&*clone, &copy.path)?;
        clone.sync().map_err(self.write_error(&copy.path, size))?;
        self.unchanged(path, &*file, before)?;
        Ok(Staged { id, size, source: Source::Copy(copy) })
    }

    /// Hashes and syncs a file where it lies; copies it where it cannot be moved.
    fn stage_move(self: &Arc<Self>, path: &Path) -> Result<Staged, BlobError> {
        let named = self.fs.metadata(path).map_err(source_error(path))?;
        let opened = self.open_source(path, Mode::Write);
        let original = |before, mode| Original { path: path.to_path_buf(), before, mode };
        let mode = self.fs.mode(path).map_err(source_error(path))?;
        match opened {
            Ok((file, before)) if named.kind == Kind::File => {
                let (id, size) = self.hash(&*file, path)?;
                file.sync().map_err(io_error("sync", path))?;
                self.unchanged(path, &*file, before)?;
                Ok(Staged { id, size, source: Source::Original(original(before, mode)) })
            }
            Err(e @ (BlobError::Vanished(_) | BlobError::NotAFile(_) | BlobError::TooLarge { .. })) => Err(e),
            _ => self.stage_copy(path).map(|staged| staged.with_original(original(named, mode))),
        }
    }

    fn stage_with(
        self: &Arc<Self>,
        needed: u64,
        mut read: impl FnMut(&mut [u8]) -> Result<usize, BlobError>,
    ) -> Result<Staged, BlobError> {
        too_large(needed)?;
        self.check_space(needed)?;
        let copy = OwnCopy::new(self, self.staged_path());
        let path = &copy.path;
        let file = self.fs.open(path, Mode::CreateNew).map_err(self.write_error(path, needed))?;
        let mut hasher = PieceHasher::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut checked = needed;
        loop {
            let read = match read(&mut buffer)? {
                0 => break,
                read => read,
            };
            let at = hasher.size();
            too_large(at + read as u64)?;
            if at + read as u64 > checked {
                self.check_space(CHECK_EVERY_BYTES)?;
                checked = at + CHECK_EVERY_BYTES;
            }
            file.write_at(at, &buffer[..read]).map_err(self.write_error(path, needed.max(at)))?;
            hasher.update(&buffer[..read]);
        }
        let size = hasher.size();
        file.sync().map_err(self.write_error(path, size))?;
        let list = hasher.finish();
        self.pieces().keep(&list);
        Ok(Staged { id: list.blob(), size, source: Source::Copy(copy) })
    }

    pub(super) fn staged_path(&self) -> PathBuf {
        let number = self.next_staged.fetch_add(1, Ordering::Relaxed);
        self.paths.staging().join(format!("{number:016x}{STAGED_SUFFIX}"))
    }

    /// Opens a file that somebody wants to add. Links are followed.
    fn open_source(&self, path: &Path, mode: Mode) -> Result<(Box<dyn File>, Metadata), BlobError> {
        if self.fs.metadata(path).map_err(source_error(path))?.kind == Kind::Folder {
            return Err(BlobError::NotAFile(path.to_path_buf()));
        }
        let file = self.fs.open(path, mode).map_err(source_error(path))?;
        let metadata = file.metadata().map_err(source_error(path))?;
        if metadata.kind != Kind::File {
            return Err(BlobError::NotAFile(path.to_path_buf()));
        }
        too_large(metadata.len)?;
        Ok((file, metadata))
    }

    /// Whether a file that was read is still the one that it was.
    fn unchanged(&self, path: &Path, file: &dyn File, before: Metadata) -> Result<(), BlobError> {
        self.fs.metadata(path).map_err(source_error(path))?;
        let after = file.metadata().map_err(source_error(path))?;
        if after == before { Ok(()) } else { Err(BlobError::Changed(path.to_path_buf())) }
    }

    /// Name and size of an open file; its pieces' values are remembered.
    pub(super) fn hash(&self, file: &dyn File, path: &Path) -> Result<(BlobId, u64), BlobError> {
        let list = hash(file).map_err(source_error(path))?;
        self.pieces().keep(&list);
        Ok((list.blob(), list.size()))
    }
}

/// Name, size and pieces' values of an open file, as far as it went at the beginning: one that grows faster than it is
/// read would never come to an end.
pub(super) fn hash(file: &dyn File) -> io::Result<PieceList> {
    let len = file.metadata()?.len;
    let mut hasher = PieceHasher::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    while hasher.size() < len {
        let wanted = usize::try_from(len - hasher.size()).unwrap_or(BUFFER_BYTES).min(BUFFER_BYTES);
        match file.read_at(hasher.size(), &mut buffer[..wanted]) {
            Ok(0) => break,
            Ok(read) => hasher.update(&buffer[..read]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(hasher.finish())
}

fn too_large(size: u64) -> Result<(), BlobError> {
    if size > MAX_BLOB_BYTES { Err(BlobError::TooLarge { size }) } else { Ok(()) }
}

fn source_error(path: &Path) -> impl Fn(io::Error) -> BlobError {
    let path = path.to_path_buf();
    move |source| match source.kind() {
        io::ErrorKind::NotFound => BlobError::Vanished(path.clone()),
        io::ErrorKind::InvalidInput => BlobError::NotAFile(path.clone()),
        _ => BlobError::Source { path: path.clone(), source },
    }
}
