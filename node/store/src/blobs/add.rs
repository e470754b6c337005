//! Adding files: copied, cloned block by block, or moved.
//!
//! A copy is hashed while it is written to `staging/`. A file that is moved is hashed where it lies, gets its place as a
//! second name, and loses the first only when the second is durable. Files of a batch are synced one
//! by one, on a few threads, and each folder that received some once.
//!
//! What was being added when something went wrong is removed; what lay there before is untouched.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use kapok_protocol::blob::BlobId;

use super::pieces::TreeHasher;
use super::publish::{Ready, in_parallel};
use super::space::CHECK_EVERY_BYTES;
use super::{BlobError, Blobs, MAX_BLOB_BYTES, PieceValue, Shared, Verdict, io_error};
use crate::fs::{self, File, Kind, Metadata, Mode};

/// Ending of the names in `staging/` that are removed at start.
pub(super) const STAGED_SUFFIX: &str = ".tmp";

/// What is read, hashed and written at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// What failed when a file could not get its place as a second name.
const LINKING: &str = "move to";

/// Files whose places are synced together.
const BATCH_FILES: usize = 1024;

/// What happens to the file that is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddMode {
    /// It stays; its bytes are copied.
    Copy,
    /// It becomes the blob.
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
    /// Adds a file.
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
        let ready = self.shared.stage(reader, expected.unwrap_or(0)).map(Origin::staged)?;
        let outcome = self.shared.publish(vec![Ok(ready)]).pop();
        outcome.unwrap_or_else(|| Err(BlobError::BrokenOff(io::ErrorKind::UnexpectedEof.into())))
    }

    /// Adds many files with as few syncs as can be; outcomes in the order of `paths`. One bad file spoils no other.
    pub fn add_batch(&self, paths: &[PathBuf], mode: AddMode) -> Vec<Result<Added, BlobError>> {
        let shared = &self.shared;
        let mut outcomes = Vec::with_capacity(paths.len());
        for paths in paths.chunks(BATCH_FILES) {
            let prepare = |path: &PathBuf| match mode {
                AddMode::Copy => shared.stage_copy(path).map(Origin::staged),
                AddMode::Reflink => shared.stage_reflink(path).map(Origin::staged),
                AddMode::Move => shared.prepare_move(path),
            };
            outcomes.extend(shared.publish(in_parallel(shared.fs.parallelism(), paths, prepare)));
        }
        outcomes
    }
}

/// A file that is ready, and what becomes of it when it cannot be published or is here already.
pub(super) struct Origin {
    pub(super) ready: Ready,
    source: Source,
}

enum Source {
    /// Ours in `staging/`: removed.
    Staged,
    /// Ours, but to be tried again: left where it is.
    Kept,
    /// The person's own, to be moved.
    Moved { before: Metadata },
    /// Ours in `staging/`, copied from a person's file that is to disappear at the end.
    CopiedToMove { original: PathBuf },
}

impl Origin {
    pub(super) fn staged(ready: Ready) -> Self {
        Self { ready, source: Source::Staged }
    }

    pub(super) fn kept(ready: Ready) -> Self {
        Self { ready, source: Source::Kept }
    }
}

impl Shared {
    /// Gives each file its place, then makes all places durable.
    pub(super) fn publish(&self, origins: Vec<Result<Origin, BlobError>>) -> Vec<Result<Added, BlobError>> {
        let placed: Vec<_> = origins.into_iter().map(|o| self.place_origin(o?)).collect();
        let ids: Vec<BlobId> = placed.iter().flatten().map(|(added, _)| added.id).collect();
        let mut synced = self.sync_places(&ids).into_iter();
        placed
            .into_iter()
            .map(|placed| {
                let (added, left_over) = placed?;
                synced.next().unwrap_or(Ok(()))?;
                // Only now: until the blob is durable the person's file is the only one that is.
                if let Some(path) = left_over {
                    fs::remove_if_there(&*self.fs, &path).map_err(io_error("remove", &path))?;
                }
                Ok(added)
            })
            .collect()
    }

    /// Gives one file its place, unless the blob is there; returns what is to be removed at the end.
    fn place_origin(&self, origin: Origin) -> Result<(Added, Option<PathBuf>), BlobError> {
        let Origin { ready, source } = origin;
        let added = |already_held| Added { id: ready.id, size: ready.size, already_held };
        match (self.place_unless_held(&ready, &source), source) {
            (Ok(held), Source::Moved { .. }) => Ok((added(held), Some(ready.path))),
            (Ok(held), Source::CopiedToMove { original }) => {
                if held {
                    let _ = self.fs.remove(&ready.path);
                }
                Ok((added(held), Some(original)))
            }
            (Ok(held), Source::Staged | Source::Kept) => Ok((added(held), held.then_some(ready.path))),
            // On another disk, or one that knows no second names.
            (Err(BlobError::Io { doing: LINKING, .. }), Source::Moved { .. }) => {
                let copy = self.stage_copy(&ready.path)?;
                self.place_origin(Origin { ready: copy, source: Source::CopiedToMove { original: ready.path } })
            }
            (Err(e), Source::Kept | Source::Moved { .. }) => Err(e),
            (Err(e), Source::Staged | Source::CopiedToMove { .. }) => {
                let _ = self.fs.remove(&ready.path);
                Err(e)
            }
        }
    }

