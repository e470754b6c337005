//! The frames of `/kapok/sync/1`.

use minicbor::{Decode, Encode};

use crate::entry::ShelfId;
use crate::head::Progress;
use crate::replica::{Cursor, Item};
use crate::signed::Signed;
use crate::visibility::Visibility;

pub const PROTOCOL: &str = "/kapok/sync/1";
/// What one frame may have on the wire. Bounds what a receiver allocates on a peer's word.
pub const MAX_FRAME_BYTES: usize = 512 * 1024;
/// What a batch of entries may have once unpacked: a sender closes a batch at [`BATCH_BYTES`], and one entry of the
/// largest size may come on top.
pub const MAX_BATCH_BYTES: usize = 256 * 1024;
/// Where a sender closes a batch. At 512 kbit/s a batch of this size, compressed, takes about half a second, so a
/// dropped link costs no more than that.
pub const BATCH_BYTES: usize = 96 * 1024;
/// Heads, certificates or wants in one frame.
pub const MAX_LIST: usize = 512;
/// zstd's default: higher levels save a few per cent of text and cost a school's old processor much time.
const COMPRESSION_LEVEL: i32 = 3;

/// A digest of all shelves of one visibility that both sides may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ShelvesDigest {
    #[n(0)]
    pub visibility: Visibility,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub digest: [u8; 32],
}

/// A head as it travels: the author's statement, and how far the sender has the shelf.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct HeadItem {
    #[n(0)]
    pub head: Signed,
    /// None where the sender has all that the head states.
    #[n(1)]
    pub progress: Option<Progress>,
}

/// A shelf that the sender of this wants, after what it has.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Want {
    #[n(0)]
    pub shelf: ShelfId,
    #[n(1)]
    pub after: Progress,
}

/// One frame. Lists that do not fit into one are continued; `last` closes them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Frame {
    /// What I have, by visibility, and the place in your journal up to which I know your heads.
    #[n(0)]
    Open {
        #[n(0)]
        digests: Vec<ShelvesDigest>,
        #[cbor(n(1), with = "minicbor::bytes")]
        urgent: [u8; 32],
        #[cbor(n(2), with = "minicbor::bytes")]
        certificates: [u8; 32],
        #[n(3)]
        known: Option<Cursor>,
    },
    /// Revocations, before everything else.
    #[n(1)]
    Urgent {
        #[n(0)]
        entries: Vec<Signed>,
    },
    #[n(2)]
    Certificates {
        #[n(0)]
        certificates: Vec<Signed>,
    },
    #[n(3)]
    Heads {
        #[n(0)]
        heads: Vec<HeadItem>,
        #[n(1)]
        last: bool,
    },
    #[n(4)]
    Wants {
        #[n(0)]
        wants: Vec<Want>,
        #[n(1)]
        last: bool,
    },
    /// A zstd-compressed CBOR array of [`Item`]s in sequence order.
    #[n(5)]
    Items {
        #[n(0)]
        shelf: ShelfId,
        #[cbor(n(1), with = "minicbor::bytes")]
        batch: Vec<u8>,
    },
    /// All items of the shelf up to here were sent.
    #[n(6)]
    Reached {
        #[n(0)]
        shelf: ShelfId,
        #[n(1)]
        progress: Progress,
    },
    /// I have what I wanted and gave what you wanted. Come again with this cursor.
    #[n(7)]
    Done {
        #[n(0)]
        cursor: Cursor,
    },
}

/// A frame that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    #[error("{0} bytes are more than a frame may have")]
    TooLarge(usize),
    #[error("malformed: {0}")]
    Malformed(String),
    #[error("a list of {0} items is longer than allowed")]
    TooMany(usize),
}

impl Frame {
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::cbor::encode(self)
    }

    /// # Errors
    /// Frames over the limits or that do not decode.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadFrame> {
        if bytes.len() > MAX_FRAME_BYTES {
            return Err(BadFrame::TooLarge(bytes.len()));
        }
        let frame: Self = minicbor::decode(bytes).map_err(|e| BadFrame::Malformed(e.to_string()))?;
        let items = match &frame {
            Self::Open { digests, .. } => digests.len(),
            Self::Urgent { entries } => entries.len(),
            Self::Certificates { certificates } => certificates.len(),
            Self::Heads { heads, .. } => heads.len(),
            Self::Wants { wants, .. } => wants.len(),
            Self::Items { .. } | Self::Reached { .. } | Self::Done { .. } => 0,
        };
        if items > MAX_LIST { Err(BadFrame::TooMany(items)) } else { Ok(frame) }
    }
}

/// Packs items for [`Frame::Items`].
pub(super) fn pack(items: &Vec<Item>) -> Vec<u8> {
    let plain = crate::cbor::encode(items);
    zstd::bulk::compress(&plain, COMPRESSION_LEVEL).expect("compressing from memory to memory cannot fail")
}

/// Unpacks a batch, never making more than [`MAX_BATCH_BYTES`] of it.
pub(super) fn unpack(batch: &[u8]) -> Result<Vec<Item>, BadFrame> {
    let plain =
        zstd::bulk::decompress(batch, MAX_BATCH_BYTES).map_err(|error| BadFrame::Malformed(error.to_string()))?;
    minicbor::decode(&plain).map_err(|error| BadFrame::Malformed(error.to_string()))
}
