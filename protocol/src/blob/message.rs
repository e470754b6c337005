//! What is said on a stream of `/kapok/blob/1`.
//!
//! One side asks ([`Request`]), the other answers ([`Answer`]); a node that both gives and takes uses two streams.
//! Each frame is one CBOR value; its length travels before it. Many requests are in flight at once and their answers
//! may interleave: a piece goes as several frames of 8 to 64 KiB, as the link is fast, so that what a person waits for
//! never queues behind more than a fraction of a second of bulk.
//!
//! A request is over when every byte that it asked for has arrived, when it is refused, or when it is cancelled.
//! Answers to one request come in this order: the piece list (if asked for), then pieces, each from its beginning
//! (or from `from_offset`, or hole after hole) to its end. Pieces of one request may come in any order: a parent that is
//! still fetching the blob passes on what it has. A recipe comes when it is made, before or after the list.

use minicbor::{Decode, Encode};

use super::ledger::Report;
use super::recipe::MAX_HOLES;
use super::{BlobId, bounded};
use crate::identity::NodeId;

pub use super::bounded::FrameError;

/// Name of the protocol when a stream is opened.
pub const PROTOCOL: &str = "/kapok/blob/1";
/// Most bytes of a blob, or of a piece list, in one frame: 65 ms of an 8 Mbit/s link.
pub const FRAME_DATA_BYTES: usize = 64 * 1024;
/// Fewest, but for the end of a piece: a second of 64 kbit/s. What surrounds them is a four-hundredth of it.
pub const MIN_FRAME_DATA_BYTES: usize = 8 * 1024;
/// Largest frame: the bytes and what surrounds them.
pub const MAX_FRAME_BYTES: usize = FRAME_DATA_BYTES + 256;
/// Largest request: about 120 bytes, and eleven for each hole.
pub const MAX_REQUEST_BYTES: usize = 512;
/// Most pieces that one request may ask for (16 MiB). More is asked for in more requests, so that each stays
/// cheap to cancel.
pub const MAX_WANT_PIECES: u32 = 64;
/// Most requests that one peer may have open. Enough for a hundred small files a round trip to fill a satellite link.
pub const MAX_OPEN_REQUESTS: usize = 256;
/// Most nodes that may pass a request on: up from a point to the city, down to a point again.
pub const MAX_HOPS: u8 = 6;

/// Names a request on its stream; chosen by the asker, not in use twice at a time.
pub type RequestId = u32;

/// Who waits for the bytes. Interactive work goes before bulk on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Urgency {
    /// A person waits.
    #[n(0)]
    Interactive,
    /// A subscription.
    #[n(1)]
    Bulk,
}

/// Whether the asked node may fetch the blob elsewhere first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub enum Route {
    /// Only what the asked node holds.
    #[n(0)]
    Direct,
    /// The asked node may fetch it for the asker, in the direction of the node that published it.
    #[n(1)]
    ThroughTree {
        /// The node whose entry names the blob.
        #[n(0)]
        home: NodeId,
        /// How many nodes have passed the request on so far; at most [`MAX_HOPS`].
        #[n(1)]
        hops: u8,
    },
    /// What the asked node holds or fetches for itself anyway, so that it crosses the line to a place once; it fetches
    /// nothing for the asker's sake.
    #[n(2)]
    Nearby {
        /// The node whose entry names the blob.
        #[n(0)]
        home: NodeId,
    },
}

/// A range of bytes within a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Hole {
    #[n(0)]
    pub offset: u32,
    #[n(1)]
    pub len: u32,
}

/// Asks for pieces of one blob, and for its piece list if wished.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Want {
    #[n(0)]
    pub request: RequestId,
    #[n(1)]
    pub blob: BlobId,
    /// Size of the blob in bytes, as its entry states it.
    #[n(2)]
    pub size: u64,
    /// Send the piece list first, beginning with the value of this piece; `None` if it is known already.
    #[n(3)]
    pub list_from: Option<u32>,
    /// First piece that is asked for.
    #[n(4)]
    pub from_piece: u32,
    /// Where to begin inside the first piece, in bytes, so that a link that drops within every piece still
    /// gets through.
    #[n(5)]
    pub from_offset: u32,
    /// Number of pieces, at most [`MAX_WANT_PIECES`]; 0 asks for the list alone.
    #[n(6)]
    pub count: u32,
    #[n(7)]
    pub urgency: Urgency,
    #[n(8)]
    pub route: Route,
    /// Send the recipe too ([`super::recipe`]), beginning with this byte of it, or say that there is none.
    #[n(9)]
    pub recipe_from: Option<u32>,
    /// Of the only piece that is asked for, these bytes alone, in order; empty for all of it. At most [`MAX_HOLES`].
    #[cbor(n(10), decode_with = "bounded::list::<MAX_HOLES, _, _>")]
    pub holes: Vec<Hole>,
}

