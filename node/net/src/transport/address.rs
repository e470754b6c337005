//! Multiaddresses that Kapok listens on and dials, and the socket addresses behind them.

use std::net::{IpAddr, SocketAddr};

use libp2p::multiaddr::{Multiaddr, Protocol};

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
