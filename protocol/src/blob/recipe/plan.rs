//! What to copy and what to ask for: a recipe beside those of what is here.

use std::ops::Range;

use super::{Chunk, Recipe};
use crate::blob::PieceSet;
use crate::blob::piece::{piece_count, piece_len, piece_offset};

/// Holes of one piece, at most: they are named in its request.
pub const MAX_HOLES: usize = 32;
/// Holes closer than this are one: a hole costs some thirty bytes of request and answer.
const CLOSE_BYTES: usize = 32;

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

/// What of the new blob the old one has, in order, neighbours joined.
#[must_use]
pub fn copies(new: &Recipe, old: &Recipe) -> Vec<Copy> {
    let places: Vec<(u64, Chunk)> = old.places().collect();
    let mut sorted: Vec<(Chunk, usize)> = places.iter().map(|(_, chunk)| *chunk).zip(0..).collect();
    sorted.sort_unstable();
    let mut copies: Vec<Copy> = Vec::new();
    // Behind what was found last, where the next one most likely is: then copies of bytes that repeat are joined too.
    let mut next = 0;
    for (to, chunk) in new.places() {
        let follows = places.get(next).is_some_and(|(_, here)| *here == chunk);
        let first = || sorted.get(sorted.partition_point(|(here, _)| *here < chunk));
        let found = if follows { Some(next) } else { first().filter(|(here, _)| *here == chunk).map(|found| found.1) };
        let Some(place) = found else { continue };
        next = place + 1;
        let (from, end) = (places[place].0, to + u64::from(chunk.len));
        match copies.last_mut() {
            Some(last) if last.to.end == to && last.from + (to - last.to.start) == from => last.to.end = end,
            _ => copies.push(Copy { to: to..end, from }),
        }
    }
    copies
}

/// Which pieces of a blob of `size` bytes can be filled from copies, of those that are not `present`.
#[must_use]
pub fn seeds(size: u64, copies: &[Copy], present: &PieceSet) -> Vec<Seed> {
    let missing = (0..piece_count(size)).filter(|index| !present.contains(*index));
    let seed = |index| Seed { index, holes: holes(size, copies, index) };
    // A hole from end to end is no seed.
    let helps = |seed: &Seed| seed.holes.iter().map(Range::len).sum::<usize>() < piece_len(size, seed.index);
    missing.map(seed).filter(helps).collect()
}

/// What is copied into piece `index` of a blob of `size` bytes: where in the piece, and from where in the old blob.
pub fn copies_in(size: u64, copies: &[Copy], index: u32) -> impl Iterator<Item = (Range<usize>, u64)> {
    let (start, len) = (piece_offset(index), piece_len(size, index) as u64);
    let first = copies.partition_point(|copy| copy.to.end <= start);
    copies[first..].iter().take_while(move |copy| copy.to.start < start + len).map(move |copy| {
        let (begin, end) = (copy.to.start.max(start), copy.to.end.min(start + len));
        // A piece has 256 KiB at most, so positions in it fit.
        ((begin - start) as usize..(end - start) as usize, copy.from + (begin - copy.to.start))
    })
}

/// What copies do not cover of a piece. Holes that lie close together are one.
fn holes(size: u64, copies: &[Copy], index: u32) -> Vec<Range<usize>> {
    let len = piece_len(size, index);
    let mut holes: Vec<Range<usize>> = Vec::new();
    let mut covered = 0;
    for next in copies_in(size, copies, index).map(|(to, _)| to).chain(std::iter::once(len..len)) {
        if next.start > covered {
            match holes.last_mut() {
                Some(last) if covered - last.end < CLOSE_BYTES => last.end = next.start,
                _ => holes.push(covered..next.start),
            }
        }
        covered = covered.max(next.end);
    }
    if holes.len() > MAX_HOLES {
        // The widest spaces between them stay.
        let mut spaces: Vec<usize> = (1..holes.len()).collect();
        spaces.sort_by_key(|&at| std::cmp::Reverse(holes[at].start - holes[at - 1].end));
        spaces.truncate(MAX_HOLES - 1);
        spaces.sort_unstable();
        let starts = std::iter::once(0).chain(spaces.iter().copied());
        let ends = spaces.iter().copied().chain([holes.len()]);
        holes = starts.zip(ends).map(|(start, end)| holes[start].start..holes[end - 1].end).collect();
    }
    holes
}
