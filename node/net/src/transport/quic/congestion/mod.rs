//! The congestion controller: what it is, and the one place where it is chosen.
//!
//! `model` is the theory, pure; `adapter` puts it behind quinn's trait; `memory` keeps what a connection found for the
//! next one to the same peer; `prober` ends the silence after an outage and keeps what waits to be sent short. `link` (tests) is a simulated link on which the
//! model's promises are figures.
//!
//! What the layers above do: every connection is [`introduced`](introduce) when its handshake has shown who the peer is,
//! and owns a [`Prober`] that it polls.

mod adapter;
#[cfg(test)]
mod curve;
#[cfg(test)]
mod link;
#[cfg(test)]
mod loopback;
mod memory;
mod model;
mod prober;

use std::sync::Arc;

use libp2p::PeerId;
use quinn::congestion::ControllerFactory;

pub use adapter::Ceiling;
pub use memory::{Path, PathMemory};
pub(super) use prober::{FIRST_SEND_WINDOW_BYTES, Prober};

/// The controller of every QUIC connection of this node, dialled or accepted.
pub(super) fn controller(memory: PathMemory, ceiling: Ceiling) -> Arc<dyn ControllerFactory + Send + Sync> {
    Arc::new(adapter::Factory { memory, ceiling })
}

/// Tells a connection's controller whom it speaks to, so that it may go on where the last one was.
pub(super) fn introduce(connection: &quinn::Connection, peer: PeerId) {
    if let Some(adapter) = adapter::Adapter::of(connection) {
        adapter.introduce(peer);
    }
}
