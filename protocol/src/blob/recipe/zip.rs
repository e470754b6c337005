//! Where the members of a ZIP lie (APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16).
//!
//! DOCX, PPTX, XLSX and EPUB are ZIPs, and whoever saves one writes new times and positions into the header of every
//! member, so that each picture that did not change would cost the chunk in which it begins. Cut from its header it
//! costs the header. What of the new version crosses the link (recipe, piece list and frames included), by
//! `--example recipe`:
//!
//! | saved again after one edit | bytes | cut by content | and at members |
//! |---|---|---|---|
//! | PPTX with 24 photographs, python-pptx | 4.9 MB | 12.2 % | **0.5 %** |
//! | the same, LibreOffice both times | 4.9 MB | 15.0 % | **0.8 %** |
//! | the same, first python-pptx, then LibreOffice | 4.9 MB | 15.2 % | **1.6 %** |
//! | DOCX of 200 pages, python-docx; LibreOffice | 2.6 MB | 16.8 %; 17.2 % | **4.7 %; 4.6 %** |
//! | XLSX of 18,000 rows, openpyxl | 1.3 MB | 18.4 % | **9.4 %** |
//! | EPUB of 80 chapters | 2.4 MB | 26.1 % | **0.8 %** |
//! | PDF, saved incrementally | 8.8 MB | 0.2 % | 0.2 % |
//!
//! The ends come from the directory, not from the next header: some savers write sizes behind a member, and with those
//! in its last chunk the third row would be 7.3 %. Chunks of 8 or 4 KiB on average do not help: the recipe grows by as
//! much as what is missing shrinks.
//!
//! Members are not unpacked. Their plain XML would bring the DOCX to about 1.4 % and the XLSX to about 2.6 % (100 KB, two
//! seconds of 512 kbit/s) and nothing else further. The receiver would have to deflate it to the same bytes again: zlib
//! at level 6 did that for the members of Python's and LibreOffice's files that were tried; zlib-rs and miniz_oxide gave
//! other lengths for the one that was tried with them. Files of other office programs were not tried.
//!
//! Only positions are taken from here, and a wrong one moves a cut: a file that only looks like a ZIP is cut by its
//! content alone.

/// End of central directory: signature, and its length without the comment.
const END: ([u8; 4], usize) = (*b"PK\x05\x06", 22);
/// Entry of the central directory.
const ENTRY: ([u8; 4], usize) = (*b"PK\x01\x02", 46);
/// Header before a member's bytes.
const HEADER: ([u8; 4], usize) = (*b"PK\x03\x04", 30);
/// Longest comment at the end.
const MAX_COMMENT_BYTES: usize = 0xffff;
/// Largest directory that is looked at.
const MAX_DIRECTORY_BYTES: u32 = 2 << 20;
/// Most members that are cut off: each costs a read of its header. A book has some hundreds.
const MAX_MEMBERS: usize = 8192;
/// A member with fewer bytes stays with its neighbours: its hash and its hole would cost as much as it does.
const MIN_MEMBER_BYTES: u32 = 64;

/// Where to cut a file of `size` bytes: before and after the bytes of each member, so that the header, which holds time
/// and name, is apart from them. In ascending order; empty if it is not a ZIP.
pub fn cuts(size: u64, mut read: impl FnMut(u64, usize) -> Option<Vec<u8>>) -> Vec<u64> {
    members(size, &mut read).unwrap_or_default()
}

fn members(size: u64, read: &mut dyn FnMut(u64, usize) -> Option<Vec<u8>>) -> Option<Vec<u64>> {
    if exactly(read, 0, 4)? != HEADER.0 {
        return None;
    }
    let tail_bytes = size.min((MAX_COMMENT_BYTES + END.1) as u64) as usize;
    let tail = exactly(read, size - tail_bytes as u64, tail_bytes)?;
    let end = (0..=tail_bytes.checked_sub(END.1)?).rev().find(|&at| {
        let ends = |at: usize| Some(at + END.1 + usize::from(u16_at(&tail, at + 20)?));
        tail[at..].starts_with(&END.0) && ends(at) == Some(tail_bytes)
    })?;
    let (directory_bytes, directory_at) = (u32_at(&tail, end + 12)?, u64::from(u32_at(&tail, end + 16)?));
    if directory_bytes > MAX_DIRECTORY_BYTES || directory_at + u64::from(directory_bytes) > size {
        return None;
    }
    let directory = exactly(read, directory_at, directory_bytes as usize)?;
    let mut cuts = vec![directory_at];
    let mut at = 0;
    while let Some(entry) = directory.get(at..).filter(|rest| rest.starts_with(&ENTRY.0) && rest.len() >= ENTRY.1) {
        let (bytes, header_at) = (u32_at(entry, 20)?, u64::from(u32_at(entry, 42)?));
        if bytes >= MIN_MEMBER_BYTES {
            if cuts.len() > 2 * MAX_MEMBERS {
                return None;
            }
            let header = exactly(read, header_at, HEADER.1).filter(|header| header.starts_with(&HEADER.0))?;
            let names = u64::from(u16_at(&header, 26)?) + u64::from(u16_at(&header, 28)?);
            let begin = header_at + HEADER.1 as u64 + names;
            cuts.extend([begin, begin + u64::from(bytes)].iter().filter(|cut| **cut < size));
        }
        let names = [28, 30, 32].map(|field| u16_at(entry, field).map_or(0, usize::from));
        at += ENTRY.1 + names.iter().sum::<usize>();
    }
    cuts.sort_unstable();
    cuts.dedup();
    Some(cuts)
}

/// All of these bytes, or nothing.
fn exactly(read: &mut dyn FnMut(u64, usize) -> Option<Vec<u8>>, offset: u64, len: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let more = read(offset + bytes.len() as u64, len - bytes.len())?;
        if more.is_empty() || more.len() > len - bytes.len() {
            return None;
        }
        bytes.extend(more);
    }
    Some(bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|field| u16::from_le_bytes(*field))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|field| u32::from_le_bytes(*field))
}
