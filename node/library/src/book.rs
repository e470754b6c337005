//! What profiles and revocations of all nodes add up to.
//!
//! Small (a few hundred nodes), so it is kept in memory and folded anew from the shelves at every start.

use std::collections::BTreeMap;

use kapok_protocol::entry::Sequence;
use kapok_protocol::identity::NodeId;
use kapok_protocol::time::Timestamp;

use crate::profile::Profile;
use crate::revocation::Revocation;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    profiles: BTreeMap<NodeId, (Sequence, Timestamp, Profile)>,
    /// By whom was whom revoked.
    revocations: BTreeMap<NodeId, BTreeMap<NodeId, (Sequence, Option<Revocation>)>>,
}

impl Book {
    pub fn put_profile(&mut self, node: NodeId, sequence: Sequence, time: Timestamp, profile: Profile) {
        let known = self.profiles.get(&node).map(|(sequence, ..)| *sequence);
        if known.is_none_or(|known| sequence > known) {
            self.profiles.insert(node, (sequence, time, profile));
        }
    }

    /// A revocation of `subject` by `issuer`, or one taken back.
    pub fn put_revocation(
        &mut self,
        issuer: NodeId,
        sequence: Sequence,
        subject: NodeId,
        revocation: Option<Revocation>,
    ) {
        let issuers = self.revocations.entry(subject).or_default();
        let known = issuers.get(&issuer).map(|(sequence, _)| *sequence);
        if known.is_none_or(|known| sequence > known) {
            issuers.insert(issuer, (sequence, revocation));
        }
    }

    /// Forgets what was said with this number: it is believed no longer.
    pub fn forget_profile(&mut self, node: &NodeId, sequence: Sequence) {
        if self.profiles.get(node).is_some_and(|(known, ..)| *known == sequence) {
            self.profiles.remove(node);
        }
    }

    /// Forgets a revocation that was said with this number.
    pub fn forget_revocation(&mut self, issuer: &NodeId, subject: &NodeId, sequence: Sequence) {
        if let Some(issuers) = self.revocations.get_mut(subject)
            && issuers.get(issuer).is_some_and(|(known, _)| *known == sequence)
        {
            issuers.remove(issuer);
        }
    }

    #[must_use]
    pub fn profile(&self, node: &NodeId) -> Option<&Profile> {
        self.profiles.get(node).map(|(_, _, profile)| profile)
    }

    /// When the node last said anything about itself.
    #[must_use]
    pub fn profile_time(&self, node: &NodeId) -> Option<Timestamp> {
        self.profiles.get(node).map(|(_, time, _)| *time)
    }

    /// The revocation that counts for `subject`: of its ancestors' the one that believes least.
    pub fn revocation(&self, subject: &NodeId, is_ancestor: impl Fn(&NodeId) -> bool) -> Option<(NodeId, &Revocation)> {
        let counting = self.revocations.get(subject)?.iter().filter(|(issuer, _)| is_ancestor(issuer));
        let counting = counting.filter_map(|(issuer, (_, revocation))| Some((*issuer, revocation.as_ref()?)));
        counting.min_by_key(|(issuer, revocation)| (revocation.last, *issuer))
    }
}
