//! A listening UDP socket: what it is reachable at, and the handshakes that arrive.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use if_watch::IfEvent;
use if_watch::tokio::IfWatcher;
use libp2p::PeerId;
use libp2p::core::transport::{ListenerId, TransportEvent};

use super::connection::{self, Connection};
use super::{Error, Event};
use crate::transport::address;

/// Above this many unfinished handshakes on one socket, a newcomer must first show that it really is at the address it
/// sends from (a Retry packet, RFC 9000 §8.1.2: one round trip more). It keeps forged senders from filling the node.
const MAX_UNVALIDATED_HANDSHAKES: usize = 16;

/// A handshake that arrived, on its way to a known peer.
pub type Handshake = BoxFuture<'static, Result<(PeerId, Connection), Error>>;

pub(super) struct Listener {
    id: ListenerId,
    endpoint: quinn::Endpoint,
    plain: Arc<UdpSocket>,
    bound: SocketAddr,
    /// Set where `bound` stands for every interface.
    interfaces: Option<IfWatcher>,
    arriving: BoxFuture<'static, Option<quinn::Incoming>>,
    handshakes: Arc<AtomicUsize>,
    events: VecDeque<Event>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("id", &self.id).field("bound", &self.bound).finish_non_exhaustive()
    }
}

impl Listener {
    /// `plain` is the socket of the endpoint.
    pub(super) fn new(id: ListenerId, endpoint: quinn::Endpoint, plain: UdpSocket) -> io::Result<Self> {
        let bound = endpoint.local_addr()?;
        let mut events = VecDeque::new();
        let interfaces = if bound.ip().is_unspecified() {
            Some(IfWatcher::new()?)
        } else {
            events.push_back(TransportEvent::NewAddress { listener_id: id, listen_addr: address::quic(bound) });
            None
        };
        let arriving = next_arrival(endpoint.clone());
        let plain = Arc::new(plain);
        Ok(Self { id, endpoint, plain, bound, interfaces, arriving, handshakes: Arc::default(), events })
    }

    pub(super) fn id(&self) -> ListenerId {
        self.id
    }

    /// The socket, where packets from it can reach `remote`: same family, and loopback only to loopback.
    pub(super) fn endpoint_for(&self, remote: IpAddr) -> Option<&quinn::Endpoint> {
        let local = self.bound.ip();
        let reaches = local.is_ipv4() == remote.is_ipv4()
            && (local.is_unspecified() || local.is_loopback() == remote.is_loopback());
        reaches.then_some(&self.endpoint)
    }

    /// The socket itself, for packets that are not QUIC's.
    pub(super) fn socket(&self) -> Arc<UdpSocket> {
        Arc::clone(&self.plain)
    }

    /// Takes no more connections; those that are open go on.
    pub(super) fn close(self) {
        self.endpoint.set_server_config(None);
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(event);
            }
            if let Poll::Ready(change) = self.poll_interfaces(cx) {
                self.events.extend(change);
                continue;
            }
            match self.arriving.poll_unpin(cx) {
                Poll::Ready(Some(incoming)) => {
                    self.arriving = next_arrival(self.endpoint.clone());
                    self.events.extend(self.receive(incoming));
                }
                // `None`: the socket's driver has ended. Nothing more will come, and the listener is dropped by whoever
                // ends the node; polling on would find a finished future.
                Poll::Ready(None) => {
                    self.arriving = futures::future::pending().boxed();
                    return Poll::Ready(TransportEvent::ListenerError {
                        listener_id: self.id,
                        error: Error::SocketGone,
                    });
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_interfaces(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let Some(interfaces) = &mut self.interfaces else { return Poll::Pending };
        let listener_id = self.id;
        let event = match interfaces.poll_if_event(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(IfEvent::Up(network))) => self
                .announced(network.addr())
                .map(|socket| TransportEvent::NewAddress { listener_id, listen_addr: address::quic(socket) }),
            Poll::Ready(Ok(IfEvent::Down(network))) => self
                .announced(network.addr())
                .map(|socket| TransportEvent::AddressExpired { listener_id, listen_addr: address::quic(socket) }),
            Poll::Ready(Err(error)) => {
                // The socket itself is fine; only changes of the interfaces go unnoticed from here on.
                self.interfaces = None;
                Some(TransportEvent::ListenerError { listener_id, error: Error::Interfaces(error) })
            }
        };
        Poll::Ready(event)
    }

    /// Where peers reach this socket through an interface with address `ip`, if they can.
    fn announced(&self, ip: IpAddr) -> Option<SocketAddr> {
        let socket = SocketAddr::new(ip, self.bound.port());
        let reachable = ip.is_ipv4() == self.bound.is_ipv4() && address::is_dialable(&address::quic(socket));
        reachable.then_some(socket)
    }

    fn receive(&self, incoming: quinn::Incoming) -> Option<Event> {
        let remote = incoming.remote_address();
        let local = SocketAddr::new(incoming.local_ip().unwrap_or(self.bound.ip()), self.bound.port());
        let unvalidated = !incoming.remote_address_validated() && incoming.may_retry();
        if unvalidated && self.handshakes.load(Ordering::Relaxed) >= MAX_UNVALIDATED_HANDSHAKES {
            // It comes back with a token, as a new arrival. An error would mean that it has one already.
            let _ = incoming.retry();
            return None;
        }
        let handshake = match incoming.accept() {
            Ok(handshake) => handshake,
            Err(error) => {
                tracing::debug!(%remote, %error, "a first packet that begins no connection");
                return None;
            }
        };
        let counted = Counted::new(&self.handshakes);
        let upgrade: Handshake = async move {
            let _counted = counted;
            connection::complete(handshake).await
        }
        .boxed();
        Some(TransportEvent::Incoming {
            listener_id: self.id,
            upgrade,
            local_addr: address::quic(local),
            send_back_addr: address::quic(remote),
        })
    }
}

fn next_arrival(endpoint: quinn::Endpoint) -> BoxFuture<'static, Option<quinn::Incoming>> {
    async move { endpoint.accept().await }.boxed()
}

/// One unfinished handshake, counted while it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Polls `listeners` in turn, beginning behind the one that spoke last, so that a busy one does not silence the others.
pub(super) fn poll_all(listeners: &mut VecDeque<Pin<Box<Listener>>>, cx: &mut Context<'_>) -> Poll<Event> {
    for _ in 0..listeners.len() {
        let Some(mut listener) = listeners.pop_front() else { break };
        let polled = listener.poll(cx);
        listeners.push_back(listener);
        if polled.is_ready() {
            return polled;
        }
    }
    Poll::Pending
}
