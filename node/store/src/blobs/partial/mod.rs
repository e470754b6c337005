//! Blobs that are arriving, piece by piece and in any order.
//!
//! `partial/HEX.data` holds the bytes at their places, `partial/HEX.map` what is there of each piece ([`map`]),
//! `partial/HEX.list` the blob's piece list once it is known. The map is believed as it stands when it is exactly the one
//! of the last [`Partial::sync`]; else, after a crash, each piece that it names is hashed again, and kept if it has that
//! value. Of a piece that has come only in part the bytes so far are kept too, and handed out by
//! [`Partial::prefixes`] for the rest to be fetched. So nothing is synced for each piece and still nothing arrives twice,
//! and a wrong map costs time, never correctness: [`Partial::finish`] hashes the whole.

mod map;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::piece::{PieceList, piece_count, piece_len, piece_offset};

use super::add;
use super::pins::Pin;
use super::staged::{Source, Staged};
use super::{Added, BlobError, Blobs, MAX_BLOB_BYTES, Occupied, Shared, io_error};
use crate::fs::{self, File, Mode};
use map::{Map, Slot, value_of};

/// Unsynced bytes after which a sync is worth its time: what then has to be hashed again after a crash takes a second.
const SYNC_EVERY_BYTES: u64 = 256 << 20;

