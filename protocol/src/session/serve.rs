//! Serving what the peer asked for, a batch at a time.

use super::message::{BATCH_BYTES, Frame, Want, pack};
use super::{Fault, Output, Session};
use crate::head::{MAX_INCARNATIONS, Progress};
use crate::replica::{Item, Replica};

/// More shelves than a federation has; bounds what a peer can make this node remember.
const MAX_WANTS: usize = 20_000;

impl Session {
    pub(super) fn take_wants(&mut self, wants: Vec<Want>, last: bool, replica: &dyn Replica) -> Result<(), Fault> {
        if self.wants_in || self.serving.len() + wants.len() > MAX_WANTS {
            return Err(Fault::OutOfTurn);
        }
        for want in wants {
            let visible =
                replica.member(&want.shelf.author).is_some_and(|a| want.shelf.visibility.admits(&self.peer, &a));
            if !visible || want.after.0.len() > MAX_INCARNATIONS {
                return Err(Fault::NotForIt(want.shelf));
            }
            self.serving.push_back(want);
        }
        self.wants_in |= last;
        Ok(())
    }

    /// Sends the next batch of the shelf at the front, or says that it is through.
    pub(super) fn serve_batch(&mut self, replica: &dyn Replica, out: &mut Vec<Output>) {
        let Some(want) = self.serving.front_mut() else { return };
        let items = replica.items(&want.shelf, &want.after, BATCH_BYTES);
        if items.is_empty() {
            let progress = replica.shelf(&want.shelf).map(|state| state.progress).unwrap_or_default();
            out.push(Output::Send(Frame::Reached { shelf: want.shelf, progress }));
            self.serving.pop_front();
            return;
        }
        self.counts.entries_out += items.len() as u64;
        advance(&mut want.after, &items);
        out.push(Output::Send(Frame::Items { shelf: want.shelf, batch: pack(&items) }));
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
