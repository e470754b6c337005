//! What of an IP packet's headers says whose it is and where it goes.

use std::net::IpAddr;

use serde::Serialize;

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;

/// Whose a packet is: protocol and ports (0 where there are none).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Flow {
    pub protocol: u8,
    pub source: u16,
    pub destination: u16,
}

impl Flow {
    /// Reads it from a packet of IPv4 or IPv6. Fragments and extension headers belong to nobody.
    #[must_use]
    pub fn of(packet: &[u8]) -> Self {
        let byte = |at: usize| packet.get(at).copied().unwrap_or(0);
        let (protocol, header) = match byte(0) >> 4 {
            4 => (byte(9), usize::from(byte(0) & 15) * 4),
            6 => (byte(6), 40),
            _ => return Self::default(),
        };
        if protocol != TCP && protocol != UDP {
            return Self { protocol, ..Self::default() };
        }
        let port = |at: usize| u16::from_be_bytes([byte(header + at), byte(header + at + 1)]);
        Self { protocol, source: port(0), destination: port(2) }
    }

    /// Whether one of its ends has this port.
    #[must_use]
    pub fn is_of(&self, protocol: u8, port: u16) -> bool {
        self.protocol == protocol && (self.source == port || self.destination == port)
    }
}

/// What a line looks at in a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// With its IP header.
    pub bytes: usize,
    pub flow: Flow,
    /// Whether it begins with a long header of QUIC (RFC 9000 §17.2): it belongs to a handshake.
    pub opens: bool,
}

impl Seen {
    /// Reads it from a packet of IPv4 or IPv6.
    #[must_use]
    pub fn of(packet: &[u8]) -> Self {
        let flow = Flow::of(packet);
        let header = match packet.first().map_or(0, |first| first >> 4) {
            4 => usize::from(packet[0] & 15) * 4,
            _ => 40,
        };
        let opens =
            flow.protocol == UDP && packet.get(header + UDP_HEADER_BYTES).is_some_and(|first| is_long_header(*first));
        Self { bytes: packet.len(), flow, opens }
    }
}

const UDP_HEADER_BYTES: usize = 8;

/// Whether a datagram that begins with this byte belongs to a handshake of QUIC: the form bit and the fixed bit are set.
#[must_use]
pub fn is_long_header(first: u8) -> bool {
    first & 0xc0 == 0xc0
}

/// To whom a packet of IPv4 or IPv6 goes.
#[must_use]
pub fn destination(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => Some(<[u8; 4]>::try_from(packet.get(16..20)?).ok()?.into()),
        6 => Some(<[u8; 16]>::try_from(packet.get(24..40)?).ok()?.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_found_behind_both_headers() {
        let mut four = [0; 28];
        (four[0], four[9]) = (0x45, UDP);
        four[20..24].copy_from_slice(&[0x1f, 0x90, 0x00, 0x35]);
        assert_eq!(Flow::of(&four), Flow { protocol: UDP, source: 8080, destination: 53 });
        let mut six = [0; 60];
        (six[0], six[6]) = (0x60, TCP);
        six[40..44].copy_from_slice(&[0x1f, 0x90, 0x00, 0x35]);
        assert!(Flow::of(&six).is_of(TCP, 53) && !Flow::of(&six).is_of(UDP, 53));
    }

    #[test]
    fn where_a_packet_goes_and_whether_it_opens_a_connection_stand_in_its_headers() {
        let mut four = [0; 29];
        (four[0], four[9], four[28]) = (0x45, UDP, 0xc3);
        four[16..20].copy_from_slice(&[192, 0, 2, 7]);
        assert_eq!(destination(&four), Some([192, 0, 2, 7].into()));
        assert!(Seen::of(&four).opens);
        four[28] = 0x43;
        assert!(!Seen::of(&four).opens);
        let mut six = [0; 49];
        (six[0], six[6], six[39], six[48]) = (0x60, UDP, 9, 0xe0);
        assert_eq!(destination(&six), "::9".parse().ok());
        assert_eq!(Seen::of(&six), Seen { bytes: 49, flow: Flow { protocol: UDP, ..Flow::default() }, opens: true });
    }

    #[test]
    fn what_is_no_packet_belongs_to_nobody() {
        assert_eq!(Flow::of(&[]), Flow::default());
        assert_eq!(Flow::of(&[0x45, 0, 0]), Flow::default());
        assert_eq!(Flow::of(&[0xff; 40]), Flow::default());
        assert!(!Seen::of(&[]).opens && !Seen::of(&[0x45, 0, 0]).opens);
        assert_eq!((destination(&[]), destination(&[0x60; 20])), (None, None));
    }
}
