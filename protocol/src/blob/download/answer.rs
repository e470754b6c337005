//! What an answer changes, and what a false one costs its sender.

use super::likeness::Likeness;
use super::source::Ahead;
use super::transfer::{ListState, Objection, Rejected, Transfer};
use super::{Download, Fault, MAX_FAULTS, MAX_SILENCES, Output, Reason};
use crate::blob::BlobId;
use crate::blob::message::{Answer, Refusal, RequestId, Urgency};
use crate::identity::NodeId;
use crate::time::Timestamp;

/// First pause after "busy"; it doubles with each.
const BUSY_PAUSE_MS: u64 = 5_000;
/// Pause after a request stood still.
const STILL_PAUSE_MS: u64 = 60_000;
/// Tries with one source for one blob before the blob counts as not to be had there.
const MAX_TRIES: u32 = 6;
/// False pieces or lists of one blob before a source is not asked for that blob any more. Two, because one may be a
/// disk's fault that the source has noticed by then.
const MAX_FAULTS_PER_BLOB: u32 = 2;
/// Times that a source may say that it is fetching a blob without sending anything of it, beside one a second and two for
/// each piece.
const MAX_NOTICES: u64 = 32;

impl Download {
    pub(super) fn heard(&mut self, now: Timestamp, node: NodeId) {
        let Some(source) = self.sources.get_mut(&node) else { return };
        let was_given_up = source.silences >= MAX_SILENCES || source.rests_until > now;
        source.heard(now, 0);
        if was_given_up {
            self.place_all();
        }
    }

    pub(super) fn answer(&mut self, now: Timestamp, node: NodeId, answer: Answer, out: &mut Vec<Output>) {
        let Some(source) = self.sources.get_mut(&node) else { return };
        let (request, content) = (answer.request(), answer.content_bytes() as u64);
        let was_given_up = source.silences >= MAX_SILENCES || source.rests_until > now;
        source.heard(now, content);
        self.totals.received_bytes += content;
        if let Some(open) = source.open.get_mut(&request) {
            let (blob, urgency) = (open.blob, open.urgency);
            if content > 0 {
                open.progress_at = now;
                (open.granted, open.waiting, open.notices) = (true, None, 0);
                if urgency == Urgency::Interactive {
                    source.interactive_at = now;
                }
                for open in source.open.values_mut().filter(|open| open.blob == blob) {
                    open.content_at = now;
                }
            }
            if let Some(transfer) = self.transfers.get_mut(&blob) {
                transfer.received_bytes += content;
            }
            self.open_answer(now, node, blob, answer, out);
        } else {
            self.totals.wasted_bytes += content;
            if !source.explains_late(request, content) {
                self.fault(node, None, Fault::Unasked, out);
            }
        }
        if was_given_up {
            self.place_all();
        }
    }

    /// An answer to a request that is open.
    fn open_answer(&mut self, now: Timestamp, node: NodeId, blob: BlobId, answer: Answer, out: &mut Vec<Output>) {
        let (request, content) = (answer.request(), answer.content_bytes() as u64);
        let Some(transfer) = self.transfers.get_mut(&blob) else { return };
        let Some(open) = self.sources.get_mut(&node).and_then(|source| source.open.get_mut(&request)) else { return };
        match answer {
            Answer::List { from_piece, values, .. } => match transfer.take_list(node, request, from_piece, &values) {
                Ok(list) => {
                    let proved = list.is_some();
                    out.extend(list.map(Output::WriteList));
                    self.arrived(node, request, content, None);
                    self.plan(blob, out);
                    if proved {
                        // Until now one source was asked; others may share from here on.
                        self.place(blob);
                    }
                }
                Err(rejected) => self.rejected(node, request, blob, rejected, content, out),
            },
            Answer::Piece { index, offset, bytes, .. } => {
                let asked = open.pieces.contains(&index);
                if asked && transfer.seeding.has_part_of(index) {
                    return match transfer.fill(index, offset as usize, &bytes) {
                        Ok(is_filled) => {
                            self.arrived(node, request, content, is_filled.then_some(index));
                            if is_filled {
                                self.filled(blob, index, out);
                            }
                        }
                        Err(rejected) => self.rejected(node, request, blob, rejected, content, out),
                    };
                }
                let taken =
                    if asked { transfer.take_piece(node, index, offset, &bytes) } else { Err(Rejected::Unasked) };
                match taken {
                    Ok(None) => self.arrived(node, request, content, None),
                    Ok(Some(bytes)) => {
                        let whole = transfer.missing.is_empty();
                        self.totals.verified_bytes += bytes.len() as u64;
                        out.push(Output::WritePiece { blob, index, offset: Transfer::offset(index), bytes });
                        self.arrived(node, request, content, Some(index));
                        if whole {
                            self.complete(blob, out);
                        }
                    }
                    Err(Rejected::OfSeveral) => {
                        transfer.unasked.insert(index);
                        self.totals.wasted_bytes += content;
                        self.arrived(node, request, content, Some(index));
                        self.place(blob);
                    }
                    Err(rejected) => self.rejected(node, request, blob, rejected, content, out),
                }
            }
            Answer::Recipe { offset, total, bytes, .. } => {
                match transfer.take_recipe(node, request, offset, total, &bytes) {
                    Ok(recipe) => {
                        self.arrived(node, request, content, None);
                        self.recipe_came(blob, recipe, out);
                    }
                    Err(rejected) => self.rejected(node, request, blob, rejected, content, out),
                }
            }
            Answer::Refused { reason, .. } => {
                self.object(now, node, blob, Reason::Refused(reason));
                self.end(node, request);
            }
            Answer::Waiting { have_pieces, came_bytes, .. } => {
                open.granted = true;
                open.notices += 1;
                let seconds = now.millis_since(open.asked_at) / 1000;
                if open.notices > MAX_NOTICES + 2 * open.pieces.len() as u64 + seconds {
                    self.fault(node, Some(blob), Fault::Unasked, out);
                    return;
                }
                let makes_recipe = matches!(transfer.likeness, Likeness::Asked { .. });
                if open.recipe
                    && makes_recipe
                    && have_pieces < transfer.missing.count()
                    && !transfer.preferred.is_empty()
                {
                    return self.forgo_recipe(node, request, blob, out);
                }
                if have_pieces >= transfer.missing.count() && !makes_recipe {
                    // Who has all of it has nothing to wait for, but for a recipe.
                    open.waiting = None;
                    return;
                }
                let ahead = Ahead { pieces: have_pieces, bytes: came_bytes };
                if open.waiting.is_none_or(|had| ahead.pieces > had.pieces || ahead.bytes > had.bytes) {
                    open.progress_at = now;
                    open.waiting = Some(ahead);
                }
            }
        }
    }

