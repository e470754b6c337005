//! Dialling: which addresses are tried for whom, and who waits for it.
//!
//! Several callers may want the same peer at once; they share one attempt ([`Dials`]). An address where somebody else
//! answers does not end the search while others are left.

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU8;

use kapok_protocol::identity::NodeId;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::ConnectionId;
use libp2p::{Multiaddr, PeerId, swarm};
use tokio::sync::oneshot;

use super::node_id::{InvalidKey, node_id};
use super::reason::reason;
use crate::transport::address::{self, Kind};

/// Addresses that are tried for one call. A node has a few interfaces, times two transports, times two families.
pub(super) const MAX_ADDRESSES: NonZeroU8 = NonZeroU8::new(16).expect("16 is not 0");

/// Peers that are being dialled at once.
const MAX_DIALS: usize = 64;

/// Why a peer could not be reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    #[error("no address is known for {0}")]
    NoAddresses(NodeId),
    #[error("{0} is this node itself")]
    Own(NodeId),
    #[error(transparent)]
    InvalidKey(#[from] InvalidKey),
    #[error("{node} cannot be reached: {}", listed(.attempts))]
    Unreachable { node: NodeId, attempts: Vec<Attempt> },
    #[error("the connection with {node} was refused: {reason}")]
    Refused { node: NodeId, reason: String },
    #[error("already dialling {MAX_DIALS} peers; try again later")]
    Busy,
    #[error("the network has been shut down")]
    Stopped,
}

/// One address that was tried in vain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub address: Multiaddr,
    pub failure: Failure,
}

/// Why an address did not lead to the peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("Kapok speaks neither QUIC nor TCP with such an address")]
    Unsupported,
    #[error("the address names another node")]
    NamesAnother,
    #[error("the name cannot be resolved: {0}")]
    NotResolved(String),
    #[error("another node answers there: {0}")]
    AnotherNode(String),
    #[error("{0}")]
    Failed(String),
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.address, self.failure)
    }
}

