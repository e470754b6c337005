//! A QUIC sender and its receiver, as far as they concern congestion control, with quinn's rules.
//!
//! From quinn-proto 0.11: acknowledgement of every second packet, at once where one is missing, else after 25 ms;
//! losses by three later packets or by 9/8 of the round-trip time (RFC 9002 §6.1); probe timeouts that double (§6.2);
//! a pacer of 1.25 windows for each smoothed RTT with a bucket of at least ten packets; and `on_ack` for each packet,
//! then `on_end_acks`, then the losses.

use std::collections::{BTreeMap, VecDeque};

use super::control::{Control, Pacing};

const MAX_ACK_DELAY: f64 = 0.025;
const TIMER_GRANULARITY: f64 = 0.001;
const PACKET_THRESHOLD: u64 = 3;
const MIN_BURST_PACKETS: f64 = 10.0;
const PACING_GAIN: f64 = 1.25;
/// Of a full datagram: connection id, packet number, tag, and the heads of frames.
const QUIC_BYTES: u64 = 32;
/// Round trips until the search for the largest datagram has ended.
const MTU_ROUNDS: f64 = 4.0;
const BASE_MTU: u64 = 1200;
const FULL_MTU: u64 = 1472;

#[derive(Clone, Copy, Debug)]
struct Sent {
    at: f64,
    bytes: u64,
    /// Position of its content.
    chunk: Chunk,
}

/// Bytes of content, by position.
#[derive(Clone, Copy, Debug)]
struct Chunk {
    start: u64,
    bytes: u64,
}

/// What the sender has to send.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// So many bytes, all there at the start.
    Content(u64),
    /// Bytes that come at a rate, in bytes a second.
    Rate(f64),
    Endless,
}

pub(super) struct Sender {
    pub(super) control: Box<dyn Control>,
    source: Source,
    started: f64,
    next_start: u64,
    again: VecDeque<Chunk>,
    in_flight: BTreeMap<u64, Sent>,
    in_flight_bytes: u64,
    next_number: u64,
    largest_acked: Option<u64>,
    heard: usize,
    rtt: Rtt,
    probes: u32,
    pto_count: u32,
    last_sent: f64,
    loss_at: Option<f64>,
    pace_at: Option<f64>,
    tokens: f64,
    paced: f64,
    app_limited: bool,
    known_mtu: u64,
    pub(super) sent_bytes: u64,
    pub(super) sent_packets: u64,
    pub(super) lost_packets: u64,
}

#[derive(Clone, Copy, Debug)]
struct Rtt {
    latest: f64,
    smoothed: f64,
    variance: f64,
    min: f64,
}

impl Rtt {
    fn new(rtt: f64) -> Self {
        Self { latest: rtt, smoothed: rtt, variance: rtt / 2.0, min: rtt }
    }

    /// RFC 9002 §5.3.
    fn update(&mut self, delay: f64, rtt: f64) {
        self.latest = rtt;
        self.min = self.min.min(rtt);
        let adjusted = if self.min + delay <= rtt { rtt - delay } else { rtt };
        self.variance = (3.0 * self.variance + (self.smoothed - adjusted).abs()) / 4.0;
        self.smoothed = (7.0 * self.smoothed + adjusted) / 8.0;
    }

    fn pto(&self) -> f64 {
        self.smoothed + (4.0 * self.variance).max(TIMER_GRANULARITY) + MAX_ACK_DELAY
    }
}

/// A datagram on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram {
    pub(super) number: u64,
    pub(super) bytes: u64,
    pub(super) chunk_start: u64,
    pub(super) chunk_bytes: u64,
}

/// An acknowledgement: of everything that had arrived before the log's position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ack {
    pub(super) log_length: usize,
    pub(super) delay: f64,
}

impl Sender {
    /// Begins when the handshake has given a first round-trip time.
    pub(super) fn new(now: f64, rtt: f64, source: Source, mut control: Box<dyn Control>) -> Self {
        control.on_sent(now - rtt, BASE_MTU);
        control.on_ack(now, now - rtt, BASE_MTU, true);
        control.on_end_acks(now, 0);
        Self {
            control,
            source,
            started: now,
            next_start: 0,
            again: VecDeque::new(),
            in_flight: BTreeMap::new(),
            in_flight_bytes: 0,
            next_number: 0,
            largest_acked: None,
            heard: 0,
            rtt: Rtt::new(rtt),
            probes: 0,
            pto_count: 0,
            last_sent: now,
            loss_at: None,
            pace_at: None,
            tokens: MIN_BURST_PACKETS * BASE_MTU as f64,
            paced: now,
            app_limited: true,
            known_mtu: BASE_MTU,
            sent_bytes: 0,
            sent_packets: 0,
            lost_packets: 0,
        }
    }

