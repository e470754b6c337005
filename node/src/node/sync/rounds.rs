//! What is remembered of rounds: how the last ones went, whether one goes on, and who asks for the next.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kapok_http::port::SyncPeer;
use kapok_protocol::identity::NodeId;
use kapok_protocol::time::Timestamp;
use tokio::sync::{Notify, watch};

use crate::node::status::Counted;

/// What a round with one node was like.
#[derive(Clone, Debug)]
pub(in crate::node) struct LastRound {
    pub(in crate::node) at: Timestamp,
    pub(in crate::node) peer: SyncPeer,
}

impl LastRound {
    /// Bytes a second that came, where enough came to tell.
    pub(in crate::node) fn rate_bps(&self) -> Option<u64> {
        let enough = self.peer.seconds > 0.05 && self.peer.bytes_in > 20_000;
        enough.then(|| (self.peer.bytes_in as f64 / self.peer.seconds) as u64)
    }
}

/// Rounds, past and present.
#[derive(Debug, Default)]
pub(in crate::node) struct Rounds {
    state: Mutex<State>,
    pub(super) wake: Notify,
    /// Something changed that makes it worth calling the parent at once.
    pub(super) call: Notify,
    /// Changes when rounds that go on are to look again at what is missing.
    pub(super) look: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    last: BTreeMap<NodeId, LastRound>,
    last_at: Option<Timestamp>,
    /// Whether anybody is linked, and since when it is so.
    linked: Option<(bool, Timestamp)>,
    /// Rounds that go on: a person's beside one of the node's own.
    running: usize,
    counted: Option<Counted>,
}

impl Rounds {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something changed here that others may want.
    pub(in crate::node) fn announce(&self) {
        self.wake.notify_one();
    }

    /// This node has just become a member, or somebody wants the parent now.
    pub(in crate::node) fn call_now(&self) {
        self.call.notify_one();
    }

    pub(in crate::node) fn known(&self) -> BTreeMap<NodeId, LastRound> {
        self.state().last.clone()
    }

    pub(in crate::node) fn last_at(&self) -> Option<Timestamp> {
        self.state().last_at
    }

    /// Since when anybody, or nobody, is linked.
    pub(in crate::node) fn link_since(&self, linked: bool, now: Timestamp) -> Timestamp {
        let mut state = self.state();
        match state.linked {
            Some((known, since)) if known == linked => since,
            _ => {
                state.linked = Some((linked, now));
                now
            }
        }
    }

    pub(in crate::node) fn counted(&self) -> Option<Counted> {
        self.state().counted
    }

    /// Files have come or gone: what was counted of them no longer holds.
    pub(in crate::node) fn recount(&self) {
        let mut state = self.state();
        state.counted = state.counted.map(Counted::stale);
    }

    pub(in crate::node) fn set_counted(&self, counted: Counted) {
        self.state().counted = Some(counted);
    }

    /// A round begins; it is over when the value is dropped.
    pub(super) fn begin(&self) -> Running<'_> {
        self.state().running += 1;
        Running(self)
    }

    /// Whether a round goes on, and when the last one ended.
    pub(super) fn progress(&self) -> (bool, Option<Timestamp>) {
        let state = self.state();
        (state.running > 0, state.last_at)
    }

    /// Notes what a round was like with one node.
    pub(super) fn ended_with(&self, node: NodeId, last: LastRound) {
        let mut state = self.state();
        state.last_at = Some(last.at);
        state.last.insert(node, last);
    }
}

/// A round that goes on.
#[derive(Debug)]
pub(super) struct Running<'a>(&'a Rounds);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
    }
}
