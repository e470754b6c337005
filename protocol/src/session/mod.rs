//! The catalogue session: two nodes bring each other up to date.
//!
//! Both open with one digest for each visibility that both may see. Where all are equal, that is the end: one round
//! trip. Else each sends the revocations, certificates and heads that the other may lack, asks for the shelves where
//! the other is further, and serves what it is asked for, in sequence order, in batches. Whatever has arrived is stored,
//! so a session that breaks is continued by the next one after any entry.
//!
//! What one side learns from the other is not offered back to it: a side that has learnt of nothing else since it opened
//! says so when it is done, and the next session begins behind all that ([`Frame::Done`]).
//!
//! Parts: [`message`] (frames), [`codec`] (their bytes), `offer` (digests and heads), `take` (checking what comes),
//! `serve` (batches out).
//!
//! Invariant: nothing is given to a peer that may not see it, and nothing is stored that was not verified.

pub mod codec;
pub mod message;
mod offer;
mod serve;
mod take;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::entry::ShelfId;
use crate::head::Progress;
use crate::membership::Member;
use crate::replica::{Cursor, News, Replica};
use message::{Frame, State, Want};

pub use offer::state;

/// What happens to a session.
#[derive(Clone, Debug)]
pub enum Input {
    /// The stream is open. Comes once, first.
    Opened,
    /// A frame came.
    Frame(Frame),
    /// There is room to send one more frame.
    Ready,
}

/// What a session wants done, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    Send(Frame),
    /// To be stored before the next input is handled.
    Store(Vec<News>),
    /// The place in the peer's journal up to which its heads are known now.
    Remember(Cursor),
    /// Both sides are done.
    Finished,
    /// The peer broke the rules: drop it and say so in the log.
    Fault(Fault),
}

/// How a peer can break the rules of a session.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("a frame came out of turn")]
    OutOfTurn,
    #[error("a certificate does not hold: {0}")]
    Certificate(String),
    #[error("a head does not hold: {0}")]
    Head(String),
    #[error("an entry does not hold: {0}")]
    Entry(String),
    #[error("it offered {0:?}, which this node may not see")]
    NotForUs(ShelfId),
    #[error("it sent of shelf {0}, which was not asked for")]
    NotAsked(u32),
    #[error("it asked for shelf {0}, which was not offered to it")]
    NotOffered(u32),
}

/// What one side opened with.
#[derive(Clone, Copy, Debug)]
struct Opening {
    state: State,
    /// The place in the peer's journal up to which its heads were known.
    known: Option<Cursor>,
    /// Where this node's journal stood. What comes later from others is offered by the next session.
    cursor: Cursor,
}

/// Counts for people and for the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub entries_in: u64,
    pub entries_out: u64,
}

/// One session with one peer.
#[derive(Debug)]
pub struct Session {
    peer: Member,
    remembered: Option<Cursor>,
    counts: Counts,
    /// What this side said when it opened. Both sides compare these same two openings, so that they agree on whether
    /// anything differs even if one of them learns something in between.
    opening: Option<Opening>,
    /// The peer's digests were compared.
    compared: bool,
    /// The place in this node's journal that the peer opened with.
    known_there: Option<Cursor>,
    /// All of the peer's heads, and all of its wants, are here.
    heads_in: bool,
    wants_in: bool,
    /// What the peer said of its shelves, and the certificates that it sent: it knows as much, so it is not told.
    given: Given,
    /// Shelves asked for and not reached yet, by their place, with how far they have been taken.
    asked: BTreeMap<u32, (ShelfId, Progress)>,
    wants_out: Vec<(ShelfId, Want)>,
    /// The shelves whose heads were named to the peer; their places are what it asks with.
    offered: Vec<ShelfId>,
    /// The peer's wants, still to be served.
    serving: VecDeque<(ShelfId, Want)>,
    /// Something could not be taken, so that the peer's heads must be looked at again next time.
    incomplete: bool,
    /// What this side said when it was done: whether it has learnt of more meanwhile.
    done_sent: Option<bool>,
    settled: Option<State>,
    done_received: Option<(Option<Cursor>, bool)>,
    finished: bool,
}

/// What came from the peer.
#[derive(Debug, Default)]
struct Given {
    /// By shelf the hash of the head, and how far the peer has it.
    heads: BTreeMap<ShelfId, ([u8; 32], Progress)>,
    /// How many heads came, known or not.
    named: u32,
    certificates: BTreeSet<[u8; 32]>,
}

