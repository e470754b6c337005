//! Recipes: what a new version of a file has in common with an old one.
//!
//! A recipe lists the chunks of a blob, each by its length and the beginning of its hash, cut where the content says
//! ([`chunks`], [`zip`]). The holder makes it when it is asked; whoever has an older version cuts that by the same rules
//! and learns from both what to copy and what to ask for ([`plan`]). So an insertion in the middle costs the chunks around
//! it, and not all that moved. What that saves is measured in [`zip`].
//!
//! A recipe is a hint. What was put together with it is proved against the blob's own name like anything else, so a false
//! one, or two chunks whose hashes begin alike, cost time and never correctness.

mod chunks;
mod plan;
#[cfg(test)]
mod tests;
pub mod zip;

pub use chunks::{Cuts, MAX_CHUNK_BYTES};
pub use plan::{Copy, MAX_HOLES, Seed, copies, copies_in, seeds};

/// Bytes of a chunk's hash. Among the 2^16 chunks of the longest recipe and as many local ones, two that differ begin
/// alike once in 2^32 transfers, and then cost a piece. Whole hashes would triple every recipe.
pub const HASH_BYTES: usize = 8;
/// Below this a blob is fetched whole: two packets of recipe and a round trip would save less than they cost.
pub const MIN_BLOB_BYTES: u64 = 64 * 1024;
/// Above it too. Presentations with films in them are smaller; what is larger is one film, and those are not edited in
/// their middle. Bounds what a recipe costs its holder: one reading, some seconds of a slow disk.
pub const MAX_BLOB_BYTES: u64 = 512 << 20;
/// Twice the chunks that 512 MiB have on average. Bounds what one recipe can make a node hold to 1 MiB.
pub const MAX_CHUNKS: usize = 64 * 1024;
/// The longest recipe: a chunk's length has at most three bytes.
pub const MAX_RECIPE_BYTES: usize = MAX_CHUNKS * (HASH_BYTES + LENGTH_BYTES);
/// Bytes of a chunk's length, at most.
const LENGTH_BYTES: usize = 3;

/// One chunk of a blob, after those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chunk {
    pub len: u32,
    pub hash: [u8; HASH_BYTES],
}

impl Chunk {
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hash = [0; HASH_BYTES];
        hash.copy_from_slice(&blake3::hash(bytes).as_bytes()[..HASH_BYTES]);
        Self { len: bytes.len() as u32, hash }
    }
}

/// Why there is no recipe of a blob, or why bytes are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRecipe {
    #[error("{0} bytes are too few or too many for a recipe, which is made for {MIN_BLOB_BYTES} to {MAX_BLOB_BYTES}")]
    Size(u64),
    #[error("the blob cannot be read at byte {offset} of {size}")]
    Unreadable { offset: u64, size: u64 },
    #[error("it ends in the middle of a chunk")]
    Truncated,
    #[error("it has more than {MAX_CHUNKS} chunks")]
    TooMany,
    #[error("a chunk has no bytes, or more than {MAX_CHUNK_BYTES}")]
    BadLength,
    #[error("its chunks have {0} bytes together, and the blob has {1}")]
    OtherSize(u64, u64),
}

/// All chunks of a blob in their order; their lengths add up to its size.
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
    /// Whether a blob of this size is worth a recipe.
    #[must_use]
    pub fn suits(size: u64) -> bool {
        (MIN_BLOB_BYTES..=MAX_BLOB_BYTES).contains(&size)
    }

    /// Makes the recipe of a blob of `size` bytes, of which `read` gives those from an offset on: at least one, at most
    /// as many as asked for. 256 KiB of it are in memory at a time.
    ///
    /// # Errors
    /// If the size does not suit, `read` gives nothing, or the blob falls into too many chunks.
    pub fn make(size: u64, read: impl FnMut(u64, usize) -> Option<Vec<u8>>) -> Result<Self, BadRecipe> {
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
    ) -> Result<Self, BadRecipe> {
        if !Self::suits(size) {
            return Err(BadRecipe::Size(size));
        }
        let mut chunks = Vec::new();
        chunks::each(size, cuts, read, |bytes| {
            chunks.push(Chunk::of(bytes));
            if chunks.len() > MAX_CHUNKS { Err(BadRecipe::TooMany) } else { Ok(()) }
        })?;
        Ok(Self { size, chunks })
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

    /// Where each chunk begins, and the chunk.
    pub fn places(&self) -> impl Iterator<Item = (u64, Chunk)> {
        self.chunks.iter().scan(0, |end, &chunk| {
            let begin = *end;
            *end += u64::from(chunk.len);
            Some((begin, chunk))
        })
    }

    /// Length (seven bits a byte, the lowest first) and hash of each chunk.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.chunks.len() * (HASH_BYTES + LENGTH_BYTES));
        for chunk in &self.chunks {
            let mut rest = chunk.len;
            while rest >= 0x80 {
                bytes.push((rest & 0x7f) as u8 | 0x80);
                rest >>= 7;
            }
            bytes.push(rest as u8);
            bytes.extend(chunk.hash);
        }
        bytes
    }

    /// Reads the recipe of a blob of `size` bytes.
    ///
    /// # Errors
    /// Bytes that are none.
    pub fn from_bytes(mut bytes: &[u8], size: u64) -> Result<Self, BadRecipe> {
        if !Self::suits(size) {
            return Err(BadRecipe::Size(size));
        }
        let (mut chunks, mut total) = (Vec::new(), 0);
        while !bytes.is_empty() {
            if chunks.len() >= MAX_CHUNKS {
                return Err(BadRecipe::TooMany);
            }
            let len = length(&mut bytes)?;
            let (hash, rest) = bytes.split_first_chunk().ok_or(BadRecipe::Truncated)?;
            bytes = rest;
            total += u64::from(len);
            chunks.push(Chunk { len, hash: *hash });
        }
        if total == size { Ok(Self { size, chunks }) } else { Err(BadRecipe::OtherSize(total, size)) }
    }
}

/// About how many bytes the recipe of a blob of this size has, amply.
#[must_use]
pub fn expected_bytes(size: u64) -> u64 {
    size / 512
}

fn length(bytes: &mut &[u8]) -> Result<u32, BadRecipe> {
    let mut len = 0;
    for shift in (0..LENGTH_BYTES).map(|index| 7 * index) {
        let (&byte, rest) = bytes.split_first().ok_or(BadRecipe::Truncated)?;
        *bytes = rest;
        len |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let is_sensible = len > 0 && len as usize <= MAX_CHUNK_BYTES;
            return if is_sensible { Ok(len) } else { Err(BadRecipe::BadLength) };
        }
    }
    Err(BadRecipe::BadLength)
}
