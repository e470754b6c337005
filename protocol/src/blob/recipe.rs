//! Recipes: what a new version of a file has in common with an old one.
//!
//! A recipe lists the chunks of a blob, each by its length and a hash. Whoever holds an older version cuts that likewise,
//! copies the chunks that are the same, and fetches the rest. How chunks are cut is the holder's business: both cut by
//! content, so that an insertion moves chunks and does not change them.
//!
//! A recipe is a hint. What was put together with it is proved against the blob's own name like anything else, so a false
//! one costs time and never correctness. Therefore half of a hash is enough.

use std::collections::HashMap;
use std::ops::Range;

use super::PieceSet;
use super::piece::{piece_count, piece_len, piece_offset};

/// Bytes of a chunk's hash.
pub const HASH_BYTES: usize = 16;
/// Below this a blob is fetched whole: two packets of recipe and a round trip would save less than they cost.
pub const MIN_BLOB_BYTES: u64 = 64 * 1024;
/// Above it too: office files, pictures and scanned sheets are smaller, and films are not edited in their middle. Bounds
/// what cutting one costs its holder: a fifth of a second.
pub const MAX_BLOB_BYTES: u64 = 64 * 1024 * 1024;
/// More chunks than 64 MiB have at 16 KiB on average, four times over, for files of many small parts.
pub const MAX_CHUNKS: usize = 16 * 1024;
/// The longest recipe: each chunk's length has at most five bytes.
pub const MAX_RECIPE_BYTES: usize = MAX_CHUNKS * (HASH_BYTES + 5);
/// Pieces that are partly copied, at most: their bytes are held in memory until the rest has come. More are fetched whole.
const MAX_PARTLY: usize = 64;
/// Holes of one piece, at most: they are named in its request.
pub const MAX_HOLES: usize = 32;
/// Holes closer than this are one: a hole costs some thirty bytes of request and answer.
const CLOSE_BYTES: usize = 32;

/// One chunk of a blob, after those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Why bytes are no recipe of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRecipe {
    #[error("it ends in the middle of a chunk")]
    Truncated,
    #[error("it has more than {MAX_CHUNKS} chunks")]
    TooMany,
    #[error("a chunk has no bytes, or more than any blob")]
    BadLength,
    #[error("its chunks have {0} bytes together, and the blob has {1}")]
    OtherSize(u64, u64),
}

/// All chunks of a blob in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipe(Vec<Chunk>);

/// Bytes that are the same in an older blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Where they are in the new one.
    pub to: Range<u64>,
    /// Where they begin in the old one.
    pub from: u64,
}

/// A piece of which something is here already, and where it is not: ranges within the piece, in order. None for a piece
/// that is here in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    pub index: u32,
    pub holes: Vec<Range<usize>>,
}

impl Recipe {
    /// `None` if there are more chunks than a recipe may have, or one without bytes.
    #[must_use]
    pub fn new(chunks: Vec<Chunk>) -> Option<Self> {
        let fits = chunks.len() <= MAX_CHUNKS && chunks.iter().all(|chunk| chunk.len > 0);
        fits.then_some(Self(chunks))
    }

    #[must_use]
    pub fn chunks(&self) -> &[Chunk] {
        &self.0
    }

    /// Length (seven bits a byte, the lowest first) and hash of each chunk.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.0.len() * (HASH_BYTES + 3));
        for chunk in &self.0 {
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
        let (mut chunks, mut total) = (Vec::new(), 0u64);
        while !bytes.is_empty() {
            if chunks.len() >= MAX_CHUNKS {
                return Err(BadRecipe::TooMany);
            }
            let len = length(&mut bytes)?;
            let (hash, rest) = bytes.split_first_chunk::<HASH_BYTES>().ok_or(BadRecipe::Truncated)?;
            bytes = rest;
            total += u64::from(len);
            chunks.push(Chunk { len, hash: *hash });
        }
        if total == size { Ok(Self(chunks)) } else { Err(BadRecipe::OtherSize(total, size)) }
    }

