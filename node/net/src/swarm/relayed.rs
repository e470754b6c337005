//! Relayed connections, until something better stands or it is clear that nothing will.
//!
//! A relayed connection is held back at first: a hole is punched within a few round trips, and whoever began to talk
//! over the relay would have to begin anew. If none is punched in time, it is used. If one is punched later, what is going
//! on over the relay has some time to come to its end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use libp2p::PeerId;
use libp2p::swarm::ConnectionId;

use super::peers::Link;

/// How long who has dialled waits for a hole. Over links of 100 ms it takes a second. Whoever wants a file through the
/// tree waits 10 s for a link in all.
const PATIENCE: Duration = Duration::from_secs(5);

/// The other side is ready before it is greeted.
const PATIENCE_OF_DIALLED: Duration = Duration::from_secs(4);

/// What runs over a relay when a direct connection comes may go on for so long.
const FAREWELL: Duration = Duration::from_secs(30);

/// The relayed connections that are not in use yet, and those that are no more.
#[derive(Debug, Default)]
pub(super) struct Relayed {
    held: HashMap<PeerId, (Instant, Link)>,
    leaving: Vec<(Instant, ConnectionId)>,
}

/// What is to be done by now.
#[derive(Debug, Default)]
pub(super) struct Due {
    /// No hole was punched: these are used.
    pub(super) used: Vec<(PeerId, Link)>,
    pub(super) closed: Vec<ConnectionId>,
}

impl Relayed {
    /// Holds a new relayed connection; one that was held before is to be closed.
    pub(super) fn hold(&mut self, peer: PeerId, link: Link) -> Option<ConnectionId> {
        let patience = if link.inbound { PATIENCE_OF_DIALLED } else { PATIENCE };
        let before = self.held.insert(peer, (link.begun + patience, link));
        before.map(|(_, link)| link.id)
    }

    /// A direct connection stands: the held one is to be closed.
    pub(super) fn release(&mut self, peer: &PeerId) -> Option<ConnectionId> {
        self.held.remove(peer).map(|(_, link)| link.id)
    }

    /// No hole can be punched, as is known before the time is over: the held connection is to be used.
    pub(super) fn give_up(&mut self, peer: &PeerId) -> Option<Link> {
        self.held.remove(peer).map(|(_, link)| link)
    }

    /// A connection has ended. True where it was held, so that nobody has heard of it.
    pub(super) fn ended(&mut self, peer: &PeerId, id: ConnectionId) -> bool {
        self.leaving.retain(|(_, leaving)| *leaving != id);
        let is_held = self.held.get(peer).is_some_and(|(_, link)| link.id == id);
        if is_held {
            self.held.remove(peer);
        }
        is_held
    }

    /// A direct connection has come while this relayed one is in use.
    pub(super) fn leave(&mut self, id: ConnectionId, now: Instant) {
        if self.leaving.iter().all(|(_, leaving)| *leaving != id) {
            self.leaving.push((now + FAREWELL, id));
        }
    }

    /// When something is due next.
    pub(super) fn next(&self) -> Option<Instant> {
        self.held.values().map(|(at, _)| *at).chain(self.leaving.iter().map(|(at, _)| *at)).min()
    }

    pub(super) fn due(&mut self, now: Instant) -> Due {
        let ripe: Vec<_> = self.held.iter().filter(|(_, (at, _))| *at <= now).map(|(peer, _)| *peer).collect();
        let used = ripe.into_iter().filter_map(|peer| Some((peer, self.held.remove(&peer)?.1))).collect();
        let closed = self.leaving.extract_if(.., |(at, _)| *at <= now).map(|(_, id)| id).collect();
        Due { used, closed }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kapok_protocol::time::Timestamp;
    use libp2p::Multiaddr;

    use super::*;

    fn link(id: usize, inbound: bool, begun: Instant) -> Link {
        Link {
            id: ConnectionId::new_unchecked(id),
            address: Multiaddr::empty(),
            inbound,
            relayed: true,
            begun,
            since: Timestamp(0),
            rtt: None,
            min_rtt: None,
            missed_pings: 0,
            observed: None,
        }
    }

    #[test]
    fn a_relayed_connection_is_used_when_no_hole_was_punched_in_time() {
        let (peer, now) = (PeerId::random(), Instant::now());
        let mut relayed = Relayed::default();
        relayed.hold(peer, link(1, false, now));
        assert!(relayed.due(now + PATIENCE_OF_DIALLED).used.is_empty());
        let at = relayed.next().unwrap();
        assert_eq!(relayed.due(at).used[0].1.id, ConnectionId::new_unchecked(1));
        assert_eq!(relayed.next(), None);
        relayed.hold(peer, link(2, false, now));
        assert_eq!(relayed.give_up(&peer).unwrap().id, ConnectionId::new_unchecked(2));
        assert_eq!(relayed.next(), None);
    }

    #[test]
    fn who_was_dialled_is_ready_before_it_is_greeted() {
        let (peer, now) = (PeerId::random(), Instant::now());
        let (mut dialled, mut dialler) = (Relayed::default(), Relayed::default());
        dialled.hold(peer, link(1, true, now));
        dialler.hold(peer, link(1, false, now));
        assert!(dialled.next() < dialler.next());
    }

    #[test]
    fn of_a_connection_that_became_direct_nobody_hears() {
        let (peer, now) = (PeerId::random(), Instant::now());
        let mut relayed = Relayed::default();
        relayed.hold(peer, link(1, true, now));
        assert_eq!(relayed.release(&peer), Some(ConnectionId::new_unchecked(1)));
        assert!(!relayed.ended(&peer, ConnectionId::new_unchecked(1)));
        assert_eq!(relayed.next(), None);
    }

    #[test]
    fn what_runs_over_a_relay_may_come_to_its_end() {
        let (peer, now, id) = (PeerId::random(), Instant::now(), ConnectionId::new_unchecked(1));
        let mut relayed = Relayed::default();
        relayed.leave(id, now);
        relayed.leave(id, now + FAREWELL / 2);
        assert!(relayed.due(now + FAREWELL / 2).closed.is_empty());
        assert_eq!(relayed.due(now + FAREWELL).closed, vec![id]);
        relayed.leave(id, now);
        assert!(!relayed.ended(&peer, id));
        assert_eq!(relayed.next(), None);
    }
}
