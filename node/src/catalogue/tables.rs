//! What the view holds, by table: pointers into the journal and small facets.

use kapok_library::resource::ResourceId;
use kapok_protocol::blob::BlobId;
use kapok_protocol::entry::{Key, Kind, Sequence, ShelfId};
use kapok_protocol::head::Progress;
use kapok_protocol::time::Timestamp;
use kapok_store::view::Table;
use minicbor::{Decode, Encode};

/// shelf ‖ kind ‖ name → [`Live`]
pub(super) const LIVE: Table = Table::new(1);
/// shelf ‖ incarnation ‖ number → kind ‖ name
pub(super) const ORDER: Table = Table::new(2);
/// shelf → [`Shelf`]
pub(super) const SHELF: Table = Table::new(3);
/// node → journal position of its newest certificate
pub(super) const CERTIFICATE: Table = Table::new(4);
/// resource id → `ResourceState`
pub(super) const RESOURCE: Table = Table::new(5);
/// blob ‖ resource id → [`Use`]
pub(super) const USE: Table = Table::new(6);
/// time, newest first ‖ resource id → nothing
pub(super) const RECENT: Table = Table::new(7);
/// nothing → [`Totals`]
pub(super) const TOTALS: Table = Table::new(8);
/// peer → cursor in its journal
pub(super) const REMEMBERED: Table = Table::new(9);

/// A live place on a shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Live {
    #[n(0)]
    pub(super) sequence: Sequence,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(super) hash: [u8; 32],
    /// Where the entry stands in the journal; none where only a stub is left.
    #[n(2)]
    pub(super) position: Option<u64>,
}

/// A shelf's state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Shelf {
    /// Where its newest head stands in the journal.
    #[n(0)]
    pub(super) head: Option<u64>,
    #[n(1)]
    pub(super) progress: Progress,
    #[n(2)]
    pub(super) changed_at: u64,
    #[n(3)]
    pub(super) live: u64,
    /// The state of the set checksum.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(super) sum: Vec<u8>,
    #[n(5)]
    pub(super) mismatch: bool,
}

/// How a resource uses a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub(super) struct Use {
    #[n(0)]
    pub(super) size: u64,
    /// Whether it is the extracted text of a file.
    #[n(1)]
    pub(super) is_text: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Totals {
    #[n(0)]
    pub(super) entries: u64,
    #[n(1)]
    pub(super) resources: u64,
}

/// Fixed length, so that prefixes do not meet: author (32), visibility (1).
pub(super) fn shelf_key(shelf: &ShelfId) -> Vec<u8> {
    let mut key = shelf.author.0.to_vec();
    key.push(shelf.visibility as u8);
    key
}

pub(super) fn read_shelf_key(key: &[u8]) -> Option<ShelfId> {
    use kapok_protocol::visibility::Visibility;
    let (author, rest) = key.split_first_chunk::<32>()?;
    let all = [Visibility::SHARED.as_slice(), &[Visibility::Private]].concat();
    let visibility = all.into_iter().find(|v| *v as u8 == rest[0])?;
    Some(ShelfId { author: kapok_protocol::identity::NodeId(*author), visibility })
}

pub(super) fn entry_key(key: &Key) -> Vec<u8> {
    [key.kind.0.to_be_bytes().as_slice(), &key.name].concat()
}

pub(super) fn read_entry_key(bytes: &[u8]) -> Option<Key> {
    let (kind, name) = bytes.split_first_chunk::<2>()?;
    Some(Key { kind: Kind(u16::from_be_bytes(*kind)), name: name.to_vec() })
}

pub(super) fn live_key(shelf: &ShelfId, key: &Key) -> Vec<u8> {
    [shelf_key(shelf), entry_key(key)].concat()
}

pub(super) fn order_key(shelf: &ShelfId, sequence: Sequence) -> Vec<u8> {
    let sequence = [sequence.incarnation.to_be_bytes(), sequence.number.to_be_bytes()].concat();
    [shelf_key(shelf), sequence].concat()
}

/// The sequence at the end of a key of [`ORDER`].
pub(super) fn read_order_key(key: &[u8]) -> Option<Sequence> {
    let (_, tail) = key.split_last_chunk::<16>()?;
    let (incarnation, number) = tail.split_first_chunk::<8>()?;
    let number = number.first_chunk::<8>()?;
    Some(Sequence { incarnation: u64::from_be_bytes(*incarnation), number: u64::from_be_bytes(*number) })
}

pub(super) fn use_key(blob: &BlobId, resource: &ResourceId) -> Vec<u8> {
    [blob.0.as_slice(), &resource.0].concat()
}

pub(super) fn recent_key(time: Timestamp, resource: &ResourceId) -> Vec<u8> {
    [(u64::MAX - time.0).to_be_bytes().as_slice(), &resource.0].concat()
}

pub(super) fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    minicbor::to_vec(value).expect("writing to a Vec cannot fail, and no encoder of ours refuses a value")
}

pub(super) fn decode<T: for<'b> Decode<'b, ()>>(bytes: &[u8]) -> super::Result<T> {
    minicbor::decode(bytes).map_err(|error| super::CatalogueError::Damaged(error.to_string()))
}