/// What the asker says.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub enum Request {
    #[n(0)]
    Want(#[n(0)] Want),
    /// The request is no longer of interest. Answers on their way are ignored.
    #[n(1)]
    Cancel(#[n(0)] RequestId),
    /// A person waits by now for what was asked for as bulk.
    #[n(2)]
    Hurry(#[n(0)] RequestId),
    /// What has come so far, so that both sides' ledgers say the same.
    #[n(3)]
    Received(#[n(0)] Report),
}

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, thiserror::Error)]
#[cbor(index_only)]
pub enum Refusal {
    /// Not here, and it was not to be fetched or could not be.
    #[n(0)]
    #[error("does not hold it")]
    NotHeld,
    /// No live entry that the asker may see names the blob.
    #[n(1)]
    #[error("does not give it to this node")]
    NotAllowed,
    /// Too many requests, or no room to fetch it; ask again later.
    #[n(2)]
    #[error("is busy")]
    Busy,
    /// The request was passed on too often.
    #[n(3)]
    #[error("would have to pass it on too often")]
    TooFar,
    /// The asked node's copy failed its own check.
    #[n(4)]
    #[error("holds a damaged copy")]
    Damaged,
    /// The request names pieces that the blob has not, another size, or more than the limits allow.
    #[n(5)]
    #[error("cannot make sense of the request")]
    Invalid,
}

/// What the asked node says.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub enum Answer {
    /// Part of the piece list: the values of pieces from `from_piece` on, 32 bytes each.
    #[n(0)]
    List {
        #[n(0)]
        request: RequestId,
        #[n(1)]
        from_piece: u32,
        #[cbor(n(2), encode_with = "minicbor::bytes::encode", decode_with = "bounded::bytes::<FRAME_DATA_BYTES, _>")]
        values: Vec<u8>,
    },
    /// Part of a piece: its bytes from `offset` on.
    #[n(1)]
    Piece {
        #[n(0)]
        request: RequestId,
        #[n(1)]
        index: u32,
        #[n(2)]
        offset: u32,
        #[cbor(n(3), encode_with = "minicbor::bytes::encode", decode_with = "bounded::bytes::<FRAME_DATA_BYTES, _>")]
        bytes: Vec<u8>,
    },
    #[n(2)]
    Refused {
        #[n(0)]
        request: RequestId,
        #[n(1)]
        reason: Refusal,
    },
    /// The asked node is fetching the blob. Sent when there is news of that, now and then.
    #[n(3)]
    Waiting {
        #[n(0)]
        request: RequestId,
        /// Pieces that it has.
        #[n(1)]
        have_pieces: u32,
        /// Bytes of the blob that came to it, also of pieces that are not whole: on the slowest links one takes minutes.
        #[n(2)]
        came_bytes: u64,
    },
    /// Part of the recipe, from `offset` on; of `total` bytes, none if there is no recipe.
    #[n(4)]
    Recipe {
        #[n(0)]
        request: RequestId,
        #[n(1)]
        offset: u32,
        #[n(2)]
        total: u32,
        #[cbor(n(3), encode_with = "minicbor::bytes::encode", decode_with = "bounded::bytes::<FRAME_DATA_BYTES, _>")]
        bytes: Vec<u8>,
    },
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::List { request, from_piece, values } => {
                write!(f, "List({request}, from piece {from_piece}, {} bytes)", values.len())
            }
            Self::Piece { request, index, offset, bytes } => {
                write!(f, "Piece({request}, {index} at {offset}, {} bytes)", bytes.len())
            }
            Self::Refused { request, reason } => write!(f, "Refused({request}, {reason})"),
            Self::Waiting { request, have_pieces, came_bytes } => {
                write!(f, "Waiting({request}, {have_pieces} pieces, {came_bytes} bytes)")
            }
            Self::Recipe { request, offset, total, .. } => write!(f, "Recipe({request}, at {offset} of {total} bytes)"),
        }
    }
}

