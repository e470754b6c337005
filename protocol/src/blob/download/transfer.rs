//! One blob on its way: what is proved, what is asked for, what lies half-finished, and who does not give it.

use std::collections::{BTreeMap, BTreeSet};

use super::likeness::{Likeness, Seeding};
use super::preference::{Preference, RECIPE_FIRST_BYTES};
use super::{Fault, Reason};
use crate::blob::message::{Hole, RequestId, Urgency};
use crate::blob::piece::{PieceError, PieceList, VALUE_BYTES, piece_count, piece_len, piece_offset};
use crate::blob::{BlobId, PieceSet, recipe};
use crate::identity::NodeId;
use crate::time::Timestamp;

/// Most pieces in one request of ours, so that several sources share a blob and a lost request is small.
const RUN_PIECES: u32 = 8;

/// A blob that is to be fetched.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub(super) blob: BlobId,
    pub(super) size: u64,
    pub(super) urgency: Urgency,
    pub(super) rank: u64,
    pub(super) home: Option<NodeId>,
    pub(super) present: PieceSet,
    pub(super) list: Option<PieceList>,
    pub(super) has_base: bool,
    pub(super) parts: BTreeMap<u32, Vec<u8>>,
    pub(super) readers: Vec<Vec<u32>>,
}

impl Wanted {
    /// A blob with the size that its entry states, of which nothing is here yet.
    ///
    /// # Errors
    /// If it is larger than any blob may be.
    pub fn new(blob: BlobId, size: u64, urgency: Urgency) -> Result<Self, PieceError> {
        if size > crate::blob::piece::MAX_BLOB_BYTES {
            return Err(PieceError::BlobTooLarge { size });
        }
        let present = PieceSet::empty(piece_count(size));
        Ok(Self {
            blob,
            size,
            urgency,
            rank: 0,
            home: None,
            present,
            list: None,
            parts: BTreeMap::new(),
            has_base: false,
            readers: Vec::new(),
        })
    }

    /// Its place among those of the same urgency: lower first; equals in the order in which they were wanted.
    #[must_use]
    pub fn rank(mut self, rank: u64) -> Self {
        self.rank = rank;
        self
    }

    /// The node whose entry names the blob; a parent then fetches what it does not hold.
    #[must_use]
    pub fn home(mut self, home: NodeId) -> Self {
        self.home = Some(home);
        self
    }

    /// An older version is here: its recipe is worth asking for.
    #[must_use]
    pub fn has_base(mut self, has_base: bool) -> Self {
        self.has_base = has_base && recipe::Recipe::suits(self.size);
        self
    }

    /// Somebody reads it while it arrives ([`Input::Prefer`](super::Input::Prefer)), from the first request on.
    #[must_use]
    pub fn readers(mut self, readers: Vec<Vec<u32>>) -> Self {
        self.readers = readers;
        self
    }

    /// What an earlier run has left: the pieces that are on disk and proved, and the list if it was kept.
    /// A map or list of another blob is ignored, which costs time only.
    #[must_use]
    pub fn resume(mut self, present: PieceSet, list: Option<PieceList>) -> Self {
        if present.count() == piece_count(self.size) {
            self.present = present;
        }
        self.list = list.filter(|list| list.blob() == self.blob && list.size() == self.size);
        self
    }

    /// What an earlier run has left of pieces that were not whole: their first bytes, which are believed only when the
    /// piece is proved. What cannot be the beginning of a missing piece is ignored.
    #[must_use]
    pub fn resume_inside(mut self, parts: impl IntoIterator<Item = (u32, Vec<u8>)>) -> Self {
        self.parts.extend(parts);
        let (size, present) = (self.size, &self.present);
        self.parts.retain(|index, part| {
            !present.contains(*index) && !part.is_empty() && part.len() < piece_len(size, *index)
        });
        self
    }
}

/// Bytes that have arrived and cannot be proved yet.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) bytes: Vec<u8>,
    /// Whom they came from. Blame needs exactly one.
    from: BTreeSet<NodeId>,
    /// Whether some of it was left by an earlier run: then a disk may be to blame.
    kept: bool,
}

impl Part {
    fn of_earlier_run(bytes: Vec<u8>) -> Self {
        Self { bytes, from: BTreeSet::new(), kept: true }
    }

    pub(super) fn extend(&mut self, node: NodeId, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.from.insert(node);
    }

    pub(super) fn is_only_from(&self, node: NodeId) -> bool {
        !self.kept && self.from.iter().eq([&node])
    }
}

#[derive(Debug)]
pub(super) enum ListState {
    Known(PieceList),
    /// Being fetched, from one source at a time.
    Arriving {
        part: Part,
        asked: Option<(NodeId, RequestId)>,
    },
}

impl ListState {
    /// Whether no list is on its way.
    fn is_unasked(&self) -> bool {
        !matches!(self, Self::Arriving { asked: Some(_), .. })
    }
}

