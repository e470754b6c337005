//! Room on the disk: files stop early, so that journals and people's logins go on.

use std::io;
use std::path::Path;

use super::{BlobError, Shared, io_error};
use crate::fs;

/// Blobs leave this much of the disk free: 64 MiB, one journal segment, so that entries are still taken when files no
/// longer are.
pub const FLOOR_BYTES: u64 = 64 << 20;

/// How often a file of unknown size is measured against the free space while it is written.
pub(super) const CHECK_EVERY_BYTES: u64 = 16 << 20;

impl Shared {
    /// Refuses before anything is written what would not fit.
    pub(super) fn check_space(&self, needed: u64) -> Result<(), BlobError> {
        // Where the system cannot say, the write itself will.
        match self.free() {
            Some(free) if needed > free => Err(BlobError::NoSpace { needed, free }),
            _ => Ok(()),
        }
    }

    fn free(&self) -> Option<u64> {
        let free = self.fs.free_space(&self.paths.staging()).ok()?;
        Some(free.saturating_sub(FLOOR_BYTES))
    }

    /// The error of a failed write of a file of `needed` bytes.
    pub(super) fn write_error(&self, path: &Path, needed: u64) -> impl Fn(io::Error) -> BlobError {
        let written = io_error("write", path);
        move |e| match fs::is_full(&e) {
            true => BlobError::NoSpace { needed, free: self.free().unwrap_or(0) },
            false => written(e),
        }
    }
}
