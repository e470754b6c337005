//! A member: a node whose chain has been verified.

use super::{GRACE_MILLIS, Tier};
use crate::identity::NodeId;
use crate::time::Timestamp;

/// A node whose chain has been verified up to the federation's root. Made only by [`super::Chain::verify`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: NodeId,
    pub tier: Tier,
    pub name: String,
    pub region: String,
    pub scope: Vec<String>,
    pub staff_quota: u32,
    /// The chain's nodes with their tiers, from the city down to this node.
    pub(super) path: Vec<(NodeId, Tier)>,
    pub valid_until: Timestamp,
}

impl Member {
    /// The nodes from the city down to this one, this one included.
    pub fn path(&self) -> impl DoubleEndedIterator<Item = NodeId> + ExactSizeIterator + '_ {
        self.path.iter().map(|(id, _)| *id)
    }

    /// Who admitted this node; none for the city, which the root key admits.
    #[must_use]
    pub fn parent(&self) -> Option<NodeId> {
        self.path().nth_back(1)
    }

    /// Whether this node stands above `other`.
    #[must_use]
    pub fn is_ancestor_of(&self, other: &Self) -> bool {
        self.id != other.id && other.path().any(|id| id == self.id)
    }

    /// The node that stands for this member's county: its county, or the city where no county lies between
    /// (the city itself, and the schools directly under it).
    #[must_use]
    pub fn county(&self) -> NodeId {
        let county = self.path.iter().find(|(_, tier)| *tier == Tier::County);
        county.or(self.path.first()).map_or(self.id, |(id, _)| *id)
    }

    /// The node that stands for this member's school: its school, itself above schools, and itself for a teaching
    /// point that hangs directly under a county or the city.
    #[must_use]
    pub fn school(&self) -> NodeId {
        self.path.iter().find(|(_, tier)| *tier >= Tier::School).map_or(self.id, |(id, _)| *id)
    }

    /// The next node on the tree's way from this member to `goal`.
    #[must_use]
    pub fn next_hop(&self, goal: &Self) -> Option<NodeId> {
        if goal.id == self.id {
            return None;
        }
        let below = goal.path().skip_while(|id| *id != self.id).nth(1);
        below.or_else(|| self.parent())
    }

    /// Whether the membership has ended at `now` and only the year of grace keeps it.
    #[must_use]
    pub fn in_grace(&self, now: Timestamp) -> bool {
        now > self.valid_until
    }

    /// When even the grace is over.
    #[must_use]
    pub fn ends(&self) -> Timestamp {
        self.valid_until.plus_millis(GRACE_MILLIS)
    }
}
