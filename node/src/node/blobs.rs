//! The node's files as the exchange sees them: whole ones in the blob store, arriving ones in partial files.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use kapok_net::Multiaddr;
use kapok_net::blob::{Begun, BlobBackend};
use kapok_protocol::blob::piece::{PieceList, piece_count, piece_offset};
use kapok_protocol::blob::recipe::Recipe;
use kapok_protocol::blob::{BlobId, PieceSet};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use kapok_store::blobs::{BlobError, PIECE_BYTES, Partial};

use super::app::App;

/// Blobs on disk, and those on their way to it.
pub(super) struct BlobsOnDisk {
    app: Arc<App>,
    /// Written to by the exchange alone; people who read what arrives come from elsewhere.
    partials: RwLock<BTreeMap<BlobId, Partial>>,
}

impl BlobsOnDisk {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app, partials: RwLock::default() }
    }

    fn partials(&self) -> RwLockReadGuard<'_, BTreeMap<BlobId, Partial>> {
        self.partials.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn partials_to_change(&self) -> RwLockWriteGuard<'_, BTreeMap<BlobId, Partial>> {
        self.partials.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BlobBackend for BlobsOnDisk {
    fn may_receive(&self, peer: &Member, blob: &BlobId) -> bool {
        let reading = self.app.reading();
        reading.is_ok_and(|reading| reading.may_receive(peer, blob).unwrap_or(false))
    }

    fn size(&self, blob: &BlobId) -> Option<u64> {
        self.app.blobs.size(*blob).ok().flatten()
    }

    fn read(&self, blob: &BlobId, offset: u64, len: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; len];
        if let Ok(read) = self.app.blobs.read_at(*blob, offset, &mut bytes) {
            bytes.truncate(read);
            return Some(bytes);
        }
        // A piece of it may be here already; a frame never crosses the border of two.
        let partials = self.partials();
        let partial = partials.get(blob)?;
        let index = u32::try_from(offset / PIECE_BYTES as u64).ok()?;
        let piece = partial.read_piece(index).ok()??;
        let from = usize::try_from(offset - piece_offset(index)).ok()?;
        piece.get(from..(from + len).min(piece.len())).map(<[u8]>::to_vec)
    }

    fn piece_list(&self, blob: &BlobId) -> Option<Vec<u8>> {
        match self.app.blobs.pieces(*blob) {
            Ok(values) => Some(values.concat()),
            Err(BlobError::Damaged(_)) => {
                self.app.want_again(*blob);
                None
            }
            Err(_) => None,
        }
    }

    fn recipe(&self, blob: &BlobId) -> Option<Recipe> {
        self.app.blobs.recipe(*blob).ok().flatten()
    }

    fn older(&self, blob: &BlobId) -> Option<BlobId> {
        self.app.older_version(*blob)
    }

    fn begin(&self, blob: &BlobId, size: u64) -> Result<Begun, String> {
        let mut partials = self.partials_to_change();
        if !partials.contains_key(blob) {
            let partial = self.app.blobs.partial(*blob, size).map_err(|error| error.to_string())?;
            partials.insert(*blob, partial);
        }
        let count = piece_count(size);
        let mut present = PieceSet::empty(count);
        let (mut list, mut parts) = (None, Vec::new());
        if let Some(partial) = partials.get(blob) {
            // Of a blob of one piece the name says everything.
            list = partial.list().filter(|_| count > 1);
            parts = partial.prefixes();
            (0..count).filter(|index| partial.has(*index)).for_each(|index| {
                present.insert(index);
            });
        }
        Ok(Begun { present, list, parts })
    }

    fn keep_list(&self, list: &PieceList) -> Result<(), String> {
        let partials = self.partials();
        let partial = partials.get(&list.blob()).ok_or("it was not begun")?;
        partial.keep_list(list).map_err(|error| error.to_string())
    }

    fn write_part(&self, blob: &BlobId, index: u32, offset: u32, bytes: &[u8]) -> Result<(), String> {
        let partials = self.partials();
        let partial = partials.get(blob).ok_or("it was not begun")?;
        partial.write_prefix(index, offset, bytes).map_err(|error| error.to_string())
    }

    fn write_piece(&self, blob: &BlobId, index: u32, bytes: &[u8]) -> Result<(), String> {
        let partials = self.partials();
        let partial = partials.get(blob).ok_or("it was not begun")?;
        partial.write_piece(index, bytes).map_err(|error| error.to_string())
    }

    fn finish(&self, blob: &BlobId) -> Result<(), String> {
        // Reading all of it takes a while, in which it is read as before.
        let finished = self.partials().get(blob).ok_or("it was not begun")?.finish();
        let partial = self.partials_to_change().remove(blob);
        drop(partial);
        finished.map_err(|error| error.to_string())?;
        self.app.arrived(*blob).map_err(|error| error.to_string())
    }

    fn set_aside(&self, blob: &BlobId) {
        if let Some(partial) = self.partials_to_change().remove(blob)
            && let Err(error) = partial.sync()
        {
            tracing::info!(%blob, %error, "what has arrived of a file was not synced; some of it may come again");
        }
    }

    fn me(&self) -> Option<Member> {
        self.app.reading().ok()?.try_me().cloned()
    }

    fn member(&self, id: &NodeId) -> Option<Member> {
        self.app.reading().ok()?.find_member(id).cloned()
    }

    fn addresses(&self, node: &NodeId) -> Vec<Multiaddr> {
        self.app.addresses(node)
    }
}
