//! The catalogue: what the shared journal adds up to, and the one door by which anything gets into it.
//!
//! [`Catalogue::store`] appends what was verified to the journal and then applies it to the view (sled) and to what is
//! kept in memory. After a crash, or when the view is lost, the same application is repeated from the journal
//! ([`Catalogue::catch_up`]). A local upload and an entry from a peer enter here alike.
//!
//! Reading order: [`record`] (what is in the journal) → [`tables`] (what is in the view) → [`memory`] (what is small
//! enough to keep) → [`apply`] (one record's effect) → [`replica`] (how sessions see it) → [`query`] (how pages do).
//!
//! Invariant: data before reference: the journal is durable before the view names a position in it.

mod apply;
mod erase;
mod local;
mod memory;
mod overlay;
mod query;
mod record;
mod replica;
mod tables;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use kapok_protocol::blob::BlobId;
use kapok_protocol::identity::{Keypair, NodeId};
use kapok_protocol::replica::{News, Stub};
use kapok_store::journal::{Cursor, Journal, JournalError};
use kapok_store::view::{Batch, View, ViewError};

use apply::Application;
pub(crate) use local::Statement;
use memory::Memory;
pub(crate) use query::Found;
pub(crate) use record::Record;
pub(crate) use replica::Reading;

/// Records applied to the view at once while catching up.
const CATCH_UP_RECORDS: usize = 2_000;

/// Why the catalogue could not do something.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CatalogueError {
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    View(#[from] ViewError),
    #[error("the catalogue is being made anew ({0} %); try again in a moment")]
    Rebuilding(u8),
    #[error("the entry cannot be signed: {0}")]
    Sign(#[from] kapok_protocol::signed::SignedError),
    #[error("this node has not joined a federation yet")]
    NotAMember,
    #[error("an entry in the journal cannot be read: {0}")]
    Damaged(String),
}

impl CatalogueError {
    /// Whether it is only room that is missing.
    pub(crate) fn is_full(&self) -> bool {
        matches!(self, Self::Journal(JournalError::Full { .. }) | Self::View(ViewError::Full { .. }))
    }
}

pub(crate) type Result<T> = std::result::Result<T, CatalogueError>;

/// The catalogue of one node. Shared by reference; all methods may be called from many threads.
pub(crate) struct Catalogue {
    key: Keypair,
    journal: Journal,
    view: View,
    memory: RwLock<Memory>,
    /// Appending and applying go one after the other, so that the view follows the journal's order.
    writing: Mutex<()>,
    ready: AtomicBool,
    percent: AtomicU8,
    /// Up to where the journal is in view and memory. Consumers that read the catalogue go no further than this: what
    /// is beyond is in the journal, and nothing can be looked up of it yet.
    applied: AtomicU64,
    /// How many damaged ranges of the journal the view has been made without.
    damaged: AtomicUsize,
    caught_up: (Mutex<()>, Condvar),
    /// Blobs that something has stopped naming; whoever collects looks whether anything still does.
    released: Mutex<Vec<BlobId>>,
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Catalogue({:?})", self.journal)
    }
}

impl Catalogue {
    /// A catalogue over an open journal and view. Nothing can be read before [`Self::catch_up`].
    pub(crate) fn new(key: Keypair, journal: Journal, view: View) -> Arc<Self> {
        let memory = RwLock::new(Memory::new(key.id()));
        Arc::new(Self {
            key,
            journal,
            view,
            memory,
            writing: Mutex::default(),
            ready: AtomicBool::new(false),
            percent: AtomicU8::new(0),
            applied: AtomicU64::new(0),
            damaged: AtomicUsize::new(0),
            caught_up: Default::default(),
            released: Mutex::default(),
        })
    }

    /// This node.
    pub(crate) fn id(&self) -> NodeId {
        self.key.id()
    }

    pub(crate) fn journal(&self) -> &Journal {
        &self.journal
    }

    /// 0 to 99 while the view is being made anew.
    pub(crate) fn rebuilding_percent(&self) -> Option<u8> {
        (!self.ready.load(Ordering::Acquire)).then(|| self.percent.load(Ordering::Relaxed))
    }

    /// Brings view and memory up to the journal's end, if they are not. Slow after a crash: everything is replayed.
    ///
    /// # Errors
    /// A disk that is full or cannot be written; to be tried again.
    pub(crate) fn catch_up(&self) -> Result<()> {
        let _writing = self.writing();
        self.level()
    }

    /// Makes view and memory agree with the journal, by the shortest way that works.
    fn level(&self) -> Result<()> {
        if self.is_caught_up() {
            return Ok(());
        }
        let damaged = self.journal.damaged().len();
        if damaged != self.damaged.load(Ordering::Acquire) {
            // The view may point to what can no longer be read. Made anew, what is missing shows, and is asked for.
            tracing::warn!(damaged, "the journal has lost something; the catalogue is made anew without it");
            self.reset()?;
            self.damaged.store(damaged, Ordering::Release);
        }
        let replayed = match self.replay() {
            // There is nothing wrong with the view.
            Err(error) if error.is_full() => Err(error),
            Err(error) => {
                // Whatever is wrong with the view, the journal is the truth: once more from an empty one.
                tracing::warn!(%error, "the catalogue is made anew");
                self.reset().and_then(|()| self.replay())
            }
            Ok(()) => Ok(()),
        };
        if replayed.is_ok() {
            self.ready.store(true, Ordering::Release);
            self.caught_up.1.notify_all();
        }
        replayed
    }

