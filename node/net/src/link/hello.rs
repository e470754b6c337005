//! Hello: who dials greets first, the other answers, each verifies ([`kapok_protocol::hello`]).
//!
//! Several callers that want the same node at once share one introduction. Where the catalogue says who the peer must
//! be, the catalogue session is opened in the same flight; it goes on when the peer's greeting has borne that out.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use futures::AsyncWriteExt as _;
use kapok_protocol::hello::{Greeting, Introduction, MAX_FRAME_BYTES, PROTOCOL, Step, Stranger, known};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::{Chain, Member};
use kapok_protocol::replica::{News, Replica};
use tokio::sync::watch;

use super::sessions::Dialled;
use super::{LinkError, Links};
use crate::frame::{self, Limits};
use crate::swarm::{AcceptError, Stream};

/// Introductions that this node has begun, with what comes of them.
pub(super) type Introductions = BTreeMap<NodeId, watch::Receiver<Option<Result<Member, String>>>>;

impl Links {
    /// Opens hello with a connected node, or waits for the hello that is being said to it.
    pub(super) async fn introduce(&self, node: NodeId) -> Result<Member, LinkError> {
        let mut outcome = {
            let mut introductions = self.shared.introductions.lock().unwrap_or_else(PoisonError::into_inner);
            introductions.entry(node).or_insert_with(|| self.begin_introduction(node)).clone()
        };
        let refused = |reason: String| LinkError::NotProven { node, reason };
        let outcome =
            outcome.wait_for(Option::is_some).await.map_err(|_| refused("this node is stopping".to_owned()))?;
        outcome.clone().unwrap_or_else(|| Err("there was no answer".to_owned())).map_err(refused)
    }

    /// In a task of its own: whoever stops waiting takes nothing from the others.
    fn begin_introduction(&self, node: NodeId) -> watch::Receiver<Option<Result<Member, String>>> {
        let (told, outcome) = watch::channel(None);
        let links = self.clone();
        tokio::spawn(async move {
            let stopping = links.shared.stopping.clone();
            let result = tokio::select! {
                result = links.call(node) => result,
                () = stopping.cancelled() => Err("this node is stopping".to_owned()),
            };
            if result.is_err() && links.member(&node).is_none() {
                links.shared.sessions.forget(&node);
            }
            links.shared.introductions.lock().unwrap_or_else(PoisonError::into_inner).remove(&node);
            let _ = told.send(Some(result));
        });
        outcome
    }

    async fn call(&self, node: NodeId) -> Result<Member, String> {
        let begun = self.consult(|replica, agent| {
            let expected = known(&node, replica).ok().map(|(member, _)| member);
            Introduction::call(node, replica, agent).map(|(introduction, first)| (introduction, first, expected))
        });
        let (mut introduction, first, expected) = begun.map_err(|error| error.to_string())?;
        let mut stream = self.network().open(node, PROTOCOL).await.map_err(|error| error.to_string())?;
        say(&mut stream, &first).await?;
        if let Some(expected) = expected {
            self.open_first(expected, Dialled::AwaitsProof);
        }
        let (member, chain) = loop {
            let greeting = hear(&mut stream).await?.ok_or("it closed without a word")?;
            let step = self.step(&mut introduction, &greeting)?;
            if let Some(greeting) = step.say {
                say(&mut stream, &greeting).await?;
            }
            if let Some(proof) = step.proven {
                break proof;
            }
        };
        self.admit(&member, &chain).await?;
        // Unless it was opened before.
        self.open_first(member.clone(), Dialled::Proven);
        self.announce();
        // The peer may still be reading; an orderly end tells it that all is said.
        let _ = stream.close().await;
        Ok(member)
    }

    pub(super) fn answer_hellos(&self) -> Result<(), AcceptError> {
        let mut incoming = self.network().accept(PROTOCOL)?;
        let links = self.clone();
        self.keep(tokio::spawn(async move {
            while let Some((node, mut stream)) = incoming.next().await {
                let links = links.clone();
                tokio::spawn(async move {
                    if let Err(reason) = links.answer_hello(node, &mut stream).await {
                        tracing::info!(%node, reason, "stranger");
                    }
                    let _ = stream.close().await;
                });
            }
        }));
        Ok(())
    }

    async fn answer_hello(&self, node: NodeId, stream: &mut Stream) -> Result<(), String> {
        let mut introduction = Introduction::answer(node);
        let mut is_proven = false;
        // The caller ends the stream when it knows enough.
        while let Some(greeting) = hear(stream).await? {
            let step = self.step(&mut introduction, &greeting)?;
            if let Some((member, chain)) = step.proven {
                self.admit(&member, &chain).await?;
                self.shared.sessions.await_first(node);
                self.announce();
                is_proven = true;
            }
            if let Some(greeting) = step.say {
                say(stream, &greeting).await?;
            }
        }
        if is_proven { Ok(()) } else { Err("it closed without a word".to_owned()) }
    }

    /// Something of the catalogue, if this node has joined.
    fn consult<T>(&self, ask: impl FnOnce(&dyn Replica, &str) -> Result<T, Stranger>) -> Result<T, Stranger> {
        self.shared.blocking(|backend| {
            if !backend.has_joined() {
                return Err(Stranger::NotJoined);
            }
            let (mut ask, mut answer) = (Some(ask), Err(Stranger::NotJoined));
            backend.read(&mut |replica| {
                if let Some(ask) = ask.take() {
                    answer = ask(replica, &self.shared.agent);
                }
            });
            answer
        })
    }

    fn step(&self, introduction: &mut Introduction, greeting: &[u8]) -> Result<Step, String> {
        let step = self.consult(|replica, agent| introduction.take(Greeting::from_bytes(greeting)?, replica, agent));
        step.map_err(|error| error.to_string())
    }

    /// Takes in a peer that has proved itself. Whoever calls this announces it.
    async fn admit(&self, member: &Member, chain: &Chain) -> Result<(), String> {
        self.shared.blocking(|backend| {
            // What is new of its chain is worth keeping; what is known needs no second place in the journal.
            let mut news = Vec::new();
            backend.read(&mut |replica| {
                let new = chain.certificates().iter().filter(|certificate| {
                    let known = replica.chain(&certificate.membership().subject);
                    let known = known.as_ref().and_then(|chain| chain.certificates().last());
                    known.is_none_or(|known| certificate.supersedes(known))
                });
                news = new.cloned().map(News::Certificate).collect();
            });
            if news.is_empty() { Ok(()) } else { backend.store(news) }
        })?;
        self.network().recognise(member.id).await;
        self.shared.members().insert(member.id, member.clone());
        // A connection that goes later finds the link in its place; one that has gone before would leave it there for good.
        if !self.network().connected().await.iter().any(|peer| peer.node == member.id) {
            self.shared.members().remove(&member.id);
            return Err("the connection has gone".to_owned());
        }
        tracing::info!(node = %member.id, name = member.name, "link proven");
        Ok(())
    }
}

async fn say(stream: &mut Stream, greeting: &Greeting) -> Result<(), String> {
    let limits = Limits::new(MAX_FRAME_BYTES);
    frame::write(stream, &greeting.to_bytes(), &limits).await.map_err(|error| error.to_string())
}

async fn hear(stream: &mut Stream) -> Result<Option<Vec<u8>>, String> {
    frame::read(stream, &Limits::new(MAX_FRAME_BYTES)).await.map_err(|error| error.to_string())
}
