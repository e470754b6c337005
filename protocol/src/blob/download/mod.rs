//! Downloading: what to ask of whom, and what to believe.
//!
//! [`Download`] holds all wanted blobs and all connected sources. It keeps a window of bytes outstanding at each source
//! (`source`), takes the blobs in the order of urgency, rank and arrival, and proves every piece (`transfer`).
//! The driver feeds it answers and ticks and carries out what comes out: sends requests, writes pieces.
//!
//! - A blob is asked of the cheapest sources that may give it, several of equal cost share it; dearer ones only
//!   when those have refused or failed. Where it was published counts as cheap ([`HOME_COST`]). A source that sent
//!   something false is asked last.
//! - The piece list, where one is needed, comes with the first pieces in the same request: no round trip for it.
//! - What is read while it arrives comes first: those pieces go before the rest of their blob (`preference`).
//! - Proved pieces are never fetched again. What has arrived of a piece is kept when a link drops.
//!
//! Invariants: [`Output::WritePiece`] is given once for each piece, and only for bytes that lead to the blob's name.
//! A missing piece is unasked, in exactly one open request, or being put together from an older version.

mod answer;
mod figures;
mod likeness;
mod preference;
mod schedule;
mod source;
mod transfer;

pub use figures::{Progress, Standing, Totals};
pub use preference::{MAX_PREFERRED, RECIPE_FIRST_BYTES};
pub use transfer::Wanted;

use std::collections::{BTreeMap, BTreeSet};

use crate::blob::BlobId;
use crate::blob::message::{Answer, Refusal, Request, Urgency};
use crate::blob::piece::PieceList;
use crate::blob::recipe::{Recipe, Seed};
use crate::identity::NodeId;
use crate::time::Timestamp;
use source::Source;
use transfer::{Key, Objection, Place, Transfer};

/// A source that has not said anything for this long, while it was asked for something, is asked no more for a while,
/// where another may be asked instead. Far above the longest round trip, and short enough for a person who waits.
pub const SILENCE_MS: u64 = 30_000;
/// The same for the only source there is. Links are down for half a minute and come back; a connection that is down for
/// a minute is closed, so a source that is silent for longer does not answer although its link stands.
pub const LONE_SILENCE_MS: u64 = 75_000;
/// A request that stands still for this long is moved elsewhere even if its source is otherwise alive.
pub const STANDSTILL_MS: u64 = 120_000;
/// A source that is fetching the blob itself gets this long for each further sign of that.
pub const WAITING_MS: u64 = 300_000;
/// One that is fetching it by its own word and passes on nothing of it for so long is believed no more. At 1 KB/s a piece
/// takes four minutes, and others' pieces may come first.
pub const MAX_WAITING_MS: u64 = 3_600_000;
/// The node that published a blob costs no more than this while it costs less than [`DEAR`], for that blob: others beyond
/// the local network would have to fetch it from there, and it would cross their lines twice.
pub const HOME_COST: u8 = FREE_COST + 1;
/// From here on a source is asked when all others have been, whoever it is: it is reached through a third node, or broke off.
pub const DEAR: u8 = 64;
/// Faults before a source is asked for nothing any more.
const MAX_FAULTS: u32 = 8;
/// Silent stretches in a row before a source is not asked until it says something or connects anew.
const MAX_SILENCES: u32 = 3;

#[derive(Debug)]
pub enum Input {
    /// Fetch this. For a blob that is wanted already: its urgency and rank change, and refusals are forgotten.
    Want(Wanted),
    /// Do not fetch this any more.
    Unwant(BlobId),
    /// A node that may be asked is connected.
    SourceUp {
        node: NodeId,
        /// Cheaper sources first; 0 for a neighbour on this LAN.
        cost: u8,
        /// Whether it fetches for us what it lacks.
        relays: bool,
    },
    SourceDown(NodeId),
    /// A source has become cheaper or dearer. What it was asked for already still comes from it.
    Cost {
        node: NodeId,
        cost: u8,
    },
    /// Somebody reads a wanted blob while it arrives: for each reader the pieces that it needs next, in the order in which
    /// it reads, of the blob as it is now. They are asked for first, as what a person waits for. None where nobody reads.
    Prefer {
        blob: BlobId,
        readers: Vec<Vec<u32>>,
    },
    /// Neighbour `to` was promised the blob as it arrives. So it need not be asked for it, and what was promised comes
    /// before other bulk: two nodes that each promise the other much must not wait for each other to have room.
    Promised {
        blob: BlobId,
        to: NodeId,
    },
    /// A neighbour that has refused the blob fetches it by now.
    WantsToo {
        blob: BlobId,
        node: NodeId,
    },
    Answer(NodeId, Answer),
    /// Bytes came from it, of a frame that is not whole yet: on a slow link a frame takes seconds.
    Heard(NodeId),
    /// The answer to [`Output::Plan`]: the pieces of which an older version has something.
    Planned {
        blob: BlobId,
        seeds: Vec<Seed>,
    },
    /// The answer to [`Output::Assemble`]: the piece, or nothing if the older version cannot be read any more.
    Assembled {
        blob: BlobId,
        index: u32,
        bytes: Option<Vec<u8>>,
    },
    /// What may be asked for now (windows, budgets, room on the disk).
    Allow(Allowance),
    /// Time has passed; due by [`Download::next_tick`].
    Tick,
}