    /// Before anything is appended: what is in the journal and could not be applied comes first. Without it nobody knows
    /// what is new, or which number is the next.
    fn get_level(&self) -> Result<()> {
        self.wait_until_ready()?;
        self.level()
    }

    /// Whether all that was stored is in the view, and the view works.
    pub(crate) fn is_caught_up(&self) -> bool {
        self.ready.load(Ordering::Acquire) && self.is_level()
    }

    /// Whether the disk has no room for more.
    pub(crate) fn lacks_space(&self) -> bool {
        self.view.check_space().is_err()
    }

    /// Whether everything that the journal holds is in the view.
    fn is_level(&self) -> bool {
        self.journal.damaged().len() == self.damaged.load(Ordering::Acquire)
            && self.view.position().is_ok_and(|position| position == Some(self.journal.end()))
    }

    /// Empties the view. Nobody reads meanwhile, and nobody reads what is not all there again.
    fn reset(&self) -> Result<()> {
        let _memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        self.ready.store(false, Ordering::Release);
        self.percent.store(0, Ordering::Relaxed);
        self.applied.store(0, Ordering::Release);
        Ok(self.view.reset()?)
    }

    fn replay(&self) -> Result<()> {
        let position = self.view.position()?;
        let known = position.filter(|cursor| cursor.journal == self.journal.id());
        if known.is_none() && position.is_some() {
            self.reset()?;
        }
        // Only what is in the view is in memory, whatever the application that failed had changed in it.
        let mut memory = Memory::load(self.key.id(), &self.view, &self.journal)?;
        let start = known.unwrap_or_else(|| self.journal.cursor(0));
        let replayed = self.replay_from(start, &mut memory);
        if replayed.is_ok() && known.is_none() {
            // Whatever damage this has met, the view was made without it.
            self.damaged.store(self.journal.damaged().len(), Ordering::Release);
        }
        let waiting: Vec<_> = self.view.all(tables::RELEASED).collect::<std::result::Result<_, _>>()?;
        self.release(waiting.into_iter().filter_map(|(key, _)| Some(BlobId(key.try_into().ok()?))).collect());
        if replayed.is_err() {
            memory = Memory::load(self.key.id(), &self.view, &self.journal)?;
        }
        *self.memory.write().unwrap_or_else(PoisonError::into_inner) = memory;
        replayed
    }

    fn replay_from(&self, start: Cursor, memory: &mut Memory) -> Result<()> {
        let end = self.journal.end();
        let mut frames = self.journal.iter_from(start)?;
        loop {
            let mut application = Application::new(&self.view, &self.journal, memory);
            let mut next = None;
            for frame in frames.by_ref().take(CATCH_UP_RECORDS) {
                let frame = frame?;
                match Record::from_bytes(&frame.payload) {
                    Ok(record) => application.record(record, frame.position)?,
                    Err(error) => tracing::warn!(position = frame.position, %error, "unreadable record skipped"),
                }
                next = Some(frame.next);
            }
            let (batch, released) = application.finish();
            // Behind the last frame may be more of a segment: its header, or what could not be read.
            let to = next.map_or(end, |next| self.journal.cursor(next));
            self.view.apply(batch, to)?;
            self.release(released);
            self.applied.store(to.position, Ordering::Release);
            if next.is_none() {
                return Ok(());
            }
            let percent = u8::try_from(to.position.saturating_mul(100) / end.position.max(1)).unwrap_or(99).min(99);
            self.percent.store(percent, Ordering::Relaxed);
        }
    }

    /// Up to where the journal can be looked up in the catalogue.
    pub(crate) fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// Stores what was verified: durable, and visible everywhere, on return.
    pub(crate) fn store(&self, news: Vec<News>) -> Result<()> {
        let records = news.into_iter().map(Record::from).collect();
        self.append(records)
    }

    /// Appends records and applies them.
    pub(crate) fn append(&self, records: Vec<Record>) -> Result<()> {
        let writing = self.writing();
        self.append_while(&writing, records)
    }

    fn append_while(&self, _writing: &MutexGuard<'_, ()>, records: Vec<Record>) -> Result<()> {
        self.get_level()?;
        let mut news = Vec::with_capacity(records.len());
        for record in records {
            let record = self.without_withdrawn(record)?;
            if self.memory().is_news(&record) && !self.is_repetition(&record)? {
                news.push(record);
            }
        }
        let records = news;
        if records.is_empty() {
            return Ok(());
        }
        // Refused before it is in the journal, where it would wait unseen.
        self.view.check_space()?;
        let bytes: Vec<_> = records.iter().map(Record::to_bytes).collect();
        let payloads: Vec<_> = bytes.iter().map(Vec::as_slice).collect();
        let positions = self.journal.append(&payloads)?;
        if let Err(error) = self.apply(records, positions) {
            // The journal has it, so it is acknowledged; the view follows as soon as it can.
            tracing::warn!(%error, "the view lags behind the journal");
            if let Err(error) = self.level() {
                tracing::error!(%error, "the view cannot follow the journal; it is tried again");
            }
        }
        Ok(())
    }

