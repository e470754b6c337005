//! Recipes: how a receiver finds in an older version what it need not fetch of a new one.
//!
//! A [`Recipe`] lists the chunks of a blob, cut where the content says ([`chunks`], [`zip`]). The holder makes it when
//! it is asked; the receiver cuts what it holds by the same rules ([`Index`]) and learns from both ([`Plan`]) which
//! bytes it can copy and which it has to ask for. So an insertion in the middle costs the chunks around it, and not all
//! that moved.
//!
//! A recipe is a hint. Nothing here is believed: what was put together is proved like any other piece
//! ([`super::piece`]), so a recipe that lies, or two chunks whose short marks are equal, cost time and never correctness.
//!
//! # What it saves
//!
//! Measured with `cargo run -p kapok-protocol --example recipe -- OLD NEW`; the figures are in [`zip`], beside the rule
//! that they are the reason for.

mod chunks;
mod plan;
#[cfg(test)]
mod tests;
pub mod zip;

pub use chunks::{Cuts, MAX_CHUNK_BYTES, each_chunk};
pub use plan::{Copy, Index, Plan};

use std::ops::Range;

/// Smallest blob that a recipe is made for: below, the list and the gaps around an edit are hardly fewer bytes, and
/// cost one more round trip.
pub const MIN_BLOB_BYTES: u64 = 64 * 1024;
/// Largest blob that a recipe is made for, 1 GiB. It has to be read once on either side, some seconds of a slow disk,
/// and what is larger is a recording, of which no new version shares its bytes with the old one.
pub const MAX_BLOB_BYTES: u64 = 1 << 30;
/// Most chunks in a recipe: twice what plain cutting makes of the largest blob. Bounds what a peer can make this
/// node hold to 2 MiB.
pub const MAX_CHUNKS: usize = 128 * 1024;
/// Most bytes of an encoded recipe.
pub const MAX_RECIPE_BYTES: usize = 1 + MAX_CHUNKS * (3 + MARK_BYTES);
/// Bytes of a chunk's mark. Among the 2^17 chunks of the largest recipe and as many local ones, two different chunks
/// of equal mark come once in 2^30 transfers, and then cost one piece; 16 bytes would nearly double every recipe.
const MARK_BYTES: usize = 8;
/// How chunks are cut, first byte of a recipe. Another rule cuts elsewhere, and nothing would be found.
const RULE: u8 = 1;

/// The beginning of a chunk's BLAKE3 hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mark([u8; MARK_BYTES]);

impl Mark {
    #[must_use]
    pub fn of(chunk: &[u8]) -> Self {
        let hash = blake3::hash(chunk);
        Self(*hash.as_bytes().first_chunk().expect("a hash is longer than a mark"))
    }
}

/// One chunk of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    pub len: u32,
    pub mark: Mark,
}

/// Why there is no recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    #[error("no recipe is made for {size} bytes, only for {MIN_BLOB_BYTES} to {MAX_BLOB_BYTES}")]
    Size { size: u64 },
    #[error("the blob cannot be read at byte {offset} of {size}")]
    Unreadable { offset: u64, size: u64 },
    #[error("a recipe of more than {MAX_CHUNKS} chunks")]
    TooManyChunks,
    #[error("a recipe by rule {rule}, which is not known here")]
    UnknownRule { rule: u8 },
    #[error("a recipe that ends within a chunk, at byte {at}")]
    Truncated { at: usize },
    #[error("a chunk of {len} bytes, where 1 to {MAX_CHUNK_BYTES} are allowed")]
    ChunkLength { len: u64 },
    #[error("chunks of {got} bytes for a blob of {expected}")]
    Sum { got: u64, expected: u64 },
}

/// The chunks of a blob, in order. Their lengths add up to its size.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipe {
    size: u64,
    chunks: Vec<Chunk>,
}

impl std::fmt::Debug for Recipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recipe({} bytes in {} chunks)", self.size, self.chunks.len())
    }
}

