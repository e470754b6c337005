//! Driving one catalogue session: frames in, frames out, what was verified into the store.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use kapok_protocol::replica::News;
use kapok_protocol::session::codec::{Packer, Unpacker};
use kapok_protocol::session::message::{Frame, MAX_FRAME_BYTES, State};
use kapok_protocol::session::{Input, Output, Session};
use tokio::sync::mpsc;

use super::sessions::{Ended, Running};
use super::sync::{SyncError, SyncReport};
use super::{Links, Shared};
use crate::frame::{self, FrameError, Limits};
use crate::swarm::Stream;

/// Frames on their way to the writer. Few, so that a batch is made only shortly before it is sent.
const WRITE_QUEUE_FRAMES: usize = 2;
/// Frames that have come and were not looked at yet.
const READ_QUEUE_FRAMES: usize = 4;
/// A session in which nothing has moved either way for so long is over. The connection outlives an outage of a minute,
/// and the session does so too.
pub(super) const STILL: Duration = Duration::from_secs(75);
/// How long one side may be silent: while it takes a long catalogue it says nothing.
const QUIET: Duration = Duration::from_secs(24 * 60 * 60);
/// One step of a session over the catalogue as it is now. What is to be stored is stored before the next input.
fn step(shared: &Shared, session: &mut Session, peer: &NodeId, input: Input) -> Result<Vec<Frame>, SyncError> {
    shared.blocking(|backend| {
        let mut outputs = Vec::new();
        let mut input = Some(input);
        backend.read(&mut |replica| {
            if let Some(input) = input.take() {
                session.handle(input, replica, &mut outputs);
            }
        });
        let mut frames = Vec::new();
        for output in outputs {
            match output {
                Output::Send(frame) => frames.push(frame),
                Output::Store(news) if news.is_empty() => {}
                Output::Store(news) => {
                    let brings_entries = news.iter().any(|news| matches!(news, News::Entry(_) | News::Stub { .. }));
                    backend.store(news).map_err(SyncError::Store)?;
                    if brings_entries {
                        shared.arrivals.send_modify(|count| *count = count.wrapping_add(1));
                    }
                }
                Output::Remember(cursor) => backend.remember(peer, cursor),
                Output::Finished => {}
                Output::Fault(fault) => return Err(fault.into()),
            }
        }
        Ok(frames)
    })
}

/// When something last moved.
struct Pulse(Mutex<tokio::time::Instant>);

impl Pulse {
    fn new() -> Self {
        Self(Mutex::new(tokio::time::Instant::now()))
    }

    fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = tokio::time::Instant::now();
    }

    /// Returns when nothing has moved for too long.
    async fn stops(&self) {
        loop {
            let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner) + STILL;
            if tokio::time::Instant::now() >= until {
                return;
            }
            tokio::time::sleep_until(until).await;
        }
    }
}

/// Runs a session on a stream. `first` is a frame that was read of it already.
pub(super) async fn drive(
    links: &Links,
    member: Member,
    stream: Stream,
    first: Option<Vec<u8>>,
    running: &Running,
) -> Result<(Ended, Option<State>), SyncError> {
    let started = Instant::now();
    let (shared, peer) = (&*links.shared, member.id);
    let remembered = shared.blocking(|backend| backend.remembered(&peer));
    let mut session = Session::new(member.clone(), remembered);
    let (mut packer, mut unpacker) = (Packer::default(), Unpacker::default());
    let mut report = SyncReport::default();
    let limits = Limits { max_bytes: MAX_FRAME_BYTES, begin_within: QUIET, stall_after: STILL };
    let pulse = Pulse::new();
    let (mut reader, mut writer) = stream.split();
    let (to_write, mut writing) = mpsc::channel::<Vec<u8>>(WRITE_QUEUE_FRAMES);
    let (read, mut frames) = mpsc::channel::<Vec<u8>>(READ_QUEUE_FRAMES);

    let write = async {
        let mut together = Vec::new();
        while writing.recv_many(&mut together, WRITE_QUEUE_FRAMES).await > 0 {
            frame::write_all(&mut writer, &together, &limits).await?;
            together.clear();
            pulse.beat();
        }
        writer.close().await.map_err(FrameError::from)?;
        Ok::<_, SyncError>(())
    };
    let receive = async {
        if let Some(first) = first {
            let _ = read.send(first).await;
        }
        while let Some(bytes) = frame::read_noting(&mut reader, &limits, || pulse.beat()).await? {
            pulse.beat();
            if read.send(bytes).await.is_err() {
                break;
            }
        }
        drop(read);
        Ok::<_, SyncError>(())
    };
    let converse = async move {
        let mut queue: VecDeque<Frame> = step(shared, &mut session, &peer, Input::Opened)?.into();
        let mut is_proven = false;
        loop {
            if session.is_finished() && queue.is_empty() {
                break;
            }
            // Who is called has the caller's opening already, and says all that follows from it in one flight.
            let sending = (running.ours || is_proven) && (!queue.is_empty() || session.has_frames());
            tokio::select! {
                bytes = frames.recv(), if !session.is_finished() => {
                    let bytes = bytes.ok_or(SyncError::Ended)?;
                    // The session may have been opened on the catalogue's word. Digests are all that was said so far,
                    // and nothing is taken, nor anything more said, before the peer has borne it out.
                    if !is_proven {
                        if links.prove(&peer).await.as_ref() != Some(&member) {
                            return Err(SyncError::NotProven);
                        }
                        is_proven = true;
                        running.heard.store(true, Ordering::Release);
                    }
                    report.bytes_in += bytes.len() as u64;
                    let frame = unpacker.unpack(&bytes)?;
                    queue.extend(step(shared, &mut session, &peer, Input::Frame(frame))?);
                }
                permit = to_write.reserve(), if sending => {
                    let permit = permit.map_err(|_| SyncError::Ended)?;
                    if queue.is_empty() {
                        queue.extend(step(shared, &mut session, &peer, Input::Ready)?);
                    }
                    if let Some(frame) = queue.pop_front() {
                        let bytes = packer.pack(&frame);
                        report.bytes_out += bytes.len() as u64;
                        permit.send(bytes);
                    }
                }
            }
        }
        let counts = session.counts();
        let report = SyncReport { entries_in: counts.entries_in, entries_out: counts.entries_out, ..report };
        Ok::<_, SyncError>((Ended { report, more: session.has_more() }, session.settled()))
    };
    // The reader sees the end of the stream only when the peer has closed too; nobody needs to wait for that.
    let talk = async { tokio::try_join!(converse, write).map(|(ended, ())| ended) };
    tokio::pin!(talk, receive);
    let (mut ended, settled) = tokio::select! {
        ended = &mut talk => ended?,
        result = &mut receive => {
            result?;
            tokio::select! {
                ended = &mut talk => ended?,
                () = pulse.stops() => return Err(SyncError::Still),
            }
        }
        () = pulse.stops() => return Err(SyncError::Still),
    };
    ended.report.seconds = started.elapsed().as_secs_f64();
    Ok((ended, settled))
}