    /// What of this blob the older one has, in order, neighbours joined.
    #[must_use]
    pub fn copies_from(&self, old: &Self) -> Vec<Copy> {
        let mut places = HashMap::new();
        let mut at = 0;
        for chunk in &old.0 {
            places.entry((chunk.hash, chunk.len)).or_insert(at);
            at += u64::from(chunk.len);
        }
        let (mut copies, mut to): (Vec<Copy>, u64) = (Vec::new(), 0);
        for chunk in &self.0 {
            let end = to + u64::from(chunk.len);
            if let Some(&from) = places.get(&(chunk.hash, chunk.len)) {
                match copies.last_mut() {
                    Some(last) if last.to.end == to && last.from + (last.to.end - last.to.start) == from => {
                        last.to.end = end;
                    }
                    _ => copies.push(Copy { to: to..end, from }),
                }
            }
            to = end;
        }
        copies
    }
}

fn length(bytes: &mut &[u8]) -> Result<u32, BadRecipe> {
    let mut len = 0u64;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(BadRecipe::Truncated)?;
        *bytes = rest;
        len |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let sensible = len > 0 && len <= MAX_BLOB_BYTES;
            return u32::try_from(len).ok().filter(|_| sensible).ok_or(BadRecipe::BadLength);
        }
    }
    Err(BadRecipe::BadLength)
}

/// Which pieces of a blob of `size` bytes can be filled from copies, of those that are not `present`.
#[must_use]
pub fn seeds(size: u64, copies: &[Copy], present: &PieceSet) -> Vec<Seed> {
    let mut partly = 0;
    let mut seeds = Vec::new();
    for index in (0..piece_count(size)).filter(|index| !present.contains(*index)) {
        let len = piece_len(size, index);
        let holes = holes(copies, piece_offset(index), len);
        let missing: usize = holes.iter().map(Range::len).sum();
        if missing == 0 || (missing < len && partly < MAX_PARTLY) {
            partly += usize::from(missing > 0);
            seeds.push(Seed { index, holes });
        }
    }
    seeds
}

/// What copies do not cover of the piece that begins at `start`. Holes that lie close together are one.
fn holes(copies: &[Copy], start: u64, len: usize) -> Vec<Range<usize>> {
    let end = start + len as u64;
    let mut holes: Vec<Range<usize>> = Vec::new();
    let mut covered = start;
    let first = copies.partition_point(|copy| copy.to.end <= start);
    let here = copies[first..].iter().take_while(|copy| copy.to.start < end);
    for next in here.map(|copy| copy.to.clone()).chain(std::iter::once(end..end)) {
        if next.start > covered {
            let hole = (covered - start) as usize..(next.start - start) as usize;
            match holes.last_mut() {
                Some(last) if hole.start - last.end < CLOSE_BYTES => last.end = hole.end,
                _ => holes.push(hole),
            }
        }
        covered = covered.max(next.end);
    }
    while holes.len() > MAX_HOLES {
        // The two that lie closest.
        let at = (1..holes.len()).min_by_key(|&at| holes[at].start - holes[at - 1].end).unwrap_or(1);
        let joined = holes[at - 1].start..holes[at].end;
        holes.splice(at - 1..=at, [joined]);
    }
    holes
}

