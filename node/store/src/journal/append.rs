//! Appending with group commit.
//!
//! Whoever finds nobody writing leads: it takes all frames that have gathered, writes and syncs them, and wakes the
//! others. While it does so, the next group gathers. So an append alone waits for nothing but the disk, and a hundred
//! at once share one sync; no timer is involved.
//!
//! A full disk is answered by going back to the last durable byte; the journal goes on when there is room. After a
//! failed sync nobody can say what is on the disk, so the journal takes no more until it has been opened, and with that
//! read, again.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock, PoisonError};

use super::frame::{FRAME_HEADER_BYTES, LINK_BYTES, MAX_PAYLOAD_BYTES};
use super::segment::{self, SEGMENT_HEADER_BYTES, Segment, SegmentHeader};
use super::{JournalError, Shared, chain};
use crate::fs::{self, File, Mode};

pub(super) struct State {
    /// By where they begin; never empty.
    pub(super) segments: BTreeMap<u64, Segment>,
    /// Everything before is durable.
    pub(super) end: u64,
    pub(super) chain: [u8; 32],
    pub(super) broken: Option<String>,
    writing: bool,
    gathering: Gathering,
}

/// The frames that wait for the next sync.
struct Gathering {
    group: Arc<Group>,
    rows: Vec<Row>,
    segment: u64,
    next: u64,
    chain: [u8; 32],
}

/// Consecutive frames of one segment.
struct Row {
    segment: u64,
    at: u64,
    bytes: Vec<u8>,
}

#[derive(Default)]
struct Group {
    outcome: OnceLock<Result<(), Failure>>,
}

#[derive(Clone, Debug)]
pub(super) enum Failure {
    Full,
    Broken(String),
}

impl State {
    pub(super) fn new(segments: BTreeMap<u64, Segment>, chain: [u8; 32], broken: Option<String>) -> Self {
        let last = segments.values().next_back().expect("a journal has at least one segment");
        let (segment, end) = (last.base, last.end());
        let gathering = Gathering { group: Arc::default(), rows: Vec::new(), segment, next: end, chain };
        Self { segments, end, chain, broken, writing: false, gathering }
    }

    /// Where the frames that have gathered end.
    #[cfg(test)]
    pub(super) fn next(&self) -> u64 {
        self.gathering.next
    }

    /// Whether this segment is the one that appends go to.
    fn is_last(&self, base: u64) -> bool {
        self.segments.last_key_value().is_some_and(|(last, _)| *last == base)
    }

    /// Refuses what has gathered, and after a failure that leaves the disk's state unknown all that will. Not while
    /// somebody writes.
    fn fail(&mut self, dir: &Path, failure: &Failure) {
        if let Failure::Broken(reason) = failure {
            tracing::error!(journal = %dir.display(), reason, "the journal takes no more entries");
            self.broken = Some(reason.clone());
        }
        let _ = self.gathering.group.outcome.set(Err(failure.clone()));
        self.rewind();
    }

    /// Begins the next group where the durable bytes end.
    fn rewind(&mut self) {
        let last = self.segments.values().next_back().expect("a journal has at least one segment");
        self.gathering = Gathering {
            group: Arc::default(),
            rows: Vec::new(),
            segment: last.base,
            next: self.end,
            chain: self.chain,
        };
    }
}

impl Gathering {
    /// Adds a frame; returns its position.
    fn add(&mut self, shared: &Shared, payload: &[u8]) -> u64 {
        let link = shared.options.chained.then(|| chain::link(&self.chain, payload));
        let stored = payload.len() + if link.is_some() { LINK_BYTES } else { 0 };
        let written = self.next - self.segment;
        let after = written + (FRAME_HEADER_BYTES + stored) as u64;
        if after > shared.options.segment_bytes && written > SEGMENT_HEADER_BYTES as u64 {
            self.begin_segment(shared);
        }
        if self.rows.last().is_none_or(|row| row.segment != self.segment) {
            self.rows.push(Row { segment: self.segment, at: self.next, bytes: Vec::new() });
        }
        let row = self.rows.last_mut().expect("pushed just now");
        let position = self.next;
        let before = row.bytes.len();
        match &link {
            Some(link) => shared.key.encode(position, &[link, payload], &mut row.bytes),
            None => shared.key.encode(position, &[payload], &mut row.bytes),
        }
        self.next += (row.bytes.len() - before) as u64;
        self.chain = link.unwrap_or(self.chain);
        position
    }

    fn begin_segment(&mut self, shared: &Shared) {
        let header = SegmentHeader {
            base: self.next,
            secret: shared.identity.secret,
            chained: shared.options.chained,
            chain: self.chain,
        };
        let bytes = header.encode();
        self.segment = self.next;
        self.next += bytes.len() as u64;
        self.rows.push(Row { segment: self.segment, at: self.segment, bytes });
    }
}