    fn mtu(&self, now: f64) -> u64 {
        if now < self.started + MTU_ROUNDS * self.rtt.min { BASE_MTU } else { FULL_MTU }
    }

    fn available(&self, now: f64) -> u64 {
        match self.source {
            Source::Content(bytes) => bytes,
            Source::Rate(rate) => (rate * (now - self.started)) as u64,
            Source::Endless => u64::MAX,
        }
    }

    /// What the next datagram carries.
    fn take(&mut self, now: f64) -> Option<Chunk> {
        if let Some(chunk) = self.again.pop_front() {
            return Some(chunk);
        }
        let room = self.mtu(now) - QUIC_BYTES;
        let bytes = room.min(self.available(now).saturating_sub(self.next_start));
        // A source with a rate hands over whole packets, but for its end.
        let whole = bytes == room || matches!(self.source, Source::Content(_));
        if bytes == 0 || !whole {
            return None;
        }
        let chunk = Chunk { start: self.next_start, bytes };
        self.next_start += bytes;
        Some(chunk)
    }

    fn has_content(&self, now: f64) -> bool {
        let left = self.available(now).saturating_sub(self.next_start);
        !self.again.is_empty()
            || left >= self.mtu(now) - QUIC_BYTES
            || (left > 0 && matches!(self.source, Source::Content(_)))
    }

    /// All that may be sent now.
    pub(super) fn poll(&mut self, now: f64) -> Vec<Datagram> {
        let mut out = Vec::new();
        let mut batch = 0;
        if self.mtu(now) != self.known_mtu {
            self.known_mtu = self.mtu(now);
            self.control.on_mtu(self.known_mtu);
        }
        self.pace_at = None;
        let mut blocked = false;
        loop {
            let probe = self.probes > 0;
            if !probe {
                if !self.has_content(now) {
                    break;
                }
                let mtu = self.mtu(now);
                if self.in_flight_bytes + mtu >= self.control.window(now) || self.is_paced(now, mtu) {
                    blocked = true;
                    break;
                }
            }
            let Some(chunk) = self.take(now).or_else(|| self.oldest()) else { break };
            self.probes = self.probes.saturating_sub(1);
            let bytes = chunk.bytes + QUIC_BYTES;
            let number = self.next_number;
            self.next_number += 1;
            self.in_flight.insert(number, Sent { at: now, bytes, chunk });
            self.in_flight_bytes += bytes;
            self.tokens = (self.tokens - bytes as f64).max(0.0);
            self.last_sent = now;
            self.sent_bytes += bytes + super::path::HEADER_BYTES;
            self.sent_packets += 1;
            batch += bytes;
            out.push(Datagram { number, bytes, chunk_start: chunk.start, chunk_bytes: chunk.bytes });
        }
        if batch > 0 {
            self.control.on_sent(now, batch);
        }
        self.app_limited = !blocked;
        out
    }

    /// A probe with nothing new to send sends a copy.
    fn oldest(&self) -> Option<Chunk> {
        self.in_flight.values().next().map(|sent| sent.chunk)
    }

    fn is_paced(&mut self, now: f64, mtu: u64) -> bool {
        let (rate, capacity) = match self.control.pacing() {
            Pacing::None => return false,
            Pacing::Quinn => {
                let rate = PACING_GAIN * self.control.window(now) as f64 / self.rtt.smoothed;
                (rate, (rate / PACING_GAIN * 0.002).max(MIN_BURST_PACKETS * mtu as f64))
            }
            Pacing::Rate(rate) => (rate, 2.0 * mtu as f64),
        };
        self.tokens = self.tokens.min(capacity);
        if self.tokens >= mtu as f64 {
            return false;
        }
        self.tokens = (self.tokens + rate * (now - self.paced)).min(capacity);
        self.paced = now;
        if self.tokens >= mtu as f64 {
            return false;
        }
        // Quinn waits for a full bucket.
        self.pace_at = Some(now + (capacity.max(mtu as f64) - self.tokens) / rate);
        true
    }

