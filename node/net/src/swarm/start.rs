//! Starting the network: keys, ports, and the task.

use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use std::{error, io};

use futures::StreamExt as _;
use if_watch::tokio::IfWatcher;
use libp2p::core::transport::ListenerId;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::swarm::{Config as SwarmConfig, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, identify, mdns, ping};
use socket2::{Domain, Socket, Type};
use tokio::sync::{broadcast, mpsc, watch};

use super::dial::{Dials, MAX_ADDRESSES};
use super::limits::Limits;
use super::neighbours::Neighbours;
use super::node_id::node_id;
use super::peers::Peers;
use super::punching::Punching;
use super::reach::Reach;
use super::reason::{is_in_use, reason};
use super::relayed::Relayed;
use super::reservation::Reservation;
use super::streams::{Acceptors, Streams};
use super::task::{Behaviour, Kinds, Task};
use super::{Events, Network, relaying};
use crate::transport::address::{self, Kind};
use crate::transport::{self, MAX_STREAMS_PER_CONNECTION};

/// What identify calls the family of protocols.
const PROTOCOL_FAMILY: &str = "kapok/1";

/// A connection of a peer that nobody has recognised ends after this long without a stream.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Often enough to notice a dead TCP connection, seldom enough to cost nothing: 50 bytes/min.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// Longer than a queue on a poor link delays (1–2 s) and than most outages.
const PING_TIMEOUT: Duration = Duration::from_secs(30);

/// Commands that wait for the task before callers do.
const COMMAND_QUEUE: usize = 64;

/// Events kept for a slow reader. All 512 connections may come and go once.
const EVENT_QUEUE: usize = 1024;

/// The system tells the interfaces' addresses within milliseconds.
const LISTEN_PATIENCE: Duration = Duration::from_secs(10);

/// What the network needs to know.
#[derive(Clone)]
pub struct Config {
    /// The node's ed25519 secret key.
    pub secret: [u8; 32],
    /// Where to listen; see [`crate::transport`] for the forms. Empty: nowhere, only dial.
    pub listen: Vec<Multiaddr>,
    /// What peers are told that this node runs, such as `kapok/0.1.0`.
    pub agent: String,
    /// Whether nodes on the local network are looked for, and told of this one. A node that listens on loopback alone
    /// does neither.
    pub neighbours: bool,
    /// Whether this node passes bytes on between members that cannot reach each other. For nodes that everybody reaches.
    pub relay: bool,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("listen", &self.listen).field("agent", &self.agent).finish_non_exhaustive()
    }
}

/// Why the network did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the node's key cannot be used: {0}")]
    Key(String),
    #[error("the network cannot be set up: {0}")]
    SetUp(#[from] transport::SetUpError),
    #[error(
        "“{0}” is not an address to listen on; use /ip4/ADDRESS/udp/PORT/quic-v1, /ip4/ADDRESS/tcp/PORT, or the same with /ip6"
    )]
    Unsupported(Multiaddr),
    #[error("{0} is in use by another program; stop it, or choose another port with --listen")]
    InUse(Multiaddr),
    #[error("cannot listen on {address}: {reason}")]
    Listen { address: Multiaddr, reason: String },
}

