//! What became of every packet, and what can be read from that.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use crate::link::{Direction, Fate};
use crate::packet::Flow;

/// One packet.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Record {
    /// When it came to the line, since the line's start.
    pub at: Duration,
    /// With its IP header.
    pub bytes: u32,
    pub flow: Flow,
    /// Part of a handshake of QUIC.
    pub opens: bool,
    pub fate: Fate,
    /// How long it had to wait for the transmitter.
    pub wait: Duration,
}

/// One direction's packets, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub packets: Vec<Record>,
    /// Those that came when the log was full. Nothing that is read from it is right then.
    pub forgotten: u64,
    /// How much later than the model says packets were handed on, in the mean and at the worst.
    pub late: Duration,
    pub latest: Duration,
}

/// Half an hour at 100 Mbit/s, 200 MB of memory.
const MAX_PACKETS: usize = 4_000_000;

/// Sums over some of the packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sums {
    pub packets: u64,
    /// All that came to the line, whatever became of it.
    pub bytes: u64,
    pub delivered_bytes: u64,
    pub dropped: u64,
    pub lost: u64,
    pub outage: u64,
}

impl Log {
    pub(crate) fn note(&mut self, record: Record) {
        if self.packets.len() < MAX_PACKETS {
            self.packets.push(record);
        } else {
            self.forgotten += 1;
        }
    }

    /// Sums over what came between two moments and belongs to whom `is_mine` says.
    #[must_use]
    pub fn sums(&self, from: Duration, to: Duration, is_mine: impl Fn(&Flow) -> bool) -> Sums {
        let mut sums = Sums::default();
        for packet in self.packets.iter().filter(|packet| packet.at >= from && packet.at < to && is_mine(&packet.flow))
        {
            sums.packets += 1;
            sums.bytes += u64::from(packet.bytes);
            match packet.fate {
                Fate::Delivered { .. } => sums.delivered_bytes += u64::from(packet.bytes),
                Fate::Dropped => sums.dropped += 1,
                Fate::Lost => sums.lost += 1,
                Fate::Outage => sums.outage += 1,
            }
        }
        sums
    }

    /// How long the transmitter worked for them.
    #[must_use]
    pub fn busy(&self, direction: &Direction, from: Duration, to: Duration) -> Duration {
        let inside = self.packets.iter().filter(|packet| packet.at >= from && packet.at < to);
        let sent = inside.filter(|packet| matches!(packet.fate, Fate::Delivered { .. } | Fate::Lost));
        sent.map(|packet| direction.transmission(packet.bytes as usize)).sum()
    }

    /// The longest time without a delivered packet of that size or more, and when it began.
    #[must_use]
    pub fn longest_gap(&self, from: Duration, to: Duration, bytes: u32) -> (Duration, Duration) {
        let mut last = from;
        let mut longest = (Duration::ZERO, from);
        for packet in self.packets.iter().filter(|packet| packet.bytes >= bytes) {
            if let Fate::Delivered { at } = packet.fate
                && at >= from
                && at <= to
            {
                longest = longest.max((at.saturating_sub(last), last));
                last = last.max(at);
            }
        }
        longest.max((to.saturating_sub(last), last))
    }

    /// When the first packet of that size or more arrived after a moment.
    #[must_use]
    pub fn first_arrival(&self, from: Duration, bytes: u32) -> Option<Duration> {
        let big = self.packets.iter().filter(|packet| packet.at >= from && packet.bytes >= bytes);
        big.filter_map(|packet| if let Fate::Delivered { at } = packet.fate { Some(at) } else { None }).next()
    }

    /// When so many bytes that `is_mine` had arrived since a moment.
    #[must_use]
    pub fn arrival_of(&self, from: Duration, bytes: u64, is_mine: impl Fn(&Flow) -> bool) -> Option<Duration> {
        let mut arrived = 0;
        for packet in self.packets.iter().filter(|packet| packet.at >= from && is_mine(&packet.flow)) {
            if let Fate::Delivered { at } = packet.fate {
                arrived += u64::from(packet.bytes);
                if arrived >= bytes {
                    return Some(at);
                }
            }
        }
        None
    }

