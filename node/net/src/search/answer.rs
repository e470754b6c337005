//! Answering: searches that come up from a child, and the questions of a coordinator.

use futures::AsyncWriteExt as _;
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use kapok_protocol::search::message::{
    Answer, Ask, Contribution, MAX_DEADLINE_MS, MAX_FRAME_BYTES, MAX_HITS, MAX_PATH, Question, Refusal,
};

use super::{ANSWER_PROTOCOL, ASK_PROTOCOL, RETURN_MS, SearchBackend, Searcher};
use crate::frame::{self, Limits};
use crate::swarm::{AcceptError, Stream};

/// What one question is answered with. `asked` keeps the query of the conversation's first question for its second.
pub(super) fn contribution(
    backend: &dyn SearchBackend,
    asker: &Member,
    asked: &mut Option<(Vec<u8>, usize)>,
    question: Question,
) -> Result<Contribution, String> {
    match question {
        Question::Statistics(ask) => {
            let statistics = backend.statistics(asker, &ask.query)?;
            *asked = Some((ask.query, usize::from(ask.limit).min(MAX_HITS)));
            Ok(Contribution::Statistics(statistics))
        }
        Question::Score { statistics, .. } => {
            let (query, limit) = asked.as_ref().ok_or("hits were asked for before statistics")?;
            Ok(Contribution::Hits(backend.hits(asker, query, &statistics, *limit)?))
        }
    }
}

impl Searcher {
    pub(super) fn answer_asks(&self) -> Result<(), AcceptError> {
        let mut incoming = self.links.network().accept(ASK_PROTOCOL)?;
        let searcher = self.clone();
        self.links.keep(tokio::spawn(async move {
            while let Some((node, mut stream)) = incoming.next().await {
                let searcher = searcher.clone();
                tokio::spawn(async move {
                    if let Err(reason) = searcher.answer_ask(node, &mut stream).await {
                        tracing::debug!(%node, reason, "a search was not answered");
                    }
                    let _ = stream.close().await;
                });
            }
        }));
        Ok(())
    }

    async fn answer_ask(&self, node: NodeId, stream: &mut Stream) -> Result<(), String> {
        let sender = self.links.prove(&node).await.ok_or("it did not prove its membership")?;
        let limits = Limits::new(MAX_FRAME_BYTES);
        let bytes = frame::read(stream, &limits).await.map_err(|error| error.to_string())?;
        let ask = Ask::decode(&bytes.ok_or("it asked nothing")?).map_err(|error| error.to_string())?;
        let answer = match self.places.clone().try_acquire_owned() {
            Err(_) => Answer::Refused(Refusal::Busy),
            Ok(_place) => match self.passed_on(&sender, ask) {
                Err(refusal) => Answer::Refused(refusal),
                Ok((parent, ask)) => Answer::Reply(Box::pin(self.pass_up(parent, ask)).await),
            },
        };
        frame::write(stream, &answer.encode(), &limits).await.map_err(|error| error.to_string())
    }

    /// Checks a search from below and adds this node to its path.
    fn passed_on(&self, sender: &Member, mut ask: Ask) -> Result<(Option<NodeId>, Ask), Refusal> {
        let me = self.blocking(SearchBackend::me).ok_or(Refusal::WrongPath)?;
        let is_child = sender.parent() == Some(me.id) && ask.path.last() == Some(&sender.id);
        // Each step of the path is the parent of the one before, so the asker is who the path says.
        let is_path = ask.path.windows(2).all(|step| {
            let below = self.blocking(|backend| backend.member(&step[0]));
            below.is_some_and(|below| below.parent() == Some(step[1]))
        });
        if !is_child || !is_path || ask.path.len() >= MAX_PATH {
            return Err(Refusal::WrongPath);
        }
        if ask.deadline_ms <= RETURN_MS {
            return Err(Refusal::TooLate);
        }
        ask.path.push(me.id);
        ask.deadline_ms = ask.deadline_ms.min(MAX_DEADLINE_MS) - RETURN_MS;
        Ok((me.parent(), ask))
    }

    pub(super) fn answer_questions(&self) -> Result<(), AcceptError> {
        let mut incoming = self.links.network().accept(ANSWER_PROTOCOL)?;
        let searcher = self.clone();
        self.links.keep(tokio::spawn(async move {
            while let Some((node, mut stream)) = incoming.next().await {
                let searcher = searcher.clone();
                tokio::spawn(async move {
                    if let Err(reason) = searcher.answer_conversation(node, &mut stream).await {
                        tracing::debug!(%node, reason, "a coordinator was not answered");
                    }
                    let _ = stream.close().await;
                });
            }
        }));
        Ok(())
    }

    async fn answer_conversation(&self, node: NodeId, stream: &mut Stream) -> Result<(), String> {
        let coordinator = self.links.prove(&node).await.ok_or("it did not prove its membership")?;
        let _place = self.places.clone().try_acquire_owned().map_err(|_| "too many searches at once")?;
        let limits =
            Limits::new(MAX_FRAME_BYTES).begin_within(std::time::Duration::from_millis(MAX_DEADLINE_MS.into()));
        let mut asker: Option<Member> = None;
        let mut asked = None;
        while let Some(bytes) = frame::read(stream, &limits).await.map_err(|error| error.to_string())? {
            let question = Question::decode(&bytes).map_err(|error| error.to_string())?;
            if let Question::Statistics(ask) = &question {
                asker = self.asker_of(&coordinator, ask);
            }
            let contribution = match &asker {
                None => Contribution::Refused(Refusal::WrongPath),
                Some(asker) => {
                    let answer = self.blocking(|backend| contribution(backend, asker, &mut asked, question));
                    answer.unwrap_or(Contribution::Refused(Refusal::BadQuery))
                }
            };
            frame::write(stream, &contribution.encode(), &limits).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// On whose behalf a coordinator asks: an ancestor of this node is believed, anybody else asks for itself only.
    fn asker_of(&self, coordinator: &Member, ask: &Ask) -> Option<Member> {
        let me = self.blocking(SearchBackend::me)?;
        let first = ask.path.first()?;
        let believed = coordinator.is_ancestor_of(&me) || *first == coordinator.id;
        if believed { self.blocking(|backend| backend.member(first)) } else { None }
    }
}
