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
mod local;
mod memory;
mod query;
mod record;
mod replica;
mod tables;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use kapok_protocol::identity::{Keypair, NodeId};
use kapok_protocol::replica::News;
use kapok_store::journal::{Journal, JournalError};
use kapok_store::view::{View, ViewError};

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
    caught_up: (Mutex<()>, Condvar),
    /// Blobs that something has stopped naming; whoever collects looks whether anything still does.
    released: Mutex<Vec<kapok_protocol::blob::BlobId>>,
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

    /// Brings view and memory up to the journal's end. Slow after a crash: everything is replayed.
    pub(crate) fn catch_up(&self) -> Result<()> {
        let _writing = self.writing();
        if let Err(error) = self.replay() {
            // Whatever is wrong with the view, the journal is the truth: once more from an empty one.
            tracing::warn!(%error, "the catalogue is made anew");
            self.view.reset()?;
            self.replay()?;
        }
        self.ready.store(true, Ordering::Release);
        self.caught_up.1.notify_all();
        Ok(())
    }

    fn replay(&self) -> Result<()> {
        let known = self.view.position()?.filter(|cursor| cursor.journal == self.journal.id());
        if known.is_none() && self.view.position()?.is_some() {
            self.view.reset()?;
        }
        let start = known.unwrap_or_else(|| self.journal.cursor(0));
        let mut memory = Memory::load(self.key.id(), &self.view, &self.journal)?;
        let end = self.journal.end().position.max(1);
        let mut frames = self.journal.iter_from(start)?;
        loop {
            let mut application = Application::new(&self.view, &self.journal, &mut memory);
            let mut next = None;
            for frame in frames.by_ref().take(CATCH_UP_RECORDS) {
                let frame = frame?;
                match Record::from_bytes(&frame.payload) {
                    Ok(record) => application.record(record, frame.position)?,
                    Err(error) => tracing::warn!(position = frame.position, %error, "unreadable record skipped"),
                }
                next = Some(frame.next);
            }
            let (batch, _) = application.finish()?;
            let Some(next) = next else { break };
            self.view.apply(batch, self.journal.cursor(next))?;
            self.applied.store(next, Ordering::Release);
            let percent = u8::try_from(next.saturating_mul(100) / end).unwrap_or(99).min(99);
            self.percent.store(percent, Ordering::Relaxed);
        }
        *self.memory.write().unwrap_or_else(PoisonError::into_inner) = memory;
        self.applied.store(self.journal.end().position, Ordering::Release);
        Ok(())
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
        self.wait_until_ready()?;
        let mut news = Vec::with_capacity(records.len());
        for record in records {
            if self.memory().is_news(&record) && !self.is_repetition(&record)? {
                news.push(record);
            }
        }
        let records = news;
        if records.is_empty() {
            return Ok(());
        }
        let bytes: Vec<_> = records.iter().map(Record::to_bytes).collect();
        let payloads: Vec<_> = bytes.iter().map(Vec::as_slice).collect();
        let positions = self.journal.append(&payloads)?;
        let end = self.journal.end();
        let applied = {
            let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
            let mut application = Application::new(&self.view, &self.journal, &mut memory);
            let all = records.into_iter().zip(positions);
            let done = all.into_iter().try_for_each(|(record, position)| application.record(record, position));
            done.and_then(|()| application.finish()).and_then(|(batch, released)| {
                self.view.apply(batch, end)?;
                self.released.lock().unwrap_or_else(PoisonError::into_inner).extend(released);
                Ok(())
            })
        };
        if let Err(error) = applied {
            // The journal has it, so it is acknowledged; the view is made anew from there.
            tracing::warn!(%error, "the view failed and is made anew");
            self.view.reset()?;
            self.replay()?;
        }
        self.applied.store(end.position, Ordering::Release);
        Ok(())
    }

    /// Whether an entry says nothing that is not known: it came before, or something newer stands in its place. A shelf
    /// that is listed anew must not fill the journal with copies.
    fn is_repetition(&self, record: &Record) -> Result<bool> {
        let (shelf, key, claimed) = match record {
            Record::Entry(entry) => (entry.shelf(), &entry.entry().key, (entry.entry().sequence, entry.hash())),
            Record::Stub(shelf, stub) => (*shelf, &stub.key, (stub.sequence, stub.hash)),
            _ => return Ok(false),
        };
        // A view that fails is found out and made anew where the record is applied.
        let Ok(Some(known)) = self.view.get(tables::LIVE, &tables::live_key(&shelf, key)) else { return Ok(false) };
        let known: tables::Live = tables::decode(&known)?;
        Ok((known.sequence, known.hash) >= claimed)
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
        self.wait_until_ready()?;
        Ok(Reading { catalogue: self, memory: self.memory() })
    }

    /// Blobs that something has stopped naming since this was last asked.
    pub(crate) fn take_released(&self) -> Vec<kapok_protocol::blob::BlobId> {
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
