//! Who is connected, and which connection to use where there are several.
//!
//! Two nodes that dial each other at the same moment get two connections; a node that was restarted calls again while
//! its old connection still looks alive. Both ends must come to agree on one, without talking about it:
//!
//! - A later connection *in the same direction* is used, and once [`SIMULTANEOUS`] has passed it supersedes the earlier:
//!   whoever dials has no living one. (Before, both may come from one call that tried two addresses; then the dialler
//!   closes one.)
//! - Of two in opposite directions that began within [`SIMULTANEOUS`], both are alive; the one that the smaller node id
//!   dialled is used, and the other closes when it is idle.
//! - Otherwise the later is used: for one side the earlier is gone already.
//!
//! All that is among direct connections. One through a relay is used only where there is no other, and supersedes none.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use kapok_protocol::identity::NodeId;
use kapok_protocol::time::Timestamp;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId};

use crate::transport::HANDSHAKE_TIMEOUT;

/// A dial that was begun before the other connection stood is at most this much later than it.
const SIMULTANEOUS: Duration = HANDSHAKE_TIMEOUT;

/// A connected peer, as `kapok peers` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    pub node: NodeId,
    /// Where it is, without `/p2p/…`. For an inbound connection not necessarily where it listens.
    pub address: Multiaddr,
    /// The last measured round trip; `None` in the first moments.
    pub rtt_ms: Option<u32>,
    pub since: Timestamp,
    /// Whether the peer dialled.
    pub inbound: bool,
    /// What the peer says it runs, shortened. Not to be trusted.
    pub agent: Option<String>,
}

/// One connection.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) id: ConnectionId,
    pub(super) address: Multiaddr,
    pub(super) inbound: bool,
    /// It goes through a third node.
    pub(super) relayed: bool,
    pub(super) begun: Instant,
    pub(super) since: Timestamp,
    pub(super) rtt: Option<Duration>,
    pub(super) min_rtt: Option<Duration>,
    pub(super) missed_pings: u32,
    /// Where the peer says that it sees this node.
    pub(super) observed: Option<Multiaddr>,
}

#[derive(Debug)]
struct Peer {
    node: NodeId,
    agent: Option<String>,
    /// In the order in which they began.
    links: Vec<Link>,
}

/// All connections of this node, by peer. No peer is without a link.
#[derive(Debug)]
pub(super) struct Peers {
    local: NodeId,
    peers: HashMap<PeerId, Peer>,
}

/// What a new connection means.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Added {
    /// It is the only one to this peer.
    pub(super) first: bool,
    /// These are dead or unwanted: close them.
    pub(super) superseded: Vec<ConnectionId>,
}

/// What the end of a connection means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Removed {
    Unknown,
    OthersRemain,
    Last(NodeId),
}

impl Peers {
    pub(super) fn new(local: NodeId) -> Self {
        Self { local, peers: HashMap::new() }
    }

    pub(super) fn add(&mut self, peer: PeerId, node: NodeId, link: Link) -> Added {
        let entry = self.peers.entry(peer).or_insert_with(|| Peer { node, agent: None, links: Vec::new() });
        let dead = |old: &&Link| {
            old.relayed == link.relayed
                && old.inbound == link.inbound
                && link.begun.saturating_duration_since(old.begun) >= SIMULTANEOUS
        };
        let superseded = entry.links.iter().filter(dead).map(|old| old.id).collect();
        entry.links.push(link);
        Added { first: entry.links.len() == 1, superseded }
    }

    pub(super) fn remove(&mut self, peer: &PeerId, id: ConnectionId) -> Removed {
        let Some(entry) = self.peers.get_mut(peer) else { return Removed::Unknown };
        entry.links.retain(|link| link.id != id);
        if !entry.links.is_empty() {
            return Removed::OthersRemain;
        }
        let node = entry.node;
        self.peers.remove(peer);
        Removed::Last(node)
    }

