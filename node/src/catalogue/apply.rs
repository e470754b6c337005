//! One record's effect on view and memory.
//!
//! Changes to the view are collected in an overlay, so that later records of a batch see those of earlier ones, and
//! applied at once together with the journal's position.

use std::collections::BTreeMap;

use kapok_library::membership;
use kapok_library::resource::state::{Current, Slot, Withdrawn};
use kapok_library::resource::{Resource, ResourceId, ResourceKey, ResourceState};
use kapok_library::withdrawal::Withdrawal;
use kapok_protocol::blob::BlobId;
use kapok_protocol::entry::{Key, Kind, Sequence, ShelfId, Verified};
use kapok_protocol::identity::NodeId;
use kapok_protocol::time::Timestamp;
use kapok_store::journal::Journal;
use kapok_store::view::{Batch, Table, View};

use super::memory::Memory;
use super::record::Record;
use super::tables::{self, CERTIFICATE, LIVE, Live, ORDER, RECENT, RESOURCE, SHELF, TOTALS, USE, Use};
use super::{CatalogueError, Result};

/// Changes by table and key; none where the key is removed.
type Overlay = BTreeMap<(u8, Vec<u8>), (Table, Option<Vec<u8>>)>;

/// The application of some records.
pub(super) struct Application<'a> {
    view: &'a View,
    journal: &'a Journal,
    memory: &'a mut Memory,
    overlay: Overlay,
    touched: std::collections::BTreeSet<ShelfId>,
    /// Blobs that a resource has just stopped naming.
    released: Vec<BlobId>,
}

fn number(table: Table) -> u8 {
    [LIVE, ORDER, SHELF, CERTIFICATE, RESOURCE, USE, RECENT, TOTALS]
        .iter()
        .position(|t| *t == table)
        .and_then(|at| u8::try_from(at).ok())
        .unwrap_or(u8::MAX)
}

impl<'a> Application<'a> {
    pub(super) fn new(view: &'a View, journal: &'a Journal, memory: &'a mut Memory) -> Self {
        Self { view, journal, memory, overlay: BTreeMap::new(), touched: Default::default(), released: Vec::new() }
    }

    /// The batch of all changes, and the blobs that something has stopped naming.
    pub(super) fn finish(mut self) -> Result<(Batch, Vec<BlobId>)> {
        for id in std::mem::take(&mut self.touched) {
            let Some(shelf) = self.memory.shelves.get(&id) else { continue };
            let stored = tables::Shelf {
                head: shelf.head.as_ref().map(|(position, _)| *position),
                progress: shelf.progress.clone(),
                changed_at: shelf.changed_at,
                live: shelf.live,
                sum: shelf.sum.to_bytes(),
                mismatch: shelf.mismatch,
            };
            self.put(SHELF, tables::shelf_key(&id), tables::encode(&stored));
        }
        if !self.overlay.is_empty() {
            let totals = tables::encode(&self.memory.totals);
            self.put(TOTALS, Vec::new(), totals);
        }
        let mut batch = Batch::new();
        for ((_, key), (table, value)) in std::mem::take(&mut self.overlay) {
            match value {
                Some(value) => batch.insert(table, &key, value),
                None => batch.remove(table, &key),
            }
        }
        Ok((batch, self.released))
    }

    pub(super) fn record(&mut self, record: Record, position: u64) -> Result<()> {
        match record {
            Record::Entry(entry) => self.entry(&entry, position),
            Record::Certificate(certificate) => {
                let subject = certificate.membership().subject;
                let known = self.memory.certificates.get(&subject);
                if known.is_none_or(|(_, known)| certificate.supersedes(known)) {
                    self.put(CERTIFICATE, subject.0.to_vec(), tables::encode(&position));
                    self.memory.certificates.insert(subject, (position, certificate));
                    self.memory.know_members();
                }
                Ok(())
            }
            Record::Head(head) => {
                let id = head.head().shelf;
                let shelf = self.memory.shelves.entry(id).or_default();
                if shelf.head.as_ref().is_none_or(|(_, known)| head.supersedes(known)) {
                    shelf.head = Some((position, head));
                    shelf.changed_at = position;
                    self.touched.insert(id);
                    self.check_sum(&id);
                }
                Ok(())
            }
            Record::Stub(shelf, stub) => {
                let live = Live { sequence: stub.sequence, hash: stub.hash, position: None };
                self.live(&shelf, &stub.key, live, position, true)
            }
            Record::Reached(id, progress) => {
                let shelf = self.memory.shelves.entry(id).or_default();
                shelf.progress.merge(&progress);
                shelf.changed_at = position;
                self.touched.insert(id);
                self.check_sum(&id);
                Ok(())
            }
            Record::TextArrived(_) => Ok(()),
        }
    }

