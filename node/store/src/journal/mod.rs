//! Journals: logs of opaque payloads that grow at their end, the truth of a node beside its blobs.
//!
//! A journal is a folder of segments of 64 MiB; a segment is a row of frames. [`Journal::append`] returns when the
//! frames are durable; appends of several threads share one sync ([`append`]). Readers stream from a [`Cursor`]
//! ([`Journal::iter_from`], in [`read`]). Opening cuts what a crash left unfinished at the very end ([`recover`]).
//! [`Journal::overwrite`] replaces the payload of a frame by a shorter one where what it said must not stay.
//!
//! Reading order: [`frame`] → [`segment`] → [`recover`] → [`append`] → [`read`] → [`overwrite`] → [`chain`].
//!
//! Invariants: a position below [`Journal::end`] is durable and never means another frame; a frame never moves nor
//! changes its length, and its payload changes by [`Journal::overwrite`] alone: from all of the old one to all of the
//! new one, and not back; a bad frame costs itself and nothing else: it is skipped and listed in
//! [`Journal::damaged`], so that it can be fetched again from others.

mod append;
mod chain;
mod cover;
mod damage;
mod frame;
mod overwrite;
mod read;
mod recover;
mod redo;
mod segment;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use chain::ChainHead;
pub use damage::Damage;
pub use frame::MAX_PAYLOAD_BYTES;
pub use read::{Frame, Frames};

use crate::fs::SharedFs;

/// Size at which a segment is sealed and the next begun: 64 MiB, which a restart scans in well under a second.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// A consumer's place in one journal: everything before `position` has been seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cursor {
    /// Which journal; a restored one has another id, so nobody trusts an old cursor.
    pub journal: [u8; 16],
    /// Where in it; 0 is the beginning.
    pub position: u64,
}

/// How a journal is kept.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Size at which a segment is sealed.
    pub segment_bytes: u64,
    /// Whether each frame carries the hash of all before it (the audit journal).
    pub chained: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: SEGMENT_BYTES, chained: false }
    }
}

impl Options {
    /// A journal whose frames are chained by their hashes.
    #[must_use]
    pub fn chained() -> Self {
        Self { chained: true, ..Self::default() }
    }
}

/// What a journal cannot do, and why.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("an entry of {bytes} bytes does not fit the journal, the limit is {MAX_PAYLOAD_BYTES}")]
    TooLarge { bytes: usize },
    #[error("the disk that holds {} is full; free some space, nothing was lost", .dir.display())]
    Full { dir: PathBuf },
    #[error(
        "the journal in {} can be read but not written: {reason}; check the disk, then start kapok again", .dir.display()
    )]
    ReadOnly { dir: PathBuf, reason: String },
    #[error("there is no intact frame at position {position}")]
    NoFrame { position: u64 },
    #[error("{bytes} bytes do not fit into the frame at position {position}, which has room for {room}; append them")]
    NoRoom { position: u64, bytes: usize, room: usize },
    #[error("the journal in {} is chained by its hashes; nothing in it can be overwritten", .dir.display())]
    Chained { dir: PathBuf },
    #[error("the cursor belongs to another journal, or to this one before it was restored; begin at 0")]
    OtherJournal { cursor: Cursor },
    #[error("no frame of this journal begins or ends at position {}; begin at 0", .cursor.position)]
    NotABoundary { cursor: Cursor },
    #[error("{} was written {found}chained; it cannot be opened otherwise", .dir.display())]
    OtherKind { dir: PathBuf, found: &'static str },
    #[error("the chain of {} breaks at position {position}: what stands there was altered, or something before it was removed", .dir.display())]
    ChainBroken { dir: PathBuf, position: u64 },
    #[error("cannot {doing} {}: {source}", .path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
}

/// One journal. Clones share it; all methods may be called from many threads.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
}

struct Shared {
    fs: SharedFs,
    dir: PathBuf,
    options: Options,
    identity: segment::Identity,
    key: frame::FrameKey,
    state: Mutex<append::State>,
    /// Signalled when a group of appends is through, well or not.
    changed: Condvar,
    /// Held by whoever overwrites: there is one redo file.
    overwriting: Mutex<()>,
    listeners: Mutex<Vec<Listener>>,
    damage: Mutex<damage::DamageList>,
}

type Listener = Box<dyn Fn(u64) + Send + Sync>;

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Journal({}, end {})", self.shared.dir.display(), self.shared.state().end)
    }
}

