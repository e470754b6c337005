//! What a session asks of the node's catalogue, and what it gives back to be stored.
//!
//! The node implements [`Replica`] over its journal and views, the simulator over maps in memory.

use minicbor::{Decode, Encode};

use crate::entry::{Key, Sequence, ShelfId, Verified};
use crate::head::{Progress, VerifiedHead};
use crate::identity::NodeId;
use crate::membership::{Certificate, Member};
use crate::signed::Signed;
use crate::time::Timestamp;

/// A place in a journal. A restored journal has a new id, so that nobody trusts an old cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Cursor {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub journal: [u8; 16],
    #[n(1)]
    pub position: u64,
}

/// What remains of an entry that was withdrawn: enough for the shelf's checksum, nothing of its content.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Stub {
    #[n(0)]
    pub key: Key,
    #[n(1)]
    pub sequence: Sequence,
    #[cbor(n(2), with = "minicbor::bytes")]
    pub hash: [u8; 32],
}

/// A live place on a shelf, as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Item {
    #[n(0)]
    Entry(#[n(0)] Signed),
    #[n(1)]
    Stub(#[n(0)] Stub),
}

/// A shelf as this node knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShelfState {
    /// The author's newest head.
    pub head: VerifiedHead,
    /// How far this node has the shelf.
    pub progress: Progress,
    /// Journal position of the last change of head or progress.
    pub changed_at: u64,
    /// The shelf was reached, but its checksum is not the head's: it is listed anew from the beginning.
    pub mismatch: bool,
}

/// Something verified, to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    Certificate(Certificate),
    Head(VerifiedHead),
    Entry(Verified),
    Stub { shelf: ShelfId, stub: Stub },
    Reached { shelf: ShelfId, progress: Progress },
}

/// The node's catalogue, as sessions read it. Answers are those of one moment.
pub trait Replica {
    /// This node, verified.
    fn me(&self) -> Member;

    /// The federation's root key.
    fn federation(&self) -> NodeId;

    /// How late it is at least, by what ancestors have signed: peers whose membership has ended by then are refused.
    fn signed_now(&self) -> Timestamp;

    /// Another node, if its chain is known and good, though it may have run out: what it published stays.
    fn member(&self, id: &NodeId) -> Option<Member>;

    /// Certificates stored after `since` (all without one), parents before children.
    fn certificates(&self, since: Option<u64>) -> Vec<Certificate>;

    /// The newest certificate of each node from the city down to `id`.
    fn chain(&self, id: &NodeId) -> Option<crate::membership::Chain>;

    /// All shelves that have a head.
    fn shelves(&self) -> Vec<(ShelfId, ShelfState)>;

    /// One shelf.
    fn shelf(&self, id: &ShelfId) -> Option<ShelfState>;

    /// Live entries and stubs of `shelf` after `after`, in sequence order, about `max_bytes` of them (one at least,
    /// while there are any).
    fn items(&self, shelf: &ShelfId, after: &Progress, max_bytes: usize) -> Vec<Item>;

    /// Entries that go before everything else: revocations.
    fn urgent(&self) -> Vec<Verified>;

    /// Whether a withdrawal that counts has taken the content of this key.
    fn is_withdrawn(&self, shelf: &ShelfId, key: &Key) -> bool;

    /// Whether a revocation of `author` excludes this sequence.
    fn is_revoked(&self, author: &NodeId, sequence: Sequence) -> bool;

    /// The journal's id and end.
    fn cursor(&self) -> Cursor;
}
