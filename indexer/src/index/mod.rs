//! Documents on disk.
//!
//! The index is cut by **answering set** ([`SetId`]): each resource is answered for by one node, so each set is an index of
//! its own ([`set`]), with statistics of its own, and a node searches whichever of them it is asked for. What a document
//! becomes is in [`schema`]; how far the index has come is in [`state`].
//!
//! The index is a view. [`Index::cursor`] says up to where the caller's journal is in it; what does not open
//! ([`OpenError`]) is deleted and applied again from the start.
//!
//! Invariants: a document is in one set at most; what [`Index::apply`] has returned for is on disk and visible; no writer
//! exists outside `apply`.

mod document;
pub(crate) mod schema;
pub(crate) mod set;
mod state;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use thiserror::Error;

pub use document::{Change, Document, Facet, InvalidSetId, SetId};
use set::{Live, Set};
use state::State;

const SETS: &str = "sets";
const FRESH_SET: &str = "set.new";

/// Why an index does not open.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("the search index is damaged ({0}); delete its folder and it is built again from the journal")]
    Damaged(String),
    #[error(
        "the search index has version {found}, this program makes {wanted}; delete its folder and it is built again"
    )]
    OtherVersion { found: String, wanted: String },
    #[error("the search index cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// Why a change or a search failed.
#[derive(Debug, Error)]
pub enum IndexError {
    #[error("the search index cannot be used: {0}")]
    Io(#[from] io::Error),
    #[error("the search index failed ({0}); if it goes on, delete its folder and it is built again")]
    Failed(String),
}

impl From<tantivy::TantivyError> for IndexError {
    fn from(error: tantivy::TantivyError) -> Self {
        IndexError::Failed(error.to_string())
    }
}

/// All sets of a node.
#[derive(Debug)]
pub struct Index {
    dir: PathBuf,
    sets: RwLock<BTreeMap<SetId, Arc<Set>>>,
    /// Held while applying: there is one writer.
    state: Mutex<State>,
}

impl Index {
    /// Opens the index in a folder, or makes an empty one there.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] and [`OpenError::OtherVersion`] ask the caller to delete the folder and open again;
    /// [`OpenError::Io`] is about the disk.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let dir = dir.into();
        fs::create_dir_all(dir.join(SETS))?;
        let found = State::read(&dir)?;
        let mut sets = BTreeMap::new();
        for folder in fs::read_dir(dir.join(SETS))? {
            let folder = folder?;
            let name = folder.file_name().to_string_lossy().into_owned();
            let id = SetId::new(name).map_err(|error| OpenError::Damaged(error.to_string()))?;
            if found.is_none() {
                return Err(OpenError::Damaged("it has documents but does not say up to where".into()));
            }
            let path = folder.path();
            let set = catch_unwind(|| Set::open(&path))
                .unwrap_or_else(|_| Err(OpenError::Damaged(format!("{} makes the reader stumble", path.display()))))?;
            sets.insert(id, Arc::new(set));
        }
        let state = if let Some(state) = found {
            state
        } else {
            let state = State::at(None);
            state.write(&dir)?;
            state
        };
        Ok(Index { dir, sets: RwLock::new(sets), state: Mutex::new(state) })
    }

    /// What the last [`Index::apply`] was given: up to where the caller's journal is in the index.
    pub fn cursor(&self) -> Option<Vec<u8>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).cursor.clone()
    }

    /// Makes changes and remembers the caller's cursor. When this returns, both are durable, and searches see them.
    /// Where several changes concern one document, the last one counts. Large batches are much faster than small ones.
    ///
    /// # Errors
    /// When the disk or tantivy fails; some changes may have been made then, the cursor stands where it stood, and
    /// applying the same batch again is right.
    pub fn apply(&self, batch: &[Change], cursor: &[u8]) -> Result<(), IndexError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        guarded(|| self.apply_to_sets(batch))?;
        let next = State::at(Some(cursor.to_vec()));
        next.write(&self.dir)?;
        *state = next;
        Ok(())
    }

    fn apply_to_sets(&self, batch: &[Change]) -> Result<(), IndexError> {
        let last: HashMap<&str, usize> = batch.iter().enumerate().map(|(at, change)| (change.id(), at)).collect();
        let changes: Vec<&Change> = batch
            .iter()
            .enumerate()
            .filter(|&(at, change)| last[change.id()] == at)
            .map(|(_, change)| change)
            .collect();
        for change in &changes {
            if let Change::Put { set, .. } = change {
                self.set_or_create(set)?;
            }
        }
        for (id, set) in self.all() {
            let Live { searcher, .. } = set.live();
            let mut remove = Vec::new();
            let mut put = Vec::new();
            for change in &changes {
                if set.contains(&searcher, change.id())? {
                    remove.push(change.id());
                }
                if let Change::Put { set, document } = change
                    && *set == id
                {
                    put.push(document);
                }
            }
            if !(remove.is_empty() && put.is_empty()) {
                set.apply(&remove, &put)?;
            }
        }
        Ok(())
    }

    fn set_or_create(&self, id: &SetId) -> Result<(), IndexError> {
        let mut sets = self.sets.write().unwrap_or_else(PoisonError::into_inner);
        if !sets.contains_key(id) {
            // Made aside and renamed, so that a folder under `sets` is always a whole index.
            let fresh = self.dir.join(FRESH_SET);
            if fresh.exists() {
                fs::remove_dir_all(&fresh)?;
            }
            Set::create(&fresh)?;
            let parent = self.dir.join(SETS);
            let dir = parent.join(id.as_str());
            fs::rename(&fresh, &dir)?;
            state::sync_dir(&parent)?;
            sets.insert(id.clone(), Arc::new(Set::open(&dir).map_err(|error| IndexError::Failed(error.to_string()))?));
        }
        Ok(())
    }

    fn all(&self) -> Vec<(SetId, Arc<Set>)> {
        let sets = self.sets.read().unwrap_or_else(PoisonError::into_inner);
        sets.iter().map(|(id, set)| (id.clone(), Arc::clone(set))).collect()
    }

    /// Those of the wanted sets that exist here, each once, in order.
    pub(crate) fn selected(&self, wanted: &[SetId]) -> Vec<(SetId, Arc<Set>)> {
        self.all().into_iter().filter(|(id, _)| wanted.contains(id)).collect()
    }

    /// The sets that there are, with the number of documents in each.
    pub fn sets(&self) -> BTreeMap<SetId, u64> {
        self.all().into_iter().map(|(id, set)| (id, set.live().documents)).collect()
    }

    /// Whether a document is in the index, in whatever set.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn contains(&self, id: &str) -> Result<bool, IndexError> {
        guarded(|| {
            for (_, set) in self.all() {
                if set.contains(&set.live().searcher, id)? {
                    return Ok(true);
                }
            }
            Ok(false)
        })
    }

    /// Reads everything and compares checksums: the names of damaged files, none if all is well.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn damaged_files(&self) -> Result<Vec<String>, IndexError> {
        guarded(|| {
            let mut damaged = Vec::new();
            for (id, set) in self.all() {
                damaged.extend(set.damaged_files()?.into_iter().map(|file| format!("{id}/{file}")));
            }
            Ok(damaged)
        })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Runs what reads or writes the index so that a panic inside tantivy, on a file damaged after opening, is an error.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, IndexError>) -> Result<T, IndexError> {
    // What a panic may leave behind is a writer that is dropped uncommitted; the sets themselves are immutable snapshots.
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(IndexError::Failed("it stumbled over its own files".into())))
}
