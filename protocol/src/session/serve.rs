//! Serving what the peer asked for, a batch at a time.

use super::message::{BATCH_BYTES, Frame, MAX_LIST, Part, Want};
use super::{Fault, Output, Session};
use crate::head::{MAX_INCARNATIONS, Progress};
use crate::replica::{Item, Replica};

impl Session {
    pub(super) fn take_wants(&mut self, wants: Vec<Want>, last: bool) -> Result<(), Fault> {
        // Each shelf once: that bounds what a peer can make this node remember.
        if self.wants_in || self.serving.len() + wants.len() > self.offered.len() {
            return Err(Fault::OutOfTurn);
        }
        for want in wants {
            let offered = usize::try_from(want.place).ok().and_then(|place| self.offered.get(place));
            match offered {
                Some(shelf) if want.after.0.len() <= MAX_INCARNATIONS => self.serving.push_back((*shelf, want)),
                _ => return Err(Fault::NotOffered(want.place)),
            }
        }
        self.wants_in |= last;
        Ok(())
    }

    /// Sends the next batch of what was asked for: of one large shelf, or of many from which little is missing.
    pub(super) fn serve_batch(&mut self, replica: &dyn Replica, out: &mut Vec<Output>) {
        let mut parts: Vec<Part> = Vec::new();
        let mut room = BATCH_BYTES;
        while room > 0
            && parts.len() < MAX_LIST
            && let Some((shelf, want)) = self.serving.front_mut()
        {
            let items = replica.items(shelf, &want.after, room);
            // A stub is believed by whoever has the withdrawal, which may stand in the parts before it.
            if !parts.is_empty() && items.iter().any(|item| matches!(item, Item::Stub(_))) {
                break;
            }
            self.counts.entries_out += items.len() as u64;
            advance(&mut want.after, &items);
            let bytes: usize = items.iter().map(size).sum();
            let reached = items.is_empty() || replica.items(shelf, &want.after, 1).is_empty();
            parts.push(Part { place: want.place, items, reached });
            if reached {
                self.serving.pop_front();
            }
            room = room.saturating_sub(bytes);
        }
        if !parts.is_empty() {
            out.push(Output::Send(Frame::Items { parts }));
        }
    }
}

/// Bytes of an item in a frame.
fn size(item: &Item) -> usize {
    match item {
        Item::Entry(signed) => signed.bytes.len() + 80,
        Item::Stub(_) => 120,
    }
}

fn advance(after: &mut Progress, items: &[Item]) {
    for item in items {
        match item {
            Item::Stub(stub) => after.advance(stub.sequence),
            Item::Entry(signed) => {
                if let Ok(entry) = crate::entry::Verified::trusted(signed.clone()) {
                    after.advance(entry.entry().sequence);
                }
            }
        }
    }
}
