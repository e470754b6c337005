//! Views: ordered maps made from the journals, deletable at any time. sled stays inside.
//!
//! A [`View`] keeps its position in the journal with each batch, so that whoever feeds it knows where to go on. It is
//! believed after an orderly stop only ([`View::close`] writes CLEAN, opening removes it); otherwise, and whenever
//! sled fails or panics, it is empty again and is fed from the beginning. That costs half a minute for a million
//! entries and saves trusting a database whose `flush` does not sync.
//!
//! Reading order: [`engine`] (sled held at arm's length) → [`folder`] (what is on the disk) → [`scan`].
//!
//! Invariant: nothing exists only in a view.

mod engine;
mod folder;
mod scan;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use scan::Scan;

use crate::fs::{Fs, RealFs};
use crate::journal::Cursor;
use engine::Engine;
use folder::Folder;

/// Largest factor by which the folder may exceed what its content should take, before it is made anew: sled never gives
/// space back.
const OUTGROWN_FACTOR: u64 = 4;
/// Estimates below this are not believed: sled takes some megabytes for nothing.
const LEAST_ESTIMATE_BYTES: u64 = 16 << 20;
/// A view takes no more while the disk has less than this free, half the floor of the blobs: journals come first.
const FLOOR_BYTES: u64 = 32 << 20;

/// What went wrong with a view. None of it loses anything.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    #[error("the view in {} is damaged ({reason}) and has to be made anew", .dir.display())]
    Damaged { dir: PathBuf, reason: String },
    #[error("the view in {} was closed", .dir.display())]
    Closed { dir: PathBuf },
    #[error("the disk that holds {} is full; free some space, the view goes on then", .dir.display())]
    Full { dir: PathBuf },
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

/// How a view is opened.
#[derive(Clone, Copy, Debug)]
pub struct ViewOptions {
    /// What its content should take on disk, as far as known: a folder of more than four times that starts empty.
    pub estimate_bytes: Option<u64>,
    /// Memory for pages.
    pub cache_bytes: u64,
    /// How long opening may take before the folder is given up.
    pub open_limit: Duration,
}

impl Default for ViewOptions {
    fn default() -> Self {
        // sled takes several times what it is given: with 300,000 keys 47 MB for 8 MiB, 77 MB for 32 MiB, which made
        // it a fifth faster. Opening a gigabyte takes some seconds; a minute means trouble.
        Self { estimate_bytes: None, cache_bytes: 8 << 20, open_limit: Duration::from_secs(60) }
    }
}

/// One of the ordered maps of a view. Numbers are the caller's, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table(u8);

impl Table {
    /// The map with this number.
    ///
    /// # Panics
    /// If it is 0, which is the view's own.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        assert!(number > 0, "table 0 is the view's own");
        Self(number)
    }

    fn key(self, key: &[u8]) -> Vec<u8> {
        let mut full = Vec::with_capacity(1 + key.len());
        full.push(self.0);
        full.extend_from_slice(key);
        full
    }
}

/// Changes that come with a position in the journal: whoever opens the view again finds all of them and the position, or
/// an empty view. A reader meanwhile may meet some of them before the others.
#[derive(Debug, Default)]
pub struct Batch {
    changes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

impl Batch {
    /// No changes yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value.
    pub fn insert(&mut self, table: Table, key: &[u8], value: impl Into<Vec<u8>>) {
        self.changes.push((table.key(key), Some(value.into())));
    }

    /// Removes a value; that there is none is fine.
    pub fn remove(&mut self, table: Table, key: &[u8]) {
        self.changes.push((table.key(key), None));
    }

    /// How many changes it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// A view. Clones share it; all methods may be called from many threads, writes take turns.
#[derive(Clone)]
pub struct View {
    shared: Arc<Shared>,
}

struct Shared {
    folder: Folder,
    options: ViewOptions,
    state: Mutex<State>,
    writing: Mutex<()>,
    floor_bytes: AtomicU64,
}

enum State {
    Open { engine: Arc<Engine>, position: Option<Cursor> },
    Damaged { reason: String },
    Closed,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View({})", self.shared.folder.root().display())
    }
}

impl View {
    /// Opens the view in `dir`. Whatever is wrong with what lies there, the view opens: empty, if need be. Only a disk
    /// that cannot be written is an error.
    pub fn open(dir: &Path, options: ViewOptions) -> Result<Self, ViewError> {
        let folder = Folder::new(dir);
        let (engine, position) = folder.open(options)?;
        let state = Mutex::new(State::Open { engine: Arc::new(engine), position });
        let floor_bytes = AtomicU64::new(FLOOR_BYTES);
        Ok(Self { shared: Arc::new(Shared { folder, options, state, writing: Mutex::new(()), floor_bytes }) })
    }