    /// Returns whether the blob was here already. A damaged one is replaced.
    fn place_unless_held(&self, ready: &Ready, source: &Source) -> Result<bool, BlobError> {
        if self.size(ready.id)? == Some(ready.size) {
            // A person's only copy is not given up for one that may have rotted.
            let gives_up = matches!(source, Source::Moved { .. } | Source::CopiedToMove { .. });
            if !gives_up || matches!(self.verify(ready.id)?, Verdict::Good { .. }) {
                return Ok(true);
            }
        }
        let Source::Moved { before } = source else {
            self.place(ready)?;
            return Ok(false);
        };
        let place = self.path_of(ready.id);
        fs::remove_if_there(&*self.fs, &place).map_err(io_error("replace", &place))?;
        self.make_room_for(ready)?;
        self.fs.hard_link(&ready.path, &place).map_err(io_error(LINKING, &place))?;
        let linked = match self.fs.metadata(&place) {
            Ok(after) if after == *before => self.fs.set_read_only(&place).map_err(io_error("protect", &place)),
            Ok(_) => Err(BlobError::Changed(ready.path.clone())),
            Err(e) => Err(io_error("look at", &place)(e)),
        };
        linked.map(|()| false).inspect_err(|_| {
            let _ = self.fs.remove(&place);
        })
    }

    /// Copies what the reader gives to `staging/`, hashed and synced. `needed` is its size, as far as known.
    pub(super) fn stage(&self, reader: &mut dyn Read, needed: u64) -> Result<Ready, BlobError> {
        self.stage_with(needed, |buffer| reader.read(buffer).map_err(BlobError::BrokenOff))
    }

    fn stage_copy(&self, path: &Path) -> Result<Ready, BlobError> {
        let (file, before) = self.open_source(path, Mode::Read)?;
        let mut at = 0;
        let ready = self.stage_with(before.len, |buffer| {
            let read = file.read_at(at, buffer).map_err(source_error(path))?;
            at += read as u64;
            // Somebody who goes on writing is not waited for.
            if at > before.len { Err(BlobError::Changed(path.to_path_buf())) } else { Ok(read) }
        })?;
        self.unchanged(path, &*file, before).inspect_err(|_| {
            let _ = self.fs.remove(&ready.path);
        })?;
        Ok(ready)
    }

    fn stage_reflink(&self, path: &Path) -> Result<Ready, BlobError> {
        let (file, before) = self.open_source(path, Mode::Read)?;
        let staged = self.staged_path();
        if self.fs.reflink(path, &staged).is_err() {
            fs::remove_if_there(&*self.fs, &staged).map_err(io_error("remove", &staged))?;
            return self.stage_copy(path);
        }
        let hashed = (|| {
            // The clone has its source's mode; it must be writable to be synced on every system.
            self.fs.set_writable(&staged).map_err(io_error("open", &staged))?;
            let clone = self.fs.open(&staged, Mode::Write).map_err(io_error("open", &staged))?;
            let (id, size) = self.hash(&*clone, &staged)?;
            clone.sync().map_err(self.write_error(&staged, size))?;
            self.unchanged(path, &*file, before)?;
            Ok(Ready { path: staged.clone(), id, size })
        })();
        hashed.inspect_err(|_| {
            let _ = self.fs.remove(&staged);
        })
    }

    /// Hashes and syncs a file where it lies; copies it where it cannot be moved.
    fn prepare_move(&self, path: &Path) -> Result<Origin, BlobError> {
        let named = self.fs.metadata(path).map_err(source_error(path))?;
        let opened = self.open_source(path, Mode::Write);
        let (file, before) = match opened {
            Ok(opened) if named.kind == Kind::File => opened,
            Err(e @ (BlobError::Vanished(_) | BlobError::NotAFile(_) | BlobError::TooLarge { .. })) => return Err(e),
            _ => {
                let ready = self.stage_copy(path)?;
                return Ok(Origin { ready, source: Source::CopiedToMove { original: path.to_path_buf() } });
            }
        };
        let (id, size) = self.hash(&*file, path)?;
        file.sync().map_err(io_error("sync", path))?;
        self.unchanged(path, &*file, before)?;
        Ok(Origin { ready: Ready { path: path.to_path_buf(), id, size }, source: Source::Moved { before } })
    }

    fn stage_with(
        &self,
        needed: u64,
        mut read: impl FnMut(&mut [u8]) -> Result<usize, BlobError>,
    ) -> Result<Ready, BlobError> {
        too_large(needed)?;
        self.check_space(needed)?;
        let path = self.staged_path();
        let staged = (|| {
            let file = self.fs.open(&path, Mode::CreateNew).map_err(self.write_error(&path, needed))?;
            let mut hasher = TreeHasher::default();
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
                file.write_at(at, &buffer[..read]).map_err(self.write_error(&path, needed.max(at)))?;
                hasher.update(&buffer[..read]);
            }
            let size = hasher.size();
            file.sync().map_err(self.write_error(&path, size))?;
            let (id, values) = hasher.finish();
            self.pieces().keep(id, values);
            Ok(Ready { path: path.clone(), id, size })
        })();
        staged.inspect_err(|_| {
            let _ = self.fs.remove(&path);
        })
    }

    fn staged_path(&self) -> PathBuf {
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
        let (id, size, values) = hash(file).map_err(source_error(path))?;
        self.pieces().keep(id, values);
        Ok((id, size))
    }
}

/// Name, size and pieces' values of an open file, as far as it went at the beginning: one that grows faster than it is
/// read would never come to an end.
pub(super) fn hash(file: &dyn File) -> io::Result<(BlobId, u64, Vec<PieceValue>)> {
    let len = file.metadata()?.len;
    let mut hasher = TreeHasher::default();
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
    let size = hasher.size();
    let (id, values) = hasher.finish();
    Ok((id, size, values))
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
