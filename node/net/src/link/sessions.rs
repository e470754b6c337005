//! One catalogue session at a time with each peer.
//!
//! When a link comes up both sides have reason to open a session, and a person may ask for one besides: each would send
//! all that is new. So whoever wants a session while one goes on, in either direction, joins it. Where both sides open
//! at the same moment, the one with the smaller id is kept: each side finds that out for itself.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kapok_protocol::identity::NodeId;
use tokio::sync::{Notify, watch};

use super::sync::{SyncError, SyncReport};

/// How a session ended.
pub(super) type Outcome = Result<SyncReport, Arc<SyncError>>;

/// Sessions that go on, and how the last one with each linked peer ended.
#[derive(Debug, Default)]
pub(super) struct Sessions(Mutex<BTreeMap<NodeId, Slot>>);

#[derive(Debug, Default)]
struct Slot {
    running: Option<Arc<Run>>,
    /// Of the last that came to its end on this link: where the journal stood when it was opened, and what it brought.
    last: Option<(u64, SyncReport)>,
}

/// A session that goes on.
#[derive(Debug)]
pub(super) struct Run {
    /// Where this node's journal stood when it was opened: what came later is not in it.
    pub(super) position: u64,
    is_ours: bool,
    /// The peer opened one at the same moment, and that one is kept.
    pub(super) yielded: Notify,
    answered: std::sync::atomic::AtomicBool,
    outcome: watch::Sender<Option<Outcome>>,
}

impl Run {
    fn new(position: u64, is_ours: bool) -> Arc<Self> {
        Arc::new(Self {
            position,
            is_ours,
            yielded: Notify::new(),
            answered: std::sync::atomic::AtomicBool::new(false),
            outcome: watch::Sender::new(None),
        })
    }

    /// The peer has said something on it: it takes part.
    pub(super) fn is_answered(&self) {
        self.answered.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Waits for its end.
    pub(super) async fn end(&self) -> Outcome {
        let mut outcome = self.outcome.subscribe();
        let ended = outcome.wait_for(Option::is_some).await;
        ended.ok().and_then(|outcome| outcome.clone()).unwrap_or_else(|| Err(Arc::new(SyncError::Ended)))
    }
}

/// What somebody who wants a session gets.
pub(super) enum Turn<'a> {
    /// It is to run one.
    Begin(Running<'a>),
    /// One goes on.
    Join(Arc<Run>),
}

/// The right to run a session with one peer; it is over when this is dropped.
#[derive(Debug)]
pub(super) struct Running<'a> {
    sessions: &'a Sessions,
    node: NodeId,
    pub(super) run: Arc<Run>,
}

impl Sessions {
    fn slots(&self) -> MutexGuard<'_, BTreeMap<NodeId, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This node wants a session; its journal stands at `position`.
    pub(super) fn want(&self, node: NodeId, position: u64) -> Turn<'_> {
        let mut slots = self.slots();
        let slot = slots.entry(node).or_default();
        if let Some(run) = &slot.running {
            return Turn::Join(run.clone());
        }
        let run = Run::new(position, true);
        slot.running = Some(run.clone());
        Turn::Begin(Running { sessions: self, node, run })
    }

    /// The peer has opened one. `None` where this node has opened one at the same moment and that is to be kept.
    pub(super) fn answer(&self, me: NodeId, node: NodeId, position: u64) -> Option<Running<'_>> {
        let mut slots = self.slots();
        let slot = slots.entry(node).or_default();
        if let Some(run) = slot.running.as_ref().filter(|run| run.is_ours) {
            if me < node && !run.answered.load(std::sync::atomic::Ordering::Relaxed) {
                return None;
            }
            run.yielded.notify_one();
        }
        // A peer that opens another has given up the one before: it was restarted, or its stream broke.
        let run = Run::new(position, false);
        slot.running = Some(run.clone());
        Some(Running { sessions: self, node, run })
    }

    /// The session that goes on, and the last that came to its end on this link.
    pub(super) fn known(&self, node: &NodeId) -> (Option<Arc<Run>>, Option<(u64, SyncReport)>) {
        self.slots().get(node).map_or((None, None), |slot| (slot.running.clone(), slot.last))
    }

    /// The link is gone.
    pub(super) fn forget(&self, node: &NodeId) {
        if let Some(slot) = self.slots().get_mut(node) {
            slot.last = None;
        }
    }
}

