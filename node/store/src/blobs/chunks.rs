//! Cutting a blob into chunks by its content, for recipes (`kapok_protocol::blob::recipe`).
//!
//! FastCDC (Xia et al., 2020), 16 KiB on average. Files of office programs are ZIP containers, whose savers stamp the
//! time into the header of each part: so a ZIP is cut around each header too, and the parts stay what they were.
//!
//! Measured with `examples/recipe.rs`: a presentation of 2.8 MB with 24 pictures, a sentence changed, saved again. By the
//! library that wrote it 0.6 % has to come (2.4 % without the cuts), by LibreOffice 2.6 % (24 %). Saved by LibreOffice for
//! the first time, which writes all slides anew, 12.6 % (26 %). Looking inside the parts would gain nothing more: whoever
//! saves a part unchanged compresses it to the same bytes.

use fastcdc::v2020::FastCDC;
use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::recipe::{Chunk, MAX_BLOB_BYTES, Recipe};

use super::{BlobError, Blobs};

/// Small enough that an edited sentence costs little, large enough that a recipe has a thousandth of its blob.
const AVERAGE_BYTES: usize = 16 * 1024;
const MIN_BYTES: usize = 4 * 1024;
const MAX_BYTES: usize = 64 * 1024;

/// Before each part of a ZIP; then 22 bytes, two lengths, and a name and extra fields of those lengths.
const ZIP_HEADER: [u8; 4] = *b"PK\x03\x04";
const ZIP_HEADER_BYTES: usize = 30;

impl Blobs {
    /// The recipe of a blob that is here; `None` where it is too large for one, or has too many parts.
    pub fn recipe(&self, id: BlobId) -> Result<Option<Recipe>, BlobError> {
        let size = self.reader(id)?.size();
        if size > MAX_BLOB_BYTES {
            return Ok(None);
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        let read = self.read_at(id, 0, &mut bytes)?;
        bytes.truncate(read);
        Ok(recipe(&bytes))
    }
}

/// The recipe of these bytes.
#[must_use]
pub fn recipe(bytes: &[u8]) -> Option<Recipe> {
    let mut chunks = Vec::new();
    let mut start = 0;
    for end in cuts(bytes).into_iter().chain([bytes.len()]) {
        let segment = bytes.get(start..end)?;
        if segment.len() <= MIN_BYTES {
            chunks.extend((!segment.is_empty()).then(|| Chunk::of(segment)));
        } else {
            let cut = FastCDC::new(segment, MIN_BYTES, AVERAGE_BYTES, MAX_BYTES);
            chunks.extend(cut.map(|chunk| Chunk::of(&segment[chunk.offset..chunk.offset + chunk.length])));
        }
        start = end;
    }
    Recipe::new(chunks)
}

/// Where a ZIP is cut besides; nowhere in other files. Ascending.
fn cuts(bytes: &[u8]) -> Vec<usize> {
    let mut cuts = Vec::new();
    if !bytes.starts_with(&ZIP_HEADER) {
        return cuts;
    }
    let mut at = 0;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr::memmem::find(rest, &ZIP_HEADER)) {
        let header = at + found;
        let length = |offset: usize| {
            let two = bytes.get(header + offset..header + offset + 2)?;
            Some(usize::from(u16::from_le_bytes([two[0], two[1]])))
        };
        let Some((name, extra)) = length(26).zip(length(28)) else { break };
        let content = header + ZIP_HEADER_BYTES + name + extra;
        if content > bytes.len() {
            break;
        }
        cuts.extend([header, content]);
        at = content;
    }
    cuts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kapok_protocol::blob::PieceSet;
    use kapok_protocol::blob::piece::{piece_count, piece_len};
    use kapok_protocol::blob::recipe::{Seed, seeds};

    use super::*;

    /// Bytes that do not repeat.
    fn noise(seed: u64, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
        bytes
    }

    /// A stored ZIP of these parts, all with this time in their headers.
    fn zip(time: u16, parts: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let name = format!("ppt/slides/slide{number}.xml");
            bytes.extend(ZIP_HEADER);
            bytes.extend([20, 0, 0, 0, 0, 0]);
            bytes.extend(time.to_le_bytes());
            bytes.extend([0; 14]);
            bytes.extend((name.len() as u16).to_le_bytes());
            bytes.extend([0, 0]);
            bytes.extend(name.as_bytes());
            bytes.extend(part);
        }
        bytes
    }

    /// Bytes of the new file that must be fetched, and those of its recipe.
    fn cost(old: &[u8], new: &[u8]) -> (usize, usize) {
        let (old, recipe) = (recipe(old).unwrap(), recipe(new).unwrap());
        let size = new.len() as u64;
        let seeds = seeds(size, &recipe.copies_from(&old), &PieceSet::empty(piece_count(size)));
        let whole: usize = (0..piece_count(size)).map(|index| piece_len(size, index)).sum();
        let saved =
            |seed: &Seed| piece_len(size, seed.index) - seed.holes.iter().map(std::ops::Range::len).sum::<usize>();
        (whole - seeds.iter().map(saved).sum::<usize>(), recipe.to_bytes().len())
    }

    #[test]
    fn an_insertion_in_the_middle_costs_a_few_chunks() {
        let old = noise(1, 4 << 20);
        let new = [&old[..2_000_000], b"a sentence more", &old[2_000_000..]].concat();
        let (fetched, recipe) = cost(&old, &new);
        assert!(fetched <= 2 * MAX_BYTES, "{fetched}");
        assert!(recipe <= new.len() / 500, "{recipe}");
    }

    #[test]
    fn a_presentation_saved_again_costs_its_headers_and_the_slide_that_changed() {
        let mut parts: Vec<_> =
            (0..60).map(|number| noise(number, if number % 3 == 0 { 240_000 } else { 3_000 })).collect();
        let old = zip(17, &parts);
        parts[31] = noise(99, 3_100);
        let new = zip(18, &parts);
        let (fetched, recipe) = cost(&old, &new);
        let share = (fetched + recipe) as f64 / new.len() as f64;
        assert!(share <= 0.02, "{fetched} and {recipe} of {}", new.len());
    }

    #[test]
    fn bytes_that_look_like_a_zip_are_cut_somewhere() {
        for broken in [&b"PK\x03\x04"[..], &[&ZIP_HEADER[..], &[0xff; 40]].concat(), &zip(1, &[vec![1; 9]])[..33]] {
            let recipe = recipe(broken).unwrap();
            assert_eq!(recipe.chunks().iter().map(|chunk| chunk.len as usize).sum::<usize>(), broken.len());
        }
        assert_eq!(recipe(&[]).unwrap().chunks().len(), 0);
    }
}
