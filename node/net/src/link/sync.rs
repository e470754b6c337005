//! Driving catalogue sessions: frames in, frames out, what was verified into the store.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use kapok_protocol::replica::News;
use kapok_protocol::session::codec::{Packer, Unpacker};
use kapok_protocol::session::message::{Frame, MAX_FRAME_BYTES, PROTOCOL};
use kapok_protocol::session::{Digests, Fault, Input, Output, Session, digests};
use tokio::sync::mpsc;

use super::sessions::{Arrival, Dialled, Ended, HOLD_PATIENCE, Need, Running, Ticket, Turn};
use super::{Links, Shared};
use crate::frame::{self, FrameError, Limits};
use crate::swarm::{AcceptError, OpenError, Stream};

/// Frames on their way to the writer. Few, so that a batch is made only shortly before it is sent.
const WRITE_QUEUE_FRAMES: usize = 2;
/// Frames that have come and were not looked at yet.
const READ_QUEUE_FRAMES: usize = 4;
/// A session in which nothing has moved either way for so long is over. The connection outlives an outage of a minute,
/// and the session does so too.
const STILL: Duration = Duration::from_secs(75);
/// How long one side may be silent: while it takes a long catalogue it says nothing.
const QUIET: Duration = Duration::from_secs(24 * 60 * 60);
/// Sessions that somebody who needs one waits for: one that ran already, one that failed, his own, and one to spare.
const MAX_TURNS: usize = 4;

/// What a session with one peer exchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SyncReport {
    pub entries_in: u64,
    pub entries_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub seconds: f64,
}

impl std::ops::AddAssign for SyncReport {
    fn add_assign(&mut self, other: Self) {
        self.entries_in += other.entries_in;
        self.entries_out += other.entries_out;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.seconds += other.seconds;
    }
}