impl Recipe {
    /// Whether a recipe can be made for a blob of this size, and is worth its bytes.
    #[must_use]
    pub fn suits(size: u64) -> bool {
        (MIN_BLOB_BYTES..=MAX_BLOB_BYTES).contains(&size)
    }

    /// Makes the recipe of a blob of `size` bytes, of which `read` gives those from an offset on: at least one, at most
    /// as many as asked for. Holds 256 KiB of it at a time.
    ///
    /// # Errors
    /// If the size does not suit, or `read` gives nothing.
    pub fn make(size: u64, read: impl FnMut(u64, usize) -> Option<Vec<u8>>) -> Result<Self, RecipeError> {
        Self::make_with(size, Cuts::Members, read)
    }

    /// As [`Self::make`], with a choice of where to cut. For measuring.
    ///
    /// # Errors
    /// As for [`Self::make`].
    pub fn make_with(
        size: u64,
        cuts: Cuts,
        read: impl FnMut(u64, usize) -> Option<Vec<u8>>,
    ) -> Result<Self, RecipeError> {
        if !Self::suits(size) {
            return Err(RecipeError::Size { size });
        }
        let mut chunks = Vec::new();
        each_chunk(size, cuts, read, |_, bytes| {
            chunks.push(Chunk { len: bytes.len() as u32, mark: Mark::of(bytes) });
        })?;
        if chunks.len() > MAX_CHUNKS { Err(RecipeError::TooManyChunks) } else { Ok(Self { size, chunks }) }
    }

    /// Size of the blob.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    #[must_use]
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// Where each chunk lies, and the chunk.
    pub fn places(&self) -> impl Iterator<Item = (Range<u64>, Chunk)> {
        self.chunks.iter().scan(0, |at, &chunk| {
            let from = *at;
            *at += u64::from(chunk.len);
            Some((from..*at, chunk))
        })
    }

    /// The rule's number, then for each chunk its length (LEB128) and its mark.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.chunks.len() * (3 + MARK_BYTES));
        bytes.push(RULE);
        for chunk in &self.chunks {
            let mut len = chunk.len;
            while len >= 0x80 {
                bytes.push(len as u8 | 0x80);
                len >>= 7;
            }
            bytes.push(len as u8);
            bytes.extend_from_slice(&chunk.mark.0);
        }
        bytes
    }

    /// Reads the recipe of a blob of `size` bytes.
    ///
    /// # Errors
    /// If it is malformed, over a limit, or not for a blob of this size.
    pub fn decode(size: u64, bytes: &[u8]) -> Result<Self, RecipeError> {
        if !Self::suits(size) {
            return Err(RecipeError::Size { size });
        }
        if bytes.len() > MAX_RECIPE_BYTES {
            return Err(RecipeError::TooManyChunks);
        }
        let (&rule, mut rest) = bytes.split_first().ok_or(RecipeError::Truncated { at: 0 })?;
        if rule != RULE {
            return Err(RecipeError::UnknownRule { rule });
        }
        let (mut chunks, mut sum) = (Vec::new(), 0);
        while !rest.is_empty() {
            let truncated = RecipeError::Truncated { at: bytes.len() - rest.len() };
            let (len, tail) = length(rest).ok_or(truncated)?;
            let (mark, tail) = tail.split_first_chunk().ok_or(truncated)?;
            if len == 0 || len > MAX_CHUNK_BYTES as u64 {
                return Err(RecipeError::ChunkLength { len });
            }
            if chunks.len() == MAX_CHUNKS {
                return Err(RecipeError::TooManyChunks);
            }
            sum += len;
            chunks.push(Chunk { len: len as u32, mark: Mark(*mark) });
            rest = tail;
        }
        if sum == size { Ok(Self { size, chunks }) } else { Err(RecipeError::Sum { got: sum, expected: size }) }
    }
}

/// A length of at most three bytes of LEB128, and what follows it.
fn length(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut len = 0;
    for (index, byte) in bytes.iter().take(3).enumerate() {
        len |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((len, &bytes[index + 1..]));
        }
    }
    None
}
