//! Covers: the new frames of a segment, shown to readers while the file below them changes.
//!
//! A write is not seen at once: who reads meanwhile gets old bytes before new ones, and damage where there is none.
//! So the new frames are laid over the segment before its file is touched and lifted when that is done; every read
//! keeps the cover as it is until its bytes are there. Nobody waits for the disk because of it.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// One frame over the bytes of its segment.
#[derive(Debug)]
pub(super) struct Patch {
    pub(super) position: u64,
    pub(super) frame: Vec<u8>,
}

impl Patch {
    fn end(&self) -> u64 {
        self.position + self.frame.len() as u64
    }
}

/// What lies over one segment.
#[derive(Debug, Default)]
pub(super) struct Cover {
    /// Grows when something is laid over: bytes read before are old then.
    pub(super) generation: u64,
    /// By position; they do not overlap.
    patches: Vec<Patch>,
}

impl Cover {
    pub(super) fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// Puts the covered bytes into `bytes`, which were read from `position` on.
    pub(super) fn apply(&self, position: u64, bytes: &mut [u8]) {
        let end = position + bytes.len() as u64;
        let first = self.patches.partition_point(|p| p.end() <= position);
        for patch in self.patches[first..].iter().take_while(|p| p.position < end) {
            let (from, to) = (patch.position.max(position), patch.end().min(end));
            // All lie within a window, so they fit.
            let within = |start: u64| {
                let at = |p: u64| usize::try_from(p - start).unwrap_or(usize::MAX);
                at(from)..at(to)
            };
            bytes[within(position)].copy_from_slice(&patch.frame[within(patch.position)]);
        }
    }
}

/// A segment's cover, shared by all who hold the segment.
#[derive(Debug, Default)]
pub(super) struct SharedCover(RwLock<Cover>);

impl SharedCover {
    /// The cover, which stays as it is until this is dropped.
    pub(super) fn held(&self) -> RwLockReadGuard<'_, Cover> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lays these over the segment, in the order of their positions.
    pub(super) fn lay(&self, patches: Vec<Patch>) {
        let mut cover = self.changed();
        cover.generation += 1;
        cover.patches = patches;
    }

    /// The file below now holds the same.
    pub(super) fn lift(&self) {
        self.changed().patches = Vec::new();
    }

    fn changed(&self) -> RwLockWriteGuard<'_, Cover> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
