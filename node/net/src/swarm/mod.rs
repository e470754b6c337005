//! The swarm: who is connected, calling others, and named streams between nodes.
//!
//! [`Network::start`] binds the ports and starts one task (`task`) that owns libp2p's swarm; a [`Network`] is a handle
//! to it that can be cloned freely. Drivers see node ids, addresses, streams and [`Event`]s, and nothing else of libp2p.
//!
//! Reading order: this file → `task` → `peers` (which connection is used) → `dial` → `streams` → `limits`; then, for nodes
//! behind NAT, `reach` → `relaying` → `reservation` → `relayed` → `punching`.
//!
//! Invariant: whoever appears here as a [`NodeId`] has proved that key on this connection. That says nothing about
//! membership: drivers ask for that first, and then call [`Network::recognise`].

mod dial;
mod limits;
mod neighbours;
mod node_id;
mod peers;
mod punching;
mod reach;
mod reason;
mod relayed;
mod relaying;
mod reservation;
mod start;
mod streams;
mod task;

#[cfg(test)]
mod tests;

use std::fmt;

use kapok_protocol::identity::NodeId;
use libp2p::Multiaddr;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

pub use dial::{Attempt, DialError, Failure};
pub use libp2p::Stream;
pub use neighbours::LinkKind;
pub use node_id::{ForeignKey, InvalidKey, node_id, peer_id};
pub use peers::PeerStatus;
pub use reach::Reach;
pub use start::{Config, StartError};
pub use streams::{AcceptError, IncomingStreams, OpenError, is_unsupported};

use crate::transport::quic::{Ceiling, Path, PathMemory};
use dial::Caller;
use streams::Acceptors;
use task::{Command, Kinds};

/// What happens, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The first connection with this node stands.
    Connected { node: NodeId, address: Multiaddr, inbound: bool },
    /// The last connection with this node is gone.
    Disconnected { node: NodeId, reason: DisconnectReason },
    /// A round trip was measured.
    Rtt { node: NodeId, rtt_ms: u32 },
    /// A node was found on the local network, at one more address ([`Network::neighbours`]).
    Neighbour { node: NodeId },
    /// The reader was too slow and has missed this many events: look at [`Network::connected`] instead.
    Missed(u64),
}

/// Why a peer is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisconnectReason {
    /// This node wanted it.
    Asked,
    /// Nothing was going on, and nobody has recognised the peer.
    Idle,
    /// The peer closed, the link broke, or it gave no more signs of life.
    Lost(String),
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked => f.write_str("closed by this node"),
            Self::Idle => f.write_str("idle"),
            Self::Lost(reason) => f.write_str(reason),
        }
    }
}

/// The [`Event`]s of a network.
#[derive(Debug)]
pub struct Events(broadcast::Receiver<Event>);

impl Events {
    /// The next event; `None` once the network has been shut down.
    pub async fn next(&mut self) -> Option<Event> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Event::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// A handle to the running network. The network ends with [`Network::shutdown`], or when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Network {
    local: NodeId,
    commands: mpsc::Sender<Command>,
    addresses: watch::Receiver<Vec<Multiaddr>>,
    acceptors: Acceptors,
    kinds: Kinds,
    reach: watch::Receiver<Reach>,
    paths: PathMemory,
    ceiling: Ceiling,
}

impl Network {
    /// This node.
    #[must_use]
    pub fn local(&self) -> NodeId {
        self.local
    }

    /// Where this node listens: `0.0.0.0` and `::` as the addresses of the interfaces, port 0 as the port that the
    /// system gave, each with `/p2p/…`. Empty after shutdown.
    #[must_use]
    pub fn listen_addresses(&self) -> Vec<Multiaddr> {
        self.addresses.borrow().clone()
    }

    /// What is known of the paths to other nodes, to be kept across a restart.
    #[must_use]
    pub fn paths(&self) -> Vec<(NodeId, Path)> {
        self.paths.paths().into_iter().filter_map(|(peer, path)| Some((node_id(&peer).ok()?, path))).collect()
    }

    /// Tells what an earlier run knew of the path to a node.
    pub fn remember_path(&self, node: &NodeId, path: Path) {
        if let Ok(peer) = peer_id(node) {
            self.paths.insert(peer, path);
        }
    }

    /// Sends no more than so many bytes a second to any one node over QUIC; `None` finds out what the link takes.
    pub fn limit_rate(&self, bytes_per_second: Option<u64>) {
        self.ceiling.set(bytes_per_second);
    }

    /// Connects with `node`, unless it is connected already. `addresses` may hold names (`/dns4/…`) and may or may not
    /// end in `/p2p/…`. QUIC is tried before TCP, and both before `…/p2p/RELAY/p2p-circuit`; of a connection through a relay
    /// one hears when no hole could be punched. Calls for the same node at the same time share one attempt.
    pub async fn dial(&self, node: NodeId, addresses: Vec<Multiaddr>) -> Result<(), DialError> {
        if node == self.local {
            return Err(DialError::Own(node));
        }
        let peer = peer_id(&node)?;
        let (addresses, failed) = dial::resolve(&peer, addresses).await;
        let ask = |reply| Command::Dial { node, peer, caller: Caller { addresses, failed, reply } };
        self.ask(ask).await.unwrap_or(Err(DialError::Stopped))
    }

