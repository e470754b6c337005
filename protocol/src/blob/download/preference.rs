//! Preference: somebody reads a blob while it arrives, and waits for some of its pieces more than for others.
//!
//! The pieces that are read next are asked for first, as what a person waits for; the others keep their urgency and order.
//! Reading goes on piece by piece, and what is preferred goes along without disturbing what is on its way. When a reader
//! jumps, what is on its way for the place that it has left makes room.
//!
//! What is cancelled costs what of it is in the air. So a request is cancelled only where the first piece of a reader
//! would come behind pieces that nobody reads; bulk is passed by at the source, frame by frame.

use std::collections::BTreeSet;

use super::likeness::Likeness;
use super::source::Open;
use super::transfer::{ListState, Transfer};
use super::{Download, Output};
use crate::blob::BlobId;
use crate::blob::message::{Request, RequestId, Urgency};
use crate::identity::NodeId;

/// Most pieces of one blob that are preferred at a time (256 MiB); what comes after them waits until these are here.
pub const MAX_PREFERRED: usize = 1024;

/// Whoever reads a blob up to this size waits for its recipe first, where an older version is here: 32 KiB, half a second of
/// 512 kbit/s. For a film that is read the recipe is forgone.
pub const RECIPE_FIRST_BYTES: u64 = 16 << 20;

/// The pieces that somebody reads next.
#[derive(Debug, Default)]
pub(super) struct Preference {
    /// The readers take turns.
    order: Vec<u32>,
    pieces: BTreeSet<u32>,
    /// For each reader its pieces, in the order in which it reads.
    readers: Vec<Vec<u32>>,
}

impl Preference {
    /// Of a blob of `count` pieces.
    pub(super) fn new(mut readers: Vec<Vec<u32>>, count: u32) -> Self {
        let (mut order, mut pieces) = (Vec::new(), BTreeSet::new());
        let longest = readers.iter().map(Vec::len).max().unwrap_or(0);
        for turn in 0..longest {
            for index in readers.iter().filter_map(|reader| reader.get(turn)) {
                if *index < count && order.len() < MAX_PREFERRED && pieces.insert(*index) {
                    order.push(*index);
                }
            }
        }
        readers.iter_mut().for_each(|reader| reader.retain(|index| pieces.contains(index)));
        Self { order, pieces, readers }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn contains(&self, index: u32) -> bool {
        self.pieces.contains(&index)
    }

    /// What each reader waits for first.
    fn heads(&self, is_missing: impl Fn(u32) -> bool) -> BTreeSet<u32> {
        let first = |reader: &Vec<u32>| reader.iter().copied().find(|index| is_missing(*index));
        self.readers.iter().filter_map(first).collect()
    }
}

impl Transfer {
    /// Forgoes a recipe that is too large to wait for, if it is not asked for; returns the request if it is.
    fn recipe_stands_before_readers(&mut self) -> Option<(NodeId, RequestId)> {
        if self.preferred.is_empty() || self.wanted.size <= RECIPE_FIRST_BYTES {
            return None;
        }
        match &self.likeness {
            Likeness::Unasked { .. } => self.likeness = Likeness::Settled,
            Likeness::Asked { node, request, .. } => return Some((*node, *request)),
            Likeness::Known { .. } | Likeness::Planning | Likeness::Settled => {}
        }
        None
    }

    /// The piece that is to be asked for before all others.
    pub(super) fn next_preferred(&self) -> Option<u32> {
        self.preferred.order.iter().copied().find(|index| self.unasked.contains(*index))
    }

