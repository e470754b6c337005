//! Erasing: the text of withdrawn resources leaves the journal too.
//!
//! [`super::apply`] notes which records are to go, in the batch of the withdrawal; here they are overwritten in place by
//! their stubs, which is what the journal read from the beginning then shows. A crash between the two costs nothing: the
//! note is still there, or is made again with the view.

use kapok_protocol::replica::Stub;
use kapok_store::journal::JournalError;
use kapok_store::view::Batch;

use super::record::Record;
use super::tables::ERASE;
use super::{Catalogue, CatalogueError, Result};

/// Records overwritten at once: each costs a few hundred bytes of memory, and appends go on in between.
const ERASE_RECORDS: usize = 1_000;

impl Catalogue {
    /// Overwrites what was withdrawn since the last time; returns how many records.
    pub(crate) fn erase_withdrawn(&self) -> Result<usize> {
        let mut erased = 0;
        loop {
            let _writing = self.writing();
            self.wait_until_ready()?;
            let noted: Vec<_> = self.view.all(ERASE).take(ERASE_RECORDS).collect::<std::result::Result<_, _>>()?;
            let Some(position) = self.view.position()?.filter(|_| !noted.is_empty()) else { return Ok(erased) };
            let mut batch = Batch::new();
            let mut stubs = Vec::with_capacity(noted.len());
            for (key, _) in noted {
                batch.remove(ERASE, &key);
                let at = key.try_into().map(u64::from_be_bytes);
                let at = at.map_err(|_| CatalogueError::Damaged("a key of the list of what to erase".to_owned()))?;
                stubs.extend(self.stub_of(at)?.map(|stub| (at, stub)));
            }
            let overwrites: Vec<_> = stubs.iter().map(|(at, stub)| (*at, stub.as_slice())).collect();
            self.journal.overwrite(&overwrites)?;
            self.view.apply(batch, position)?;
            erased += overwrites.len();
        }
    }

    /// The record that is to stand where an entry stands; none where it is one already.
    fn stub_of(&self, position: u64) -> Result<Option<Vec<u8>>> {
        let payload = match self.journal.read(position) {
            Ok(payload) => payload,
            // It has rotted: there is nothing left to overwrite that could be told from anything else.
            Err(JournalError::NoFrame { .. }) => {
                tracing::warn!(position, "a withdrawn entry's record is damaged and stays as it is");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let Record::Entry(entry) = Record::from_bytes(&payload).map_err(CatalogueError::Damaged)? else {
            return Ok(None);
        };
        let (key, sequence, hash) = (entry.entry().key.clone(), entry.entry().sequence, entry.hash());
        Ok(Some(Record::Stub(entry.shelf(), Stub { key, sequence, hash }).to_bytes()))
    }
}
