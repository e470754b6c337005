//! What goes out: who may have it, reading it, and fetching for others what is not here.

use kapok_protocol::blob::message::{Answer, Refusal, Route, Urgency};
use kapok_protocol::blob::piece::{PieceList, piece_count};
use kapok_protocol::blob::upload::{Input, Output, Range, ReadError, Ticket, Verdict};
use kapok_protocol::blob::{BlobId, PieceSet};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use tokio::sync::mpsc;

use super::FetchError;
use super::desk::{Desk, Event, Giving, Wish};
use crate::clock::now;

/// Frames that are on their way to a peer's stream: one that is being written and one that is read meanwhile. What a
/// person waits for comes after them.
const FIRST_ROOM_FRAMES: u32 = 2;

impl Desk {
    pub(super) fn giving_opened(&mut self, member: Member, generation: u64, answers: mpsc::Sender<Answer>) {
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
                    Output::Check { ticket, peer, blob, size, urgency, pieces, route } => {
                        // What a person waits for of it is preferred piece by piece; without its list or recipe all of it
                        // is of no use.
                        let person = urgency == Urgency::Interactive;
                        let urgency = if pieces > 0 { Urgency::Bulk } else { urgency };
                        // Somebody waits for it now, while this node's own subscriptions have the night.
                        let wish = Wish { blob, size, home: peer, base: None, urgency, rank: 0, hops: 1 };
                        let verdict = self.check(ticket, peer, wish, route, person);
                        answers.push(Input::Checked { ticket, verdict });
                    }
                    Output::Read { ticket, blob, what } => {
                        answers.push(Input::Read { ticket, read: self.read(&blob, &what) });
                    }
                    Output::Send(peer, answer) => {
                        // It asks on and on, and reads nothing: no more is kept for it.
                        if self.giving.get(&peer).is_some_and(|giving| giving.answers.try_send(answer).is_err()) {
                            self.giving.remove(&peer);
                            answers.push(Input::Gone(peer));
                        }
                    }
                    Output::Recipe { ticket, blob } => self.recipe_wanted(ticket, blob),
                    Output::Awaited(blob) => self.prefer(&blob),
                    Output::Unneeded(blob) => self.unneeded(blob),
                    Output::Penalise(peer, fault) => {
                        let name = self.giving.remove(&peer).map(|giving| giving.member.name);
                        tracing::warn!(node = %peer, name, %fault, "a peer does not keep to the protocol");
                        answers.push(Input::Gone(peer));
                    }
                }
            }
            answers.reverse();
            inputs.extend(answers);
        }
    }

    fn check(&mut self, ticket: Ticket, peer: NodeId, wish: Wish, route: Route, person: bool) -> Verdict {
        let (blob, size) = (wish.blob, wish.size);
        let Some(giving) = self.giving.get(&peer) else { return Verdict::Refused(Refusal::NotAllowed) };
        if !self.backend.may_receive(&giving.member, &blob) {
            return Verdict::Refused(Refusal::NotAllowed);
        }
        match self.backend.size(&blob) {
            Some(held) if held == size => return Verdict::Held,
            Some(_) => return Verdict::Refused(Refusal::Invalid),
            None => {}
        }
        let (home, hops) = match route {
            // Who asks directly may itself be asked for the blob by this node: each would wait for the other.
            Route::Direct => return Verdict::Refused(Refusal::NotHeld),
            Route::Nearby { home } => return self.lend(ticket, peer, Wish { home, ..wish }),
            Route::ThroughTree { home, hops } => (home, hops),
        };
        let next = self.towards(&home);
        // Back where it came from is no way on.
        if next.is_none() || next == Some(peer) {
            return Verdict::Refused(Refusal::NotHeld);
        }
        self.relay(ticket, Wish { home, hops: hops.max(1), ..wish }, person)
    }

    /// Fetches for others what is not here, or lets them wait for what is on its way here anyway.
    fn relay(&mut self, ticket: Ticket, wish: Wish, person: bool) -> Verdict {
        let blob = wish.blob;
        let before = self.moving.get(&blob).map(|moving| moving.wish);
        if before.is_some_and(|before| before.size != wish.size) {
            return Verdict::Refused(Refusal::Invalid);
        }
        let stuck = self.download.progress(blob).is_some_and(|progress| progress.stuck);
        let linked = self.towards(&wish.home).is_some_and(|next| self.links.member(&next).is_some());
        let anew = before.is_none_or(|before| wish.urgency < before.urgency) || stuck;
        // Or a person waits for it, where until now nobody did.
        let calls = anew || (person && self.moving.get(&blob).is_some_and(|moving| moving.tickets.is_empty()));
        match self.begin(wish) {
            Err(reason) => {
                tracing::warn!(%blob, reason, "a blob cannot be taken for others");
                return Verdict::Refused(Refusal::Busy);
            }
            Ok(moving) if calls && !linked && !moving.calling => {
                moving.calling = true;
                self.call(blob, wish.home);
            }
            Ok(_) => {}
        }
        if anew {
            self.want(&blob);
        }
        self.arriving(ticket, &blob, wish.size)
    }

    /// Lets a request wait for a blob that is on its way here.
    pub(super) fn arriving(&mut self, ticket: Ticket, blob: &BlobId, size: u64) -> Verdict {
        let listed = self.lists.contains_key(blob) || piece_count(size) == 1;
        match self.moving.get_mut(blob) {
            // Pieces are passed on once their list is here.
            Some(moving) => {
                if !moving.tickets.contains(&ticket) {
                    moving.tickets.push(ticket);
                }
                let present = if listed { moving.present.clone() } else { PieceSet::empty(piece_count(size)) };
                Verdict::Arriving { present }
            }
            None if self.backend.size(blob).is_some() => Verdict::Held,
            None => Verdict::Refused(Refusal::NotHeld),
        }
    }

    /// Calls the next node in the direction of a blob's home, without holding anything up.
    fn call(&self, blob: BlobId, home: NodeId) {
        let (links, backend, events) = (self.links.clone(), self.backend.clone(), self.events.clone());
        tokio::spawn(async move {
            super::route(&links, &*backend, home).await;
            let _ = events.send(Event::Called(blob));
        });
    }

    pub(super) fn called(&mut self, blob: BlobId) {
        let Some(moving) = self.moving.get_mut(&blob) else { return };
        moving.calling = false;
        self.links_changed();
        if self.download.progress(blob).is_some_and(|progress| progress.stuck) {
            self.fail(&blob, &FetchError::Refused("the way to where it was published is interrupted".to_owned()));
        }
    }

    fn read(&self, blob: &BlobId, what: &Range) -> Result<Vec<u8>, ReadError> {
        match *what {
            Range::List { offset, len } => {
                let arriving = self.lists.get(blob).map(PieceList::to_bytes);
                let list = arriving.or_else(|| self.backend.piece_list(blob)).ok_or(ReadError::Gone)?;
                list.get(offset..offset.saturating_add(len)).map(<[u8]>::to_vec).ok_or(ReadError::Damaged)
            }
            Range::Recipe { offset, len } => {
                let recipe = self.recipes.get(blob).ok_or(ReadError::Gone)?;
                recipe.get(offset..offset.saturating_add(len)).map(<[u8]>::to_vec).ok_or(ReadError::Gone)
            }
            Range::Blob { offset, len } => self.backend.read(blob, offset, len).ok_or(ReadError::Gone),
        }
    }

    /// Nobody waits for a blob any more that is fetched for others.
    fn unneeded(&mut self, blob: BlobId) {
        let Some(moving) = self.moving.get_mut(&blob) else { return };
        moving.tickets.clear();
        self.forget_if_unneeded(&blob);
        self.prefer(&blob);
    }
}