    /// `log` is what arrived at the receiver, in order.
    pub(super) fn acknowledged(&mut self, now: f64, ack: Ack, log: &[u64]) {
        let news = log.get(self.heard..ack.log_length).unwrap_or_default();
        self.heard = self.heard.max(ack.log_length);
        let mut news: Vec<u64> = news.to_vec();
        news.sort_unstable();
        let mut largest = None;
        for number in news {
            let Some(sent) = self.in_flight.remove(&number) else { continue };
            self.in_flight_bytes -= sent.bytes;
            self.control.on_ack(now, sent.at, sent.bytes, self.app_limited);
            largest = Some((number, sent.at));
        }
        let Some((number, at)) = largest else { return };
        self.control.on_end_acks(now, self.in_flight_bytes);
        if self.largest_acked.is_none_or(|before| number > before) {
            self.largest_acked = Some(number);
            self.rtt.update(ack.delay.min(MAX_ACK_DELAY), now - at);
        }
        self.find_losses(now);
        self.pto_count = 0;
    }

    fn find_losses(&mut self, now: f64) {
        self.loss_at = None;
        let Some(largest) = self.largest_acked else { return };
        let delay = (self.rtt.smoothed.max(self.rtt.latest) * 9.0 / 8.0).max(TIMER_GRANULARITY);
        let mut lost = Vec::new();
        for (&number, sent) in self.in_flight.range(..largest) {
            if now - sent.at >= delay - 1e-9 || largest >= number + PACKET_THRESHOLD {
                lost.push(number);
            } else {
                let at = sent.at + delay;
                self.loss_at = Some(self.loss_at.map_or(at, |before| before.min(at)));
            }
        }
        let mut bytes = 0;
        let mut newest = 0.0;
        for number in lost {
            let Some(sent) = self.in_flight.remove(&number) else { continue };
            self.in_flight_bytes -= sent.bytes;
            self.again.push_back(sent.chunk);
            self.lost_packets += 1;
            bytes += sent.bytes;
            newest = sent.at;
        }
        if bytes > 0 {
            self.control.on_lost(now, newest, bytes);
        }
    }

    /// When something is to be done next.
    pub(super) fn deadline(&self, now: f64) -> Option<f64> {
        let pto = self.loss_at.is_none().then(|| self.pto_at()).flatten();
        let data = match self.source {
            Source::Rate(rate) if !self.has_content(now) => {
                Some(self.started + (self.next_start + FULL_MTU - QUIC_BYTES + 1) as f64 / rate)
            }
            _ => None,
        };
        [self.loss_at, pto, self.pace_at, data].into_iter().flatten().min_by(f64::total_cmp)
    }

    fn pto_at(&self) -> Option<f64> {
        (!self.in_flight.is_empty())
            .then(|| self.last_sent + self.rtt.pto() * f64::from(1_u32 << self.pto_count.min(16)))
    }

    pub(super) fn expire(&mut self, now: f64) {
        if self.loss_at.is_some_and(|at| at <= now) {
            self.find_losses(now);
        } else if self.loss_at.is_none() && self.pto_at().is_some_and(|at| at <= now) {
            self.probes = 2;
            self.pto_count += 1;
        }
    }
}

/// The other end: what arrived, and when it says so.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    pub(super) log: Vec<u64>,
    largest: Option<u64>,
    unacknowledged: u32,
    pub(super) ack_at: Option<f64>,
    oldest_unacknowledged: f64,
    chunks: BTreeMap<u64, u64>,
    pub(super) content_bytes: u64,
}

impl Receiver {
    /// True where an acknowledgement goes out at once.
    pub(super) fn receive(&mut self, now: f64, datagram: Datagram) -> bool {
        let gap = self.largest.map_or(datagram.number > 0, |largest| datagram.number != largest + 1);
        self.largest = Some(self.largest.map_or(datagram.number, |largest| largest.max(datagram.number)));
        self.log.push(datagram.number);
        if self.chunks.insert(datagram.chunk_start, datagram.chunk_bytes).is_none() {
            self.content_bytes += datagram.chunk_bytes;
        }
        if self.unacknowledged == 0 {
            self.oldest_unacknowledged = now;
        }
        self.unacknowledged += 1;
        let at_once = gap || self.unacknowledged >= 2;
        self.ack_at = (!at_once).then_some(self.oldest_unacknowledged + MAX_ACK_DELAY);
        at_once
    }

    pub(super) fn acknowledge(&mut self, now: f64) -> Ack {
        self.ack_at = None;
        self.unacknowledged = 0;
        Ack { log_length: self.log.len(), delay: now - self.oldest_unacknowledged }
    }
}