    fn entry(&mut self, entry: &Verified, position: u64) -> Result<()> {
        let author = entry.entry().author;
        let sequence = entry.entry().sequence;
        if author != self.memory.me && self.memory.is_revoked(&author, sequence) {
            return Ok(());
        }
        // A revocation may come before its turn, so it says nothing about how far its shelf is known.
        let in_turn = author == self.memory.me || entry.entry().key.kind != Kind::REVOCATION;
        let hash = entry.hash();
        // A tombstone stays as an entry: it is what the author says last.
        let live = Live { sequence, hash, position: Some(position) };
        self.live(&entry.shelf(), &entry.entry().key, live, position, in_turn)?;
        match entry.entry().key.kind {
            Kind::PROFILE | Kind::REVOCATION => {
                self.memory.note(entry);
                if entry.entry().key.kind == Kind::REVOCATION {
                    self.forget_revoked(entry)?;
                }
            }
            Kind::MEMBERSHIP => {
                if let Ok(Some(certificate)) = membership::certificate(entry.entry()) {
                    let subject = certificate.membership().subject;
                    let known = self.memory.certificates.get(&subject);
                    if known.is_none_or(|(_, known)| certificate.supersedes(known)) {
                        self.certificate_in_entry(subject, certificate, position);
                    }
                }
            }
            Kind::RESOURCE => {
                let tombstone = entry.entry().body.is_none();
                if let Some(key) = ResourceKey::of(author, &entry.entry().key) {
                    let position = (!tombstone).then_some(position);
                    let slot = Slot { sequence, hash, time: entry.entry().time, position };
                    self.resource(&key.id(), |state| state.put(author, entry.entry().visibility, slot))?;
                }
            }
            Kind::WITHDRAWAL => {
                if let Ok(Some(withdrawal)) = Withdrawal::read(entry.entry()) {
                    self.withdrawal(author, sequence, entry.entry().time, &withdrawal)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// A certificate that came inside a parent's entry is kept in memory; the entry is where it is read again from.
    fn certificate_in_entry(
        &mut self,
        subject: NodeId,
        certificate: kapok_protocol::membership::Certificate,
        position: u64,
    ) {
        self.put(CERTIFICATE, subject.0.to_vec(), tables::encode(&position));
        self.memory.certificates.insert(subject, (position, certificate));
        self.memory.know_members();
    }

    /// A place on a shelf is taken anew.
    fn live(&mut self, id: &ShelfId, key: &Key, live: Live, position: u64, in_turn: bool) -> Result<()> {
        let live_key = tables::live_key(id, key);
        let known = self.get(LIVE, &live_key)?.map(|bytes| tables::decode::<Live>(&bytes)).transpose()?;
        if known.is_some_and(|known| (known.sequence, known.hash) >= (live.sequence, live.hash)) {
            if in_turn {
                let shelf = self.memory.shelves.entry(*id).or_default();
                shelf.progress.advance(live.sequence);
                self.touched.insert(*id);
            }
            return Ok(());
        }
        if let Some(known) = known {
            self.remove(ORDER, tables::order_key(id, known.sequence));
        }
        let shelf = self.memory.shelves.entry(*id).or_default();
        match known {
            Some(known) => shelf.sum.remove(&known.hash),
            None => {
                shelf.live += 1;
                self.memory.totals.entries += 1;
            }
        }
        shelf.sum.add(&live.hash);
        shelf.changed_at = position;
        if in_turn {
            shelf.progress.advance(live.sequence);
        }
        self.touched.insert(*id);
        self.put(ORDER, tables::order_key(id, live.sequence), tables::entry_key(key));
        self.put(LIVE, live_key, tables::encode(&live));
        Ok(())
    }

    /// Where all that a head states is here, the checksums must agree.
    fn check_sum(&mut self, id: &ShelfId) {
        if let Some(shelf) = self.memory.shelves.get_mut(id)
            && let Some((_, head)) = &shelf.head
        {
            let head = head.head();
            shelf.mismatch = shelf.progress == head.progress && shelf.sum.digest() != head.digest;
        }
    }

    /// Changes a resource's state and what hangs on it: who uses which blobs, the list of the newest.
    fn resource(&mut self, id: &ResourceId, change: impl FnOnce(&mut ResourceState)) -> Result<()> {
        let before = match self.get(RESOURCE, &id.0)? {
            Some(bytes) => ResourceState::from_bytes(&bytes).map_err(|e| CatalogueError::Damaged(e.to_string()))?,
            None => ResourceState::default(),
        };
        let mut after = before.clone();
        change(&mut after);
        if before == after {
            return Ok(());
        }
        let (was, is) = (self.position_of(&before), self.position_of(&after));
        if was != is {
            if let Some((position, time)) = was {
                self.memory.totals.resources = self.memory.totals.resources.saturating_sub(1);
                self.remove(RECENT, tables::recent_key(time, id));
                for (blob, _, _) in self.uses(position)? {
                    self.remove(USE, tables::use_key(&blob, id));
                    self.released.push(blob);
                }
            }
            if let Some((position, time)) = is {
                self.memory.totals.resources += 1;
                self.put(RECENT, tables::recent_key(time, id), Vec::new());
                for (blob, size, is_text) in self.uses(position)? {
                    self.put(USE, tables::use_key(&blob, id), tables::encode(&Use { size, is_text }));
                }
            }
        }
        self.put(RESOURCE, id.0.to_vec(), after.to_bytes());
        Ok(())
    }

    fn position_of(&self, state: &ResourceState) -> Option<(u64, Timestamp)> {
        let author = state.author?;
        match state.current(|by| self.memory.is_ancestor(by, &author)) {
            Current::Live(_, slot) => slot.position.map(|position| (position, slot.time)),
            Current::None | Current::Withdrawn(..) => None,
        }
    }

    /// The blobs of the resource whose entry stands at `position`: (blob, bytes, is text).
    fn uses(&self, position: u64) -> Result<Vec<(BlobId, u64, bool)>> {
        let Some(resource) = self.body(position)? else { return Ok(Vec::new()) };
        // Former versions can still be opened where they are.
        let former = resource.former.iter().flat_map(|version| &version.files);
        let files = resource.files.iter().chain(former).map(|file| (file.blob, file.size, false));
        let texts = resource.files.iter().filter_map(|file| file.text.map(|text| (text.blob, text.size, true)));
        Ok(files.chain(texts).collect())
    }

    fn body(&self, position: u64) -> Result<Option<Resource>> {
        let record = Record::from_bytes(&self.journal.read(position)?).map_err(CatalogueError::Damaged)?;
        let Record::Entry(entry) = record else { return Ok(None) };
        // A body that this version cannot read is kept and passed on, and not shown.
        Ok(entry.entry().body.as_deref().and_then(|body| Resource::from_body(body).ok()))
    }

    fn withdrawal(&mut self, by: NodeId, sequence: Sequence, time: Timestamp, withdrawal: &Withdrawal) -> Result<()> {
        let key = withdrawal.of();
        let withdrawn =
            Withdrawn { sequence, time, reason: withdrawal.reason.clone(), title: withdrawal.title.clone() };
        self.resource(&key.id(), |state| state.withdraw(key.author, by, withdrawn))?;
        let counts = by == key.author || self.memory.is_ancestor(&by, &key.author);
        if !counts {
            return Ok(());
        }
        // What is left of its entries is their hash, still counted in the shelf's checksum.
        let shelves: Vec<_> = self.memory.shelves.keys().filter(|id| id.author == key.author).copied().collect();
        for id in shelves {
            let live_key = tables::live_key(&id, &key.entry_key());
            if let Some(bytes) = self.get(LIVE, &live_key)? {
                let live: Live = tables::decode(&bytes)?;
                // The author's own tombstone says all; anything else becomes a stub.
                let is_tombstone = match live.position {
                    Some(position) => self.is_tombstone(position)?,
                    None => false,
                };
                if !is_tombstone {
                    self.put(LIVE, live_key, tables::encode(&Live { position: None, ..live }));
                }
            }
        }
        Ok(())
    }

    fn is_tombstone(&self, position: u64) -> Result<bool> {
        let record = Record::from_bytes(&self.journal.read(position)?).map_err(CatalogueError::Damaged)?;
        Ok(matches!(record, Record::Entry(entry) if entry.entry().body.is_none()))
    }

    /// Takes out what a revoked node wrote after the last sequence that is still believed.
    fn forget_revoked(&mut self, revocation: &Verified) -> Result<()> {
        let Ok((subject, Some(_))) = kapok_library::revocation::Revocation::read(revocation.entry()) else {
            return Ok(());
        };
        let shelves: Vec<_> = self.memory.shelves.keys().filter(|id| id.author == subject).copied().collect();
        for id in shelves {
            let pairs: Vec<_> =
                self.view.prefix(ORDER, &tables::shelf_key(&id)).collect::<std::result::Result<_, _>>()?;
            for (order_key, entry_key) in pairs {
                let Some(sequence) = tables::read_order_key(&order_key) else { continue };
                let Some(key) = tables::read_entry_key(&entry_key) else { continue };
                if !self.memory.is_revoked(&subject, sequence) {
                    continue;
                }
                let live_key = tables::live_key(&id, &key);
                let Some(bytes) = self.get(LIVE, &live_key)? else { continue };
                let live: Live = tables::decode(&bytes)?;
                if let Some(shelf) = self.memory.shelves.get_mut(&id) {
                    shelf.sum.remove(&live.hash);
                    shelf.live = shelf.live.saturating_sub(1);
                }
                self.memory.totals.entries = self.memory.totals.entries.saturating_sub(1);
                self.touched.insert(id);
                self.remove(LIVE, live_key);
                self.remove(ORDER, order_key);
                if let Some(resource) = ResourceKey::of(subject, &key) {
                    self.resource(&resource.id(), |state| state.slots.retain(|_, slot| slot.sequence != sequence))?;
                }
            }
        }
        Ok(())
    }

    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>> {
        match self.overlay.get(&(number(table), key.to_vec())) {
            Some((_, value)) => Ok(value.clone()),
            None => Ok(self.view.get(table, key)?),
        }
    }

    fn put(&mut self, table: Table, key: Vec<u8>, value: Vec<u8>) {
        self.overlay.insert((number(table), key), (table, Some(value)));
    }

    fn remove(&mut self, table: Table, key: Vec<u8>) {
        self.overlay.insert((number(table), key), (table, None));
    }
}
