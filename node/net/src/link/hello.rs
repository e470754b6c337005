//! Hello: who dials sends its hello first, the other answers with its own, each verifies.

use futures::AsyncWriteExt as _;
use kapok_protocol::hello::{Hello, MAX_FRAME_BYTES, PROTOCOL};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use kapok_protocol::replica::News;

use super::{LinkError, Linked, Links};
use crate::frame::{self, Limits};
use crate::swarm::{AcceptError, Stream};

impl Links {
    /// Opens hello with a connected node, and the first session in the same flight where the node is known.
    pub(super) async fn introduce(&self, node: NodeId) -> Result<Member, LinkError> {
        let refused = |reason: String| LinkError::NotProven { node, reason };
        let mut stream = self.network().open(node, PROTOCOL).await.map_err(|error| refused(error.to_string()))?;
        self.say_hello(&mut stream).await.map_err(refused)?;
        let early = self.sync_early(node);
        let member = self.take_hello(node, &mut stream, true).await.map_err(refused)?;
        early.go_on(&member);
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
        self.take_hello(node, stream, false).await?;
        self.say_hello(stream).await
    }

    async fn say_hello(&self, stream: &mut Stream) -> Result<(), String> {
        let hello = self.shared.blocking(|backend| {
            let mut hello = None;
            if backend.has_joined() {
                backend.read(&mut |replica| hello = Hello::of(replica, &self.shared.agent));
            }
            hello
        });
        let hello = hello.ok_or("this node has not joined a federation yet")?;
        let limits = Limits::new(MAX_FRAME_BYTES);
        frame::write(stream, &hello.to_bytes(), &limits).await.map_err(|error| error.to_string())
    }

    async fn take_hello(&self, node: NodeId, stream: &mut Stream, has_called: bool) -> Result<Member, String> {
        let bytes = frame::read(stream, &Limits::new(MAX_FRAME_BYTES)).await.map_err(|error| error.to_string())?;
        let bytes = bytes.ok_or("it closed without a word")?;
        let member = self.shared.blocking(|backend| {
            if !backend.has_joined() {
                return Err("this node has not joined a federation yet".to_owned());
            }
            let hello = Hello::from_bytes(&bytes).map_err(|error| error.to_string())?;
            let mut verified = None;
            backend.read(&mut |replica| {
                let proof = hello.clone().verify(&node, replica);
                // What is new of its chain is worth keeping; what is known needs no second place in the journal.
                verified = Some(proof.map(|(member, chain)| {
                    let new = chain.certificates().iter().filter(|certificate| {
                        let known = replica.chain(&certificate.membership().subject);
                        let known = known.as_ref().and_then(|chain| chain.certificates().last());
                        known.is_none_or(|known| certificate.supersedes(known))
                    });
                    let news: Vec<_> = new.cloned().map(News::Certificate).collect();
                    (member, news)
                }));
            });
            let (member, news) = verified.ok_or("the catalogue was not read")?.map_err(|error| error.to_string())?;
            if !news.is_empty() {
                backend.store(news)?;
            }
            Ok(member)
        })?;
        self.network().recognise(node).await;
        self.shared.members().insert(node, Linked { member: member.clone(), has_called });
        tracing::info!(%node, name = member.name, "link proven");
        self.announce();
        Ok(member)
    }
}
