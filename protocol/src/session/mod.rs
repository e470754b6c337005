//! The catalogue session: two nodes bring each other up to date.
//!
//! Both open with one digest for each visibility that both may see. Where all are equal, that is the end: one round
//! trip. Else each sends the revocations, certificates and heads that the other may lack, asks for the shelves where
//! the other is further, and serves what it is asked for, in sequence order, in compressed batches. Whatever has
//! arrived is stored, so a session that breaks is continued by the next one after any entry.
//!
//! Parts: [`message`] (frames), `offer` (digests and heads), `take` (checking what comes), `serve` (batches out).
//!
//! Invariant: nothing is given to a peer that may not see it, and nothing is stored that was not verified.

pub mod message;
mod offer;
mod serve;
mod take;

use std::collections::{BTreeMap, VecDeque};

use crate::entry::ShelfId;
use crate::head::Progress;
use crate::membership::Member;
use crate::replica::{Cursor, News, Replica};
use message::{Frame, ShelvesDigest, Want};

/// What happens to a session.
#[derive(Clone, Debug)]
pub enum Input {
    /// The stream is open. Comes once, first.
    Opened,
    /// A frame came.
    Frame(Frame),
    /// There is room to send one more batch.
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
    #[error("it offered {0:?}, which this node may not see or did not ask for")]
    NotForUs(ShelfId),
    #[error("it asked for {0:?}, which it may not see")]
    NotForIt(ShelfId),
    #[error("a batch cannot be read: {0}")]
    Batch(String),
}

/// What one side opened with.
#[derive(Clone, Debug)]
struct Opening {
    digests: Vec<ShelvesDigest>,
    urgent: [u8; 32],
    certificates: [u8; 32],
    /// Where this node's journal stood. What comes later is offered by the next session.
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
    /// All of the peer's heads, and all of its wants, are here.
    heads_in: bool,
    wants_in: bool,
    /// Shelves asked for, with how far they had been taken when they were asked for.
    asked: BTreeMap<ShelfId, Progress>,
    wants_out: Vec<Want>,
    /// The peer's wants, still to be served.
    serving: VecDeque<Want>,
    /// Something could not be taken, so that the peer's heads must be looked at again next time.
    incomplete: bool,
    done_sent: bool,
    done_received: Option<Cursor>,
    finished: bool,
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
            heads_in: false,
            wants_in: false,
            asked: BTreeMap::new(),
            wants_out: Vec::new(),
            serving: VecDeque::new(),
            incomplete: false,
            done_sent: false,
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
    pub fn has_batches(&self) -> bool {
        !self.finished && !self.serving.is_empty()
    }

    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.finished
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
        self.conclude(out);
    }

    fn frame(&mut self, frame: Frame, replica: &dyn Replica, out: &mut Vec<Output>) -> Result<(), Fault> {
        if self.done_received.is_some() || (!self.compared && !matches!(frame, Frame::Open { .. })) {
            return Err(Fault::OutOfTurn);
        }
        match frame {
            Frame::Open { digests, urgent, certificates, known } => {
                self.compare(&digests, &urgent, &certificates, known, replica, out)
            }
            Frame::Urgent { entries } => self.take_urgent(entries, replica, out),
            Frame::Certificates { certificates } => self.take_certificates(certificates, replica, out),
            Frame::Heads { heads, last } => self.take_heads(heads, last, replica, out),
            Frame::Wants { wants, last } => self.take_wants(wants, last, replica),
            Frame::Items { shelf, batch } => self.take_items(shelf, &batch, replica, out),
            Frame::Reached { shelf, progress } => self.take_reached(shelf, &progress, replica, out),
            Frame::Done { cursor } => {
                if !(self.heads_in && self.wants_in && self.asked.is_empty()) {
                    return Err(Fault::OutOfTurn);
                }
                self.done_received = Some(cursor);
                Ok(())
            }
        }
    }

    /// Says Done when both directions are through, and finishes when the peer has said it too.
    fn conclude(&mut self, out: &mut Vec<Output>) {
        let through = self.heads_in && self.wants_in && self.asked.is_empty() && self.serving.is_empty();
        if through
            && !self.done_sent
            && let Some(Opening { cursor, .. }) = self.opening
        {
            self.done_sent = true;
            out.push(Output::Send(Frame::Done { cursor }));
        }
        if self.done_sent
            && let Some(cursor) = self.done_received
        {
            self.finished = true;
            if !self.incomplete {
                out.push(Output::Remember(cursor));
            }
            out.push(Output::Finished);
        }
    }
}
