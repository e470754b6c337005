//! The fold of all that was said about one resource.
//!
//! Every shelf of the author may hold an entry under the resource's key (visibility can change between versions);
//! the one with the highest sequence is what the resource is. A withdrawal by the author or an ancestor takes it for
//! good. Both are maxima over sets, so order, duplication and route of arrival do not matter.

use std::collections::BTreeMap;

use kapok_protocol::entry::Sequence;
use kapok_protocol::identity::NodeId;
use kapok_protocol::time::Timestamp;
use kapok_protocol::visibility::Visibility;
use minicbor::{Decode, Encode};

/// What one shelf holds under the resource's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Slot {
    #[n(0)]
    pub sequence: Sequence,
    /// Orders two entries of one sequence (a cloned node), so that every node shows the same one.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub hash: [u8; 32],
    #[n(2)]
    pub time: Timestamp,
    /// Where the entry is in the journal; none for a tombstone or a stub. Not part of what was said.
    #[n(3)]
    pub position: Option<u64>,
}

/// Somebody's withdrawal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
pub struct Withdrawn {
    #[n(0)]
    pub sequence: Sequence,
    #[n(1)]
    pub time: Timestamp,
    #[n(2)]
    pub reason: String,
    #[n(3)]
    pub title: String,
    /// Who may learn of it.
    #[n(4)]
    pub visibility: Visibility,
}

/// All that is known of one resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ResourceState {
    /// None until an entry or a withdrawal has named the author.
    #[n(0)]
    pub author: Option<NodeId>,
    #[n(1)]
    pub slots: BTreeMap<Visibility, Slot>,
    #[n(2)]
    pub withdrawals: BTreeMap<NodeId, Withdrawn>,
}

/// What a resource is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Current<'a> {
    /// Nothing was ever seen, or its author took it away.
    None,
    /// An entry, on the shelf of this visibility.
    Live(Visibility, &'a Slot),
    /// Withdrawn by this node.
    Withdrawn(NodeId, &'a Withdrawn),
}

impl ResourceState {
    /// An entry (or tombstone, or stub) under the resource's key.
    pub fn put(&mut self, author: NodeId, visibility: Visibility, slot: Slot) {
        self.author = Some(author);
        let known = self.slots.entry(visibility).or_insert(slot);
        if (slot.sequence, slot.hash) > (known.sequence, known.hash) {
            *known = slot;
        }
    }

    /// What the author's shelf of this visibility holds under the key now, whatever it held before.
    pub fn set(&mut self, author: NodeId, visibility: Visibility, slot: Option<Slot>) {
        self.author = Some(author);
        match slot {
            Some(slot) => self.slots.insert(visibility, slot),
            None => self.slots.remove(&visibility),
        };
    }

    /// A withdrawal by `by`.
    pub fn withdraw(&mut self, author: NodeId, by: NodeId, withdrawn: Withdrawn) {
        self.author = Some(author);
        let known = self.withdrawals.entry(by).or_insert_with(|| withdrawn.clone());
        if withdrawn.sequence > known.sequence {
            *known = withdrawn;
        }
    }

    /// The withdrawal that counts: by the author itself or by a node for which `is_ancestor_of_author` holds.
    pub fn withdrawal(&self, is_ancestor_of_author: impl Fn(&NodeId) -> bool) -> Option<(NodeId, &Withdrawn)> {
        let counts = |by: &NodeId| self.author == Some(*by) || is_ancestor_of_author(by);
        self.withdrawals.iter().find(|(by, _)| counts(by)).map(|(by, withdrawn)| (*by, withdrawn))
    }

    /// What the resource is now.
    pub fn current(&self, is_ancestor_of_author: impl Fn(&NodeId) -> bool) -> Current<'_> {
        if let Some((by, withdrawn)) = self.withdrawal(is_ancestor_of_author) {
            return Current::Withdrawn(by, withdrawn);
        }
        let newest = self.slots.iter().max_by_key(|(_, slot)| (slot.sequence, slot.hash));
        match newest {
            Some((visibility, slot)) if slot.position.is_some() => Current::Live(*visibility, slot),
            _ => Current::None,
        }
    }

    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        crate::encoding::encode(self)
    }

    /// Reads a state back from a view.
    ///
    /// # Errors
    /// Bytes that are no state: the view is damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, crate::BadBody> {
        crate::encoding::decode(bytes)
    }
}
