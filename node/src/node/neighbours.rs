//! Links with nodes on the same local network: siblings share what one of them has fetched.
//!
//! Who is found is called and must prove its membership like anybody else; who is no member is left alone for a while.
//! A parent is called anyway, so nothing here changes what a node without neighbours does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kapok_net::Multiaddr;
use kapok_net::link::Links;
use kapok_net::swarm::Event;
use kapok_protocol::identity::NodeId;
use tokio::time::Instant;

use super::app::App;

/// Links with neighbours at once. A LAN has few nodes, and each link is a catalogue session now and then.
const MAX_LINKS: usize = 16;

/// Until one who could not be linked is called again; strangers stay strangers for long.
const AGAIN_AFTER: Duration = Duration::from_secs(60);
const STRANGER_AFTER: Duration = Duration::from_secs(15 * 60);

/// Of two that find each other, the one with the larger id leaves the call to the other for so long.
const COURTESY: Duration = Duration::from_secs(3);

impl App {
    /// Keeps links with the neighbours that belong to this federation.
    pub(super) async fn keep_neighbours(self: Arc<Self>) {
        let Some(links) = self.links.get().cloned() else { return };
        let Some(mut events) = links.network().events().await else { return };
        // With the parent's link this node may have become a member, for whom its neighbours are no strangers any more.
        let mut changes = links.changes();
        let mut not_before: HashMap<NodeId, Instant> = HashMap::new();
        let (ended, mut attempts) = tokio::sync::mpsc::channel::<(NodeId, bool)>(MAX_LINKS);
        loop {
            tokio::select! {
                event = events.next() => match event {
                    Some(Event::Neighbour { .. } | Event::Disconnected { .. } | Event::Missed(_)) => {}
                    Some(_) => continue,
                    None => return,
                },
                Some((node, answered)) = attempts.recv() => {
                    let after = if answered { STRANGER_AFTER } else { AGAIN_AFTER };
                    not_before.insert(node, Instant::now() + after);
                    continue;
                }
                Ok(()) = changes.changed() => {}
                () = tokio::time::sleep(AGAIN_AFTER) => {}
            }
            not_before.retain(|_, at| *at > Instant::now());
            for (node, addresses) in self.callable(&links, &not_before).await {
                // Until the call has ended; its result says more.
                not_before.insert(node, Instant::now() + AGAIN_AFTER);
                let (links, ended) = (links.clone(), ended.clone());
                tokio::spawn(async move {
                    if let Some(answered) = call(&links, node, addresses).await {
                        let _ = ended.send((node, answered)).await;
                    }
                });
            }
        }
    }

    /// The neighbours to call now.
    async fn callable(
        self: &Arc<Self>,
        links: &Links,
        not_before: &HashMap<NodeId, Instant>,
    ) -> Vec<(NodeId, Vec<Multiaddr>)> {
        let joined = self.blocking(|app| Ok(app.reading()?.try_me().is_some())).await.unwrap_or_default();
        if !joined {
            return Vec::new();
        }
        let mut found = links.network().neighbours().await;
        let linked = found.iter().filter(|(node, _)| links.member(node).is_some()).count();
        found.retain(|(node, _)| links.member(node).is_none() && !not_before.contains_key(node));
        found.truncate(MAX_LINKS.saturating_sub(linked));
        found
    }
}

/// `None`: linked. Else whether somebody was there, who did not prove to be a member.
async fn call(links: &Links, node: NodeId, addresses: Vec<Multiaddr>) -> Option<bool> {
    if links.network().local() > node {
        tokio::time::sleep(COURTESY).await;
    }
    match links.connect(node, addresses).await {
        Ok(member) => {
            tracing::info!(%node, name = member.name, "linked with a neighbour");
            None
        }
        Err(error) => {
            tracing::debug!(%node, %error, "a neighbour is not linked");
            Some(matches!(error, kapok_net::link::LinkError::NotProven { .. }))
        }
    }
}