    /// Ends all connections with `node`, and returns when they have ended.
    pub async fn disconnect(&self, node: NodeId) {
        let Ok(peer) = peer_id(&node) else { return };
        // `None` means that the network is down: everybody is disconnected.
        let _ = self.ask(|reply| Command::Disconnect { peer, reply }).await;
    }

    /// Says that `node` is no stranger: its connection stays while it is idle (else it is closed after a minute), and it
    /// does not compete with strangers for a place. Holds until [`Network::forget`], also across reconnections.
    pub async fn recognise(&self, node: NodeId) {
        self.set_recognised(node, true).await;
    }

    /// The opposite of [`Network::recognise`]. Connections stay until they are idle; see [`Network::disconnect`].
    pub async fn forget(&self, node: NodeId) {
        self.set_recognised(node, false).await;
    }

    async fn set_recognised(&self, node: NodeId, recognised: bool) {
        let Ok(peer) = peer_id(&node) else { return };
        let _ = self.ask(|reply| Command::Recognise { peer, recognised, reply }).await;
    }

    /// Everybody who is connected, in the order of their ids.
    pub async fn connected(&self) -> Vec<PeerStatus> {
        self.ask(|reply| Command::Connected { reply }).await.unwrap_or_default()
    }

    /// Events from now on, for one more reader.
    pub async fn events(&self) -> Option<Events> {
        self.ask(|reply| Command::Subscribe { reply }).await.map(Events)
    }

    /// Opens a stream to `node`, which must be connected.
    ///
    /// The stream implements futures' `AsyncRead` and `AsyncWrite`. It costs no round trip: the name of the protocol
    /// travels with the first bytes, which are sent on the first flush or read. Hence a peer that does not speak the
    /// protocol shows as an error of the first read ([`is_unsupported`]). Closing a stream ends this node's half.
    /// Dropping it ends both halves and looks to the peer like closing, so a protocol in which it matters that all was
    /// said must say so itself, in a last frame. Read an answer before dropping: a stream that was dropped before its
    /// first answer may never reach the peer's driver.
    pub async fn open(&self, node: NodeId, protocol: &'static str) -> Result<Stream, OpenError> {
        let name = streams::protocol_name(protocol).ok_or_else(|| OpenError::BadName(protocol.to_owned()))?;
        let peer = peer_id(&node).map_err(|_| OpenError::NotConnected(node))?;
        let (reply, answer) = oneshot::channel();
        let open = Command::Open { node, peer, protocol: name, reply };
        self.commands.send(open).await.map_err(|_| OpenError::Stopped)?;
        answer.await.unwrap_or(Err(OpenError::Disconnected(node)))
    }

    /// Accepts streams of `protocol` from now on, from whoever is connected. One reader for each protocol.
    pub fn accept(&self, protocol: &'static str) -> Result<IncomingStreams, AcceptError> {
        self.acceptors.add(protocol)
    }

    /// Where the bytes of the connection with `node` go; [`LinkKind::Wan`] where there is none.
    #[must_use]
    pub fn link_kind(&self, node: &NodeId) -> LinkKind {
        self.kinds.get(node)
    }

    /// Lets others reach this node through `relay` from now on, whenever that is connected and lets it ([`Config::relay`]);
    /// `None`: through nobody.
    pub async fn reserve(&self, relay: Option<NodeId>) {
        let relay = relay.and_then(|relay| peer_id(&relay).ok());
        let _ = self.ask(|reply| Command::Reserve { relay, reply }).await;
    }

    /// How others reach this node, as far as it is known.
    #[must_use]
    pub fn reach(&self) -> Reach {
        *self.reach.borrow()
    }

    /// [`Network::reach`] as it changes.
    #[must_use]
    pub fn reaches(&self) -> watch::Receiver<Reach> {
        self.reach.clone()
    }

    /// Nodes that were found on the local network, connected or not, with their addresses; see [`Event::Neighbour`].
    /// They have proved nothing.
    pub async fn neighbours(&self) -> Vec<(NodeId, Vec<Multiaddr>)> {
        self.ask(|reply| Command::Neighbours { reply }).await.unwrap_or_default()
    }

    /// Ends the network: the peers are told, and the ports are free afterwards (QUIC's as soon as the drivers have
    /// dropped their streams, which fail from now on). Returns after a few seconds at most. Calling it again is harmless.
    pub async fn shutdown(&self) {
        let _ = self.ask(|reply| Command::Shutdown { reply }).await;
        // A second caller waits for the first one's shutdown.
        self.commands.closed().await;
    }

    /// `None` once the network has been shut down.
    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.ok()?;
        answer.await.ok()
    }
}