/// Why a source is not asked for the blob, and from when on it may be again.
#[derive(Debug)]
pub(super) struct Objection {
    pub(super) reason: Reason,
    pub(super) tries: u32,
    /// `None`: not before it connects anew.
    pub(super) retry_at: Option<Timestamp>,
}

/// A place in the queue: urgency, rank, order of arrival.
pub(super) type Key = (Urgency, u64, u64, BlobId);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In the queue: something of it can be asked for.
    Ready(Key),
    /// Nothing to ask for at present: all is asked for.
    Asked,
    /// Nobody can be asked before this time.
    Deferred(Timestamp),
    /// Nobody can give it.
    Stuck,
}

#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) wanted: Wanted,
    /// Order of arrival, the last word among equals.
    pub(super) number: u64,
    pub(super) place: Place,
    /// A neighbour waits for it.
    pub(super) promised: bool,
    pub(super) preferred: Preference,
    pub(super) list: ListState,
    /// Pieces that are not proved yet.
    pub(super) missing: PieceSet,
    /// Missing pieces that nobody is asked for.
    pub(super) unasked: PieceSet,
    pub(super) parts: BTreeMap<u32, Part>,
    pub(super) likeness: Likeness,
    pub(super) seeding: Seeding,
    pub(super) objections: BTreeMap<NodeId, Objection>,
    pub(super) open_requests: u32,
    pub(super) received_bytes: u64,
    pub(super) verified_bytes: u64,
}

/// What one request will ask for.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) list_from: Option<u32>,
    pub(super) from_piece: u32,
    pub(super) from_offset: u32,
    pub(super) count: u32,
    pub(super) recipe_from: Option<u32>,
    pub(super) holes: Vec<Hole>,
    pub(super) bytes: u64,
}

impl Transfer {
    pub(super) fn new(mut wanted: Wanted, number: u64) -> Self {
        let missing = wanted.present.complement();
        let preferred = Preference::new(std::mem::take(&mut wanted.readers), missing.count());
        let list = wanted.list.clone().or_else(|| PieceList::of_single_piece(wanted.blob, wanted.size));
        let wants_recipe = wanted.has_base && (preferred.is_empty() || wanted.size <= RECIPE_FIRST_BYTES);
        let verified_bytes = wanted.present.iter().map(|index| piece_len(wanted.size, index) as u64).sum();
        let parts = std::mem::take(&mut wanted.parts);
        let parts = parts.into_iter().map(|(index, bytes)| (index, Part::of_earlier_run(bytes))).collect();
        Self {
            number,
            place: Place::Asked,
            promised: false,
            preferred,
            list: list.map_or(ListState::Arriving { part: Part::default(), asked: None }, ListState::Known),
            unasked: missing.clone(),
            missing,
            parts,
            likeness: if wants_recipe { Likeness::Unasked { bytes: Vec::new() } } else { Likeness::Settled },
            seeding: Seeding::default(),
            objections: BTreeMap::new(),
            open_requests: 0,
            received_bytes: 0,
            verified_bytes,
            wanted,
        }
    }

    /// Its place in the queue. Whoever reads waits for every piece anew, so that goes before what is waited for as a whole.
    pub(super) fn key(&self) -> Key {
        let is_read = self.next_preferred().is_some();
        let rank = if self.promised || is_read { 0 } else { self.wanted.rank.saturating_add(1) };
        (self.next_urgency(), rank, self.number, self.wanted.blob)
    }

    /// Whether something of it is not asked of anybody. Until the list is proved, one source is asked at a time.
    pub(super) fn has_work(&self) -> bool {
        match (&self.likeness, &self.list) {
            // With the list, if that is not here.
            (Likeness::Unasked { .. }, list) => list.is_unasked(),
            (Likeness::Asked { .. } | Likeness::Planning, _) => false,
            (Likeness::Settled, ListState::Known(_)) => !self.unasked.is_empty(),
            (Likeness::Settled | Likeness::Known { .. }, list) => list.is_unasked(),
        }
    }

    pub(super) fn missing_bytes(&self) -> u64 {
        self.wanted.size - self.verified_bytes
    }

    /// Bytes of a piece that have arrived already.
    pub(super) fn part_len(&self, index: u32) -> usize {
        self.parts.get(&index).map_or(0, |part| part.bytes.len())
    }

