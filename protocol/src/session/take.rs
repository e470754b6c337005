//! Checking what the peer sends, and asking for what it has more of.

use std::collections::BTreeMap;

use super::message::{Frame, HeadItem, MAX_LIST, Part, Want};
use super::{Fault, Output, Session};
use crate::entry::{Kind, Sequence, ShelfId, Verified};
use crate::head::{Progress, VerifiedHead};
use crate::membership::{Certificate, Chain};
use crate::replica::{Item, News, Replica};
use crate::signed::Signed;

impl Session {
    /// Revocations count wherever they come from, so they are taken even before their shelf is.
    pub(super) fn take_urgent(
        &mut self,
        entries: Vec<Signed>,
        replica: &dyn Replica,
        out: &mut Vec<Output>,
    ) -> Result<(), Fault> {
        let mut news = Vec::new();
        for signed in entries {
            let entry = Verified::check(signed).map_err(|error| Fault::Entry(error.to_string()))?;
            if entry.entry().key.kind != Kind::REVOCATION {
                return Err(Fault::Entry("it was sent as urgent and is no revocation".to_owned()));
            }
            let Some(author) = replica.member(&entry.entry().author) else {
                // Its author's certificate follows in this very session; the shelf then brings the revocation.
                continue;
            };
            if entry.entry().visibility.admits(&replica.me(), &author)
                && !replica.is_revoked(&author.id, entry.entry().sequence)
            {
                self.counts.entries_in += 1;
                news.push(News::Entry(entry));
            }
        }
        out.push(Output::Store(news));
        Ok(())
    }

    pub(super) fn take_certificates(
        &mut self,
        certificates: Vec<Signed>,
        replica: &dyn Replica,
        out: &mut Vec<Output>,
    ) -> Result<(), Fault> {
        let federation = replica.federation();
        let mut chains: BTreeMap<_, Chain> = BTreeMap::new();
        let mut news = Vec::new();
        for signed in certificates {
            let certificate =
                Certificate::from_signed(signed).map_err(|error| Fault::Certificate(error.to_string()))?;
            self.given.certificates.insert(certificate.signed().hash());
            let membership = certificate.membership();
            let chain = if membership.issuer == federation {
                Chain::new(vec![certificate.clone()])
            } else {
                let above = chains.get(&membership.issuer).cloned().or_else(|| replica.chain(&membership.issuer));
                // A parent that is itself unknown or gone: nothing that it vouches for counts.
                let Some(above) = above else {
                    self.incomplete = true;
                    continue;
                };
                above.extended(certificate.clone())
            };
            // A chain that was broken by a change above it is no fault of whoever passes it on. One that has run out is
            // taken: what its node published before is still passed on.
            if chain.lineage(&federation).is_err() {
                continue;
            }
            chains.insert(membership.subject, chain);
            news.push(News::Certificate(certificate));
        }
        out.push(Output::Store(news));
        Ok(())
    }

    pub(super) fn take_heads(
        &mut self,
        heads: Vec<HeadItem>,
        last: bool,
        replica: &dyn Replica,
        out: &mut Vec<Output>,
    ) -> Result<(), Fault> {
        if self.heads_in {
            return Err(Fault::OutOfTurn);
        }
        let me = replica.me();
        let mut news = Vec::new();
        for item in heads {
            let place = self.given.named;
            self.given.named = place.saturating_add(1);
            let head = VerifiedHead::check(item.head).map_err(|error| Fault::Head(error.to_string()))?;
            let shelf = head.head().shelf;
            let Some(author) = replica.member(&shelf.author) else {
                self.incomplete = true;
                continue;
            };
            if !shelf.visibility.admits(&me, &author) || !shelf.visibility.admits(&self.peer, &author) {
                return Err(Fault::NotForUs(shelf));
            }
            if head.head().progress.last().is_some_and(|last| replica.is_revoked(&author.id, last)) {
                continue;
            }
            // The peer may hold entries newer than this head; what its author states is what is asked for.
            let stated = &head.head().progress;
            let theirs = item.progress.map_or_else(|| stated.clone(), |progress| progress.within(stated));
            self.given.heads.insert(shelf, (head.signed().hash(), theirs.clone()));
            let ours = replica.shelf(&shelf);
            let (progress, repair) =
                ours.as_ref().map_or((Progress::default(), false), |state| (state.progress.clone(), state.mismatch));
            if ours.is_none_or(|state| head.supersedes(&state.head)) {
                news.push(News::Head(head));
            }
            // One's own shelf too: what its disk has lost of it, a node takes back from whoever kept it.
            if repair || !progress.covers_all(&theirs) {
                let after = if repair { Progress::default() } else { progress };
                self.wants_out.push((shelf, Want { place, after }));
            }
        }
        out.push(Output::Store(news));
        if last {
            self.heads_in = true;
            self.send_wants(replica, out);
        }
        Ok(())
    }

