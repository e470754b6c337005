//! Nodes on the same local network, and whether a connection stays on it.
//!
//! Neighbours are found by mDNS (libp2p specs, "discovery/mdns"): a node asks on each interface who is there and answers
//! with its id and its addresses on that interface, and with nothing else. What is found is a hint: who it is shows
//! when it is called, and whether it belongs here shows after that. Everybody on a LAN may answer, so what is kept is
//! bounded.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use if_watch::IpNet;
use libp2p::{Multiaddr, PeerId};

use crate::transport::address;

/// A school has a few nodes; a county's office with all its schools' machines in one room has fewer than this.
const MAX_NEIGHBOURS: usize = 256;

/// Two transports on one interface are usual.
const MAX_ADDRESSES_EACH: usize = 8;

/// Records that the search may hold; more are none of honest neighbours, and the search ends.
pub(super) const MAX_RECORDS: usize = 4096;

/// A local network answers sooner, also over Wi-Fi in a room full of pupils. What looks like one and answers later is a
/// tunnel or a bridge over something else.
const MAX_LAN_RTT: Duration = Duration::from_millis(10);

/// Where the bytes of a connection go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkKind {
    /// This machine or its local network: costs nothing and is fast.
    Lan,
    /// Everything else.
    Wan,
    /// Through a third node, whose line carries everything twice.
    Relayed,
}

impl LinkKind {
    /// By the address of the present connection; `neighbour`: it was found by mDNS.
    pub(super) fn of(address: &Multiaddr, networks: &[IpNet], neighbour: bool, min_rtt: Option<Duration>) -> Self {
        if address::is_relayed(address) {
            return Self::Relayed;
        }
        let Some((_, socket)) = address::parse(address) else { return Self::Wan };
        let ip = socket.ip().to_canonical();
        let here = ip.is_loopback() || is_link_local(ip) || networks.iter().any(|network| network.contains(&ip));
        let near = address::is_lan(ip) && (here || neighbour);
        if near && min_rtt.is_none_or(|rtt| rtt <= MAX_LAN_RTT) { Self::Lan } else { Self::Wan }
    }
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Who was found, and where.
#[derive(Debug, Default)]
pub(super) struct Neighbours(HashMap<PeerId, Vec<Multiaddr>>);

impl Neighbours {
    /// True where this is new.
    pub(super) fn found(&mut self, peer: PeerId, address: Multiaddr) -> bool {
        // Only what a neighbour may be called at: its word is not to make this node call elsewhere.
        let is_near = address::parse(&address).is_some_and(|(_, socket)| address::is_lan(socket.ip()));
        if !is_near || (self.0.len() >= MAX_NEIGHBOURS && !self.0.contains_key(&peer)) {
            return false;
        }
        let addresses = self.0.entry(peer).or_default();
        let is_new = addresses.len() < MAX_ADDRESSES_EACH && !addresses.contains(&address);
        if is_new {
            addresses.push(address);
        }
        is_new
    }

    pub(super) fn expired(&mut self, peer: &PeerId, address: &Multiaddr) {
        if let Some(addresses) = self.0.get_mut(peer) {
            addresses.retain(|known| known != address);
            if addresses.is_empty() {
                self.0.remove(peer);
            }
        }
    }

    pub(super) fn contains(&self, peer: &PeerId) -> bool {
        self.0.contains_key(peer)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&PeerId, &Vec<Multiaddr>)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn at(text: &str) -> Multiaddr {
        text.parse().unwrap()
    }

    fn kind(address: &str, neighbour: bool, rtt_ms: u64) -> LinkKind {
        let networks =
            ["192.168.3.7/24".parse().unwrap(), "fd00:1::7/64".parse().unwrap(), "8.8.8.8/24".parse().unwrap()];
        LinkKind::of(&at(address), &networks, neighbour, Some(Duration::from_millis(rtt_ms)))
    }

    #[test]
    fn the_same_network_is_local_and_everything_else_costs() {
        use LinkKind::{Lan, Relayed, Wan};
        assert_eq!(kind("/ip4/127.0.0.1/udp/1/quic-v1", false, 1), Lan);
        assert_eq!(kind("/ip4/192.168.3.9/udp/1/quic-v1", false, 1), Lan);
        assert_eq!(kind("/ip6/fd00:1::9/tcp/1", false, 1), Lan);
        assert_eq!(kind("/ip6/fe80::9/tcp/1", false, 1), Lan);
        // The education network has private addresses from one end of the province to the other.
        assert_eq!(kind("/ip4/10.9.9.9/udp/1/quic-v1", false, 1), Wan);
        assert_eq!(kind("/ip4/10.9.9.9/udp/1/quic-v1", true, 1), Lan);
        assert_eq!(kind("/ip4/8.8.8.9/udp/1/quic-v1", true, 1), Wan);
        // A tunnel.
        assert_eq!(kind("/ip4/192.168.3.9/udp/1/quic-v1", false, 80), Wan);
        let relayed =
            "/ip4/192.168.3.9/udp/1/quic-v1/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN/p2p-circuit";
        assert_eq!(kind(relayed, false, 1), Relayed);
        assert_eq!(LinkKind::of(&at("/ip4/127.0.0.1/tcp/1"), &[], false, None), Lan);
    }

    #[test]
    fn who_floods_the_network_with_neighbours_fills_nothing() {
        let mut neighbours = Neighbours::default();
        let address = |n: usize| at(&format!("/ip4/192.168.3.9/udp/{}/quic-v1", n + 1));
        let first = PeerId::random();
        let taken = (0..100).filter(|&n| neighbours.found(first, address(n))).count();
        assert_eq!(taken, MAX_ADDRESSES_EACH);
        let taken = (0..1000).filter(|&n| neighbours.found(PeerId::random(), address(n))).count();
        assert_eq!(taken, MAX_NEIGHBOURS - 1);
        for n in 0..100 {
            neighbours.expired(&first, &address(n));
        }
        assert!(!neighbours.contains(&first) && neighbours.found(first, address(0)));
        assert!(!neighbours.found(first, at("/ip4/8.8.8.8/udp/1/quic-v1")));
    }
}