impl Network {
    /// Starts the network in the current tokio runtime. When it returns, every address is really being listened on.
    pub async fn start(config: Config) -> Result<(Self, Events), StartError> {
        let keypair = Keypair::ed25519_from_bytes(config.secret).map_err(|error| StartError::Key(error.to_string()))?;
        let local = node_id(&keypair.public().to_peer_id()).map_err(|error| StartError::Key(error.to_string()))?;
        let local_peer = keypair.public().to_peer_id();
        let transport = transport::build(&keypair)?;
        let acceptors = Acceptors::default();
        let mdns = mdns(&config, local_peer);
        let limits = Limits::default();
        let behaviour = Behaviour {
            relay: relaying::relay(config.relay, local_peer, &limits.recognised()),
            circuits: transport.circuits,
            punching: Punching::new(local_peer),
            limits,
            identify: identify::Behaviour::new(
                // No cache: addresses come from the drivers, who keep them.
                identify::Config::new(PROTOCOL_FAMILY.to_owned(), keypair.public())
                    .with_agent_version(config.agent)
                    .with_cache_size(0),
            ),
            ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_INTERVAL).with_timeout(PING_TIMEOUT)),
            streams: Streams::new(acceptors.clone()),
            mdns: mdns.into(),
        };
        let swarm_config = SwarmConfig::with_tokio_executor()
            .with_idle_connection_timeout(IDLE_TIMEOUT)
            .with_max_negotiating_inbound_streams(MAX_STREAMS_PER_CONNECTION as usize)
            // The protocol's name travels with the first bytes, instead of costing a round trip before them.
            .with_substream_upgrade_protocol_override(Version::V1Lazy)
            // The transport decides when each address is tried.
            .with_dial_concurrency_factor(MAX_ADDRESSES);
        let mut swarm = Swarm::new(transport.connections, behaviour, local_peer, swarm_config);
        let listening = listen(&mut swarm, &config.listen).await;
        let (commands, receiver) = mpsc::channel(COMMAND_QUEUE);
        let (events, subscriber) = broadcast::channel(EVENT_QUEUE);
        let (addresses, announced) = watch::channel(Vec::new());
        let kinds = Kinds::default();
        let reach = watch::Sender::new(Reach::default());
        let reached = reach.subscribe();
        let mut task = Task {
            swarm,
            commands: receiver,
            events,
            addresses,
            acceptors: acceptors.clone(),
            drivers: transport.drivers,
            peers: Peers::new(local),
            dials: Dials::default(),
            leaving: Default::default(),
            neighbours: Neighbours::default(),
            interfaces: IfWatcher::new()
                .inspect_err(|error| tracing::debug!(%error, "interfaces are not watched"))
                .ok(),
            kinds: kinds.clone(),
            relayed: Relayed::default(),
            reservation: Reservation::default(),
            behind_nat: None,
            reach,
        };
        let network = Self {
            local,
            commands,
            addresses: announced,
            acceptors,
            kinds,
            reach: reached,
            paths: transport.paths,
            ceiling: transport.ceiling,
        };
        if let Err(error) = listening {
            // The ports that were bound before the failing one are free again when the caller hears of it.
            drop(network);
            task.run().await;
            return Err(error);
        }
        task.announce();
        tokio::spawn(task.run());
        Ok((network, Events(subscriber)))
    }
}

/// The search for neighbours, where it is wanted and makes sense. Without it the node does all else.
fn mdns(config: &Config, local: PeerId) -> Option<mdns::tokio::Behaviour> {
    let reachable = |address: &Multiaddr| address::parse(address).is_some_and(|(_, at)| !at.ip().is_loopback());
    if !config.neighbours || !config.listen.iter().any(reachable) {
        return None;
    }
    mdns::tokio::Behaviour::new(mdns::Config::default(), local)
        .inspect_err(|error| tracing::info!(%error, "neighbours on the local network are not looked for"))
        .ok()
}

/// Begins to listen on all `addresses` and waits until each has told where that is.
async fn listen(swarm: &mut Swarm<Behaviour>, addresses: &[Multiaddr]) -> Result<(), StartError> {
    let mut waiting: Vec<(ListenerId, &Multiaddr)> = Vec::new();
    for wanted in addresses {
        let (kind, socket) = address::parse(wanted).ok_or_else(|| StartError::Unsupported(wanted.clone()))?;
        if kind == Kind::Tcp {
            check_tcp_free(socket).map_err(|error| failure(wanted, &error))?;
        }
        let id = swarm.listen_on(wanted.clone()).map_err(|error| failure(wanted, &error))?;
        waiting.push((id, wanted));
    }
    let mut told: HashSet<ListenerId> = HashSet::new();
    while let Some((_, missing)) = waiting.iter().find(|(id, _)| !told.contains(id)) {
        let event =
            tokio::time::timeout(LISTEN_PATIENCE, swarm.select_next_some()).await.map_err(|_| StartError::Listen {
                address: (*missing).clone(),
                reason: "no network interface has such an address".into(),
            })?;
        match event {
            SwarmEvent::NewListenAddr { listener_id, .. } => {
                told.insert(listener_id);
            }
            SwarmEvent::ListenerClosed { listener_id, reason: Err(error), .. }
            | SwarmEvent::ListenerError { listener_id, error } => {
                let failed =
                    waiting.iter().find(|(id, _)| *id == listener_id).map_or(*missing, |(_, address)| *address);
                return Err(failure(failed, &error));
            }
            // Nothing else can be before the first address is known to anybody.
            _ => {}
        }
    }
    Ok(())
}

/// libp2p shares TCP ports with whoever else shares them (SO_REUSEPORT), so that a second node on a port would start and
/// get every other connection. Binding once without sharing shows whether somebody is there.
fn check_tcp_free(address: SocketAddr) -> io::Result<()> {
    if address.port() == 0 {
        return Ok(());
    }
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Connections of a former run that are still winding down do not count.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(1)
}

fn failure(address: &Multiaddr, error: &(dyn error::Error + 'static)) -> StartError {
    if is_in_use(error) {
        StartError::InUse(address.clone())
    } else {
        StartError::Listen { address: address.clone(), reason: reason(error) }
    }
}
