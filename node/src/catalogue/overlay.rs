//! Changes to the view that are not in it yet: later records of a batch see those of earlier ones.

use std::collections::BTreeMap;

use kapok_store::view::{Batch, Table, View};

use super::Result;
use super::tables;

/// A view with changes laid over it.
pub(super) struct Overlay<'a> {
    view: &'a View,
    /// By the table's place in [`tables::ALL`] and key; none where the key is removed.
    changes: BTreeMap<(usize, Vec<u8>), Option<Vec<u8>>>,
}

impl<'a> Overlay<'a> {
    pub(super) fn new(view: &'a View) -> Self {
        Self { view, changes: BTreeMap::new() }
    }

    pub(super) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.changes.get(&(place(table), key.to_vec())) {
            Some(value) => Ok(value.clone()),
            None => Ok(self.view.get(table, key)?),
        }
    }

    pub(super) fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.changes.insert((place(table), key), Some(value));
    }

    pub(super) fn remove(&mut self, table: Table, key: Vec<u8>) {
        self.changes.insert((place(table), key), None);
    }

    /// All pairs whose key begins so, in order.
    pub(super) fn pairs(&self, table: Table, prefix: &[u8]) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let stored = self.view.prefix(table, prefix).collect::<std::result::Result<BTreeMap<_, _>, _>>();
        let mut pairs = stored?;
        let from = (place(table), prefix.to_vec());
        let changes =
            self.changes.range(from..).take_while(|((at, key), _)| *at == place(table) && key.starts_with(prefix));
        for ((_, key), value) in changes {
            match value {
                Some(value) => pairs.insert(key.clone(), value.clone()),
                None => pairs.remove(key),
            };
        }
        Ok(pairs.into_iter().collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(super) fn into_batch(self) -> Batch {
        let mut batch = Batch::new();
        for ((at, key), value) in self.changes {
            match value {
                Some(value) => batch.insert(tables::ALL[at], &key, value),
                None => batch.remove(tables::ALL[at], &key),
            }
        }
        batch
    }
}

fn place(table: Table) -> usize {
    tables::ALL.iter().position(|known| *known == table).expect("every table of the catalogue is in the list")
}
