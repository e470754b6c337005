//! Reading: one frame by its position, or all from a cursor on, in bounded memory.
//!
//! Where a frame is bad, the reader looks for the next intact one in the same segment, notes the range between as
//! damage and goes on. Bytes that the disk cannot give are treated like bad ones. What is being overwritten reads as it
//! will be ([`super::cover`]).

use std::io;
use std::sync::Arc;

use super::frame::{FRAME_HEADER_BYTES, FrameHeader, FrameKey, MAGIC};
use super::segment::{SEGMENT_HEADER_BYTES, Segment};
use super::{Cursor, Damage, JournalError, Shared, chain};
use crate::fs::{self, File};

/// What is read at once: large enough that a disk streams.
const WINDOW_BYTES: usize = 256 * 1024;
/// The unit in which unreadable places are stepped over; what disks call a sector today.
const BLOCK_BYTES: usize = 4096;

/// One entry of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where it stands.
    pub position: u64,
    /// The cursor position of one who has seen it.
    pub next: u64,
    /// What was appended.
    pub payload: Vec<u8>,
    /// In a chained journal, the hash of all payloads up to this one, as stored.
    pub link: Option<[u8; 32]>,
}

/// A stretch of one segment, read into memory as needed.
pub(super) struct Window<'a> {
    segment: &'a Segment,
    key: FrameKey,
    buffer: &'a mut Buffer,
}

/// The bytes of a [`Window`], kept between frames.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// Position of the first of them.
    start: u64,
    /// Of the segment's cover when they were read.
    generation: u64,
}

/// What an intact frame holds.
pub(super) struct Stored<'a> {
    /// Where the next one begins.
    pub(super) next: u64,
    /// With the link before it, in a chained journal.
    pub(super) payload: &'a [u8],
}

impl<'a> Window<'a> {
    pub(super) fn new(segment: &'a Segment, key: FrameKey, buffer: &'a mut Buffer) -> Self {
        Self { segment, key, buffer }
    }

    /// The `len` bytes at `position`; fewer where the segment ends.
    fn bytes(&mut self, position: u64, len: usize) -> io::Result<&[u8]> {
        let len = len.min(usize::try_from(self.segment.end().saturating_sub(position)).unwrap_or(usize::MAX));
        let held = self.buffer.start..self.buffer.start + self.buffer.bytes.len() as u64;
        let cover = self.segment.cover.held();
        let is_old = self.buffer.generation != cover.generation;
        if is_old || position < held.start || position + len as u64 > held.end {
            let rest = usize::try_from(self.segment.end() - position).unwrap_or(usize::MAX);
            self.buffer.bytes.resize(len.max(WINDOW_BYTES).min(rest), 0);
            self.buffer.start = position;
            self.buffer.generation = cover.generation;
            let filled =
                read_past_bad_blocks(&*self.segment.file, position - self.segment.base, &mut self.buffer.bytes);
            match filled {
                Ok(filled) => self.buffer.bytes.truncate(filled),
                Err(e) => {
                    self.buffer.bytes.clear();
                    return Err(e);
                }
            }
            cover.apply(position, &mut self.buffer.bytes);
        }
        let from = usize::try_from(position - self.buffer.start).unwrap_or(usize::MAX);
        let held = self.buffer.bytes.get(from..).unwrap_or_default();
        Ok(&held[..len.min(held.len())])
    }

