//! Keeping a reservation at a relay: being reachable through it.
//!
//! Whether a node is behind NAT need not be known for that. A reservation is kept wherever a relay is connected anyway,
//! costs a few hundred bytes an hour, and is used only by those whom no address of this node answers.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::core::transport::ListenerId;

/// Until a relay that has refused is asked again; doubled up to the longest. The first refusal is usual: the relay does
/// not know yet that this node is a member.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(10 * 60);

/// After a connection stands again. Until then the line belongs to the catalogue, and one that comes and goes asks for
/// nothing.
const SETTLED: Duration = Duration::from_secs(30);

/// The reservation of this node.
#[derive(Debug)]
pub(super) struct Reservation {
    relay: Option<PeerId>,
    /// The listeners through which libp2p keeps it, also of relays that are not wanted any more: they end with their
    /// connection. (Ending one while it asks for its renewal is more than libp2p-relay 0.22 bears.)
    listeners: HashMap<ListenerId, PeerId>,
    granted: Option<PeerId>,
    ask_at: Option<Instant>,
    pause: Duration,
}

impl Default for Reservation {
    fn default() -> Self {
        Self { relay: None, listeners: HashMap::new(), granted: None, ask_at: None, pause: FIRST_PAUSE }
    }
}

impl Reservation {
    /// Who the relay is to be from now on; it is asked at once.
    pub(super) fn want(&mut self, relay: Option<PeerId>, now: Instant) {
        if self.relay != relay {
            self.relay = relay;
            self.granted = self.granted.filter(|granted| Some(*granted) == relay);
            self.pause = FIRST_PAUSE;
            self.ask_at = relay.map(|_| now);
        }
    }

    /// A direct connection with `peer` stands.
    pub(super) fn connected(&mut self, peer: &PeerId, now: Instant) {
        if self.relay.as_ref() == Some(peer) && !self.is_asked(peer) {
            self.pause = FIRST_PAUSE;
            self.ask_at = Some(now + SETTLED);
        }
    }

    /// The relay to ask now.
    pub(super) fn due(&mut self, now: Instant) -> Option<PeerId> {
        self.ask_at.take_if(|at| *at <= now)?;
        self.relay.filter(|relay| !self.is_asked(relay))
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.ask_at
    }

    pub(super) fn asked(&mut self, listener: ListenerId, relay: PeerId) {
        self.listeners.insert(listener, relay);
    }

    fn is_asked(&self, relay: &PeerId) -> bool {
        self.listeners.values().any(|asked| asked == relay)
    }

    pub(super) fn granted(&mut self, relay: PeerId) {
        if self.relay == Some(relay) {
            self.granted = Some(relay);
            self.pause = FIRST_PAUSE;
        }
    }

    /// A listener has ended. True where it was one of a reservation: refused, or gone with its connection.
    pub(super) fn ended(&mut self, listener: ListenerId, now: Instant) -> bool {
        let Some(relay) = self.listeners.remove(&listener) else { return false };
        if self.relay == Some(relay) {
            self.granted = None;
            self.ask_at = Some(now + self.pause);
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        true
    }

    /// The relay that lets others through to this node.
    pub(super) fn holder(&self) -> Option<PeerId> {
        self.granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_that_refuses_is_asked_again_ever_more_seldom() {
        let (relay, mut now) = (PeerId::random(), Instant::now());
        let mut reservation = Reservation::default();
        reservation.want(Some(relay), now);
        let mut asked = 0;
        let end = now + Duration::from_secs(3600);
        while now < end {
            assert_eq!(reservation.due(now), Some(relay));
            asked += 1;
            let listener = ListenerId::next();
            reservation.asked(listener, relay);
            assert!(reservation.ended(listener, now));
            now = reservation.next().unwrap_or(end);
        }
        assert!((10..20).contains(&asked), "{asked}");
    }

    #[test]
    fn a_reservation_is_asked_for_once_and_again_when_the_relay_is_back() {
        let (relay, now) = (PeerId::random(), Instant::now());
        let mut reservation = Reservation::default();
        reservation.connected(&relay, now);
        assert_eq!(reservation.due(now), None);
        reservation.want(Some(relay), now);
        assert_eq!(reservation.due(now), Some(relay));
        let listener = ListenerId::next();
        reservation.asked(listener, relay);
        reservation.granted(relay);
        reservation.connected(&relay, now);
        assert_eq!((reservation.due(now), reservation.holder()), (None, Some(relay)));
        assert!(reservation.ended(listener, now));
        assert_eq!(reservation.holder(), None);
        reservation.connected(&relay, now);
        assert_eq!(reservation.due(now), None);
        assert_eq!(reservation.due(now + SETTLED), Some(relay));
        assert!(!reservation.ended(ListenerId::next(), now));
    }
}
