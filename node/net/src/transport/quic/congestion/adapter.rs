//! The model behind quinn's `Controller`.
//!
//! What quinn does with it, read in quinn-proto 0.11: `on_ack` once for each packet of an acknowledgement, then
//! `on_end_acks`, then `on_congestion_event` with the bytes that this acknowledgement showed to be lost (0 bytes: a mark
//! instead of a loss). The round-trip estimate that `on_ack` is given does not yet know of this acknowledgement, so the
//! model takes `now − sent`. A packet is sent while `in_flight + packet < window`.
//!
//! The state is shared by all clones of a controller: quinn clones it for [`quinn::Connection::congestion_state`], which
//! is how a connection's owner reaches it, and when a NAT maps the peer anew, where the path is the same.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use libp2p::PeerId;
use quinn::congestion::{Controller, ControllerFactory};
use quinn_proto::RttEstimator;

use super::memory::PathMemory;
use super::model::Model;

/// How often a path is written to memory and to the trace, at most.
const NOTED_EVERY: Duration = Duration::from_millis(100);

/// The rate that the node allows itself to each peer, in bytes a second; clones share it. For links whose rate is
/// known. 0 stands for none.
#[derive(Clone, Debug, Default)]
pub struct Ceiling(Arc<AtomicU64>);

impl Ceiling {
    /// From the next acknowledgement on.
    pub fn set(&self, bytes_per_second: Option<u64>) {
        self.0.store(bytes_per_second.unwrap_or_default(), Ordering::Relaxed);
    }

    fn get(&self) -> Option<f64> {
        let bytes_per_second = self.0.load(Ordering::Relaxed);
        (bytes_per_second > 0).then_some(bytes_per_second as f64)
    }
}

/// Makes the controllers of all connections of a node.
#[derive(Debug)]
pub(super) struct Factory {
    pub(super) memory: PathMemory,
    pub(super) ceiling: Ceiling,
}

impl ControllerFactory for Factory {
    fn build(self: Arc<Self>, now: Instant, mtu: u16) -> Box<dyn Controller> {
        let state = State { model: Model::new(Duration::ZERO, mtu.into()), peer: None, noted: Duration::ZERO };
        Box::new(Adapter(Arc::new(Shared { factory: self, began: now, state: Mutex::new(state) })))
    }
}

#[derive(Debug)]
struct State {
    model: Model,
    peer: Option<PeerId>,
    noted: Duration,
}

#[derive(Debug)]
struct Shared {
    factory: Arc<Factory>,
    began: Instant,
    state: Mutex<State>,
}

/// The controller of one connection.
#[derive(Clone, Debug)]
pub(super) struct Adapter(Arc<Shared>);

impl Adapter {
    /// The controller of `connection`; `None` if it has another kind.
    pub(super) fn of(connection: &quinn::Connection) -> Option<Self> {
        connection.congestion_state().into_any().downcast().ok().map(|adapter| *adapter)
    }

    /// The handshake has shown who the peer is.
    pub(super) fn introduce(&self, peer: PeerId) {
        let mut state = self.state();
        state.peer = Some(peer);
        if let Some(remembered) = self.0.factory.memory.recall(peer, SystemTime::now()) {
            state.model.resume(remembered);
        }
    }

    /// Nothing is heard of what is in flight.
    pub(super) fn is_stalled(&self, now: Instant) -> bool {
        self.state().model.is_stalled(self.since(now).as_secs_f64())
    }

    /// The peer was heard although nothing in flight was acknowledged: a packet may go out at once.
    pub(super) fn let_through(&self) {
        self.state().model.let_through();
    }

    /// Bytes that are worth having in quinn's hands: in flight, and those that the line takes in `ahead`.
    pub(super) fn sendable(&self, ahead: Duration) -> u64 {
        self.state().model.sendable(ahead.as_secs_f64()) as u64
    }

    fn since(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.0.began)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The model has no step that could be half done when another thread panicked.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For the memory of paths, and for curves (`examples/curve.rs` reads this line).
    fn note(&self, state: &mut State, now: Duration) {
        if now.saturating_sub(state.noted) < NOTED_EVERY {
            return;
        }
        state.noted = now;
        if let (Some(peer), Some(remembered)) = (state.peer, state.model.remember()) {
            self.0.factory.memory.remember(peer, SystemTime::now(), remembered);
        }
        let sample = state.model.sample(now);
        tracing::trace!(
            target: "kapok::path",
            peer = state.peer.map(tracing::field::display),
            at = sample.at,
            window = sample.window,
            in_flight = sample.in_flight,
            rate = sample.delivery_rate,
            rtt = sample.rtt,
            min_rtt = sample.min_rtt,
            phase = ?sample.phase,
        );
    }
}

impl Controller for Adapter {
    fn on_sent(&mut self, now: Instant, bytes: u64, _: u64) {
        self.state().model.sent(self.since(now), bytes);
    }

    fn on_ack(&mut self, _: Instant, sent: Instant, bytes: u64, app_limited: bool, _: &RttEstimator) {
        self.state().model.acked(self.since(sent), bytes, app_limited);
    }

    fn on_end_acks(&mut self, now: Instant, in_flight: u64, _: bool, _: Option<u64>) {
        let mut state = self.state();
        let now = self.since(now);
        state.model.set_ceiling(self.0.factory.ceiling.get());
        state.model.acks_end(now, in_flight);
        self.note(&mut state, now);
    }

    fn on_congestion_event(&mut self, now: Instant, sent: Instant, _: bool, lost_bytes: u64) {
        let model = &mut self.state().model;
        if lost_bytes == 0 {
            model.marked(self.since(now));
        } else {
            model.lost(self.since(now), self.since(sent), lost_bytes);
        }
    }

    fn on_mtu_update(&mut self, mtu: u16) {
        self.state().model.set_mtu(mtu.into());
    }

    fn window(&self) -> u64 {
        // The runtime's clock is the one that quinn reads.
        self.state().model.window(self.since(tokio::time::Instant::now().into_std()))
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(self.clone())
    }

    fn initial_window(&self) -> u64 {
        self.window()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
