//! The link to the parent: where it is, calling it, and calling again when the link goes.

use std::sync::Arc;
use std::time::Duration;

use kapok_net::link::Links;
use kapok_protocol::identity::NodeId;

use crate::node::app::App;

/// First pause after a failed call to the parent, doubled up to the longest.
const RETRY_FIRST: Duration = Duration::from_secs(2);
const RETRY_LONGEST: Duration = Duration::from_secs(120);

/// Of more than 16 addresses the last are not tried; one is kept for the way through another node.
const MAX_DIRECT: usize = 15;

impl App {
    /// Connects with the parent, unless that is done.
    pub(in crate::node) async fn call_parent(self: &Arc<Self>, links: &Links) -> Result<(), String> {
        let parent = self
            .blocking(|app| {
                let reading = app.reading()?;
                Ok(reading.try_me().and_then(kapok_protocol::membership::Member::parent))
            })
            .await
            .map_err(|error| error.to_string())?;
        let Some(parent) = parent else { return Ok(()) };
        if links.member(&parent).is_some() {
            return Ok(());
        }
        let addresses = self.addresses(&parent);
        links.connect(parent, addresses).await.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Where a node can be reached, as far as known.
    pub(in crate::node) fn addresses(&self, node: &NodeId) -> Vec<kapok_net::Multiaddr> {
        let mut addresses = self.direct_addresses(node);
        addresses.truncate(MAX_DIRECT);
        addresses.extend(self.relayed_addresses(node));
        addresses
    }

    /// Without other nodes' help: what it says itself, and where the parent was when this node joined.
    pub(in crate::node) fn direct_addresses(&self, node: &NodeId) -> Vec<kapok_net::Multiaddr> {
        let mut texts = Vec::new();
        if let Ok(reading) = self.catalogue.reading()
            && let Some(profile) = reading.profile(node)
        {
            texts.extend(profile.addresses.iter().cloned());
        }
        if let Some((parent, addresses)) = &self.local.state().parent
            && parent == node
        {
            texts.extend(addresses.iter().cloned());
        }
        let mut seen = std::collections::BTreeSet::new();
        texts.retain(|text| seen.insert(text.clone()));
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// Keeps the link to the parent up.
    pub(in crate::node) async fn keep_parent(self: Arc<Self>) {
        let Some(links) = self.links.get().cloned() else { return };
        let mut pause = RETRY_FIRST;
        let mut changes = links.changes();
        loop {
            let up = match self.call_parent(&links).await {
                Ok(()) => true,
                Err(reason) => {
                    tracing::debug!(reason, "the parent cannot be reached");
                    false
                }
            };
            if up {
                pause = RETRY_FIRST;
                // Nothing to do until a link goes, or this node joins.
                tokio::select! {
                    _ = changes.changed() => {}
                    () = self.rounds.call.notified() => {}
                    () = tokio::time::sleep(RETRY_LONGEST) => {}
                }
            } else {
                // Jitter, so that a county's schools do not call all at once when it is back.
                let jitter = pause.mul_f64(rand::random_range(0.7..1.3));
                let _ = tokio::time::timeout(jitter, self.rounds.call.notified()).await;
                pause = (pause * 2).min(RETRY_LONGEST);
            }
        }
    }
}
