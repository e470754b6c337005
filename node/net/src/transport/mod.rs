//! Connections between nodes: QUIC first, TCP where UDP is blocked; IPv4 and IPv6 alike.
//!
//! Both prove the peer's key while they connect (TLS 1.3 with the libp2p certificate extension, or Noise), so that
//! everything above this module knows *who* is at the other end. [`quic`] is Kapok's own, because what decides over a
//! poor link (congestion control, timeouts, windows) cannot be set in libp2p's. TCP with Noise and Yamux is libp2p's.
//! A node that neither can reach is reached through a third that it keeps a connection with (libp2p's circuit relay v2,
//! Noise and Yamux inside), until a hole is punched (`quic/punch.rs`). `order` says which address of a peer is tried when.
//!
//! Addresses: `/ip4/…/udp/PORT/quic-v1`, `/ip6/…/udp/PORT/quic-v1`, `/ip4/…/tcp/PORT`, `/ip6/…/tcp/PORT`, each with or
//! without `/p2p/PEER`; and any of them with `/p2p/RELAY/p2p-circuit`. Names (`/dns4/…`) are resolved before dialling, see `swarm/dial.rs`.

pub mod address;
mod order;
pub mod quic;

use std::time::Duration;

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{Boxed, Transport as _};
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::{PeerId, noise, relay, tcp, yamux};
use tokio_util::task::TaskTracker;

use order::Ordered;

/// How long a connection may take, on either transport, from the first packet until the peer is known. Over satellite
/// (600 ms) with 3 % loss, two lost handshake packets cost about 5 s; 5 s, libp2p's own, gives up on a bad day.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// Streams that a peer may have open at once on one connection. Drivers use a handful; the rest is for bursts.
pub const MAX_STREAMS_PER_CONNECTION: u32 = 256;

/// The transport of a node, and what must end before its ports are free again.
pub struct Transport {
    pub connections: Boxed<(PeerId, StreamMuxerBox)>,
    /// The part of the swarm without which nothing goes through other nodes' relays.
    pub circuits: relay::client::Behaviour,
    /// The tasks that drive QUIC's sockets: close and wait after dropping `connections`.
    pub drivers: TaskTracker,
    /// What is known of the paths to peers.
    pub paths: quic::PathMemory,
    /// The rate that each QUIC connection keeps below.
    pub ceiling: quic::Ceiling,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").field("drivers", &self.drivers.len()).finish_non_exhaustive()
    }
}

/// The transport could not be set up from the node's key.
#[derive(Debug, thiserror::Error)]
pub enum SetUpError {
    #[error("QUIC: {0}")]
    Quic(#[from] quic::SetUpError),
    #[error("Noise (TCP, relays): {0}")]
    Noise(#[from] noise::Error),
}

/// Makes the transport of the node whose key is `keypair`. Must be called inside a tokio runtime.
pub fn build(keypair: &Keypair) -> Result<Transport, SetUpError> {
    let quic = quic::Quic::new(keypair)?;
    let (drivers, paths, ceiling) = (quic.drivers(), quic.path_memory(), quic.ceiling());
    // Lazy: the choice of Noise and of Yamux travels with their first bytes, which saves two round trips.
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(keypair)?)
        .multiplex(yamux_config())
        .timeout(HANDSHAKE_TIMEOUT);
    let (relay, circuits) = relay::client::new(keypair.public().to_peer_id());
    let relay = relay
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(keypair)?)
        .multiplex(yamux_config())
        .timeout(HANDSHAKE_TIMEOUT);
    let quic = quic.map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection))).boxed();
    let tcp = tcp.map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection))).boxed();
    let relay = relay.map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection))).boxed();
    let connections = Ordered::new(quic, tcp, relay).boxed();
    Ok(Transport { connections, circuits, drivers, paths, ceiling })
}

fn yamux_config() -> yamux::Config {
    let mut config = yamux::Config::default();
    config.set_max_num_streams(MAX_STREAMS_PER_CONNECTION as usize);
    config
}
