//! Passing bytes on between members that cannot reach each other (libp2p specs, "relay", circuit v2).
//!
//! A node behind NAT keeps a reservation where it is connected anyway, at its parent; others then reach it through that
//! node until a hole is punched (`punching`). The relay sees who talks with whom, and ciphertext.
//!
//! Only members are served, for whom the drivers have called [`recognise`](super::Network::recognise): neither a
//! reservation nor a circuit is for strangers.

use std::time::Duration;

use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{Multiaddr, PeerId, relay};

use super::limits::Recognised;

/// As many as there can be connections.
const MAX_RESERVATIONS: usize = 512;

/// One, and one on a connection that is dead and not noticed.
const MAX_RESERVATIONS_PER_PEER: usize = 2;

/// A renewal costs 200 bytes and comes at three quarters of it.
const RESERVATION: Duration = Duration::from_secs(60 * 60);

/// A circuit lasts for seconds where a hole can be punched. Those that stay are of pairs of which one has a router that
/// gives each call another port.
const MAX_CIRCUITS: usize = 64;
const MAX_CIRCUITS_PER_PEER: usize = 8;

/// A session about 100,000 entries over 64 kbit/s takes less. What is cut off is taken up again where it was.
const MAX_CIRCUIT: Duration = Duration::from_secs(60 * 60);

/// The catalogue of a city has 30 MB on its first day at a node, and less ever after. Files come through the tree, where
/// they cost the same and leave a copy.
const MAX_CIRCUIT_BYTES: u64 = 64 * 1024 * 1024;

/// The relay, where it is wanted.
pub(super) fn relay(wanted: bool, local: PeerId, members: &Recognised) -> Toggle<relay::Behaviour> {
    if !wanted {
        return None.into();
    }
    let is_member = |members: &Recognised| {
        let members = members.clone();
        Box::new(move |peer: PeerId, _: &Multiaddr, _: std::time::Instant| members.contains(&peer))
    };
    let config = relay::Config {
        max_reservations: MAX_RESERVATIONS,
        max_reservations_per_peer: MAX_RESERVATIONS_PER_PEER,
        reservation_duration: RESERVATION,
        reservation_rate_limiters: vec![is_member(members)],
        max_circuits: MAX_CIRCUITS,
        max_circuits_per_peer: MAX_CIRCUITS_PER_PEER,
        max_circuit_duration: MAX_CIRCUIT,
        max_circuit_bytes: MAX_CIRCUIT_BYTES,
        circuit_src_rate_limiters: vec![is_member(members)],
    };
    let mut relay = relay::Behaviour::new(local, config);
    relay.set_status(Some(relay::Status::Enable));
    Some(relay).into()
}
