//! Streams of `/kapok/blob/1`: one for what this node asks of a peer, one for what the peer asks of it.

use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use kapok_protocol::blob::message::{Answer, MAX_FRAME_BYTES, PROTOCOL, Request};
use kapok_protocol::identity::NodeId;
use tokio::sync::mpsc;

use super::desk::Event;
use crate::frame::{self, Limits};
use crate::link::Links;
use crate::swarm::{AcceptError, Stream};

/// Streams stay open while nothing is said; the connection's own keep-alive notices a peer that is gone.
const QUIET: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
/// What a request may have.
const MAX_REQUEST_BYTES: usize = 512;

fn limits(max_bytes: usize) -> Limits {
    Limits::new(max_bytes).begin_within(QUIET)
}

/// Opens the asking stream to a peer; requests go in here, answers come as events.
pub(super) fn ask(
    links: &Links,
    node: NodeId,
    generation: u64,
    events: &mpsc::UnboundedSender<Event>,
) -> mpsc::UnboundedSender<Request> {
    let (requests, mut outgoing) = mpsc::unbounded_channel::<Request>();
    let (network, events) = (links.network().clone(), events.clone());
    tokio::spawn(async move {
        let talk = async {
            let stream = network.open(node, PROTOCOL).await.map_err(|error| error.to_string())?;
            let (mut reader, mut writer) = stream.split();
            let write = async {
                while let Some(request) = outgoing.recv().await {
                    frame::write(&mut writer, &request.encode(), &limits(MAX_REQUEST_BYTES))
                        .await
                        .map_err(|e| e.to_string())?;
                }
                let _ = writer.close().await;
                Ok::<(), String>(())
            };
            let read = async {
                let limits = limits(MAX_FRAME_BYTES);
                while let Some(bytes) = frame::read(&mut reader, &limits).await.map_err(|e| e.to_string())? {
                    let answer = Answer::decode(&bytes).map_err(|e| e.to_string())?;
                    let _ = events.send(Event::Answer { node, generation, answer });
                }
                Err::<(), String>("the peer ended the stream".to_owned())
            };
            tokio::select! {
                done = write => done,
                done = read => done,
            }
        };
        if let Err(reason) = talk.await {
            tracing::debug!(%node, reason, "asking stream ended");
        }
        let _ = events.send(Event::AskingEnded { node, generation });
    });
    requests
}

/// Answers whoever opens a stream, once it has proved its membership.
pub(super) fn answer(links: &Links, events: &mpsc::UnboundedSender<Event>) -> Result<(), AcceptError> {
    let mut incoming = links.network().accept(PROTOCOL)?;
    let (keeper, links, events) = (links.clone(), links.clone(), events.clone());
    keeper.keep(tokio::spawn(async move {
        let mut generation = 0;
        while let Some((node, stream)) = incoming.next().await {
            generation += 1;
            let (links, events) = (links.clone(), events.clone());
            tokio::spawn(async move {
                if let Some(member) = links.prove(&node).await {
                    serve(member, stream, generation, &events).await;
                }
            });
        }
    }));
    Ok(())
}

async fn serve(
    member: kapok_protocol::membership::Member,
    stream: Stream,
    generation: u64,
    events: &mpsc::UnboundedSender<Event>,
) {
    let node = member.id;
    let (answers, mut outgoing) = mpsc::unbounded_channel::<Answer>();
    let _ = events.send(Event::GivingOpened { member: Box::new(member), generation, answers });
    let (mut reader, mut writer) = stream.split();
    let write = async {
        let limits = limits(MAX_FRAME_BYTES);
        while let Some(answer) = outgoing.recv().await {
            frame::write(&mut writer, &answer.encode(), &limits).await.map_err(|e| e.to_string())?;
            if answer.content_bytes() > 0 || matches!(answer, Answer::Piece { .. } | Answer::List { .. }) {
                let _ = events.send(Event::Written { node, generation, content_bytes: answer.content_bytes() });
            }
        }
        Ok::<(), String>(())
    };
    let read = async {
        let limits = limits(MAX_REQUEST_BYTES);
        while let Some(bytes) = frame::read(&mut reader, &limits).await.map_err(|e| e.to_string())? {
            let request = Request::decode(&bytes).map_err(|e| e.to_string())?;
            let _ = events.send(Event::Request { node, generation, request });
        }
        Ok::<(), String>(())
    };
    let ended = tokio::select! {
        done = write => done,
        done = read => done,
    };
    if let Err(reason) = ended {
        tracing::debug!(%node, reason, "giving stream ended");
    }
    let _ = events.send(Event::GivingEnded { node, generation });
}
