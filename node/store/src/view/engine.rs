//! sled 0.34.7, held at arm's length.
//!
//! It panics on some damage, hangs on some, and returns errors on some; to the rest of the node these are all one
//! reason in words. One tree holds all tables, and the position beside them.

use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::journal::Cursor;

/// The position's key; tables begin at 1.
const POSITION_KEY: &[u8] = &[0];

/// Changes that sled gets at once. It frees nothing that a batch replaces before the batch is through: batches of 3,000
/// took 830 MB of memory where these take 47.
const BATCH_CHANGES: usize = 64;

pub(super) type Pair = (Vec<u8>, Vec<u8>);

#[derive(Debug)]
pub(super) struct Engine {
    db: sled::Db,
}

/// Why opening did not succeed.
pub(super) enum NotOpened {
    Failed(String),
    /// The thread is still at it and has the folder locked.
    TooSlow,
}

impl Engine {
    /// Opens or creates the database in `dir`, on a thread of its own.
    pub(super) fn open(dir: &Path, cache_bytes: u64, limit: Duration) -> Result<Self, NotOpened> {
        let (sender, receiver) = mpsc::channel();
        // No background flusher: it is one more thread that can fail, and makes nothing durable.
        let config = sled::Config::new().path(dir).cache_capacity(cache_bytes).flush_every_ms(None);
        let open = move || {
            let opened = guarded(|| config.open().map_err(|e| e.to_string()));
            // Nobody listens any more if this took too long; the database closes then.
            let _ = sender.send(opened);
        };
        thread::Builder::new()
            .name("view-open".to_owned())
            .spawn(open)
            .map_err(|e| NotOpened::Failed(format!("no thread: {e}")))?;
        match receiver.recv_timeout(limit) {
            Ok(Ok(db)) => Ok(Self { db }),
            Ok(Err(reason)) => Err(NotOpened::Failed(reason)),
            Err(mpsc::RecvTimeoutError::Timeout) => Err(NotOpened::TooSlow),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(NotOpened::Failed("it stopped half-way".to_owned())),
        }
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
        self.db.get(key).map(|found| found.map(|v| v.to_vec())).map_err(|e| e.to_string())
    }

    /// The position comes with the last of the changes. Where it stops half-way the database is given up as a whole, so
    /// nobody finds the changes without their position after a restart.
    pub(super) fn apply(&self, changes: Vec<(Vec<u8>, Option<Vec<u8>>)>, position: Cursor) -> Result<(), String> {
        let mut batch = sled::Batch::default();
        for (n, (key, value)) in changes.into_iter().enumerate() {
            if n > 0 && n % BATCH_CHANGES == 0 {
                self.db.apply_batch(std::mem::take(&mut batch)).map_err(|e| e.to_string())?;
            }
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        let mut at = position.journal.to_vec();
        at.extend_from_slice(&position.position.to_le_bytes());
        batch.insert(POSITION_KEY, at);
        self.db.apply_batch(batch).map_err(|e| e.to_string())
    }

    pub(super) fn position(&self) -> Result<Option<Cursor>, String> {
        let Some(stored) = self.get(POSITION_KEY)? else {
            return Ok(None);
        };
        let parts = stored.split_first_chunk::<16>().and_then(|(j, p)| Some((*j, p.try_into().ok()?)));
        let (journal, position) = parts.ok_or("its position is not one")?;
        Ok(Some(Cursor { journal, position: u64::from_le_bytes(position) }))
    }

    /// At most `limit` pairs between the bounds, from the first or from the last.
    pub(super) fn pairs(
        &self,
        bounds: &(Bound<Vec<u8>>, Bound<Vec<u8>>),
        from_last: bool,
        limit: usize,
    ) -> Result<Vec<Pair>, String> {
        let range = self.db.range(bounds.clone());
        let pair = |found: sled::Result<(sled::IVec, sled::IVec)>| {
            found.map(|(k, v)| (k.to_vec(), v.to_vec())).map_err(|e| e.to_string())
        };
        if from_last { range.rev().take(limit).map(pair).collect() } else { range.take(limit).map(pair).collect() }
    }

    /// Writes everything out and closes. Not synced: the files are, by the caller.
    pub(super) fn close(self) -> Result<(), String> {
        guarded(|| {
            self.db.flush().map_err(|e| e.to_string())?;
            drop(self.db);
            Ok(())
        })
    }
}

/// Runs what may panic.
pub(super) fn guarded<R>(work: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    // What sled leaves behind after a panic is not used again: the view counts as damaged.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let words =
            panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("panic: {}", words.unwrap_or("without words").chars().take(200).collect::<String>()))
    })
}

/// Drops a database that has failed. That can hang or panic, so nobody waits for it.
pub(super) fn let_go(engine: Arc<Engine>) {
    let drop_it = move || {
        let _ = guarded(|| {
            drop(engine);
            Ok(())
        });
    };
    // Without a thread it is dropped here, by the failed spawn.
    let _ = thread::Builder::new().name("view-drop".to_owned()).spawn(drop_it);
}

/// The only holder of the engine, once calls under way are through.
pub(super) fn alone(mut engine: Arc<Engine>, limit: Duration) -> Option<Engine> {
    let deadline = Instant::now() + limit;
    loop {
        match Arc::try_unwrap(engine) {
            Ok(engine) => return Some(engine),
            Err(shared) => engine = shared,
        }
        if Instant::now() > deadline {
            return None;
        }
        thread::sleep(Duration::from_millis(1));
    }
}
