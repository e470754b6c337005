//! Uploading: who is served next, and what is refused.
//!
//! For each asking peer [`Upload`] holds its open requests in two rings, what people wait for and bulk. The driver says
//! when a peer's stream has room for a frame ([`Input::Room`]); only then is the next frame chosen, so nothing that was
//! decided earlier stands in the way of something more urgent. What a person waits for goes first. Within a ring
//! blobs take turns after each whole piece: a receiver can use and keep a piece, and four quarters of pieces not.
//!
//! Nothing is served before the driver has said that this peer may have this blob ([`Output::Check`]). A blob that is
//! still being fetched is passed on piece by piece as it arrives.
//!
//! Invariant: for a peer no more reads and frames are under way than it has given room for.

mod serving;

use std::collections::BTreeMap;

use super::BlobId;
use super::message::{
    Answer, FRAME_DATA_BYTES, MAX_HOPS, MAX_OPEN_REQUESTS, MAX_WANT_PIECES, MIN_FRAME_DATA_BYTES, Refusal, Request,
    RequestId, Route, Urgency, Want,
};
use super::piece::{MAX_BLOB_BYTES, piece_count, piece_len};
use super::piece_set::PieceSet;
use super::recipe::MAX_RECIPE_BYTES;
use crate::identity::NodeId;
use crate::time::Timestamp;
use serving::{Peer, Serving};

/// A peer that waits for a blob which is being fetched hears of new pieces at most this often.
pub const WAITING_INTERVAL_MS: u64 = 5_000;
/// And of bytes without a new piece at most this often: well within the patience of who waits
/// ([`WAITING_MS`](super::download::WAITING_MS)).
pub const CAME_INTERVAL_MS: u64 = 60_000;
/// Most frames for which one peer's driver may give room at a time: what a peer can make this node hold in memory
/// is this many times 64 KiB.
pub const MAX_ROOM_FRAMES: u32 = 16;

/// Names a request towards the driver; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

#[derive(Debug)]
pub enum Input {
    Request(NodeId, Request),
    /// The answer to [`Output::Check`], or news of a request that waits.
    Checked {
        ticket: Ticket,
        verdict: Verdict,
    },
    /// The answer to [`Output::Recipe`]: its length, or that there is none.
    Recipe {
        ticket: Ticket,
        bytes: Option<usize>,
    },
    /// A piece of a blob that is being fetched has arrived and is on disk, and so has its list.
    Arrived {
        blob: BlobId,
        index: u32,
    },
    /// So many bytes of a blob that is being fetched have come by now, also of pieces that are not whole.
    Came {
        blob: BlobId,
        bytes: u64,
    },
    /// The stream of this peer takes this many more frames.
    Room {
        peer: NodeId,
        frames: u32,
    },
    /// How much of content is to be in one frame for this peer from now on.
    FrameSize {
        peer: NodeId,
        bytes: usize,
    },
    /// The answer to [`Output::Read`].
    Read {
        ticket: Ticket,
        read: Result<Vec<u8>, ReadError>,
    },
    Gone(NodeId),
}

/// Whether a request is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is held in full and the peer may have it.
    Held,
    /// It is being fetched, and the peer may have it; `present` is here already.
    Arriving {
        present: PieceSet,
    },
    Refused(Refusal),
}

/// Why bytes could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("the blob is no longer here")]
    Gone,
    #[error("the blob is damaged or cannot be read")]
    Damaged,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// May this peer have this blob of this size, and is it here? The route says whether it may be fetched first.
    Check {
        ticket: Ticket,
        peer: NodeId,
        blob: BlobId,
        size: u64,
        urgency: Urgency,
        /// How many pieces are asked for; 0 where it is the list or the recipe alone. Which ones is said by
        /// [`Upload::awaited`].
        pieces: u32,
        route: Route,
    },
    /// What people wait for of a blob that is being fetched has changed: see [`Upload::awaited`].
    Awaited(BlobId),
    /// The peer, which may have this blob, would like its recipe. If the blob is being fetched, that may take until it is
    /// here.
    Recipe {
        ticket: Ticket,
        blob: BlobId,
    },
    /// Read these bytes and give them to [`Input::Read`]; the reads of one ticket in the order in which they came.
    Read {
        ticket: Ticket,
        blob: BlobId,
        what: Range,
    },
    Send(NodeId, Answer),
    /// All who waited for this blob, which is being fetched, have cancelled or gone. They may come back soon.
    Unneeded(BlobId),
    /// The peer does not keep to the protocol.
    Penalise(NodeId, Fault),
}

