//! All blobs that are here, folder by folder, so that a million of them take no memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kapok_protocol::blob::BlobId;

use super::{BlobError, Blobs, Shared, io_error};
use crate::fs::Kind;

/// The ids of all blobs, in ascending order.
pub struct Iter {
    shared: Arc<Shared>,
    /// Folders still to be read, last first, with their depth.
    folders: Vec<(PathBuf, u8)>,
    /// Blobs of the folder at hand, last first.
    blobs: Vec<BlobId>,
}

impl std::fmt::Debug for Iter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Iter({} folders left)", self.folders.len())
    }
}

impl Blobs {
    /// The ids of all blobs, in ascending order. Those that come or go meanwhile may be met or not.
    #[must_use]
    pub fn iter(&self) -> Iter {
        let root = self.shared.paths.blobs();
        Iter { shared: self.shared.clone(), folders: vec![(root, 0)], blobs: Vec::new() }
    }
}

impl Iter {
    fn read(&mut self, folder: &Path, depth: u8) -> Result<(), BlobError> {
        let names = match self.shared.fs.list(folder) {
            Ok(names) => names,
            // Somebody tidied up an empty one.
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(io_error("read", folder)(e)),
        };
        if depth == 2 {
            self.blobs.extend(names.iter().rev().filter_map(|name| name.parse::<BlobId>().ok()));
            return Ok(());
        }
        let inner = names.iter().rev().filter(|n| n.len() == 2).map(|n| folder.join(n));
        let is_folder = |path: &PathBuf| self.shared.fs.metadata(path).is_ok_and(|m| m.kind == Kind::Folder);
        let inner: Vec<_> = inner.filter(is_folder).map(|path| (path, depth + 1)).collect();
        self.folders.extend(inner);
        Ok(())
    }
}

impl Iterator for Iter {
    type Item = Result<BlobId, BlobError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(id) = self.blobs.pop() {
                return Some(Ok(id));
            }
            let (folder, depth) = self.folders.pop()?;
            if let Err(e) = self.read(&folder, depth) {
                return Some(Err(e));
            }
        }
    }
}
