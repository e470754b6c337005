//! The task that owns libp2p's swarm. Handles send it [`Command`]s; it sends [`Event`]s.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use futures::StreamExt as _;
use if_watch::IfEvent;
use if_watch::tokio::IfWatcher;
use kapok_protocol::identity::NodeId;
use kapok_protocol::time::Timestamp;
use libp2p::core::ConnectedPoint;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionError, ConnectionId, NetworkBehaviour, StreamProtocol, Swarm, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Stream, identify, mdns, ping, relay};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::dial::{Caller, Dials, Next};
use super::limits::Limits;
use super::neighbours::{LinkKind, MAX_RECORDS, Neighbours};
use super::peers::{Link, PeerStatus, Peers, Removed, millis};
use super::punching::Punching;
use super::reach::Reach;
use super::reason::reason;
use super::relayed::Relayed;
use super::reservation::Reservation;
use super::streams::{Acceptors, OpenError, Order, Streams};
use super::{DisconnectReason, Event, node_id};
use crate::transport::address;

/// Unanswered pings in a row after which a connection is given up. With the ping's own timeout that is a minute, the
/// same as QUIC's idle timeout; it matters for TCP, where the system would wait for a quarter of an hour.
const MAX_MISSED_PINGS: u32 = 2;

/// What a shutdown waits for the peers to be told, and then for the sockets to be free.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(3);

/// Characters kept of what a peer calls itself.
const MAX_AGENT_CHARS: usize = 64;

/// What a handle asks for.
#[derive(Debug)]
pub(super) enum Command {
    Dial { node: NodeId, peer: PeerId, caller: Caller },
    Disconnect { peer: PeerId, reply: oneshot::Sender<()> },
    Recognise { peer: PeerId, recognised: bool, reply: oneshot::Sender<()> },
    Open { node: NodeId, peer: PeerId, protocol: StreamProtocol, reply: oneshot::Sender<Result<Stream, OpenError>> },
    Reserve { relay: Option<PeerId>, reply: oneshot::Sender<()> },
    Neighbours { reply: oneshot::Sender<Vec<(NodeId, Vec<Multiaddr>)>> },
    Connected { reply: oneshot::Sender<Vec<PeerStatus>> },
    Subscribe { reply: oneshot::Sender<broadcast::Receiver<Event>> },
    Shutdown { reply: oneshot::Sender<()> },
}

/// The parts of the swarm. `limits` comes first: what it refuses, the others never see.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) limits: Limits,
    pub(super) identify: identify::Behaviour,
    pub(super) ping: ping::Behaviour,
    pub(super) streams: Streams,
    pub(super) mdns: Toggle<mdns::tokio::Behaviour>,
    pub(super) relay: Toggle<relay::Behaviour>,
    pub(super) circuits: relay::client::Behaviour,
    pub(super) punching: Punching,
}

/// The kinds of the links in use; kept by the task, read by handles.
#[derive(Clone, Debug, Default)]
pub(super) struct Kinds(Arc<Mutex<HashMap<NodeId, LinkKind>>>);

