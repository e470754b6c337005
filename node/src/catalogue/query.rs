//! The catalogue as pages, search and blob transfers ask it.

use kapok_library::profile::Profile;
use kapok_library::resource::state::{Current, Withdrawn};
use kapok_library::resource::{Resource, ResourceId, ResourceKey, ResourceState};
use kapok_library::revocation::Revocation;
use kapok_protocol::blob::BlobId;
use kapok_protocol::entry::{Key, Kind, ShelfId, Verified};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use kapok_protocol::replica::Cursor;
use kapok_protocol::time::Timestamp;
use kapok_protocol::visibility::Visibility;
use kapok_store::view::Batch;

use super::record::Record;
use super::replica::Reading;
use super::tables::{self, LIVE, RECENT, REMEMBERED, RESOURCE, USE, Use};
use super::{Catalogue, CatalogueError, Result};

/// A live resource.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: ResourceId,
    pub(crate) key: ResourceKey,
    pub(crate) visibility: Visibility,
    pub(crate) time: Timestamp,
    pub(crate) resource: Resource,
    pub(crate) entry: Verified,
}

/// A live resource's use of a blob.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlobUse {
    pub(crate) resource: ResourceId,
    pub(crate) is_text: bool,
}

impl Reading<'_> {
    /// A resource, unless it is unknown, taken away or withdrawn.
    pub(crate) fn resource(&self, id: &ResourceId) -> Result<Option<Found>> {
        let Some(state) = self.state(id)? else { return Ok(None) };
        let Some(author) = state.author else { return Ok(None) };
        let Current::Live(visibility, slot) = state.current(|by| self.memory.is_ancestor(by, &author)) else {
            return Ok(None);
        };
        let Some(position) = slot.position else { return Ok(None) };
        let Record::Entry(entry) = self.record(position)? else { return Ok(None) };
        let body = entry.entry().body.as_deref().and_then(|body| Resource::from_body(body).ok());
        let (Some(resource), Some(key)) = (body, ResourceKey::of(author, &entry.entry().key)) else { return Ok(None) };
        Ok(Some(Found { id: *id, key, visibility, time: slot.time, resource, entry }))
    }

    /// Who withdrew a resource, and why.
    pub(crate) fn withdrawal(&self, id: &ResourceId) -> Result<Option<(NodeId, Withdrawn)>> {
        let Some(state) = self.state(id)? else { return Ok(None) };
        let Some(author) = state.author else { return Ok(None) };
        let withdrawal = state.withdrawal(|by| self.memory.is_ancestor(by, &author));
        Ok(withdrawal.map(|(by, withdrawn)| (by, withdrawn.clone())))
    }

    fn state(&self, id: &ResourceId) -> Result<Option<ResourceState>> {
        let bytes = self.catalogue.view.get(RESOURCE, &id.0)?;
        let read = |bytes: Vec<u8>| ResourceState::from_bytes(&bytes);
        bytes.map(read).transpose().map_err(|error| CatalogueError::Damaged(error.to_string()))
    }

    pub(super) fn try_is_withdrawn(&self, shelf: &ShelfId, key: &Key) -> Result<bool> {
        let Some(resource) = ResourceKey::of(shelf.author, key) else { return Ok(false) };
        Ok(self.withdrawal(&resource.id())?.is_some())
    }

    /// Ids of live resources, newest first.
    pub(crate) fn recent(&self) -> impl Iterator<Item = Result<ResourceId>> + use<> {
        self.catalogue.view.all(RECENT).map(|pair| {
            let (key, _) = pair?;
            let id = key.last_chunk::<16>().copied();
            id.map(ResourceId).ok_or_else(|| CatalogueError::Damaged("a key of the list of the newest".to_owned()))
        })
    }

    /// Live resources that use a blob.
    pub(crate) fn uses(&self, blob: &BlobId) -> Result<Vec<BlobUse>> {
        let mut uses = Vec::new();
        for pair in self.catalogue.view.prefix(USE, &blob.0) {
            let (key, value) = pair?;
            let Some(resource) = key.last_chunk::<16>().copied().map(ResourceId) else { continue };
            let Use { is_text, .. } = tables::decode(&value)?;
            uses.push(BlobUse { resource, is_text });
        }
        Ok(uses)
    }

    /// Whether a live entry that `viewer` may receive names the blob.
    pub(crate) fn may_receive(&self, viewer: &Member, blob: &BlobId) -> Result<bool> {
        for used in self.uses(blob)? {
            if let Some(found) = self.resource(&used.resource)?
                && let Some(author) = self.memory.members.get(&found.key.author)
                && found.visibility.admits(viewer, author)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Entries and live resources.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.memory.totals.entries, self.memory.totals.resources)
    }

    /// All members, from the city down.
    pub(crate) fn members(&self) -> impl Iterator<Item = &Member> {
        self.memory.members.values()
    }

    pub(crate) fn find_member(&self, id: &NodeId) -> Option<&Member> {
        self.memory.members.get(id)
    }

    /// This node, if it has joined.
    pub(crate) fn try_me(&self) -> Option<&Member> {
        self.memory.members.get(&self.memory.me)
    }

    pub(crate) fn try_federation(&self) -> Option<NodeId> {
        self.memory.federation()
    }

    pub(crate) fn profile(&self, node: &NodeId) -> Option<&Profile> {
        self.memory.book.profile(node)
    }

    pub(crate) fn revocation(&self, node: &NodeId) -> Option<(NodeId, &Revocation)> {
        self.memory.revocation(node)
    }

    /// When a node last said anything that is known here.
    pub(crate) fn last_said(&self, node: &NodeId) -> Option<Timestamp> {
        let heads = self.memory.shelves.iter().filter(|(id, _)| id.author == *node);
        heads.filter_map(|(_, shelf)| shelf.head.as_ref()).map(|(_, head)| head.head().time).max()
    }

    /// Live entries of a node that are known here.
    pub(crate) fn entries_of(&self, node: &NodeId) -> u64 {
        self.memory.shelves.iter().filter(|(id, _)| id.author == *node).map(|(_, shelf)| shelf.live).sum()
    }

    /// All resources that a node ever published and that are known here, live or not.
    pub(crate) fn resources_of(&self, node: &NodeId) -> impl Iterator<Item = Result<ResourceId>> + use<'_> {
        let node = *node;
        let shelves = self.memory.shelves.keys().filter(move |id| id.author == node);
        let pairs = shelves.flat_map(|id| {
            let kind = [tables::shelf_key(id), tables::kind_key(Kind::RESOURCE)].concat();
            self.catalogue.view.prefix(LIVE, &kind)
        });
        pairs.filter_map(move |pair| match pair {
            Ok((key, _)) => Some(Ok(ResourceKey::of(node, &tables::read_live_key(&key)?)?.id())),
            Err(error) => Some(Err(error.into())),
        })
    }

    /// The last sequence of a node, over all its shelves.
    pub(crate) fn last_sequence(&self, node: &NodeId) -> Option<kapok_protocol::entry::Sequence> {
        let shelves = self.memory.shelves.iter().filter(|(id, _)| id.author == *node);
        shelves.filter_map(|(_, shelf)| shelf.progress.last()).max()
    }
}

impl Catalogue {
    /// How far the heads of `peer` are known in its journal.
    pub(crate) fn remembered(&self, peer: &NodeId) -> Option<Cursor> {
        let bytes = self.view.get(REMEMBERED, &peer.0).ok()??;
        tables::decode(&bytes).ok()
    }

    /// Notes it; lost in a crash, which costs one longer list of heads.
    pub(crate) fn remember(&self, peer: &NodeId, cursor: Cursor) {
        let _writing = self.writing();
        let mut batch = Batch::new();
        batch.insert(REMEMBERED, &peer.0, tables::encode(&cursor));
        let end = self.view.position().ok().flatten().unwrap_or_else(|| self.journal.cursor(0));
        if let Err(error) = self.view.apply(batch, end) {
            tracing::debug!(%error, "a peer's cursor was not noted");
        }
    }
}
