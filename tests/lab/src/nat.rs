//! A router with NAT, as a pure model: a packet of IPv4 comes in, and goes on with other addresses, or does not.
//!
//! It lets a packet in only from where a packet went out to before (RFC 4787 §5, "address and port-dependent filtering": the
//! strictest that there is). Ports are never kept, so that nobody who takes its own port for the one outside gets through.
//! UDP and TCP pass; nothing is ever forgotten.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::packet::{TCP, UDP};

/// Which port is seen outside (RFC 4787 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// The same to everybody: holes can be punched.
    EndpointIndependent,
    /// Another to each, as "symmetric" NAT does.
    Symmetric,
}

/// The first port that is given.
const FIRST_PORT: u16 = 40_000;
/// Ports of neighbouring mappings lie this far apart, so that nobody hits the next one by guessing.
const STEP: u16 = 7;

/// Protocol and socket inside, and for a symmetric one to whom.
type Inside = (u8, SocketAddrV4, Option<SocketAddrV4>);

/// One router.
#[derive(Debug)]
pub struct Nat {
    public: Ipv4Addr,
    mapping: Mapping,
    ports: HashMap<Inside, u16>,
    sockets: HashMap<(u8, u16), SocketAddrV4>,
    /// Port outside, and to whom something was sent from it.
    holes: HashSet<(u8, u16, SocketAddrV4)>,
    next_port: u16,
}

impl Nat {
    /// A router that is seen at this address.
    #[must_use]
    pub fn new(public: Ipv4Addr, mapping: Mapping) -> Self {
        Self {
            public,
            mapping,
            ports: HashMap::new(),
            sockets: HashMap::new(),
            holes: HashSet::new(),
            next_port: FIRST_PORT,
        }
    }

    /// Where it is seen.
    #[must_use]
    pub fn public(&self) -> Ipv4Addr {
        self.public
    }

    /// A packet from inside; false where it does not pass.
    pub fn goes_out(&mut self, packet: &mut [u8]) -> bool {
        let Some(Ends { protocol, source, destination }) = Ends::of(packet) else { return false };
        let to = (self.mapping == Mapping::Symmetric).then_some(destination);
        let next = &mut self.next_port;
        let port = *self.ports.entry((protocol, source, to)).or_insert_with(|| {
            let port = *next;
            *next = next.checked_add(STEP).unwrap_or(FIRST_PORT);
            port
        });
        self.sockets.insert((protocol, port), source);
        self.holes.insert((protocol, port, destination));
        rewrite(packet, SOURCE, SocketAddrV4::new(self.public, port));
        true
    }

    /// A packet from outside; false where it does not pass.
    pub fn comes_in(&mut self, packet: &mut [u8]) -> bool {
        let Some(Ends { protocol, source, destination }) = Ends::of(packet) else { return false };
        let (public, port) = (*destination.ip(), destination.port());
        if public != self.public || !self.holes.contains(&(protocol, port, source)) {
            return false;
        }
        let Some(inside) = self.sockets.get(&(protocol, port)) else { return false };
        rewrite(packet, DESTINATION, *inside);
        true
    }
}

/// Where an end stands in the header of IPv4, and in that of UDP or TCP.
#[derive(Clone, Copy)]
struct Place {
    address: usize,
    port: usize,
}

const SOURCE: Place = Place { address: 12, port: 0 };
const DESTINATION: Place = Place { address: 16, port: 2 };
const IP_CHECKSUM: usize = 10;

struct Ends {
    protocol: u8,
    source: SocketAddrV4,
    destination: SocketAddrV4,
}

impl Ends {
    /// Of a packet that is whole. Fragments but the first have no ports, and nobody here sends any.
    fn of(packet: &[u8]) -> Option<Self> {
        let header = header_bytes(packet)?;
        let protocol = *packet.get(9)?;
        let least = if protocol == TCP { 20 } else { 8 };
        if !matches!(protocol, UDP | TCP) || packet.len() < header + least || packet[6] & 0x1f != 0 || packet[7] != 0 {
            return None;
        }
        let end = |place: Place| {
            let address = <[u8; 4]>::try_from(&packet[place.address..place.address + 4]).ok()?;
            let at = header + place.port;
            Some(SocketAddrV4::new(address.into(), u16::from_be_bytes([packet[at], packet[at + 1]])))
        };
        Some(Self { protocol, source: end(SOURCE)?, destination: end(DESTINATION)? })
    }
}

fn header_bytes(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let header = usize::from(first & 15) * 4;
    (first >> 4 == 4 && header >= 20 && packet.len() >= header).then_some(header)
}

