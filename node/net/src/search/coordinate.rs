//! Driving a coordinator: questions out to all who answer, at once, and their contributions back in.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::AsyncWriteExt as _;
use kapok_protocol::identity::NodeId;
use kapok_protocol::search::coordinator::{Coordinator, Input, Output, Plan};
use kapok_protocol::search::message::{Ask, Contribution, MAX_FACETS_BYTES, MAX_FRAME_BYTES, Question, Reply};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::{ANSWER_PROTOCOL, RETURN_MS, SearchBackend, Searcher};
use crate::clock::now;
use crate::frame::{self, Limits};

/// What comes back from a node that was asked.
enum Back {
    Contribution(NodeId, Contribution),
    Gone(NodeId),
}

/// A node's conversation; dropped, it ends wherever it is, so that a dead node keeps nothing of this one.
struct Conversation {
    questions: mpsc::UnboundedSender<Question>,
    _task: AbortOnDropHandle<()>,
}

impl Searcher {
    /// Coordinates a search for whoever is first in its path.
    pub(super) async fn coordinate(&self, ask: Ask) -> Reply {
        let deadline_ms = ask.deadline_ms.saturating_sub(RETURN_MS).max(1);
        let answerers = self.blocking(SearchBackend::answerers);
        let plan = Plan { answerers, limit: ask.limit.into(), deadline_ms };
        let (back, mut incoming) = mpsc::unbounded_channel();
        let mut outputs = Vec::new();
        let mut coordinator = Coordinator::start(now(), &plan, &mut outputs);
        let mut conversations: BTreeMap<NodeId, Conversation> = BTreeMap::new();
        loop {
            for output in std::mem::take(&mut outputs) {
                match output {
                    Output::AskStatistics { node, deadline_ms } => {
                        let conversation = self.converse(node, &ask, &back);
                        let ask = Ask { deadline_ms, ..ask.clone() };
                        let _ = conversation.questions.send(Question::Statistics(ask));
                        conversations.insert(node, conversation);
                    }
                    Output::AskHits { node, statistics, deadline_ms } => {
                        if let Some(conversation) = conversations.get(&node) {
                            let _ = conversation.questions.send(Question::Score { statistics, deadline_ms });
                        }
                    }
                    Output::MergeStatistics(all) => {
                        let merged = self.blocking(|backend| backend.merge_statistics(&ask.query, all));
                        let (statistics, rejected) = merged;
                        coordinator.handle(now(), Input::Merged { statistics, rejected }, &mut outputs);
                    }
                    Output::Drop(node) => {
                        conversations.remove(&node);
                    }
                    Output::Finished(outcome) => {
                        let facets: Vec<_> = outcome.facets.iter().map(|(_, facets)| facets.clone()).collect();
                        let mut facets = self.blocking(|backend| backend.merge_facets(facets));
                        if facets.len() > MAX_FACETS_BYTES {
                            tracing::warn!(bytes = facets.len(), "the counts of a search are too many to be sent");
                            facets.clear();
                        }
                        return outcome.into_reply(facets);
                    }
                }
            }
            if !outputs.is_empty() {
                continue;
            }
            let patience = coordinator.next_tick().map_or(0, |tick| tick.millis_since(now()));
            let input = tokio::time::timeout(Duration::from_millis(patience), incoming.recv()).await;
            let input = match input {
                Ok(Some(Back::Contribution(node, Contribution::Statistics(statistics)))) => {
                    Input::StatisticsFrom(node, statistics)
                }
                Ok(Some(Back::Contribution(node, Contribution::Hits(hits)))) => Input::HitsFrom(node, hits),
                Ok(Some(Back::Contribution(node, Contribution::Refused(_)) | Back::Gone(node))) => Input::Gone(node),
                Ok(None) | Err(_) => Input::Tick,
            };
            coordinator.handle(now(), input, &mut outputs);
        }
    }

    /// A conversation with a node that answers; with this node itself, without a stream.
    fn converse(&self, node: NodeId, ask: &Ask, back: &mpsc::UnboundedSender<Back>) -> Conversation {
        let (outgoing, mut questions) = mpsc::unbounded_channel::<Question>();
        let (searcher, back, path) = (self.clone(), back.clone(), ask.path.clone());
        let task = tokio::spawn(async move {
            let own = searcher.links.network().local() == node;
            let done = if own {
                searcher.converse_here(node, &path, &mut questions, &back).await
            } else {
                searcher.converse_there(node, &mut questions, &back).await
            };
            if let Err(reason) = done {
                tracing::debug!(%node, reason, "no answer to a search");
                let _ = back.send(Back::Gone(node));
            }
        });
        Conversation { questions: outgoing, _task: AbortOnDropHandle::new(task) }
    }

    async fn converse_here(
        &self,
        node: NodeId,
        path: &[NodeId],
        questions: &mut mpsc::UnboundedReceiver<Question>,
        back: &mpsc::UnboundedSender<Back>,
    ) -> Result<(), String> {
        let asker = path.first().and_then(|asker| self.blocking(|backend| backend.member(asker)));
        let asker = asker.ok_or("the asker is no member")?;
        let mut asked = None;
        while let Some(question) = questions.recv().await {
            let contribution =
                self.blocking(|backend| super::answer::contribution(backend, &asker, &mut asked, question));
            let _ = back.send(Back::Contribution(node, contribution?));
        }
        Ok(())
    }

    async fn converse_there(
        &self,
        node: NodeId,
        questions: &mut mpsc::UnboundedReceiver<Question>,
        back: &mpsc::UnboundedSender<Back>,
    ) -> Result<(), String> {
        if self.links.member(&node).is_none() {
            let addresses = self.blocking(|backend| backend.addresses(&node));
            self.links.connect(node, addresses).await.map_err(|error| error.to_string())?;
        }
        let mut stream = self.links.network().open(node, ANSWER_PROTOCOL).await.map_err(|error| error.to_string())?;
        let limits = Limits::new(MAX_FRAME_BYTES);
        while let Some(question) = questions.recv().await {
            frame::write(&mut stream, &question.encode(), &limits).await.map_err(|error| error.to_string())?;
            let bytes = frame::read(&mut stream, &limits).await.map_err(|error| error.to_string())?;
            let contribution = Contribution::decode(&bytes.ok_or("it closed without an answer")?)
                .map_err(|error| error.to_string())?;
            let _ = back.send(Back::Contribution(node, contribution));
        }
        let _ = stream.close().await;
        Ok(())
    }
}