    /// The next pieces to ask for: neighbours, as many as `room_bytes` allows but at least one, and the list before
    /// them if it is not known. Those that are read come first, and by themselves.
    pub(super) fn next_run(&self, room_bytes: u64) -> Run {
        let size = self.wanted.size;
        let (list_from, list_bytes) = match &self.list {
            ListState::Known(_) => (None, 0),
            ListState::Arriving { part, .. } => {
                let rest = PieceList::encoded_len(size) - part.bytes.len();
                (Some((part.bytes.len() / VALUE_BYTES) as u32), rest as u64)
            }
        };
        let preferred = self.next_preferred();
        let from_piece = preferred.or(self.unasked.first()).unwrap_or(0);
        let run = Run {
            list_from,
            from_piece,
            from_offset: 0,
            count: 0,
            recipe_from: None,
            holes: Vec::new(),
            bytes: list_bytes,
        };
        match &self.likeness {
            Likeness::Unasked { bytes } => {
                let expected = list_bytes + recipe::expected_bytes(size);
                return Run { recipe_from: Some(bytes.len() as u32), bytes: expected, ..run };
            }
            Likeness::Known { .. } => return run,
            Likeness::Asked { .. } | Likeness::Planning | Likeness::Settled => {}
        }
        if let Some(holes) = self.seeding.holes(from_piece) {
            let bytes = list_bytes + holes.iter().map(|hole| u64::from(hole.len)).sum::<u64>();
            return Run { count: 1, holes, bytes, ..run };
        }
        let (mut count, mut bytes) = (0, 0);
        let belongs = |index| self.unasked.contains(index) && (preferred.is_none() || self.preferred.contains(index));
        while count < RUN_PIECES && belongs(from_piece + count) {
            let index = from_piece + count;
            let have = self.part_len(index);
            let rest = (piece_len(size, index) - have) as u64;
            // Only the first piece of a request can begin in the middle.
            if count > 0 && (have > 0 || self.seeding.has_part_of(index) || bytes + rest > room_bytes) {
                break;
            }
            bytes += rest;
            count += 1;
        }
        Run { from_offset: self.part_len(from_piece) as u32, count, bytes: list_bytes + bytes, ..run }
    }

    /// Takes in the next part of the list. `Ok(Some(list))` when it is whole and proved.
    pub(super) fn take_list(
        &mut self,
        node: NodeId,
        request: RequestId,
        from_piece: u32,
        values: &[u8],
    ) -> Result<Option<PieceList>, Rejected> {
        let (blob, size) = (self.wanted.blob, self.wanted.size);
        let ListState::Arriving { part, asked } = &mut self.list else { return Err(Rejected::Unasked) };
        let expected = PieceList::encoded_len(size);
        let continues = from_piece as usize * VALUE_BYTES == part.bytes.len()
            && values.len().is_multiple_of(VALUE_BYTES)
            && !values.is_empty()
            && part.bytes.len() + values.len() <= expected;
        if *asked != Some((node, request)) || !continues {
            return Err(Rejected::Unasked);
        }
        part.extend(node, values);
        if part.bytes.len() < expected {
            return Ok(None);
        }
        let part = std::mem::take(part);
        match PieceList::verify(blob, size, &part.bytes) {
            Ok(list) => {
                self.list = ListState::Known(list.clone());
                Ok(Some(list))
            }
            Err(_) if part.is_only_from(node) => Err(Rejected::Wrong(Fault::WrongList)),
            Err(_) => Err(Rejected::OfSeveral),
        }
    }

    /// Takes in the next part of a piece that `node` was asked for. `Ok(Some(bytes))` when it is whole and proved.
    pub(super) fn take_piece(
        &mut self,
        node: NodeId,
        index: u32,
        offset: u32,
        bytes: &[u8],
    ) -> Result<Option<Vec<u8>>, Rejected> {
        let whole = piece_len(self.wanted.size, index);
        let have = self.part_len(index);
        let ListState::Known(list) = &self.list else { return Err(Rejected::Unasked) };
        let continues = offset as usize == have && have + bytes.len() <= whole && (!bytes.is_empty() || whole == 0);
        if !continues {
            return Err(Rejected::Unasked);
        }
        let part = self.parts.entry(index).or_default();
        part.extend(node, bytes);
        if part.bytes.len() < whole {
            return Ok(None);
        }
        let part = self.parts.remove(&index).unwrap_or_default();
        match list.verify_piece(index, &part.bytes) {
            Ok(()) => {
                self.missing.remove(index);
                self.verified_bytes += whole as u64;
                Ok(Some(part.bytes))
            }
            Err(_) if part.is_only_from(node) => Err(Rejected::Wrong(Fault::WrongPiece)),
            Err(_) => Err(Rejected::OfSeveral),
        }
    }

    /// Where piece `index` begins in the blob.
    pub(super) fn offset(index: u32) -> u64 {
        piece_offset(index)
    }
}

/// Why an answer was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rejected {
    /// Not what was asked for, or not in its place.
    Unasked,
    /// It does not lead to the blob's name, and one node alone sent it.
    Wrong(Fault),
    /// It does not lead to the blob's name; several nodes sent parts of it, so nobody can be blamed. It is fetched
    /// again from one.
    OfSeveral,
}