fn listed(attempts: &[Attempt]) -> String {
    attempts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Turns what was asked for into addresses that can be dialled: names are resolved with the system's resolver,
/// `/p2p/…` is taken off, doubles are dropped. What cannot be used comes back as failed attempts.
pub(super) async fn resolve(peer: &PeerId, addresses: Vec<Multiaddr>) -> (Vec<Multiaddr>, Vec<Attempt>) {
    let mut usable = Vec::new();
    let mut failed = Vec::new();
    for asked in addresses {
        match resolve_one(peer, &asked).await {
            Ok(found) => {
                for address in found {
                    if !usable.contains(&address) && usable.len() < MAX_ADDRESSES.get().into() {
                        usable.push(address);
                    }
                }
            }
            Err(failure) => failed.push(Attempt { address: asked, failure }),
        }
    }
    (usable, failed)
}

async fn resolve_one(peer: &PeerId, asked: &Multiaddr) -> Result<Vec<Multiaddr>, Failure> {
    let address = without_peer(asked, peer).ok_or(Failure::NamesAnother)?;
    if let Some((before, relay)) = address::relay_of(&address) {
        let found = resolve_direct(&before).await?;
        return Ok(found.iter().map(|found| address::through(found, relay)).collect());
    }
    resolve_direct(&address).await
}

/// As [`resolve`], for an address without a relay.
async fn resolve_direct(address: &Multiaddr) -> Result<Vec<Multiaddr>, Failure> {
    if address::parse(address).is_some() {
        return Ok(vec![address.clone()]);
    }
    let (name, wants) = match address.iter().next() {
        Some(Protocol::Dns(name)) => (name, None),
        Some(Protocol::Dns4(name)) => (name, Some(true)),
        Some(Protocol::Dns6(name)) => (name, Some(false)),
        _ => return Err(Failure::Unsupported),
    };
    let found =
        tokio::net::lookup_host((name.as_ref(), 0)).await.map_err(|error| Failure::NotResolved(error.to_string()))?;
    let resolved: Vec<_> = found
        .map(|socket: SocketAddr| socket.ip())
        .filter(|ip| wants.is_none_or(|ipv4| ipv4 == ip.is_ipv4()))
        .filter_map(|ip| address.replace(0, |_| Some(Protocol::from(ip))))
        .collect();
    if resolved.is_empty() {
        return Err(Failure::NotResolved("it has no address of this family".to_owned()));
    }
    if resolved.iter().any(|address| address::parse(address).is_none()) {
        return Err(Failure::Unsupported);
    }
    Ok(resolved)
}

/// `address` without `/p2p/PEER` at its end; `None` where it names somebody else.
fn without_peer(address: &Multiaddr, peer: &PeerId) -> Option<Multiaddr> {
    let mut address = address.clone();
    match address.iter().last() {
        Some(Protocol::P2p(named)) if named == *peer => {
            address.pop();
            Some(address)
        }
        Some(Protocol::P2p(_)) => None,
        _ => Some(address),
    }
}

pub(super) type Reply = oneshot::Sender<Result<(), DialError>>;

/// One who waits for a peer.
#[derive(Debug)]
pub(super) struct Caller {
    /// As [`resolve`] leaves them.
    pub(super) addresses: Vec<Multiaddr>,
    /// Those asked for that were of no use.
    pub(super) failed: Vec<Attempt>,
    pub(super) reply: Reply,
}

#[derive(Debug)]
struct Pending {
    node: NodeId,
    attempt: ConnectionId,
    failed: Vec<Attempt>,
    callers: Vec<Caller>,
}

/// The dials under way.
#[derive(Debug, Default)]
pub(super) struct Dials {
    pending: HashMap<PeerId, Pending>,
}

/// What to do next for a peer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Dial these under a new attempt, and say so with [`Dials::began`].
    Dial(PeerId, Vec<Multiaddr>),
    Nothing,
}

impl Dials {
    /// `caller` wants `node`, which is not connected.
    pub(super) fn want(&mut self, peer: PeerId, node: NodeId, caller: Caller) -> Next {
        if let Some(pending) = self.pending.get_mut(&peer) {
            pending.callers.push(caller);
            return Next::Nothing;
        }
        if self.pending.len() >= MAX_DIALS {
            // The caller may have given up meanwhile.
            let _ = caller.reply.send(Err(DialError::Busy));
            return Next::Nothing;
        }
        // Replaced as soon as the first attempt has begun.
        let attempt = ConnectionId::new_unchecked(0);
        self.pending.insert(peer, Pending { node, attempt, failed: Vec::new(), callers: vec![caller] });
        self.next(peer)
    }

    /// The attempt for `peer` has begun.
    pub(super) fn began(&mut self, peer: &PeerId, attempt: ConnectionId) {
        if let Some(pending) = self.pending.get_mut(peer) {
            pending.attempt = attempt;
        }
    }

    /// `peer` is connected, whoever dialled.
    pub(super) fn connected(&mut self, peer: &PeerId) {
        for caller in self.pending.remove(peer).into_iter().flat_map(|pending| pending.callers) {
            let _ = caller.reply.send(Ok(()));
        }
    }

    /// The attempt has failed.
    pub(super) fn failed(&mut self, attempt: ConnectionId, error: &swarm::DialError) -> Next {
        let found = self.pending.iter().find(|(_, pending)| pending.attempt == attempt);
        let Some(peer) = found.map(|(peer, _)| *peer) else { return Next::Nothing };
        self.peer_failed(peer, error)
    }

