//! Catalogue sessions with linked nodes: opened, joined and answered as `sessions` says, run by `drive`.

use std::sync::Arc;

use futures::AsyncReadExt as _;
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use kapok_protocol::session::message::{MAX_FRAME_BYTES, PROTOCOL};
use kapok_protocol::session::{Fault, state};

use super::Links;
use super::drive::{STILL, drive};
use super::sessions::{Arrival, Dialled, HOLD_PATIENCE, Need, Running, Ticket, Turn};
use crate::frame::{self, FrameError, Limits};
use crate::swarm::{AcceptError, OpenError, Stream};

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
        tracing::debug!(%node, ?need, "a session is needed");
        let since = match need {
            Need::OnThisLink => None,
            Need::Since(since) => Some(since),
            Need::Changes => {
                if self.is_settled(&self.member(&node).ok_or(SyncError::NoLink(node))?) {
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
                Turn::Open(ticket) => self.open(member.clone(), ticket, Dialled::Proven),
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
                    trouble = None;
                    if since.is_none_or(|since| running.opened >= since) {
                        return Ok(total);
                    }
                    // What this node has learnt between its last word and the end, the session says nothing of.
                    if !ended.more && self.is_settled(&member) {
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
        // Sessions that go well and are each overtaken: what came last is announced by itself.
        trouble.map_or(Ok(total), Err)
    }

    /// Whether a peer knows all that this node has for it, as of now.
    fn is_settled(&self, peer: &Member) -> bool {
        let mut now = None;
        self.shared.blocking(|backend| backend.read(&mut |replica| now = Some(state(peer, replica))));
        now.is_some_and(|now| self.shared.sessions.is_settled(&peer.id, &now))
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
