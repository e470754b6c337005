//! Blobs that are arriving from peers, piece by piece and in any order.
//!
//! `partial/HEX.data` holds the bytes at their places, `partial/HEX.map` the value of each piece that is there. The map
//! is believed as it stands when it is exactly the one of the last [`Partial::sync`]; else, after a crash, each piece
//! that it names is hashed again, and kept if it has that value. So nothing is synced for each piece and still nothing
//! arrives twice, and a wrong map costs time, never correctness: [`Partial::finish`] hashes the whole.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::piece::{piece_count, piece_len, piece_offset, piece_value};

use super::add;
use super::pins::Pin;
use super::staged::{Source, Staged};
use super::{Added, BlobError, Blobs, MAX_BLOB_BYTES, Occupied, PIECE_BYTES, PieceValue, Shared, io_error};
use crate::fs::{self, File, Mode};

const MAP_MAGIC: [u8; 8] = *b"KAPOKP1\n";
const MAP_HEADER_BYTES: usize = 8 + 8 + 32;
const SLOT_BYTES: usize = 32;
const EMPTY_SLOT: PieceValue = [0; SLOT_BYTES];

/// Unsynced bytes after which a sync is worth its time: what then has to be hashed again after a crash takes a second.
const SYNC_EVERY_BYTES: u64 = 256 << 20;

/// A blob of which some pieces are here. May be used from many threads.
pub struct Partial {
    shared: Arc<Shared>,
    id: BlobId,
    size: u64,
    data: Box<dyn File>,
    map: Box<dyn File>,
    state: Mutex<State>,
    /// What arrives is wanted: nobody removes it just as it is complete.
    _pin: Pin,
    _occupied: Occupied,
}

#[derive(Debug)]
struct State {
    values: Vec<PieceValue>,
    unsynced_bytes: u64,
}

impl std::fmt::Debug for Partial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Partial({}, {} of {} pieces missing)", self.id, self.missing().len(), self.piece_count())
    }
}

impl Blobs {
    /// Begins a blob of `size` bytes, or goes on with it. One that was begun with another size begins anew.
    pub fn partial(&self, id: BlobId, size: u64) -> Result<Partial, BlobError> {
        let shared = &self.shared;
        if size > MAX_BLOB_BYTES {
            return Err(BlobError::TooLarge { size });
        }
        let occupied = shared.occupy(format!("blob {id}"))?;
        let pin = shared.pin(id);
        if let Some((data, map, values)) = shared.resume_partial(id, size)? {
            let state = Mutex::new(State { values, unsynced_bytes: 0 });
            return Ok(Partial { shared: shared.clone(), id, size, data, map, state, _pin: pin, _occupied: occupied });
        }
        shared.check_space(size)?;
        shared.remove_partial(id)?;
        let (data_path, map_path) = shared.partial_paths(id);
        let create = |path: &PathBuf| shared.fs.open(path, Mode::CreateNew).map_err(shared.write_error(path, size));
        let (data, map) = (create(&data_path)?, create(&map_path)?);
        let values = vec![EMPTY_SLOT; piece_count(size) as usize];
        map.write_at(0, &encode_map(size, &values)).map_err(shared.write_error(&map_path, size))?;
        data.set_len(size).map_err(shared.write_error(&data_path, size))?;
        let dir = shared.paths.partial();
        shared.fs.sync_dir(&dir).map_err(io_error("sync", &dir))?;
        let state = Mutex::new(State { values, unsynced_bytes: 0 });
        Ok(Partial { shared: shared.clone(), id, size, data, map, state, _pin: pin, _occupied: occupied })
    }

    /// The blobs that have been begun, with their sizes.
    pub fn partials(&self) -> Result<Vec<(BlobId, u64)>, BlobError> {
        let dir = self.shared.paths.partial();
        let names = self.shared.fs.list(&dir).map_err(io_error("read", &dir))?;
        let begun = |name: &String| {
            let id = name.strip_suffix(".data")?.parse().ok()?;
            Some((id, self.shared.fs.metadata(&dir.join(name)).ok()?.len))
        };
        Ok(names.iter().filter_map(begun).collect())
    }

    /// Drops a partial blob that nobody writes at the moment.
    pub fn abandon_partial(&self, id: BlobId) -> Result<(), BlobError> {
        let _occupied = self.shared.occupy(format!("blob {id}"))?;
        self.shared.remove_partial(id)
    }
}

impl Partial {
    /// The blob's name.
    #[must_use]
    pub fn id(&self) -> BlobId {
        self.id
    }

    /// The blob's bytes when it is complete.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many pieces it has.
    #[must_use]
    pub fn piece_count(&self) -> u32 {
        piece_count(self.size)
    }