/// Why a session did not come to its end. What had arrived is stored; the next session goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    #[error("{0} is not connected, or has not proved its membership")]
    NoLink(NodeId),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("the link broke: {0}")]
    Frame(#[from] FrameError),
    #[error("nothing has moved for {} s", STILL.as_secs())]
    Still,
    #[error("the peer ended the session before its end")]
    Ended,
    #[error("the link went, or another session took its place")]
    Superseded,
    #[error("the peer did not prove to be who the catalogue says")]
    NotProven,
    #[error("the peer broke the rules: {0}")]
    Fault(#[from] Fault),
    #[error("a frame cannot be read: {0}")]
    BadFrame(#[from] kapok_protocol::session::message::BadFrame),
    #[error("what came could not be stored: {0}")]
    Store(String),
    #[error(transparent)]
    Joined(#[from] Arc<SyncError>),
}

impl Links {
    /// Brings this node and a linked one up to date, by a session of its own or by one that somebody else has begun.
    ///
    /// # Errors
    /// Why it broke off.
    pub async fn sync(&self, node: NodeId, need: Need) -> Result<SyncReport, SyncError> {
        let since = match need {
            Need::OnThisLink => None,
            Need::Since(since) => Some(since),
            Need::Changes => {
                let member = self.member(&node).ok_or(SyncError::NoLink(node))?;
                if self.digests(&member).is_some_and(|digests| self.shared.sessions.is_settled(&node, &digests)) {
                    return Ok(SyncReport::default());
                }
                Some(tokio::time::Instant::now())
            }
        };
        let mut total = SyncReport::default();
        let (mut counted, mut trouble) = (None, None);
        let mut turns = 0;
        while turns < MAX_TURNS {
            let member = self.member(&node).ok_or(SyncError::NoLink(node))?;
            let mut begun = self.shared.sessions.changes();
            let mut running = match self.shared.sessions.turn(node, since) {
                Turn::Enough { opened, report } => {
                    if counted != Some(opened) {
                        total += report;
                    }
                    return Ok(total);
                }
                Turn::Await(until) => {
                    let _ = tokio::time::timeout_at(until, begun.changed()).await;
                    continue;
                }
                Turn::Join(running) => running,
                Turn::Open(ticket) => self.open(member, ticket, Dialled::Proven),
            };
            turns += 1;
            let outcome = match running.outcome.wait_for(Option::is_some).await {
                Ok(outcome) => outcome.clone(),
                Err(_) => None,
            };
            match outcome {
                Some(Ok(ended)) => {
                    total += ended.report;
                    counted = Some(running.opened);
                    if !ended.more || since.is_none_or(|since| running.opened >= since) {
                        return Ok(total);
                    }
                }
                // Where it crossed with another, or the peer turned out another member, or it was the peer's, the next
                // turn tells.
                Some(Err(error)) if running.ours && !matches!(*error, SyncError::Superseded | SyncError::NotProven) => {
                    return Err(error.into());
                }
                Some(Err(error)) => trouble = Some(error.into()),
                None => trouble = Some(SyncError::Ended),
            }
        }
        Err(trouble.unwrap_or(SyncError::Ended))
    }

    /// What this node shares with a peer, as of now.
    fn digests(&self, peer: &Member) -> Option<Digests> {
        self.shared.blocking(|backend| {
            let mut result = None;
            backend.read(&mut |replica| result = Some(digests(peer, replica)));
            result
        })
    }

    /// Opens the first session on a link that this node has dialled, unless it is open.
    pub(super) fn open_first(&self, peer: Member, dialled: Dialled) {
        if let Some(ticket) = self.shared.sessions.first(peer.id) {
            self.open(peer, ticket, dialled);
        }
    }

    /// Runs a session in a task of its own: who waits for it may go away.
    fn open(&self, peer: Member, ticket: Ticket, dialled: Dialled) -> Running {
        let running = ticket.running.clone();
        let links = self.clone();
        tokio::spawn(async move {
            let node = peer.id;
            let session = async {
                let stream = links.network().open(node, PROTOCOL).await?;
                drive(&links, peer.clone(), stream, None, &ticket.running).await
            };
            let result = links.until_cancelled(&ticket.running, session).await;
            let unproven = matches!(result, Err(SyncError::NotProven));
            if let Err(error) = links.shared.sessions.end(&node, &ticket, result) {
                tracing::info!(%node, %error, "session broke off");
            }
            // The hello has said that the peer is a member by another certificate than was known.
            if unproven
                && dialled == Dialled::AwaitsProof
                && let Some(member) = links.member(&node)
                && let Some(ticket) = links.shared.sessions.first(node)
            {
                links.open(member, ticket, Dialled::Proven);
            }
        });
        running
    }

    async fn until_cancelled<T>(
        &self,
        running: &Running,
        session: impl Future<Output = Result<T, SyncError>>,
    ) -> Result<T, SyncError> {
        tokio::select! {
            result = session => result,
            () = running.cancel.cancelled() => Err(SyncError::Superseded),
            () = self.shared.stopping.cancelled() => Err(SyncError::Superseded),
        }
    }

    pub(super) fn answer_syncs(&self) -> Result<(), AcceptError> {
        let mut incoming = self.network().accept(PROTOCOL)?;
        let links = self.clone();
        self.keep(tokio::spawn(async move {
            while let Some((node, stream)) = incoming.next().await {
                let links = links.clone();
                tokio::spawn(async move {
                    // Nothing is read of it before.
                    let Some(member) = links.prove(&node).await else { return };
                    links.answer_sync(member, stream).await;
                });
            }
        }));
        Ok(())
    }

    async fn answer_sync(&self, peer: Member, mut stream: Stream) {
        let (me, node) = (self.network().local(), peer.id);
        let mut first = None;
        let mut held = false;
        let ticket = loop {
            match self.shared.sessions.arrives(&me, node, held) {
                Arrival::Answer(ticket) => break ticket,
                Arrival::Refuse => return,
                Arrival::Hold(mut running) => {
                    held = true;
                    if first.is_none() {
                        first = frame::read(&mut stream, &Limits::new(MAX_FRAME_BYTES)).await.ok().flatten();
                    }
                    let mut byte = [0];
                    let ended = tokio::time::timeout(HOLD_PATIENCE, running.outcome.wait_for(Option::is_some));
                    let dropped = tokio::select! {
                        // A peer that has opened says nothing more before it is answered.
                        _ = stream.read(&mut byte), if first.is_some() => true,
                        ended = ended => {
                            if ended.is_err() {
                                running.cancel.cancel();
                            }
                            false
                        }
                    };
                    if !dropped {
                        let _ = running.outcome.wait_for(Option::is_some).await;
                    }
                    if dropped || first.is_none() {
                        self.shared.sessions.let_go(&node);
                        return;
                    }
                }
            }
        };
        let session = drive(self, peer, stream, first, &ticket.running);
        let result = self.until_cancelled(&ticket.running, session).await;
        match self.shared.sessions.end(&node, &ticket, result) {
            Ok(ended) => tracing::debug!(%node, report = ?ended.report, "session answered"),
            Err(error) => tracing::info!(%node, %error, "session broke off"),
        }
    }
}

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
async fn drive(
    links: &Links,
    member: Member,
    stream: Stream,
    first: Option<Vec<u8>>,
    running: &Running,
) -> Result<(Ended, Option<Digests>), SyncError> {
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
        while let Some(bytes) = writing.recv().await {
            frame::write(&mut writer, &bytes, &limits).await?;
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
            let sending = !queue.is_empty() || session.has_frames();
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
        Ok::<_, SyncError>((Ended { report, more: session.has_more() }, session.settled().cloned()))
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
