//! Likeness to an older version: the recipe is asked for with the piece list, the driver looks what of it is here, and
//! only the holes are fetched.
//!
//! A piece that is here in part is put together by the driver when its holes have come, so that no more of it is in
//! memory than what was fetched; one that is here in full is put together when nothing else is, one at a time. Both are
//! proved like any piece, and one that is wrong is fetched whole. After [`MAX_WRONG`] of them the recipe is dropped.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use super::transfer::{ListState, Rejected, Transfer};
use super::{Download, Fault, Output};
use crate::blob::BlobId;
use crate::blob::message::{Hole, RequestId};
use crate::blob::piece::piece_len;
use crate::blob::recipe::{MAX_HOLES, MAX_RECIPE_BYTES, Recipe, Seed};
use crate::identity::NodeId;

/// Pieces that did not come out right before the rest of the recipe is not believed either.
const MAX_WRONG: u32 = 2;
/// Least bytes in a part of a recipe, but for its end: so nobody holds a blob up with a byte now and then.
const MIN_PART_BYTES: usize = 4096;

/// How far the recipe is.
#[derive(Debug)]
pub(super) enum Likeness {
    /// It is to be asked for, from where it broke off.
    Unasked {
        bytes: Vec<u8>,
    },
    Asked {
        node: NodeId,
        request: RequestId,
        bytes: Vec<u8>,
    },
    /// It is here, and the piece list not yet.
    Known {
        recipe: Recipe,
    },
    /// The driver looks what of it is here.
    Planning,
    /// What is to be had of it is known: perhaps nothing.
    Settled,
}

/// A piece of which something is here.
#[derive(Debug)]
struct Partly {
    /// What is still missing of it, in order.
    holes: VecDeque<Range<usize>>,
    /// What has come of it since: where, and the bytes.
    filled: Vec<(usize, Vec<u8>)>,
}

/// What is made from an older version.
#[derive(Debug, Default)]
pub(super) struct Seeding {
    /// Who gave the recipe.
    from: Option<NodeId>,
    wrong: u32,
    partly: BTreeMap<u32, Partly>,
    /// Pieces that are here in full, to be put together.
    local: VecDeque<u32>,
    /// Those that the driver puts together now, with the bytes that were fetched for them.
    assembling: BTreeMap<u32, u64>,
}

impl Seeding {
    pub(super) fn has_part_of(&self, index: u32) -> bool {
        self.partly.contains_key(&index)
    }

    /// What is to be asked for of a piece that is here in part.
    pub(super) fn holes(&self, index: u32) -> Option<Vec<Hole>> {
        let hole = |hole: &Range<usize>| Hole { offset: hole.start as u32, len: hole.len() as u32 };
        self.partly.get(&index).map(|partly| partly.holes.iter().map(hole).collect())
    }
}

impl Transfer {
    /// Takes in the next part of the recipe. `Some` when it is whole; empty where there is none.
    pub(super) fn take_recipe(
        &mut self,
        node: NodeId,
        request: RequestId,
        offset: u32,
        total: u32,
        more: &[u8],
    ) -> Result<Option<Vec<u8>>, Rejected> {
        let Likeness::Asked { node: asked, request: number, bytes } = &mut self.likeness else {
            return Err(Rejected::Unasked);
        };
        let total = total as usize;
        let rest = total.saturating_sub(bytes.len());
        let continues = offset as usize == bytes.len() && more.len() <= rest && more.len() >= rest.min(MIN_PART_BYTES);
        let fits = total <= MAX_RECIPE_BYTES && (total == 0 || (continues && !more.is_empty()));
        if (*asked, *number) != (node, request) || !fits {
            return Err(Rejected::Unasked);
        }
        bytes.extend_from_slice(more);
        if bytes.len() < total {
            return Ok(None);
        }
        let bytes = if total == 0 { Vec::new() } else { std::mem::take(bytes) };
        self.likeness = Likeness::Settled;
        self.seeding.from = Some(node);
        Ok(Some(bytes))
    }

    /// The request for the recipe is over: what has come of it is kept.
    pub(super) fn recipe_broke_off(&mut self, node: NodeId, request: RequestId) {
        if let Likeness::Asked { node: asked, request: number, bytes } = &mut self.likeness
            && (*asked, *number) == (node, request)
        {
            self.likeness = Likeness::Unasked { bytes: std::mem::take(bytes) };
        }
    }

    /// Takes note of what the driver found.
    fn plan(&mut self, seeds: Vec<Seed>) {
        self.likeness = Likeness::Settled;
        for Seed { index, holes } in seeds {
            let whole = piece_len(self.wanted.size, index);
            let in_order = holes.is_sorted_by(|one, next| one.end < next.start);
            let is_sound = in_order && holes.len() <= MAX_HOLES && holes.iter().all(|hole| hole.end <= whole);
            // Beginnings of pieces that have come already are fetched to their ends.
            if !is_sound || !self.unasked.contains(index) || self.part_len(index) > 0 {
                continue;
            }
            if holes.is_empty() {
                self.unasked.remove(index);
                self.seeding.local.push_back(index);
            } else {
                self.seeding.partly.insert(index, Partly { holes: holes.into(), filled: Vec::new() });
            }
        }
    }

