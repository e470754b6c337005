//! Streams of `/kapok/blob/1`: one for what this node asks of a peer, one for what the peer asks of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use kapok_protocol::blob::message::{Answer, MAX_FRAME_BYTES, MAX_OPEN_REQUESTS, MAX_REQUEST_BYTES, PROTOCOL, Request};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::AbortHandle;

use super::desk::Event;
use super::pace::Pace;
use crate::frame::{self, Limits};
use crate::link::Links;
use crate::swarm::{AcceptError, Stream};

/// Streams stay open while nothing is said; the connection's own keep-alive notices a peer that is gone.
const QUIET: Duration = Duration::from_secs(24 * 60 * 60);
/// Frames of one stream that wait at the desk before no more are read: 2 MiB of answers at the most, so that a disk
/// that is slower than the line holds up its sender, and a peer that floods fills nobody's memory.
const READ_AHEAD_FRAMES: usize = 32;
/// Answers that wait for a peer to read them. One that asks as much as it may, twice over, and reads nothing is no
/// peer any more.
const MAX_QUEUED_ANSWERS: usize = 2 * MAX_OPEN_REQUESTS;
/// The length before each frame.
const PREFIX_BYTES: u64 = 4;

/// How long a frame may stand still: longer than the outages that a connection outlives.
const STALL: Duration = Duration::from_secs(75);
/// How long what a peer still sends is read after this node has said its last word.
const FAREWELL: Duration = Duration::from_secs(1);

fn limits(max_bytes: usize) -> Limits {
    Limits { stall_after: STALL, ..Limits::new(max_bytes).begin_within(QUIET) }
}

/// Requests that are written together: of 120 bytes each, seven packets.
const MAX_TOGETHER: usize = 80;
/// How often the desk is told that a frame is still coming.
const HEARD_EVERY: Duration = Duration::from_secs(1);

/// Bytes that a frame has on the stream.
pub(super) fn wire_bytes(frame: &[u8]) -> u64 {
    frame.len() as u64 + PREFIX_BYTES
}

/// A place at the desk for one frame of a stream.
async fn place(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, String> {
    places.clone().acquire_owned().await.map_err(|error| error.to_string())
}

/// Opens the asking stream to a peer; requests go in here, answers come as events. It ends when no more can go in.
pub(super) fn ask(
    links: &Links,
    node: NodeId,
    generation: u64,
    events: &mpsc::UnboundedSender<Event>,
) -> (mpsc::UnboundedSender<Vec<u8>>, AbortHandle) {
    let (requests, mut outgoing) = mpsc::unbounded_channel::<Vec<u8>>();
    let (network, events) = (links.network().clone(), events.clone());
    let task = tokio::spawn(async move {
        let talk = async {
            let stream = network.open(node, PROTOCOL).await.map_err(|error| error.to_string())?;
            let (mut reader, mut writer) = stream.split();
            let write = async {
                let (limits, mut together) = (limits(MAX_REQUEST_BYTES), Vec::new());
                while outgoing.recv_many(&mut together, MAX_TOGETHER).await > 0 {
                    frame::write_all(&mut writer, &together, &limits).await.map_err(|e| e.to_string())?;
                    together.clear();
                }
                let _ = writer.close().await;
                Ok::<(), String>(())
            };
            let read = async {
                let (limits, places) = (limits(MAX_FRAME_BYTES), Arc::new(Semaphore::new(READ_AHEAD_FRAMES)));
                let mut heard_at = Instant::now();
                let mut heard = || {
                    if heard_at.elapsed() >= HEARD_EVERY {
                        heard_at = Instant::now();
                        let _ = events.send(Event::Heard { node, generation });
                    }
                };
                while let Some(bytes) =
                    frame::read_noting(&mut reader, &limits, &mut heard).await.map_err(|e| e.to_string())?
                {
                    let answer = Answer::decode(&bytes).map_err(|e| e.to_string())?;
                    let (place, wire_bytes) = (place(&places).await?, wire_bytes(&bytes));
                    let _ = events.send(Event::Answer { node, generation, answer, wire_bytes, place });
                }
                Err::<(), String>("the peer ended the stream".to_owned())
            };
            // The peer ends the stream when it has read all that was written.
            let write = async {
                write.await?;
                tokio::time::sleep(FAREWELL).await;
                Ok::<(), String>(())
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
    (requests, task.abort_handle())
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

async fn serve(member: Member, stream: Stream, generation: u64, events: &mpsc::UnboundedSender<Event>) {
    let node = member.id;
    let (answers, mut outgoing) = mpsc::channel::<Answer>(MAX_QUEUED_ANSWERS);
    let _ = events.send(Event::GivingOpened { member: Box::new(member), generation, answers });
    let (mut reader, mut writer) = stream.split();
    let write = async {
        let limits = limits(MAX_FRAME_BYTES);
        let mut pace = Pace::new();
        while let Some(answer) = outgoing.recv().await {
            let bytes = answer.encode();
            let begun = Instant::now();
            frame::write(&mut writer, &bytes, &limits).await.map_err(|e| e.to_string())?;
            let frame_bytes = pace.wrote(answer.content_bytes(), begun.elapsed());
            // Only what took room gives it back.
            let gives_room = answer.content_bytes() > 0;
            let (content_bytes, wire_bytes) = (answer.content_bytes() as u64, wire_bytes(&bytes));
            let _ =
                events.send(Event::Written { node, generation, content_bytes, wire_bytes, gives_room, frame_bytes });
        }
        Ok::<(), String>(())
    };
    let read = async {
        let (limits, places) = (limits(MAX_REQUEST_BYTES), Arc::new(Semaphore::new(READ_AHEAD_FRAMES)));
        while let Some(bytes) = frame::read(&mut reader, &limits).await.map_err(|e| e.to_string())? {
            let request = Request::decode(&bytes).map_err(|e| e.to_string())?;
            let (place, wire_bytes) = (place(&places).await?, wire_bytes(&bytes));
            let _ = events.send(Event::Request { node, generation, request, wire_bytes, place });
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