/// What may be asked for. What was asked for already still arrives: some seconds of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowance {
    Nothing,
    /// What a person waits for, and what comes without a line that costs ([`FREE_COST`]).
    InteractiveOnly,
    Everything,
}

/// Sources of this cost and less are within the local network.
pub const FREE_COST: u8 = 1;

#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    Send(NodeId, Request),
    /// The proved piece list, to keep beside a partial file.
    WriteList(PieceList),
    /// A proved piece, to be written at `offset`.
    WritePiece {
        blob: BlobId,
        index: u32,
        offset: u64,
        bytes: Vec<u8>,
    },
    /// All pieces have been given out.
    Complete(BlobId),
    /// The recipe of a blob of which an older version is here. Answered with [`Input::Planned`], before which nothing of
    /// the blob is asked for.
    Plan {
        blob: BlobId,
        recipe: Recipe,
    },
    /// Put a piece together from the older version and what was `filled`: where in the piece, and the bytes. Answered
    /// with [`Input::Assembled`].
    Assemble {
        blob: BlobId,
        index: u32,
        filled: Vec<(usize, Vec<u8>)>,
    },
    /// No connected source gives it. It stays wanted and is tried again when a source connects or it is wanted anew.
    /// Not said while nobody is connected.
    Stuck {
        blob: BlobId,
        reasons: Vec<(NodeId, Reason)>,
    },
    Penalise(NodeId, Fault),
    /// It is asked for nothing any more, and what it still sends is not worth reading.
    Shun(NodeId),
}

/// Why a source does not give a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("{0}")]
    Refused(Refusal),
    #[error("does not answer")]
    Silent,
    #[error("{0}")]
    Faulty(Fault),
}

/// What a source did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("sent a piece that is not the blob's")]
    WrongPiece,
    #[error("sent a piece list that is not the blob's")]
    WrongList,
    #[error("sent what it was not asked for")]
    Unasked,
    #[error("was asked and did not answer")]
    Silent,
    #[error("gave a recipe that is not the blob's")]
    WrongRecipe,
}

/// All downloads of a node.
#[derive(Debug)]
pub struct Download {
    transfers: BTreeMap<BlobId, Transfer>,
    sources: BTreeMap<NodeId, Source>,
    /// The queue: blobs of which something can be asked for.
    ready: BTreeSet<Key>,
    deferred: BTreeSet<(Timestamp, BlobId)>,
    /// How often and how last each node was at fault. Survives disconnection, so that a liar does not come back clean.
    faults: BTreeMap<NodeId, (u32, Fault)>,
    allowance: Allowance,
    next_number: u64,
    totals: Totals,
}

impl Default for Download {
    fn default() -> Self {
        Self {
            transfers: BTreeMap::new(),
            sources: BTreeMap::new(),
            ready: BTreeSet::new(),
            deferred: BTreeSet::new(),
            faults: BTreeMap::new(),
            allowance: Allowance::Everything,
            next_number: 0,
            totals: Totals::default(),
        }
    }
}

impl Download {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Advances the downloads. Pure: the same `now` and inputs always give the same outputs.
    pub fn handle(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) {
        let verified_before = self.totals.verified_bytes;
        match input {
            Input::Want(wanted) => self.want(wanted, out),
            Input::Unwant(blob) => self.forget(blob, out),
            Input::SourceUp { node, cost, relays } => self.source_up(now, node, cost, relays),
            Input::SourceDown(node) => self.source_down(node),
            Input::Cost { node, cost } => {
                if let Some(source) = self.sources.get_mut(&node) {
                    source.cost = cost;
                    self.place_all();
                }
            }
            Input::Prefer { blob, readers } => self.prefer(blob, readers, out),
            Input::Promised { blob, to } => self.promised(blob, to),
            Input::WantsToo { blob, node } => {
                if let Some(transfer) = self.transfers.get_mut(&blob)
                    && transfer.objections.get(&node).is_some_and(|it| matches!(it.reason, Reason::Refused(_)))
                {
                    transfer.objections.remove(&node);
                    self.place(blob);
                }
            }
            Input::Answer(node, answer) => self.answer(now, node, answer, out),
            Input::Heard(node) => self.heard(now, node),
            Input::Planned { blob, seeds } => self.planned(blob, seeds, out),
            Input::Assembled { blob, index, bytes } => self.assembled(blob, index, bytes, out),
            Input::Allow(allowance) => {
                self.allowance = allowance;
                self.place_all();
            }
            Input::Tick => self.expire(now, out),
        }
        self.fill(now, out);
        let verified = self.totals.verified_bytes - verified_before;
        self.totals.bytes_missing = self.totals.bytes_missing.saturating_sub(verified);
    }