    /// What the intact frame at `position` holds, if there is one.
    pub(super) fn frame(&mut self, position: u64) -> io::Result<Option<Stored<'_>>> {
        let key = self.key;
        let Some(header) = FrameHeader::parse(self.bytes(position, FRAME_HEADER_BYTES)?) else {
            return Ok(None);
        };
        if position + header.frame_bytes() > self.segment.end() {
            return Ok(None);
        }
        let next = position + header.frame_bytes();
        let frame = self.bytes(position, FRAME_HEADER_BYTES + header.len)?;
        // Looked at again: if the frame was overwritten in between, its header is another one, of the same length.
        let stored = FrameHeader::parse(frame).zip(frame.get(FRAME_HEADER_BYTES..));
        let payload = stored.and_then(|(header, stored)| key.payload(position, header, stored));
        Ok(payload.map(|payload| Stored { next, payload }))
    }

    /// Position of the first intact frame after the bad one at `position`, in this segment.
    pub(super) fn next_frame_after(&mut self, position: u64) -> io::Result<Option<u64>> {
        // Most often the length is right and only the payload has suffered.
        if let Some(header) = FrameHeader::parse(self.bytes(position, FRAME_HEADER_BYTES)?) {
            let next = position + header.frame_bytes();
            if next < self.segment.end() && self.frame(next)?.is_some() {
                return Ok(Some(next));
            }
        }
        let mut at = position + 1;
        while at + (FRAME_HEADER_BYTES as u64) <= self.segment.end() {
            let bytes = self.bytes(at, WINDOW_BYTES)?;
            match bytes.windows(MAGIC.len()).position(|w| w == MAGIC) {
                None => at += (bytes.len().saturating_sub(MAGIC.len() - 1)).max(1) as u64,
                Some(found) => {
                    at += found as u64;
                    if self.frame(at)?.is_some() {
                        return Ok(Some(at));
                    }
                    at += 1;
                }
            }
        }
        Ok(None)
    }
}

/// Fills `buf`, with zeros where single blocks cannot be read. If none can, that is an error: the disk is gone, not
/// the block.
fn read_past_bad_blocks(file: &dyn File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    let error = match fs::read_full(file, offset, buf) {
        Ok(filled) => return Ok(filled),
        Err(e) => e,
    };
    let (mut filled, mut any) = (0, false);
    for block in buf.chunks_mut(BLOCK_BYTES) {
        match fs::read_full(file, offset + filled as u64, block) {
            Ok(n) => {
                any = true;
                filled += n;
                if n < block.len() {
                    break;
                }
            }
            Err(_) => {
                block.fill(0);
                filled += block.len();
            }
        }
    }
    if any { Ok(filled) } else { Err(error) }
}

impl Shared {
    /// The segment that holds `position`.
    fn segment_at(&self, position: u64) -> Option<Segment> {
        self.state().segments.range(..=position).next_back().map(|(_, s)| s.clone())
    }

    fn segment_after(&self, base: u64) -> Option<Segment> {
        self.state().segments.range(base + 1..).next().map(|(_, s)| s.clone())
    }

    pub(super) fn read(&self, position: u64) -> Result<Vec<u8>, JournalError> {
        let (_, payload) = self.read_frame(position)?;
        self.unlink(position, payload).map(|(_, payload)| payload)
    }

    /// The room of the frame at `position`, and what it holds (with the link, in a chained journal).
    pub(super) fn read_frame(&self, position: u64) -> Result<(usize, Vec<u8>), JournalError> {
        let segment = self.segment_at(position).filter(|s| position >= s.first_frame() && position < s.end());
        let segment = segment.ok_or(JournalError::NoFrame { position })?;
        let cover = segment.cover.held();
        let read = |position: u64, bytes: &mut [u8]| {
            fs::read_full(&*segment.file, position - segment.base, bytes).map_err(self.io("read"))?;
            cover.apply(position, bytes);
            Ok::<_, JournalError>(())
        };
        // Not through a window: a single entry is small, and this is what a page of search results waits for.
        let mut header = [0; FRAME_HEADER_BYTES];
        read(position, &mut header)?;
        let header = FrameHeader::parse(&header).filter(|h| position + h.frame_bytes() <= segment.end());
        let header = header.ok_or(JournalError::NoFrame { position })?;
        let mut stored = vec![0; header.len];
        read(position + FRAME_HEADER_BYTES as u64, &mut stored)?;
        let payload_bytes = self.key.payload(position, header, &stored).map(<[u8]>::len);
        stored.truncate(payload_bytes.ok_or(JournalError::NoFrame { position })?);
        Ok((header.len, stored))
    }

