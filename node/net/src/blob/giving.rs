//! What goes out: who may have it, reading it, and fetching for others what is not here.

use kapok_protocol::blob::message::{Answer, Refusal, Route, Urgency};
use kapok_protocol::blob::upload::{Input, Output, Range, ReadError, Ticket, Verdict};
use kapok_protocol::blob::{BlobId, PieceSet, download};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use tokio::sync::mpsc;

use super::desk::{Desk, Giving, now};

/// Frames that a peer's stream takes before the first of them is written.
const FIRST_ROOM_FRAMES: u32 = 4;

impl Desk {
    pub(super) fn giving_opened(&mut self, member: Member, generation: u64, answers: mpsc::UnboundedSender<Answer>) {
        let node = member.id;
        // A new stream replaces the old one: the peer has begun anew.
        if self.giving.remove(&node).is_some() {
            self.give(Input::Gone(node));
        }
        self.giving.insert(node, Giving { generation, member, answers });
        self.give(Input::Room { peer: node, frames: FIRST_ROOM_FRAMES });
    }

    /// Advances the uploads and does what they want.
    pub(super) fn give(&mut self, input: Input) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let mut outputs = Vec::new();
            self.upload.handle(now(), input, &mut outputs);
            // What has to be read is read in the order in which it was asked for.
            let mut answers = Vec::new();
            for output in outputs {
                match output {
                    Output::Check { ticket, peer, blob, size, urgency, route } => {
                        let verdict = self.check(ticket, peer, blob, size, urgency, route);
                        answers.push(Input::Checked { ticket, verdict });
                    }
                    Output::Read { ticket, blob, what } => {
                        answers.push(Input::Read { ticket, read: self.read(&blob, &what) });
                    }
                    Output::Send(peer, answer) => {
                        if let Some(giving) = self.giving.get(&peer) {
                            let _ = giving.answers.send(answer);
                        }
                    }
                    Output::Unneeded(blob) => self.unneeded(blob),
                    Output::Penalise(peer, fault) => {
                        tracing::warn!(node = %peer, %fault, "a peer does not keep to the protocol");
                        self.giving.remove(&peer);
                        answers.push(Input::Gone(peer));
                    }
                }
            }
            answers.reverse();
            inputs.extend(answers);
        }
    }

    fn check(
        &mut self,
        ticket: Ticket,
        peer: NodeId,
        blob: BlobId,
        size: u64,
        urgency: Urgency,
        route: Route,
    ) -> Verdict {
        let Some(giving) = self.giving.get(&peer) else { return Verdict::Refused(Refusal::NotAllowed) };
        if !self.backend.may_receive(&giving.member, &blob) {
            return Verdict::Refused(Refusal::NotAllowed);
        }
        match self.backend.size(&blob) {
            Some(held) if held == size => return Verdict::Held,
            Some(_) => return Verdict::Refused(Refusal::Invalid),
            None => {}
        }
        // What is on its way here anyway is passed on as it comes.
        let known = self.moving.contains_key(&blob);
        let Route::ThroughTree { home, hops } = route else {
            if !known {
                return Verdict::Refused(Refusal::NotHeld);
            }
            return self.arriving(ticket, &blob, size);
        };
        if !known {
            let next = self.backend.me().zip(self.backend.member(&home)).and_then(|(me, home)| me.next_hop(&home));
            // Back where it came from is no way on.
            if next.is_none() || next == Some(peer) {
                return Verdict::Refused(Refusal::NotHeld);
            }
            let linked = next.is_some_and(|next| self.sources.contains_key(&next));
            self.want(blob, size, home, urgency, 0, hops.max(1), None);
            if !linked {
                self.call(home);
            }
            if !self.moving.contains_key(&blob) {
                return Verdict::Refused(Refusal::Busy);
            }
        }
        self.arriving(ticket, &blob, size)
    }

    fn arriving(&mut self, ticket: Ticket, blob: &BlobId, size: u64) -> Verdict {
        let Some(moving) = self.moving.get_mut(blob) else { return Verdict::Refused(Refusal::NotHeld) };
        if moving.size != size {
            return Verdict::Refused(Refusal::Invalid);
        }
        moving.tickets.push(ticket);
        // Pieces that came earlier are passed on when the whole is here: their list may not be.
        let count = kapok_protocol::blob::piece::piece_count(size);
        Verdict::Arriving { present: PieceSet::empty(count) }
    }

    /// Calls the next node in the direction of a blob's home, without holding anything up.
    fn call(&self, home: NodeId) {
        let (links, backend) = (self.links.clone(), self.backend.clone());
        tokio::spawn(async move { super::route(&links, &*backend, home).await });
    }

    fn read(&self, blob: &BlobId, what: &Range) -> Result<Vec<u8>, ReadError> {
        match *what {
            Range::List { offset, len } => {
                let arriving = self.lists.get(blob).map(kapok_protocol::blob::piece::PieceList::to_bytes);
                let list = arriving.or_else(|| self.backend.piece_list(blob)).ok_or(ReadError::Gone)?;
                list.get(offset..offset.saturating_add(len)).map(<[u8]>::to_vec).ok_or(ReadError::Damaged)
            }
            Range::Blob { offset, len } => self.backend.read(blob, offset, len).ok_or(ReadError::Gone),
        }
    }

    /// Nobody waits for a blob any more that is fetched for others.
    fn unneeded(&mut self, blob: BlobId) {
        let Some(moving) = self.moving.get_mut(&blob) else { return };
        moving.tickets.clear();
        if !moving.own && moving.waiting.is_empty() {
            self.moving.remove(&blob);
            self.backend.set_aside(&blob);
            self.take(download::Input::Unwant(blob));
        }
    }
}
