//! The redo file: what is being overwritten, kept beside the segments until it has been.
//!
//! Magic, then for each frame its position (8 bytes), its room and the new payload's length (4 each) and the payload;
//! last 32 bytes of BLAKE3, keyed with the journal's secret, so that another journal's file is not taken for this
//! one's. Numbers are little-endian. It holds nothing of what stood there before.

use std::io;
use std::path::Path;

use super::frame::{FRAME_HEADER_BYTES, MAX_PAYLOAD_BYTES};
use crate::fs::{self, Fs, Mode};

/// Bytes of frames that are overwritten at once: 4 MiB. They are in memory meanwhile, and each round costs five syncs,
/// a sixth of a second on a school's hard disk, in which it overwrites a thousand usual frames or three of the longest.
pub(super) const ROUND_BYTES: usize = 4 << 20;

const FILE: &str = "REDO";
/// What [`fs::write_atomically`] leaves if the power fails in the middle of it.
const UNFINISHED: &str = "REDO.new";
const MAGIC: [u8; 8] = *b"KAPOKR1\n";
const HASH_BYTES: usize = 32;
/// No frame takes more room here than in its segment.
const MAX_FILE_BYTES: usize = MAGIC.len() + ROUND_BYTES + HASH_BYTES;

/// One frame's new payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replacement<'a> {
    pub(super) position: u64,
    /// Bytes of the frame after its header.
    pub(super) room: usize,
    pub(super) payload: &'a [u8],
}

impl Replacement<'_> {
    pub(super) fn frame_bytes(&self) -> usize {
        FRAME_HEADER_BYTES + self.room
    }
}

/// Writes the file; it is durable then.
pub(super) fn write(fs: &dyn Fs, dir: &Path, secret: [u8; 16], round: &[Replacement<'_>]) -> io::Result<()> {
    let mut bytes = MAGIC.to_vec();
    for replacement in round {
        bytes.extend_from_slice(&replacement.position.to_le_bytes());
        for len in [replacement.room, replacement.payload.len()] {
            bytes.extend_from_slice(&u32::try_from(len).map_err(io::Error::other)?.to_le_bytes());
        }
        bytes.extend_from_slice(replacement.payload);
    }
    let hash = hash(secret, &bytes);
    bytes.extend_from_slice(&hash);
    fs::write_atomically(fs, &dir.join(FILE), &bytes, Mode::CreateNew)
}

/// The bytes of the file, for [`parse`]; `None` where there is no intact one. No call that has returned needs one.
pub(super) fn read(fs: &dyn Fs, dir: &Path, secret: [u8; 16]) -> Option<Vec<u8>> {
    let mut bytes = match fs::read_small(fs, &dir.join(FILE), MAX_FILE_BYTES) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return None,
        Err(e) => {
            tracing::warn!(journal = %dir.display(), error = %e, "unreadable redo file, ignored");
            return None;
        }
    };
    let content = bytes.len().checked_sub(HASH_BYTES)?;
    if bytes[content..] != hash(secret, &bytes[..content]) {
        tracing::warn!(journal = %dir.display(), "damaged redo file, ignored");
        return None;
    }
    bytes.truncate(content);
    Some(bytes)
}

/// The replacements that [`read`] found; none if these bytes are not what [`write()`] made.
pub(super) fn parse(bytes: &[u8]) -> Option<Vec<Replacement<'_>>> {
    let mut rest = bytes.strip_prefix(&MAGIC)?;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (position, after) = rest.split_first_chunk()?;
        let (room, after) = after.split_first_chunk()?;
        let (len, after) = after.split_first_chunk()?;
        let room = usize::try_from(u32::from_le_bytes(*room)).ok().filter(|r| *r <= MAX_PAYLOAD_BYTES)?;
        let len = usize::try_from(u32::from_le_bytes(*len)).ok().filter(|len| *len <= room)?;
        let (payload, after) = after.split_at_checked(len)?;
        found.push(Replacement { position: u64::from_le_bytes(*position), room, payload });
        rest = after;
    }
    Some(found)
}

/// Removes the file and what an interrupted [`write()`] left of it; durable on return.
pub(super) fn remove(fs: &dyn Fs, dir: &Path) -> io::Result<()> {
    let mut removed = false;
    for path in [FILE, UNFINISHED].map(|name| dir.join(name)) {
        // Asked first: a read-only disk may refuse to remove even what is not there.
        if fs::exists(fs, &path)? {
            fs.remove(&path)?;
            removed = true;
        }
    }
    if removed { fs.sync_dir(dir) } else { Ok(()) }
}

fn hash(secret: [u8; 16], bytes: &[u8]) -> [u8; HASH_BYTES] {
    let key = blake3::derive_key("kapok journal redo 1", &secret);
    *blake3::keyed_hash(&key, bytes).as_bytes()
}
