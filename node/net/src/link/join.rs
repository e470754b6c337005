//! Joining: the one protocol that a stranger gets.

use futures::AsyncWriteExt as _;
use kapok_protocol::identity::NodeId;
use kapok_protocol::join::{Invitation, MAX_FRAME_BYTES, PROTOCOL, Refusal, Reply, Request};
use libp2p::Multiaddr;

use super::Links;
use crate::frame::{self, FrameError, Limits};
use crate::swarm::{AcceptError, DialError, OpenError, Stream};

/// Why a code did not lead to an answer.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error("the parent cannot be reached: {0}")]
    Dial(#[from] DialError),
    #[error("the parent does not answer: {0}")]
    Open(#[from] OpenError),
    #[error("the parent does not answer: {0}")]
    Frame(#[from] FrameError),
    #[error("the parent's answer cannot be read: {0}")]
    Malformed(String),
    #[error("{0}")]
    Refused(#[from] Refusal),
}

impl Links {
    /// Shows the invitation's secret to the parent; returns its grant.
    ///
    /// # Errors
    /// Why nothing was granted.
    pub async fn join(&self, invitation: &Invitation, request: &Request) -> Result<Reply, JoinError> {
        let addresses: Vec<Multiaddr> = invitation.addresses.iter().filter_map(|a| a.parse().ok()).collect();
        self.network().dial(invitation.parent, addresses).await?;
        let mut stream = self.network().open(invitation.parent, PROTOCOL).await?;
        let bytes = minicbor::to_vec(request).map_err(|error| JoinError::Malformed(error.to_string()))?;
        let limits = Limits::new(MAX_FRAME_BYTES);
        frame::write(&mut stream, &bytes, &limits).await?;
        let answer = frame::read(&mut stream, &limits).await?;
        let answer = answer.ok_or_else(|| JoinError::Malformed("it is empty".to_owned()))?;
        let reply: Reply = minicbor::decode(&answer).map_err(|error| JoinError::Malformed(error.to_string()))?;
        let _ = stream.close().await;
        match reply {
            Reply::Refused { reason } => Err(reason.into()),
            granted @ Reply::Granted { .. } => Ok(granted),
        }
    }

    pub(super) fn answer_joins(&self) -> Result<(), AcceptError> {
        let mut incoming = self.network().accept(PROTOCOL)?;
        let links = self.clone();
        // One after the other: nobody is admitted in a hurry, and strangers cannot make this node work in parallel.
        self.keep(tokio::spawn(async move {
            while let Some((node, mut stream)) = incoming.next().await {
                if let Err(reason) = links.answer_join(node, &mut stream).await {
                    tracing::info!(%node, reason, "nobody was admitted");
                }
            }
        }));
        Ok(())
    }

    async fn answer_join(&self, node: NodeId, stream: &mut Stream) -> Result<(), String> {
        let limits = Limits::new(MAX_FRAME_BYTES).begin_within(std::time::Duration::from_secs(10));
        let bytes = frame::read(stream, &limits).await.map_err(|error| error.to_string())?;
        let bytes = bytes.ok_or("it asked nothing")?;
        let request: Request = minicbor::decode(&bytes).map_err(|error| error.to_string())?;
        let reply = self.shared.blocking(|backend| backend.admit(node, request));
        let bytes = minicbor::to_vec(&reply).map_err(|error| error.to_string())?;
        frame::write(stream, &bytes, &limits).await.map_err(|error| error.to_string())?;
        stream.close().await.map_err(|error| error.to_string())
    }
}