impl Answer {
    /// The request that is answered.
    #[must_use]
    pub fn request(&self) -> RequestId {
        match self {
            Self::List { request, .. }
            | Self::Piece { request, .. }
            | Self::Refused { request, .. }
            | Self::Waiting { request, .. }
            | Self::Recipe { request, .. } => *request,
        }
    }

    /// How many bytes of content the answer carries.
    #[must_use]
    pub fn content_bytes(&self) -> usize {
        match self {
            Self::List { values: bytes, .. } | Self::Piece { bytes, .. } | Self::Recipe { bytes, .. } => bytes.len(),
            Self::Refused { .. } | Self::Waiting { .. } => 0,
        }
    }

    /// The frame's bytes, without its length.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        bounded::encode_frame(self)
    }

    /// Reads one frame.
    ///
    /// # Errors
    /// If it is too large, malformed, or followed by other bytes.
    pub fn decode(frame: &[u8]) -> Result<Self, FrameError> {
        bounded::decode_frame(frame, MAX_FRAME_BYTES)
    }
}

impl Request {
    /// The frame's bytes, without its length.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        bounded::encode_frame(self)
    }

    /// Reads one frame.
    ///
    /// # Errors
    /// If it is too large, malformed, or followed by other bytes.
    pub fn decode(frame: &[u8]) -> Result<Self, FrameError> {
        bounded::decode_frame(frame, MAX_FRAME_BYTES)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn want() -> Want {
        Want {
            request: u32::MAX,
            blob: BlobId::of(b"x"),
            size: u64::MAX,
            list_from: Some(u32::MAX),
            from_piece: u32::MAX,
            from_offset: u32::MAX,
            count: u32::MAX,
            urgency: Urgency::Bulk,
            route: Route::ThroughTree { home: NodeId([0xff; 32]), hops: u8::MAX },
            recipe_from: Some(u32::MAX),
            holes: vec![Hole { offset: u32::MAX, len: u32::MAX }; MAX_HOLES],
        }
    }

    #[test]
    fn the_largest_frames_fit_their_limit_and_read_back() {
        let request = Request::Want(want());
        assert!(request.encode().len() <= MAX_REQUEST_BYTES);
        assert_eq!(Request::decode(&request.encode()).unwrap(), request);
        let bytes = vec![7; FRAME_DATA_BYTES];
        let answer = Answer::Piece { request: u32::MAX, index: u32::MAX, offset: u32::MAX, bytes };
        assert!(answer.encode().len() <= MAX_FRAME_BYTES);
        assert_eq!(Answer::decode(&answer.encode()).unwrap(), answer);
    }

    #[test]
    fn a_frame_with_too_many_bytes_or_a_tail_is_refused() {
        let bytes = vec![7; FRAME_DATA_BYTES + 1];
        let frame = Answer::Piece { request: 0, index: 0, offset: 0, bytes }.encode();
        assert!(matches!(Answer::decode(&frame), Err(FrameError::Malformed(_))));
        assert!(matches!(Answer::decode(&vec![0; MAX_FRAME_BYTES + 1]), Err(FrameError::TooLarge { .. })));
        let tail = [Request::Cancel(1).encode(), vec![0]].concat();
        assert!(matches!(Request::decode(&tail), Err(FrameError::TrailingBytes(1))));
    }

    #[test]
    fn a_claimed_length_of_gigabytes_allocates_nothing() {
        // A byte string of 2^62 bytes in the place of the piece's bytes.
        let frame = [&[0x82, 0x01, 0xa4, 0x00, 0x00, 0x01, 0x00, 0x02, 0x00, 0x03, 0x5b][..], &[0x40; 8]].concat();
        assert!(matches!(Answer::decode(&frame), Err(FrameError::Malformed(_))));
    }

    #[test]
    fn a_field_of_a_later_version_is_skipped() {
        // [1, {0: 5, 1: "new": …}]: a cancellation with a field 9 that is not known here.
        let frame = [0x82, 0x01, 0xa2, 0x00, 0x05, 0x09, 0x82, 0x61, b'x', 0xa1, 0x01, 0x02];
        assert_eq!(Request::decode(&frame).unwrap(), Request::Cancel(5));
    }

    proptest! {
        #[test]
        fn no_bytes_make_decoding_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Answer::decode(&bytes);
            let _ = Request::decode(&bytes);
        }
    }
}
