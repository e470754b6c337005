//! Reading blobs: any range at any time, from many threads; and checked, piece by piece, for people.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::piece::{piece_count, piece_len, piece_offset, piece_value};

use super::{BlobError, Blobs, PieceValue, Shared, io_error};
use crate::fs::{self, File, Mode};

/// A blob up to this size is read through before its first byte is given, if its pieces' values are not known: a fifth
/// of a second on a school's hard disk. Whoever plays a film does not wait for all of it.
pub const CHECK_FIRST_BYTES: u64 = 16 << 20;

/// An open blob. Removing the blob meanwhile does not disturb it. Clones have their own place.
#[derive(Clone, Debug)]
pub struct BlobReader {
    file: Arc<dyn File>,
    size: u64,
    at: u64,
}

impl Blobs {
    /// Opens a blob for reading.
    pub fn reader(&self, id: BlobId) -> Result<BlobReader, BlobError> {
        self.shared.reader(id)
    }

    /// The bytes at `offset`, fewer than `buf` has room for where the blob ends.
    pub fn read_at(&self, id: BlobId, offset: u64, buf: &mut [u8]) -> Result<usize, BlobError> {
        let reader = self.reader(id)?;
        reader.read_at(offset, buf).map_err(io_error("read", &self.path_of(id)))
    }
}

/// An open blob whose pieces are proved as they are read.
#[derive(Clone)]
pub struct CheckedReader {
    shared: Arc<Shared>,
    id: BlobId,
    reader: BlobReader,
    /// None for a large blob that was not read through yet: its bytes are given as they are.
    values: Option<Vec<PieceValue>>,
}

impl std::fmt::Debug for CheckedReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CheckedReader({}, {} bytes)", self.id, self.reader.size)
    }
}

impl Blobs {
    /// Opens a blob for somebody who wants right bytes or none.
    ///
    /// # Errors
    /// [`BlobError::Damaged`] if it turns out damaged: then it is in quarantine, and no longer held.
    pub fn checked_reader(&self, id: BlobId) -> Result<CheckedReader, BlobError> {
        let reader = self.reader(id)?;
        let known = self.shared.pieces().get(id);
        let values = match known {
            Some(values) => Some(values),
            None if reader.size() <= CHECK_FIRST_BYTES => Some(self.pieces(id)?),
            None => None,
        };
        Ok(CheckedReader { shared: self.shared.clone(), id, reader, values })
    }
}

impl CheckedReader {
    /// Whether what is read is proved. If not, somebody should [`Blobs::verify_once`] meanwhile.
    #[must_use]
    pub fn is_checked(&self) -> bool {
        self.values.is_some()
    }

    /// The blob's bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.reader.size
    }

    /// A whole piece.
    ///
    /// # Errors
    /// [`BlobError::Damaged`] if it is not what the blob's name says: then the blob is in quarantine.
    pub fn piece(&self, index: u32) -> Result<Vec<u8>, BlobError> {
        let (size, id) = (self.reader.size, self.id);
        let mut bytes = vec![0; piece_len(size, index)];
        let read = self.reader.read_at(piece_offset(index), &mut bytes);
        let is_right = match (&read, &self.values) {
            (Ok(read), _) if *read < bytes.len() => false,
            (Ok(_), None) => true,
            (Ok(_), Some(_)) if piece_count(size) == 1 => BlobId::of(&bytes) == id,
            (Ok(_), Some(values)) => values.get(index as usize) == Some(&piece_value(index, &bytes)),
            (Err(_), _) => false,
        };
        if is_right {
            return Ok(bytes);
        }
        tracing::warn!(blob = %id, index, error = read.err().map(tracing::field::display), "a piece is damaged");
        self.shared.quarantine(id)?;
        Err(BlobError::Damaged(id))
    }
}

impl Shared {
    pub(super) fn reader(&self, id: BlobId) -> Result<BlobReader, BlobError> {
        let path = self.path_of(id);
        let opened = self.fs.open(&path, Mode::Read).and_then(|file| {
            let size = file.metadata()?.len;
            Ok(BlobReader { file: file.into(), size, at: 0 })
        });
        opened.map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => BlobError::NotHeld(id),
            _ => io_error("open", &path)(e),
        })
    }
}

impl BlobReader {
    /// The blob's bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The bytes at `offset`, fewer than `buf` has room for where the blob ends.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        fs::read_full(&*self.file, offset, buf)
    }
}

impl Read for BlobReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(self.at, buf)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
