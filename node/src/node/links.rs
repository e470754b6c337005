//! The node as the drivers of hello, sync and join see it.

use std::sync::Arc;

use kapok_net::link::Backend;
use kapok_protocol::identity::NodeId;
use kapok_protocol::join::{Invitation, Refusal, Reply, Request};
use kapok_protocol::replica::{Cursor, News, Replica};

use super::app::{App, now};

/// The node behind the links.
pub(super) struct LinkBackend(pub(super) Arc<App>);

impl Backend for LinkBackend {
    fn read(&self, reader: &mut dyn FnMut(&dyn Replica)) {
        match self.0.reading() {
            Ok(reading) => reader(&reading),
            Err(error) => tracing::info!(%error, "a session waits for the catalogue"),
        }
    }

    fn store(&self, news: Vec<News>) -> Result<(), String> {
        self.0.catalogue.store(news).map_err(|error| error.to_string())
    }

    fn remembered(&self, peer: &NodeId) -> Option<Cursor> {
        self.0.catalogue.remembered(peer)
    }

    fn remember(&self, peer: &NodeId, cursor: Cursor) {
        self.0.catalogue.remember(peer, cursor);
    }

    fn has_joined(&self) -> bool {
        self.0.reading().is_ok_and(|reading| reading.try_me().is_some())
    }

    fn admit(&self, subject: NodeId, request: Request) -> Reply {
        self.0.admit_by_code(subject, &request).unwrap_or_else(|reason| Reply::Refused { reason })
    }
}

impl App {
    /// Admits whoever shows the secret of an invitation. The same node gets the same answer again, so that a link
    /// which broke just then does no harm.
    fn admit_by_code(&self, subject: NodeId, request: &Request) -> Result<Reply, Refusal> {
        let secret: [u8; 16] = request.secret.as_deref().and_then(|s| s.try_into().ok()).ok_or(Refusal::Unknown)?;
        let hash = Invitation::secret_hash(&secret);
        let invited = self.local.state().invitations.get(&hash).cloned().ok_or(Refusal::Unknown)?;
        if invited.used_by.is_some_and(|node| node != subject) {
            return Err(Refusal::Used);
        }
        if invited.used_by.is_none() && now() > invited.expires {
            return Err(Refusal::Expired);
        }
        if invited.tier != request.tier {
            return Err(Refusal::OtherTier);
        }
        let reply = self.grant(subject, invited.tier, &invited.name, &invited.region).map_err(|error| {
            tracing::warn!(%error, "an invitation could not be honoured");
            Refusal::NotAMember
        })?;
        if let Err(error) = self.local.admitted(hash, subject) {
            tracing::error!(%error, "the use of an invitation was not noted");
            return Err(Refusal::NotAMember);
        }
        Ok(reply)
    }
}