    /// Whether a piece is here.
    #[must_use]
    pub fn has(&self, index: u32) -> bool {
        self.state().values.get(index as usize).is_some_and(|v| *v != EMPTY_SLOT)
    }

    /// The pieces that are not here.
    #[must_use]
    pub fn missing(&self) -> Vec<u32> {
        (0..).zip(&self.state().values).filter(|(_, v)| **v == EMPTY_SLOT).map(|(index, _)| index).collect()
    }

    /// Takes a piece, which the caller has verified. Taking it twice is fine.
    pub fn write_piece(&self, index: u32, bytes: &[u8]) -> Result<(), BlobError> {
        let pieces = self.piece_count();
        if index >= pieces || bytes.len() != piece_len(self.size, index) {
            return Err(BlobError::WrongPiece { id: self.id, index, bytes: bytes.len(), pieces });
        }
        let value = self.value_of(index, bytes);
        let (data_path, map_path) = self.shared.partial_paths(self.id);
        self.data.write_at(piece_offset(index), bytes).map_err(self.shared.write_error(&data_path, self.size))?;
        let unsynced = {
            let mut state = self.state();
            self.map.write_at(slot_offset(index), &value).map_err(self.shared.write_error(&map_path, self.size))?;
            state.values[index as usize] = value;
            state.unsynced_bytes += bytes.len() as u64;
            state.unsynced_bytes
        };
        if unsynced >= SYNC_EVERY_BYTES { self.sync() } else { Ok(()) }
    }

    /// The bytes of a piece that is here, for whoever plays or passes on what is still arriving.
    pub fn read_piece(&self, index: u32) -> Result<Option<Vec<u8>>, BlobError> {
        if !self.has(index) {
            return Ok(None);
        }
        let mut bytes = vec![0; piece_len(self.size, index)];
        let path = self.shared.partial_paths(self.id).0;
        let read = fs::read_full(&*self.data, piece_offset(index), &mut bytes).map_err(io_error("read", &path))?;
        let intact =
            read == bytes.len() && Some(&self.value_of(index, &bytes)) == self.state().values.get(index as usize);
        Ok(intact.then_some(bytes))
    }

    /// Makes what is here durable and the map believed as it stands: before an orderly stop.
    pub fn sync(&self) -> Result<(), BlobError> {
        let (data_path, map_path) = self.shared.partial_paths(self.id);
        // Held throughout: a slot written meanwhile must not count as synced.
        let mut state = self.state();
        self.data.sync().map_err(self.shared.write_error(&data_path, self.size))?;
        let check = check_of(&state.values);
        let written = self.map.write_at(16, &check).and_then(|()| self.map.sync());
        written.map_err(self.shared.write_error(&map_path, self.size))?;
        state.unsynced_bytes = 0;
        Ok(())
    }

    /// All pieces are here: the whole is verified and becomes a blob.
    ///
    /// # Errors
    /// [`BlobError::Incomplete`] if pieces are missing, also if some were lost on the disk: these are missing then.
    /// [`BlobError::WrongBytes`] if all are as they came and yet not the blob: then nothing is kept.
    pub fn finish(&self) -> Result<Added, BlobError> {
        let incomplete =
            |missing: usize| BlobError::Incomplete { id: self.id, missing: missing.try_into().unwrap_or(u32::MAX) };
        match self.missing().len() {
            0 => {}
            missing => return Err(incomplete(missing)),
        }
        let path = self.shared.partial_paths(self.id).0;
        self.data.sync().map_err(self.shared.write_error(&path, self.size))?;
        let list = add::hash(&*self.data).map_err(io_error("read", &path))?;
        let (id, size) = (list.blob(), list.size());
        if id != self.id || size != self.size {
            return Err(match self.forget_lost_pieces()? {
                0 => {
                    self.shared.remove_partial(self.id)?;
                    self.state().values.fill(EMPTY_SLOT);
                    BlobError::WrongBytes { id: self.id }
                }
                lost => incomplete(lost),
            });
        }
        self.shared.pieces().keep(&list);
        let added = self.shared.keep_at_once(Staged { id, size, source: Source::Partial(path) })?;
        self.shared.remove_partial(id)?;
        // A damaged file of that name is of no use any more.
        let quarantined = self.shared.paths.quarantine().join(id.to_string());
        fs::remove_if_there(&*self.shared.fs, &quarantined).map_err(io_error("remove", &quarantined))?;
        Ok(added)
    }

    /// Drops what is here.
    pub fn abandon(self) -> Result<(), BlobError> {
        self.shared.remove_partial(self.id)
    }

