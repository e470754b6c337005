//! Places on shelves: the entry that stands there, and those that have stood there or wait.
//!
//! The newest believed entry of a key is live. What it superseded is kept in [`PAST`], as is what a revocation has taken
//! the belief from: when the revocation changes, the place is settled anew from all of them.

use kapok_protocol::entry::{Key, Kind, ShelfId};
use kapok_protocol::identity::NodeId;

use super::Application;
use crate::catalogue::Result;
use crate::catalogue::tables::{self, LIVE, Live, ORDER, PAST};

impl Application<'_> {
    /// Something came for a place on a shelf.
    pub(super) fn came(&mut self, id: &ShelfId, key: &Key, came: Live, position: u64, in_turn: bool) -> Result<()> {
        if in_turn {
            let shelf = self.memory.shelves.entry(*id).or_default();
            shelf.progress.advance(came.sequence);
            self.touched.insert(*id);
        }
        let standing = self.standing(id, key)?;
        if standing.is_some_and(|standing| standing.order() == came.order()) {
            return Ok(());
        }
        if !self.is_believed(id, &came) || standing.is_some_and(|standing| standing.order() > came.order()) {
            self.put_past(id, key, &came);
            if key.kind == Kind::RESOURCE && standing.is_some_and(|standing| standing.is_tombstone) {
                self.blot_past(id, key)?;
            }
            return Ok(());
        }
        if let Some(standing) = standing {
            self.put_past(id, key, &standing);
        }
        self.stand(id, key, standing, Some(came), position)
    }

    /// Settles all places of an author anew: what is believed of it has changed.
    pub(super) fn settle_all(&mut self, author: &NodeId, position: u64) -> Result<()> {
        for id in self.shelves_of(author) {
            let prefix = tables::shelf_key(&id);
            let live = self.view.pairs(LIVE, &prefix)?.into_iter().filter_map(|(key, _)| tables::read_live_key(&key));
            let past = self.view.pairs(PAST, &prefix)?.into_iter().filter_map(|(key, _)| tables::read_past_key(&key));
            let keys: std::collections::BTreeSet<Key> = live.chain(past).collect();
            for key in keys {
                self.settle(&id, &key, position)?;
            }
        }
        Ok(())
    }

    fn settle(&mut self, id: &ShelfId, key: &Key, position: u64) -> Result<()> {
        let standing = self.standing(id, key)?;
        let mut all: Vec<Live> = self.past(id, key)?;
        all.extend(standing);
        let newest = all.into_iter().filter(|one| self.is_believed(id, one)).max_by_key(Live::order);
        if newest == standing {
            return Ok(());
        }
        if let Some(standing) = standing {
            self.put_past(id, key, &standing);
        }
        if let Some(newest) = &newest {
            self.view.remove(PAST, tables::past_key(id, key, newest));
        }
        self.stand(id, key, standing, newest, position)
    }

    /// Puts `is` where `was` stood, on the shelf and in what hangs on it.
    fn stand(&mut self, id: &ShelfId, key: &Key, was: Option<Live>, is: Option<Live>, position: u64) -> Result<()> {
        let shelf = self.memory.shelves.entry(*id).or_default();
        shelf.changed_at = position;
        if let Some(was) = &was {
            shelf.sum.remove(&was.hash);
            shelf.live = shelf.live.saturating_sub(1);
            self.memory.totals.entries = self.memory.totals.entries.saturating_sub(1);
            self.view.remove(ORDER, tables::order_key(id, was.sequence));
        }
        match &is {
            Some(is) => {
                shelf.sum.add(&is.hash);
                shelf.live += 1;
                self.memory.totals.entries += 1;
                self.view.put(ORDER, tables::order_key(id, is.sequence), tables::entry_key(key));
                self.view.put(LIVE, tables::live_key(id, key), tables::encode(is));
            }
            None => self.view.remove(LIVE, tables::live_key(id, key)),
        }
        self.touched.insert(*id);
        self.take_effect(id, key, was.as_ref(), is.as_ref(), position)
    }

    /// What stands at a place now.
    pub(super) fn standing(&self, id: &ShelfId, key: &Key) -> Result<Option<Live>> {
        self.view.get(LIVE, &tables::live_key(id, key))?.map(|bytes| tables::decode(&bytes)).transpose()
    }

    /// What has stood at a place before, or waits to be believed.
    pub(super) fn past(&self, id: &ShelfId, key: &Key) -> Result<Vec<Live>> {
        let live_key = tables::live_key(id, key);
        let pairs = self.view.pairs(PAST, &live_key)?;
        // A longer name may begin alike.
        let here = pairs.into_iter().filter(|(past_key, _)| past_key.len() == live_key.len() + tables::PAST_TAIL_BYTES);
        here.map(|(_, value)| tables::decode(&value)).collect()
    }

    pub(super) fn put_past(&mut self, id: &ShelfId, key: &Key, past: &Live) {
        self.view.put(PAST, tables::past_key(id, key, past), tables::encode(past));
    }

    fn is_believed(&self, id: &ShelfId, live: &Live) -> bool {
        id.author == self.memory.me || !self.memory.is_revoked(&id.author, live.sequence)
    }
}
