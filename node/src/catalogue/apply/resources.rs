//! Resources: what hangs on their state, and what is left of a withdrawn one.

use kapok_library::resource::state::Current;
use kapok_library::resource::{Resource, ResourceId, ResourceKey, ResourceState};
use kapok_protocol::blob::BlobId;
use kapok_protocol::entry::{Key, ShelfId};
use kapok_protocol::time::Timestamp;

use super::Application;
use crate::catalogue::tables::{self, ERASE, LIVE, Live, RECENT, RESOURCE, USE, Use};
use crate::catalogue::{CatalogueError, Result};

impl Application<'_> {
    /// Changes a resource's state and what hangs on it: who uses which blobs, the list of the newest.
    pub(super) fn resource(&mut self, id: &ResourceId, change: impl FnOnce(&mut ResourceState)) -> Result<()> {
        let before = self.state(id)?;
        let mut after = before.clone();
        change(&mut after);
        if before == after {
            return Ok(());
        }
        let (was, is) = (self.position_of(&before), self.position_of(&after));
        if was != is {
            if let Some((position, time)) = was {
                self.memory.totals.resources = self.memory.totals.resources.saturating_sub(1);
                self.view.remove(RECENT, tables::recent_key(time, id));
                for (blob, _, _) in self.uses(position)? {
                    self.view.remove(USE, tables::use_key(&blob, id));
                    self.released.push(blob);
                }
            }
            if let Some((position, time)) = is {
                self.memory.totals.resources += 1;
                self.view.put(RECENT, tables::recent_key(time, id), Vec::new());
                for (blob, size, is_text) in self.uses(position)? {
                    self.view.put(USE, tables::use_key(&blob, id), tables::encode(&Use { size, is_text }));
                }
            }
        }
        self.view.put(RESOURCE, id.0.to_vec(), after.to_bytes());
        Ok(())
    }

    fn state(&self, id: &ResourceId) -> Result<ResourceState> {
        match self.view.get(RESOURCE, &id.0)? {
            Some(bytes) => ResourceState::from_bytes(&bytes).map_err(|e| CatalogueError::Damaged(e.to_string())),
            None => Ok(ResourceState::default()),
        }
    }

    fn position_of(&self, state: &ResourceState) -> Option<(u64, Timestamp)> {
        let author = state.author?;
        match state.current(|by| self.memory.is_ancestor(by, &author)) {
            Current::Live(_, slot) => slot.position.map(|position| (position, slot.time)),
            Current::None | Current::Withdrawn(..) => None,
        }
    }

    /// The blobs of the resource whose entry stands at `position`: (blob, bytes, is text).
    fn uses(&self, position: u64) -> Result<Vec<(BlobId, u64, bool)>> {
        let Some(entry) = self.read(position)? else { return Ok(Vec::new()) };
        // A body that this version cannot read is kept and passed on, and not shown.
        let body = entry.entry().body.as_deref().and_then(|body| Resource::from_body(body).ok());
        let Some(resource) = body else { return Ok(Vec::new()) };
        // Former versions can still be opened where they are.
        let former = resource.former.iter().flat_map(|version| &version.files);
        let files = resource.files.iter().chain(former).map(|file| (file.blob, file.size, false));
        let texts = resource.files.iter().filter_map(|file| file.text.map(|text| (text.blob, text.size, true)));
        Ok(files.chain(texts).collect())
    }

    /// Takes the content of a withdrawn resource off its author's shelves. What is left of its entries is their hash,
    /// still counted in the shelf's checksum; their text is erased from the journal later on.
    pub(super) fn blot(&mut self, resource: &ResourceKey) -> Result<()> {
        let state = self.state(&resource.id())?;
        if state.withdrawal(|by| self.memory.is_ancestor(by, &resource.author)).is_none() {
            return Ok(());
        }
        let key = resource.entry_key();
        for id in self.shelves_of(&resource.author) {
            self.blot_past(&id, &key)?;
            // The author's own tombstone says all; anything else becomes a stub.
            if let Some(standing) = self.standing(&id, &key)?.filter(Live::has_content) {
                self.erase(&standing);
                self.view.put(LIVE, tables::live_key(&id, &key), tables::encode(&standing.stub()));
            }
        }
        Ok(())
    }

    /// Takes the content of what has stood at a place before.
    pub(super) fn blot_past(&mut self, id: &ShelfId, key: &Key) -> Result<()> {
        for past in self.past(id, key)?.iter().filter(|past| past.has_content()) {
            self.erase(past);
            self.put_past(id, key, &past.stub());
        }
        Ok(())
    }

    /// Notes that the journal's record of an entry is to be overwritten by its stub.
    fn erase(&mut self, live: &Live) {
        if let Some(position) = live.position {
            self.view.put(ERASE, position.to_be_bytes().to_vec(), Vec::new());
        }
    }
}
