//! Nodes behind NAT: how others reach this one, and links straight to where a large file was published.
//!
//! This node keeps a reservation at the nearest county or city that it is linked with. Where another is behind NAT, its
//! own addresses answer nobody, and it is called through the county or city above it, with which a hole is punched.

use std::sync::Arc;
use std::time::Duration;

use kapok_net::Multiaddr;
use kapok_net::link::Links;
use kapok_net::swarm::LinkKind;
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::{Member, Tier};
use tokio::sync::oneshot;

use super::app::App;
use crate::catalogue::Reading;

/// The first moments of a link belong to the catalogue.
const SETTLED: Duration = Duration::from_secs(30);

/// From here on it is worth a link of its own: hellos, catalogue digests and a hole cost some 20 KB and a dozen round
/// trips. What is smaller goes through the tree and leaves a copy at the county for the next who wants it.
const DIRECT_MIN_BYTES: u64 = 16 * 1024 * 1024;

/// How long a fetch waits for such a link: little beside the time that so many bytes take.
const PATIENCE: Duration = Duration::from_secs(6);

/// Direct addresses have their time first, then the relay, then the hole.
const CALL_PATIENCE: Duration = Duration::from_secs(30);

/// A link of that kind is closed when nothing has come over it for so long: the next file of the same lesson may be
/// wanted meanwhile.
const LINGER: Duration = Duration::from_secs(60);

impl App {
    /// Whether this node lets others reach each other through it: counties and cities have addresses that all reach.
    pub(super) fn relays(&self) -> bool {
        let tier = self.local.state().made.as_ref().map(|made| made.tier);
        matches!(tier, Some(Tier::City | Tier::County)) && self.settings().relay()
    }

    /// Keeps a reservation at the nearest county or city that is linked.
    pub(super) async fn keep_reservation(self: Arc<Self>) {
        let Some(links) = self.links.get().cloned() else { return };
        let mut changes = links.changes();
        let mut reserved = None;
        loop {
            tokio::time::sleep(SETTLED).await;
            changes.mark_unchanged();
            let me = self.blocking(|app| Ok(app.reading()?.try_me().cloned())).await.ok().flatten();
            let relay = me.and_then(|me| nearest_relay(&links, &me));
            // One that is away for a while is asked again when it is back.
            if relay.is_some() && relay != reserved {
                links.network().reserve(relay).await;
                reserved = relay;
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Whether this node is behind NAT, and the name of the node through which others reach it.
    pub(super) fn reached(&self, reading: &Reading<'_>) -> (bool, Option<String>) {
        let reach = self.links.get().map(|links| links.network().reach()).unwrap_or_default();
        let relay = reach.relay.map(|relay| Self::named(reading, &relay).0);
        (reach.behind_nat.unwrap_or(false), relay)
    }

    /// Where a node can be reached through others with which this one is linked.
    pub(super) fn relayed_addresses(&self, node: &NodeId) -> Vec<Multiaddr> {
        let (Some(links), Ok(reading)) = (self.links.get(), self.reading()) else { return Vec::new() };
        let Some(member) = reading.find_member(node).cloned() else { return Vec::new() };
        drop(reading);
        let Some(relay) = nearest_relay(links, &member) else { return Vec::new() };
        // Which of its addresses is named does not matter, for the connection stands.
        let address = self.direct_addresses(&relay).into_iter().next();
        address.and_then(|address| kapok_net::transport::address::through_node(&address, &relay)).into_iter().collect()
    }

    /// Links straight with where a file was published, if that is worth it for so many bytes and neither stands above the
    /// other. Returns when the link stands, or when it is better to begin without it. The link ends by itself.
    pub(super) async fn approach(self: &Arc<Self>, home: NodeId, bytes: u64) {
        let Some(links) = self.links.get().filter(|_| bytes >= DIRECT_MIN_BYTES).cloned() else { return };
        if home == self.catalogue.id() || links.member(&home).is_some() {
            return;
        }
        let (app, (stands, told)) = (self.clone(), oneshot::channel());
        tokio::spawn(async move {
            let called = app.call_straight(&links, home).await;
            // Who asked may have begun already.
            let _ = stands.send(());
            match called {
                Ok(()) => {
                    tracing::info!(%home, kind = ?links.kind(&home), "a link straight to where a large file was published");
                    app.part_when_quiet(&links, home).await;
                }
                Err(reason) => tracing::debug!(%home, reason, "it comes through the tree"),
            }
        });
        let _ = tokio::time::timeout(PATIENCE, told).await;
    }

    async fn call_straight(self: &Arc<Self>, links: &Links, home: NodeId) -> Result<(), String> {
        let pair = self
            .blocking(move |app| {
                let reading = app.reading()?;
                Ok(reading.try_me().cloned().zip(reading.find_member(&home).cloned()))
            })
            .await
            .map_err(|error| error.to_string())?;
        let (me, member) = pair.ok_or("it is no member")?;
        if me.is_ancestor_of(&member) || member.is_ancestor_of(&me) {
            return Err("it is on this node's own line".to_owned());
        }
        let call = async {
            // Only members are let through, so the relay must know this node.
            let relay = member.county();
            if nearest_relay(links, &member) != Some(relay) && relay != member.id {
                let addresses = self.direct_addresses(&relay);
                if let Err(error) = links.connect(relay, addresses).await {
                    tracing::debug!(node = %relay, %error, "the county above it cannot be reached");
                }
            }
            links.connect(home, self.addresses(&home)).await.map(drop).map_err(|error| error.to_string())
        };
        tokio::time::timeout(CALL_PATIENCE, call).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    /// Ends a link when nothing comes over it any more. One on the local network costs nothing and stays.
    async fn part_when_quiet(&self, links: &Links, home: NodeId) {
        let moved = || {
            let ledger = self.exchange.get().map(kapok_net::blob::Exchange::ledger).unwrap_or_default();
            ledger.get(&home).map(|ledger| (ledger.wire_bytes_in, ledger.wire_bytes_out))
        };
        let mut before = moved();
        loop {
            tokio::time::sleep(LINGER).await;
            if links.member(&home).is_none() || links.kind(&home) == LinkKind::Lan {
                return;
            }
            let now = moved();
            if now == before {
                links.network().disconnect(home).await;
                return;
            }
            before = now;
        }
    }
}

/// The county or city above `member` that is linked with this node, the nearest first.
fn nearest_relay(links: &Links, member: &Member) -> Option<NodeId> {
    let above = links.proven().into_iter().filter(|other| other.is_ancestor_of(member));
    let relays = above.filter(|other| matches!(other.tier, Tier::City | Tier::County));
    relays.max_by_key(|other| other.path().len()).map(|other| other.id)
}