    /// Content of an open request was taken in; with `finished`, a piece of it is dealt with.
    fn arrived(&mut self, node: NodeId, request: RequestId, content: u64, finished: Option<u32>) {
        let Some(source) = self.sources.get_mut(&node) else { return };
        source.came(request, content);
        let Some(open) = source.open.get_mut(&request) else { return };
        if let Some(index) = finished {
            open.pieces.remove(&index);
        }
        let list_known = |transfer: &Transfer| matches!(transfer.list, ListState::Known(_));
        let recipe_here = |transfer: &Transfer| !matches!(transfer.likeness, Likeness::Asked { .. });
        let transfer = self.transfers.get(&open.blob);
        let list_done = !open.list || transfer.is_some_and(list_known);
        let recipe_done = !open.recipe || transfer.is_some_and(recipe_here);
        if open.pieces.is_empty() && list_done && recipe_done {
            self.end(node, request);
        }
    }

    fn rejected(
        &mut self,
        node: NodeId,
        request: RequestId,
        blob: BlobId,
        rejected: Rejected,
        content: u64,
        out: &mut Vec<Output>,
    ) {
        self.totals.wasted_bytes += content;
        match rejected {
            Rejected::Unasked => self.fault(node, Some(blob), Fault::Unasked, out),
            Rejected::Wrong(fault) => self.fault(node, Some(blob), fault, out),
            Rejected::OfSeveral => self.cancel_where(out, |at, number, _| at == node && number == request),
        }
    }

    /// Notes what a source did wrong, and asks others for what it was to give.
    fn fault(&mut self, node: NodeId, blob: Option<BlobId>, fault: Fault, out: &mut Vec<Output>) {
        out.push(Output::Penalise(node, fault));
        let entry = self.faults.entry(node).or_insert((0, fault));
        *entry = (entry.0 + 1, fault);
        let faults = entry.0;
        if let Some(source) = self.sources.get_mut(&node) {
            source.faults = faults;
        }
        if let Some(transfer) = blob.and_then(|blob| self.transfers.get_mut(&blob)) {
            let tries = transfer.objections.get(&node).map_or(0, |objection| objection.tries) + 1;
            let retry_at = (tries < MAX_FAULTS_PER_BLOB).then_some(Timestamp(0));
            transfer.objections.insert(node, Objection { reason: Reason::Faulty(fault), tries, retry_at });
        }
        let banned = faults >= MAX_FAULTS;
        self.cancel_where(out, |at, _, open| at == node && (banned || Some(open.blob) == blob));
        if banned {
            out.push(Output::Shun(node));
        }
    }

    /// Notes why a source does not give a blob, and whether it may be asked again later.
    pub(super) fn object(&mut self, now: Timestamp, node: NodeId, blob: BlobId, reason: Reason) {
        let Some(transfer) = self.transfers.get_mut(&blob) else { return };
        let tries = transfer.objections.get(&node).map_or(0, |objection| objection.tries) + 1;
        let pause_ms = match reason {
            Reason::Refused(Refusal::Busy) => Some(BUSY_PAUSE_MS << tries.min(MAX_TRIES)),
            Reason::Silent => Some(STILL_PAUSE_MS),
            Reason::Refused(_) | Reason::Faulty(_) => None,
        };
        let retry_at = pause_ms.filter(|_| tries < MAX_TRIES).map(|pause_ms| now.plus_millis(pause_ms));
        transfer.objections.insert(node, Objection { reason, tries, retry_at });
    }
}