    /// Takes in bytes of a hole. True when no hole is left of the piece.
    pub(super) fn fill(&mut self, index: u32, offset: usize, more: &[u8]) -> Result<bool, Rejected> {
        let Some(partly) = self.seeding.partly.get_mut(&index) else { return Err(Rejected::Unasked) };
        let hole = partly.holes.front_mut().filter(|hole| hole.start == offset && more.len() <= hole.len());
        let Some(hole) = hole.filter(|_| !more.is_empty()) else { return Err(Rejected::Unasked) };
        hole.start += more.len();
        if hole.start == hole.end {
            partly.holes.pop_front();
        }
        partly.filled.push((offset, more.to_vec()));
        Ok(partly.holes.is_empty())
    }

    /// What the driver is to put together now.
    fn next_to_assemble(&mut self, filled: Option<u32>) -> Option<Output> {
        let blob = self.wanted.blob;
        let (index, filled) = match filled {
            Some(index) => (index, self.seeding.partly.remove(&index)?.filled),
            // One at a time, so that the driver does other things between.
            None if !self.seeding.assembling.is_empty() => return None,
            None => (self.seeding.local.pop_front()?, Vec::new()),
        };
        let fetched_bytes = filled.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        self.seeding.assembling.insert(index, fetched_bytes);
        Some(Output::Assemble { blob, index, filled })
    }

    /// Nothing more is made from the older version, but for what is asked for already.
    fn drop_seeding(&mut self) {
        for index in std::mem::take(&mut self.seeding.local) {
            self.unasked.insert(index);
        }
        self.seeding.partly.retain(|index, _| !self.unasked.contains(*index));
    }
}

impl Download {
    /// A recipe came, or word that there is none.
    pub(super) fn recipe_came(&mut self, blob: BlobId, recipe: Option<Vec<u8>>, out: &mut Vec<Output>) {
        let Some((transfer, recipe)) = self.transfers.get_mut(&blob).zip(recipe) else { return };
        // A recipe is a hint; a bad one is as good as none.
        if let Ok(recipe) = Recipe::from_bytes(&recipe, transfer.wanted.size) {
            transfer.likeness = Likeness::Known { recipe };
        }
        self.plan(blob, out);
        self.place(blob);
    }

    /// With recipe and list here, the driver looks what of the blob an older version has.
    pub(super) fn plan(&mut self, blob: BlobId, out: &mut Vec<Output>) {
        let Some(transfer) = self.transfers.get_mut(&blob) else { return };
        if !matches!((&transfer.likeness, &transfer.list), (Likeness::Known { .. }, ListState::Known(_))) {
            return;
        }
        if let Likeness::Known { recipe } = std::mem::replace(&mut transfer.likeness, Likeness::Planning) {
            out.push(Output::Plan { blob, recipe });
        }
    }

    /// The driver has looked.
    pub(super) fn planned(&mut self, blob: BlobId, seeds: Vec<Seed>, out: &mut Vec<Output>) {
        let Some(transfer) = self.transfers.get_mut(&blob) else { return };
        if matches!(transfer.likeness, Likeness::Planning) {
            transfer.plan(seeds);
            out.extend(transfer.next_to_assemble(None));
            self.place(blob);
        }
    }

    /// The holes of a piece have come.
    pub(super) fn filled(&mut self, blob: BlobId, index: u32, out: &mut Vec<Output>) {
        out.extend(self.transfers.get_mut(&blob).and_then(|transfer| transfer.next_to_assemble(Some(index))));
    }

    /// The driver has put a piece together, or could not.
    pub(super) fn assembled(&mut self, blob: BlobId, index: u32, bytes: Option<Vec<u8>>, out: &mut Vec<Output>) {
        let Some(transfer) = self.transfers.get_mut(&blob) else { return };
        let Some(fetched_bytes) = transfer.seeding.assembling.remove(&index) else { return };
        let ListState::Known(list) = &transfer.list else { return };
        match bytes.map(|bytes| list.verify_piece(index, &bytes).map(|()| bytes)) {
            Some(Ok(bytes)) => {
                transfer.missing.remove(index);
                transfer.verified_bytes += bytes.len() as u64;
                self.totals.verified_bytes += bytes.len() as u64;
                out.push(Output::WritePiece { blob, index, offset: Transfer::offset(index), bytes });
                if transfer.missing.is_empty() {
                    return self.complete(blob, out);
                }
            }
            wrong => {
                self.totals.wasted_bytes += fetched_bytes;
                transfer.unasked.insert(index);
                // An older version that is gone is nobody's fault.
                let is_gone = wrong.is_none();
                transfer.seeding.wrong += u32::from(!is_gone);
                if is_gone || transfer.seeding.wrong >= MAX_WRONG {
                    transfer.drop_seeding();
                }
                if !is_gone && let Some(node) = transfer.seeding.from.take() {
                    self.doubt(node, out);
                }
            }
        }
        out.extend(self.transfers.get_mut(&blob).and_then(|transfer| transfer.next_to_assemble(None)));
        self.place(blob);
    }

    /// A recipe did not come out right. Its giver is asked last, but not given up: the older version or what filled the
    /// holes may as well have been wrong.
    fn doubt(&mut self, node: NodeId, out: &mut Vec<Output>) {
        out.push(Output::Penalise(node, Fault::WrongRecipe));
        let faults = self.faults.entry(node).or_insert((1, Fault::WrongRecipe)).0;
        if let Some(source) = self.sources.get_mut(&node) {
            source.faults = faults;
        }
    }
}
