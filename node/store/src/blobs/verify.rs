//! Finding what has rotted, and the pieces' values of what has not.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;

use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::piece::{PieceList, piece_count};

use super::{BlobError, Blobs, PieceValue, Shared, add, io_error};
use crate::fs::{self, Mode};

/// What a re-reading found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All bytes are as the name says.
    Good { size: u64 },
    /// They were not, or could not be read; the file is in quarantine and no longer counts as held.
    Damaged,
    /// There is no such blob.
    NotHeld,
}

impl Blobs {
    /// Reads the whole blob again. A damaged one goes to quarantine.
    pub fn verify(&self, id: BlobId) -> Result<Verdict, BlobError> {
        self.shared.verify(id)
    }

    /// The same, unless somebody is at it.
    pub fn verify_once(&self, id: BlobId) -> Result<Option<Verdict>, BlobError> {
        match self.shared.occupy(format!("check {id}")) {
            Ok(_occupied) => self.verify(id).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Takes a blob out of circulation; its bytes stay in `quarantine/` until it is fetched again or they are removed.
    pub fn quarantine(&self, id: BlobId) -> Result<(), BlobError> {
        self.shared.quarantine(id)
    }

    /// The blobs in quarantine.
    pub fn quarantined(&self) -> Result<Vec<BlobId>, BlobError> {
        let dir = self.shared.paths.quarantine();
        let names = self.shared.fs.list(&dir).map_err(io_error("read", &dir))?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Removes the bytes of a blob from quarantine.
    pub fn discard_quarantined(&self, id: BlobId) -> Result<(), BlobError> {
        let path = self.shared.quarantine_path(id);
        fs::remove_if_there(&*self.shared.fs, &path).map_err(io_error("remove", &path))
    }

    /// The chaining values of the blob's pieces, in order; none for a blob of one piece, whose name is its only hash.
    ///
    /// # Errors
    /// If the blob is not here, or turns out damaged on the way: then it is in quarantine now.
    pub fn pieces(&self, id: BlobId) -> Result<Vec<PieceValue>, BlobError> {
        let shared = &self.shared;
        let size = shared.size(id)?.ok_or(BlobError::NotHeld(id))?;
        if piece_count(size) == 1 {
            return Ok(Vec::new());
        }
        if let Some(values) = shared.pieces().get(id) {
            return Ok(values);
        }
        match shared.verify(id)? {
            Verdict::Good { .. } => {}
            Verdict::Damaged => return Err(BlobError::Damaged(id)),
            Verdict::NotHeld => return Err(BlobError::NotHeld(id)),
        }
        shared.pieces().get(id).ok_or(BlobError::NotHeld(id))
    }
}

impl Shared {
    pub(super) fn verify(&self, id: BlobId) -> Result<Verdict, BlobError> {
        let path = self.path_of(id);
        let file = match self.fs.open(&path, Mode::Read) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Verdict::NotHeld),
            Err(e) => return Err(io_error("open", &path)(e)),
        };
        match add::hash(&*file) {
            Ok(list) if list.blob() == id => {
                self.pieces().keep(&list);
                return Ok(Verdict::Good { size: list.size() });
            }
            Ok(_) => tracing::warn!(blob = %id, "the file is not what its name says"),
            // Bad sectors. If it is the whole disk, the quarantine below fails too, and says so.
            Err(error) => tracing::warn!(blob = %id, %error, "the file cannot be read"),
        }
        drop(file);
        self.quarantine(id)?;
        Ok(Verdict::Damaged)
    }

    fn quarantine_path(&self, id: BlobId) -> PathBuf {
        self.paths.quarantine().join(id.to_string())
    }

    pub(super) fn quarantine(&self, id: BlobId) -> Result<(), BlobError> {
        self.pieces().forget(id);
        let (path, to) = (self.path_of(id), self.quarantine_path(id));
        match self.fs.rename(&path, &to) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(io_error("quarantine", &path)(e)),
        }
        let quarantine = self.paths.quarantine();
        self.fs.sync_dir(&quarantine).map_err(io_error("sync", &quarantine))?;
        // Durably gone from its place, so that it is not taken for good after a power cut.
        self.sync_places(&[id]).pop().unwrap_or(Ok(()))
    }
}

/// Values kept at most: 64 Ki pieces, 2 MiB, the lists of some 16 GiB of blobs.
const MAX_CACHED_VALUES: usize = 64 * 1024;

/// The piece values of the blobs used last.
#[derive(Debug, Default)]
pub(super) struct PieceCache {
    lists: VecDeque<(BlobId, Vec<PieceValue>)>,
    values: usize,
}

impl PieceCache {
    pub(super) fn keep(&mut self, list: &PieceList) {
        self.forget(list.blob());
        // A list as long as the whole cache is kept alone: it is the most expensive to make again.
        if list.values().is_empty() {
            return;
        }
        self.values += list.values().len();
        self.lists.push_back((list.blob(), list.values().to_vec()));
        while self.values > MAX_CACHED_VALUES && self.lists.len() > 1 {
            if let Some((_, oldest)) = self.lists.pop_front() {
                self.values -= oldest.len();
            }
        }
    }

    pub(super) fn get(&mut self, id: BlobId) -> Option<Vec<PieceValue>> {
        let at = self.lists.iter().position(|(held, _)| *held == id)?;
        let entry = self.lists.remove(at)?;
        let values = entry.1.clone();
        self.lists.push_back(entry);
        Some(values)
    }

    pub(super) fn forget(&mut self, id: BlobId) {
        if let Some(at) = self.lists.iter().position(|(held, _)| *held == id)
            && let Some((_, values)) = self.lists.remove(at)
        {
            self.values -= values.len();
        }
    }
}
