//! Multiaddresses that Kapok listens on and dials, and the socket addresses behind them.

use std::net::{IpAddr, SocketAddr};

use kapok_protocol::identity::NodeId;
use libp2p::PeerId;
use libp2p::multiaddr::{Multiaddr, Protocol};

use crate::swarm::peer_id;

/// How a socket address is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Quic,
    Tcp,
}

/// Reads `/ip4|ip6/…/udp/…/quic-v1` or `/ip4|ip6/…/tcp/…`, each with or without `/p2p/…` at the end.
/// Anything else (relays, names, web transports) is `None`.
#[must_use]
pub fn parse(address: &Multiaddr) -> Option<(Kind, SocketAddr)> {
    let mut parts = address.iter();
    let ip: IpAddr = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    let (kind, port) = match parts.next()? {
        Protocol::Tcp(port) => (Kind::Tcp, port),
        Protocol::Udp(port) => match parts.next()? {
            Protocol::QuicV1 => (Kind::Quic, port),
            _ => return None,
        },
        _ => return None,
    };
    match (parts.next(), parts.next()) {
        (None, _) | (Some(Protocol::P2p(_)), None) => Some((kind, SocketAddr::new(ip, port))),
        _ => None,
    }
}

/// Whether `address` leads through another node (circuit v2 of libp2p's specs, "relay").
#[must_use]
pub fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

/// As [`through`], for a node; `None` where its id is no key.
#[must_use]
pub fn through_node(address: &Multiaddr, relay: &NodeId) -> Option<Multiaddr> {
    Some(through(address, peer_id(relay).ok()?))
}

/// Where nodes are reached that have a reservation at `relay`, which is itself reached at `address`.
#[must_use]
pub fn through(address: &Multiaddr, relay: PeerId) -> Multiaddr {
    let mut relayed = address.clone();
    if !matches!(address.iter().last(), Some(Protocol::P2p(_))) {
        relayed.push(Protocol::P2p(relay));
    }
    relayed.with(Protocol::P2pCircuit)
}

/// Reads `…/p2p/RELAY/p2p-circuit`, with or without `/p2p/…` at the end: the address of the relay, without its id, and
/// the relay.
#[must_use]
pub fn relay_of(address: &Multiaddr) -> Option<(Multiaddr, PeerId)> {
    let mut parts = address.iter();
    let mut before: Multiaddr = parts.by_ref().take_while(|part| *part != Protocol::P2pCircuit).collect();
    let ends_well = matches!((parts.next(), parts.next()), (None | Some(Protocol::P2p(_)), None));
    match before.pop() {
        Some(Protocol::P2p(relay)) if ends_well && is_relayed(address) => Some((before, relay)),
        _ => None,
    }
}

/// Whether another machine could use `address`. A link-local IPv6 address means nothing without the name of the
/// reader's own interface, which multiaddresses do not carry here.
#[must_use]
pub fn is_dialable(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip6(ip)) => !ip.is_unicast_link_local(),
        _ => true,
    }
}

/// Whether `ip` belongs to this machine or to its local network: loopback, private (RFC 1918), link-local, or unique
/// local (RFC 4193).
#[must_use]
pub fn is_lan(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// The multiaddress of QUIC at `socket`, without the peer.
#[must_use]
pub fn quic(socket: SocketAddr) -> Multiaddr {
    Multiaddr::empty().with(Protocol::from(socket.ip())).with(Protocol::Udp(socket.port())).with(Protocol::QuicV1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(text: &str) -> Option<(Kind, String)> {
        parse(&text.parse().unwrap()).map(|(kind, socket)| (kind, socket.to_string()))
    }

    #[test]
    fn addresses_of_both_transports_and_both_families_are_read() {
        let peer = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
        assert_eq!(read("/ip4/10.0.0.1/udp/4001/quic-v1"), Some((Kind::Quic, "10.0.0.1:4001".into())));
        assert_eq!(read(&format!("/ip6/::1/udp/1/quic-v1/p2p/{peer}")), Some((Kind::Quic, "[::1]:1".into())));
        assert_eq!(read("/ip6/fd00::1/tcp/80"), Some((Kind::Tcp, "[fd00::1]:80".into())));
        let quic_address: Multiaddr = "/ip6/::1/udp/1/quic-v1".parse().unwrap();
        assert_eq!(quic(parse(&quic_address).unwrap().1), quic_address);
    }

    #[test]
    fn an_address_through_a_relay_names_the_relay() {
        let relay: PeerId = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN".parse().unwrap();
        let at: Multiaddr = "/ip4/192.0.2.2/udp/1/quic-v1".parse().unwrap();
        let relayed = through(&at, relay);
        assert_eq!(relay_of(&relayed), Some((at.clone(), relay)));
        assert_eq!(relay_of(&relayed.clone().with(Protocol::P2p(relay))), Some((at.clone(), relay)));
        assert_eq!(through(&at.clone().with(Protocol::P2p(relay)), relay), relayed);
        assert_eq!(relay_of(&at), None);
        assert_eq!(relay_of(&at.clone().with(Protocol::P2p(relay))), None);
        assert_eq!(relay_of(&at.with(Protocol::P2pCircuit)), None);
        assert_eq!(relay_of(&relayed.with(Protocol::P2pCircuit)), None);
        assert_eq!(relay_of(&Multiaddr::empty()), None);
    }

    #[test]
    fn what_kapok_does_not_speak_is_refused() {
        let peer = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
        for text in [
            "/ip4/10.0.0.1/udp/4001",
            "/ip4/10.0.0.1/udp/4001/quic",
            "/ip4/10.0.0.1/udp/4001/quic-v1/webtransport",
            "/dns4/example.org/tcp/80",
            &format!("/ip4/10.0.0.1/tcp/80/p2p/{peer}/p2p-circuit"),
            "/ip4/10.0.0.1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
