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
    pub name: String,
    pub size: u64,
    pub done: u64,
    pub state: TransferState,
    /// The nodes that it comes from or is waited for, by name.
    pub from: Vec<String>,
    pub rate_bps: u64,
    /// When it will be done, as far as can be said; RFC 3339.
    pub expected: Option<String>,
    /// Whether a person waits for it.
    pub asked_for: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Transfers {
    pub transfers: Vec<Transfer>,
    pub pending: Pending,
    /// When the last round with anybody ended; RFC 3339.
    pub last_round: Option<String>,
    /// A round is going on.
    pub running: bool,
}
