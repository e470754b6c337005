//! How many connections a node holds, and for whom.
//!
//! A thousand strangers must not crowd out the members. So strangers share a part of the places, members (those that a
//! driver has called [`recognise`](super::Network::recognise) for) have the rest, and nobody has more than a few.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished, DialFailure, ListenFailure};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
    dummy,
};
use libp2p::{Multiaddr, PeerId};

use super::node_id;

/// Connections in all. A county has some 200 schools below it; an idle connection takes about 120 KiB of memory.
const MAX_CONNECTIONS: usize = 512;

/// Of those, how many peers may hold that dialled us and that no driver has recognised (yet). A stranger's connection
/// closes after a minute without a stream.
const MAX_STRANGERS: usize = 128;

/// Connections with one peer: one, a second when both dial at once, a third while one of them is dead and not noticed.
const MAX_CONNECTIONS_PER_PEER: usize = 3;

/// Inbound handshakes under way over one transport. Each lives at most 30 s; a busy morning with 200 schools is served in
/// a few rounds. Each transport has its own: who opens TCP connections and is silent keeps nobody from calling by QUIC.
const MAX_PENDING_INBOUND: usize = 64;

/// Of those over TCP, where silence costs a stranger nothing, how many may come from one source: an IPv4 address, or the
/// /64 that one IPv6 subscriber has. (QUIC asks for proof of the address when it gets busy.)
const MAX_PENDING_PER_SOURCE: usize = 16;

/// Why a connection was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("too many connections are being set up (at most {MAX_PENDING_INBOUND})")]
    Pending,
    #[error("too many connections from this address are being set up (at most {MAX_PENDING_PER_SOURCE})")]
    PendingFromSource,
    #[error("there are too many connections (at most {MAX_CONNECTIONS})")]
    Full,
    #[error("there are too many connections with unknown peers (at most {MAX_STRANGERS})")]
    Strangers,
    #[error("there are too many connections with this peer (at most {MAX_CONNECTIONS_PER_PEER})")]
    Peer,
    #[error(transparent)]
    Foreign(#[from] node_id::ForeignKey),
}

/// From where somebody calls who has not said who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Caller {
    is_udp: bool,
    source: Option<IpAddr>,
}

impl Caller {
    fn at(address: &Multiaddr) -> Self {
        let ip = address.iter().find_map(|part| match part {
            Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
            Protocol::Ip6(ip) => Some(ip.to_ipv4_mapped().map_or_else(|| IpAddr::V6(network_of(ip)), IpAddr::V4)),
            _ => None,
        });
        Self { is_udp: address.iter().any(|part| matches!(part, Protocol::Udp(_))), source: ip }
    }
}

/// The /64 of an address.
fn network_of(ip: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))
}

/// Those that a driver has called [`recognise`](super::Network::recognise) for. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Recognised(Arc<Mutex<HashSet<PeerId>>>);

impl Recognised {
    pub(super) fn contains(&self, peer: &PeerId) -> bool {
        self.lock().contains(peer)
    }

