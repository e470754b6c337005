//! How others reach this node: what the task does about relays, reservations and holes.

use std::time::Instant;

use kapok_protocol::identity::NodeId;
use libp2p::core::{ConnectedPoint, Endpoint as Role};
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId, dcutr, identify, relay};

use super::neighbours::LinkKind;
use super::node_id;
use super::peers::Link;
use super::task::Task;
use crate::transport::address::{self, Kind};

/// How others reach this node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Whether a router gives this node another address outside than it has itself. `None` until a member outside the
    /// local network has said where it sees this node.
    pub behind_nat: Option<bool>,
    /// The node through which others are let through to this one.
    pub relay: Option<NodeId>,
}

/// Who dialled, and where the peer is.
pub(super) fn read(endpoint: &ConnectedPoint) -> (Multiaddr, bool) {
    match endpoint {
        // Who punches a hole waits for the call.
        ConnectedPoint::Dialer { address, role_override, .. } => (address.clone(), *role_override == Role::Listener),
        // Of a relayed call, the relay's address says more than the caller's, which is its id alone.
        ConnectedPoint::Listener { local_addr, .. } if endpoint.is_relayed() => (local_addr.clone(), true),
        ConnectedPoint::Listener { send_back_addr, .. } => (send_back_addr.clone(), true),
    }
}

impl Task {
    /// When something is due here.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.relayed.next().into_iter().chain(self.reservation.next()).min()
    }

    pub(super) fn do_what_is_due(&mut self) {
        let now = Instant::now();
        let due = self.relayed.due(now);
        for (peer, link) in due.used {
            tracing::debug!(address = %link.address, "no hole was punched; the relay is used");
            self.use_link(peer, link);
        }
        for connection in due.closed {
            self.swarm.close_connection(connection);
        }
        if let Some(relay) = self.reservation.due(now) {
            self.reserve(relay);
        }
    }

    pub(super) fn want_reservation(&mut self, relay: Option<PeerId>) {
        self.reservation.want(relay, Instant::now());
        self.tell_reach();
    }

    /// Asks a connected relay for a reservation; one that is not connected is asked when it is.
    fn reserve(&mut self, relay: PeerId) {
        let Some(link) = self.peers.preferred_link(&relay).filter(|link| !link.relayed) else { return };
        match self.swarm.listen_on(address::through(&link.address, relay)) {
            Ok(listener) => self.reservation.asked(listener, relay),
            Err(error) => tracing::debug!(%relay, reason = %super::reason::reason(&error), "no reservation"),
        }
    }

    /// Whether the listener that has ended was that of a reservation.
    pub(super) fn reservation_ended(&mut self, listener: libp2p::core::transport::ListenerId) -> bool {
        let ended = self.reservation.ended(listener, Instant::now());
        if ended {
            self.tell_reach();
        }
        ended
    }

    pub(super) fn on_circuit(&mut self, event: relay::client::Event) {
        match event {
            relay::client::Event::ReservationReqAccepted { relay_peer_id, renewal, .. } => {
                if !renewal {
                    tracing::info!(relay = %relay_peer_id, "others reach this node through its parent as well");
                }
                self.reservation.granted(relay_peer_id);
                self.tell_reach();
            }
            event => tracing::debug!(?event, "a circuit"),
        }
    }

    pub(super) fn on_punched(&mut self, event: &dcutr::Event) {
        let peer = event.remote_peer_id;
        let Err(error) = &event.result else {
            tracing::debug!(%peer, "a hole is punched");
            return;
        };
        tracing::debug!(%peer, reason = %super::reason::reason(error), "no hole can be punched");
        if let Some(link) = self.relayed.give_up(&peer) {
            self.use_link(peer, link);
        }
    }

    /// A relayed connection waits for a hole; a direct one takes the place of a relayed one.
    pub(super) fn sort_in(&mut self, peer: PeerId, link: Link) {
        if link.relayed {
            if let Some(before) = self.relayed.hold(peer, link) {
                self.swarm.close_connection(before);
            }
            return;
        }
        if let Some(held) = self.relayed.release(&peer) {
            self.swarm.close_connection(held);
        }
        let now = Instant::now();
        for relayed in self.peers.relayed(&peer) {
            self.relayed.leave(relayed, now);
        }
        self.reservation.connected(&peer, now);
        self.use_link(peer, link);
    }

    /// A peer says where it sees this node.
    pub(super) fn on_identified(&mut self, peer: &PeerId, connection: ConnectionId, info: &identify::Info) {
        if let Some(link) = self.peers.link_mut(peer, connection) {
            link.observed = Some(info.observed_addr.clone());
        }
        self.believe(peer);
    }

    /// Only members are believed: a stranger could name a third party's address, for others to call there.
    pub(super) fn believe(&mut self, peer: &PeerId) {
        if !self.swarm.behaviour().limits.recognises(peer) {
            return;
        }
        let is_near = node_id(peer).is_ok_and(|node| self.kinds.get(&node) == LinkKind::Lan);
        // Of a call that came in, the peer sees what it has dialled.
        let observed = self.peers.preferred_link(peer).filter(|link| !link.inbound && !link.relayed);
        let Some(observed) = observed.and_then(|link| link.observed.clone()) else { return };
        let Some((Kind::Quic, socket)) = address::parse(&observed) else { return };
        let is_quic = |own: &Multiaddr| address::parse(own).is_some_and(|(kind, _)| kind == Kind::Quic);
        if !self.swarm.listeners().any(is_quic) {
            // What it sees is a socket that takes no calls.
            return;
        }
        self.swarm.behaviour_mut().punching.seen_at(&observed);
        if !is_near {
            let is_own = self.swarm.listeners().any(|own| address::parse(own) == Some((Kind::Quic, socket)));
            self.behind_nat = Some(!is_own);
            self.tell_reach();
        }
    }

    fn tell_reach(&self) {
        let relay = self.reservation.holder().and_then(|relay| node_id(&relay).ok());
        let reach = Reach { behind_nat: self.behind_nat, relay };
        self.reach.send_if_modified(|told| {
            let is_new = *told != reach;
            *told = reach;
            is_new
        });
    }

    /// A relay has to name an address of its own, or libp2p's clients take its reservation for a fault.
    pub(super) fn name_relay(&mut self) {
        if !self.swarm.behaviour().relay.is_enabled() || self.swarm.external_addresses().next().is_some() {
            return;
        }
        let is_near = |address: &Multiaddr| address::parse(address).is_none_or(|(_, at)| at.ip().is_loopback());
        let direct = self.swarm.listeners().filter(|address| !address::is_relayed(address));
        if let Some(address) = direct.min_by_key(|address| is_near(address)).cloned() {
            self.swarm.add_external_address(address);
        }
    }
}
