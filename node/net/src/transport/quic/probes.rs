//! Probes into an outage, thinned out.
//!
//! When nothing has answered for a probe timeout, QUIC sends two full packets at once (RFC 9002 §6.2.4), and twice as
//! late the next two. Where a line is down, all of them are lost, and have to be sent again: at 64 kbit/s with outages of
//! ten seconds that is 6 % of all that is sent. One of each pair tells as much.
//!
//! This is a socket that forgets the second; QUIC takes it for lost, which it is prepared for. Only packets of
//! connections that stand are looked at, and only towards an address from which nothing has come for longer than answers
//! take.

use std::collections::HashMap;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use quinn::udp::{RecvMeta, Transmit};
use quinn::{AsyncUdpSocket, UdpPoller};

/// Packets that have waited so long for any answer may be in an outage. Longer than a round trip over a satellite; where
/// answers take longer still, the first flight is sent a little slower.
const SILENCE: Duration = Duration::from_secs(1);
/// A full packet so soon after another is its twin: pacing keeps full packets further apart on lines that are slow enough
/// for twins to matter.
const TWIN: Duration = Duration::from_millis(20);
/// Smaller packets are acknowledgements and signs of life.
const FULL_BYTES: usize = 600;
/// First bit of packets of the handshake (RFC 8999 §5.1).
const LONG_HEADER: u8 = 0x80;
/// Addresses that are followed. More than a node has peers; beyond it, those that are silent longest are forgotten.
const MAX_ADDRESSES: usize = 1024;

/// What went to and came from one address.
#[derive(Clone, Copy, Debug)]
struct Silence {
    /// When the first full packet went out that nothing has answered.
    since: Option<Instant>,
    sent_at: Instant,
    full_at: Option<Instant>,
}

/// What went to and came from all addresses.
#[derive(Debug, Default)]
struct Silences(HashMap<SocketAddr, Silence>);

impl Silences {
    fn heard(&mut self, from: SocketAddr) {
        if let Some(silence) = self.0.get_mut(&from) {
            silence.since = None;
        }
    }

    /// How many bytes of what is to be sent should go out.
    fn allow(&mut self, now: Instant, to: SocketAddr, contents: &[u8], segment_bytes: Option<usize>) -> usize {
        if self.0.len() >= MAX_ADDRESSES && !self.0.contains_key(&to) {
            let oldest = self.0.iter().min_by_key(|(_, silence)| silence.sent_at).map(|(address, _)| *address);
            oldest.map(|address| self.0.remove(&address));
        }
        let silence = self.0.entry(to).or_insert(Silence { since: None, sent_at: now, full_at: None });
        silence.sent_at = now;
        let first_bytes = segment_bytes.map_or(contents.len(), |bytes| bytes.min(contents.len()));
        if first_bytes < FULL_BYTES || contents.first().is_none_or(|first| first & LONG_HEADER != 0) {
            return contents.len();
        }
        // Only these: of the acknowledgement that ended an exchange nobody will ever say that it came.
        let since = *silence.since.get_or_insert(now);
        let is_dark = now.duration_since(since) >= SILENCE;
        if is_dark && silence.full_at.is_some_and(|at| now.duration_since(at) < TWIN) {
            return 0;
        }
        silence.full_at = Some(now);
        if is_dark { first_bytes } else { contents.len() }
    }
}

/// A socket that sends one of two probes.
#[derive(Debug)]
pub(super) struct Thinned {
    socket: Arc<dyn AsyncUdpSocket>,
    silences: Mutex<Silences>,
}

impl Thinned {
    pub(super) fn new(socket: Arc<dyn AsyncUdpSocket>) -> Self {
        Self { socket, silences: Mutex::default() }
    }
}

impl AsyncUdpSocket for Thinned {
    fn create_io_poller(self: Arc<Self>) -> Pin<Box<dyn UdpPoller>> {
        Arc::clone(&self.socket).create_io_poller()
    }

    fn try_send(&self, transmit: &Transmit<'_>) -> io::Result<()> {
        let (to, contents) = (transmit.destination, transmit.contents);
        let mut silences = self.silences.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = silences.allow(Instant::now(), to, contents, transmit.segment_size);
        drop(silences);
        if bytes == contents.len() {
            return self.socket.try_send(transmit);
        }
        if bytes == 0 {
            return Ok(());
        }
        let (destination, ecn, src_ip) = (transmit.destination, transmit.ecn, transmit.src_ip);
        let first = Transmit { destination, ecn, contents: &contents[..bytes], segment_size: None, src_ip };
        self.socket.try_send(&first)
    }

    fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        meta: &mut [RecvMeta],
    ) -> Poll<io::Result<usize>> {
        let came = ready!(self.socket.poll_recv(cx, bufs, meta));
        if let Ok(count) = came {
            let mut silences = self.silences.lock().unwrap_or_else(PoisonError::into_inner);
            meta.iter().take(count).for_each(|meta| silences.heard(meta.addr));
        }
        Poll::Ready(came)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn max_transmit_segments(&self) -> usize {
        self.socket.max_transmit_segments()
    }

    fn max_receive_segments(&self) -> usize {
        self.socket.max_receive_segments()
    }

    fn may_fragment(&self) -> bool {
        self.socket.may_fragment()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: [u8; 1200] = [0x40; 1200];
    const SMALL: [u8; 60] = [0x40; 60];

    fn peer() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 9))
    }

    fn after(begun: Instant, millis: u64) -> Instant {
        begun + Duration::from_millis(millis)
    }

    #[test]
    fn of_two_probes_into_an_outage_one_goes_out() {
        let (mut silences, begun) = (Silences::default(), Instant::now());
        assert_eq!(silences.allow(begun, peer(), &FULL, None), 1200);
        silences.heard(peer());
        // The line goes down.
        assert_eq!(silences.allow(after(begun, 100), peer(), &FULL, None), 1200);
        assert_eq!(silences.allow(after(begun, 1_200), peer(), &FULL, None), 1200);
        assert_eq!(silences.allow(after(begun, 1_201), peer(), &FULL, None), 0);
        assert_eq!(silences.allow(after(begun, 1_202), peer(), &SMALL, None), 60);
        assert_eq!(silences.allow(after(begun, 3_200), peer(), &[0x40; 2400], Some(1200)), 1200);
        // It is back.
        silences.heard(peer());
        assert_eq!(silences.allow(after(begun, 3_300), peer(), &FULL, None), 1200);
        assert_eq!(silences.allow(after(begun, 3_301), peer(), &[0x40; 2400], Some(1200)), 2400);
    }

    #[test]
    fn a_handshake_and_the_first_words_after_a_pause_go_out_whole() {
        let (mut silences, begun) = (Silences::default(), Instant::now());
        for millis in [0, 1, 2_000, 2_001] {
            assert_eq!(silences.allow(after(begun, millis), peer(), &[0xc0; 1200], None), 1200);
        }
        silences.heard(peer());
        silences.allow(after(begun, 2_100), peer(), &SMALL, None);
        for millis in [600_000, 600_001] {
            assert_eq!(silences.allow(after(begun, millis), peer(), &FULL, None), 1200);
        }
    }

    #[test]
    fn no_more_addresses_are_followed_than_a_node_has_peers() {
        let (mut silences, begun) = (Silences::default(), Instant::now());
        for port in 0..3_000 {
            let to = SocketAddr::from(([127, 0, 0, 1], port));
            silences.allow(after(begun, u64::from(port)), to, &SMALL, None);
        }
        assert_eq!(silences.0.len(), MAX_ADDRESSES);
    }
}
