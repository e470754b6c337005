//! The network: how nodes reach each other and what they say there.
//!
//! Reading order: [`transport`] (connections, authenticated by the peer's key) → [`swarm`] (who is connected,
//! dialling, named streams) → [`frame`] (messages on a stream).
//!
//! Invariant: this crate depends on neither `node/library` nor `node/private`, so what is private cannot be named here.

pub mod blob;
mod clock;
pub mod frame;
pub mod link;
pub mod search;
pub mod swarm;
pub mod transport;

pub use libp2p::Multiaddr;