impl Kinds {
    pub(super) fn get(&self, node: &NodeId) -> LinkKind {
        self.lock().get(node).copied().unwrap_or(LinkKind::Wan)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NodeId, LinkKind>> {
        // Nothing in here can be half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Task {
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) events: broadcast::Sender<Event>,
    pub(super) addresses: watch::Sender<Vec<Multiaddr>>,
    pub(super) acceptors: Acceptors,
    pub(super) drivers: TaskTracker,
    pub(super) peers: Peers,
    pub(super) dials: Dials,
    /// Who waits for a peer to be gone.
    pub(super) leaving: HashMap<PeerId, Vec<oneshot::Sender<()>>>,
    pub(super) neighbours: Neighbours,
    /// The addresses of this machine; `None` where the system does not tell.
    pub(super) interfaces: Option<IfWatcher>,
    pub(super) kinds: Kinds,
    pub(super) relayed: Relayed,
    pub(super) reservation: Reservation,
    pub(super) behind_nat: Option<bool>,
    pub(super) reach: watch::Sender<Reach>,
}

impl Task {
    /// Runs until it is told to shut down, or until nobody can tell it anything any more.
    pub(super) async fn run(mut self) {
        let done = loop {
            let due = self.next_due().map(tokio::time::Instant::from_std);
            let interfaces = async {
                match &mut self.interfaces {
                    Some(interfaces) => interfaces.next().await,
                    None => None,
                }
            };
            let something_due = async {
                match due {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = something_due => self.do_what_is_due(),
                Some(change) = interfaces => self.on_interfaces(change),
                event = self.swarm.select_next_some() => self.on_event(event),
                command = self.commands.recv() => match command {
                    Some(Command::Shutdown { reply }) => break Some(reply),
                    Some(command) => self.on_command(command),
                    None => break None,
                },
            }
        };
        self.shut_down().await;
        if let Some(reply) = done {
            // Whoever asked may be gone.
            let _ = reply.send(());
        }
    }

    /// Replies go to callers that may have given up meanwhile; then there is nobody to tell.
    fn on_command(&mut self, command: Command) {
        match command {
            Command::Dial { node, peer, caller } => {
                if self.peers.node(&peer).is_some() {
                    let _ = caller.reply.send(Ok(()));
                } else {
                    let next = self.dials.want(peer, node, caller);
                    self.dial(next);
                }
            }
            Command::Disconnect { peer, reply } => {
                if self.swarm.disconnect_peer_id(peer).is_ok() {
                    self.leaving.entry(peer).or_default().push(reply);
                } else {
                    let _ = reply.send(());
                }
            }
            Command::Recognise { peer, recognised, reply } => {
                self.swarm.behaviour_mut().limits.recognise(peer, recognised);
                self.tell_who_stays(&peer);
                self.believe(&peer);
                let _ = reply.send(());
            }
            Command::Reserve { relay, reply } => {
                self.want_reservation(relay);
                let _ = reply.send(());
            }
            Command::Open { node, peer, protocol, reply } => match self.peers.preferred(&peer) {
                Some(connection) => {
                    self.swarm.behaviour_mut().streams.tell(peer, connection, Order::Open { protocol, reply });
                }
                None => {
                    let _ = reply.send(Err(OpenError::NotConnected(node)));
                }
            },
            Command::Neighbours { reply } => {
                let known = self.neighbours.all();
                let known = known.filter_map(|(peer, addresses)| Some((node_id(peer).ok()?, addresses.clone())));
                let _ = reply.send(known.collect());
            }
            Command::Connected { reply } => {
                let _ = reply.send(self.peers.status());
            }
            Command::Subscribe { reply } => {
                let _ = reply.send(self.events.subscribe());
            }
            Command::Shutdown { reply } => {
                let _ = reply.send(());
            }
        }
    }

    fn dial(&mut self, mut next: Next) {
        while let Next::Dial(peer, addresses) = next {
            // Always: the swarm's own idea of being connected may lag behind ours by an event.
            let opts = DialOpts::peer_id(peer).condition(PeerCondition::Always).addresses(addresses).build();
            self.dials.began(&peer, opts.connection_id());
            next = match self.swarm.dial(opts) {
                Ok(()) => Next::Nothing,
                Err(error) => self.dials.peer_failed(peer, &error),
            };
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_established(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, cause, .. } => {
                self.on_closed(peer_id, connection_id, cause);
            }
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                let next = self.dials.failed(connection_id, &error);
                self.dial(next);
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                tracing::debug!(from = %send_back_addr, reason = %reason(&error), "an inbound connection failed");
            }
            SwarmEvent::NewListenAddr { address, .. } if address::is_relayed(&address) => {}
            SwarmEvent::NewListenAddr { address, .. } => {
                tracing::info!(%address, "listening");
                self.announce();
            }
            SwarmEvent::ExpiredListenAddr { .. } => self.announce(),
            SwarmEvent::ListenerClosed { listener_id, .. } if self.reservation_ended(listener_id) => {}
            SwarmEvent::ListenerClosed { addresses, reason: Err(error), .. } => {
                tracing::warn!(?addresses, reason = %reason(&error), "stopped listening");
                self.announce();
            }
            SwarmEvent::ListenerError { error, .. } => {
                tracing::warn!(reason = %reason(&error), "trouble while listening");
            }
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping)) => self.on_ping(&ping),
            SwarmEvent::Behaviour(BehaviourEvent::Identify(identify::Event::Received {
                peer_id,
                connection_id,
                info,
            })) => {
                let shown = info.agent_version.chars().filter(|character| !character.is_control());
                self.peers.set_agent(&peer_id, shown.take(MAX_AGENT_CHARS).collect());
                self.on_identified(&peer_id, connection_id, &info);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Circuits(event)) => self.on_circuit(event),
            SwarmEvent::Behaviour(BehaviourEvent::Punching(event)) => self.on_punched(&event),
            SwarmEvent::Behaviour(BehaviourEvent::Relay(event)) => tracing::debug!(?event, "as a relay"),
            SwarmEvent::Behaviour(BehaviourEvent::Streams(moved)) => {
                if let Some(link) = self.peers.link_mut(&moved.peer, moved.connection) {
                    link.address = without_peer(moved.address);
                }
                self.note_kind(&moved.peer);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Mdns(event)) => self.on_neighbours(event),
            _ => {}
        }
    }

    fn on_neighbours(&mut self, event: mdns::Event) {
        match event {
            mdns::Event::Discovered(found) => {
                for (peer, address) in found {
                    if self.neighbours.found(peer, without_peer(address))
                        && let Ok(node) = node_id(&peer)
                    {
                        self.note_kind(&peer);
                        self.emit(Event::Neighbour { node });
                    }
                }
            }
            mdns::Event::Expired(gone) => {
                for (peer, address) in gone {
                    self.neighbours.expired(&peer, &without_peer(address));
                }
            }
        }
        let search = &mut self.swarm.behaviour_mut().mdns;
        if search.as_ref().is_some_and(|search| search.discovered_nodes().len() > MAX_RECORDS) {
            tracing::warn!("somebody floods the local network with neighbours; they are looked for no more");
            *search = None.into();
        }
    }

    fn on_interfaces(&mut self, change: io::Result<IfEvent>) {
        if let Err(error) = change {
            tracing::debug!(%error, "interfaces are not watched any more");
            self.interfaces = None;
        }
        for peer in self.peers.ids() {
            self.note_kind(&peer);
        }
    }

    /// Whatever may have changed where the bytes to `peer` go.
    fn note_kind(&self, peer: &PeerId) {
        let Some(node) = self.peers.node(peer) else { return };
        let Some(link) = self.peers.preferred_link(peer) else { return };
        let networks: Vec<_> = self.interfaces.iter().flat_map(IfWatcher::iter).copied().collect();
        let kind = LinkKind::of(&link.address, &networks, self.neighbours.contains(peer), link.min_rtt);
        self.kinds.lock().insert(node, kind);
    }

    fn on_established(&mut self, peer: PeerId, id: ConnectionId, endpoint: &ConnectedPoint) {
        if node_id(&peer).is_err() {
            // `limits` has refused such keys before.
            self.swarm.close_connection(id);
            return;
        }
        let (address, inbound) = super::reach::read(endpoint);
        let link = Link {
            id,
            address: without_peer(address),
            inbound,
            relayed: endpoint.is_relayed(),
            begun: Instant::now(),
            since: now(),
            rtt: None,
            min_rtt: None,
            missed_pings: 0,
            observed: None,
        };
        self.sort_in(peer, link);
    }

    /// From now on others know of this connection.
    pub(super) fn use_link(&mut self, peer: PeerId, link: Link) {
        let Ok(node) = node_id(&peer) else { return };
        let (address, inbound) = (link.address.clone(), link.inbound);
        let added = self.peers.add(peer, node, link);
        for old in added.superseded {
            self.swarm.close_connection(old);
        }
        self.tell_who_stays(&peer);
        self.note_kind(&peer);
        self.dials.connected(&peer);
        if added.first {
            tracing::debug!(%node, %address, inbound, "connected");
            self.emit(Event::Connected { node, address, inbound });
        }
    }

    fn on_closed(&mut self, peer: PeerId, id: ConnectionId, cause: Option<ConnectionError>) {
        if self.relayed.ended(&peer, id) {
            let reason = cause.map_or_else(|| "it was closed".to_owned(), |cause| reason(&cause));
            self.dials.ended(&peer, &format!("the connection through the relay has ended: {reason}"));
            return;
        }
        match self.peers.remove(&peer, id) {
            Removed::Last(node) => {
                let reason = match cause {
                    None => DisconnectReason::Asked,
                    Some(ConnectionError::KeepAliveTimeout) => DisconnectReason::Idle,
                    Some(ConnectionError::IO(error)) => DisconnectReason::Lost(reason(&error)),
                };
                tracing::debug!(%node, %reason, "disconnected");
                self.kinds.lock().remove(&node);
                for waiting in self.leaving.remove(&peer).into_iter().flatten() {
                    let _ = waiting.send(());
                }
                self.emit(Event::Disconnected { node, reason });
            }
            Removed::OthersRemain => {
                self.tell_who_stays(&peer);
                self.note_kind(&peer);
            }
            Removed::Unknown => {}
        }
    }

    fn on_ping(&mut self, ping: &ping::Event) {
        let Some(node) = self.peers.node(&ping.peer) else { return };
        let Some(link) = self.peers.link_mut(&ping.peer, ping.connection) else { return };
        match &ping.result {
            Ok(rtt) => {
                link.rtt = Some(*rtt);
                link.min_rtt = Some(link.min_rtt.map_or(*rtt, |least| least.min(*rtt)));
                link.missed_pings = 0;
                self.note_kind(&ping.peer);
                self.emit(Event::Rtt { node, rtt_ms: millis(*rtt) });
            }
            // Foreign software may do without pings.
            Err(ping::Failure::Unsupported) => {}
            Err(_) => {
                link.missed_pings += 1;
                if link.missed_pings >= MAX_MISSED_PINGS {
                    tracing::debug!(%node, "gives no more signs of life");
                    self.swarm.close_connection(ping.connection);
                }
            }
        }
    }

    /// Only the connection in use with a recognised peer stays open while nothing is going on, and through a relay none.
    fn tell_who_stays(&mut self, peer: &PeerId) {
        let preferred = self.peers.preferred_link(peer).filter(|link| !link.relayed).map(|link| link.id);
        let behaviour = self.swarm.behaviour_mut();
        let recognised = behaviour.limits.recognises(peer);
        for link in self.peers.links(peer) {
            behaviour.streams.tell(*peer, link, Order::Keep(recognised && Some(link) == preferred));
        }
    }

    /// Publishes where this node can be reached.
    pub(super) fn announce(&mut self) {
        self.name_relay();
        let local = *self.swarm.local_peer_id();
        let is_own = |address: &&Multiaddr| address::is_dialable(address) && !address::is_relayed(address);
        let dialable = self.swarm.listeners().filter(is_own);
        self.addresses.send_replace(dialable.cloned().filter_map(|address| address.with_p2p(local).ok()).collect());
    }

    fn emit(&self, event: Event) {
        // An error means that nobody listens.
        let _ = self.events.send(event);
    }

    /// Tells the peers, waits until they could know it, and frees the ports.
    async fn shut_down(mut self) {
        self.commands.close();
        self.acceptors.stop();
        self.dials.stop();
        self.addresses.send_replace(Vec::new());
        for peer in self.peers.ids() {
            // An error means that it is gone already.
            let _ = self.swarm.disconnect_peer_id(peer);
        }
        let all_gone = async {
            while !self.peers.is_empty() {
                let event = self.swarm.select_next_some().await;
                // Nobody new is let in.
                if let SwarmEvent::ConnectionEstablished { connection_id, .. } = &event {
                    self.swarm.close_connection(*connection_id);
                }
                self.on_event(event);
            }
        };
        if timeout(SHUTDOWN_PATIENCE, all_gone).await.is_err() {
            tracing::debug!("some connections did not end in time");
        }
        let Self { swarm, drivers, .. } = self;
        drop(swarm);
        drivers.close();
        if timeout(SHUTDOWN_PATIENCE, drivers.wait()).await.is_err() {
            tracing::debug!("some sockets did not close in time");
        }
    }
}

fn without_peer(mut address: Multiaddr) -> Multiaddr {
    if let Some(libp2p::multiaddr::Protocol::P2p(_)) = address.iter().last() {
        address.pop();
    }
    address
}

fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}