/// What is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Bytes of the piece list ([`super::piece::PieceList::to_bytes`]).
    List { offset: usize, len: usize },
    /// Bytes of the blob.
    Blob { offset: u64, len: usize },
    /// Bytes of the recipe ([`super::recipe::Recipe::to_bytes`]).
    Recipe { offset: usize, len: usize },
}

/// What an asking peer did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("used the number of a request that is still open")]
    RepeatedNumber,
}

/// All that this node gives.
#[derive(Debug, Default)]
pub struct Upload {
    peers: BTreeMap<NodeId, Peer>,
    tickets: BTreeMap<Ticket, (NodeId, RequestId)>,
    /// Reads under way for requests that are over: their room comes back when they end, not before, so that nobody can
    /// pile up reads by asking and cancelling.
    orphans: BTreeMap<Ticket, (NodeId, usize)>,
    next_ticket: u64,
    sent_bytes: u64,
}

impl Upload {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Content bytes that were sent.
    #[must_use]
    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes
    }

    /// Requests that are open.
    #[must_use]
    pub fn open_requests(&self) -> usize {
        self.tickets.len()
    }

    /// What people wait for of a blob that is not here: of each peer the pieces, in the order in which it asked for them.
    /// Whoever fetches it for them fetches these first.
    #[must_use]
    pub fn awaited(&self, blob: &BlobId) -> Vec<Vec<u32>> {
        let of_peer = |peer: &Peer| -> Vec<u32> {
            let of_blob = peer.open.values().filter(|serving| serving.want.blob == *blob);
            of_blob.flat_map(Serving::awaited_by_person).collect()
        };
        self.peers.values().map(of_peer).filter(|pieces| !pieces.is_empty()).collect()
    }

    /// Advances the uploads. Pure: the same `now` and inputs always give the same outputs.
    pub fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Request(peer, Request::Want(want)) => self.want(peer, want, out),
            Input::Request(peer, Request::Cancel(request)) => {
                if let Some(serving) = self.end(peer, request) {
                    self.given_up(&serving, out);
                }
            }
            Input::Request(peer, Request::Hurry(request)) => self.hurry(peer, request, out),
            // The ledger's, which the driver keeps.
            Input::Request(_, Request::Received(_)) => {}
            Input::Came { blob, bytes } => self.bytes_came(now, blob, bytes, out),
            Input::Checked { ticket, verdict } => self.checked(now, ticket, verdict, out),
            Input::Recipe { ticket, bytes } => self.recipe(ticket, bytes, out),
            Input::Arrived { blob, index } => self.piece_arrived(now, blob, index, out),
            Input::Room { peer, frames } => self.give_room(peer, frames, out),
            Input::FrameSize { peer, bytes } => {
                let bytes = bytes.clamp(MIN_FRAME_DATA_BYTES, FRAME_DATA_BYTES);
                self.peers.entry(peer).or_default().frame_bytes = bytes;
            }
            Input::Read { ticket, read } => self.read(now, ticket, read, out),
            Input::Gone(peer) => self.gone(peer, out),
        }
    }

    fn want(&mut self, peer: NodeId, want: Want, out: &mut Vec<Output>) {
        let request = want.request;
        let state = self.peers.entry(peer).or_default();
        if state.open.contains_key(&request) {
            // Which of the two an answer would belong to, nobody could tell; the first goes on.
            out.push(Output::Penalise(peer, Fault::RepeatedNumber));
            return;
        }
        let refusal = match want.route {
            _ if state.open.len() >= MAX_OPEN_REQUESTS => Some(Refusal::Busy),
            _ if !is_sensible(&want) => Some(Refusal::Invalid),
            Route::ThroughTree { hops, .. } if hops > MAX_HOPS => Some(Refusal::TooFar),
            Route::Direct | Route::ThroughTree { .. } | Route::Nearby { .. } => None,
        };
        if let Some(reason) = refusal {
            out.push(Output::Send(peer, Answer::Refused { request, reason }));
            return;
        }
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.tickets.insert(ticket, (peer, request));
        let Want { blob, size, urgency, count: pieces, route, .. } = want;
        state.open.insert(request, Serving::new(ticket, want));
        out.push(Output::Check { ticket, peer, blob, size, urgency, pieces, route });
    }

    fn hurry(&mut self, peer: NodeId, request: RequestId, out: &mut Vec<Output>) {
        let Some(serving) = self.peers.get_mut(&peer).and_then(|state| state.hurry(request)) else { return };
        if serving.is_arriving() {
            // Whoever fetches it is to hurry too.
            let Want { blob, size, urgency, count: pieces, route, .. } = serving.want;
            out.push(Output::Check { ticket: serving.ticket, peer, blob, size, urgency, pieces, route });
        }
    }

    fn checked(&mut self, now: Timestamp, ticket: Ticket, verdict: Verdict, out: &mut Vec<Output>) {
        let Some(&(peer, request)) = self.tickets.get(&ticket) else { return };
        let Some(state) = self.peers.get_mut(&peer) else { return };
        let Some(serving) = state.open.get_mut(&request) else { return };
        match verdict {
            Verdict::Held => serving.becomes_held(),
            Verdict::Arriving { present } if present.count() == piece_count(serving.want.size) => {
                let notice = serving.becomes_arriving(now, &present);
                out.push(Output::Send(peer, notice));
                if serving.awaited_by_person().next().is_some() {
                    out.push(Output::Awaited(serving.want.blob));
                }
            }
            // The driver's map is of another size than the one that the peer asked for.
            Verdict::Arriving { .. } => return self.refuse(peer, request, Refusal::Invalid, out),
            Verdict::Refused(reason) => return self.refuse(peer, request, reason, out),
        }
        if serving.asks_for_recipe() {
            out.push(Output::Recipe { ticket, blob: serving.want.blob });
            // Reading all of a large blob takes a while.
            out.extend(serving.idles(now).map(|notice| Output::Send(peer, notice)));
        }
        state.enqueue(request);
        self.serve(peer, out);
    }

    fn recipe(&mut self, ticket: Ticket, bytes: Option<usize>, out: &mut Vec<Output>) {
        let Some(&(peer, request)) = self.tickets.get(&ticket) else { return };
        let Some(state) = self.peers.get_mut(&peer) else { return };
        let Some(serving) = state.open.get_mut(&request) else { return };
        let from = serving.want.recipe_from.unwrap_or(0) as usize;
        if !serving.recipe_came(bytes.filter(|bytes| from < *bytes && *bytes <= MAX_RECIPE_BYTES)) {
            out.push(Output::Send(peer, Answer::Recipe { request, offset: 0, total: 0, bytes: Vec::new() }));
            if serving.is_done() {
                self.end(peer, request);
                return;
            }
        }
        state.enqueue(request);
        self.serve(peer, out);
    }

    fn piece_arrived(&mut self, now: Timestamp, blob: BlobId, index: u32, out: &mut Vec<Output>) {
        let mut woken = Vec::new();
        for (&peer, state) in &mut self.peers {
            for (&request, serving) in state.open.iter_mut().filter(|(_, serving)| serving.want.blob == blob) {
                if serving.piece_arrived(index) {
                    woken.push((peer, request));
                }
                out.extend(serving.news(now).map(|notice| Output::Send(peer, notice)));
            }
        }
        for (peer, request) in woken {
            if let Some(state) = self.peers.get_mut(&peer) {
                state.enqueue(request);
            }
            self.serve(peer, out);
        }
    }

    fn bytes_came(&mut self, now: Timestamp, blob: BlobId, bytes: u64, out: &mut Vec<Output>) {
        for (&peer, state) in &mut self.peers {
            for serving in state.open.values_mut().filter(|serving| serving.want.blob == blob) {
                out.extend(serving.bytes_came(now, bytes).map(|notice| Output::Send(peer, notice)));
            }
        }
    }

    /// Chooses frames for a peer while its stream has room.
    fn serve(&mut self, peer: NodeId, out: &mut Vec<Output>) {
        let Some(state) = self.peers.get_mut(&peer) else { return };
        while state.room > 0
            && let Some((request, frame)) = state.next_frame()
        {
            let Some(serving) = state.open.get_mut(&request) else { continue };
            state.room -= 1;
            serving.reading.push_back(frame);
            out.push(Output::Read { ticket: serving.ticket, blob: serving.want.blob, what: frame.range() });
        }
    }

    fn give_room(&mut self, peer: NodeId, frames: u32, out: &mut Vec<Output>) {
        let state = self.peers.entry(peer).or_default();
        state.room = state.room.saturating_add(frames).min(MAX_ROOM_FRAMES);
        self.serve(peer, out);
    }

    fn read(&mut self, now: Timestamp, ticket: Ticket, read: Result<Vec<u8>, ReadError>, out: &mut Vec<Output>) {
        if let Some((peer, reads)) = self.orphans.get_mut(&ticket) {
            let peer = *peer;
            *reads -= 1;
            if *reads == 0 {
                self.orphans.remove(&ticket);
            }
            return self.give_room(peer, 1, out);
        }
        let Some(&(peer, request)) = self.tickets.get(&ticket) else { return };
        let Some(serving) = self.peers.get_mut(&peer).and_then(|state| state.open.get_mut(&request)) else { return };
        let Some(frame) = serving.reading.pop_front() else { return };
        let failure = match read {
            Ok(bytes) if bytes.len() == frame.len() => {
                self.sent_bytes += bytes.len() as u64;
                out.push(Output::Send(peer, frame.answer(request, bytes)));
                if serving.is_done() {
                    self.end(peer, request);
                } else {
                    // Nothing more to pass on at the moment: the peer is not to take that for silence.
                    out.extend(serving.idles(now).map(|notice| Output::Send(peer, notice)));
                }
                return;
            }
            // A file that is shorter than its entry says is damaged too.
            Ok(_) | Err(ReadError::Damaged) => Refusal::Damaged,
            Err(ReadError::Gone) => Refusal::NotHeld,
        };
        self.refuse(peer, request, failure, out);
        // The frame that was read for was not sent.
        self.give_room(peer, 1, out);
    }

    fn refuse(&mut self, peer: NodeId, request: RequestId, reason: Refusal, out: &mut Vec<Output>) {
        out.push(Output::Send(peer, Answer::Refused { request, reason }));
        self.end(peer, request);
    }

    fn end(&mut self, peer: NodeId, request: RequestId) -> Option<Serving> {
        let serving = self.peers.get_mut(&peer)?.remove(request)?;
        self.tickets.remove(&serving.ticket);
        if !serving.reading.is_empty() {
            self.orphans.insert(serving.ticket, (peer, serving.reading.len()));
        }
        Some(serving)
    }

    fn gone(&mut self, peer: NodeId, out: &mut Vec<Output>) {
        let Some(state) = self.peers.remove(&peer) else { return };
        self.orphans.retain(|_, (owner, _)| *owner != peer);
        for serving in state.open.into_values() {
            self.tickets.remove(&serving.ticket);
            self.given_up(&serving, out);
        }
    }

    /// Says so if a request that was given up was the last that waited for its blob to be fetched, or if a person waited.
    fn given_up(&self, given_up: &Serving, out: &mut Vec<Output>) {
        let blob = given_up.want.blob;
        let waits = |serving: &Serving| serving.want.blob == blob && serving.is_arriving();
        if given_up.is_arriving() && !self.peers.values().flat_map(|peer| peer.open.values()).any(waits) {
            out.push(Output::Unneeded(blob));
        } else if given_up.is_arriving() && given_up.awaited_by_person().next().is_some() {
            out.push(Output::Awaited(blob));
        }
    }
}

/// Whether a request asks for something that a blob of its size has, within the limits.
fn is_sensible(want: &Want) -> bool {
    let count = piece_count(want.size);
    let list = want.list_from.is_some_and(|from| count > 1 && from < count);
    let pieces = want.count > 0;
    let whole = piece_len(want.size, want.from_piece);
    let mut reached = 0;
    let holes_fit = want.holes.iter().all(|hole| {
        let begins = hole.offset as usize;
        let fits = begins >= reached && hole.len > 0 && begins + hole.len as usize <= whole;
        reached = begins + hole.len as usize;
        fits
    });
    let offset = want.from_offset as usize;
    want.size <= MAX_BLOB_BYTES
        && (list || pieces || want.recipe_from.is_some())
        && (want.holes.is_empty() || (holes_fit && want.count == 1 && want.from_offset == 0))
        && (list || want.list_from.is_none())
        && want.count <= MAX_WANT_PIECES
        && want.from_piece.checked_add(want.count).is_some_and(|end| end <= count)
        && (offset == 0 || offset < piece_len(want.size, want.from_piece))
}

#[cfg(test)]
mod tests;