    /// Asks for shelves from the city down, so that a withdrawal by an ancestor is known before what it withdraws.
    fn send_wants(&mut self, replica: &dyn Replica, out: &mut Vec<Output>) {
        let mut wants = std::mem::take(&mut self.wants_out);
        wants.sort_by_key(|(shelf, _)| (replica.member(&shelf.author).map(|author| author.tier), *shelf));
        wants.dedup_by_key(|(shelf, _)| *shelf);
        self.asked = wants.iter().map(|(shelf, want)| (want.place, (*shelf, want.after.clone()))).collect();
        let wants: Vec<_> = wants.into_iter().map(|(_, want)| want).collect();
        for part in wants.chunks(MAX_LIST) {
            out.push(Output::Send(Frame::Wants { wants: part.to_vec(), last: false }));
        }
        out.push(Output::Send(Frame::Wants { wants: Vec::new(), last: true }));
    }

    pub(super) fn take_parts(
        &mut self,
        parts: Vec<Part>,
        replica: &dyn Replica,
        out: &mut Vec<Output>,
    ) -> Result<(), Fault> {
        let mut news = Vec::new();
        for Part { place, items, reached } in parts {
            let Some((shelf, mut taken)) = self.asked.remove(&place) else { return Err(Fault::NotAsked(place)) };
            self.take_items(shelf, &mut taken, items, replica, &mut news)?;
            if !reached {
                self.asked.insert(place, (shelf, taken));
            } else if !self.incomplete
                && let Some((_, theirs)) = self.given.heads.get(&shelf)
            {
                // What counts is what its author signed, and the peer had that far when it named the head.
                let stated = replica.shelf(&shelf).map(|state| state.head.head().progress.clone()).unwrap_or_default();
                news.push(News::Reached { shelf, progress: theirs.within(&stated) });
            }
        }
        out.push(Output::Store(news));
        Ok(())
    }

    fn take_items(
        &mut self,
        shelf: ShelfId,
        taken: &mut Progress,
        items: Vec<Item>,
        replica: &dyn Replica,
        news: &mut Vec<News>,
    ) -> Result<(), Fault> {
        for item in items {
            let sequence = match item {
                Item::Entry(signed) => {
                    let entry = Verified::check(signed).map_err(|error| Fault::Entry(error.to_string()))?;
                    if entry.shelf() != shelf {
                        return Err(Fault::Entry("it stands on another shelf".to_owned()));
                    }
                    let sequence = entry.entry().sequence;
                    in_order(taken, sequence)?;
                    if replica.is_revoked(&shelf.author, sequence) {
                        continue;
                    }
                    self.counts.entries_in += 1;
                    news.push(News::Entry(entry));
                    sequence
                }
                Item::Stub(stub) => {
                    in_order(taken, stub.sequence)?;
                    if stub.key.name.len() > crate::entry::MAX_NAME_BYTES || !replica.is_withdrawn(&shelf, &stub.key) {
                        // Without a withdrawal a stub hides an entry; take nothing of this shelf from this peer.
                        self.incomplete = true;
                        break;
                    }
                    let sequence = stub.sequence;
                    news.push(News::Stub { shelf, stub });
                    sequence
                }
            };
            taken.advance(sequence);
        }
        Ok(())
    }
}

/// Items come in sequence order, each after what was taken before.
fn in_order(taken: &Progress, sequence: Sequence) -> Result<(), Fault> {
    if taken.covers(sequence) || sequence.number == 0 {
        return Err(Fault::Entry("it comes out of its order".to_owned()));
    }
    Ok(())
}
