//! The order in which a peer's addresses are tried: QUIC before TCP, one after the other, without waiting for the last.
//!
//! Trying all at once would cost a poor link a handshake for each address, and would often end on TCP, where Kapok's
//! congestion control is not at work: one lost packet of QUIC's handshake is enough. So an address is tried when
//! those before it have failed, or have had their time.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all};
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{Boxed, DialOpts, ListenerId, Transport, TransportError, TransportEvent};
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use tokio::sync::watch;

use super::address::{self, Kind};

/// What each earlier address gets before the next one is tried as well: a handshake over satellite takes 600 ms, and a
/// lost first packet is repeated after 1 s.
const STAGGER: Duration = Duration::from_secs(1);

/// What QUIC gets in addition before TCP is tried: one lost packet, repeated and answered over satellite.
const TCP_HANDICAP: Duration = Duration::from_secs(2);

type Output = (PeerId, StreamMuxerBox);

/// QUIC and TCP as one transport.
pub(super) struct Ordered {
    quic: Boxed<Output>,
    tcp: Boxed<Output>,
    calls: HashMap<PeerId, Vec<Call>>,
}

/// An address that is being tried.
struct Call {
    kind: Kind,
    /// Closed when the attempt has ended, however it did.
    ended: watch::Receiver<()>,
}

impl Call {
    fn is_under_way(&self) -> bool {
        self.ended.has_changed().is_ok()
    }
}

impl Ordered {
    pub(super) fn new(quic: Boxed<Output>, tcp: Boxed<Output>) -> Self {
        Self { quic, tcp, calls: HashMap::new() }
    }

    /// Waits for its turn among the addresses of `peer`, and holds up those that come after it until it is dropped.
    fn turn(&mut self, peer: PeerId, kind: Kind) -> (impl Future<Output = ()> + Send + use<>, watch::Sender<()>) {
        self.calls.retain(|_, calls| {
            calls.retain(Call::is_under_way);
            !calls.is_empty()
        });
        let calls = self.calls.entry(peer).or_default();
        let earlier: Vec<_> = calls.iter().map(|call| call.ended.clone()).collect();
        let patience = patience(kind, calls.iter().map(|call| call.kind));
        let (mine, ended) = watch::channel(());
        calls.push(Call { kind, ended });
        let turn = async move {
            let all_ended = join_all(earlier.into_iter().map(|mut ended| async move {
                // Nothing is ever sent: this returns when the sender is dropped.
                let _ = ended.changed().await;
            }));
            let _ = tokio::time::timeout(patience, all_ended).await;
        };
        (turn, mine)
    }
}

/// How long an address of `kind` gives way to the `earlier` ones.
fn patience(kind: Kind, earlier: impl Iterator<Item = Kind> + Clone) -> Duration {
    let handicap = kind == Kind::Tcp && earlier.clone().any(|kind| kind == Kind::Quic);
    let stagger = STAGGER * u32::try_from(earlier.count()).unwrap_or(u32::MAX);
    if handicap { stagger + TCP_HANDICAP } else { stagger }
}

fn transport_for<'a>(quic: &'a mut Boxed<Output>, tcp: &'a mut Boxed<Output>, kind: Kind) -> &'a mut Boxed<Output> {
    match kind {
        Kind::Quic => quic,
        Kind::Tcp => tcp,
    }
}

impl Transport for Ordered {
    type Output = Output;
    type Error = io::Error;
    type ListenerUpgrade = <Boxed<Output> as Transport>::ListenerUpgrade;
    type Dial = BoxFuture<'static, io::Result<Output>>;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<io::Error>> {
        let Some((kind, _)) = address::parse(&address) else {
            return Err(TransportError::MultiaddrNotSupported(address));
        };
        transport_for(&mut self.quic, &mut self.tcp, kind).listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.quic.remove_listener(id) || self.tcp.remove_listener(id)
    }

    fn dial(&mut self, address: Multiaddr, opts: DialOpts) -> Result<Self::Dial, TransportError<io::Error>> {
        let Some((kind, _)) = address::parse(&address) else {
            return Err(TransportError::MultiaddrNotSupported(address));
        };
        let peer = match address.iter().last() {
            Some(Protocol::P2p(peer)) => Some(peer),
            _ => None,
        };
        let dial = transport_for(&mut self.quic, &mut self.tcp, kind).dial(address, opts)?;
        let Some(peer) = peer else { return Ok(dial.boxed()) };
        let (turn, mine) = self.turn(peer, kind);
        let dial = async move {
            let _mine = mine;
            turn.await;
            dial.await
        };
        Ok(dial.boxed())
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        if let Poll::Ready(event) = Pin::new(&mut self.quic).poll(cx) {
            return Poll::Ready(event);
        }
        Pin::new(&mut self.tcp).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_gives_way_to_quic_and_everybody_to_those_before() {
        let seconds = |kind, earlier: &[Kind]| patience(kind, earlier.iter().copied()).as_secs();
        assert_eq!(seconds(Kind::Quic, &[]), 0);
        assert_eq!(seconds(Kind::Quic, &[Kind::Quic, Kind::Quic]), 2);
        assert_eq!(seconds(Kind::Tcp, &[]), 0);
        assert_eq!(seconds(Kind::Tcp, &[Kind::Tcp]), 1);
        assert_eq!(seconds(Kind::Tcp, &[Kind::Quic]), 3);
    }
}
