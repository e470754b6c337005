//! What comes in: wants, answers, pieces to the disk.

use std::time::Instant;

use kapok_protocol::blob::download::{Input, Output, Wanted};
use kapok_protocol::blob::message::{Answer, Request, Route, Urgency};
use kapok_protocol::blob::{BlobId, PieceSet, upload};
use kapok_protocol::identity::NodeId;
use tokio::sync::oneshot;

use super::desk::{Asking, Desk, Moving, now};
use super::{FetchError, streams};

impl Desk {
    #[allow(clippy::too_many_arguments, reason = "the fields of one event")]
    pub(super) fn want(
        &mut self,
        blob: BlobId,
        size: u64,
        home: NodeId,
        urgency: Urgency,
        rank: u64,
        hops: u8,
        done: Option<oneshot::Sender<Result<(), FetchError>>>,
    ) {
        if self.backend.size(&blob).is_some() {
            if let Some(done) = done {
                let _ = done.send(Ok(()));
            }
            return;
        }
        let present = match self.present(&blob, size) {
            Ok(present) => present,
            Err(reason) => {
                tracing::warn!(%blob, reason, "a blob cannot be taken");
                if let Some(done) = done {
                    let _ = done.send(Err(FetchError::Store(reason)));
                }
                return;
            }
        };
        let moving = self.moving.entry(blob).or_insert_with(|| Moving::new(size, home, hops));
        moving.own |= hops == 0;
        moving.hops = moving.hops.min(hops);
        moving.waiting.extend(done);
        match Wanted::new(blob, size, urgency) {
            Ok(wanted) => {
                let list = self.lists.get(&blob).cloned();
                self.take(Input::Want(wanted.rank(rank).home(home).resume(present, list)));
            }
            Err(error) => self.fail(&blob, &FetchError::Store(error.to_string())),
        }
    }

    fn present(&self, blob: &BlobId, size: u64) -> Result<PieceSet, String> {
        if self.moving.contains_key(blob) {
            // It is on its way already; what is here of it the state machine knows.
            return Ok(PieceSet::empty(0));
        }
        self.backend.begin(blob, size)
    }

    pub(super) fn unwant(&mut self, blob: BlobId) {
        if let Some(moving) = self.moving.get_mut(&blob) {
            moving.own = false;
            if moving.tickets.is_empty() {
                self.moving.remove(&blob);
                self.backend.set_aside(&blob);
                self.take(Input::Unwant(blob));
            }
        }
    }

    pub(super) fn source_down(&mut self, node: NodeId) {
        self.sources.remove(&node);
        self.take(Input::SourceDown(node));
    }

    pub(super) fn answered(&mut self, node: NodeId, answer: Answer) {
        let bytes = answer.content_bytes() as u64;
        self.note(node, |ledger| ledger.bytes_in += bytes);
        self.take_from(Input::Answer(node, answer), Some(node));
    }

    /// Advances the downloads and does what they want.
    pub(super) fn take(&mut self, input: Input) {
        self.take_from(input, None);
    }

    fn take_from(&mut self, input: Input, from: Option<NodeId>) {
        let mut outputs = Vec::new();
        self.download.handle(now(), input, &mut outputs);
        for output in outputs {
            match output {
                Output::Send(node, request) => self.ask(node, request),
                Output::WriteList(list) => {
                    self.lists.insert(list.blob(), list);
                }
                Output::WritePiece { blob, index, bytes, .. } => self.piece(blob, index, &bytes, from),
                Output::Complete(blob) => self.complete(blob),
                Output::Stuck { blob, reasons } => {
                    let reasons: Vec<_> = reasons
                        .iter()
                        .map(|(node, reason)| {
                            let name = self.sources.get(node).map_or_else(|| node.to_string(), |m| m.name.clone());
                            format!("{name} {reason}")
                        })
                        .collect();
                    self.fail(&blob, &FetchError::Refused(reasons.join("; ")));
                }
                Output::Penalise(node, fault) => tracing::warn!(%node, %fault, "a source is asked last from now on"),
            }
        }
    }

    fn ask(&mut self, node: NodeId, mut request: Request) {
        if let Request::Want(want) = &mut request
            && let Some(moving) = self.moving.get(&want.blob)
        {
            // Passed on only in the direction of its home, so that no request goes in circles.
            let towards = self.backend.me().zip(self.backend.member(&moving.home));
            let towards = towards.and_then(|(me, home)| me.next_hop(&home));
            want.route = if towards == Some(node) {
                Route::ThroughTree { home: moving.home, hops: moving.hops.saturating_add(1) }
            } else {
                Route::Direct
            };
        }
        if !self.asking.contains_key(&node) {
            self.next_generation += 1;
            let generation = self.next_generation;
            let requests = streams::ask(&self.links, node, generation, &self.events);
            self.asking.insert(node, Asking { generation, requests });
        }
        if let Some(asking) = self.asking.get(&node) {
            let _ = asking.requests.send(request);
        }
    }

    fn piece(&mut self, blob: BlobId, index: u32, bytes: &[u8], from: Option<NodeId>) {
        if let Err(reason) = self.backend.write_piece(&blob, index, bytes) {
            tracing::warn!(%blob, reason, "a piece cannot be kept");
            self.fail(&blob, &FetchError::Store(reason));
            self.moving.remove(&blob);
            self.backend.set_aside(&blob);
            self.take(Input::Unwant(blob));
            return;
        }
        if let (Some(moving), Some(node)) = (self.moving.get_mut(&blob), from) {
            moving.from.insert(node, Instant::now());
            moving.last_from = Some(node);
        }
        self.give(upload::Input::Arrived { blob, index });
    }

    fn complete(&mut self, blob: BlobId) {
        if let Err(reason) = self.backend.finish(&blob) {
            // What was wrong is dropped; the rest of it is fetched again.
            tracing::warn!(%blob, reason, "a blob did not come out whole");
            self.lists.remove(&blob);
            if let Some(moving) = self.moving.remove(&blob) {
                self.want(blob, moving.size, moving.home, Urgency::Bulk, u64::MAX, moving.hops, None);
                if let Some(again) = self.moving.get_mut(&blob) {
                    again.own = moving.own;
                    again.waiting = moving.waiting;
                    again.tickets = moving.tickets;
                }
            }
            return;
        }
        self.lists.remove(&blob);
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
    }

    /// Tells all who wait for a blob that it does not come now. It stays wanted.
    pub(super) fn fail(&mut self, blob: &BlobId, error: &FetchError) {
        let Some(moving) = self.moving.get_mut(blob) else { return };
        for waiting in moving.waiting.drain(..) {
            let _ = waiting.send(Err(error.clone()));
        }
        let tickets = std::mem::take(&mut moving.tickets);
        for ticket in tickets {
            let verdict = upload::Verdict::Refused(kapok_protocol::blob::message::Refusal::NotHeld);
            self.give(upload::Input::Checked { ticket, verdict });
        }
    }
}
