//! The frames of `/kapok/sync/1`. How they look on the wire is the concern of [`super::codec`].

use minicbor::{Decode, Encode};

use crate::head::Progress;
use crate::replica::{Cursor, Item};
use crate::signed::Signed;
use crate::visibility::Visibility;

pub const PROTOCOL: &str = "/kapok/sync/1";
/// What one frame may have, on the wire and unpacked. Bounds what a receiver allocates on a peer's word.
pub const MAX_FRAME_BYTES: usize = 512 * 1024;
/// Where a sender closes a batch of entries or a list; one item of the largest size may come on top. At 512 kbit/s this
/// takes, compressed, about half a second, so a dropped link costs no more than that; smaller ones would cost a school's
/// disk more syncs.
pub const BATCH_BYTES: usize = 64 * 1024;
/// Heads, certificates or wants in one frame.
pub const MAX_LIST: usize = 512;
/// Of BLAKE3's 32 bytes a comparison needs half: nobody gains by two states that look alike.
pub const DIGEST_BYTES: usize = 16;
/// What only tells where two states differ needs less.
pub const PART_DIGEST_BYTES: usize = 8;
/// The shelves of each shared visibility, revocations, certificates.
pub const PARTS: usize = Visibility::SHARED.len() + 2;

/// The first half of a BLAKE3 hash.
pub type Digest = [u8; DIGEST_BYTES];

/// What a node has of what both sides may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct State {
    /// Of all of it: two states are the same if this is.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub whole: Digest,
    /// Of each part, one after the other.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub parts: [u8; PARTS * PART_DIGEST_BYTES],
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
    /// Its head's place among those that the receiver has named in this session, counted from 0.
    #[n(0)]
    pub place: u32,
    #[n(1)]
    pub after: Progress,
}

/// What is live on a shelf that was wanted, in sequence order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Part {
    #[n(0)]
    pub place: u32,
    #[n(1)]
    pub items: Vec<Item>,
    /// All items of the shelf were sent, as far as was said with its head.
    #[n(2)]
    pub reached: bool,
}

/// One frame. Lists that do not fit into one are continued; `last` closes them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Frame {
    /// What I have, by visibility, and the place in your journal up to which I know your heads.
    #[n(0)]
    Open {
        #[n(0)]
        state: State,
        #[n(1)]
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
    #[n(5)]
    Items {
        #[n(0)]
        parts: Vec<Part>,
    },
    /// I have what I wanted and gave what you wanted. Come again with this cursor; without one, with the one that you
    /// came with.
    #[n(6)]
    Done {
        #[n(0)]
        cursor: Option<Cursor>,
        /// I have learnt of more since I named my heads; it is worth another session.
        #[n(1)]
        more: bool,
    },
}

/// A frame that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    #[error("{0} bytes are more than the {MAX_FRAME_BYTES} that a frame may have")]
    TooLarge(usize),
    #[error("malformed: {0}")]
    Malformed(String),
    #[error("a list of {0} items is longer than the {MAX_LIST} allowed")]
    TooMany(usize),
}

impl Frame {
    /// The frame in CBOR, as it is before [`super::codec`] packs it.
    #[must_use]
    pub fn to_plain(&self) -> Vec<u8> {
        crate::cbor::encode(self)
    }

    /// # Errors
    /// Frames over the limits or that do not decode.
    pub fn from_plain(bytes: &[u8]) -> Result<Self, BadFrame> {
        if bytes.len() > MAX_FRAME_BYTES {
            return Err(BadFrame::TooLarge(bytes.len()));
        }
        let frame: Self = minicbor::decode(bytes).map_err(|e| BadFrame::Malformed(e.to_string()))?;
        let items = match &frame {
            Self::Urgent { entries } => entries.len(),
            Self::Certificates { certificates } => certificates.len(),
            Self::Heads { heads, .. } => heads.len(),
            Self::Wants { wants, .. } => wants.len(),
            Self::Items { parts } => parts.len(),
            Self::Open { .. } | Self::Done { .. } => 0,
        };
        if items > MAX_LIST { Err(BadFrame::TooMany(items)) } else { Ok(frame) }
    }
}

/// Cuts a list into parts that a frame can carry, each below [`BATCH_BYTES`] or of one item.
pub(super) fn parts<T>(list: Vec<T>, bytes: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut parts: Vec<Vec<T>> = Vec::new();
    let mut room = 0;
    for item in list {
        let size = bytes(&item);
        match parts.last_mut() {
            Some(part) if size <= room && part.len() < MAX_LIST => part.push(item),
            _ => {
                parts.push(vec![item]);
                room = BATCH_BYTES;
            }
        }
        room = room.saturating_sub(size);
    }
    parts
}
