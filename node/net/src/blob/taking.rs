//! What comes in: wants, answers, pieces to the disk.

use std::collections::btree_map::Entry;
use std::time::Instant;

use kapok_protocol::blob::download::{Input, Output, Wanted};
use kapok_protocol::blob::message::{Refusal, Request, Route, Urgency};
use kapok_protocol::blob::piece::PieceList;
use kapok_protocol::blob::recipe::Recipe;
use kapok_protocol::blob::{BlobId, upload};
use kapok_protocol::identity::NodeId;
use tokio::sync::oneshot;

use super::desk::{Asking, Desk, Moving, Wish};
use super::{FetchError, streams};
use crate::clock::now;

/// How often a blob is fetched again whose pieces were right and whose whole was not: the disk is not to be trusted.
const MAX_FAILED_FINISHES: u32 = 3;

impl Desk {
    /// This node wants a blob.
    pub(super) fn wish(&mut self, wish: Wish, done: Option<oneshot::Sender<Result<(), FetchError>>>) {
        if self.backend.size(&wish.blob).is_some() {
            if let Some(done) = done {
                let _ = done.send(Ok(()));
            }
            return;
        }
        match self.begin(wish) {
            Ok(moving) => {
                let waits = done.is_some();
                moving.own = true;
                moving.waiting.extend(done);
                self.want(&wish.blob);
                if waits && self.sources.is_empty() {
                    // The last link may have gone since the caller looked.
                    self.links_changed();
                }
            }
            Err(reason) => {
                tracing::warn!(blob = %wish.blob, reason, "a blob cannot be taken");
                if let Some(done) = done {
                    let _ = done.send(Err(FetchError::Store(reason)));
                }
            }
        }
    }

    /// Makes a place for a blob that is to come; it is asked for by [`Self::want`].
    pub(super) fn begin(&mut self, wish: Wish) -> Result<&mut Moving, String> {
        let moving = match self.moving.entry(wish.blob) {
            Entry::Occupied(place) => place.into_mut(),
            Entry::Vacant(place) => {
                let mut wish = wish;
                // For its subscriptions the node has looked already.
                let is_sought = wish.base.is_none() && (wish.hops > 0 || wish.urgency == Urgency::Interactive);
                if is_sought && Recipe::suits(wish.size) {
                    wish.base = self.backend.older(&wish.blob);
                }
                // The size comes from an entry, and is looked at before anything is taken for it.
                Wanted::new(wish.blob, wish.size, wish.urgency).map_err(|error| error.to_string())?;
                let mut begun = self.backend.begin(&wish.blob, wish.size)?;
                self.gauge.begins(wish.blob, &begun);
                if let Some(list) = begun.list.take() {
                    self.lists.insert(wish.blob, list);
                }
                place.insert(Moving::new(wish, begun))
            }
        };
        let known = &mut moving.wish;
        if (wish.urgency, wish.rank) < (known.urgency, known.rank) || wish.hops == 0 {
            (known.urgency, known.rank) = (wish.urgency.min(known.urgency), wish.rank);
        }
        known.hops = known.hops.min(wish.hops);
        known.base = known.base.or(wish.base);
        Ok(moving)
    }

    /// Asks for a blob that has its place, or asks anew.
    pub(super) fn want(&mut self, blob: &BlobId) {
        let Some(moving) = self.moving.get_mut(blob) else { return };
        let wish = moving.wish;
        let parts = std::mem::take(&mut moving.parts);
        match Wanted::new(wish.blob, wish.size, wish.urgency) {
            Ok(wanted) => {
                let list = self.lists.get(blob).cloned();
                let has_base = wish.base.is_some_and(|base| self.backend.size(&base).is_some());
                let wanted = wanted.rank(wish.rank).home(wish.home).has_base(has_base);
                let wanted = wanted.resume(moving.present.clone(), list);
                let wanted = wanted.resume_inside(parts).readers(self.readers_of(blob));
                self.take(Input::Want(wanted));
            }
            Err(error) => self.give_up(blob, &FetchError::Store(error.to_string())),
        }
    }

    pub(super) fn unwant(&mut self, blob: BlobId) {
        let Some(moving) = self.moving.get_mut(&blob) else { return };
        moving.own = false;
        self.forget_if_unneeded(&blob);
    }

    /// Forgets a blob that neither this node nor anybody else waits for.
    pub(super) fn forget_if_unneeded(&mut self, blob: &BlobId) {
        let needed = |moving: &Moving| moving.own || !moving.tickets.is_empty() || !moving.waiting.is_empty();
        if !self.moving.get(blob).is_some_and(needed) && !self.readers.need(blob) {
            self.forget(blob);
        }
    }