    /// Whether content of a source is on its way.
    #[must_use]
    pub fn expects(&self, node: &NodeId) -> bool {
        self.sources.get(node).is_some_and(|source| source.open.values().any(|open| open.waiting.is_none()))
    }

    /// Whether this urgency may be asked for over any line.
    #[must_use]
    pub fn is_allowed(&self, urgency: Urgency) -> bool {
        match self.allowance {
            Allowance::Nothing => false,
            Allowance::InteractiveOnly => urgency == Urgency::Interactive,
            Allowance::Everything => true,
        }
    }

    fn may_ask(&self, urgency: Urgency, source: &Source) -> bool {
        let is_free = source.cost <= FREE_COST && self.allowance != Allowance::Nothing;
        is_free || self.is_allowed(urgency)
    }

    /// Whether nothing is on its way and nothing can be asked for: everything is complete or stuck.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.transfers.values().all(|transfer| transfer.place == Place::Stuck)
    }

    fn want(&mut self, wanted: Wanted, out: &mut Vec<Output>) {
        let blob = wanted.blob;
        if let Some(transfer) = self.transfers.get_mut(&blob) {
            let hurry = wanted.urgency < transfer.wanted.urgency;
            transfer.wanted.urgency = transfer.wanted.urgency.min(wanted.urgency);
            transfer.wanted.rank = wanted.rank;
            transfer.wanted.home = wanted.home.or(transfer.wanted.home);
            transfer.objections.retain(|_, objection| matches!(objection.reason, Reason::Faulty(_)));
            self.place(blob);
            if hurry {
                self.hurry(blob, out);
            }
            self.prefer(blob, wanted.readers, out);
            return;
        }
        let (size, present) = (wanted.size, wanted.present.is_full());
        let transfer = Transfer::new(wanted, self.next_number);
        self.totals.blobs_missing += 1;
        self.totals.bytes_missing += transfer.missing_bytes();
        self.transfers.insert(blob, transfer);
        self.next_number += 1;
        if present {
            self.complete(blob, out);
        } else if size == 0 && blob == BlobId::of(&[]) {
            out.push(Output::WritePiece { blob, index: 0, offset: 0, bytes: Vec::new() });
            self.complete(blob, out);
        } else {
            self.place(blob);
        }
    }

    fn promised(&mut self, blob: BlobId, to: NodeId) {
        if let Some(transfer) = self.transfers.get_mut(&blob) {
            transfer.promised = true;
            let reason = Reason::Refused(Refusal::NotHeld);
            transfer.objections.entry(to).or_insert(Objection { reason, tries: 1, retry_at: None });
            self.place(blob);
        }
    }

    /// What was asked for as bulk has a person waiting for it now.
    fn hurry(&mut self, blob: BlobId, out: &mut Vec<Output>) {
        let of_blob = self.sources.iter().flat_map(|(node, source)| {
            let bulk = source.open.iter().filter(|(_, open)| open.blob == blob && open.urgency == Urgency::Bulk);
            bulk.map(|(request, _)| (*node, *request))
        });
        let requests: Vec<_> = of_blob.collect();
        self.hurry_all(&requests, out);
    }

    fn complete(&mut self, blob: BlobId, out: &mut Vec<Output>) {
        self.forget(blob, out);
        self.totals.blobs_completed += 1;
        out.push(Output::Complete(blob));
    }

    fn forget(&mut self, blob: BlobId, out: &mut Vec<Output>) {
        self.cancel_where(out, |_, _, open| open.blob == blob);
        if let Some(transfer) = self.transfers.remove(&blob) {
            self.totals.blobs_missing -= 1;
            self.totals.bytes_missing = self.totals.bytes_missing.saturating_sub(transfer.missing_bytes());
            self.unplace(&transfer);
        }
    }

    fn source_up(&mut self, now: Timestamp, node: NodeId, cost: u8, relays: bool) {
        // A second connection replaces the first.
        self.source_down(node);
        let faults = self.faults.get(&node).map_or(0, |(count, _)| *count);
        self.sources.insert(node, Source::new(now, cost, relays, faults));
        for transfer in self.transfers.values_mut() {
            // It may hold by now what it refused before; that it lied stays.
            if transfer.objections.get(&node).is_some_and(|it| !matches!(it.reason, Reason::Faulty(_))) {
                transfer.objections.remove(&node);
            }
        }
        self.place_all();
    }

    fn source_down(&mut self, node: NodeId) {
        let Some(source) = self.sources.remove(&node) else { return };
        for (request, open) in source.open {
            self.give_back(node, request, &open);
        }
    }
}

#[cfg(test)]
mod tests;
