//! Who is asked for what, and when: the queue, the choice of a source, and what happens when one falls silent.

use std::collections::BTreeSet;

use super::likeness::Likeness;
use super::source::Open;
use super::transfer::{Key, ListState, Place, Transfer};
use super::{
    Download, Fault, LONE_SILENCE_MS, MAX_FAULTS, MAX_SILENCES, MAX_WAITING_MS, Output, Reason, SILENCE_MS,
    STANDSTILL_MS, WAITING_MS,
};
use crate::blob::BlobId;
use crate::blob::message::{Request, RequestId, Route, Urgency, Want};
use crate::identity::NodeId;
use crate::time::Timestamp;

/// How many blobs at the head of the queue are looked at for a source with room. The blobs there may all wait for one
/// busy source; looking on through a hundred thousand at every frame would cost more than it brings.
const LOOK_AHEAD: usize = 64;

/// Who can be asked for a blob now.
enum Choice {
    Ask(NodeId),
    /// The right sources have enough to do.
    NoRoom,
    /// Somebody may be asked again at this time.
    Later(Timestamp),
    /// Somebody may be asked when more is allowed.
    Shut,
    Nobody,
}

impl Download {
    /// When [`super::Input::Tick`] is due.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        let deferred = self.deferred.first().map(|(at, _)| *at);
        let silent = self.sources.values().filter_map(|source| {
            let asked = source.open.values().any(|open| open.waiting.is_none());
            asked.then(|| source.heard_at.plus_millis(self.silence_ms()))
        });
        let still = self
            .sources
            .values()
            .flat_map(|source| source.open.values().map(|open| still_until(open, source.interactive_at)));
        deferred.into_iter().chain(silent).chain(still).min()
    }

    /// How long a source that was asked may say nothing.
    fn silence_ms(&self) -> u64 {
        if self.sources.len() > 1 { SILENCE_MS } else { LONE_SILENCE_MS }
    }

    /// Asks for as much as the windows allow.
    pub(super) fn fill(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        if self.sources.is_empty() {
            return;
        }
        for urgency in [Urgency::Interactive, Urgency::Bulk] {
            self.fill_with(now, urgency, out);
        }
    }

    fn fill_with(&mut self, now: Timestamp, urgency: Urgency, out: &mut Vec<Output>) {
        let mut key: Key = (urgency, 0, 0, BlobId([0; 32]));
        let mut passed_over = 0;
        let has_room = |download: &Self| {
            download.sources.values().any(|source| source.room_bytes(urgency) > 0 && download.may_ask(urgency, source))
        };
        while passed_over < LOOK_AHEAD && has_room(self) {
            match self.ready.range(key..).next() {
                Some(&next) if next.0 == urgency => key = next,
                _ => return,
            }
            while self.ready.contains(&key) && self.ask_for(now, key.3, out) {}
            if self.ready.contains(&key) {
                passed_over += 1;
                // The next one: numbers are not used twice, so nothing lies between.
                key.2 += 1;
                key.3 = BlobId([0; 32]);
            }
        }
    }

    /// Sends one request for the blob, or finds its place among those for which none can be sent. False when there
    /// is nothing more to do for it now.
    fn ask_for(&mut self, now: Timestamp, blob: BlobId, out: &mut Vec<Output>) -> bool {
        let Some(transfer) = self.transfers.get(&blob) else { return false };
        match self.choose(now, transfer) {
            Choice::Ask(node) => {
                self.send_want(now, node, blob, out);
                true
            }
            Choice::NoRoom => false,
            Choice::Later(at) => {
                self.move_to(blob, Place::Deferred(at));
                false
            }
            // All are looked at again when more is allowed, or another source comes.
            Choice::Shut => {
                self.move_to(blob, Place::Asked);
                false
            }
            // What is on its way may still fail or bring news; the blob is looked at again then.
            Choice::Nobody if transfer.open_requests > 0 => {
                self.move_to(blob, Place::Asked);
                false
            }
            Choice::Nobody => {
                let reasons = self.reasons(transfer);
                self.move_to(blob, Place::Stuck);
                out.push(Output::Stuck { blob, reasons });
                false
            }
        }
    }

    /// Of the sources that may give the blob, those without faults come first, then the cheapest; among equals the
    /// one with most room.
    fn choose(&self, now: Timestamp, transfer: &Transfer) -> Choice {
        let mut best: Option<((bool, u8), u64, NodeId)> = None;
        let mut later: Option<Timestamp> = None;
        let (mut full, mut shut) = (false, false);
        let urgency = transfer.next_urgency();
        for (&node, source) in &self.sources {
            let objection = transfer.objections.get(&node);
            let never = objection.is_some_and(|objection| objection.retry_at.is_none());
            if never || source.faults >= MAX_FAULTS || source.silences >= MAX_SILENCES {
                continue;
            }
            let retry_at = objection.and_then(|objection| objection.retry_at).unwrap_or_default();
            let from = source.rests_until.max(retry_at);
            if from > now {
                later = Some(later.map_or(from, |later| later.min(from)));
                continue;
            }
            if !self.may_ask(urgency, source) {
                shut = true;
                continue;
            }
            let cost = source.cost_of(transfer.wanted.home == Some(node));
            let (class, room) = ((source.faults > 0, cost), source.room_bytes(urgency));
            if transfer.promised && source.cost == 0 && room == 0 {
                // It may be full of requests that wait for what this node promised.
                full = true;
                continue;
            }
            if best.is_none_or(|(best, most, _)| class < best || (class == best && room > most)) {
                best = Some((class, room, node));
            }
        }
        match (best, later) {
            (Some((_, 0, _)), _) => Choice::NoRoom,
            (Some((_, _, node)), _) => Choice::Ask(node),
            (None, _) if full => Choice::NoRoom,
            (None, Some(at)) => Choice::Later(at),
            (None, None) if shut => Choice::Shut,
            (None, None) => Choice::Nobody,
        }
    }

    fn reasons(&self, transfer: &Transfer) -> Vec<(NodeId, Reason)> {
        let reason = |(&node, source): (&NodeId, &super::source::Source)| {
            let objection = transfer.objections.get(&node).map(|objection| objection.reason);
            let banned = self.faults.get(&node).filter(|(count, _)| *count >= MAX_FAULTS);
            let silent = (source.silences >= MAX_SILENCES).then_some(Reason::Silent);
            Some((node, objection.or(banned.map(|(_, fault)| Reason::Faulty(*fault))).or(silent)?))
        };
        self.sources.iter().filter_map(reason).collect()
    }

    fn send_want(&mut self, now: Timestamp, node: NodeId, blob: BlobId, out: &mut Vec<Output>) {
        let Some(transfer) = self.transfers.get_mut(&blob) else { return };
        let Some(source) = self.sources.get_mut(&node) else { return };
        let (wanted, urgency) = (&transfer.wanted, transfer.next_urgency());
        let run = transfer.next_run(source.room_bytes(urgency));
        let pieces: BTreeSet<u32> = (run.from_piece..run.from_piece + run.count).collect();
        for index in &pieces {
            transfer.unasked.remove(*index);
        }
        let (list, recipe) = (run.list_from.is_some(), run.recipe_from.is_some());
        let open = Open {
            blob,
            urgency,
            list,
            recipe,
            pieces,
            bytes_left: run.bytes,
            granted: false,
            waiting: None,
            notices: 0,
            asked_at: now,
            content_at: now,
            progress_at: now,
        };
        let request = source.ask(now, open);
        if let Likeness::Unasked { bytes } = &mut transfer.likeness {
            transfer.likeness = Likeness::Asked { node, request, bytes: std::mem::take(bytes) };
        }
        if let ListState::Arriving { asked, .. } = &mut transfer.list {
            *asked = Some((node, request));
        }
        transfer.open_requests += 1;
        let route = match wanted.home {
            Some(home) if source.relays => Route::ThroughTree { home, hops: 0 },
            _ => Route::Direct,
        };
        let want = Want {
            request,
            blob,
            size: wanted.size,
            list_from: run.list_from,
            from_piece: run.from_piece,
            from_offset: run.from_offset,
            count: run.count,
            urgency,
            route,
            recipe_from: run.recipe_from,
            holes: run.holes,
        };
        out.push(Output::Send(node, Request::Want(want)));
        self.place(blob);
    }

    /// Puts a blob where it belongs: into the queue if something of it can be asked for.
    pub(super) fn place(&mut self, blob: BlobId) {
        if let Some(transfer) = self.transfers.get(&blob) {
            let place = if transfer.has_work() { Place::Ready(transfer.key()) } else { Place::Asked };
            self.move_to(blob, place);
        }
    }

    pub(super) fn place_all(&mut self) {
        let blobs: Vec<BlobId> = self.transfers.keys().copied().collect();
        blobs.into_iter().for_each(|blob| self.place(blob));
    }

    pub(super) fn move_to(&mut self, blob: BlobId, place: Place) {
        let Some(transfer) = self.transfers.get_mut(&blob) else { return };
        match std::mem::replace(&mut transfer.place, place) {
            old if old == place => return,
            Place::Ready(key) => {
                self.ready.remove(&key);
            }
            Place::Deferred(at) => {
                self.deferred.remove(&(at, blob));
            }
            Place::Asked | Place::Stuck => {}
        }
        match place {
            Place::Ready(key) => {
                self.ready.insert(key);
            }
            Place::Deferred(at) => {
                self.deferred.insert((at, blob));
            }
            Place::Asked | Place::Stuck => {}
        }
    }

    /// Takes a transfer that is being forgotten out of the queues.
    pub(super) fn unplace(&mut self, transfer: &Transfer) {
        match transfer.place {
            Place::Ready(key) => {
                self.ready.remove(&key);
            }
            Place::Deferred(at) => {
                self.deferred.remove(&(at, transfer.wanted.blob));
            }
            Place::Asked | Place::Stuck => {}
        }
    }

    /// A request is over; what has not arrived of it can be asked for again.
    pub(super) fn end(&mut self, node: NodeId, request: RequestId) {
        let open = self.sources.get_mut(&node).and_then(|source| source.end(request));
        if let Some(open) = open {
            self.give_back(node, request, &open);
        }
    }

    pub(super) fn give_back(&mut self, node: NodeId, request: RequestId, open: &Open) {
        let Some(transfer) = self.transfers.get_mut(&open.blob) else { return };
        transfer.open_requests = transfer.open_requests.saturating_sub(1);
        for &index in &open.pieces {
            if transfer.missing.contains(index) {
                transfer.unasked.insert(index);
            }
        }
        if let ListState::Arriving { asked, .. } = &mut transfer.list
            && *asked == Some((node, request))
        {
            *asked = None;
        }
        transfer.recipe_broke_off(node, request);
        self.place(open.blob);
    }

    /// Cancels every open request that is meant.
    pub(super) fn cancel_where(&mut self, out: &mut Vec<Output>, meant: impl Fn(NodeId, RequestId, &Open) -> bool) {
        let mut cancelled = Vec::new();
        for (&node, source) in &mut self.sources {
            let numbers: Vec<RequestId> = source
                .open
                .iter()
                .filter(|(number, open)| meant(node, **number, open))
                .map(|(number, _)| *number)
                .collect();
            for number in numbers {
                cancelled.extend(source.cancel(number).map(|open| (node, number, open)));
            }
        }
        for (node, number, open) in cancelled {
            out.push(Output::Send(node, Request::Cancel(number)));
            self.give_back(node, number, &open);
        }
    }

    /// Moves on from what has taken too long.
    pub(super) fn expire(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        while let Some(&(at, blob)) = self.deferred.first()
            && at <= now
        {
            self.place(blob);
            // `place` leaves it deferred only if nothing of it is left to ask for, which then is its place.
            self.deferred.remove(&(at, blob));
        }
        let mut silent = BTreeSet::new();
        let patience_ms = self.silence_ms();
        for (&node, source) in &mut self.sources {
            let asked = source.open.values().any(|open| open.waiting.is_none());
            if asked && now.millis_since(source.heard_at) >= patience_ms {
                source.silences += 1;
                source.rests_until = now.plus_millis(SILENCE_MS << source.silences.min(MAX_SILENCES));
                silent.insert(node);
                out.push(Output::Penalise(node, Fault::Silent));
            }
        }
        self.cancel_where(out, |node, _, _| silent.contains(&node));

        let mut still = BTreeSet::new();
        for (&node, source) in &self.sources {
            for (&number, open) in &source.open {
                if still_until(open, source.interactive_at) <= now {
                    still.insert((node, number, open.blob));
                }
            }
        }
        for &(node, _, blob) in &still {
            self.object(now, node, blob, Reason::Silent);
        }
        self.cancel_where(out, |node, number, open| still.contains(&(node, number, open.blob)));
    }
}

/// Until when an open request may stand still. Bulk rightly does while the source sends what a person waits for.
fn still_until(open: &Open, interactive_at: Timestamp) -> Timestamp {
    let since = if open.urgency == Urgency::Bulk { open.progress_at.max(interactive_at) } else { open.progress_at };
    match open.waiting {
        Some(_) => since.plus_millis(WAITING_MS).min(open.content_at.plus_millis(MAX_WAITING_MS)),
        None => since.plus_millis(STANDSTILL_MS),
    }
}