/// Puts `end` in its place, and the checksums right. The packet was looked at by [`Ends::of`].
fn rewrite(packet: &mut [u8], place: Place, end: SocketAddrV4) {
    let Some(header) = header_bytes(packet) else { return };
    let transport_sum = header + if packet[9] == TCP { 16 } else { 6 };
    let has_sum = packet[9] == TCP || packet[transport_sum..transport_sum + 2] != [0, 0];
    let port_at = header + place.port;
    for (at, new) in [(place.address, &end.ip().octets()[..]), (port_at, &end.port().to_be_bytes()[..])] {
        for (word, new) in (at..).step_by(2).zip(new.chunks_exact(2)) {
            let old = [packet[word], packet[word + 1]];
            packet[word..word + 2].copy_from_slice(new);
            if at == place.address {
                adjust(packet, IP_CHECKSUM, old, [new[0], new[1]]);
            }
            if has_sum {
                adjust(packet, transport_sum, old, [new[0], new[1]]);
            }
        }
    }
}

/// The checksum when one word has changed: RFC 1624, equation 3.
fn adjust(packet: &mut [u8], at: usize, old: [u8; 2], new: [u8; 2]) {
    let word = |bytes: [u8; 2]| u32::from(u16::from_be_bytes(bytes));
    let mut sum = (word([packet[at], packet[at + 1]]) ^ 0xffff) + (word(old) ^ 0xffff) + word(new);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let [.., high, low] = (sum ^ 0xffff).to_be_bytes();
    packet[at..at + 2].copy_from_slice(&[high, low]);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const INSIDE: &str = "192.168.1.7:8421";
    const COUNTY: &str = "203.0.113.2:8421";
    const OTHER: &str = "198.51.100.9:40000";

    fn sum(words: impl Iterator<Item = u16>) -> u16 {
        let mut sum: u32 = words.map(u32::from).sum();
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        !u16::try_from(sum).unwrap()
    }

    fn words(bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
        bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]))
    }

    /// What the checksum of UDP is over: RFC 768.
    fn with_pseudo_header(packet: &[u8]) -> Vec<u8> {
        let length = u16::try_from(packet.len() - 20).unwrap().to_be_bytes();
        [&packet[12..20], &[0, UDP], &length, &packet[20..]].concat()
    }

    fn packet(from: &str, to: &str) -> Vec<u8> {
        let (from, to): (SocketAddrV4, SocketAddrV4) = (from.parse().unwrap(), to.parse().unwrap());
        let mut packet = vec![0; 33];
        (packet[0], packet[8], packet[9]) = (0x45, 64, UDP);
        packet[12..16].copy_from_slice(&from.ip().octets());
        packet[16..20].copy_from_slice(&to.ip().octets());
        packet[20..22].copy_from_slice(&from.port().to_be_bytes());
        packet[22..24].copy_from_slice(&to.port().to_be_bytes());
        packet[28..].copy_from_slice(b"there");
        let of_udp = sum(words(&with_pseudo_header(&packet)));
        packet[26..28].copy_from_slice(&of_udp.to_be_bytes());
        let of_ip = sum(words(&packet[..20]));
        packet[10..12].copy_from_slice(&of_ip.to_be_bytes());
        packet
    }

    fn is_right(packet: &[u8]) -> bool {
        sum(words(&packet[..20])) == 0 && sum(words(&with_pseudo_header(packet))) == 0
    }

    fn seen(nat: &mut Nat, to: &str) -> String {
        let mut packet = packet(INSIDE, to);
        assert!(nat.goes_out(&mut packet) && is_right(&packet));
        Ends::of(&packet).unwrap().source.to_string()
    }

    #[test]
    fn an_answer_comes_back_and_nobody_else_gets_in() {
        for mapping in [Mapping::EndpointIndependent, Mapping::Symmetric] {
            let mut nat = Nat::new([192, 0, 2, 1].into(), mapping);
            let outside = seen(&mut nat, COUNTY);
            let mut answer = packet(COUNTY, &outside);
            assert!(nat.comes_in(&mut answer) && is_right(&answer));
            assert_eq!(answer, packet(COUNTY, INSIDE));
            assert!(!nat.comes_in(&mut packet(OTHER, &outside)));
            assert!(!nat.comes_in(&mut packet(COUNTY, "192.0.2.1:1")));
        }
    }

    #[test]
    fn the_same_port_is_seen_by_all_or_by_each_another() {
        let mut nat = Nat::new([192, 0, 2, 1].into(), Mapping::EndpointIndependent);
        assert_eq!(seen(&mut nat, COUNTY), seen(&mut nat, OTHER));
        let mut nat = Nat::new([192, 0, 2, 1].into(), Mapping::Symmetric);
        assert_ne!(seen(&mut nat, COUNTY), seen(&mut nat, OTHER));
        assert_eq!(seen(&mut nat, COUNTY), seen(&mut nat, COUNTY));
    }

    #[test]
    fn what_is_no_packet_of_udp_or_tcp_does_not_pass() {
        let mut nat = Nat::new([192, 0, 2, 1].into(), Mapping::EndpointIndependent);
        let mut icmp = packet(INSIDE, COUNTY);
        icmp[9] = 1;
        for mut bytes in
            [vec![], vec![0x45], vec![0x4f; 30], vec![0x60; 60], icmp, packet(INSIDE, COUNTY)[..27].to_vec()]
        {
            assert!(!nat.goes_out(&mut bytes) && !nat.comes_in(&mut bytes));
        }
    }
}
