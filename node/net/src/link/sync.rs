//! Driving catalogue sessions: frames in, frames out, what was verified into the store.

use std::collections::VecDeque;
use std::time::Instant;

use futures::{AsyncReadExt as _, AsyncWriteExt as _};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use kapok_protocol::session::message::{Frame, MAX_FRAME_BYTES, PROTOCOL};
use kapok_protocol::session::{Fault, Input, Output, Session};
use tokio::sync::mpsc;

use super::{Links, Shared};
use crate::frame::{self, FrameError, Limits};
use crate::swarm::{AcceptError, OpenError, Stream};

/// Frames on their way to the writer. Few, so that a batch is made only shortly before it is sent.
const WRITE_QUEUE_FRAMES: usize = 2;
/// Frames that have come and were not looked at yet.
const READ_QUEUE_FRAMES: usize = 4;

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
}

impl Links {
    /// A session with a linked node.
    ///
    /// # Errors
    /// Why it broke off.
    pub async fn sync(&self, node: NodeId) -> Result<SyncReport, SyncError> {
        let member = self.member(&node).ok_or(SyncError::NoLink(node))?;
        let stream = self.network().open(node, PROTOCOL).await?;
        drive(&self.shared, member, stream).await
    }

    pub(super) fn answer_syncs(&self) -> Result<(), AcceptError> {
        let mut incoming = self.network().accept(PROTOCOL)?;
        let links = self.clone();
        self.keep(tokio::spawn(async move {
            while let Some((node, stream)) = incoming.next().await {
                let links = links.clone();
                tokio::spawn(async move {
                    let Some(member) = links.prove(&node).await else { return };
                    match drive(&links.shared, member, stream).await {
                        Ok(report) => tracing::debug!(%node, ?report, "session answered"),
                        Err(error) => tracing::info!(%node, %error, "session broke off"),
                    }
                });
            }
        }));
        Ok(())
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

async fn drive(shared: &Shared, member: Member, stream: Stream) -> Result<SyncReport, SyncError> {
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
                bytes = frames.recv(), if !session.is_finished() => {
                    let bytes = bytes.ok_or(SyncError::Ended)?;
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
