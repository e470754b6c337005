//! Cutting: FastCDC (Xia et al., 2016 and 2020), and before that at the members of a ZIP.

use std::collections::VecDeque;

use fastcdc::v2020::FastCDC;

use super::{BadRecipe, zip};

/// Below this no content-defined cut is made.
const MIN_CHUNK_BYTES: usize = 4 * 1024;
/// What chunks have on average: small enough that an edited sentence costs little, large enough that a recipe has less
/// than a thousandth of its blob.
const MEAN_CHUNK_BYTES: usize = 16 * 1024;
/// No chunk is larger.
pub const MAX_CHUNK_BYTES: usize = 64 * 1024;
/// What is read at a time.
const WINDOW_BYTES: usize = 4 * MAX_CHUNK_BYTES;

/// Where a blob is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cuts {
    /// Where the content says.
    Content,
    /// The same, and at the members if it is a ZIP.
    Members,
}

/// Gives each chunk of a blob to `take`, until that refuses one. `read` as for [`super::Recipe::make`].
pub(super) fn each(
    size: u64,
    cuts: Cuts,
    mut read: impl FnMut(u64, usize) -> Option<Vec<u8>>,
    mut take: impl FnMut(&[u8]) -> Result<(), BadRecipe>,
) -> Result<(), BadRecipe> {
    let mut cuts: VecDeque<u64> = match cuts {
        Cuts::Content => VecDeque::new(),
        Cuts::Members => zip::cuts(size, &mut read).into(),
    };
    // `window[from..]` are the bytes at `offset` and after it.
    let (mut window, mut from, mut offset) = (Vec::new(), 0, 0);
    while offset < size {
        while cuts.front().is_some_and(|cut| *cut <= offset) {
            cuts.pop_front();
        }
        let to_cut = cuts.front().copied().unwrap_or(size) - offset;
        // FastCDC looks at no more than the largest chunk, so its cut does not depend on what is read beyond.
        let needed = to_cut.min(MAX_CHUNK_BYTES as u64) as usize;
        if window.len() - from < needed {
            window.drain(..from);
            from = 0;
            while window.len() < needed {
                let at = offset + window.len() as u64;
                let wanted = (size - at).min((WINDOW_BYTES - window.len()) as u64) as usize;
                let bytes = read(at, wanted).filter(|bytes| !bytes.is_empty() && bytes.len() <= wanted);
                window.extend(bytes.ok_or(BadRecipe::Unreadable { offset: at, size })?);
            }
        }
        let visible = &window[from..from + needed];
        let chunk = FastCDC::new(visible, MIN_CHUNK_BYTES, MEAN_CHUNK_BYTES, MAX_CHUNK_BYTES).next();
        // It gives a chunk for any bytes there are; all of them would be as good a chunk.
        let len = chunk.map_or(needed, |chunk| chunk.length.clamp(1, needed));
        take(&visible[..len])?;
        from += len;
        offset += len as u64;
    }
    Ok(())
}
