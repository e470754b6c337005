//! The opening of a session: digests compared, heads offered.

use std::collections::BTreeMap;

use super::message::{Frame, HeadItem, MAX_LIST, ShelvesDigest};
use super::{Fault, Opening, Output, Session};
use crate::entry::{ShelfId, Verified};
use crate::membership::Member;
use crate::replica::{Cursor, Replica, ShelfState};
use crate::visibility::Visibility;

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

fn digests(shelves: &BTreeMap<(Visibility, ShelfId), ShelfState>) -> Vec<ShelvesDigest> {
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
        ShelvesDigest { visibility, digest: *hasher.finalize().as_bytes() }
    };
    Visibility::SHARED.into_iter().map(digest).collect()
}

/// A digest of a set of hashes.
fn set_digest(hashes: impl Iterator<Item = [u8; 32]>) -> [u8; 32] {
    let mut hashes: Vec<_> = hashes.collect();
    hashes.sort_unstable();
    *blake3::hash(&hashes.concat()).as_bytes()
}

impl Session {
    pub(super) fn open(&mut self, replica: &dyn Replica, out: &mut Vec<Output>) {
        let shelves = shelves_for(&self.peer, replica);
        // A shelf that does not add up is listed anew, so the peer must name all its heads again.
        let repair = shelves.values().any(|state| state.mismatch);
        let known = if repair { None } else { self.remembered };
        let opening = Opening {
            digests: digests(&shelves),
            urgent: set_digest(replica.urgent().iter().map(Verified::hash)),
            certificates: set_digest(replica.certificates(None).iter().map(|c| c.signed().hash())),
            cursor: replica.cursor(),
        };
        let Opening { digests, urgent, certificates, .. } = opening.clone();
        out.push(Output::Send(Frame::Open { digests, urgent, certificates, known }));
        self.opening = Some(opening);
    }

    /// The peer's digests came: where they differ from ours, offer what it may lack.
    pub(super) fn compare(
        &mut self,
        theirs: &[ShelvesDigest],
        their_urgent: &[u8; 32],
        their_certificates: &[u8; 32],
        known: Option<Cursor>,
        replica: &dyn Replica,
        out: &mut Vec<Output>,
    ) -> Result<(), Fault> {
        if self.compared {
            return Err(Fault::OutOfTurn);
        }
        let Some(opening) = &self.opening else { return Err(Fault::OutOfTurn) };
        self.compared = true;
        let mine = opening.cursor;
        let differing: Vec<_> = opening.digests.iter().filter(|d| !theirs.contains(d)).map(|d| d.visibility).collect();
        let urgent_differs = opening.urgent != *their_urgent;
        if differing.is_empty() && !urgent_differs && opening.certificates == *their_certificates {
            self.heads_in = true;
            self.wants_in = true;
            return Ok(());
        }
        if urgent_differs {
            for entries in replica.urgent().chunks(MAX_LIST / 8) {
                let entries = entries.iter().map(|entry| entry.signed().clone()).collect();
                out.push(Output::Send(Frame::Urgent { entries }));
            }
        }
        // A cursor of another journal (restored, or another node's) says nothing about this one.
        let since = known.filter(|k| k.journal == mine.journal && k.position <= mine.position).map(|k| k.position);
        for certificates in replica.certificates(since).chunks(MAX_LIST) {
            let certificates = certificates.iter().map(|c| c.signed().clone()).collect();
            out.push(Output::Send(Frame::Certificates { certificates }));
        }
        let heads: Vec<_> = shelves_for(&self.peer, replica)
            .into_iter()
            .filter(|((visibility, _), state)| {
                differing.contains(visibility) && since.is_none_or(|since| state.changed_at >= since)
            })
            .map(|(_, state)| {
                let partial = state.progress != state.head.head().progress;
                HeadItem { head: state.head.signed().clone(), progress: partial.then_some(state.progress) }
            })
            .collect();
        for part in heads.chunks(MAX_LIST) {
            out.push(Output::Send(Frame::Heads { heads: part.to_vec(), last: false }));
        }
        out.push(Output::Send(Frame::Heads { heads: Vec::new(), last: true }));
        Ok(())
    }
}
