//! Driving catalogue sessions: frames in, frames out, what was verified into the store.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use kapok_protocol::session::message::{Frame, MAX_FRAME_BYTES, PROTOCOL};
use kapok_protocol::session::{Fault, Input, Output, Session};
use tokio::sync::{mpsc, oneshot};

use super::sessions::{Outcome, Run, Running, Turn};
use super::{Links, Shared};
use crate::frame::{self, FrameError, Limits};
use crate::swarm::{AcceptError, OpenError, Stream};

/// Frames on their way to the writer. Few, so that a batch is made only shortly before it is sent.
const WRITE_QUEUE_FRAMES: usize = 2;
/// Frames that have come and were not looked at yet.
const READ_QUEUE_FRAMES: usize = 4;
/// How long the side that was called leaves it to the other to open the first session: a lost packet on a satellite link
/// costs two seconds.
const COURTESY: Duration = Duration::from_secs(5);
/// Sessions that one call joins before it has what was new when it came: the one that goes on, and one that somebody
/// else begins right after it.
const MAX_JOINED: usize = 2;

/// How much somebody wants a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eagerness {
    /// Because the link has just come up: whoever called opens, and one is enough.
    Courteous,
    /// Because something is new here, or a person asks.
    Now,
}

/// What a session with one peer exchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SyncReport {
    pub entries_in: u64,
    pub entries_out: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub seconds: f64,
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
    #[error("the peer ended the session before its end")]
    Ended,
    #[error("the peer broke the rules: {0}")]
    Fault(#[from] Fault),
    #[error("a frame cannot be read: {0}")]
    BadFrame(#[from] kapok_protocol::session::message::BadFrame),
    #[error("what came could not be stored: {0}")]
    Store(String),
    #[error("the peer opened one at the same moment")]
    Crossed,
}

impl Links {
    /// A session with a linked node, or what the one brings that goes on already.
    ///
    /// # Errors
    /// Why it broke off.
    pub async fn sync(&self, node: NodeId, eagerness: Eagerness) -> Result<SyncReport, Arc<SyncError>> {
        let position = self.shared.position();
        if eagerness == Eagerness::Courteous
            && let Some((at, report)) = self.first_session(&node).await
            && at >= position
        {
            return Ok(report);
        }
        let mut joined = 0;
        loop {
            let member = self.member(&node).ok_or(SyncError::NoLink(node))?;
            match self.shared.sessions.want(node, self.shared.position()) {
                Turn::Begin(running) => match self.run(member, running, None).await {
                    Err(error) if matches!(*error, SyncError::Crossed) => {}
                    outcome => return outcome,
                },
                Turn::Join(run) => {
                    joined += 1;
                    let outcome = run.end().await;
                    // What was new here before it was opened has gone over with it.
                    if joined >= MAX_JOINED || (outcome.is_ok() && position <= run.position) {
                        return outcome;
                    }
                }
            }
        }
    }

    /// The first session on a link, which the side that called opens. Waits a little for it to begin.
    async fn first_session(&self, node: &NodeId) -> Option<(u64, SyncReport)> {
        const LOOK_EVERY: Duration = Duration::from_millis(50);
        let has_called = self.shared.members().get(node).is_some_and(|linked| linked.has_called);
        let begun = Instant::now();
        loop {
            match self.shared.sessions.known(node) {
                (Some(run), _) => return run.end().await.ok().map(|report| (run.position, report)),
                (None, Some(last)) => return Some(last),
                (None, None) if has_called || begun.elapsed() > COURTESY => return None,
                (None, None) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    /// Runs a session that this node opens. With `proof`, nothing of the peer's is looked at before that comes.
    async fn run(&self, member: Member, running: Running<'_>, proof: Option<oneshot::Receiver<()>>) -> Outcome {
        let run = running.run.clone();
        let talk = async {
            let stream = self.network().open(member.id, PROTOCOL).await?;
            drive(&self.shared, member, stream, &run, proof).await
        };
        let outcome = tokio::select! {
            outcome = talk => outcome,
            () = run.yielded.notified() => Err(SyncError::Crossed),
        };
        running.finish(outcome.map_err(Arc::new))
    }

    /// Opens a session behind this node's own hello, before the peer's has come, which saves a round trip. Only with a
    /// node that the catalogue knows as a member; digests are all that it is told before its proof is here.
    pub(super) fn sync_early(&self, node: NodeId) -> Early {
        let mut member = None;
        self.shared.blocking(|backend| {
            if backend.has_joined() {
                backend.read(&mut |replica| member = replica.member(&node));
            }
        });
        let (proven, proof) = oneshot::channel();
        if let Some(member) = member.clone() {
            let links = self.clone();
            tokio::spawn(async move {
                let Turn::Begin(running) = links.shared.sessions.want(node, links.shared.position()) else { return };
                if let Err(error) = links.run(member, running, Some(proof)).await {
                    tracing::debug!(%node, %error, "early session broke off");
                }
            });
        }
        Early { member, proven }
    }

    pub(super) fn answer_syncs(&self) -> Result<(), AcceptError> {
        let mut incoming = self.network().accept(PROTOCOL)?;
        let links = self.clone();
        self.keep(tokio::spawn(async move {
            while let Some((node, stream)) = incoming.next().await {
                let links = links.clone();
                tokio::spawn(async move {
                    let Some(member) = links.prove(&node).await else { return };
                    let (me, shared) = (links.network().local(), &links.shared);
                    // Dropping the stream tells the peer, which then takes part in the one that this node has opened.
                    let Some(running) = shared.sessions.answer(me, node, shared.position()) else { return };
                    let outcome = drive(shared, member, stream, &running.run, None).await;
                    match running.finish(outcome.map_err(Arc::new)) {
                        Ok(report) => tracing::debug!(%node, ?report, "session answered"),
                        Err(error) => tracing::info!(%node, %error, "session broke off"),
                    }
                });
            }
        }));
        Ok(())
    }
}

/// A session that was opened before the peer's membership was proved.
pub(super) struct Early {
    member: Option<Member>,
    proven: oneshot::Sender<()>,
}

impl Early {
    /// The peer has proved what it is. If it is not what the catalogue knew (it was moved), the session ends here, for it
    /// was opened for another.
    pub(super) fn go_on(self, member: &Member) {
        if self.member.as_ref() == Some(member) {
            let _ = self.proven.send(());
        }
    }
}

impl Shared {
    /// Where the journal stands.
    fn position(&self) -> u64 {
        self.blocking(|backend| {
            let mut position = 0;
            if backend.has_joined() {
                backend.read(&mut |replica| position = replica.cursor().position);
            }
            position
        })
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
                Output::Store(news) => backend.store(news).map_err(SyncError::Store)?,
                Output::Remember(cursor) => backend.remember(peer, cursor),
                Output::Finished => {}
                Output::Fault(fault) => return Err(fault.into()),
            }
        }
        Ok(frames)
    })
}

async fn drive(
    shared: &Shared,
    member: Member,
    stream: Stream,
    run: &Run,
    mut proof: Option<oneshot::Receiver<()>>,
) -> Result<SyncReport, SyncError> {
    let started = Instant::now();
    let peer = member.id;
    let remembered = shared.blocking(|backend| backend.remembered(&peer));
    let mut session = Session::new(member, remembered);
    let mut report = SyncReport::default();
    let limits = Limits::new(MAX_FRAME_BYTES);
    let (mut reader, mut writer) = stream.split();
    let (to_write, mut writing) = mpsc::channel::<Vec<u8>>(WRITE_QUEUE_FRAMES);
    let (read, mut frames) = mpsc::channel::<Vec<u8>>(READ_QUEUE_FRAMES);

    let write = async {
        while let Some(bytes) = writing.recv().await {
            frame::write(&mut writer, &bytes, &limits).await?;
        }
        writer.close().await.map_err(FrameError::from)?;
        Ok::<_, SyncError>(())
    };
    let receive = async {
        while let Some(bytes) = frame::read(&mut reader, &limits).await? {
            if read.send(bytes).await.is_err() {
                break;
            }
        }
        drop(read);
        Ok::<_, SyncError>(())
    };
    let converse = async move {
        let mut queue: VecDeque<Frame> = step(shared, &mut session, &peer, Input::Opened)?.into();
        loop {
            if session.is_finished() && queue.is_empty() {
                break;
            }
            let sending = !queue.is_empty() || session.has_batches();
            tokio::select! {
                proven = async { proof.as_mut().expect("looked at").await }, if proof.is_some() => {
                    // Without a proof the peer is a stranger.
                    proven.map_err(|_| SyncError::NoLink(peer))?;
                    proof = None;
                }
                bytes = frames.recv(), if !session.is_finished() && proof.is_none() => {
                    let bytes = bytes.ok_or(SyncError::Ended)?;
                    run.is_answered();
                    report.bytes_in += bytes.len() as u64;
                    let frame = Frame::from_bytes(&bytes)?;
                    queue.extend(step(shared, &mut session, &peer, Input::Frame(frame))?);
                }
                permit = to_write.reserve(), if sending => {
                    let permit = permit.map_err(|_| SyncError::Ended)?;
                    if queue.is_empty() {
                        queue.extend(step(shared, &mut session, &peer, Input::Ready)?);
                    }
                    if let Some(frame) = queue.pop_front() {
                        let bytes = frame.to_bytes();
                        report.bytes_out += bytes.len() as u64;
                        permit.send(bytes);
                    }
                }
            }
        }
        let counts = session.counts();
        Ok::<_, SyncError>(SyncReport { entries_in: counts.entries_in, entries_out: counts.entries_out, ..report })
    };
    // The reader sees the end of the stream only when the peer has closed too; nobody needs to wait for that.
    let talk = async { tokio::try_join!(converse, write).map(|(report, ())| report) };
    tokio::pin!(talk, receive);
    let report = tokio::select! {
        report = &mut talk => report?,
        result = &mut receive => {
            result?;
            talk.await?
        }
    };
    Ok(SyncReport { seconds: started.elapsed().as_secs_f64(), ..report })
}