    /// Parts the stored bytes into link (in a chained journal) and payload.
    fn unlink(&self, position: u64, mut stored: Vec<u8>) -> Result<(Option<[u8; 32]>, Vec<u8>), JournalError> {
        if !self.options.chained {
            return Ok((None, stored));
        }
        let (link, _) = chain::split(&stored).ok_or(JournalError::NoFrame { position })?;
        stored.drain(..link.len());
        Ok((Some(link), stored))
    }
}

/// The frames of a journal from a cursor on.
pub struct Frames {
    journal: Arc<Shared>,
    next: u64,
    buffer: Buffer,
}

impl std::fmt::Debug for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frames(at {})", self.next)
    }
}

impl Frames {
    pub(super) fn new(journal: Arc<Shared>, cursor: Cursor) -> Result<Self, JournalError> {
        if cursor.journal != journal.identity.id && cursor.position != 0 {
            return Err(JournalError::OtherJournal { cursor });
        }
        let mut frames = Self { journal, next: cursor.position, buffer: Buffer::default() };
        if frames.is_boundary(cursor.position)? { Ok(frames) } else { Err(JournalError::NotABoundary { cursor }) }
    }

    /// The cursor of one who has seen all that this iterator gave.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor { journal: self.journal.identity.id, position: self.next }
    }

    /// Whether a frame, or damage, begins here: a cursor from before a damaged end was cut may point into one.
    fn is_boundary(&mut self, position: u64) -> Result<bool, JournalError> {
        let end = self.journal.state().end;
        if position == 0 || position == end {
            return Ok(true);
        }
        let Some(segment) = self.journal.segment_at(position).filter(|_| position < end) else {
            return Ok(false);
        };
        if position == segment.base || position == segment.end() {
            return Ok(true);
        }
        let mut window = Window::new(&segment, self.journal.key, &mut self.buffer);
        if window.frame(position).map_err(self.journal.io("read"))?.is_some() {
            return Ok(true);
        }
        // Rare: walk to it from the segment's beginning. Inside damage any position is as good as another.
        let mut walker = Self { journal: self.journal.clone(), next: segment.base, buffer: Buffer::default() };
        while walker.next < position {
            match walker.step()? {
                Some(frame) if frame.next > position => return Ok(frame.position >= position),
                Some(_) => {}
                None => break,
            }
        }
        Ok(true)
    }

    fn step(&mut self) -> Result<Option<Frame>, JournalError> {
        let journal = self.journal.clone();
        loop {
            if self.next >= journal.state().end {
                return Ok(None);
            }
            let Some(segment) = journal.segment_at(self.next) else {
                return Ok(None);
            };
            if self.next >= segment.end() {
                // At the end of one that is sealed, or in the gap that a lost or shortened file left.
                let Some(after) = journal.segment_after(segment.base) else {
                    return Ok(None);
                };
                if self.next < after.base {
                    journal.damage().note(Damage { from: self.next, to: after.base });
                }
                self.next = after.base;
                continue;
            }
            self.next = self.next.max(segment.base + SEGMENT_HEADER_BYTES as u64);
            if self.next >= segment.end() {
                self.next = segment.end();
                if self.next >= journal.state().end {
                    return Ok(None);
                }
                continue;
            }
            let position = self.next;
            let mut window = Window::new(&segment, journal.key, &mut self.buffer);
            if let Some(stored) = window.frame(position).map_err(journal.io("read"))? {
                let next = stored.next;
                let (link, payload) = journal.unlink(position, stored.payload.to_vec())?;
                self.next = next;
                return Ok(Some(Frame { position, next, payload, link }));
            }
            let next = window.next_frame_after(position).map_err(journal.io("read"))?.unwrap_or(segment.end());
            journal.damage().note(Damage { from: position, to: next });
            self.next = next;
        }
    }
}

impl Iterator for Frames {
    type Item = Result<Frame, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
