//! Nearness: what a source costs, and who of a place fetches what all of it want.
//!
//! The local network costs nothing; then come the node that published the blob, if it is linked, and the nodes of this one's
//! own line in the tree, the nearest first (school, county, city); then others, last those that are reached through a third
//! node, whose line would carry everything twice. Neighbours that want the same blob share one copy from outside: one of
//! them fetches it, the others wait for it there ([`Desk::lend`]).
//!
//! Invariant: waiting never goes in a circle. With every step along the tree the way to the blob's home gets shorter, and
//! between neighbours never longer. Among neighbours a node lets others wait if it fetches the blob itself and waits for
//! no neighbour, and having let one wait it never begins to wait for another; or, where nobody fetches it yet, if it
//! comes before the asker in an order that all agree on.

use kapok_protocol::blob::BlobId;
use kapok_protocol::blob::download::{DEAR, HOME_COST, Input, Standing};
use kapok_protocol::blob::message::{Refusal, Urgency};
use kapok_protocol::blob::upload::{Ticket, Verdict};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;

use super::desk::{Desk, Wish};
use crate::swarm::LinkKind;

/// From here on, sources beyond the local network; at it, where a blob was published.
const WAN: u8 = HOME_COST;
/// From here on, nodes outside this one's line.
const ASIDE: u8 = 16;
/// From here on, nodes behind a relay.
const RELAYED: u8 = DEAR;
/// Added where the last stream broke off: tried last.
pub(super) const BROKE_OFF: u8 = 100;

/// What it costs to ask `other`. Cheaper sources are asked first.
pub(super) fn cost(kind: LinkKind, me: Option<&Member>, other: &Member) -> u8 {
    let is_above = me.is_some_and(|me| other.is_ancestor_of(me));
    let is_below = me.is_some_and(|me| me.is_ancestor_of(other));
    let steps = me.map_or(0, |me| distance(me, other));
    match kind {
        // What stands above would fetch it from outside for us, where a neighbour says at once that it has it not.
        LinkKind::Lan => u8::from(is_above),
        LinkKind::Wan if is_above || is_below => WAN + steps,
        LinkKind::Wan => ASIDE + steps,
        LinkKind::Relayed => RELAYED + steps,
    }
}

/// Links of the tree between two members.
fn distance(one: &Member, other: &Member) -> u8 {
    let shared = one.path().zip(other.path()).take_while(|(one, other)| one == other).count();
    let steps = one.path().len() + other.path().len() - 2 * shared;
    // Four tiers; a chain that claims more is no nearer.
    u8::try_from(steps).unwrap_or(u8::MAX).min(ASIDE - WAN - 1)
}

/// Whether `one` comes before `other` for this blob: the blobs of a place are shared out among its nodes.
fn precedes(one: &NodeId, other: &NodeId, blob: &BlobId) -> bool {
    let place = |node: &NodeId| {
        let mut hasher = blake3::Hasher::new();
        *hasher.update(&blob.0).update(&node.0).finalize().as_bytes()
    };
    place(one) > place(other)
}

impl Desk {
    /// What a source costs at present.
    pub(super) fn cost_of(&self, member: &Member, me: Option<&Member>) -> u8 {
        let broke_off = if self.has_broken_off(&member.id) { BROKE_OFF } else { 0 };
        cost((self.kinds)(&member.id), me, member) + broke_off
    }

    /// Whether a neighbour may be asked to let this node wait for what it fetches itself.
    pub(super) fn may_lean(&self, node: &NodeId, blob: &BlobId) -> bool {
        (self.kinds)(node) == LinkKind::Lan && self.moving.get(blob).is_some_and(|moving| !moving.lends)
    }

    /// A neighbour would wait for what this node fetches.
    pub(super) fn lend(&mut self, ticket: Ticket, peer: NodeId, wish: Wish) -> Verdict {
        let blob = wish.blob;
        let refused = Verdict::Refused(Refusal::NotHeld);
        let Some(moving) = self.moving.get(&blob) else { return refused };
        let (own, nearby) = (moving.wish, &moving.nearby);
        let stuck = self.download.progress(blob).is_none_or(|progress| progress.stuck);
        if (own.size, own.home) != (wish.size, wish.home) || stuck || !self.download.is_allowed(own.urgency) {
            return refused;
        }
        let members = (self.backend.me(), self.backend.member(&peer), self.backend.member(&wish.home));
        let (Some(me), Some(asker), Some(home)) = members else { return refused };
        if distance(&me, &home) > distance(&asker, &home) {
            return refused;
        }
        let asked: Vec<_> = self.download.asked(blob).collect();
        let fetches = asked.iter().any(|(node, _)| !nearby.contains(node));
        let leans = asked.iter().any(|(node, standing)| nearby.contains(node) && *standing == Standing::Granted);
        let waits_for_nobody = asked.iter().all(|(node, _)| !nearby.contains(node));
        let is_first = precedes(&me.id, &peer, &blob);
        if !(fetches && waits_for_nobody) && (leans || !is_first) {
            if !is_first {
                self.take(Input::WantsToo { blob, node: peer });
            }
            return refused;
        }
        let hurries = wish.urgency == Urgency::Interactive && own.urgency == Urgency::Bulk;
        if let Some(moving) = self.moving.get_mut(&blob) {
            moving.lends = true;
            if hurries {
                moving.wish.urgency = Urgency::Interactive;
            }
        }
        self.take(Input::Promised { blob, to: peer });
        if hurries {
            self.want(&blob);
        }
        self.arriving(ticket, &blob, wish.size)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::link::testbed::Federation;

    #[test]
    fn the_local_network_comes_first_then_school_county_city_and_others() {
        let mut federation = Federation::new();
        let city = federation.city();
        let county = federation.county(city, "盐边县");
        let other_county = federation.county(city, "米易县");
        let school = federation.school(county, "红格小学");
        let neighbour = federation.school(county, "桐子林小学");
        let me = federation.member(&school).unwrap();
        let order = [
            (LinkKind::Lan, neighbour),
            (LinkKind::Lan, county),
            (LinkKind::Wan, county),
            (LinkKind::Wan, city),
            (LinkKind::Wan, neighbour),
            (LinkKind::Wan, other_county),
            (LinkKind::Relayed, county),
            (LinkKind::Relayed, other_county),
        ];
        let costs = order.map(|(kind, node)| cost(kind, Some(&me), &federation.member(&node).unwrap()));
        assert!(costs.is_sorted_by(|a, b| a < b), "{costs:?}");
        assert!(costs.iter().all(|cost| *cost < BROKE_OFF));
    }

    #[test]
    fn the_blobs_of_a_place_are_shared_out() {
        let nodes = [NodeId([1; 32]), NodeId([2; 32]), NodeId([3; 32])];
        let mut firsts = [0; 3];
        for number in 0..300_u32 {
            let blob = BlobId::of(&number.to_le_bytes());
            let first = (0..3).find(|&n| (0..3).all(|m| n == m || precedes(&nodes[n], &nodes[m], &blob)));
            firsts[first.unwrap()] += 1;
        }
        assert!(firsts.iter().all(|first| *first > 60), "{firsts:?}");
    }
}