    /// The connection to use.
    pub(super) fn preferred(&self, peer: &PeerId) -> Option<ConnectionId> {
        self.peers.get(peer).map(|peer| preferred(&self.local, peer).id)
    }

    pub(super) fn preferred_link(&self, peer: &PeerId) -> Option<&Link> {
        self.peers.get(peer).map(|peer| preferred(&self.local, peer))
    }

    pub(super) fn node(&self, peer: &PeerId) -> Option<NodeId> {
        self.peers.get(peer).map(|peer| peer.node)
    }

    pub(super) fn link_mut(&mut self, peer: &PeerId, id: ConnectionId) -> Option<&mut Link> {
        self.peers.get_mut(peer)?.links.iter_mut().find(|link| link.id == id)
    }

    pub(super) fn links(&self, peer: &PeerId) -> impl Iterator<Item = ConnectionId> {
        self.peers.get(peer).into_iter().flat_map(|peer| peer.links.iter().map(|link| link.id))
    }

    /// Those through another node.
    pub(super) fn relayed(&self, peer: &PeerId) -> Vec<ConnectionId> {
        let links = self.peers.get(peer).into_iter().flat_map(|peer| &peer.links);
        links.filter(|link| link.relayed).map(|link| link.id).collect()
    }

    pub(super) fn set_agent(&mut self, peer: &PeerId, agent: String) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.agent = Some(agent);
        }
    }

    pub(super) fn ids(&self) -> Vec<PeerId> {
        self.peers.keys().copied().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// Everybody, in the order of their ids.
    pub(super) fn status(&self) -> Vec<PeerStatus> {
        let mut all: Vec<_> = self
            .peers
            .values()
            .map(|peer| {
                let link = preferred(&self.local, peer);
                PeerStatus {
                    node: peer.node,
                    address: link.address.clone(),
                    rtt_ms: link.rtt.map(millis),
                    since: link.since,
                    inbound: link.inbound,
                    agent: peer.agent.clone(),
                }
            })
            .collect();
        all.sort_by_key(|status| status.node);
        all
    }
}

fn preferred<'a>(local: &NodeId, peer: &'a Peer) -> &'a Link {
    let newest = peer.links.last().expect("no peer is without a link");
    let mut direct = peer.links.iter().rev().filter(|link| !link.relayed);
    let Some(newest_direct) = direct.next() else { return newest };
    let opposite = direct.find(|link| link.inbound != newest_direct.inbound);
    match opposite {
        Some(older) if newest_direct.begun.saturating_duration_since(older.begun) < SIMULTANEOUS => {
            let smaller_dialled = |link: &Link| link.inbound == (peer.node < *local);
            if smaller_dialled(older) { older } else { newest_direct }
        }
        _ => newest_direct,
    }
}

