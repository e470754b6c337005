//! Publishing: what was written and synced gets its place under `blobs/`.
//!
//! A batch syncs each folder once. Folders that this process has synced before are not synced again for their own
//! name, only for the names in them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use kapok_protocol::blob::BlobId;

use super::{BlobError, Shared, io_error};

/// A file with all its bytes durable, under a name of its own.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) path: PathBuf,
    pub(super) id: BlobId,
    pub(super) size: u64,
}

impl Shared {
    /// Renames the file to its place. Not durable before [`Self::sync_places`].
    pub(super) fn place(&self, ready: &Ready) -> Result<(), BlobError> {
        let place = self.path_of(ready.id);
        self.make_room_for(ready)?;
        self.fs.set_read_only(&ready.path).map_err(io_error("protect", &ready.path))?;
        self.fs.rename(&ready.path, &place).map_err(self.write_error(&place, ready.size))
    }

    /// Creates the folders of its place.
    pub(super) fn make_room_for(&self, ready: &Ready) -> Result<(), BlobError> {
        let place = self.path_of(ready.id);
        let folder = place.parent().unwrap_or(Path::new("."));
        self.fs.create_dir_all(folder).map_err(self.write_error(folder, ready.size))
    }

    /// Makes the places of these blobs durable; of each whether it is.
    pub(super) fn sync_places(&self, ids: &[BlobId]) -> Vec<Result<(), BlobError>> {
        let mut leaves = BTreeSet::new();
        let mut fans = BTreeSet::new();
        let mut root = false;
        {
            let durable = self.durable_folders.lock().unwrap_or_else(PoisonError::into_inner);
            for id in ids {
                leaves.insert(leaf(id));
                if !durable.contains(&leaf(id)) {
                    fans.insert(fan(id));
                    root |= !durable.contains(&fan(id));
                }
            }
        }
        let blobs = self.paths.blobs();
        let mut folders: Vec<(u32, PathBuf)> = Vec::new();
        folders.extend(leaves.iter().map(|&l| (l, blobs.join(format!("{:02x}/{:02x}", l >> 8, l & 0xff)))));
        folders.extend(fans.iter().map(|&f| (f, blobs.join(format!("{:02x}", (f >> 8) & 0xff)))));
        if root {
            folders.push((u32::MAX, blobs));
        }
        let outcomes = in_parallel(self.fs.parallelism(), &folders, |(_, path)| self.fs.sync_dir(path));
        let mut failed = BTreeSet::new();
        let mut error: Option<(PathBuf, io::Error)> = None;
        for ((folder, path), outcome) in folders.iter().zip(outcomes) {
            if let Err(e) = outcome {
                failed.insert(*folder);
                error = Some((path.clone(), e));
            }
        }
        let good = |id: &BlobId| ![leaf(id), fan(id), u32::MAX].iter().any(|f| failed.contains(f));
        let mut durable = self.durable_folders.lock().unwrap_or_else(PoisonError::into_inner);
        for id in ids.iter().filter(|id| good(id)) {
            durable.extend([leaf(id), fan(id)]);
        }
        let outcome = |id: &BlobId| match &error {
            Some((path, e)) if !good(id) => Err(io_error("sync", path)(io::Error::new(e.kind(), e.to_string()))),
            _ => Ok(()),
        };
        ids.iter().map(outcome).collect()
    }
}

fn leaf(id: &BlobId) -> u32 {
    u32::from(id.0[0]) << 8 | u32::from(id.0[1])
}

fn fan(id: &BlobId) -> u32 {
    0x1_0000 | u32::from(id.0[0]) << 8
}

/// Does `work` for all items, up to `threads` at a time; outcomes in the items' order.
pub(super) fn in_parallel<T: Sync, R: Send>(threads: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if threads <= 1 || items.len() <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while let Some((index, item)) =
            Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, items.get(i)?)))
        {
            done.push((index, work(item)));
        }
        done
    };
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(items.len())).map(|_| scope.spawn(worker)).collect();
        let mut done = worker();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}
