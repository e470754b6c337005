//! Who has a session with whom: one at a time with each peer, shared by all who want one.
//!
//! - Who dials opens the first session, in the flight of its hello; who was dialled waits for it ([`FIRST_PATIENCE`]).
//! - Whoever wants a session while one is running waits for that one's end, whoever opened it. What is newer than its
//!   opening is said at its end ([`Ended::more`]), and brings on the next.
//! - Two that open at the same moment go on with the session of the smaller node id; the other is dropped before
//!   anything was said in it but digests.
//! - A peer that opens another session while one is running has lost the first, or is about to drop the new one: it is
//!   held until the one has ended or the other is dropped, and then goes first ([`HOLD_PATIENCE`]).
//! - With nothing new since the last session ended, a change elsewhere costs no byte ([`Need::Changes`]).
//!
//! Here is what is known of sessions; `sync` runs them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kapok_protocol::identity::NodeId;
use kapok_protocol::session::message::State;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::sync::SyncReport;

/// How long the side that was dialled waits for the first session before it opens one itself.
pub(super) const FIRST_PATIENCE: Duration = Duration::from_secs(10);
/// How long a second session of a peer is held. More than the round trips that it takes to be dropped on a bad day.
pub(super) const HOLD_PATIENCE: Duration = Duration::from_secs(10);

/// How fresh a session has to be for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// One on the present link is enough.
    OnThisLink,
    /// Opened since; or running by now, if nothing was published meanwhile.
    Since(Instant),
    /// As `Since` now, if this node has anything to tell that the peer does not know.
    Changes,
}

/// Whether the hello that the first session goes with has been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialled {
    AwaitsProof,
    Proven,
}

/// How a session ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) report: SyncReport,
    /// One side has learnt of more since it named its heads.
    pub(super) more: bool,
}

pub(super) type Outcome = Option<Result<Ended, Arc<super::SyncError>>>;

/// A session that is running.
#[derive(Clone, Debug)]
pub(super) struct Running {
    id: u64,
    pub(super) ours: bool,
    pub(super) opened: Instant,
    /// The peer has answered.
    pub(super) heard: Arc<AtomicBool>,
    pub(super) cancel: CancellationToken,
    pub(super) outcome: watch::Receiver<Outcome>,
}

/// The right to run a session; its end is told through this.
#[derive(Debug)]
pub(super) struct Ticket {
    pub(super) running: Running,
    told: watch::Sender<Outcome>,
}

/// What is known of the sessions with one peer on the present link.
#[derive(Debug, Default)]
struct Slot {
    running: Option<Running>,
    /// When the last one that ended well was opened, and what it exchanged.
    last: Option<(Instant, SyncReport)>,
    settled: Option<State>,
    /// The peer has dialled; until then its first session is waited for.
    awaited: Option<Instant>,
    /// A second session of the peer waits.
    holds: bool,
}

impl Slot {
    fn running(&mut self) -> Option<&Running> {
        // Whoever ran it is gone without a word.
        if self.running.as_ref().is_some_and(|running| running.outcome.has_changed().is_err()) {
            self.running = None;
        }
        self.running.as_ref()
    }
}

#[derive(Debug, Default)]
pub(super) struct Sessions {
    slots: Mutex<BTreeMap<NodeId, Slot>>,
    next_id: std::sync::atomic::AtomicU64,
    changed: watch::Sender<u64>,
}

/// What somebody who needs a session is to do.
#[derive(Debug)]
pub(super) enum Turn {
    Enough {
        opened: Instant,
        report: SyncReport,
    },
    /// Wait for this one.
    Join(Running),
    /// The peer is about to open one.
    Await(Instant),
    Open(Ticket),
}

/// What becomes of a session that the peer has opened.
#[derive(Debug)]
pub(super) enum Arrival {
    Answer(Ticket),
    /// Another is running.
    Hold(Running),
    /// Two are waiting: one too many.
    Refuse,
}

