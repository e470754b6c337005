//! Reading a table in order, some hundred pairs at a time, so that a long scan holds neither memory nor the database.

use std::ops::Bound;
use std::sync::Arc;

use super::engine::Pair;
use super::{Shared, Table, View, ViewError};

/// Pairs fetched at once.
const CHUNK_PAIRS: usize = 256;

/// Keys with their values, in order. Changes made meanwhile may be met or not.
pub struct Scan {
    shared: Arc<Shared>,
    /// With the table's byte before each key.
    bounds: (Bound<Vec<u8>>, Bound<Vec<u8>>),
    reversed: bool,
    chunk: std::vec::IntoIter<Pair>,
    done: bool,
}

impl std::fmt::Debug for Scan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scan({:?})", self.bounds)
    }
}

impl View {
    /// The pairs of a table between two keys.
    #[must_use]
    pub fn range(&self, table: Table, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Scan {
        let lower = match from {
            Bound::Included(key) => Bound::Included(table.key(key)),
            Bound::Excluded(key) => Bound::Excluded(table.key(key)),
            Bound::Unbounded => Bound::Included(vec![table.0]),
        };
        let upper = match to {
            Bound::Included(key) => Bound::Included(table.key(key)),
            Bound::Excluded(key) => Bound::Excluded(table.key(key)),
            Bound::Unbounded => after_prefix(vec![table.0]),
        };
        Scan {
            shared: self.shared.clone(),
            bounds: (lower, upper),
            reversed: false,
            chunk: Vec::new().into_iter(),
            done: false,
        }
    }

    /// The pairs of a table whose keys begin with `prefix`.
    #[must_use]
    pub fn prefix(&self, table: Table, prefix: &[u8]) -> Scan {
        let key = table.key(prefix);
        let bounds = (Bound::Included(key.clone()), after_prefix(key));
        Scan { shared: self.shared.clone(), bounds, reversed: false, chunk: Vec::new().into_iter(), done: false }
    }

    /// All pairs of a table.
    #[must_use]
    pub fn all(&self, table: Table) -> Scan {
        self.prefix(table, &[])
    }
}

/// The bound behind all keys with this prefix.
fn after_prefix(mut prefix: Vec<u8>) -> Bound<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if last < u8::MAX {
            prefix.push(last + 1);
            return Bound::Excluded(prefix);
        }
    }
    Bound::Unbounded
}

impl Scan {
    /// The same pairs, last first. Before the first one has been taken.
    #[must_use]
    pub fn reversed(mut self) -> Self {
        self.reversed = !self.reversed;
        self
    }

    fn fetch(&mut self) -> Result<(), ViewError> {
        if is_empty(&self.bounds) {
            self.done = true;
            return Ok(());
        }
        let (bounds, reversed) = (&self.bounds, self.reversed);
        let pairs = self.shared.with(|engine| engine.pairs(bounds, reversed, CHUNK_PAIRS))?;
        self.done = pairs.len() < CHUNK_PAIRS;
        if let Some((last, _)) = pairs.last() {
            let from_there = Bound::Excluded(last.clone());
            if self.reversed {
                self.bounds.1 = from_there;
            } else {
                self.bounds.0 = from_there;
            }
        }
        self.chunk = pairs.into_iter();
        Ok(())
    }
}

/// Bounds that cross or meet, which sled does not expect.
fn is_empty((lower, upper): &(Bound<Vec<u8>>, Bound<Vec<u8>>)) -> bool {
    match (lower, upper) {
        (Bound::Included(a), Bound::Included(b)) => a > b,
        (Bound::Included(a) | Bound::Excluded(a), Bound::Included(b) | Bound::Excluded(b)) => a >= b,
        _ => false,
    }
}

impl Iterator for Scan {
    type Item = Result<Pair, ViewError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((mut key, value)) = self.chunk.next() {
                // The table's byte is not the caller's.
                key.remove(0);
                return Some(Ok((key, value)));
            }
            if self.done {
                return None;
            }
            if let Err(e) = self.fetch() {
                self.done = true;
                return Some(Err(e));
            }
        }
    }
}