    fn apply(&self, records: Vec<Record>, positions: Vec<u64>) -> Result<()> {
        let end = self.journal.end();
        let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        let mut application = Application::new(&self.view, &self.journal, &mut memory);
        for (record, position) in records.into_iter().zip(positions) {
            application.record(record, position)?;
        }
        let (batch, released) = application.finish();
        self.view.apply(batch, end)?;
        drop(memory);
        self.release(released);
        self.applied.store(end.position, Ordering::Release);
        Ok(())
    }

    /// An entry of a resource that was withdrawn, as its stub: its text is not stored again.
    fn without_withdrawn(&self, record: Record) -> Result<Record> {
        if let Record::Entry(entry) = &record
            && entry.entry().body.is_some()
            && self.reading()?.try_is_withdrawn(&entry.shelf(), &entry.entry().key)?
        {
            let (key, sequence, hash) = (entry.entry().key.clone(), entry.entry().sequence, entry.hash());
            return Ok(Record::Stub(entry.shelf(), Stub { key, sequence, hash }));
        }
        Ok(record)
    }

    /// Whether an entry came before. A shelf that is listed anew must not fill the journal with copies.
    fn is_repetition(&self, record: &Record) -> Result<bool> {
        let (shelf, key, claimed) = match record {
            Record::Entry(entry) => (entry.shelf(), &entry.entry().key, (entry.entry().sequence, entry.hash())),
            Record::Stub(shelf, stub) => (*shelf, &stub.key, (stub.sequence, stub.hash)),
            _ => return Ok(false),
        };
        let known = self.view.get(tables::LIVE, &tables::live_key(&shelf, key))?;
        let known = known.map(|bytes| tables::decode::<tables::Live>(&bytes)).transpose()?;
        if known.is_some_and(|known| known.order() == claimed) {
            return Ok(true);
        }
        let past = tables::Live { sequence: claimed.0, hash: claimed.1, ..tables::Live::default() };
        Ok(self.view.get(tables::PAST, &tables::past_key(&shelf, key, &past))?.is_some())
    }

    /// Waits for a rebuild to end; readers of pages use [`Self::reading`] instead, which says how far it is.
    fn wait_until_ready(&self) -> Result<()> {
        if self.ready.load(Ordering::Acquire) { Ok(()) } else { Err(self.not_ready()) }
    }

    /// Blocks until the first catching up is through, at most `patience`.
    pub(crate) fn wait_for_catch_up(&self, patience: std::time::Duration) -> Result<()> {
        let deadline = std::time::Instant::now() + patience;
        let mut guard = self.caught_up.0.lock().unwrap_or_else(PoisonError::into_inner);
        while !self.ready.load(Ordering::Acquire) {
            let left = deadline.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return Err(self.not_ready());
            }
            // Woken now and then in any case: the flag is set without this lock.
            let step = left.min(std::time::Duration::from_millis(100));
            guard = self.caught_up.1.wait_timeout(guard, step).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    fn not_ready(&self) -> CatalogueError {
        CatalogueError::Rebuilding(self.percent.load(Ordering::Relaxed))
    }

    /// The catalogue at one moment.
    pub(crate) fn reading(&self) -> Result<Reading<'_>> {
        let memory = self.memory();
        // Asked with the lock held: a view is emptied without readers.
        self.wait_until_ready()?;
        Ok(Reading { catalogue: self, memory })
    }

    fn release(&self, blobs: Vec<BlobId>) {
        self.released.lock().unwrap_or_else(PoisonError::into_inner).extend(blobs);
    }

    /// Notes that it was decided what becomes of these blobs; until then they are released again after every start.
    pub(crate) fn forget_released(&self, blobs: &[BlobId]) -> Result<()> {
        let _writing = self.writing();
        let mut batch = Batch::new();
        for blob in blobs {
            batch.remove(tables::RELEASED, &blob.0);
        }
        let Some(position) = self.view.position()?.filter(|_| !blobs.is_empty()) else { return Ok(()) };
        Ok(self.view.apply(batch, position)?)
    }

    /// Blobs that something has stopped naming since this was last asked.
    pub(crate) fn take_released(&self) -> Vec<BlobId> {
        std::mem::take(&mut *self.released.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stops in good order.
    pub(crate) fn close(&self) -> Result<()> {
        let _writing = self.writing();
        self.ready.store(false, Ordering::Release);
        Ok(self.view.close()?)
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn memory(&self) -> RwLockReadGuard<'_, Memory> {
        self.memory.read().unwrap_or_else(PoisonError::into_inner)
    }
}
