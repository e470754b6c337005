//! The map beside a partial file: of each piece whether it is here, in part, or not at all.
//!
//! Magic, size, check; then a slot of 32 bytes for each piece:
//!
//! - zeros: nothing of it is here;
//! - its value: it is here;
//! - eight zeros, a length (u32), 20 bytes of BLAKE3: so many bytes of its beginning are here, with that hash. They are
//!   not proved to be the blob's before the piece is whole; the hash says only that the disk still has what was written.
//!
//! A value that begins with eight zeros would be taken for a beginning, found wrong, and fetched again; one in 2^64 does.

use std::io;
use std::path::Path;

use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::piece::{PieceList, piece_count, piece_len, piece_offset, piece_value};

use crate::blobs::{PIECE_BYTES, PieceValue};
use crate::fs::{self, File, Fs, Mode};

const MAGIC: [u8; 8] = *b"KAPOKP2\n";
const HEADER_BYTES: usize = 8 + 8 + 32;
const CHECK_OFFSET: u64 = 16;
const SLOT_BYTES: usize = 32;
const EMPTY: RawSlot = [0; SLOT_BYTES];
const PREFIX_MARK: [u8; 8] = [0; 8];
const PREFIX_CHECK_BYTES: usize = SLOT_BYTES - 8 - 4;

type RawSlot = [u8; SLOT_BYTES];

/// What a slot says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Empty,
    /// So many bytes of its beginning, with this hash.
    Prefix {
        len: u32,
        check: [u8; PREFIX_CHECK_BYTES],
    },
    Whole(PieceValue),
}

impl Slot {
    /// The beginning of a piece.
    pub(super) fn prefix(bytes: &[u8]) -> Self {
        let mut check = [0; PREFIX_CHECK_BYTES];
        check.copy_from_slice(&blake3::hash(bytes).as_bytes()[..PREFIX_CHECK_BYTES]);
        // At most one piece.
        Self::Prefix { len: bytes.len() as u32, check }
    }

    fn read(raw: &RawSlot) -> Self {
        if *raw == EMPTY {
            return Self::Empty;
        }
        let (mark, rest) = raw.split_at(PREFIX_MARK.len());
        if mark != PREFIX_MARK {
            return Self::Whole(*raw);
        }
        let (len, hash) = rest.split_at(4);
        let mut check = [0; PREFIX_CHECK_BYTES];
        check.copy_from_slice(hash);
        Self::Prefix { len: u32::from_le_bytes([len[0], len[1], len[2], len[3]]), check }
    }

    fn to_raw(self) -> RawSlot {
        match self {
            Self::Empty => EMPTY,
            Self::Whole(value) => value,
            Self::Prefix { len, check } => {
                let mut raw = EMPTY;
                raw[8..12].copy_from_slice(&len.to_le_bytes());
                raw[12..].copy_from_slice(&check);
                raw
            }
        }
    }
}

/// A map in memory; what changes is written by [`Self::store`].
#[derive(Debug)]
pub(super) struct Map {
    size: u64,
    slots: Vec<RawSlot>,
}

impl Map {
    pub(super) fn empty(size: u64) -> Self {
        Self { size, slots: vec![EMPTY; piece_count(size) as usize] }
    }

