//! The node's figures, what it wants to hold, rounds of synchronisation, and what is on its way.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is still to come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pending {
    pub blobs: u64,
    pub bytes: u64,
}

/// How far the node reaches at the moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// A node beyond this place answers.
    Online,
    /// Only neighbours on the LAN answer.
    Lan,
    #[default]
    Offline,
}

/// The node and its figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// PeerId.
    pub node: String,
    pub name: String,
    /// `city`, `county`, `school` or `point`.
    pub tier: String,
    /// The federation's name, empty before joining.
    pub federation: String,
    pub entries: u64,
    pub resources: u64,
    pub blobs: u64,
    pub bytes: u64,
    pub pending: Pending,
    pub version: String,
    /// When the catalogue last agreed with a peer's; RFC 3339.
    pub catalogue_at: Option<String>,
    pub peers_connected: u64,
    /// Name of the node that admitted this one.
    pub parent_name: Option<String>,
    pub link: Link,
    /// Whether a router gives this node another address outside than it has itself, as far as it is known.
    #[serde(default)]
    pub behind_nat: bool,
    /// Name of the node through which others reach this one if they cannot directly.
    #[serde(default)]
    pub relay_name: Option<String>,
    /// Since when the link is as it is; RFC 3339.
    pub link_since: Option<String>,
    /// Resources whose files are all here.
    pub held: u64,
    /// Resources that became complete here in the last 24 hours.
    pub arrived_last_day: u64,
    /// Room on the disk of the home folder.
    pub free_bytes: u64,
    /// 0 to 100 while a view is being rebuilt.
    pub rebuilding_percent: Option<u8>,
    /// What is wrong, in words for people; empty on a good day.
    pub notices: Vec<String>,
}

/// What to hold without being asked. Lists that are empty do not restrict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscribeRequest {
    /// Everything. Has to be said, so that an empty request does not subscribe to the world by accident.
    #[serde(default)]
    pub all: bool,
    #[serde(default)]
    pub subject: Vec<String>,
    #[serde(default)]
    pub stage: Vec<String>,
    #[serde(default)]
    pub kind: Vec<String>,
    /// The largest file, in bytes.
    #[serde(default)]
    pub max_size: Option<u64>,
}

/// A subscription and the number by which it is ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Subscription {
    pub number: u64,
    pub all: bool,
    pub subject: Vec<String>,
    pub stage: Vec<String>,
    pub kind: Vec<String>,
    pub max_size: Option<u64>,
    /// Resources that fall under it, and how many of them are held.
    pub resources: u64,
    pub held: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Subscriptions {
    pub subscriptions: Vec<Subscription>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SyncRequest {
    /// Now, also outside windows and budgets.
    #[serde(default)]
    pub now: bool,
}

/// What a round exchanged with one peer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SyncPeer {
    pub node: String,
    pub entries_in: u64,
    pub entries_out: u64,
    pub blobs_in: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub seconds: f64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SyncReport {
    pub peers: Vec<SyncPeer>,
    pub pending: Pending,
}

/// Why a transfer moves or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TransferState {
    Moving,
    /// In the queue, behind others.
    Queued,
    /// Until the nightly window opens.
    WaitsForWindow,
    /// No peer that has it can be reached.
    WaitsForPeer,
    /// The month's allowance is used up.
    WaitsForAllowance,
    /// The disk has no room.
    WaitsForSpace,
}

/// A file on its way here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transfer {
    pub blob: String,
    /// The resource that it belongs to.
    pub resource: String,
    pub title: String,
    /// Of the resource, by the vocabulary.
    #[serde(default)]
    pub kind: Option<String>,
    pub name: String,
    pub size: u64,
    /// Bytes that have come.
    pub done: u64,
    pub state: TransferState,
    /// The nodes that it comes from or is waited for, by name.
    pub from: Vec<String>,
    pub rate_bps: u64,
    /// When it will be done, where that can be relied on: what comes before it in the queue included; RFC 3339.
    pub expected: Option<String>,
    /// Whether a person waits for it.
    pub asked_for: bool,
}

/// What is on its way or waits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transfers {
    /// What moves first, then the queue in its order: [`Transfers::MAX_LISTED`] at most.
    pub transfers: Vec<Transfer>,
    /// Files that are not complete, and the bytes of them that have not come.
    pub pending: Pending,
    /// Of what is pending, files that are not listed.
    #[serde(default)]
    pub unlisted: u64,
    /// Bytes that have come since there was nothing to come: with what is pending, the whole of a bar.
    #[serde(default)]
    pub done: u64,
    /// Bytes a second, lately, over all links.
    #[serde(default)]
    pub rate_bps: u64,
    /// When all that is pending will be here.
    #[serde(default)]
    pub estimate: Estimate,
    /// The hours in which files come by themselves, if that is restricted.
    #[serde(default)]
    pub window: Option<Window>,
    /// When the last round with anybody ended; RFC 3339.
    pub last_round: Option<String>,
    /// A round is going on.
    pub running: bool,
}

impl Transfers {
    /// More than anybody reads; of a hundred thousand files the rest is counted.
    pub const MAX_LISTED: usize = 200;
}

/// When something will be done, as far as the line has shown; both times the same once a tenth has come. Hours in which
/// the window is shut count into it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Estimate {
    /// RFC 3339; none where nothing can be said.
    pub earliest: Option<String>,
    pub latest: Option<String>,
}

impl Estimate {
    /// The time that can be relied on.
    #[must_use]
    pub fn firm(&self) -> Option<&str> {
        self.earliest.as_deref().filter(|_| self.earliest == self.latest)
    }
}

/// The hours of the day in which files come by themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Window {
    /// As in the settings: `22:00-06:00`.
    pub hours: String,
    pub is_open: bool,
    /// When it opened, or will; RFC 3339.
    pub opens: Option<String>,
    /// When it closes after that.
    pub closes: Option<String>,
}
