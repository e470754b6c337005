//! The opening of a session: digests compared, heads offered. And its end: whether there is more to offer by then.

use std::collections::BTreeMap;

use super::message::{DIGEST_BYTES, Digest, Frame, HeadItem, ShelvesDigest, parts};
use super::{Fault, Opening, Output, Session};
use crate::entry::{ShelfId, Verified};
use crate::membership::Member;
use crate::replica::{Cursor, Replica, ShelfState};
use crate::signed::Signed;
use crate::visibility::Visibility;

/// What a node has of what it shares with one peer. Two nodes with equal digests have nothing to tell each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digests {
    pub(super) shelves: Vec<ShelvesDigest>,
    pub(super) urgent: Digest,
    pub(super) certificates: Digest,
}

/// What this node would open a session with `peer` with.
#[must_use]
pub fn digests(peer: &Member, replica: &dyn Replica) -> Digests {
    digests_of(&shelves_for(peer, replica), replica)
}

fn digests_of(shelves: &BTreeMap<(Visibility, ShelfId), ShelfState>, replica: &dyn Replica) -> Digests {
    Digests {
        shelves: shelves_digests(shelves),
        urgent: set_digest(replica.urgent().iter().map(Verified::hash)),
        certificates: set_digest(replica.certificates(None).iter().map(|c| c.signed().hash())),
    }
}

/// Whether both `a` and `b` may receive the shelf.
fn shared(shelf: &ShelfId, author: &Member, a: &Member, b: &Member) -> bool {
    shelf.visibility.admits(a, author) && shelf.visibility.admits(b, author)
}

/// The shelves that both sides may see, by visibility and author.
fn shelves_for(peer: &Member, replica: &dyn Replica) -> BTreeMap<(Visibility, ShelfId), ShelfState> {
    let me = replica.me();
    let visible = replica
        .shelves()
        .into_iter()
        .filter(|(id, _)| replica.member(&id.author).is_some_and(|author| shared(id, &author, &me, peer)));
    visible.map(|(id, state)| ((id.visibility, id), state)).collect()
}

fn shelves_digests(shelves: &BTreeMap<(Visibility, ShelfId), ShelfState>) -> Vec<ShelvesDigest> {
    let digest = |visibility| {
        let mut hasher = blake3::Hasher::new();
        for ((of, _), state) in shelves {
            if *of == visibility {
                hasher.update(&state.head.signed().hash());
                hasher.update(&crate::cbor::encode(&state.progress));
                // What does not add up is not the same as what does.
                hasher.update(&[u8::from(state.mismatch)]);
            }
        }
        ShelvesDigest { visibility, digest: short(&hasher.finalize()) }
    };
    Visibility::SHARED.into_iter().map(digest).collect()
}

/// A digest of a set of hashes.
fn set_digest(hashes: impl Iterator<Item = [u8; 32]>) -> Digest {
    let mut hashes: Vec<_> = hashes.collect();
    hashes.sort_unstable();
    short(&blake3::hash(&hashes.concat()))
}

fn short(hash: &blake3::Hash) -> Digest {
    let mut digest = [0; DIGEST_BYTES];
    digest.copy_from_slice(&hash.as_bytes()[..DIGEST_BYTES]);
    digest
}

/// Bytes of a signed statement in a frame.
fn size(signed: &Signed) -> usize {
    signed.bytes.len() + 80
}

impl Session {
    pub(super) fn open(&mut self, replica: &dyn Replica, out: &mut Vec<Output>) {
        let shelves = shelves_for(&self.peer, replica);
        // A shelf that does not add up is listed anew, so the peer must name all its heads again.
        let repair = shelves.values().any(|state| state.mismatch);
        let known = if repair { None } else { self.remembered };
        let digests = digests_of(&shelves, replica);
        let Digests { shelves, urgent, certificates } = digests.clone();
        out.push(Output::Send(Frame::Open { digests: shelves, urgent, certificates, known }));
        self.opening = Some(Opening { digests, cursor: replica.cursor() });
    }

    /// The peer's digests came: where they differ from ours, offer what it may lack.
    pub(super) fn compare(
        &mut self,
        theirs: &Digests,
        known: Option<Cursor>,
        replica: &dyn Replica,
        out: &mut Vec<Output>,
    ) -> Result<(), Fault> {
        if self.compared {
            return Err(Fault::OutOfTurn);
        }
        let Some(Opening { digests: ours, cursor: mine }) = self.opening.clone() else {
            return Err(Fault::OutOfTurn);
        };
        self.compared = true;
        let differing: Vec<_> =
            ours.shelves.iter().filter(|d| !theirs.shelves.contains(d)).map(|d| d.visibility).collect();
        let urgent_differs = ours.urgent != theirs.urgent;
        let certificates_differ = ours.certificates != theirs.certificates;
        if differing.is_empty() && !urgent_differs && !certificates_differ {
            self.heads_in = true;
            self.wants_in = true;
            return Ok(());
        }
        if urgent_differs {
            let urgent = replica.urgent().iter().map(|entry| entry.signed().clone()).collect();
            for entries in parts(urgent, size) {
                out.push(Output::Send(Frame::Urgent { entries }));
            }
        }
        // A cursor of another journal (restored, or another node's) says nothing about this one.
        let since = known.filter(|k| k.journal == mine.journal && k.position <= mine.position).map(|k| k.position);
        if certificates_differ {
            let certificates = replica.certificates(since).iter().map(|c| c.signed().clone()).collect();
            for certificates in parts(certificates, size) {
                out.push(Output::Send(Frame::Certificates { certificates }));
            }
        }
        let heads: Vec<_> = shelves_for(&self.peer, replica)
            .into_iter()
            .filter(|((visibility, _), state)| {
                differing.contains(visibility) && since.is_none_or(|since| state.changed_at >= since)
            })
            .map(|((_, id), state)| {
                self.offered.push(id);
                let partial = state.progress != state.head.head().progress;
                HeadItem { head: state.head.signed().clone(), progress: partial.then_some(state.progress) }
            })
            .collect();
        for heads in parts(heads, |item| 2 * size(&item.head)) {
            out.push(Output::Send(Frame::Heads { heads, last: false }));
        }
        out.push(Output::Send(Frame::Heads { heads: Vec::new(), last: true }));
        Ok(())
    }

    /// Whether this node knows more than the peer can know from this session: something has come from elsewhere, or
    /// was published here, since `opened`.
    pub(super) fn is_overtaken(&self, opened: &Cursor, replica: &dyn Replica) -> bool {
        let since = opened.position;
        let is_foreign = |certificate: &[u8; 32]| !self.given.certificates.contains(certificate);
        if replica.cursor().journal != opened.journal
            || replica.certificates(Some(since)).iter().any(|certificate| is_foreign(&certificate.signed().hash()))
        {
            return true;
        }
        let changed = shelves_for(&self.peer, replica).into_iter().filter(|(_, state)| state.changed_at >= since);
        changed.into_iter().any(|((_, id), state)| {
            let given = self.given.heads.get(&id);
            let known = given.is_some_and(|(head, progress)| {
                *head == state.head.signed().hash() && progress.covers_all(&state.progress)
            });
            !known || state.mismatch
        })
    }
}
