//! What to copy and what to ask for: a recipe beside what is here.

use std::ops::Range;

use super::{Chunk, Cuts, MAX_BLOB_BYTES, MAX_CHUNKS, Mark, Recipe, RecipeError, each_chunk};
use crate::blob::piece::{PIECE_BYTES, piece_len, piece_offset};

/// Copies of fewer bytes are asked for with what lies around them: a gap of its own costs about as much, in the request
/// and in the frame of its answer.
const MIN_COPY_BYTES: u64 = 48;

/// The chunks of local blobs.
#[derive(Debug, Default)]
pub struct Index {
    bases: u16,
    /// Base, offset in it, and the chunk, in the order of the bases' bytes.
    chunks: Vec<(u16, u64, Chunk)>,
    /// Marks in ascending order, each with a place in `chunks`.
    marks: Vec<(Mark, u32)>,
}

impl Index {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cuts one more local blob; the first has number 0 in [`Copy::base`]. `read` as for [`Recipe::make`].
    ///
    /// # Errors
    /// If `read` gives nothing; what was cut so far stays. If the blob is too large, or all of them are.
    pub fn add(&mut self, size: u64, read: impl FnMut(u64, usize) -> Option<Vec<u8>>) -> Result<(), RecipeError> {
        self.add_with(size, Cuts::Members, read)
    }

    /// As [`Self::add`], with a choice of where to cut. For measuring.
    ///
    /// # Errors
    /// As for [`Self::add`].
    pub fn add_with(
        &mut self,
        size: u64,
        cuts: Cuts,
        read: impl FnMut(u64, usize) -> Option<Vec<u8>>,
    ) -> Result<(), RecipeError> {
        if size > MAX_BLOB_BYTES {
            return Err(RecipeError::Size { size });
        }
        let base = self.bases;
        self.bases = base.checked_add(1).ok_or(RecipeError::TooManyChunks)?;
        let (chunks, mut full) = (&mut self.chunks, false);
        let cut = each_chunk(size, cuts, read, |offset, bytes| {
            full |= chunks.len() >= MAX_CHUNKS;
            if !full {
                chunks.push((base, offset, Chunk { len: bytes.len() as u32, mark: Mark::of(bytes) }));
            }
        });
        self.marks = (0..).zip(&self.chunks).map(|(place, (_, _, chunk))| (chunk.mark, place)).collect();
        self.marks.sort_unstable();
        cut.and(if full { Err(RecipeError::TooManyChunks) } else { Ok(()) })
    }

    /// Where such a chunk is; best the one at `hint`, which follows what was found last.
    fn find(&self, chunk: Chunk, hint: usize) -> Option<usize> {
        let is_it = |place: usize| self.chunks.get(place).is_some_and(|(_, _, here)| *here == chunk);
        if is_it(hint) {
            return Some(hint);
        }
        let first = self.marks.partition_point(|(mark, _)| *mark < chunk.mark);
        let (mark, place) = *self.marks.get(first)?;
        (mark == chunk.mark && is_it(place as usize)).then_some(place as usize)
    }
}

/// Bytes that are here already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Where they belong in the new blob.
    pub to: Range<u64>,
    /// The local blob that has them: its number in the index.
    pub base: u16,
    /// Where they begin in it.
    pub from: u64,
}

/// How a blob is put together: copies, and between them gaps, which are to be asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct Plan {
    size: u64,
    /// In the order of `to`, without overlap.
    copies: Vec<Copy>,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Plan({} of {} bytes in {} copies)", self.copied_bytes(), self.size, self.copies.len())
    }
}

impl Plan {
    /// What of the recipe's blob is in the index.
    #[must_use]
    pub fn new(recipe: &Recipe, index: &Index) -> Self {
        let mut copies: Vec<Copy> = Vec::new();
        let mut hint = 0;
        for (to, chunk) in recipe.places() {
            let Some(place) = index.find(chunk, hint) else { continue };
            let (base, from, _) = index.chunks[place];
            hint = place + 1;
            match copies.last_mut() {
                Some(last) if last.to.end == to.start && last.base == base && last.from + span(&last.to) == from => {
                    last.to.end = to.end;
                }
                _ => copies.push(Copy { to, base, from }),
            }
        }
        copies.retain(|copy| span(&copy.to) >= MIN_COPY_BYTES);
        Self { size: recipe.size(), copies }
    }

    /// Size of the blob that is put together.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many bytes need not be asked for.
    #[must_use]
    pub fn copied_bytes(&self) -> u64 {
        self.copies.iter().map(|copy| span(&copy.to)).sum()
    }

    /// The copies, in order.
    #[must_use]
    pub fn copies(&self) -> &[Copy] {
        &self.copies
    }

    /// The copies in piece `index`, cut to it and counted from its beginning.
    pub fn copies_in(&self, index: u32) -> impl Iterator<Item = Copy> {
        let piece = self.piece(index);
        let first = self.copies.partition_point(|copy| copy.to.end <= piece.start);
        self.copies[first..].iter().take_while(move |copy| copy.to.start < piece.end).map(move |copy| {
            let (start, end) = (copy.to.start.max(piece.start), copy.to.end.min(piece.end));
            let from = copy.from + (start - copy.to.start);
            Copy { to: start - piece.start..end - piece.start, base: copy.base, from }
        })
    }

    /// The bytes of piece `index` that are to be asked for, counted from its beginning, in order.
    #[must_use]
    pub fn gaps_in(&self, index: u32) -> Vec<Range<u32>> {
        let (mut gaps, mut at) = (Vec::new(), 0);
        // A piece has 256 KiB at most, so positions in it fit.
        let whole = piece_len(self.size, index) as u64;
        for copy in self.copies_in(index).chain([Copy { to: whole..whole, base: 0, from: 0 }]) {
            if copy.to.start > at {
                gaps.push(at as u32..copy.to.start as u32);
            }
            at = copy.to.end;
        }
        gaps
    }

    fn piece(&self, index: u32) -> Range<u64> {
        let start = piece_offset(index).min(self.size);
        start..(start + PIECE_BYTES).min(self.size)
    }
}

fn span(range: &Range<u64>) -> u64 {
    range.end - range.start
}
