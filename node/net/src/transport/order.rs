//! The order in which a peer's addresses are tried: QUIC before TCP, both before the way through a relay, one after the
//! other, without waiting for the last.
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
use libp2p::core::Endpoint as Role;
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

/// What direct addresses get in all before a relay is asked as well: a node behind NAT names a handful of addresses that
/// answer nobody outside, and whoever waits should not wait for each of them.
const RELAY_HANDICAP: Duration = Duration::from_millis(2500);

type Output = (PeerId, StreamMuxerBox);

/// How a call goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Direct(Kind),
    Relayed,
}

impl Way {
    fn of(address: &Multiaddr) -> Option<Self> {
        address::parse(address)
            .map(|(kind, _)| Self::Direct(kind))
            .or_else(|| address::relay_of(address).map(|_| Self::Relayed))
    }
}

/// QUIC, TCP and other nodes' relays as one transport.
pub(super) struct Ordered {
    quic: Boxed<Output>,
    tcp: Boxed<Output>,
    relay: Boxed<Output>,
    calls: HashMap<PeerId, Vec<Call>>,
}

/// An address that is being tried.
struct Call {
    way: Way,
    /// Closed when the attempt has ended, however it did.
    ended: watch::Receiver<()>,
}

impl Call {
    fn is_under_way(&self) -> bool {
        self.ended.has_changed().is_ok()
    }
}

impl Ordered {
    pub(super) fn new(quic: Boxed<Output>, tcp: Boxed<Output>, relay: Boxed<Output>) -> Self {
        Self { quic, tcp, relay, calls: HashMap::new() }
    }

    fn transport(&mut self, way: Way) -> &mut Boxed<Output> {
        match way {
            Way::Direct(Kind::Quic) => &mut self.quic,
            Way::Direct(Kind::Tcp) => &mut self.tcp,
            Way::Relayed => &mut self.relay,
        }
    }

    /// Waits for its turn among the addresses of `peer`, and holds up those that come after it until it is dropped.
    fn turn(&mut self, peer: PeerId, way: Way) -> (impl Future<Output = ()> + Send + use<>, watch::Sender<()>) {
        self.calls.retain(|_, calls| {
            calls.retain(Call::is_under_way);
            !calls.is_empty()
        });
        let calls = self.calls.entry(peer).or_default();
        let earlier: Vec<_> = calls.iter().map(|call| call.ended.clone()).collect();
        let patience = patience(way, &calls.iter().map(|call| call.way).collect::<Vec<_>>());
        let (mine, ended) = watch::channel(());
        calls.push(Call { way, ended });
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

/// How long an address gives way to the `earlier` ones.
fn patience(way: Way, earlier: &[Way]) -> Duration {
    let before = |other| earlier.contains(&other);
    let quic = Way::Direct(Kind::Quic);
    if way == Way::Relayed && (before(quic) || before(Way::Direct(Kind::Tcp))) {
        return RELAY_HANDICAP;
    }
    let stagger = STAGGER * u32::try_from(earlier.len()).unwrap_or(u32::MAX);
    if way == Way::Direct(Kind::Tcp) && before(quic) { stagger + TCP_HANDICAP } else { stagger }
}

impl Transport for Ordered {
    type Output = Output;
    type Error = io::Error;
    type ListenerUpgrade = <Boxed<Output> as Transport>::ListenerUpgrade;
    type Dial = BoxFuture<'static, io::Result<Output>>;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<io::Error>> {
        let Some(way) = Way::of(&address) else {
            return Err(TransportError::MultiaddrNotSupported(address));
        };
        self.transport(way).listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.quic.remove_listener(id) || self.tcp.remove_listener(id) || self.relay.remove_listener(id)
    }

    fn dial(&mut self, address: Multiaddr, opts: DialOpts) -> Result<Self::Dial, TransportError<io::Error>> {
        let Some(way) = Way::of(&address) else {
            return Err(TransportError::MultiaddrNotSupported(address));
        };
        let peer = match address.iter().last() {
            Some(Protocol::P2p(peer)) => Some(peer),
            _ => None,
        };
        let is_punch = opts.role == Role::Listener;
        let dial = self.transport(way).dial(address, opts)?;
        // A hole has to be open at the moment when the other side calls.
        let Some(peer) = peer.filter(|_| !is_punch) else { return Ok(dial.boxed()) };
        let (turn, mine) = self.turn(peer, way);
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
        if let Poll::Ready(event) = Pin::new(&mut self.tcp).poll(cx) {
            return Poll::Ready(event);
        }
        Pin::new(&mut self.relay).poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcp_gives_way_to_quic_relays_to_both_and_everybody_to_those_before() {
        let (quic, tcp, relay) = (Way::Direct(Kind::Quic), Way::Direct(Kind::Tcp), Way::Relayed);
        let millis = |way, earlier: &[Way]| patience(way, earlier).as_millis();
        assert_eq!(millis(quic, &[]), 0);
        assert_eq!(millis(quic, &[quic, quic]), 2000);
        assert_eq!(millis(tcp, &[]), 0);
        assert_eq!(millis(tcp, &[tcp]), 1000);
        assert_eq!(millis(tcp, &[quic]), 3000);
        assert_eq!(millis(relay, &[]), 0);
        assert_eq!(millis(relay, &[relay]), 1000);
        assert_eq!(millis(relay, &[quic, tcp, tcp, tcp]), 2500);
    }
}
