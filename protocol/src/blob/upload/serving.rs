//! One peer's open requests, and which frame comes next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{CAME_INTERVAL_MS, Range, Ticket, WAITING_INTERVAL_MS};
use crate::blob::PieceSet;
use crate::blob::message::{Answer, FRAME_DATA_BYTES, RequestId, Urgency, Want};
use crate::blob::piece::{PieceList, VALUE_BYTES, piece_count, piece_len, piece_offset};
use crate::time::Timestamp;

/// The content of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    List { offset: usize, len: usize },
    Piece { index: u32, offset: usize, len: usize },
    Recipe { offset: usize, len: usize, total: usize },
}

impl Frame {
    pub(super) fn len(self) -> usize {
        match self {
            Self::List { len, .. } | Self::Piece { len, .. } | Self::Recipe { len, .. } => len,
        }
    }

    pub(super) fn range(self) -> Range {
        match self {
            Self::List { offset, len } => Range::List { offset, len },
            Self::Piece { index, offset, len } => Range::Blob { offset: piece_offset(index) + offset as u64, len },
            Self::Recipe { offset, len, .. } => Range::Recipe { offset, len },
        }
    }

    pub(super) fn answer(self, request: RequestId, bytes: Vec<u8>) -> Answer {
        match self {
            Self::List { offset, .. } => {
                Answer::List { request, from_piece: (offset / VALUE_BYTES) as u32, values: bytes }
            }
            Self::Piece { index, offset, .. } => Answer::Piece { request, index, offset: offset as u32, bytes },
            Self::Recipe { offset, total, .. } => {
                Answer::Recipe { request, offset: offset as u32, total: total as u32, bytes }
            }
        }
    }
}

/// Bytes that are being sent in order: of the list, or of a piece.
#[derive(Clone, Copy, Debug)]
enum Item {
    Recipe(usize),
    List,
    Piece(u32),
}

/// Where the recipe is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RecipeState {
    /// It is asked for.
    Wished,
    /// The driver makes it, or waits until it can.
    Awaited,
    /// Not asked for, or dealt with.
    Settled,
}

/// One request that is being served.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) ticket: Ticket,
    pub(super) want: Want,
    /// What can be sent, the front first.
    sendable: VecDeque<Item>,
    /// How far the front has been sent or is being read; `None` before its first frame.
    front_offset: Option<usize>,
    /// Holes of the piece at the front that have been sent.
    holes_done: usize,
    /// Pieces that were asked for and are not here yet.
    awaited: BTreeSet<u32>,
    /// While the blob is being fetched: how many of its pieces are here.
    arriving: Option<u32>,
    /// The list is asked for and not here yet.
    list_awaited: bool,
    recipe: RecipeState,
    /// Bytes of the blob that have come while it is being fetched.
    came_bytes: u64,
    /// When the peer was last told how far the fetching is.
    told_at: Option<Timestamp>,
    told_pieces: u32,
    told_bytes: u64,
    /// Frames that are being read, oldest first.
    pub(super) reading: VecDeque<Frame>,
    queued: bool,
}

impl Serving {
    pub(super) fn new(ticket: Ticket, want: Want) -> Self {
        Self {
            ticket,
            sendable: VecDeque::new(),
            front_offset: None,
            holes_done: 0,
            awaited: (want.from_piece..want.from_piece.saturating_add(want.count)).collect(),
            arriving: None,
            list_awaited: want.list_from.is_some(),
            recipe: if want.recipe_from.is_some() { RecipeState::Wished } else { RecipeState::Settled },
            came_bytes: 0,
            told_at: None,
            told_pieces: 0,
            told_bytes: 0,
            reading: VecDeque::new(),
            queued: false,
            want,
        }
    }

    /// Whether the driver is to make the recipe. True once.
    pub(super) fn asks_for_recipe(&mut self) -> bool {
        let is_wished = self.recipe == RecipeState::Wished;
        if is_wished {
            self.recipe = RecipeState::Awaited;
        }
        is_wished
    }

    /// There is a recipe of so many bytes, or none. False if the peer is to hear that there is none.
    pub(super) fn recipe_came(&mut self, bytes: Option<usize>) -> bool {
        let was_awaited = std::mem::replace(&mut self.recipe, RecipeState::Settled) == RecipeState::Awaited;
        if was_awaited && let Some(bytes) = bytes {
            self.sendable.push_back(Item::Recipe(bytes));
        }
        !was_awaited || bytes.is_some()
    }