    /// Up to where the journal is in the view; `None` while it is empty.
    pub fn position(&self) -> Result<Option<Cursor>, ViewError> {
        match &*self.shared.state() {
            State::Open { position, .. } => Ok(*position),
            State::Damaged { reason } => Err(self.shared.damaged(reason.clone())),
            State::Closed => Err(self.shared.closed()),
        }
    }

    /// The value of a key.
    pub fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, ViewError> {
        let key = table.key(key);
        self.shared.with(|engine| engine.get(&key))
    }

    /// Leaves this much of the disk to others, instead of 32 MiB.
    pub fn leave_free(&self, bytes: u64) {
        self.shared.floor_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Refuses what would take the room that journals need.
    pub fn check_space(&self) -> Result<(), ViewError> {
        let root = self.shared.folder.root();
        match RealFs.free_space(root) {
            Ok(free) if free < self.shared.floor_bytes.load(Ordering::Relaxed) => {
                Err(ViewError::Full { dir: root.to_path_buf() })
            }
            _ => Ok(()),
        }
    }

    /// Applies the changes and moves the view to `position`. A full disk is refused and leaves the view as it was; if
    /// anything else fails, the view is damaged and will be empty.
    pub fn apply(&self, batch: Batch, position: Cursor) -> Result<(), ViewError> {
        let _writing = self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_space()?;
        self.shared.with(|engine| engine.apply(batch.changes, position))?;
        if let State::Open { position: held, .. } = &mut *self.shared.state() {
            *held = Some(position);
        }
        Ok(())
    }

    /// Empties the view, whatever state it is in, in a new folder; the old one is kept aside for whoever wonders.
    pub fn reset(&self) -> Result<(), ViewError> {
        let _writing = self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let before =
            std::mem::replace(&mut *self.shared.state(), State::Damaged { reason: "it is being made anew".to_owned() });
        if let State::Open { engine, .. } = before {
            engine::let_go(engine);
        }
        self.shared.folder.set_aside();
        let engine = self.shared.folder.begin(self.shared.options)?;
        *self.shared.state() = State::Open { engine: Arc::new(engine), position: None };
        Ok(())
    }

    /// Stops in good order, so that the next opening finds the view as it is. Without this call it will start empty.
    pub fn close(&self) -> Result<(), ViewError> {
        let _writing = self.shared.writing.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *self.shared.state(), State::Closed) {
            State::Open { engine, position } => self.shared.folder.close(engine, position),
            State::Damaged { .. } | State::Closed => Ok(()),
        }
    }

    /// Bytes on disk.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.shared.folder.disk_bytes()
    }

    /// Whether the folder has outgrown its content, of which `estimate_bytes` are alive: time for [`View::reset`].
    #[must_use]
    pub fn outgrown(&self, estimate_bytes: u64) -> bool {
        outgrown(self.disk_bytes(), estimate_bytes)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work` with the engine; what fails in it makes the view damaged.
    fn with<R>(&self, work: impl FnOnce(&Engine) -> Result<R, String>) -> Result<R, ViewError> {
        let engine = match &*self.state() {
            State::Open { engine, .. } => engine.clone(),
            State::Damaged { reason } => return Err(self.damaged(reason.clone())),
            State::Closed => return Err(self.closed()),
        };
        engine::guarded(|| work(&engine)).map_err(|reason| {
            tracing::error!(view = %self.folder.root().display(), reason, "the view has failed");
            let mut state = self.state();
            // Somebody may have made it anew meanwhile.
            if matches!(&*state, State::Open { engine: current, .. } if Arc::ptr_eq(current, &engine)) {
                *state = State::Damaged { reason: reason.clone() };
                engine::let_go(engine);
            }
            self.damaged(reason)
        })
    }

    fn damaged(&self, reason: String) -> ViewError {
        ViewError::Damaged { dir: self.folder.root().to_path_buf(), reason }
    }

    fn closed(&self) -> ViewError {
        ViewError::Closed { dir: self.folder.root().to_path_buf() }
    }
}

fn outgrown(disk_bytes: u64, estimate_bytes: u64) -> bool {
    disk_bytes > OUTGROWN_FACTOR * estimate_bytes.max(LEAST_ESTIMATE_BYTES)
}