    /// The attempt for `peer` has failed, perhaps before it had begun.
    pub(super) fn peer_failed(&mut self, peer: PeerId, error: &swarm::DialError) -> Next {
        let Some(pending) = self.pending.get_mut(&peer) else { return Next::Nothing };
        let strip = |address: &Multiaddr| without_peer(address, &peer).unwrap_or_else(|| address.clone());
        match error {
            swarm::DialError::Transport(errors) => {
                pending.failed.extend(errors.iter().map(|(address, error)| Attempt {
                    address: strip(address),
                    failure: match error {
                        libp2p::TransportError::MultiaddrNotSupported(_) => Failure::Unsupported,
                        libp2p::TransportError::Other(error) => Failure::Failed(reason(error)),
                    },
                }));
                self.next(peer)
            }
            swarm::DialError::WrongPeerId { obtained, address } => {
                let other = node_id(obtained).map_or_else(|_| obtained.to_string(), |node| node.to_string());
                let failure = Failure::AnotherNode(other);
                pending.failed.push(Attempt { address: strip(address), failure });
                self.next(peer)
            }
            swarm::DialError::NoAddresses => {
                // The swarm leaves out the addresses that this node itself listens on.
                let failure = Failure::Failed("this node itself listens there".to_owned());
                let all = pending.callers.iter().flat_map(|caller| caller.addresses.clone());
                let own: Vec<_> = all.map(|address| Attempt { address, failure: failure.clone() }).collect();
                pending.failed.extend(own);
                self.next(peer)
            }
            other => {
                let refused = DialError::Refused { node: pending.node, reason: reason(other) };
                for caller in self.pending.remove(&peer).into_iter().flat_map(|pending| pending.callers) {
                    let _ = caller.reply.send(Err(refused.clone()));
                }
                Next::Nothing
            }
        }
    }

    /// A connection with `peer` has ended before anybody has heard of it.
    pub(super) fn ended(&mut self, peer: &PeerId, reason: &str) {
        let Some(pending) = self.pending.remove(peer) else { return };
        let refused = DialError::Refused { node: pending.node, reason: reason.to_owned() };
        for caller in pending.callers {
            let _ = caller.reply.send(Err(refused.clone()));
        }
    }

    pub(super) fn stop(&mut self) {
        for caller in self.pending.drain().flat_map(|(_, pending)| pending.callers) {
            let _ = caller.reply.send(Err(DialError::Stopped));
        }
    }

