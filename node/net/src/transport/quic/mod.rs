//! Kapok's own QUIC transport for libp2p, over quinn.
//!
//! It speaks to every libp2p peer at `/quic-v1` (libp2p specs "quic" and "tls"). Written for Kapok because what decides
//! over poor links is set here and nowhere else: `config` for timeouts, windows and sizes, `congestion` for the
//! controller. Reading order: this file (listening and dialling) → `listener` → `connection` → `stream`.
//!
//! Dialling goes out through a listening socket where one reaches the target, so that peers behind the same NAT mapping
//! or firewall rule see one port; otherwise through one unnamed socket for each address family.
//!
//! Dialling in the role of the listener is hole punching: see `punch`.

mod config;
mod congestion;
mod connection;
mod knock;
mod listener;
mod probes;
mod punch;
mod socket;
mod stream;
mod tls;

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use libp2p::core::Endpoint as Role;
use libp2p::core::transport::{DialOpts, ListenerId, PortUse, TransportError, TransportEvent};
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, Transport};
use tokio_util::task::TaskTracker;

pub use config::SetUpError;
pub use congestion::{Ceiling, Path, PathMemory};
pub use connection::Connection;
pub use listener::Handshake;
pub use stream::Stream;

use super::address::{self, Kind};
use config::Configs;
use listener::Listener;
use punch::Punches;
use socket::TrackedRuntime;

type Event = TransportEvent<Handshake, Error>;

/// The name that TLS asks for where the peer's id is not known before. Names are neither looked up nor sent.
const UNKNOWN_PEER: &str = "unknown";