    /// All of the blob is here.
    pub(super) fn becomes_held(&mut self) {
        self.arriving = None;
        self.release_list();
        self.sendable.extend(std::mem::take(&mut self.awaited).into_iter().map(Item::Piece));
    }

    /// The blob is being fetched, and these pieces of it are here. Returns what the peer is to be told.
    pub(super) fn becomes_arriving(&mut self, now: Timestamp, present: &PieceSet) -> Answer {
        self.arriving = Some(present.len());
        if !present.is_empty() {
            self.release_list();
        }
        let here: Vec<u32> = self.awaited.iter().copied().filter(|index| present.contains(*index)).collect();
        for index in here {
            self.awaited.remove(&index);
            self.sendable.push_back(Item::Piece(index));
        }
        self.tell(now, present.len())
    }

    /// One more piece is here. True if something can be sent now.
    pub(super) fn piece_arrived(&mut self, index: u32) -> bool {
        let Some(pieces) = &mut self.arriving else { return false };
        *pieces += 1;
        // A piece is proved by the list, so that is here as well.
        self.release_list();
        if self.awaited.remove(&index) {
            self.sendable.push_back(Item::Piece(index));
        }
        !self.sendable.is_empty()
    }

    fn release_list(&mut self) {
        if std::mem::take(&mut self.list_awaited) {
            // Not into the middle of what is being sent.
            let at = usize::from(self.front_offset.is_some());
            self.sendable.insert(at.min(self.sendable.len()), Item::List);
        }
    }

    pub(super) fn is_arriving(&self) -> bool {
        self.arriving.is_some()
    }

    /// The pieces that are not here yet and that a person waits for.
    pub(super) fn awaited_by_person(&self) -> impl Iterator<Item = u32> + '_ {
        let waits = self.want.urgency == Urgency::Interactive;
        self.awaited.iter().copied().filter(move |_| waits)
    }

    /// Everything that was asked for has been read and sent.
    pub(super) fn is_done(&self) -> bool {
        let awaits = self.list_awaited || self.recipe != RecipeState::Settled || !self.awaited.is_empty();
        self.sendable.is_empty() && !awaits && self.reading.is_empty()
    }

    /// How far the fetching is, if the peer should hear of it again.
    pub(super) fn news(&mut self, now: Timestamp) -> Option<Answer> {
        let pieces = self.arriving?;
        (self.is_due(now, WAITING_INTERVAL_MS) && pieces > self.told_pieces).then(|| self.tell(now, pieces))
    }

    /// The same, where bytes have come and perhaps no piece.
    pub(super) fn bytes_came(&mut self, now: Timestamp, bytes: u64) -> Option<Answer> {
        let pieces = self.arriving?;
        self.came_bytes = bytes;
        (self.is_due(now, CAME_INTERVAL_MS) && bytes > self.told_bytes).then(|| self.tell(now, pieces))
    }

    /// How far the fetching is, if there is nothing to send until more arrives or the recipe is made.
    pub(super) fn idles(&mut self, now: Timestamp) -> Option<Answer> {
        let makes_recipe = self.recipe == RecipeState::Awaited;
        let pieces = self.arriving.or_else(|| makes_recipe.then(|| piece_count(self.want.size)))?;
        (self.sendable.is_empty() && self.reading.is_empty()).then(|| self.tell(now, pieces))
    }

    fn is_due(&self, now: Timestamp, interval_ms: u64) -> bool {
        self.told_at.is_none_or(|at| now.millis_since(at) >= interval_ms)
    }

    fn tell(&mut self, now: Timestamp, have_pieces: u32) -> Answer {
        let came_bytes = self.came_bytes;
        (self.told_at, self.told_pieces, self.told_bytes) = (Some(now), have_pieces, came_bytes);
        Answer::Waiting { request: self.want.request, have_pieces, came_bytes }
    }

    /// The next frame, of at most `frame_bytes` (whole values of the list), and whether it ends the list or a piece.
    fn next_frame(&mut self, frame_bytes: usize) -> Option<(Frame, bool)> {
        let item = *self.sendable.front()?;
        if let (Item::Piece(index), Some(hole)) = (item, self.want.holes.get(self.holes_done)) {
            let end = (hole.offset + hole.len) as usize;
            let offset = self.front_offset.unwrap_or(hole.offset as usize);
            let len = frame_bytes.min(end - offset);
            let ends = offset + len >= end;
            self.front_offset = (!ends).then_some(offset + len);
            self.holes_done += usize::from(ends);
            let last = ends && self.holes_done == self.want.holes.len();
            if last {
                self.sendable.pop_front();
            }
            return Some((Frame::Piece { index, offset, len }, last));
        }
        let (start, whole) = match item {
            Item::Recipe(total) => (self.want.recipe_from.unwrap_or(0) as usize, total),
            Item::List => {
                (self.want.list_from.unwrap_or(0) as usize * VALUE_BYTES, PieceList::encoded_len(self.want.size))
            }
            // The first piece of a request may begin in its middle.
            Item::Piece(index) if index == self.want.from_piece => {
                (self.want.from_offset as usize, piece_len(self.want.size, index))
            }
            Item::Piece(index) => (0, piece_len(self.want.size, index)),
        };
        let offset = self.front_offset.unwrap_or(start);
        let len = (frame_bytes - frame_bytes % VALUE_BYTES).min(whole.saturating_sub(offset));
        let frame = match item {
            Item::Recipe(total) => Frame::Recipe { offset, len, total },
            Item::List => Frame::List { offset, len },
            Item::Piece(index) => Frame::Piece { index, offset, len },
        };
        let ends = offset + len >= whole;
        self.front_offset = if ends { None } else { Some(offset + len) };
        if ends {
            self.sendable.pop_front();
        }
        Some((frame, ends))
    }
}