    /// Nobody waits for it: no more of it is asked for, and what is here stays for another time.
    pub(super) fn forget(&mut self, blob: &BlobId) {
        self.keep_parts_of(*blob);
        if self.moving.remove(blob).is_some() {
            self.lists.remove(blob);
            self.end_reading(blob, &FetchError::NotFetched);
            self.backend.set_aside(blob);
            self.take(Input::Unwant(*blob));
        }
    }

    pub(super) fn source_down(&mut self, node: NodeId) {
        self.sources.remove(&node);
        self.accounts.broke(node);
        self.take(Input::SourceDown(node));
        // With the last link the ticks end, by which this is done otherwise.
        self.keep_parts();
    }

    /// Advances the downloads and does what they want.
    pub(super) fn take(&mut self, input: Input) {
        self.take_from(input, None);
    }

    pub(super) fn take_from(&mut self, input: Input, from: Option<NodeId>) {
        let mut outputs = Vec::new();
        self.download.handle(now(), input, &mut outputs);
        for output in outputs {
            match output {
                Output::Send(node, request) => self.ask(node, request),
                Output::WriteList(list) => self.list(list),
                Output::WritePiece { blob, index, bytes, .. } => self.piece(blob, index, &bytes, from),
                Output::Complete(blob) => self.complete(blob),
                Output::Plan { blob, recipe } => self.plan(blob, recipe),
                Output::Assemble { blob, index, filled } => self.assemble(blob, index, filled),
                Output::Stuck { blob, reasons } => {
                    // Who is being called may give it.
                    if self.moving.get(&blob).is_some_and(|moving| moving.calling) {
                        continue;
                    }
                    let reasons = reasons.iter().map(|(node, reason)| format!("{} {reason}", self.name(node)));
                    let reasons: Vec<_> = reasons.collect();
                    self.fail(&blob, &FetchError::Refused(reasons.join("; ")));
                }
                Output::Penalise(node, fault) => {
                    tracing::warn!(%node, name = self.name(&node), %fault, "a source is asked last from now on");
                }
                Output::Shun(node) => {
                    // Whatever else it sends is not read.
                    if let Some(asking) = self.asking.remove(&node) {
                        asking.task.abort();
                        tracing::warn!(%node, name = self.name(&node), "a source is not asked any more");
                    }
                }
            }
        }
    }

    /// The next node on the way to where a blob was published.
    pub(super) fn towards(&self, home: &NodeId) -> Option<NodeId> {
        let (me, home) = (self.backend.me()?, self.backend.member(home)?);
        me.next_hop(&home)
    }

    fn ask(&mut self, node: NodeId, mut request: Request) {
        if let Request::Want(want) = &mut request
            && let Some(Wish { home, hops, .. }) = self.moving.get(&want.blob).map(|moving| moving.wish)
        {
            // Passed on only in the direction of its home, so that no request goes in circles.
            want.route = if self.towards(&home) == Some(node) {
                Route::ThroughTree { home, hops: hops.saturating_add(1) }
            } else if self.may_lean(&node, &want.blob) {
                Route::Nearby { home }
            } else {
                Route::Direct
            };
            if matches!(want.route, Route::Nearby { .. })
                && let Some(moving) = self.moving.get_mut(&want.blob)
            {
                moving.nearby.insert(node);
            }
        }
        self.say(node, &request);
    }

    /// Writes a request, on the stream that is open or on a new one.
    pub(super) fn say(&mut self, node: NodeId, request: &Request) {
        if !self.asking.contains_key(&node) {
            self.next_generation += 1;
            let generation = self.next_generation;
            let (requests, task) = streams::ask(&self.links, node, generation, &self.events);
            self.asking.insert(node, Asking { generation, requests: Some(requests), task });
            let opening = Request::Received(self.accounts.opening(node));
            if matches!(request, Request::Received(_)) {
                return self.write(node, &opening);
            }
            self.write(node, &opening);
        }
        self.write(node, request);
    }

    fn write(&self, node: NodeId, request: &Request) {
        if let Some(Asking { requests: Some(requests), .. }) = self.asking.get(&node) {
            let request = request.encode();
            self.note(node, |ledger| ledger.wire_bytes_out += streams::wire_bytes(&request));
            let _ = requests.send(request);
        }
    }

    fn list(&mut self, list: PieceList) {
        let blob = list.blob();
        if let Err(reason) = self.backend.keep_list(&list) {
            tracing::info!(%blob, reason, "a piece list was not kept; after a restart it comes again");
        }
        self.lists.insert(blob, list);
        // What an earlier run has left can be proved to others from now on.
        let Some(moving) = self.moving.get(&blob).filter(|moving| !moving.present.is_empty()) else { return };
        for ticket in moving.tickets.clone() {
            let Some(present) = self.moving.get(&blob).map(|moving| moving.present.clone()) else { return };
            self.give(upload::Input::Checked { ticket, verdict: upload::Verdict::Arriving { present } });
        }
    }

