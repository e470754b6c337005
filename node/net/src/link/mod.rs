//! Links: connections on which both sides have proved membership, and the drivers of the sessions on them.
//!
//! [`Links::start`] answers whoever connects: hello first (`hello`), then catalogue sessions (`sessions` says when,
//! `sync` opens, joins and answers them, `drive` runs one); strangers get the join protocol only (`join`). The logic of
//! all of them is in `kapok_protocol`; what is here moves frames.
//!
//! Invariant: a stream of any other protocol is looked at only after its peer's membership was verified
//! ([`Links::prove`]). Of a session that is opened together with the hello the digests go out before that, if the
//! catalogue knows the peer; nothing is taken, and nothing else given.

mod backend;
mod drive;
mod hello;
mod join;
mod sessions;
mod sync;
#[cfg(test)]
pub(crate) mod testbed;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use libp2p::Multiaddr;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::swarm::{AcceptError, DialError, Event, LinkKind, Network};

pub use backend::Backend;
pub use join::JoinError;
pub use sessions::Need;
pub use sync::{SyncError, SyncReport};

use hello::Introductions;
use sessions::Sessions;
use tokio_util::sync::CancellationToken;

/// How long a stream may wait for its peer's hello, which was sent before it: as long as the connection outlives an
/// outage.
const PROOF_PATIENCE: Duration = Duration::from_secs(60);

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    #[error(transparent)]
    Dial(#[from] DialError),
    #[error("{node} did not prove its membership: {reason}")]
    NotProven { node: NodeId, reason: String },
}

/// All links of this node.
#[derive(Clone)]
pub struct Links {
    shared: Arc<Shared>,
}

struct Shared {
    network: Network,
    backend: Arc<dyn Backend>,
    agent: String,
    /// Connected members, proven on the present connection.
    members: Mutex<BTreeMap<NodeId, Member>>,
    changed: watch::Sender<u64>,
    /// Counts the stores that brought entries.
    arrivals: watch::Sender<u64>,
    introductions: Mutex<Introductions>,
    sessions: Sessions,
    stopping: CancellationToken,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Links({} proven)", self.shared.members().len())
    }
}

impl Shared {
    fn members(&self) -> MutexGuard<'_, BTreeMap<NodeId, Member>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs something of the backend that may block.
    fn blocking<T>(&self, work: impl FnOnce(&dyn Backend) -> T) -> T {
        tokio::task::block_in_place(|| work(&*self.backend))
    }
}

impl Links {
    /// Starts answering on `network`. Needs tokio's runtime of several threads.
    ///
    /// # Errors
    /// If another driver has taken one of the protocols.
    pub async fn start(network: Network, backend: Arc<dyn Backend>, agent: String) -> Result<Self, AcceptError> {
        let shared = Arc::new(Shared {
            network,
            backend,
            agent,
            members: Mutex::default(),
            changed: watch::Sender::new(0),
            arrivals: watch::Sender::new(0),
            introductions: Mutex::default(),
            sessions: Sessions::default(),
            stopping: CancellationToken::new(),
            tasks: Mutex::default(),
        });
        let links = Self { shared };
        links.watch_connections().await;
        links.answer_hellos()?;
        links.answer_joins()?;
        links.answer_syncs()?;
        Ok(links)
    }

    /// The network underneath.
    #[must_use]
    pub fn network(&self) -> &Network {
        &self.shared.network
    }

    /// The member behind a connection, once it has proved itself.
    #[must_use]
    pub fn member(&self, node: &NodeId) -> Option<Member> {
        self.shared.members().get(node).cloned()
    }

    /// Where the bytes of the link with `node` go.
    #[must_use]
    pub fn kind(&self, node: &NodeId) -> LinkKind {
        self.shared.network.link_kind(node)
    }

    /// All that have proved themselves and are connected.
    #[must_use]
    pub fn proven(&self) -> Vec<Member> {
        self.shared.members().values().cloned().collect()
    }

    /// Changes whenever a link comes or goes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changed.subscribe()
    }

    /// Changes whenever entries have come from others and are stored.
    #[must_use]
    pub fn arrivals(&self) -> watch::Receiver<u64> {
        self.shared.arrivals.subscribe()
    }

    /// Connects with a member and proves membership both ways, unless that is done.
    ///
    /// # Errors
    /// Nobody there, or nobody who belongs to this federation.
    pub async fn connect(&self, node: NodeId, addresses: Vec<Multiaddr>) -> Result<Member, LinkError> {
        if let Some(member) = self.member(&node) {
            return Ok(member);
        }
        self.shared.network.dial(node, addresses).await?;
        self.introduce(node).await
    }

    /// Ends all links and answering.
    pub async fn shutdown(&self) {
        self.shared.stopping.cancel();
        let tasks = std::mem::take(&mut *self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            task.abort();
        }
        self.shared.network.shutdown().await;
        self.shared.members().clear();
    }

    /// The proof of a peer that has just opened a stream; waits a little for its hello.
    pub async fn prove(&self, node: &NodeId) -> Option<Member> {
        let mut changes = self.changes();
        let wait = async {
            loop {
                if let Some(member) = self.member(node) {
                    return Some(member);
                }
                if changes.changed().await.is_err() {
                    return None;
                }
            }
        };
        tokio::time::timeout(PROOF_PATIENCE, wait).await.ok().flatten()
    }

    /// Keeps a task that ends with the links.
    pub fn keep(&self, task: JoinHandle<()>) {
        self.shared.tasks.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    async fn watch_connections(&self) {
        let Some(mut events) = self.shared.network.events().await else { return };
        let links = self.clone();
        self.keep(tokio::spawn(async move {
            while let Some(event) = events.next().await {
                match event {
                    Event::Disconnected { node, reason } => {
                        links.shared.sessions.forget(&node);
                        if links.shared.members().remove(&node).is_some() {
                            tracing::info!(%node, %reason, "link closed");
                            links.announce();
                        }
                    }
                    Event::Missed(_) => links.forget_the_gone().await,
                    Event::Connected { .. } | Event::Rtt { .. } | Event::Neighbour { .. } => {}
                }
            }
        }));
    }

    /// After missed events: whoever is not connected any more is no link.
    async fn forget_the_gone(&self) {
        let connected: Vec<_> = self.shared.network.connected().await.into_iter().map(|peer| peer.node).collect();
        self.shared.members().retain(|node, _| connected.contains(node));
        self.shared.sessions.retain(&connected);
        self.announce();
    }

    fn announce(&self) {
        self.shared.changed.send_modify(|count| *count = count.wrapping_add(1));
    }
}