impl Sessions {
    fn slots(&self) -> MutexGuard<'_, BTreeMap<NodeId, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes whenever a session begins.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn begin(&self, slot: &mut Slot, ours: bool) -> Ticket {
        let (told, outcome) = watch::channel(None);
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let (opened, heard, cancel) = (Instant::now(), Arc::default(), CancellationToken::new());
        let running = Running { id, ours, opened, heard, cancel, outcome };
        slot.running = Some(running.clone());
        slot.awaited = None;
        self.changed.send_modify(|count| *count = count.wrapping_add(1));
        Ticket { running, told }
    }

    /// The first session on a link that this node has dialled, unless there was or is one.
    pub(super) fn first(&self, node: NodeId) -> Option<Ticket> {
        let mut slots = self.slots();
        let slot = slots.entry(node).or_default();
        let due = slot.running().is_none() && slot.last.is_none();
        due.then(|| self.begin(slot, true))
    }

    /// The peer has dialled and proved itself: it opens the first session.
    pub(super) fn await_first(&self, node: NodeId) {
        let mut slots = self.slots();
        let slot = slots.entry(node).or_default();
        if slot.running().is_none() && slot.last.is_none() {
            slot.awaited = Some(Instant::now() + FIRST_PATIENCE);
        }
    }

    /// Whether the peer knows all that this state stands for.
    pub(super) fn is_settled(&self, node: &NodeId, state: &State) -> bool {
        self.slots().get(node).is_some_and(|slot| slot.running.is_none() && slot.settled.as_ref() == Some(state))
    }

    /// What to do for a session that is opened since `since`, or on the present link without.
    pub(super) fn turn(&self, node: NodeId, since: Option<Instant>) -> Turn {
        let mut slots = self.slots();
        let slot = slots.entry(node).or_default();
        if let Some(running) = slot.running() {
            return Turn::Join(running.clone());
        }
        if let Some((opened, report)) = slot.last
            && since.is_none_or(|since| opened >= since)
        {
            return Turn::Enough { opened, report };
        }
        if let Some(until) = slot.awaited.filter(|until| *until > Instant::now()) {
            return Turn::Await(until);
        }
        Turn::Open(self.begin(slot, true))
    }

    /// The peer has opened a session. `me` decides between two that were opened at once. Whoever was told to hold it asks
    /// again with `held`.
    pub(super) fn arrives(&self, me: &NodeId, node: NodeId, held: bool) -> Arrival {
        let mut slots = self.slots();
        let slot = slots.entry(node).or_default();
        let holds = slot.holds;
        match slot.running() {
            Some(running) if running.ours && !running.heard.load(Ordering::Acquire) && node < *me => {
                running.cancel.cancel();
            }
            Some(_) if holds && !held => return Arrival::Refuse,
            Some(running) => {
                let running = running.clone();
                slot.holds = true;
                return Arrival::Hold(running);
            }
            None => {}
        }
        slot.holds &= !held;
        Arrival::Answer(self.begin(slot, false))
    }

    /// A held session was dropped.
    pub(super) fn let_go(&self, node: &NodeId) {
        if let Some(slot) = self.slots().get_mut(node) {
            slot.holds = false;
        }
    }

    /// A session is over; whoever waits for it hears how it went.
    pub(super) fn end(
        &self,
        node: &NodeId,
        ticket: &Ticket,
        result: Result<(Ended, Option<State>), super::SyncError>,
    ) -> Result<Ended, Arc<super::SyncError>> {
        let mut slots = self.slots();
        let slot = slots.get_mut(node).filter(|slot| slot.running.as_ref().is_some_and(|r| r.id == ticket.running.id));
        let result = result.map_err(Arc::new);
        if let Some(slot) = slot {
            slot.running = None;
            if let Ok((ended, settled)) = &result {
                slot.last = Some((ticket.running.opened, ended.report));
                slot.settled = *settled;
            }
        }
        let result = result.map(|(ended, _)| ended);
        let _ = ticket.told.send(Some(result.clone()));
        result
    }

    /// The link is gone, and with it all that ran on it.
    pub(super) fn forget(&self, node: &NodeId) {
        if let Some(running) = self.slots().remove(node).and_then(|slot| slot.running) {
            running.cancel.cancel();
        }
    }

    /// As [`Self::forget`], for all that are not in `linked`.
    pub(super) fn retain(&self, linked: &[NodeId]) {
        let gone: Vec<_> = self.slots().keys().filter(|node| !linked.contains(node)).copied().collect();
        gone.iter().for_each(|node| self.forget(node));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const SMALL: NodeId = NodeId([1; 32]);
    const LARGE: NodeId = NodeId([2; 32]);

    fn done() -> Result<(Ended, Option<State>), crate::link::SyncError> {
        Ok((Ended { report: SyncReport { entries_in: 3, ..SyncReport::default() }, more: false }, None))
    }

    fn open(turn: Turn) -> Ticket {
        let Turn::Open(ticket) = turn else { panic!("{turn:?}") };
        ticket
    }

    fn answer(arrival: Arrival) -> Ticket {
        let Arrival::Answer(ticket) = arrival else { panic!("{arrival:?}") };
        ticket
    }

    #[tokio::test(start_paused = true)]
    async fn who_wants_a_session_while_one_runs_waits_for_its_end() {
        let sessions = Sessions::default();
        let ticket = open(sessions.turn(LARGE, None));
        let Turn::Join(joined) = sessions.turn(LARGE, Some(Instant::now())) else { panic!("there is one") };
        sessions.end(&LARGE, &ticket, done()).unwrap();
        assert_eq!(joined.outcome.borrow().clone().unwrap().unwrap().report.entries_in, 3);
        assert!(matches!(sessions.turn(LARGE, None), Turn::Enough { report, .. } if report.entries_in == 3));
        tokio::time::advance(Duration::from_secs(1)).await;
        open(sessions.turn(LARGE, Some(Instant::now())));
    }

    #[tokio::test(start_paused = true)]
    async fn the_side_that_was_dialled_waits_for_the_first_session_but_not_for_ever() {
        let sessions = Sessions::default();
        sessions.await_first(LARGE);
        assert!(matches!(sessions.turn(LARGE, None), Turn::Await(_)));
        tokio::time::advance(FIRST_PATIENCE).await;
        open(sessions.turn(LARGE, None));
    }

    #[tokio::test(start_paused = true)]
    async fn of_two_sessions_that_cross_that_of_the_smaller_node_goes_on_at_both() {
        let (at_small, at_large) = (Sessions::default(), Sessions::default());
        let of_small = open(at_small.turn(LARGE, None));
        let of_large = open(at_large.turn(SMALL, None));
        let _answered = answer(at_large.arrives(&LARGE, SMALL, false));
        assert!(of_large.running.cancel.is_cancelled());
        assert!(matches!(at_small.arrives(&SMALL, LARGE, false), Arrival::Hold(_)));
        assert!(!of_small.running.cancel.is_cancelled());
        // Ending the one that lost does not end the one that goes on.
        let _ = at_large.end(&SMALL, &of_large, Err(crate::link::SyncError::Ended));
        assert!(matches!(at_large.turn(SMALL, None), Turn::Join(running) if !running.ours));
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_was_answered_is_not_given_up_for_another() {
        let at_large = Sessions::default();
        let ticket = open(at_large.turn(SMALL, None));
        let running = &ticket.running;
        running.heard.store(true, Ordering::Release);
        assert!(matches!(at_large.arrives(&LARGE, SMALL, false), Arrival::Hold(_)));
        assert!(matches!(at_large.arrives(&LARGE, SMALL, false), Arrival::Refuse));
        assert!(!running.cancel.is_cancelled());
    }
}