    fn piece(&mut self, blob: BlobId, index: u32, bytes: &[u8], from: Option<NodeId>) {
        if !self.moving.contains_key(&blob) {
            return;
        }
        if let Err(reason) = self.backend.write_piece(&blob, index, bytes) {
            tracing::warn!(%blob, reason, "a piece cannot be kept");
            self.give_up(&blob, &FetchError::Store(reason));
            return;
        }
        if let Some(moving) = self.moving.get_mut(&blob) {
            moving.present.insert(index);
            moving.kept.remove(&index);
            if let Some(node) = from {
                moving.from.insert(node, Instant::now());
                moving.last_from = Some(node);
            }
        }
        self.tell_readers(&blob);
        self.give(upload::Input::Arrived { blob, index });
    }

    /// Writes down what has arrived of pieces that are not whole, so that it outlives the process.
    pub(super) fn keep_parts(&mut self) {
        let blobs: Vec<BlobId> = self.moving.keys().copied().collect();
        blobs.into_iter().for_each(|blob| self.keep_parts_of(blob));
    }

    fn keep_parts_of(&mut self, blob: BlobId) {
        let Some(moving) = self.moving.get_mut(&blob) else { return };
        for (index, bytes) in self.download.parts(blob) {
            // Shorter than what was kept: it turned out wrong and came anew.
            let kept = moving.kept.get(&index).copied().filter(|kept| *kept <= bytes.len()).unwrap_or(0);
            if kept == bytes.len() {
                continue;
            }
            // Within a piece, so it fits.
            match self.backend.write_part(&blob, index, kept as u32, &bytes[kept..]) {
                Ok(()) => {
                    moving.kept.insert(index, bytes.len());
                }
                Err(reason) => tracing::debug!(%blob, index, reason, "what has come of a piece was not kept"),
            }
        }
    }

    fn complete(&mut self, blob: BlobId) {
        if !self.moving.contains_key(&blob) {
            return;
        }
        if let Err(reason) = self.backend.finish(&blob) {
            if self.backend.size(&blob).is_none() {
                return self.fetch_again(blob, reason);
            }
            tracing::warn!(%blob, reason, "a blob is here, but not all was noted that follows from it");
        }
        self.lists.remove(&blob);
        self.all_is_here(&blob);
        let _ = self.completions.send(blob);
        let Some(moving) = self.moving.remove(&blob) else { return };
        if let Some(node) = moving.last_from {
            self.note(node, |ledger| ledger.blobs_in += 1);
        }
        for waiting in moving.waiting {
            let _ = waiting.send(Ok(()));
        }
        for ticket in moving.tickets {
            self.give(upload::Input::Checked { ticket, verdict: upload::Verdict::Held });
        }
        self.make_recipe();
    }

    /// The whole is not what its pieces were: what was wrong of it was dropped, and is fetched again.
    fn fetch_again(&mut self, blob: BlobId, reason: String) {
        tracing::warn!(%blob, reason, "a blob did not come out whole");
        let Some(moving) = self.moving.get_mut(&blob) else { return };
        moving.failed_finishes += 1;
        let again = moving.failed_finishes < MAX_FAILED_FINISHES;
        match if again { self.backend.begin(&blob, moving.wish.size) } else { Err(reason) } {
            Ok(begun) => {
                (moving.present, moving.parts) = (begun.present, begun.parts);
                moving.kept.clear();
                self.tell_readers(&blob);
                self.want(&blob);
            }
            Err(reason) => self.give_up(&blob, &FetchError::Store(reason)),
        }
    }

    /// Tells all who wait for a blob that it does not come now. If this node wants it, it stays wanted.
    pub(super) fn fail(&mut self, blob: &BlobId, error: &FetchError) {
        let Some(moving) = self.moving.get_mut(blob) else { return };
        for waiting in moving.waiting.drain(..) {
            let _ = waiting.send(Err(error.clone()));
        }
        let tickets = std::mem::take(&mut moving.tickets);
        self.tell_failure(blob, error);
        // Before the peers' requests end: then nobody else waits for it, and it is not forgotten twice.
        self.forget_if_unneeded(blob);
        for ticket in tickets {
            self.give(upload::Input::Checked { ticket, verdict: upload::Verdict::Refused(Refusal::NotHeld) });
        }
    }

    /// It cannot be stored: this node does not want it either any more, until somebody wants it anew.
    fn give_up(&mut self, blob: &BlobId, error: &FetchError) {
        if let Some(moving) = self.moving.get_mut(blob) {
            moving.own = false;
        }
        self.end_reading(blob, error);
        self.fail(blob, error);
    }
}
