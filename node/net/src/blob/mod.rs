//! Blobs between nodes: one exchange for each node, giving and taking.
//!
//! [`Exchange`] is the handle; `desk` is the one task that owns the state machines
//! ([`kapok_protocol::blob::download`], [`kapok_protocol::blob::upload`]); `streams` moves frames. What is asked of a
//! node that lacks it is fetched by that node in the direction of the blob's home (through the tree) and passed on
//! while it arrives; neighbours on a local network share one copy from outside (`nearness`). What a person reads while it
//! arrives comes first, all the way (`reading`).
//!
//! Invariants: nothing is given to a peer before the backend has said that a live entry which the peer may receive
//! names it. A request waits here for a blob that is still arriving only if it comes from the side away from the blob's
//! home, or from a neighbour under the rules of `nearness`, so no nodes ever wait for each other.

mod accounts;
mod backend;
mod desk;
mod giving;
mod likeness;
mod nearness;
mod pace;
mod progress;
mod reading;
mod streams;
mod taking;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::download::Allowance;
use kapok_protocol::blob::message::Urgency;
use kapok_protocol::identity::NodeId;
use tokio::sync::{broadcast, mpsc, oneshot};

use crate::link::Links;
use crate::swarm::{AcceptError, LinkKind};
pub use backend::{Begun, BlobBackend};
use desk::{Desk, Event, Wish};
use progress::Board;
pub use progress::{Flow, MAX_LISTED, Transfer};
pub use reading::{PATIENCE, READ_AHEAD_PIECES, Reading};

/// Completions that a slow listener may lag behind.
const COMPLETIONS: usize = 1024;
/// How long a call in the direction of a blob's home may take before other ways are tried.
const ROUTE_PATIENCE: Duration = Duration::from_secs(10);

/// Why a blob did not come.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error("no other node is connected")]
    Nobody,
    #[error("no node that can be reached gives it ({0})")]
    Refused(String),
    #[error("it cannot be stored: {0}")]
    Store(String),
    #[error("the node is stopping")]
    Stopping,
    #[error("nothing of it has come for {0} seconds")]
    Late(u64),
    #[error("this node does not fetch it at present")]
    NotFetched,
    #[error("too many files are read here while they arrive")]
    TooManyReaders,
}

/// What was exchanged with one node since the start, over all its connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Content bytes that came from it, piece lists and recipes included.
    pub bytes_in: u64,
    /// The same to it, by its own word: what it counts as come from here.
    pub bytes_out: u64,
    /// How many of them came within the local network; the others crossed a line that costs.
    pub lan_bytes_in: u64,
    pub lan_bytes_out: u64,
    /// All bytes of the frames that carried it, requests and refusals too.
    pub wire_bytes_in: u64,
    pub wire_bytes_out: u64,
    /// Blobs of which the last piece came from it.
    pub blobs_in: u64,
}

impl Ledger {
    /// Content bytes that came over a line that costs.
    #[must_use]
    pub fn wan_bytes_in(&self) -> u64 {
        self.bytes_in - self.lan_bytes_in
    }

    /// The same for what was sent.
    #[must_use]
    pub fn wan_bytes_out(&self) -> u64 {
        self.bytes_out - self.lan_bytes_out
    }
}

/// Where the bytes of a link go.
type Kinds = Arc<dyn Fn(&NodeId) -> LinkKind + Send + Sync>;

/// The node's exchange of blobs. Clones share it.
#[derive(Clone)]
pub struct Exchange {
    events: mpsc::UnboundedSender<Event>,
    board: Arc<Board>,
    completions: broadcast::Sender<BlobId>,
    /// Numbers of readers ([`Reading`]).
    next_reader: Arc<AtomicU64>,
    links: Links,
    backend: Arc<dyn BlobBackend>,
}

impl std::fmt::Debug for Exchange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Exchange({} on their way)", self.progress().len())
    }
}

impl Exchange {
    /// Starts giving and taking over `links`.
    ///
    /// # Errors
    /// If another driver has taken the protocol.
    pub fn start(links: Links, backend: Arc<dyn BlobBackend>) -> Result<Self, AcceptError> {
        let of_links = links.clone();
        Self::start_over(links, backend, Arc::new(move |node| of_links.kind(node)))
    }

