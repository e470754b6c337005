//! The opening of a session: digests compared, heads offered. And its end: whether there is more to offer by then.

use std::collections::BTreeMap;

use super::message::{DIGEST_BYTES, Frame, HeadItem, PART_DIGEST_BYTES, PARTS, State, parts};
use super::{Fault, Opening, Output, Session};
use crate::entry::{ShelfId, Verified};
use crate::membership::Member;
use crate::replica::{Cursor, Replica, ShelfState};
use crate::signed::Signed;
use crate::visibility::Visibility;

/// What this node has of what it shares with `peer`, and would open a session with. Two nodes with equal states have
/// nothing to tell each other.
#[must_use]
pub fn state(peer: &Member, replica: &dyn Replica) -> State {
    state_of(&shelves_for(peer, replica), replica)
}

fn state_of(shelves: &BTreeMap<(Visibility, ShelfId), ShelfState>, replica: &dyn Replica) -> State {
    let mut hashes: Vec<blake3::Hash> =
        Visibility::SHARED.into_iter().map(|visibility| shelves_hash(shelves, visibility)).collect();
    hashes.push(set_hash(replica.urgent().iter().map(Verified::hash)));
    hashes.push(set_hash(replica.certificates(None).iter().map(|c| c.signed().hash())));
    let mut state = State { whole: [0; DIGEST_BYTES], parts: [0; PARTS * PART_DIGEST_BYTES] };
    let mut whole = blake3::Hasher::new();
    for (part, hash) in state.parts.chunks_exact_mut(PART_DIGEST_BYTES).zip(&hashes) {
        part.copy_from_slice(&hash.as_bytes()[..PART_DIGEST_BYTES]);
        whole.update(hash.as_bytes());
    }
    state.whole.copy_from_slice(&whole.finalize().as_bytes()[..DIGEST_BYTES]);
    state
}

/// Which parts of two states differ: shelves by visibility, revocations, certificates.
struct Difference([bool; PARTS]);

impl Difference {
    fn of(ours: &State, theirs: &State) -> Self {
        let mut differs = [false; PARTS];
        let parts = ours.parts.chunks_exact(PART_DIGEST_BYTES).zip(theirs.parts.chunks_exact(PART_DIGEST_BYTES));
        for (differs, (ours, theirs)) in differs.iter_mut().zip(parts) {
            *differs = ours != theirs;
        }
        // Somebody has gone to the trouble of making a part look like another.
        if ours.whole != theirs.whole && !differs.contains(&true) {
            differs = [true; PARTS];
        }
        Self(differs)
    }

    fn any(&self) -> bool {
        self.0.contains(&true)
    }

    fn shelves(&self, of: Visibility) -> bool {
        Visibility::SHARED.iter().zip(self.0).any(|(visibility, differs)| *visibility == of && differs)
    }

    fn urgent(&self) -> bool {
        self.0[PARTS - 2]
    }

    fn certificates(&self) -> bool {
        self.0[PARTS - 1]
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

fn shelves_hash(shelves: &BTreeMap<(Visibility, ShelfId), ShelfState>, visibility: Visibility) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for ((of, _), state) in shelves {
        if *of == visibility {
            hasher.update(&state.head.signed().hash());
            hasher.update(&crate::cbor::encode(&state.progress));
            // What does not add up is not the same as what does.
            hasher.update(&[u8::from(state.mismatch)]);
        }
    }
    hasher.finalize()
}

/// A hash of a set of hashes.
fn set_hash(hashes: impl Iterator<Item = [u8; 32]>) -> blake3::Hash {
    let mut hashes: Vec<_> = hashes.collect();
    hashes.sort_unstable();
    blake3::hash(&hashes.concat())
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
        let state = state_of(&shelves, replica);
        out.push(Output::Send(Frame::Open { state, known }));
        self.opening = Some(Opening { state, known, cursor: replica.cursor() });
    }

    /// The peer's digests came: where they differ from ours, offer what it may lack.
    pub(super) fn compare(
        &mut self,
        theirs: &State,
        known: Option<Cursor>,
        replica: &dyn Replica,
        out: &mut Vec<Output>,
    ) -> Result<(), Fault> {
        if self.compared {
            return Err(Fault::OutOfTurn);
        }
        let Some(Opening { state: ours, cursor: mine, .. }) = self.opening else { return Err(Fault::OutOfTurn) };
        self.compared = true;
        self.known_there = known;
        let differs = Difference::of(&ours, theirs);
        if !differs.any() {
            self.heads_in = true;
            self.wants_in = true;
            return Ok(());
        }
        if differs.urgent() {
            let urgent = replica.urgent().iter().map(|entry| entry.signed().clone()).collect();
            for entries in parts(urgent, size) {
                out.push(Output::Send(Frame::Urgent { entries }));
            }
        }
        // A cursor of another journal (restored, or another node's) says nothing about this one.
        let since = known.filter(|k| k.journal == mine.journal && k.position <= mine.position).map(|k| k.position);
        if differs.certificates() {
            let certificates = replica.certificates(since).iter().map(|c| c.signed().clone()).collect();
            for certificates in parts(certificates, size) {
                out.push(Output::Send(Frame::Certificates { certificates }));
            }
        }
        let heads: Vec<_> = shelves_for(&self.peer, replica)
            .into_iter()
            .filter(|((visibility, _), state)| {
                differs.shelves(*visibility) && since.is_none_or(|since| state.changed_at >= since)
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
