//! The catalogue as sessions see it, at one moment.

use std::ops::Bound;
use std::sync::RwLockReadGuard;

use kapok_protocol::entry::{Key, Kind, Sequence, ShelfId, Verified};
use kapok_protocol::head::Progress;
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::{Certificate, Chain, Member};
use kapok_protocol::replica::{Cursor, Item, Replica, ShelfState, Stub};
use kapok_protocol::time::Timestamp;
use kapok_store::journal::JournalError;

use super::memory::Memory;
use super::record::Record;
use super::tables::{self, LIVE, Live, ORDER};
use super::{Catalogue, CatalogueError, Result};

/// The catalogue at one moment: nothing is stored while this exists.
pub(crate) struct Reading<'a> {
    pub(super) catalogue: &'a Catalogue,
    pub(super) memory: RwLockReadGuard<'a, Memory>,
}

impl std::fmt::Debug for Reading<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reading({:?})", self.catalogue)
    }
}

impl Reading<'_> {
    /// The record at a position of the journal.
    pub(super) fn record(&self, position: u64) -> Result<Record> {
        Record::from_bytes(&self.catalogue.journal.read(position)?).map_err(CatalogueError::Damaged)
    }

    fn try_items(&self, shelf: &ShelfId, after: &Progress, max_bytes: usize) -> Result<Vec<Item>> {
        let mut items = Vec::new();
        let mut bytes = 0;
        let Some(known) = self.memory.shelves.get(shelf) else { return Ok(items) };
        for &incarnation in known.progress.0.keys() {
            let from = after.0.get(&incarnation).copied().unwrap_or(0);
            let from = tables::order_key(shelf, Sequence { incarnation, number: from });
            let to = tables::order_key(shelf, Sequence { incarnation, number: u64::MAX });
            let range = self.catalogue.view.range(ORDER, Bound::Excluded(&from), Bound::Included(&to));
            for pair in range {
                if bytes >= max_bytes {
                    return Ok(items);
                }
                let (_, entry_key) = pair?;
                let Some(key) = tables::read_entry_key(&entry_key) else { continue };
                let Some(live) = self.catalogue.view.get(LIVE, &tables::live_key(shelf, &key))? else { continue };
                let live: Live = tables::decode(&live)?;
                let item = match live.position {
                    None => Item::Stub(Stub { key, sequence: live.sequence, hash: live.hash }),
                    Some(position) => match self.record(position) {
                        Ok(Record::Entry(entry)) => Item::Entry(entry.signed().clone()),
                        // Damaged here; whoever lacks it finds that the shelf does not add up, and asks others.
                        Ok(_) | Err(CatalogueError::Journal(JournalError::NoFrame { .. })) => continue,
                        Err(error) => return Err(error),
                    },
                };
                bytes += match &item {
                    Item::Entry(signed) => signed.bytes.len() + 80,
                    Item::Stub(_) => 120,
                };
                items.push(item);
            }
        }
        Ok(items)
    }

    fn try_urgent(&self) -> Result<Vec<Verified>> {
        let mut all = Vec::new();
        for id in self.memory.shelves.keys() {
            let prefix = [tables::shelf_key(id), Kind::REVOCATION.0.to_be_bytes().to_vec()].concat();
            for pair in self.catalogue.view.prefix(LIVE, &prefix) {
                let live: Live = tables::decode(&pair?.1)?;
                if let Some(position) = live.position
                    && let Record::Entry(entry) = self.record(position)?
                {
                    all.push(entry);
                }
            }
        }
        Ok(all)
    }
}

/// A view that fails in the middle of a session: the session gets nothing more and is taken up later.
fn or_nothing<T: Default>(result: Result<T>) -> T {
    result.unwrap_or_else(|error| {
        tracing::warn!(%error, "the catalogue could not be read");
        T::default()
    })
}

impl Replica for Reading<'_> {
    fn me(&self) -> Member {
        let me = self.memory.members.get(&self.memory.me);
        me.cloned().expect("sessions are begun by members only")
    }

    fn federation(&self) -> NodeId {
        self.memory.federation().unwrap_or(NodeId([0; 32]))
    }

    fn signed_now(&self) -> Timestamp {
        self.memory.signed_now()
    }

    fn member(&self, id: &NodeId) -> Option<Member> {
        self.memory.members.get(id).cloned()
    }

    fn certificates(&self, since: Option<u64>) -> Vec<Certificate> {
        let newer = self.memory.certificates.values().filter(|(at, _)| since.is_none_or(|since| *at >= since));
        let mut all: Vec<_> = newer.map(|(_, certificate)| certificate.clone()).collect();
        all.sort_by_key(|certificate| certificate.membership().tier);
        all
    }

    fn chain(&self, id: &NodeId) -> Option<Chain> {
        self.memory.chain(id)
    }

    fn shelves(&self) -> Vec<(ShelfId, ShelfState)> {
        self.memory.shelves.keys().filter_map(|id| Some((*id, self.shelf(id)?))).collect()
    }

    fn shelf(&self, id: &ShelfId) -> Option<ShelfState> {
        let shelf = self.memory.shelves.get(id)?;
        Some(ShelfState {
            head: shelf.head.as_ref()?.1.clone(),
            progress: shelf.progress.clone(),
            changed_at: shelf.changed_at,
            mismatch: shelf.mismatch,
        })
    }

    fn items(&self, shelf: &ShelfId, after: &Progress, max_bytes: usize) -> Vec<Item> {
        or_nothing(self.try_items(shelf, after, max_bytes))
    }

    fn urgent(&self) -> Vec<Verified> {
        or_nothing(self.try_urgent())
    }

    fn is_withdrawn(&self, shelf: &ShelfId, key: &Key) -> bool {
        or_nothing(self.try_is_withdrawn(shelf, key))
    }

    fn is_revoked(&self, author: &NodeId, sequence: Sequence) -> bool {
        self.memory.is_revoked(author, sequence)
    }

    fn cursor(&self) -> Cursor {
        let end = self.catalogue.journal.end();
        Cursor { journal: end.journal, position: end.position }
    }
}