impl Session {
    /// A session with `peer`, whose heads are known up to `remembered`.
    #[must_use]
    pub fn new(peer: Member, remembered: Option<Cursor>) -> Self {
        Self {
            peer,
            remembered,
            counts: Counts::default(),
            opening: None,
            compared: false,
            known_there: None,
            heads_in: false,
            wants_in: false,
            given: Given::default(),
            asked: BTreeMap::new(),
            wants_out: Vec::new(),
            offered: Vec::new(),
            serving: VecDeque::new(),
            incomplete: false,
            done_sent: None,
            settled: None,
            done_received: None,
            finished: false,
        }
    }

    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether [`Input::Ready`] would send something.
    #[must_use]
    pub fn has_frames(&self) -> bool {
        !self.finished && (!self.serving.is_empty() || (self.is_through() && self.done_sent.is_none()))
    }

    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether either side has learnt of more since it named its heads. Known when the session is finished.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.done_sent == Some(true) || self.done_received.is_some_and(|(_, more)| more)
    }

    /// What this node had when it was done, where the peer knows all of that: as long as it has the same
    /// ([`state`]), it has nothing to tell. None before the session is finished.
    #[must_use]
    pub fn settled(&self) -> Option<State> {
        self.settled.filter(|_| self.finished && self.done_received.is_some())
    }

    /// Advances the session. Pure: the same inputs over the same replica always give the same outputs.
    pub fn handle(&mut self, input: Input, replica: &dyn Replica, out: &mut Vec<Output>) {
        if self.finished {
            return;
        }
        let result = match input {
            Input::Opened => {
                self.open(replica, out);
                Ok(())
            }
            Input::Ready => {
                self.serve_batch(replica, out);
                Ok(())
            }
            Input::Frame(frame) => self.frame(frame, replica, out),
        };
        if let Err(fault) = result {
            self.finished = true;
            out.push(Output::Fault(fault));
            return;
        }
        self.conclude(replica, out);
    }

    fn frame(&mut self, frame: Frame, replica: &dyn Replica, out: &mut Vec<Output>) -> Result<(), Fault> {
        if self.done_received.is_some() || (!self.compared && !matches!(frame, Frame::Open { .. })) {
            return Err(Fault::OutOfTurn);
        }
        match frame {
            Frame::Open { state, known } => self.compare(&state, known, replica, out),
            Frame::Urgent { entries } => self.take_urgent(entries, replica, out),
            Frame::Certificates { certificates } => self.take_certificates(certificates, replica, out),
            Frame::Heads { heads, last } => self.take_heads(heads, last, replica, out),
            Frame::Wants { wants, last } => self.take_wants(wants, last),
            Frame::Items { parts } => self.take_parts(parts, replica, out),
            Frame::Done { cursor, more } => {
                if !(self.heads_in && self.wants_in && self.asked.is_empty()) {
                    return Err(Fault::OutOfTurn);
                }
                let known = self.opening.and_then(|opening| opening.known);
                self.done_received = Some((cursor.or(known), more));
                Ok(())
            }
        }
    }

    /// Says Done when both directions are through, and finishes when the peer has said it too.
    fn conclude(&mut self, replica: &dyn Replica, out: &mut Vec<Output>) {
        // What this input brought is stored before the next one; only then can be told what else is new.
        let stored = !out.iter().any(|output| matches!(output, Output::Store(news) if !news.is_empty()));
        if self.is_through()
            && stored
            && self.done_sent.is_none()
            && let Some(Opening { cursor: opened, state: at_opening, .. }) = self.opening
        {
            let now = replica.cursor();
            let unchanged = (now == opened).then_some(at_opening);
            let more = unchanged.is_none() && self.is_overtaken(&opened, replica);
            let cursor = if more { opened } else { now };
            if !more {
                self.settled = Some(unchanged.unwrap_or_else(|| state(&self.peer, replica)));
            }
            let cursor = Some(cursor).filter(|cursor| self.known_there != Some(*cursor));
            self.done_sent = Some(more);
            out.push(Output::Send(Frame::Done { cursor, more }));
        }
        if self.done_sent.is_some()
            && let Some((cursor, _)) = self.done_received
        {
            self.finished = true;
            if !self.incomplete
                && let Some(cursor) = cursor
            {
                out.push(Output::Remember(cursor));
            }
            out.push(Output::Finished);
        }
    }

    /// Whether both directions are through.
    fn is_through(&self) -> bool {
        self.heads_in && self.wants_in && self.asked.is_empty() && self.serving.is_empty()
    }
}