    fn start_over(links: Links, backend: Arc<dyn BlobBackend>, kinds: Kinds) -> Result<Self, AcceptError> {
        // Unbounded in form only: each stream has few events in it at a time, and wants are bounded by the catalogue.
        let (events, incoming) = mpsc::unbounded_channel();
        let board = Arc::new(Board::default());
        let completions = broadcast::Sender::new(COMPLETIONS);
        streams::answer(&links, &events)?;
        let desk = Desk::new(links.clone(), backend.clone(), kinds, events.clone(), board.clone(), completions.clone());
        links.keep(tokio::spawn(desk.run(incoming)));
        Ok(Self { events, board, completions, next_reader: Arc::default(), links, backend })
    }

    /// Wants a blob, without waiting for it. Lower ranks first. Of `base`, an older version, what is the same is copied.
    pub fn want(&self, blob: BlobId, size: u64, home: NodeId, base: Option<BlobId>, urgency: Urgency, rank: u64) {
        self.board.stuck.store(false, Ordering::Release);
        let wish = Wish { blob, size, home, base, urgency, rank, hops: 0 };
        let _ = self.events.send(Event::Want { wish, done: None });
    }

    /// Does not want it any more. A [`Self::fetch`] that waits for it goes on.
    pub fn unwant(&self, blob: BlobId) {
        let _ = self.events.send(Event::Unwant(blob));
    }

    /// What may be asked for from now on (windows, budgets); at first everything. What was asked for still arrives.
    pub fn allow(&self, allowance: Allowance) {
        let _ = self.events.send(Event::Allow(allowance));
    }

    /// Brings a blob here and waits for it.
    ///
    /// # Errors
    /// Who was asked and why it did not come. It stays wanted and comes when somebody gives it.
    pub async fn fetch(
        &self,
        blob: BlobId,
        size: u64,
        home: NodeId,
        urgency: Urgency,
        rank: u64,
    ) -> Result<(), FetchError> {
        route(&self.links, &*self.backend, home).await;
        if self.links.proven().is_empty() {
            self.want(blob, size, home, None, urgency, rank);
            return Err(FetchError::Nobody);
        }
        let (done, result) = oneshot::channel();
        let wish = Wish { blob, size, home, base: None, urgency, rank, hops: 0 };
        self.events.send(Event::Want { wish, done: Some(done) }).map_err(|_| FetchError::Stopping)?;
        result.await.unwrap_or(Err(FetchError::Stopping))
    }

    /// What is on its way, in the order in which it comes: at most [`MAX_LISTED`] of it.
    #[must_use]
    pub fn progress(&self) -> Arc<Vec<Transfer>> {
        self.board.transfers()
    }

    /// How all of it comes along.
    #[must_use]
    pub fn flow(&self) -> Flow {
        self.board.flow()
    }

    /// What was exchanged with each node since the start.
    #[must_use]
    pub fn ledger(&self) -> BTreeMap<NodeId, Ledger> {
        self.board.ledger.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Blobs as they become complete.
    #[must_use]
    pub fn completions(&self) -> broadcast::Receiver<BlobId> {
        self.completions.subscribe()
    }

    /// Whether nothing moves: all that is wanted is here, or nobody who is connected gives it.
    #[must_use]
    pub fn is_stuck(&self) -> bool {
        self.board.stuck.load(Ordering::Acquire)
    }

    /// Stops; what has arrived of unfinished blobs is synced.
    pub async fn shutdown(&self) {
        let (done, stopped) = oneshot::channel();
        if self.events.send(Event::Stop(done)).is_ok() {
            let _ = stopped.await;
        }
    }
}

/// Connects with the next node in the direction of `home`, if nobody there is linked.
async fn route(links: &Links, backend: &dyn BlobBackend, home: NodeId) {
    let next = tokio::task::block_in_place(|| {
        let (me, home) = (backend.me()?, backend.member(&home)?);
        me.next_hop(&home)
    });
    let Some(next) = next.filter(|next| links.member(next).is_none()) else { return };
    let addresses = tokio::task::block_in_place(|| backend.addresses(&next));
    match tokio::time::timeout(ROUTE_PATIENCE, links.connect(next, addresses)).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::debug!(node = %next, %error, "no way in that direction"),
        Err(_) => tracing::debug!(node = %next, "no answer from that direction"),
    }
}