impl Running<'_> {
    /// Says how it ended, to all who have joined.
    pub(super) fn finish(self, outcome: Outcome) -> Outcome {
        if let (Ok(report), Some(slot)) = (&outcome, self.sessions.slots().get_mut(&self.node)) {
            slot.last = Some((self.run.position, *report));
        }
        self.run.outcome.send_replace(Some(outcome.clone()));
        outcome
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.sessions.slots().get_mut(&self.node)
            && slot.running.as_ref().is_some_and(|run| Arc::ptr_eq(run, &self.run))
        {
            slot.running = None;
        }
        self.run.outcome.send_if_modified(|outcome| {
            let broke_off = outcome.is_none();
            if broke_off {
                *outcome = Some(Err(Arc::new(SyncError::Ended)));
            }
            broke_off
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const SMALL: NodeId = NodeId([1; 32]);
    const LARGE: NodeId = NodeId([2; 32]);

    fn begin(sessions: &Sessions, node: NodeId) -> Running<'_> {
        match sessions.want(node, 5) {
            Turn::Begin(running) => running,
            Turn::Join(_) => panic!("nothing goes on"),
        }
    }

    #[tokio::test]
    async fn whoever_comes_while_one_goes_on_joins_it() {
        let sessions = Sessions::default();
        for ours in [true, false] {
            let running = if ours { begin(&sessions, LARGE) } else { sessions.answer(SMALL, LARGE, 5).unwrap() };
            let Turn::Join(joined) = sessions.want(LARGE, 7) else { panic!("a second one") };
            assert_eq!(joined.position, 5);
            let report = SyncReport { entries_in: 3, ..SyncReport::default() };
            running.finish(Ok(report)).unwrap();
            assert_eq!(joined.end().await.unwrap(), report);
            assert_eq!(sessions.known(&LARGE).1, Some((5, report)));
        }
        drop(begin(&sessions, LARGE));
    }

    #[tokio::test]
    async fn one_that_breaks_off_holds_nobody_up() {
        let sessions = Sessions::default();
        let running = begin(&sessions, LARGE);
        let Turn::Join(joined) = sessions.want(LARGE, 7) else { panic!("a second one") };
        drop(running);
        joined.end().await.unwrap_err();
        drop(begin(&sessions, LARGE));
    }

    #[tokio::test]
    async fn of_two_that_cross_both_sides_keep_the_same() {
        // The smaller keeps its own, the larger gives its own up.
        let (small, large) = (Sessions::default(), Sessions::default());
        let kept = begin(&small, LARGE);
        let given_up = begin(&large, SMALL);
        assert!(small.answer(SMALL, LARGE, 5).is_none());
        let answering = large.answer(LARGE, SMALL, 5).unwrap();
        given_up.run.yielded.notified().await;
        drop(given_up);
        let Turn::Join(joined) = large.want(SMALL, 5) else { panic!("a second one") };
        assert!(Arc::ptr_eq(&joined, &answering.run));
        drop(kept);
    }

    #[tokio::test]
    async fn a_peer_that_begins_anew_is_answered() {
        let sessions = Sessions::default();
        let old = begin(&sessions, LARGE);
        old.run.is_answered();
        let new = sessions.answer(SMALL, LARGE, 5).unwrap();
        drop(old);
        let Turn::Join(joined) = sessions.want(LARGE, 7) else { panic!("the new one goes on") };
        assert!(Arc::ptr_eq(&joined, &new.run));
    }
}