    fn forget_lost_pieces(&self) -> Result<usize, BlobError> {
        let mut state = self.state();
        let (data_path, map_path) = self.shared.partial_paths(self.id);
        let lost =
            forget_lost_pieces(&*self.data, self.size, &mut state.values).map_err(io_error("read", &data_path))?;
        empty_slots(&*self.map, &lost).map_err(self.shared.write_error(&map_path, self.size))?;
        Ok(lost.len())
    }

    fn value_of(&self, index: u32, bytes: &[u8]) -> PieceValue {
        value_of(self.size, index, bytes)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Opened = (Box<dyn File>, Box<dyn File>, Vec<PieceValue>);

impl Shared {
    fn partial_paths(&self, id: BlobId) -> (PathBuf, PathBuf) {
        let dir = self.paths.partial();
        (dir.join(format!("{id}.data")), dir.join(format!("{id}.map")))
    }

    fn remove_partial(&self, id: BlobId) -> Result<(), BlobError> {
        let (data_path, map_path) = self.partial_paths(id);
        for path in [map_path, data_path] {
            fs::remove_if_there(&*self.fs, &path).map_err(io_error("remove", &path))?;
        }
        Ok(())
    }

    /// What there is of a partial blob of that size.
    fn resume_partial(&self, id: BlobId, size: u64) -> Result<Option<Opened>, BlobError> {
        let (data_path, map_path) = self.partial_paths(id);
        let open = |path: &PathBuf| match self.fs.open(path, Mode::Write) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(io_error("open", path)(e)),
        };
        let (Some(data), Some(map)) = (open(&data_path)?, open(&map_path)?) else {
            return Ok(None);
        };
        let read = || -> io::Result<Option<Vec<PieceValue>>> {
            let mut bytes = vec![0; MAP_HEADER_BYTES + piece_count(size) as usize * SLOT_BYTES];
            let whole = fs::read_full(&*map, 0, &mut bytes)? == bytes.len();
            let (header, slots) = bytes.split_at(MAP_HEADER_BYTES);
            if !whole || header[..8] != MAP_MAGIC || header[8..16] != size.to_le_bytes() {
                return Ok(None);
            }
            let mut values: Vec<PieceValue> = slots.as_chunks::<SLOT_BYTES>().0.to_vec();
            if header[16..] != check_of(&values) {
                empty_slots(&*map, &forget_lost_pieces(&*data, size, &mut values)?)?;
            }
            Ok(Some(values))
        };
        let values = read().map_err(io_error("read", &map_path))?;
        if values.is_some() && data.metadata().map_err(io_error("read", &data_path))?.len != size {
            data.set_len(size).map_err(self.write_error(&data_path, size))?;
        }
        Ok(values.map(|values| (data, map, values)))
    }
}

/// Hashes the pieces again that the map names, and forgets those that are not there; returns their numbers.
fn forget_lost_pieces(data: &dyn File, size: u64, values: &mut [PieceValue]) -> io::Result<Vec<u32>> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut lost = Vec::new();
    for (index, value) in (0..).zip(values).filter(|(_, v)| **v != EMPTY_SLOT) {
        let bytes = &mut piece[..piece_len(size, index)];
        // What cannot be read is not there.
        let read = fs::read_full(data, piece_offset(index), bytes).unwrap_or(usize::MAX);
        if read != bytes.len() || value_of(size, index, bytes) != *value {
            *value = EMPTY_SLOT;
            lost.push(index);
        }
    }
    Ok(lost)
}

/// Writes these slots only: a map written as a whole could be torn as a whole.
fn empty_slots(map: &dyn File, lost: &[u32]) -> io::Result<()> {
    lost.iter().try_for_each(|index| map.write_at(slot_offset(*index), &EMPTY_SLOT))
}

fn slot_offset(index: u32) -> u64 {
    MAP_HEADER_BYTES as u64 + u64::from(index) * SLOT_BYTES as u64
}

fn value_of(size: u64, index: u32, bytes: &[u8]) -> PieceValue {
    if piece_count(size) == 1 { BlobId::of(bytes).0 } else { piece_value(index, bytes) }
}

fn check_of(values: &[PieceValue]) -> [u8; 32] {
    *blake3::hash(values.as_flattened()).as_bytes()
}

/// A map whose check does not hold, so that it is not believed before a sync.
fn encode_map(size: u64, values: &[PieceValue]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(MAP_HEADER_BYTES + values.len() * SLOT_BYTES);
    bytes.extend_from_slice(&MAP_MAGIC);
    bytes.extend_from_slice(&size.to_le_bytes());
    bytes.extend_from_slice(&[0; 32]);
    bytes.extend_from_slice(values.as_flattened());
    bytes
}
