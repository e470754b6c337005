//! Searching across nodes.
//!
//! [`Searcher::ask`] sends a query up the tree (`/kapok/search/1`); whoever is at the top, or has lost its parent,
//! coordinates (`coordinate`): it asks all who answer (`/kapok/answer/1`) in two phases. `answer` is the other end of
//! both.
//!
//! Invariant: no search waits for a dead node beyond its deadline, and every node that should have answered is named
//! as answering or as missing.

mod answer;
mod backend;
mod coordinate;
#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use futures::AsyncWriteExt as _;
use kapok_protocol::identity::NodeId;
use kapok_protocol::search::message::{Answer, Ask, MAX_DEADLINE_MS, MAX_FRAME_BYTES, MAX_QUERY_BYTES, Reply};
use tokio::sync::Semaphore;

use crate::frame::{self, Limits};
use crate::link::Links;
use crate::swarm::AcceptError;
pub use backend::SearchBackend;

/// Up the tree.
const ASK_PROTOCOL: &str = "/kapok/search/1";
/// From the coordinator to those who answer.
const ANSWER_PROTOCOL: &str = "/kapok/answer/1";
/// Searches of others at a time; more are told that this node is busy.
const MAX_SEARCHES: usize = 32;
/// After a parent has not answered in time, searches go without it for so long: nobody waits twice for a dead line.
const SILENCE: Duration = Duration::from_secs(20);
/// The part of a search's time that the parent has, where this node could answer something itself without it. The
/// top decides at the latest after nine tenths of what it is given, and after half if nobody dies while it answers.
const PARENT_SHARE_PERCENT: u32 = 75;
/// What is kept of a deadline for the way back.
const RETURN_MS: u32 = 50;

/// The node's searches. Clones share it.
#[derive(Clone)]
pub struct Searcher {
    links: Links,
    backend: Arc<dyn SearchBackend>,
    places: Arc<Semaphore>,
    /// The parent did not answer then: it is not waited for again before it has been quiet for a while.
    silent_since: Arc<std::sync::Mutex<Option<Instant>>>,
}

impl std::fmt::Debug for Searcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Searcher({} places free)", self.places.available_permits())
    }
}

impl Searcher {
    /// Starts answering searches over `links`.
    ///
    /// # Errors
    /// If another driver has taken one of the protocols.
    pub fn start(links: Links, backend: Arc<dyn SearchBackend>) -> Result<Self, AcceptError> {
        let searcher =
            Self { links, backend, places: Arc::new(Semaphore::new(MAX_SEARCHES)), silent_since: Arc::default() };
        searcher.answer_asks()?;
        searcher.answer_questions()?;
        Ok(searcher)
    }

    /// Asks the federation. Comes back within `deadline`, with what was found until then.
    pub async fn ask(&self, query: Vec<u8>, limit: u16, deadline: Duration) -> Reply {
        let Some(me) = self.blocking(SearchBackend::me) else { return Reply::default() };
        if query.len() > MAX_QUERY_BYTES {
            return Reply::default();
        }
        let deadline_ms = u32::try_from(deadline.as_millis()).unwrap_or(MAX_DEADLINE_MS).min(MAX_DEADLINE_MS);
        let ask = Ask { query, limit, deadline_ms, path: vec![me.id] };
        self.pass_up(me.parent(), ask).await
    }

    /// Has the parent answer; where there is none or it cannot, this node coordinates.
    async fn pass_up(&self, parent: Option<NodeId>, ask: Ask) -> Reply {
        let started = Instant::now();
        let silent = self.silent_since().is_some_and(|since| since.elapsed() < SILENCE);
        if let Some(parent) = parent.filter(|parent| !silent && self.links.member(parent).is_some()) {
            let alone = self.blocking(SearchBackend::answerers).is_empty();
            let deadline_ms =
                if alone { ask.deadline_ms } else { ask.deadline_ms.saturating_mul(PARENT_SHARE_PERCENT) / 100 };
            match self.ask_parent(parent, &Ask { deadline_ms, ..ask.clone() }).await {
                Ok(reply) => return reply,
                Err(reason) => {
                    tracing::info!(node = %parent, reason, "the parent did not answer a search");
                    if started.elapsed() >= Duration::from_millis(deadline_ms.into()) {
                        *self.silent_since.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                    }
                }
            }
        }
        let used = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
        let ask = Ask { deadline_ms: ask.deadline_ms.saturating_sub(used).max(RETURN_MS), ..ask };
        self.coordinate(ask).await
    }

    async fn ask_parent(&self, parent: NodeId, ask: &Ask) -> Result<Reply, String> {
        let patience = Duration::from_millis(ask.deadline_ms.into());
        let answer = async {
            let mut stream =
                self.links.network().open(parent, ASK_PROTOCOL).await.map_err(|error| error.to_string())?;
            let limits = Limits::new(MAX_FRAME_BYTES).begin_within(patience);
            frame::write(&mut stream, &ask.encode(), &limits).await.map_err(|error| error.to_string())?;
            let bytes = frame::read(&mut stream, &limits).await.map_err(|error| error.to_string())?;
            let _ = stream.close().await;
            match Answer::decode(&bytes.ok_or("no answer")?).map_err(|error| error.to_string())? {
                Answer::Reply(reply) => Ok(reply),
                Answer::Refused(refusal) => Err(refusal.to_string()),
            }
        };
        tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    fn silent_since(&self) -> Option<Instant> {
        *self.silent_since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn blocking<T>(&self, work: impl FnOnce(&dyn SearchBackend) -> T) -> T {
        tokio::task::block_in_place(|| work(&*self.backend))
    }
}