    /// Answers the callers for whom nothing is left to try, and collects what is left for the others.
    fn next(&mut self, peer: PeerId) -> Next {
        let Some(pending) = self.pending.get_mut(&peer) else { return Next::Nothing };
        let has_failed = |address: &Multiaddr| pending.failed.iter().any(|attempt| attempt.address == *address);
        let mut left = Vec::new();
        let mut waiting = Vec::new();
        for caller in pending.callers.drain(..) {
            let mut untried = caller.addresses.iter().filter(|address| !has_failed(address)).cloned().peekable();
            if untried.peek().is_some() {
                left.extend(untried.filter(|address| !left.contains(address)).collect::<Vec<_>>());
                waiting.push(caller);
                continue;
            }
            let tried = pending.failed.iter().filter(|attempt| caller.addresses.contains(&attempt.address)).cloned();
            let attempts: Vec<_> = tried.chain(caller.failed).collect();
            let error = if attempts.is_empty() {
                DialError::NoAddresses(pending.node)
            } else {
                DialError::Unreachable { node: pending.node, attempts }
            };
            let _ = caller.reply.send(Err(error));
        }
        pending.callers = waiting;
        if pending.callers.is_empty() {
            self.pending.remove(&peer);
            return Next::Nothing;
        }
        // The transport tries them in this order; the callers' order stays within QUIC, within TCP and within relays.
        left.sort_by_key(|address| address::parse(address).map_or(2, |(kind, _)| u8::from(kind == Kind::Tcp)));
        left.truncate(MAX_ADDRESSES.get().into());
        Next::Dial(peer, left)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use kapok_protocol::identity::Keypair;

    use super::*;
    use crate::swarm::node_id::peer_id;

    fn node(number: u8) -> (PeerId, NodeId) {
        let node = Keypair::from_secret(&[number; 32]).id();
        (peer_id(&node).unwrap(), node)
    }

    fn at(port: u16) -> Multiaddr {
        format!("/ip4/127.0.0.1/udp/{port}/quic-v1").parse().unwrap()
    }

    fn caller(ports: &[u16]) -> (Caller, oneshot::Receiver<Result<(), DialError>>) {
        let (reply, answer) = oneshot::channel();
        (Caller { addresses: ports.iter().map(|port| at(*port)).collect(), failed: Vec::new(), reply }, answer)
    }

    #[test]
    fn callers_of_one_peer_share_an_attempt_and_all_their_addresses_are_tried() {
        let (peer, id) = node(1);
        let mut dials = Dials::default();
        let (first, mut first_answer) = caller(&[1]);
        let (second, mut second_answer) = caller(&[1, 2]);
        assert_eq!(dials.want(peer, id, first), Next::Dial(peer, vec![at(1)]));
        assert_eq!(dials.want(peer, id, second), Next::Nothing);
        let error = swarm::DialError::Transport(vec![(
            at(1).with_p2p(peer).unwrap(),
            libp2p::TransportError::Other(std::io::Error::other("no answer")),
        )]);
        assert_eq!(dials.peer_failed(peer, &error), Next::Dial(peer, vec![at(2)]));
        assert!(first_answer.try_recv().unwrap().is_err());
        dials.connected(&peer);
        assert_eq!(second_answer.try_recv().unwrap(), Ok(()));
    }

    #[test]
    fn somebody_else_at_one_address_does_not_end_the_search() {
        let (peer, id) = node(1);
        let (stranger, stranger_id) = node(2);
        let mut dials = Dials::default();
        let (caller, mut answer) = caller(&[1, 2]);
        dials.want(peer, id, caller);
        let wrong = |port| swarm::DialError::WrongPeerId { obtained: stranger, address: at(port) };
        assert_eq!(dials.peer_failed(peer, &wrong(1)), Next::Dial(peer, vec![at(2)]));
        assert_eq!(dials.peer_failed(peer, &wrong(2)), Next::Nothing);
        let Err(DialError::Unreachable { attempts, .. }) = answer.try_recv().unwrap() else { panic!() };
        assert_eq!(attempts[1], Attempt { address: at(2), failure: Failure::AnotherNode(stranger_id.to_string()) });
    }

    #[test]
    fn dials_at_once_are_limited() {
        let mut dials = Dials::default();
        for number in 0..MAX_DIALS {
            let (peer, id) = node(u8::try_from(number).unwrap());
            assert!(matches!(dials.want(peer, id, caller(&[1]).0), Next::Dial(..)));
        }
        let (peer, id) = node(250);
        let (caller, mut answer) = caller(&[1]);
        assert_eq!(dials.want(peer, id, caller), Next::Nothing);
        assert_eq!(answer.try_recv().unwrap(), Err(DialError::Busy));
    }

    #[tokio::test]
    async fn addresses_are_cleaned_and_names_resolved() {
        let (peer, _) = node(1);
        let (other, _) = node(2);
        let asked = vec![
            at(1),
            at(1).with_p2p(peer).unwrap(),
            at(3).with_p2p(other).unwrap(),
            format!("/dns4/localhost/udp/6/quic-v1/p2p/{other}/p2p-circuit/p2p/{peer}").parse().unwrap(),
            "/dns4/localhost/udp/4/quic-v1".parse().unwrap(),
            "/ip4/127.0.0.1/udp/5".parse().unwrap(),
        ];
        let (usable, failed) = resolve(&peer, asked).await;
        assert_eq!(usable, vec![at(1), address::through(&at(6), other), at(4)]);
        let failures: Vec<_> = failed.into_iter().map(|attempt| attempt.failure).collect();
        assert_eq!(failures, vec![Failure::NamesAnother, Failure::Unsupported]);
    }
}