    /// When the last packet of that size or more arrived, up to a moment.
    #[must_use]
    pub fn last_arrival(&self, to: Duration, bytes: u32) -> Option<Duration> {
        let big = self.packets.iter().rev().filter(|packet| packet.bytes >= bytes);
        let mut arrivals =
            big.filter_map(|packet| if let Fate::Delivered { at } = packet.fate { Some(at) } else { None });
        arrivals.find(|at| *at <= to)
    }

    /// One line a packet: seconds, direction, bytes, protocol, ports, what became of it, milliseconds it waited.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write_csv(&self, way: &str, out: &mut impl Write) -> io::Result<()> {
        for packet in &self.packets {
            let Flow { protocol, source, destination } = packet.flow;
            let (fate, arrival) = match packet.fate {
                Fate::Delivered { at } => ("delivered", format!("{:.6}", at.as_secs_f64())),
                Fate::Dropped => ("dropped", String::new()),
                Fate::Lost => ("lost", String::new()),
                Fate::Outage => ("outage", String::new()),
            };
            let (at, wait) = (packet.at.as_secs_f64(), packet.wait.as_secs_f64() * 1e3);
            let bytes = packet.bytes;
            writeln!(out, "{at:.6},{way},{bytes},{protocol},{source},{destination},{fate},{arrival},{wait:.3}")?;
        }
        Ok(())
    }
}

/// The first line of a trace.
pub const CSV_HEADER: &str = "at_s,way,bytes,protocol,source,destination,fate,arrival_s,wait_ms";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::packet::{TCP, UDP};

    const MINE: Flow = Flow { protocol: UDP, source: 8421, destination: 40_000 };
    const OTHERS: Flow = Flow { protocol: TCP, source: 9, destination: 40_001 };

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// A packet a second from 1 to 9, each a second on its way; the 5th is lost, the 6th dropped, the 9th somebody else's.
    fn log() -> Log {
        let mut log = Log::default();
        for second in 1..10 {
            let fate = match second {
                5 => Fate::Lost,
                6 => Fate::Dropped,
                _ => Fate::Delivered { at: seconds(second + 1) },
            };
            let flow = if second == 9 { OTHERS } else { MINE };
            log.note(Record { at: seconds(second), bytes: 1500, flow, opens: false, fate, wait: Duration::ZERO });
        }
        log
    }

    #[test]
    fn sums_are_of_the_time_and_the_flow_that_were_asked_for() {
        let log = log();
        let sums = log.sums(seconds(2), seconds(10), |flow| flow.is_of(UDP, 8421));
        let expected = Sums { packets: 7, bytes: 10_500, delivered_bytes: 7_500, dropped: 1, lost: 1, outage: 0 };
        assert_eq!(sums, expected);
        assert_eq!(log.sums(seconds(0), seconds(10), |_| true).packets, 9);
    }

    #[test]
    fn the_gap_is_where_nothing_arrived() {
        let log = log();
        // From the 4th, which arrived at 5, to the 7th, which arrived at 8.
        assert_eq!(log.longest_gap(seconds(2), seconds(10), 1000), (seconds(3), seconds(5)));
        assert_eq!(log.longest_gap(seconds(2), seconds(60), 1000), (seconds(50), seconds(10)));
        assert_eq!(log.longest_gap(seconds(2), seconds(10), 1501), (seconds(8), seconds(2)));
    }

    #[test]
    fn arrivals_are_found_from_both_ends_and_by_bytes() {
        let log = log();
        assert_eq!(log.first_arrival(seconds(5), 1000), Some(seconds(8)));
        assert_eq!(log.last_arrival(seconds(9), 1000), Some(seconds(9)));
        assert_eq!(log.arrival_of(seconds(2), 4_500, |flow| *flow == MINE), Some(seconds(5)));
        assert_eq!(log.arrival_of(seconds(2), 1_000_000, |flow| *flow == MINE), None);
    }

    #[test]
    fn a_trace_has_a_line_for_each_packet_under_its_header() {
        let mut text = Vec::new();
        log().write_csv("down", &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let columns = CSV_HEADER.split(',').count();
        assert_eq!(text.lines().count(), 9);
        assert!(text.lines().all(|line| line.split(',').count() == columns), "{text}");
        assert!(text.contains("5.000000,down,1500,17,8421,40000,lost,,0.000"), "{text}");
    }
}
