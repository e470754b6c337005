//! What the blob driver needs of the node: its files, who may have them, and where others are.

use kapok_protocol::blob::piece::PieceList;
use kapok_protocol::blob::recipe::Recipe;
use kapok_protocol::blob::{BlobId, PieceSet};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use libp2p::Multiaddr;

/// What is here of a blob that has been begun.
#[derive(Clone, Debug)]
pub struct Begun {
    /// Pieces that are here and proved.
    pub present: PieceSet,
    /// The piece list, if it was kept.
    pub list: Option<PieceList>,
    /// The first bytes of pieces that are not whole. They are not proved.
    pub parts: Vec<(u32, Vec<u8>)>,
}

/// The node behind the exchange. Calls may block for as long as an fsync takes.
pub trait BlobBackend: Send + Sync + 'static {
    /// Whether a live entry that `peer` may receive names the blob.
    fn may_receive(&self, peer: &Member, blob: &BlobId) -> bool;

    /// The blob's bytes if it is held in full.
    fn size(&self, blob: &BlobId) -> Option<u64>;

    /// Reads bytes of a blob, held in full or arriving; fewer at its end. None where they are not here.
    fn read(&self, blob: &BlobId, offset: u64, len: usize) -> Option<Vec<u8>>;

    /// The piece list of a blob that is held in full ([`PieceList::to_bytes`]).
    fn piece_list(&self, blob: &BlobId) -> Option<Vec<u8>>;

    /// The recipe of a blob that is held in full; none where it is not worth one. Reads all of it.
    fn recipe(&self, blob: &BlobId) -> Option<Recipe>;

    /// A blob that is held in full and of which this one, which is not, is a newer version.
    fn older(&self, blob: &BlobId) -> Option<BlobId>;

    /// Begins a blob, or goes on with it: what is here of it already.
    ///
    /// # Errors
    /// Why it cannot be taken (a full disk).
    fn begin(&self, blob: &BlobId, size: u64) -> Result<Begun, String>;

    /// Keeps the list of a blob that was begun.
    ///
    /// # Errors
    /// Why it was not kept.
    fn keep_list(&self, list: &PieceList) -> Result<(), String>;

    /// Keeps bytes of a piece that is not whole yet, from `offset` inside it on: where what was kept of it ends, or 0.
    ///
    /// # Errors
    /// Why they were not kept.
    fn write_part(&self, blob: &BlobId, index: u32, offset: u32, bytes: &[u8]) -> Result<(), String>;

    /// Keeps a proved piece.
    ///
    /// # Errors
    /// Why it was not kept.
    fn write_piece(&self, blob: &BlobId, index: u32, bytes: &[u8]) -> Result<(), String>;

    /// All pieces are here: verifies the whole and publishes it.
    ///
    /// # Errors
    /// Why it is not whole; what is wrong of it was dropped and is fetched again.
    fn finish(&self, blob: &BlobId) -> Result<(), String>;

    /// Nobody wants it any more for now; what is here of it may stay.
    fn set_aside(&self, blob: &BlobId);

    /// This node, if it has joined.
    fn me(&self) -> Option<Member>;

    /// Another member.
    fn member(&self, id: &NodeId) -> Option<Member>;

    /// Where a node may be reached.
    fn addresses(&self, node: &NodeId) -> Vec<Multiaddr>;
}

/// The list of a blob while it arrives.
pub(super) type Lists = std::collections::BTreeMap<BlobId, PieceList>;