/// Where in the old blob the bytes of `wanted` are, in order. They must be covered by copies.
#[must_use]
pub fn sources(copies: &[Copy], wanted: Range<u64>) -> Vec<Range<u64>> {
    let overlaps = copies.iter().filter(|copy| copy.to.start < wanted.end && copy.to.end > wanted.start);
    let source = |copy: &Copy| {
        let (start, end) = (copy.to.start.max(wanted.start), copy.to.end.min(wanted.end));
        copy.from + (start - copy.to.start)..copy.from + (end - copy.to.start)
    };
    overlaps.map(source).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::blob::piece::PIECE_BYTES;

    /// Chunks of these contents, and the blob that they make.
    fn made(parts: &[Vec<u8>]) -> (Recipe, Vec<u8>) {
        let parts: Vec<_> = parts.iter().filter(|part| !part.is_empty()).collect();
        (
            Recipe::new(parts.iter().map(|part| Chunk::of(part)).collect()).unwrap(),
            parts.into_iter().flatten().copied().collect(),
        )
    }

    #[test]
    fn a_recipe_reads_back_and_another_size_is_refused() {
        let (recipe, blob) = made(&[vec![1; 5], vec![2; 200], vec![3; 70_000]]);
        let size = blob.len() as u64;
        let bytes = recipe.to_bytes();
        assert_eq!(Recipe::from_bytes(&bytes, size), Ok(recipe));
        assert_eq!(Recipe::from_bytes(&bytes, size + 1), Err(BadRecipe::OtherSize(size, size + 1)));
        assert_eq!(Recipe::from_bytes(&bytes[..bytes.len() - 1], size), Err(BadRecipe::Truncated));
        assert_eq!(Recipe::from_bytes(&[0; 17], 0), Err(BadRecipe::BadLength));
        assert_eq!(Recipe::from_bytes(&[0xff; 40], 0), Err(BadRecipe::BadLength));
        let many = [&[1][..], &[0; HASH_BYTES]].concat().repeat(MAX_CHUNKS + 1);
        assert_eq!(Recipe::from_bytes(&many, MAX_CHUNKS as u64 + 1), Err(BadRecipe::TooMany));
    }

    #[test]
    fn an_insertion_costs_the_piece_that_it_is_in() {
        let part = |number: u32| number.to_le_bytes().repeat(4096);
        let old: Vec<_> = (0..80).map(part).collect();
        let mut new = old.clone();
        new.insert(40, vec![7; 100]);
        let ((old, _), (new, blob)) = (made(&old), made(&new));
        let size = blob.len() as u64;
        let copies = new.copies_from(&old);
        assert_eq!(copies.len(), 2);
        let seeds = seeds(size, &copies, &PieceSet::empty(piece_count(size)));
        let missing: usize = seeds.iter().flat_map(|seed| &seed.holes).map(Range::len).sum();
        assert_eq!((seeds.len() as u32, missing), (piece_count(size), 100));
    }

    #[test]
    fn only_so_many_pieces_are_held_in_memory() {
        let copies: Vec<_> =
            (0..200).map(|piece| Copy { to: piece * PIECE_BYTES..piece * PIECE_BYTES + 9, from: 0 }).collect();
        let size = 200 * PIECE_BYTES;
        assert_eq!(seeds(size, &copies, &PieceSet::empty(200)).len(), MAX_PARTLY);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn what_is_copied_is_what_the_new_blob_has(
            sizes in prop::collection::vec(0..40_000usize, 0..30),
            picks in prop::collection::vec((0..50usize, 0..9000usize), 0..40),
        ) {
            let old: Vec<_> = sizes.into_iter().enumerate().map(|(at, len)| vec![at as u8; len]).collect();
            let new: Vec<Vec<u8>> = picks.iter().map(|&(pick, len)| old.get(pick).cloned().unwrap_or(vec![99; len])).collect();
            let ((old, old_blob), (new, new_blob)) = (made(&old), made(&new));
            let size = new_blob.len() as u64;
            let copies = new.copies_from(&old);
            for seed in seeds(size, &copies, &PieceSet::empty(piece_count(size))) {
                let start = piece_offset(seed.index);
                let end = start + piece_len(size, seed.index) as u64;
                prop_assert!(seed.holes.len() <= MAX_HOLES);
                let ends = seed.holes.iter().map(|hole| start + hole.start as u64).chain([end]);
                let starts = [start].into_iter().chain(seed.holes.iter().map(|hole| start + hole.end as u64));
                for wanted in starts.zip(ends).map(|(start, end)| start..end) {
                    let bytes: Vec<u8> = sources(&copies, wanted.clone())
                        .into_iter()
                        .flat_map(|range| old_blob[range.start as usize..range.end as usize].to_vec())
                        .collect();
                    prop_assert_eq!(&bytes[..], &new_blob[wanted.start as usize..wanted.end as usize]);
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), size in any::<u64>()) {
            let _ = Recipe::from_bytes(&bytes, size);
        }
    }
}