    /// The map's file as a whole, with a check that does not hold, so that it is not believed before a sync.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + self.slots.len() * SLOT_BYTES);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&self.size.to_le_bytes());
        bytes.extend_from_slice(&[0; 32]);
        bytes.extend_from_slice(self.slots.as_flattened());
        bytes
    }

    /// Reads the map of a blob of that size, and takes out of it what the data do not bear out: beginnings always, whole
    /// pieces unless the map is exactly the one of the last sync. None if it is another blob's.
    pub(super) fn read(
        file: &dyn File,
        data: &dyn File,
        size: u64,
        list: Option<&PieceList>,
    ) -> io::Result<Option<Self>> {
        let mut bytes = vec![0; HEADER_BYTES + piece_count(size) as usize * SLOT_BYTES];
        let whole = fs::read_full(file, 0, &mut bytes)? == bytes.len();
        let (header, slots) = bytes.split_at(HEADER_BYTES);
        if !whole || header[..8] != MAGIC || header[8..16] != size.to_le_bytes() {
            return Ok(None);
        }
        let mut map = Self { size, slots: slots.as_chunks::<SLOT_BYTES>().0.to_vec() };
        let synced = header[16..] == map.check();
        map.check_against(file, data, list, synced)?;
        Ok(Some(map))
    }

    /// Empties the slots that the data do not bear out, here and in the file; says how many.
    pub(super) fn check_against(
        &mut self,
        file: &dyn File,
        data: &dyn File,
        list: Option<&PieceList>,
        believes_whole: bool,
    ) -> io::Result<usize> {
        let mut piece = vec![0; PIECE_BYTES];
        let mut lost = 0;
        for index in 0..piece_count(self.size) {
            let slot = self.slot(index);
            let proved = list.and_then(|list| list.values().get(index as usize));
            let is_right = match slot {
                Slot::Empty => continue,
                Slot::Whole(value) if proved.is_some_and(|proved| *proved != value) => false,
                Slot::Whole(_) if believes_whole => true,
                Slot::Whole(value) => {
                    let bytes = &mut piece[..piece_len(self.size, index)];
                    // What cannot be read is not there.
                    let read = fs::read_full(data, piece_offset(index), bytes).unwrap_or(usize::MAX);
                    read == bytes.len() && value_of(self.size, index, bytes) == value
                }
                Slot::Prefix { .. } => self.read_prefix(data, index).is_some(),
            };
            if !is_right {
                lost += 1;
                // One slot at a time: a map written as a whole could be torn as a whole.
                self.store(file, index, Slot::Empty)?;
            }
        }
        Ok(lost)
    }

    /// The bytes of a piece's beginning, if the disk still has what was written.
    pub(super) fn read_prefix(&self, data: &dyn File, index: u32) -> Option<Vec<u8>> {
        let slot @ Slot::Prefix { len, .. } = self.slot(index) else { return None };
        let whole = piece_len(self.size, index);
        let mut bytes = vec![0; usize::try_from(len).ok().filter(|len| *len > 0 && *len < whole)?];
        let read = fs::read_full(data, piece_offset(index), &mut bytes).ok()?;
        (read == bytes.len() && Slot::prefix(&bytes) == slot).then_some(bytes)
    }

    /// What it says of a piece; of one that the blob has not, that it is not here.
    pub(super) fn slot(&self, index: u32) -> Slot {
        self.slots.get(index as usize).map_or(Slot::Empty, Slot::read)
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = (u32, Slot)> + '_ {
        (0..).zip(self.slots.iter().map(Slot::read))
    }

    /// Changes a slot, here and in the file.
    pub(super) fn store(&mut self, file: &dyn File, index: u32, slot: Slot) -> io::Result<()> {
        let raw = slot.to_raw();
        file.write_at(HEADER_BYTES as u64 + u64::from(index) * SLOT_BYTES as u64, &raw)?;
        if let Some(place) = self.slots.get_mut(index as usize) {
            *place = raw;
        }
        Ok(())
    }

    /// Forgets everything; the file is about to be removed.
    pub(super) fn clear(&mut self) {
        self.slots.fill(EMPTY);
    }

    /// Makes the file believed as it stands. The data have been synced.
    pub(super) fn sync(&self, file: &dyn File) -> io::Result<()> {
        file.write_at(CHECK_OFFSET, &self.check())?;
        file.sync()
    }

    fn check(&self) -> [u8; 32] {
        *blake3::hash(self.slots.as_flattened()).as_bytes()
    }
}

/// The value by which a piece is known; of a blob of one piece its name.
pub(super) fn value_of(size: u64, index: u32, bytes: &[u8]) -> PieceValue {
    if piece_count(size) == 1 { BlobId::of(bytes).0 } else { piece_value(index, bytes) }
}

/// The piece list that was kept beside a partial file. It proves itself, so it is neither synced nor checked otherwise.
pub(super) fn read_list(fs: &dyn Fs, path: &Path, id: BlobId, size: u64) -> Option<PieceList> {
    if let Some(list) = PieceList::of_single_piece(id, size) {
        return Some(list);
    }
    let file = fs.open(path, Mode::Read).ok()?;
    let mut bytes = vec![0; PieceList::encoded_len(size)];
    let read = fs::read_full(&*file, 0, &mut bytes).ok()?;
    (read == bytes.len()).then(|| PieceList::verify(id, size, &bytes).ok()).flatten()
}
