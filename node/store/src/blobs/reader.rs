//! Reading blobs: any range at any time, from many threads.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use kapok_protocol::blob::BlobId;

use super::{BlobError, Blobs, Shared, io_error};
use crate::fs::{self, File, Mode};

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