/// Most bytes of unfinished pieces that [`Partial::prefixes`] hands out: as much as one source may have been asked for.
const MAX_PREFIX_BYTES: usize = 32 << 20;

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
    map: Map,
    list: Option<PieceList>,
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
        let list = map::read_list(&*shared.fs, &shared.list_path(id), id, size);
        if let Some((data, map, known)) = shared.resume_partial(id, size, list.as_ref())? {
            let state = Mutex::new(State { map: known, list, unsynced_bytes: 0 });
            return Ok(Partial { shared: shared.clone(), id, size, data, map, state, _pin: pin, _occupied: occupied });
        }
        shared.check_space(size)?;
        shared.remove_partial(id)?;
        let (data_path, map_path) = shared.partial_paths(id);
        let create = |path: &PathBuf| shared.fs.open(path, Mode::CreateNew).map_err(shared.write_error(path, size));
        let (data, map) = (create(&data_path)?, create(&map_path)?);
        let empty = Map::empty(size);
        map.write_at(0, &empty.encode()).map_err(shared.write_error(&map_path, size))?;
        data.set_len(size).map_err(shared.write_error(&data_path, size))?;
        let dir = shared.paths.partial();
        shared.fs.sync_dir(&dir).map_err(io_error("sync", &dir))?;
        let list = PieceList::of_single_piece(id, size);
        let state = Mutex::new(State { map: empty, list, unsynced_bytes: 0 });
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

    /// Whether a piece is here, whole.
    #[must_use]
    pub fn has(&self, index: u32) -> bool {
        matches!(self.state().map.slot(index), Slot::Whole(_))
    }

    /// The pieces that are not here, or not whole.
    #[must_use]
    pub fn missing(&self) -> Vec<u32> {
        let state = self.state();
        state.map.slots().filter(|(_, slot)| !matches!(slot, Slot::Whole(_))).map(|(index, _)| index).collect()
    }

    /// The blob's piece list, where an earlier run or somebody else has kept it.
    #[must_use]
    pub fn list(&self) -> Option<PieceList> {
        self.state().list.clone()
    }

    /// Keeps the piece list, so that it need not be fetched again. A list of another blob is ignored.
    pub fn keep_list(&self, list: &PieceList) -> Result<(), BlobError> {
        if list.blob() != self.id || list.size() != self.size || self.state().list.is_some() {
            return Ok(());
        }
        let path = self.shared.list_path(self.id);
        fs::remove_if_there(&*self.shared.fs, &path).map_err(io_error("remove", &path))?;
        let file = self.shared.fs.open(&path, Mode::CreateNew).map_err(self.shared.write_error(&path, self.size))?;
        file.write_at(0, &list.to_bytes()).map_err(self.shared.write_error(&path, self.size))?;
        self.state().list = Some(list.clone());
        Ok(())
    }

    /// Takes a piece, which the caller has verified. Taking it twice is fine.
    pub fn write_piece(&self, index: u32, bytes: &[u8]) -> Result<(), BlobError> {
        if index >= self.piece_count() || bytes.len() != piece_len(self.size, index) {
            return Err(self.wrong_piece(index, bytes.len()));
        }
        self.write_data(piece_offset(index), bytes)?;
        self.mark(index, Slot::Whole(value_of(self.size, index, bytes)), bytes.len())
    }

    /// Takes bytes of a piece that is not whole yet, from `offset` inside it on: where what is here of it ends, or 0 to
    /// begin anew. They need not be verified; the piece is, when it is whole.
    pub fn write_prefix(&self, index: u32, offset: u32, bytes: &[u8]) -> Result<(), BlobError> {
        let slot = self.state().map.slot(index);
        let mut prefix = match (offset, slot) {
            (_, Slot::Whole(_)) => return Err(self.wrong_piece(index, bytes.len())),
            (0, _) => Vec::new(),
            _ => self.prefix(index).filter(|prefix| prefix.len() == offset as usize).ok_or_else(|| {
                // Where it does not go on, the bytes would not be where they belong.
                self.wrong_piece(index, bytes.len())
            })?,
        };
        prefix.extend_from_slice(bytes);
        if index >= self.piece_count() || prefix.is_empty() || prefix.len() >= piece_len(self.size, index) {
            return Err(self.wrong_piece(index, bytes.len()));
        }
        self.write_data(piece_offset(index) + u64::from(offset), bytes)?;
        self.mark(index, Slot::prefix(&prefix), bytes.len())
    }

    /// What is here of pieces that are not whole: of each its number and its first bytes, up to [`MAX_PREFIX_BYTES`].
    #[must_use]
    pub fn prefixes(&self) -> Vec<(u32, Vec<u8>)> {
        let begun: Vec<u32> = {
            let state = self.state();
            let begun = state.map.slots().filter(|(_, slot)| matches!(slot, Slot::Prefix { .. }));
            begun.map(|(index, _)| index).collect()
        };
        let (mut prefixes, mut bytes) = (Vec::new(), 0);
        for index in begun {
            if let Some(prefix) = self.prefix(index) {
                bytes += prefix.len();
                if bytes > MAX_PREFIX_BYTES {
                    break;
                }
                prefixes.push((index, prefix));
            }
        }
        prefixes
    }

    /// The bytes of a piece that is here, for whoever plays or passes on what is still arriving.
    pub fn read_piece(&self, index: u32) -> Result<Option<Vec<u8>>, BlobError> {
        if !self.has(index) {
            return Ok(None);
        }
        let mut bytes = vec![0; piece_len(self.size, index)];
        let path = self.shared.partial_paths(self.id).0;
        let read = fs::read_full(&*self.data, piece_offset(index), &mut bytes).map_err(io_error("read", &path))?;
        let value = Slot::Whole(value_of(self.size, index, &bytes));
        let intact = read == bytes.len() && value == self.state().map.slot(index);
        Ok(intact.then_some(bytes))
    }

    /// Makes what is here durable and the map believed as it stands: before an orderly stop.
    pub fn sync(&self) -> Result<(), BlobError> {
        let (data_path, map_path) = self.shared.partial_paths(self.id);
        // Held throughout: a slot written meanwhile must not count as synced.
        let mut state = self.state();
        self.data.sync().map_err(self.shared.write_error(&data_path, self.size))?;
        state.map.sync(&*self.map).map_err(self.shared.write_error(&map_path, self.size))?;
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
                    self.state().map.clear();
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
        let State { map, list, .. } = &mut *self.state();
        let path = self.shared.partial_paths(self.id).1;
        map.check_against(&*self.map, &*self.data, list.as_ref(), false)
            .map_err(self.shared.write_error(&path, self.size))
    }

    fn prefix(&self, index: u32) -> Option<Vec<u8>> {
        self.state().map.read_prefix(&*self.data, index)
    }

    fn write_data(&self, offset: u64, bytes: &[u8]) -> Result<(), BlobError> {
        let path = self.shared.partial_paths(self.id).0;
        self.data.write_at(offset, bytes).map_err(self.shared.write_error(&path, self.size))
    }

    /// Notes what is here of a piece, of which so many bytes were written just now.
    fn mark(&self, index: u32, slot: Slot, written: usize) -> Result<(), BlobError> {
        let path = self.shared.partial_paths(self.id).1;
        let unsynced = {
            let mut state = self.state();
            state.map.store(&*self.map, index, slot).map_err(self.shared.write_error(&path, self.size))?;
            state.unsynced_bytes += written as u64;
            state.unsynced_bytes
        };
        if unsynced >= SYNC_EVERY_BYTES { self.sync() } else { Ok(()) }
    }

    fn wrong_piece(&self, index: u32, bytes: usize) -> BlobError {
        BlobError::WrongPiece { id: self.id, index, bytes, pieces: self.piece_count() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Opened = (Box<dyn File>, Box<dyn File>, Map);

impl Shared {
    fn partial_paths(&self, id: BlobId) -> (PathBuf, PathBuf) {
        let dir = self.paths.partial();
        (dir.join(format!("{id}.data")), dir.join(format!("{id}.map")))
    }

    fn list_path(&self, id: BlobId) -> PathBuf {
        self.paths.partial().join(format!("{id}.list"))
    }

    fn remove_partial(&self, id: BlobId) -> Result<(), BlobError> {
        let (data_path, map_path) = self.partial_paths(id);
        for path in [self.list_path(id), map_path, data_path] {
            fs::remove_if_there(&*self.fs, &path).map_err(io_error("remove", &path))?;
        }
        Ok(())
    }

    /// What there is of a partial blob of that size.
    fn resume_partial(&self, id: BlobId, size: u64, list: Option<&PieceList>) -> Result<Option<Opened>, BlobError> {
        let (data_path, map_path) = self.partial_paths(id);
        let open = |path: &PathBuf| match self.fs.open(path, Mode::Write) {
            Ok(file) => Ok(Some(file)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(io_error("open", path)(e)),
        };
        let (Some(data), Some(map)) = (open(&data_path)?, open(&map_path)?) else {
            return Ok(None);
        };
        let known = Map::read(&*map, &*data, size, list).map_err(io_error("read", &map_path))?;
        if known.is_some() && data.metadata().map_err(io_error("read", &data_path))?.len != size {
            data.set_len(size).map_err(self.write_error(&data_path, size))?;
        }
        Ok(known.map(|known| (data, map, known)))
    }
}