    fn set(&self, peer: PeerId, recognised: bool) {
        let mut all = self.lock();
        if recognised {
            all.insert(peer);
        } else {
            all.remove(&peer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<PeerId>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who is connected, counted.
#[derive(Debug, Default)]
pub(super) struct Limits {
    recognised: Recognised,
    pending: HashMap<ConnectionId, Caller>,
    inbound: HashMap<PeerId, usize>,
    outbound: HashMap<PeerId, usize>,
}

impl Limits {
    /// From now on `peer` is no stranger, or is one again.
    pub(super) fn recognise(&mut self, peer: PeerId, recognised: bool) {
        self.recognised.set(peer, recognised);
    }

    /// Who is recognised, now and later.
    pub(super) fn recognised(&self) -> Recognised {
        self.recognised.clone()
    }

    pub(super) fn recognises(&self, peer: &PeerId) -> bool {
        self.recognised.contains(peer)
    }

    fn admit_pending(&mut self, connection: ConnectionId, caller: Caller) -> Result<(), Refused> {
        let alike = || self.pending.values().filter(|other| other.is_udp == caller.is_udp);
        let from_there = || alike().filter(|other| other.source == caller.source).count();
        if !caller.is_udp && from_there() >= MAX_PENDING_PER_SOURCE {
            return Err(Refused::PendingFromSource);
        }
        if alike().count() >= MAX_PENDING_INBOUND {
            return Err(Refused::Pending);
        }
        self.pending.insert(connection, caller);
        Ok(())
    }

    fn admit(&self, peer: &PeerId, inbound: bool) -> Result<(), Refused> {
        node_id(peer)?;
        let of = |side: &HashMap<PeerId, usize>| side.get(peer).copied().unwrap_or(0);
        if of(&self.inbound) + of(&self.outbound) >= MAX_CONNECTIONS_PER_PEER {
            return Err(Refused::Peer);
        }
        let total: usize = self.inbound.values().chain(self.outbound.values()).sum();
        if total >= MAX_CONNECTIONS {
            return Err(Refused::Full);
        }
        if inbound && !self.recognises(peer) && self.strangers() >= MAX_STRANGERS {
            return Err(Refused::Strangers);
        }
        Ok(())
    }

    fn strangers(&self) -> usize {
        self.inbound.iter().filter(|(peer, _)| !self.recognises(peer)).map(|(_, count)| count).sum()
    }

    fn established(&mut self, peer: PeerId, inbound: bool) {
        let side = if inbound { &mut self.inbound } else { &mut self.outbound };
        *side.entry(peer).or_default() += 1;
    }

    fn closed(&mut self, peer: &PeerId, inbound: bool) {
        let side = if inbound { &mut self.inbound } else { &mut self.outbound };
        if let Some(count) = side.get_mut(peer) {
            *count -= 1;
            if *count == 0 {
                side.remove(peer);
            }
        }
    }
}

impl NetworkBehaviour for Limits {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        from: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.admit_pending(connection, Caller::at(from)).map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.pending.remove(&connection);
        self.admit(&peer, true).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.admit(&peer, false).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished { peer_id, endpoint, .. }) => {
                self.established(peer_id, endpoint.is_listener());
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { peer_id, endpoint, .. }) => {
                self.closed(&peer_id, endpoint.is_listener());
            }
            FromSwarm::ListenFailure(ListenFailure { connection_id, .. })
            | FromSwarm::DialFailure(DialFailure { connection_id, .. }) => {
                self.pending.remove(&connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kapok_protocol::identity::Keypair;

    use super::*;

    fn peer(number: u64) -> PeerId {
        let mut secret = [0; 32];
        secret[..8].copy_from_slice(&number.to_le_bytes());
        node_id::peer_id(&Keypair::from_secret(&secret).id()).unwrap()
    }

    #[test]
    fn a_thousand_strangers_leave_room_for_members_and_for_own_calls() {
        let mut limits = Limits::default();
        for number in 0..1000 {
            if limits.admit(&peer(number), true).is_ok() {
                limits.established(peer(number), true);
            }
        }
        assert_eq!(limits.strangers(), MAX_STRANGERS);
        assert_eq!(limits.admit(&peer(2000), true), Err(Refused::Strangers));
        assert_eq!(limits.admit(&peer(2000), false), Ok(()));
        limits.recognise(peer(2000), true);
        assert_eq!(limits.admit(&peer(2000), true), Ok(()));
        limits.recognise(peer(2000), false);
        assert_eq!(limits.admit(&peer(2000), true), Err(Refused::Strangers));
    }

    #[test]
    fn nobody_holds_more_than_a_few_connections_and_all_together_no_more_than_the_total() {
        let mut limits = Limits::default();
        for number in 0..1000 {
            limits.recognise(peer(number), true);
            for _ in 0..10 {
                if limits.admit(&peer(number), true).is_ok() {
                    limits.established(peer(number), true);
                }
            }
        }
        assert_eq!(limits.inbound.values().max(), Some(&MAX_CONNECTIONS_PER_PEER));
        assert_eq!(limits.inbound.values().sum::<usize>(), MAX_CONNECTIONS);
        assert_eq!(limits.admit(&peer(5000), false), Err(Refused::Full));
        limits.closed(&peer(0), true);
        assert_eq!(limits.admit(&peer(5000), false), Ok(()));
    }

    #[test]
    fn handshakes_under_way_are_limited_and_freed() {
        let mut limits = Limits::default();
        let ids: Vec<_> = (0..100).map(ConnectionId::new_unchecked).collect();
        let from = |n: usize| caller(&format!("/ip4/192.0.2.{n}/tcp/4001"));
        let admitted = ids.iter().enumerate().filter(|(n, id)| limits.admit_pending(**id, from(*n)).is_ok()).count();
        assert_eq!(admitted, MAX_PENDING_INBOUND);
        limits.pending.remove(&ids[0]);
        assert_eq!(limits.admit_pending(ids[99], from(99)), Ok(()));
    }

    fn caller(address: &str) -> Caller {
        Caller::at(&address.parse().unwrap())
    }

    #[test]
    fn silent_strangers_leave_room_for_other_addresses_and_for_the_other_transport() {
        let mut limits = Limits::default();
        let mut number = 0;
        let mut call = |address: &str| {
            number += 1;
            limits.admit_pending(ConnectionId::new_unchecked(number), caller(address))
        };
        // One subscriber of IPv6 has as many addresses as it likes.
        let admitted = (0..200).filter(|n| call(&format!("/ip6/2001:db8::{n:x}/tcp/9")).is_ok()).count();
        assert_eq!(admitted, MAX_PENDING_PER_SOURCE);
        let admitted = (0..200).filter(|_| call("/ip4/192.0.2.1/tcp/9").is_ok()).count();
        assert_eq!(admitted, MAX_PENDING_PER_SOURCE);
        assert_eq!(call("/ip4/192.0.2.1/tcp/9"), Err(Refused::PendingFromSource));
        assert_eq!(call("/ip4/192.0.2.2/tcp/9"), Ok(()));
        for n in 0..200 {
            let _ = call(&format!("/ip4/198.51.100.{n}/tcp/9"));
        }
        assert_eq!(call("/ip4/203.0.113.1/tcp/9"), Err(Refused::Pending));
        assert_eq!(call("/ip4/192.0.2.1/udp/9/quic-v1"), Ok(()));
    }
}
