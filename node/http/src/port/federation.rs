//! Peers, memberships, and how a node joins.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::sync::SyncPeer;

/// A peer as this node knows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Peer {
    pub node: String,
    pub name: String,
    pub tier: String,
    /// Multiaddr, the one in use or the last.
    pub address: String,
    pub connected: bool,
    pub rtt_ms: Option<f64>,
    /// Bytes a second, as last measured.
    pub rate_bps: Option<u64>,
    /// RFC 3339.
    pub last_contact: Option<String>,
    /// What the last round with it exchanged.
    pub last_round: Option<SyncPeer>,
    /// Bytes of files that came from it since this node was started.
    #[serde(default)]
    pub bytes_in: u64,
    /// The same to it.
    #[serde(default)]
    pub bytes_out: u64,
    /// How many of them stayed within the local network; the others crossed a line that costs.
    #[serde(default)]
    pub lan_bytes_in: u64,
    #[serde(default)]
    pub lan_bytes_out: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Peers {
    pub peers: Vec<Peer>,
}

/// A member of the federation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    pub node: String,
    pub name: String,
    pub tier: String,
    pub region: String,
    /// PeerId of the node that admitted it; none for the top.
    pub parent: Option<String>,
    /// RFC 3339.
    pub valid_until: String,
    pub days_left: i64,
    pub revoked: bool,
    /// Signed entries and resources of it, as known here.
    pub entries: u64,
    pub resources: u64,
    /// Connected now, or heard of within the last minutes.
    pub online: bool,
    /// When anything was last heard of it, here or through others; RFC 3339.
    pub last_seen: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Members {
    pub federation: String,
    pub members: Vec<Member>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteRequest {
    pub tier: String,
    pub name: String,
    #[serde(default)]
    pub region: Option<String>,
    /// How long the code may be used; seven days unless said.
    #[serde(default)]
    pub valid_seconds: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    pub code: String,
    /// RFC 3339.
    pub expires: String,
}

/// By a code over the network, or by the parent's grant on a stick.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", try_from = "CodeOrGrant")]
pub enum JoinRequest {
    Code(String),
    /// The text of the grant file.
    Grant(String),
}

/// As it is read, so that a refusal names the two fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeOrGrant {
    code: Option<String>,
    grant: Option<String>,
}

impl TryFrom<CodeOrGrant> for JoinRequest {
    type Error = &'static str;

    fn try_from(read: CodeOrGrant) -> Result<Self, Self::Error> {
        match (read.code, read.grant) {
            (Some(code), None) => Ok(Self::Code(code)),
            (None, Some(grant)) => Ok(Self::Grant(grant)),
            _ => Err("missing field: either code or grant is needed, and not both"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Joined {
    pub federation: String,
    /// PeerId.
    pub parent: String,
    pub tier: String,
    pub name: String,
}

/// A request to join, as the text of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JoinPaper {
    pub request: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdmitRequest {
    /// The text of the request file.
    pub request: String,
    pub tier: String,
    pub name: String,
    #[serde(default)]
    pub region: Option<String>,
}

/// A grant, as the text of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    pub grant: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeRequest {
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revoked {
    pub node: String,
    pub name: String,
    /// `revoked`.
    pub state: String,
    pub reason: String,
}