/// Why a socket or a connection failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("UDP {address}: {source}")]
    Socket { address: SocketAddr, source: io::Error },
    #[error("the network interfaces cannot be watched: {0}")]
    Interfaces(io::Error),
    #[error("the UDP socket is gone")]
    SocketGone,
    #[error("no connection can be begun: {0}")]
    Connect(#[from] quinn::ConnectError),
    #[error(transparent)]
    Connection(#[from] quinn::ConnectionError),
    #[error("no answer within {} s", super::HANDSHAKE_TIMEOUT.as_secs())]
    HandshakeTimedOut,
    #[error("the peer showed no certificate")]
    NoCertificate,
    #[error("the peer's certificate is not a libp2p one: {0}")]
    Certificate(#[from] libp2p_tls::certificate::ParseError),
    #[error("it was silent, and nobody listens at {0} any more")]
    PortClosed(SocketAddr),
    #[error("holes are punched from a listening socket, and none reaches {0}")]
    NoListener(SocketAddr),
    #[error("a hole is being punched to {0} already")]
    PunchesAlready(SocketAddr),
    #[error("nothing came through the hole within {} s", punch::PATIENCE.as_secs())]
    NothingCame,
}

/// The transport: all QUIC sockets of one node.
pub struct Quic {
    configs: Configs,
    runtime: Arc<TrackedRuntime>,
    listeners: VecDeque<Pin<Box<Listener>>>,
    /// Sockets for dialling where no listener reaches, for IPv4 and IPv6.
    unnamed: [Option<quinn::Endpoint>; 2],
    punches: Punches,
    events: VecDeque<Event>,
    waker: Option<Waker>,
}

impl std::fmt::Debug for Quic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Quic").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

impl Quic {
    /// The transport of the node whose (ed25519) key is `keypair`. Its sockets live in the current tokio runtime.
    pub fn new(keypair: &Keypair) -> Result<Self, SetUpError> {
        Ok(Self {
            configs: Configs::new(keypair)?,
            runtime: Arc::new(TrackedRuntime(TaskTracker::new())),
            listeners: VecDeque::new(),
            unnamed: [None, None],
            punches: Punches::default(),
            events: VecDeque::new(),
            waker: None,
        })
    }

    /// What is known of the paths to peers.
    #[must_use]
    pub fn path_memory(&self) -> PathMemory {
        self.configs.memory.clone()
    }

    /// The rate that each connection keeps below.
    #[must_use]
    pub fn ceiling(&self) -> Ceiling {
        self.configs.ceiling.clone()
    }

    /// The tasks behind the sockets. They end by themselves when the transport and all its connections are dropped and
    /// the peers have been told.
    #[must_use]
    pub fn drivers(&self) -> TaskTracker {
        self.runtime.0.clone()
    }

    /// With the socket itself, for packets that are not QUIC's.
    fn listening_endpoint(&self, address: SocketAddr) -> Result<(quinn::Endpoint, UdpSocket), Error> {
        let open = || {
            let socket = socket::bind(address)?;
            let plain = socket.try_clone()?;
            let server = Some(self.configs.server.clone());
            let (config, runtime) = (self.configs.endpoint.clone(), Arc::clone(&self.runtime));
            plain.set_nonblocking(true)?;
            Ok((quinn::Endpoint::new(config, server, socket, runtime as _)?, plain))
        };
        open().map_err(|source| Error::Socket { address, source })
    }

    fn dialling_endpoint(&self, address: SocketAddr) -> Result<quinn::Endpoint, Error> {
        let open = || {
            let socket = socket::bind(address)?;
            quinn::Endpoint::new(self.configs.endpoint.clone(), None, socket, Arc::clone(&self.runtime) as _)
        };
        open().map_err(|source| Error::Socket { address, source })
    }

    /// The socket to dial `remote` from.
    fn dialler(&mut self, remote: IpAddr, port_use: PortUse) -> Result<quinn::Endpoint, Error> {
        let listening = self.listeners.iter().find_map(|listener| listener.endpoint_for(remote));
        if let (PortUse::Reuse, Some(endpoint)) = (port_use, listening) {
            return Ok(endpoint.clone());
        }
        let any: IpAddr = if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let slot = usize::from(remote.is_ipv6());
        if let Some(endpoint) = &self.unnamed[slot] {
            return Ok(endpoint.clone());
        }
        let endpoint = self.dialling_endpoint(SocketAddr::new(any, 0))?;
        self.unnamed[slot] = Some(endpoint.clone());
        Ok(endpoint)
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The socket address of a QUIC address; anything else goes back to the caller, for another transport to try.
fn quic_socket(address: Multiaddr) -> Result<SocketAddr, TransportError<Error>> {
    match address::parse(&address) {
        Some((Kind::Quic, socket)) => Ok(socket),
        _ => Err(TransportError::MultiaddrNotSupported(address)),
    }
}

impl Transport for Quic {
    type Output = (PeerId, Connection);
    type Error = Error;
    type ListenerUpgrade = Handshake;
    type Dial = BoxFuture<'static, Result<Self::Output, Error>>;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<Error>> {
        let socket = quic_socket(address)?;
        let (endpoint, plain) = self.listening_endpoint(socket).map_err(TransportError::Other)?;
        let listener = Listener::new(id, endpoint, plain);
        let listener = listener.map_err(|error| TransportError::Other(Error::Interfaces(error)))?;
        self.listeners.push_back(Box::pin(listener));
        self.wake();
        Ok(())
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        let Some(index) = self.listeners.iter().position(|listener| listener.id() == id) else { return false };
        if let Some(listener) = self.listeners.remove(index) {
            Pin::into_inner(listener).close();
        }
        self.events.push_back(TransportEvent::ListenerClosed { listener_id: id, reason: Ok(()) });
        self.wake();
        true
    }

    fn dial(&mut self, address: Multiaddr, opts: DialOpts) -> Result<Self::Dial, TransportError<Error>> {
        let remote = quic_socket(address.clone())?;
        if remote.port() == 0 || remote.ip().is_unspecified() {
            return Err(TransportError::MultiaddrNotSupported(address));
        }
        if opts.role == Role::Listener {
            let listener = self.listeners.iter().find(|listener| listener.endpoint_for(remote.ip()).is_some());
            let socket = listener.map(|listener| listener.socket()).ok_or(Error::NoListener(remote));
            return socket.and_then(|socket| self.punches.begin(socket, remote)).map_err(TransportError::Other);
        }
        let endpoint = self.dialler(remote.ip(), opts.port_use).map_err(TransportError::Other)?;
        let peer = match address.iter().last() {
            Some(Protocol::P2p(peer)) => Some(peer),
            _ => None,
        };
        let client = self.configs.client_for(peer);
        // Under this name TLS remembers the session, so that calling the same peer again costs fewer bytes.
        let name = peer.map_or_else(|| UNKNOWN_PEER.to_owned(), PeerId::to_base58);
        // Nothing is sent before the future is polled: the swarm staggers the addresses of a peer.
        Ok(async move { connection::complete(endpoint.connect_with(client, remote, &name)?).await }.boxed())
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Event> {
        if let Some(event) = self.events.pop_front() {
            return Poll::Ready(event);
        }
        while let Poll::Ready(event) = listener::poll_all(&mut self.listeners, cx) {
            // What comes through a hole is the answer to the call that punched it.
            if let Some(event) = self.punches.pass_on(event) {
                return Poll::Ready(event);
            }
        }
        self.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}