impl Journal {
    /// Opens the journal in `dir`, creating it if there is none, and cuts an unfinished frame at its end.
    ///
    /// `fresh` are 32 random bytes; they become the id and key of a journal that is created, and the id of one whose
    /// naming file was lost.
    pub fn open(fs: SharedFs, dir: &Path, options: Options, fresh: [u8; 32]) -> Result<Self, JournalError> {
        recover::open(fs, dir, options, fresh).map(|shared| Self { shared: Arc::new(shared) })
    }

    /// Gives a restored journal its new id. Not while it is open.
    pub fn renew_id(fs: &SharedFs, dir: &Path, options: Options, fresh: [u8; 32]) -> Result<(), JournalError> {
        let opened = recover::open(fs.clone(), dir, options, fresh)?;
        let (id, _) = halves(fresh);
        let identity = segment::Identity { id, ..opened.identity };
        identity.write(&**fs, dir).map_err(opened.io("name"))
    }

    /// The journal's id, random since its creation or restoration.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        self.shared.identity.id
    }

    /// Where the next frame will stand: everything before is durable.
    #[must_use]
    pub fn end(&self) -> Cursor {
        self.cursor(self.shared.state().end)
    }

    /// A cursor into this journal.
    #[must_use]
    pub fn cursor(&self, position: u64) -> Cursor {
        Cursor { journal: self.id(), position }
    }

    /// Appends the payloads in order; returns their positions once all are durable. Others may append between them.
    ///
    /// # Errors
    /// Nothing of a refused append will ever be read, except after a crash in the middle of it.
    pub fn append(&self, payloads: &[&[u8]]) -> Result<Vec<u64>, JournalError> {
        self.shared.append(payloads)
    }

    /// Replaces the payloads at these positions by others that need no more room; returns once that is durable. From
    /// then on they alone are read, and the segments hold nothing of the old ones (what a disk keeps of blocks that
    /// were overwritten is beyond their reach). Positions, order and appends going on are not touched. Of two payloads
    /// for one position the last counts. What is there already costs nothing.
    ///
    /// # Errors
    /// Before anything is changed: [`JournalError::NoFrame`], [`JournalError::NoRoom`], [`JournalError::Chained`].
    /// [`JournalError::Full`] and [`JournalError::ReadOnly`] may come in the middle of many: each payload is then the
    /// old one or the new one. After `Full` the call may be repeated; after `ReadOnly` the next opening may go on with it.
    pub fn overwrite(&self, replacements: &[(u64, &[u8])]) -> Result<(), JournalError> {
        self.shared.overwrite(replacements)
    }

    /// The payload at this position.
    pub fn read(&self, position: u64) -> Result<Vec<u8>, JournalError> {
        self.shared.read(position)
    }

    /// The frames from the cursor on. The iterator ends at the durable end and goes on when there is more.
    pub fn iter_from(&self, cursor: Cursor) -> Result<Frames, JournalError> {
        Frames::new(self.shared.clone(), cursor)
    }

    /// The ranges of positions that could not be read, as far as they have been met.
    #[must_use]
    pub fn damaged(&self) -> Vec<Damage> {
        self.shared.damage().list()
    }

    /// Why the journal takes no more appends, if it does not.
    #[must_use]
    pub fn read_only_because(&self) -> Option<String> {
        self.shared.state().broken.clone()
    }

    /// Bytes on disk.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.shared.state().segments.values().map(|s| s.len).sum()
    }

    /// Waits until there is something at or after `position`; returns the end then, or at the time-out.
    #[must_use]
    pub fn wait_beyond(&self, position: u64, timeout: Duration) -> Cursor {
        let deadline = Instant::now() + timeout;
        let mut state = self.shared.state();
        while state.end <= position {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.cursor(state.end)
    }

    /// Calls `listener` with the new end whenever the journal has grown, on the thread that appended. It should only
    /// pass the word on.
    pub fn on_growth(&self, listener: impl Fn(u64) + Send + Sync + 'static) {
        self.shared.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, append::State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn damage(&self) -> MutexGuard<'_, damage::DamageList> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn io(&self, doing: &'static str) -> impl Fn(io::Error) -> JournalError {
        let path = self.dir.clone();
        move |source| JournalError::Io { doing, path: path.clone(), source }
    }
}

fn halves(fresh: [u8; 32]) -> ([u8; 16], [u8; 16]) {
    let (mut id, mut secret) = ([0; 16], [0; 16]);
    id.copy_from_slice(&fresh[..16]);
    secret.copy_from_slice(&fresh[16..]);
    (id, secret)
}
