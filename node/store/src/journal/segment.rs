//! Segments: the files that a journal is cut into, and the small file that names the journal.
//!
//! `0000000000000000.seg` begins the journal; each next one is named after the position where it begins, so a position
//! is found with one look at the names and one positioned read. Every segment repeats the key of the frame hashes: no
//! single damaged sector makes a journal unreadable.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cover::SharedCover;
use super::frame::FrameKey;
use crate::fs::{self, File, Fs, Mode};

/// Bytes before a segment's first frame.
pub(super) const SEGMENT_HEADER_BYTES: usize = 8 + 8 + 8 + 16 + 32 + 32;

const SEGMENT_MAGIC: [u8; 8] = *b"KAPOKJ1\n";
const IDENTITY_FILE: &str = "JOURNAL";
const CHAINED: u64 = 1;

/// One file of the journal, as far as it is durable.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) base: u64,
    pub(super) len: u64,
    pub(super) file: Arc<dyn File>,
    pub(super) cover: Arc<SharedCover>,
}

impl Segment {
    pub(super) fn new(base: u64, len: u64, file: Arc<dyn File>) -> Self {
        Self { base, len, file, cover: Arc::default() }
    }

    pub(super) fn end(&self) -> u64 {
        self.base + self.len
    }

    pub(super) fn first_frame(&self) -> u64 {
        self.base + SEGMENT_HEADER_BYTES as u64
    }

    /// Writes what lies over the segment into its file and syncs it. If that fails, the cover stays.
    pub(super) fn settle(&self) -> io::Result<()> {
        for patch in self.cover.held().patches() {
            self.file.write_at(patch.position - self.base, &patch.frame)?;
        }
        self.file.sync()?;
        self.cover.lift();
        Ok(())
    }
}

/// What every segment begins with.
#[derive(Clone, Copy)]
pub(super) struct SegmentHeader {
    pub(super) base: u64,
    pub(super) secret: [u8; 16],
    pub(super) chained: bool,
    /// The chain's value before the first frame; zeros where the journal is not chained.
    pub(super) chain: [u8; 32],
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SEGMENT_HEADER_BYTES);
        bytes.extend_from_slice(&SEGMENT_MAGIC);
        bytes.extend_from_slice(&self.base.to_le_bytes());
        bytes.extend_from_slice(&(if self.chained { CHAINED } else { 0 }).to_le_bytes());
        bytes.extend_from_slice(&self.secret);
        bytes.extend_from_slice(&self.chain);
        let check = blake3::hash(&bytes);
        bytes.extend_from_slice(check.as_bytes());
        bytes
    }

    /// The header of the segment in this file, if it is intact.
    pub(super) fn read(file: &dyn File) -> Option<Self> {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        let filled = fs::read_full(file, 0, &mut bytes).ok()?;
        let (content, check) = bytes.split_at(SEGMENT_HEADER_BYTES - 32);
        if filled < bytes.len() || blake3::hash(content).as_bytes() != check || content[..8] != SEGMENT_MAGIC {
            return None;
        }
        let word = |at: usize| content[at..at + 8].try_into().map(u64::from_le_bytes).ok();
        Some(Self {
            base: word(8)?,
            chained: word(16)? & CHAINED != 0,
            secret: content[24..40].try_into().ok()?,
            chain: content[40..72].try_into().ok()?,
        })
    }
}

/// Which journal this is, and the key of its frame hashes.
#[derive(Clone, Copy)]
pub(super) struct Identity {
    pub(super) id: [u8; 16],
    pub(super) secret: [u8; 16],
    pub(super) chained: bool,
}

impl Identity {
    pub(super) fn key(&self) -> FrameKey {
        FrameKey::new(self.secret)
    }

    pub(super) fn write(&self, fs: &dyn Fs, dir: &Path) -> io::Result<()> {
        let kind = if self.chained { "chained" } else { "plain" };
        let text = format!("kapok journal 1 {kind}\nid {}\nkey {}\n", hex(&self.id), hex(&self.secret));
        let text = format!("{text}check {}\n", hex(&blake3::hash(text.as_bytes()).as_bytes()[..16]));
        fs::write_atomically(fs, &dir.join(IDENTITY_FILE), text.as_bytes(), Mode::CreateNew)
    }

    /// What the file says; `None` if it is missing or damaged.
    pub(super) fn read(fs: &dyn Fs, dir: &Path) -> Option<Self> {
        let text = String::from_utf8(fs::read_small(fs, &dir.join(IDENTITY_FILE), 4096).ok()?).ok()?;
        let (content, check) = text.split_at_checked(text.rfind("check ")?)?;
        if check != format!("check {}\n", hex(&blake3::hash(content.as_bytes()).as_bytes()[..16])) {
            return None;
        }
        let mut lines = content.lines();
        let chained = match lines.next()? {
            "kapok journal 1 chained" => true,
            "kapok journal 1 plain" => false,
            _ => return None,
        };
        let id = unhex(lines.next()?.strip_prefix("id ")?)?;
        let secret = unhex(lines.next()?.strip_prefix("key ")?)?;
        Some(Self { id, secret, chained })
    }
}

/// Where the segment that begins at `base` is.
pub(super) fn path(dir: &Path, base: u64) -> PathBuf {
    dir.join(format!("{base:016x}.seg"))
}

/// Where the segments in this folder begin, in order.
pub(super) fn bases(fs: &dyn Fs, dir: &Path) -> io::Result<Vec<u64>> {
    let base = |name: &String| {
        let digits = name.strip_suffix(".seg").filter(|d| d.len() == 16)?;
        u64::from_str_radix(digits, 16).ok()
    };
    Ok(fs.list(dir)?.iter().filter_map(base).collect())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 16]> {
    let value = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32)?;
    Some(value.to_be_bytes())
}
