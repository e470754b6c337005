//! What of an IP packet's header says whose it is.

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
    fn what_is_no_packet_belongs_to_nobody() {
        assert_eq!(Flow::of(&[]), Flow::default());
        assert_eq!(Flow::of(&[0x45, 0, 0]), Flow::default());
        assert_eq!(Flow::of(&[0xff; 40]), Flow::default());
    }
}
