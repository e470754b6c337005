//! Named streams: drivers open them to a peer and accept them from any.
//!
//! [`Acceptors`] says which protocols this node takes and who takes them; [`Streams`] is the part of the swarm that
//! carries orders to the connections; [`handler`] does the work inside each of them.
//!
//! Many streams are opened at once without waiting for each other, and opening costs no round trip: the protocol's name
//! travels with the first bytes. So a peer that does not speak the protocol shows when the first answer is read
//! ([`is_unsupported`]). Nothing that arrives is lost while a driver is busy: it waits, up to a limit, in its
//! connection.

mod handler;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use kapok_protocol::identity::NodeId;
use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::core::upgrade::NegotiationError;
use libp2p::swarm::behaviour::AddressChange;
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, StreamProtocol, THandler,
    THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId, Stream};
use tokio::sync::{mpsc, oneshot};

use super::node_id;
use handler::Handler;

/// Streams that wait for one driver before connections hold them back.
const ACCEPT_QUEUE: usize = 32;

/// Why no stream was opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    #[error("{0} is not connected; dial it first")]
    NotConnected(NodeId),
    #[error("the connection with {0} ended before the stream was open")]
    Disconnected(NodeId),
    #[error("{0} lets no more streams be opened")]
    Busy(NodeId),
    #[error("{node} opened no stream: {reason}")]
    Failed { node: NodeId, reason: String },
    #[error("“{0}” is not the name of a protocol (it begins with /)")]
    BadName(String),
    #[error("the network has been shut down")]
    Stopped,
}

/// Why a protocol cannot be accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    #[error("{0} is being accepted already")]
    Taken(&'static str),
    #[error("“{0}” is not the name of a protocol (it begins with /)")]
    BadName(&'static str),
    #[error("the network has been shut down")]
    Stopped,
}

/// Whether reading from a fresh stream failed because the peer does not speak its protocol.
#[must_use]
pub fn is_unsupported(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<NegotiationError>());
    matches!(inner, Some(NegotiationError::Failed))
}

/// Streams of one protocol that peers open, with who opened them. Dropping it refuses the protocol from then on.
#[derive(Debug)]
pub struct IncomingStreams(mpsc::Receiver<(NodeId, Stream)>);

impl IncomingStreams {
    /// The next stream; `None` once the network has been shut down.
    pub async fn next(&mut self) -> Option<(NodeId, Stream)> {
        self.0.recv().await
    }
}

impl futures::Stream for IncomingStreams {
    type Item = (NodeId, Stream);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

/// The protocols that this node accepts. Shared by the handle, which adds, and all connections, which read.
#[derive(Clone, Debug, Default)]
pub(super) struct Acceptors(Arc<Mutex<Registry>>);

#[derive(Debug, Default)]
struct Registry {
    senders: HashMap<StreamProtocol, mpsc::Sender<(NodeId, Stream)>>,
    stopped: bool,
}

impl Acceptors {
    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, protocol: &'static str) -> Result<IncomingStreams, AcceptError> {
        let name = protocol_name(protocol).ok_or(AcceptError::BadName(protocol))?;
        let mut registry = self.lock();
        if registry.stopped {
            return Err(AcceptError::Stopped);
        }
        if registry.senders.get(&name).is_some_and(|sender| !sender.is_closed()) {
            return Err(AcceptError::Taken(protocol));
        }
        let (sender, receiver) = mpsc::channel(ACCEPT_QUEUE);
        registry.senders.insert(name, sender);
        Ok(IncomingStreams(receiver))
    }

    /// Ends all [`IncomingStreams`].
    pub(super) fn stop(&self) {
        let mut registry = self.lock();
        registry.stopped = true;
        registry.senders.clear();
    }

    fn protocols(&self) -> Vec<StreamProtocol> {
        let mut registry = self.lock();
        registry.senders.retain(|_, sender| !sender.is_closed());
        registry.senders.keys().cloned().collect()
    }

    fn sender(&self, protocol: &StreamProtocol) -> Option<mpsc::Sender<(NodeId, Stream)>> {
        self.lock().senders.get(protocol).cloned()
    }
}

pub(super) fn protocol_name(name: &'static str) -> Option<StreamProtocol> {
    name.starts_with('/').then(|| StreamProtocol::new(name))
}

/// What a connection is told.
#[derive(Debug)]
pub(super) enum Order {
    Open {
        protocol: StreamProtocol,
        reply: oneshot::Sender<Result<Stream, OpenError>>,
    },
    /// Whether to stay although nothing is going on.
    Keep(bool),
}

/// A peer is elsewhere now, on the same connection.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) peer: PeerId,
    pub(super) connection: ConnectionId,
    pub(super) address: Multiaddr,
}

/// The swarm's part: makes a [`Handler`] for each connection and passes [`Order`]s on.
#[derive(Debug)]
pub(super) struct Streams {
    acceptors: Acceptors,
    orders: VecDeque<(PeerId, ConnectionId, Order)>,
    moved: VecDeque<Moved>,
}

impl Streams {
    pub(super) fn new(acceptors: Acceptors) -> Self {
        Self { acceptors, orders: VecDeque::new(), moved: VecDeque::new() }
    }

    /// Passes `order` on when the swarm is next polled. If the connection is gone by then, the order is dropped.
    pub(super) fn tell(&mut self, peer: PeerId, connection: ConnectionId, order: Order) {
        self.orders.push_back((peer, connection, order));
    }

    fn handler(&self, peer: &PeerId) -> Result<Handler, ConnectionDenied> {
        let node = node_id(peer).map_err(ConnectionDenied::new)?;
        Ok(Handler::new(node, self.acceptors.clone()))
    }
}

impl NetworkBehaviour for Streams {
    type ConnectionHandler = Handler;
    type ToSwarm = Moved;

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(&peer)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(&peer)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::AddressChange(AddressChange { peer_id: peer, connection_id: connection, new, .. }) = event {
            self.moved.push_back(Moved { peer, connection, address: new.get_remote_address().clone() });
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some(moved) = self.moved.pop_front() {
            return Poll::Ready(ToSwarm::GenerateEvent(moved));
        }
        match self.orders.pop_front() {
            Some((peer_id, connection, event)) => {
                Poll::Ready(ToSwarm::NotifyHandler { peer_id, handler: NotifyHandler::One(connection), event })
            }
            None => Poll::Pending,
        }
    }
}