    /// Who waits for what is asked for next.
    pub(super) fn next_urgency(&self) -> Urgency {
        if self.next_preferred().is_some() { Urgency::Interactive } else { self.wanted.urgency }
    }
}

/// What becomes of a request that is on its way.
#[derive(PartialEq, Eq)]
enum Fate {
    GoesOn,
    Hurries,
    Cancelled,
}

impl Download {
    /// These pieces of a blob are read next; none where nobody reads it.
    pub(super) fn prefer(&mut self, blob: BlobId, readers: Vec<Vec<u32>>, out: &mut Vec<Output>) {
        let Some(transfer) = self.transfers.get_mut(&blob) else { return };
        if transfer.preferred.is_empty() && readers.is_empty() {
            return;
        }
        let before = std::mem::replace(&mut transfer.preferred, Preference::new(readers, transfer.missing.count()));
        let mut still_missing =
            before.order.iter().copied().filter(|index| transfer.missing.contains(*index)).peekable();
        let is_done = still_missing.peek().is_none();
        let leaves = still_missing.any(|index| !transfer.preferred.contains(index));
        let heads = transfer.preferred.heads(|index| transfer.missing.contains(index));
        let mut hurries = Vec::new();
        let mut cancelled = BTreeSet::new();
        for (&node, source) in &self.sources {
            for (&request, open) in source.open.iter().filter(|(_, open)| open.blob == blob) {
                match fate(transfer, open, &heads, is_done, leaves) {
                    Fate::GoesOn => {}
                    Fate::Hurries => hurries.push((node, request)),
                    Fate::Cancelled => {
                        cancelled.insert((node, request));
                    }
                }
            }
        }
        let recipe = transfer.recipe_stands_before_readers();
        self.hurry_all(&hurries, out);
        self.cancel_where(out, |node, request, _| cancelled.contains(&(node, request)));
        if let Some((node, request)) = recipe {
            self.forgo_recipe(node, request, blob, out);
        }
        self.place(blob);
    }

    /// A source fetches the blob itself before it can make its recipe: whoever reads it meanwhile does not wait for that.
    pub(super) fn forgo_recipe(&mut self, node: NodeId, request: RequestId, blob: BlobId, out: &mut Vec<Output>) {
        self.cancel_where(out, |at, number, _| (at, number) == (node, request));
        if let Some(transfer) = self.transfers.get_mut(&blob)
            && matches!(transfer.likeness, Likeness::Unasked { .. })
        {
            transfer.likeness = Likeness::Settled;
            self.place(blob);
        }
    }

    pub(super) fn hurry_all(&mut self, requests: &[(NodeId, RequestId)], out: &mut Vec<Output>) {
        for (node, request) in requests {
            if let Some(open) = self.sources.get_mut(node).and_then(|source| source.open.get_mut(request)) {
                open.urgency = Urgency::Interactive;
                out.push(Output::Send(*node, Request::Hurry(*request)));
            }
        }
    }
}

/// `is_done`: all is here that was read until now; `leaves`: some of that is not here, and not read any more.
fn fate(transfer: &Transfer, open: &Open, heads: &BTreeSet<u32>, is_done: bool, leaves: bool) -> Fate {
    let is_read = |index: &u32| transfer.preferred.contains(*index);
    let is_bulk = open.urgency == Urgency::Bulk;
    if transfer.preferred.is_empty() {
        // It would stand in the way of what others wait for, or make a node fetch it that is on the way.
        let is_for_nobody = !is_bulk && transfer.wanted.urgency == Urgency::Bulk && !open.pieces.is_empty();
        return if is_for_nobody && (leaves || open.waiting.is_some()) { Fate::Cancelled } else { Fate::GoesOn };
    }
    if heads.is_empty() {
        return Fate::GoesOn;
    }
    if open.pieces.is_empty() {
        // The recipe or the list alone, without which nothing can be read.
        return if is_bulk { Fate::Hurries } else { Fate::GoesOn };
    }
    let brings_list = open.list && matches!(transfer.list, ListState::Arriving { .. });
    let head_first = open.pieces.first().is_some_and(|first| heads.contains(first));
    let all_read = open.pieces.iter().all(is_read);
    if head_first || all_read {
        return if is_bulk { Fate::Hurries } else { Fate::GoesOn };
    }
    let has_head = open.pieces.iter().any(|index| heads.contains(index));
    let is_in_the_way = if is_bulk { has_head || brings_list } else { has_head || is_done || leaves };
    if is_in_the_way { Fate::Cancelled } else { Fate::GoesOn }
}
