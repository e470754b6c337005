//! One record's effect on view and memory.
//!
//! Changes to the view are collected in an overlay and applied at once together with the journal's position.
//!
//! Reading order: this file (which record does what) → [`places`] (what stands where on a shelf, and what stood there
//! before) → [`kinds`] (what an entry means once it stands) → [`resources`].
//!
//! Invariant: what stands at a place is the newest of all believed entries that ever came for it, in whatever order
//! they and the revocations came.

mod kinds;
mod places;
mod resources;

use std::collections::BTreeSet;

use kapok_protocol::blob::BlobId;
use kapok_protocol::entry::{Kind, ShelfId, Verified};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Certificate;
use kapok_store::journal::Journal;
use kapok_store::view::{Batch, View};

use super::memory::Memory;
use super::overlay::Overlay;
use super::record::Record;
use super::tables::{self, CERTIFICATE, Live, RELEASED, SHELF, TOTALS};
use super::{CatalogueError, Result};

/// The application of some records.
pub(super) struct Application<'a> {
    journal: &'a Journal,
    memory: &'a mut Memory,
    view: Overlay<'a>,
    /// Shelves whose state has changed.
    touched: BTreeSet<ShelfId>,
    /// Blobs that a resource has just stopped naming.
    released: Vec<BlobId>,
}

impl<'a> Application<'a> {
    pub(super) fn new(view: &'a View, journal: &'a Journal, memory: &'a mut Memory) -> Self {
        Self { journal, memory, view: Overlay::new(view), touched: BTreeSet::new(), released: Vec::new() }
    }

    /// The batch of all changes, and the blobs that something has stopped naming.
    pub(super) fn finish(mut self) -> (Batch, Vec<BlobId>) {
        for id in std::mem::take(&mut self.touched) {
            self.check_sum(&id);
            let Some(shelf) = self.memory.shelves.get(&id) else { continue };
            let stored = tables::Shelf {
                head: shelf.head.as_ref().map(|(position, _)| *position),
                progress: shelf.progress.clone(),
                changed_at: shelf.changed_at,
                live: shelf.live,
                sum: shelf.sum.to_bytes(),
                mismatch: shelf.mismatch,
            };
            self.view.put(SHELF, tables::shelf_key(&id), tables::encode(&stored));
        }
        for blob in &self.released {
            self.view.put(RELEASED, blob.0.to_vec(), Vec::new());
        }
        if !self.view.is_empty() {
            let totals = tables::encode(&self.memory.totals);
            self.view.put(TOTALS, Vec::new(), totals);
        }
        (self.view.into_batch(), self.released)
    }

    pub(super) fn record(&mut self, record: Record, position: u64) -> Result<()> {
        match record {
            Record::Entry(entry) => self.entry(&entry, position),
            Record::Certificate(certificate) => {
                self.certificate(certificate, position);
                Ok(())
            }
            Record::Head(head) => {
                let id = head.head().shelf;
                let shelf = self.memory.shelves.entry(id).or_default();
                if shelf.head.as_ref().is_none_or(|(_, known)| head.supersedes(known)) {
                    self.memory.hear(id.author, head.head().time);
                    let shelf = self.memory.shelves.entry(id).or_default();
                    shelf.head = Some((position, head));
                    shelf.changed_at = position;
                    self.touched.insert(id);
                }
                Ok(())
            }
            Record::Stub(shelf, stub) => {
                let live = Live { sequence: stub.sequence, hash: stub.hash, ..Live::default() };
                self.came(&shelf, &stub.key, live, position, true)
            }
            Record::Reached(id, progress) => {
                let shelf = self.memory.shelves.entry(id).or_default();
                shelf.progress.merge(&progress);
                shelf.changed_at = position;
                self.touched.insert(id);
                Ok(())
            }
            Record::TextArrived(_) => Ok(()),
        }
    }

    fn entry(&mut self, entry: &Verified, position: u64) -> Result<()> {
        let said = entry.entry();
        // A revocation may come before its turn, so it says nothing about how far its shelf is known.
        let in_turn = said.author == self.memory.me || said.key.kind != Kind::REVOCATION;
        let live = Live {
            sequence: said.sequence,
            hash: entry.hash(),
            position: Some(position),
            time: said.time,
            is_tombstone: said.body.is_none(),
        };
        self.came(&entry.shelf(), &said.key, live, position, in_turn)
    }

    /// Takes a certificate; one that came inside its issuer's entry is read again from there.
    fn certificate(&mut self, certificate: Certificate, position: u64) {
        let subject = certificate.membership().subject;
        let known = self.memory.certificates.get(&subject);
        if known.is_none_or(|(_, known)| certificate.supersedes(known)) {
            self.view.put(CERTIFICATE, subject.0.to_vec(), tables::encode(&position));
            self.memory.certificates.insert(subject, (position, certificate));
            self.memory.know_members();
        }
    }

    /// Where all that a head states is here, the checksums must agree. Asked at the end, when all that came is applied.
    fn check_sum(&mut self, id: &ShelfId) {
        let Some(shelf) = self.memory.shelves.get_mut(id) else { return };
        let Some((_, head)) = &shelf.head else { return };
        let head = head.head();
        let differs = shelf.progress == head.progress && shelf.sum.digest() != head.digest;
        if differs && !shelf.mismatch {
            tracing::info!(author = %id.author, visibility = ?id.visibility, "a shelf does not add up; it is listed anew");
        }
        shelf.mismatch = differs;
    }

    /// The entry that stands at a position of the journal; none where only a stub is left of it.
    fn read(&self, position: u64) -> Result<Option<Verified>> {
        let record = Record::from_bytes(&self.journal.read(position)?).map_err(CatalogueError::Damaged)?;
        Ok(match record {
            Record::Entry(entry) => Some(entry),
            _ => None,
        })
    }

    fn shelves_of(&self, author: &NodeId) -> Vec<ShelfId> {
        self.memory.shelves.keys().filter(|id| id.author == *author).copied().collect()
    }
}