/// Whole milliseconds, at least 1: what is shown is never "0 ms".
pub(super) fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kapok_protocol::identity::Keypair;

    use super::*;
    use crate::swarm::node_id::peer_id;

    /// Two nodes, the smaller id first, and their tables about each other.
    struct Pair {
        nodes: [NodeId; 2],
        tables: [Peers; 2],
        start: Instant,
        /// Whether the next connections go through a relay.
        relayed: bool,
    }

    impl Pair {
        fn new() -> Self {
            let mut nodes = [Keypair::from_secret(&[1; 32]).id(), Keypair::from_secret(&[2; 32]).id()];
            nodes.sort();
            Self { nodes, tables: nodes.map(Peers::new), start: Instant::now(), relayed: false }
        }

        /// `dialler` reaches the other; each side notices after its delay.
        fn connect(&mut self, id: usize, dialler: usize, seen_after_s: [u64; 2]) -> [Added; 2] {
            [0, 1].map(|side| {
                let other = self.nodes[1 - side];
                let link = Link {
                    id: ConnectionId::new_unchecked(id),
                    address: Multiaddr::empty(),
                    inbound: side != dialler,
                    relayed: self.relayed,
                    begun: self.start + Duration::from_secs(seen_after_s[side]),
                    since: Timestamp(0),
                    rtt: None,
                    min_rtt: None,
                    missed_pings: 0,
                    observed: None,
                };
                self.tables[side].add(peer_id(&other).unwrap(), other, link)
            })
        }

        fn used(&self) -> [Option<ConnectionId>; 2] {
            [0, 1].map(|side| self.tables[side].preferred(&peer_id(&self.nodes[1 - side]).unwrap()))
        }
    }

    #[test]
    fn nodes_that_dial_each_other_at_once_agree_on_one_connection() {
        for smaller_first in [true, false] {
            let mut pair = Pair::new();
            let dials = if smaller_first { [(1, 0), (2, 1)] } else { [(2, 1), (1, 0)] };
            for (id, dialler) in dials {
                pair.connect(id, dialler, [id as u64, 2 - id as u64]);
            }
            assert_eq!(pair.used(), [Some(ConnectionId::new_unchecked(1)); 2]);
        }
    }

    #[test]
    fn a_restarted_node_replaces_its_dead_connection() {
        let mut pair = Pair::new();
        pair.connect(1, 1, [0, 0]);
        let [at_listener, _] = pair.connect(2, 1, [31, 31]);
        assert_eq!(at_listener, Added { first: false, superseded: vec![ConnectionId::new_unchecked(1)] });
        assert_eq!(pair.used()[0], Some(ConnectionId::new_unchecked(2)));
    }

    #[test]
    fn two_addresses_answering_the_same_call_do_not_close_each_other() {
        let mut pair = Pair::new();
        pair.connect(1, 1, [0, 0]);
        let [at_listener, _] = pair.connect(2, 1, [1, 1]);
        assert_eq!(at_listener, Added { first: false, superseded: vec![] });
    }

    #[test]
    fn a_call_back_much_later_is_used_although_the_old_connection_looks_alive() {
        let mut pair = Pair::new();
        pair.connect(1, 0, [0, 0]);
        pair.connect(2, 1, [300, 300]);
        assert_eq!(pair.used(), [Some(ConnectionId::new_unchecked(2)); 2]);
    }

    #[test]
    fn a_relay_is_used_where_there_is_no_other_connection_and_supersedes_none() {
        let mut pair = Pair::new();
        pair.relayed = true;
        pair.connect(1, 0, [0, 0]);
        assert_eq!(pair.used(), [Some(ConnectionId::new_unchecked(1)); 2]);
        pair.relayed = false;
        pair.connect(2, 0, [1, 1]);
        assert_eq!(pair.used(), [Some(ConnectionId::new_unchecked(2)); 2]);
        let other = peer_id(&pair.nodes[1]).unwrap();
        assert_eq!(pair.tables[0].relayed(&other), vec![ConnectionId::new_unchecked(1)]);
        pair.relayed = true;
        let added = pair.connect(3, 0, [300, 300]);
        assert!(added.iter().all(|added| added.superseded == vec![ConnectionId::new_unchecked(1)]));
        assert_eq!(pair.used(), [Some(ConnectionId::new_unchecked(2)); 2]);
    }

    #[test]
    fn a_peer_is_gone_when_its_last_connection_is() {
        let mut pair = Pair::new();
        pair.connect(1, 0, [0, 0]);
        pair.connect(2, 1, [0, 0]);
        let other = peer_id(&pair.nodes[1]).unwrap();
        let table = &mut pair.tables[0];
        assert_eq!(table.remove(&other, ConnectionId::new_unchecked(1)), Removed::OthersRemain);
        assert_eq!(table.remove(&other, ConnectionId::new_unchecked(2)), Removed::Last(pair.nodes[1]));
        assert_eq!(table.remove(&other, ConnectionId::new_unchecked(2)), Removed::Unknown);
        assert!(table.is_empty());
    }
}