impl Shared {
    pub(super) fn append(&self, payloads: &[&[u8]]) -> Result<Vec<u64>, JournalError> {
        if let Some(large) = payloads.iter().find(|p| p.len() > MAX_PAYLOAD_BYTES) {
            return Err(JournalError::TooLarge { bytes: large.len() });
        }
        let mut state = self.state();
        if let Some(reason) = &state.broken {
            return Err(self.failed(Failure::Broken(reason.clone())));
        }
        if payloads.is_empty() {
            return Ok(Vec::new());
        }
        let positions = payloads.iter().map(|p| state.gathering.add(self, p)).collect();
        let group = state.gathering.group.clone();
        loop {
            if let Some(outcome) = group.outcome.get() {
                return outcome.clone().map(|()| positions).map_err(|f| self.failed(f));
            }
            if state.writing {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            // Nobody writes and the outcome is open, so the group still gathers: lead it.
            drop(state);
            self.commit();
            state = self.state();
        }
    }

    /// Writes and syncs what has gathered.
    fn commit(&self) {
        let mut state = self.state();
        if state.writing || state.gathering.rows.is_empty() {
            return;
        }
        state.writing = true;
        let fresh = Gathering {
            group: Arc::default(),
            rows: Vec::new(),
            segment: state.gathering.segment,
            next: state.gathering.next,
            chain: state.gathering.chain,
        };
        let (next, chain) = (fresh.next, fresh.chain);
        let taken = std::mem::replace(&mut state.gathering, fresh);
        let last = state.segments.values().next_back().cloned().expect("a journal has at least one segment");
        drop(state);

        let written = self.write(&last, &taken.rows);

        let mut state = self.state();
        state.writing = false;
        let outcome = match written {
            Ok(segments) => {
                state.segments.extend(segments.into_iter().map(|s| (s.base, s)));
                state.end = next;
                state.chain = chain;
                Ok(())
            }
            Err(failure) => {
                // Positions given out since then lie behind the gap, so that group fails too.
                state.fail(&self.dir, &failure);
                Err(failure)
            }
        };
        let grown = outcome.is_ok();
        let _ = taken.group.outcome.set(outcome);
        drop(state);
        self.changed.notify_all();
        if grown {
            for listener in self.listeners.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                listener(next);
            }
        }
    }

    /// Writes rows that continue `last`; returns the segments as they are then.
    fn write(&self, last: &Segment, rows: &[Row]) -> Result<Vec<Segment>, Failure> {
        let mut done = vec![last.clone()];
        for row in rows {
            if let Err((e, syncing)) = self.write_row(row, &mut done) {
                return Err(self.back_to(last, rows, &e, syncing));
            }
        }
        Ok(done)
    }

    fn write_row(&self, row: &Row, done: &mut Vec<Segment>) -> Result<(), (io::Error, bool)> {
        let known = done.last_mut().filter(|s| s.base == row.segment);
        match known {
            Some(segment) => {
                segment.file.write_at(row.at - segment.base, &row.bytes).map_err(|e| (e, false))?;
                segment.file.sync().map_err(|e| (e, true))?;
                segment.len += row.bytes.len() as u64;
            }
            None => {
                let path = segment::path(&self.dir, row.segment);
                let file: Arc<dyn File> = self.fs.open(&path, Mode::CreateNew).map_err(|e| (e, false))?.into();
                file.write_at(0, &row.bytes).map_err(|e| (e, false))?;
                file.sync().map_err(|e| (e, true))?;
                self.fs.sync_dir(&self.dir).map_err(|e| (e, true))?;
                done.push(Segment::new(row.segment, row.bytes.len() as u64, file));
            }
        }
        Ok(())
    }

    /// After a failed write: back to the last durable byte if that is possible.
    fn back_to(&self, last: &Segment, rows: &[Row], error: &io::Error, syncing: bool) -> Failure {
        let begun: Vec<u64> = rows.iter().map(|r| r.segment).filter(|s| *s != last.base).collect();
        let cleaned = (|| {
            // The new segment goes first: were the old one cut before, a crash between would leave a gap.
            for base in begun {
                fs::remove_if_there(&*self.fs, &segment::path(&self.dir, base))?;
                self.fs.sync_dir(&self.dir)?;
            }
            last.file.set_len(last.len)
        })();
        match cleaned {
            Ok(()) if !syncing && fs::is_full(error) => Failure::Full,
            _ => Failure::Broken(error.to_string()),
        }
    }

    /// Does `work` on the file of the segment that begins at `base` while no append does: of two syncs of one file only
    /// the first learns of an error. Appends gather meanwhile; if the segment is sealed, they go on.
    pub(super) fn alone_in(&self, base: u64, work: impl FnOnce() -> io::Result<()>) -> Result<(), Failure> {
        let mut state = self.state();
        while state.writing && state.is_last(base) {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(reason) = &state.broken {
            return Err(Failure::Broken(reason.clone()));
        }
        let leading = state.is_last(base);
        state.writing |= leading;
        drop(state);

        let done = work().map_err(|e| Failure::Broken(e.to_string()));

        if leading {
            let mut state = self.state();
            state.writing = false;
            if let Err(failure) = &done {
                state.fail(&self.dir, failure);
            }
            drop(state);
            self.changed.notify_all();
        }
        done
    }

    /// Takes no more appends until the journal is opened again.
    pub(super) fn give_up(&self, failure: &Failure) {
        let mut state = self.state();
        while state.writing {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.broken.is_none() {
            state.fail(&self.dir, failure);
        }
        drop(state);
        self.changed.notify_all();
    }

    pub(super) fn failed(&self, failure: Failure) -> JournalError {
        match failure {
            Failure::Full => JournalError::Full { dir: self.dir.clone() },
            Failure::Broken(reason) => JournalError::ReadOnly { dir: self.dir.clone(), reason },
        }
    }
}
