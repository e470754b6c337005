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
/// shelf ‖ kind ‖ name ‖ incarnation ‖ number ‖ hash → [`Live`] that was superseded, or is not believed
pub(super) const PAST: Table = Table::new(10);
/// journal position → nothing: the record there is to be overwritten by its stub
pub(super) const ERASE: Table = Table::new(11);
/// blob → nothing: something has stopped naming it, and nobody has looked yet whether anything still does
pub(super) const RELEASED: Table = Table::new(12);

/// All tables that records are applied to.
pub(super) const ALL: [Table; 11] =
    [LIVE, ORDER, SHELF, CERTIFICATE, RESOURCE, USE, RECENT, TOTALS, PAST, ERASE, RELEASED];

/// An entry at its place on a shelf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub(super) struct Live {
    #[n(0)]
    pub(super) sequence: Sequence,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(super) hash: [u8; 32],
    /// Where the entry stands in the journal; none where only a stub is left.
    #[n(2)]
    pub(super) position: Option<u64>,
    /// 0 for a stub, which has none.
    #[n(3)]
    pub(super) time: Timestamp,
    /// Whether the entry takes back what it names.
    #[n(4)]
    pub(super) is_tombstone: bool,
}

impl Live {
    /// What makes one entry newer than another. The hash decides between two of one number (a cloned node), so that
    /// every node shows the same one.
    pub(super) fn order(&self) -> (Sequence, [u8; 32]) {
        (self.sequence, self.hash)
    }

    /// Whether the journal holds more of it than its hash and that it is gone.
    pub(super) fn has_content(&self) -> bool {
        self.position.is_some() && !self.is_tombstone
    }

    /// What is left of it without its content.
    pub(super) fn stub(&self) -> Self {
        Self { position: None, ..*self }
    }
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

pub(super) fn kind_key(kind: Kind) -> Vec<u8> {
    kind.0.to_be_bytes().to_vec()
}

pub(super) fn entry_key(key: &Key) -> Vec<u8> {
    [kind_key(key.kind), key.name.clone()].concat()
}

pub(super) fn read_entry_key(bytes: &[u8]) -> Option<Key> {
    let (kind, name) = bytes.split_first_chunk::<2>()?;
    Some(Key { kind: Kind(u16::from_be_bytes(*kind)), name: name.to_vec() })
}

pub(super) fn live_key(shelf: &ShelfId, key: &Key) -> Vec<u8> {
    [shelf_key(shelf), entry_key(key)].concat()
}

/// Reads the entry's key out of one of [`LIVE`].
pub(super) fn read_live_key(key: &[u8]) -> Option<Key> {
    read_entry_key(key.get(SHELF_KEY_BYTES..)?)
}

/// Sequence and hash at the end of a key of [`PAST`].
pub(super) const PAST_TAIL_BYTES: usize = 16 + 32;
/// Author and visibility at its beginning.
const SHELF_KEY_BYTES: usize = 32 + 1;

pub(super) fn past_key(shelf: &ShelfId, key: &Key, past: &Live) -> Vec<u8> {
    [live_key(shelf, key), sequence_key(past.sequence), past.hash.to_vec()].concat()
}

/// Reads the entry's key out of one of [`PAST`].
pub(super) fn read_past_key(key: &[u8]) -> Option<Key> {
    let end = key.len().checked_sub(PAST_TAIL_BYTES)?;
    read_live_key(&key[..end])
}

fn sequence_key(sequence: Sequence) -> Vec<u8> {
    [sequence.incarnation.to_be_bytes(), sequence.number.to_be_bytes()].concat()
}

pub(super) fn order_key(shelf: &ShelfId, sequence: Sequence) -> Vec<u8> {
    [shelf_key(shelf), sequence_key(sequence)].concat()
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