/// An asking peer.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) open: BTreeMap<RequestId, Serving>,
    /// Frames that its stream takes now.
    pub(super) room: u32,
    /// Content in a frame, at most.
    pub(super) frame_bytes: usize,
    /// Requests with something to send, whose turn is next at the front.
    interactive: VecDeque<RequestId>,
    bulk: VecDeque<RequestId>,
}

impl Default for Peer {
    fn default() -> Self {
        Self {
            open: BTreeMap::new(),
            room: 0,
            frame_bytes: FRAME_DATA_BYTES,
            interactive: VecDeque::new(),
            bulk: VecDeque::new(),
        }
    }
}

impl Peer {
    fn ring(&mut self, urgency: Urgency) -> &mut VecDeque<RequestId> {
        match urgency {
            Urgency::Interactive => &mut self.interactive,
            Urgency::Bulk => &mut self.bulk,
        }
    }

    /// Gives a request its turn, if it has something to send and does not wait for its turn already.
    pub(super) fn enqueue(&mut self, request: RequestId) {
        let Some(serving) = self.open.get_mut(&request) else { return };
        if !serving.queued && !serving.sendable.is_empty() {
            serving.queued = true;
            let urgency = serving.want.urgency;
            self.ring(urgency).push_back(request);
        }
    }

    /// A person waits for it by now. `None` where nothing changes.
    pub(super) fn hurry(&mut self, request: RequestId) -> Option<&Serving> {
        let serving = self.open.get_mut(&request).filter(|serving| serving.want.urgency == Urgency::Bulk)?;
        serving.want.urgency = Urgency::Interactive;
        if std::mem::take(&mut serving.queued) {
            self.bulk.retain(|queued| *queued != request);
            self.enqueue(request);
        }
        self.open.get(&request)
    }

    pub(super) fn remove(&mut self, request: RequestId) -> Option<Serving> {
        let serving = self.open.remove(&request)?;
        self.ring(serving.want.urgency).retain(|queued| *queued != request);
        Some(serving)
    }

    /// The request at the front has had its turn: the next blob's comes. Those of one blob keep their order, so that whoever
    /// reads it gets one piece after the other.
    fn pass_turn_on(&mut self, request: RequestId, urgency: Urgency) {
        let mut ring = std::mem::take(self.ring(urgency));
        ring.pop_front();
        let blob_of = |request: &RequestId| self.open.get(request).map(|serving| serving.want.blob);
        let blob = blob_of(&request);
        let (same, others): (VecDeque<_>, VecDeque<_>) = ring.into_iter().partition(|other| blob_of(other) == blob);
        *self.ring(urgency) = others;
        if let Some(serving) = self.open.get_mut(&request) {
            serving.queued = false;
        }
        self.enqueue(request);
        self.ring(urgency).extend(same);
    }

    /// The next frame to send to this peer.
    pub(super) fn next_frame(&mut self) -> Option<(RequestId, Frame)> {
        let urgency = if self.interactive.is_empty() { Urgency::Bulk } else { Urgency::Interactive };
        let request = *self.ring(urgency).front()?;
        let frame_bytes = self.frame_bytes;
        let (frame, ends) = self.open.get_mut(&request).and_then(|serving| serving.next_frame(frame_bytes))?;
        if ends {
            self.pass_turn_on(request, urgency);
        }
        Some((request, frame))
    }
}
