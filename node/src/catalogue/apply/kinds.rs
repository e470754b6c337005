//! What an entry means: once it stands, and once something else stands in its place.

use std::collections::BTreeMap;

use kapok_library::membership;
use kapok_library::resource::ResourceKey;
use kapok_library::resource::state::{Slot, Withdrawn};
use kapok_library::revocation::Revocation;
use kapok_library::withdrawal::Withdrawal;
use kapok_protocol::entry::{Key, Kind, Sequence, ShelfId, Verified};
use kapok_protocol::identity::NodeId;

use super::Application;
use crate::catalogue::Result;
use crate::catalogue::tables::Live;

impl Application<'_> {
    /// Changes what hangs on a place where `was` stood and `is` stands now.
    pub(super) fn take_effect(
        &mut self,
        id: &ShelfId,
        key: &Key,
        was: Option<&Live>,
        is: Option<&Live>,
        position: u64,
    ) -> Result<()> {
        match key.kind {
            Kind::RESOURCE => self.resource_stands(id, key, is),
            Kind::WITHDRAWAL => self.withdrawal_stands(id, key, was, is),
            Kind::PROFILE => {
                if let Some(was) = was {
                    self.memory.book.forget_profile(&id.author, was.sequence);
                }
                if let Some(entry) = self.entry_of(is)? {
                    self.memory.note(&entry);
                }
                Ok(())
            }
            Kind::REVOCATION => self.revocation_stands(id, was, is, position),
            Kind::MEMBERSHIP => {
                if let Some(entry) = self.entry_of(is)?
                    && let Ok(Some(certificate)) = membership::certificate(entry.entry())
                    && let Some(at) = is.and_then(|live| live.position)
                {
                    self.certificate(certificate, at);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn entry_of(&self, live: Option<&Live>) -> Result<Option<Verified>> {
        live.and_then(|live| live.position).map_or(Ok(None), |position| self.read(position))
    }

    fn resource_stands(&mut self, id: &ShelfId, key: &Key, is: Option<&Live>) -> Result<()> {
        let Some(resource) = ResourceKey::of(id.author, key) else { return Ok(()) };
        let slot = is.map(|live| Slot {
            sequence: live.sequence,
            hash: live.hash,
            time: live.time,
            position: live.position.filter(|_| !live.is_tombstone),
        });
        self.resource(&resource.id(), |state| state.set(id.author, id.visibility, slot))?;
        if is.is_some_and(|live| live.is_tombstone) {
            // Taken back on this shelf, because the resource has moved to one that fewer may see.
            self.blot_past(id, key)?;
        }
        self.blot(&resource)
    }

    fn withdrawal_stands(&mut self, id: &ShelfId, key: &Key, was: Option<&Live>, is: Option<&Live>) -> Result<()> {
        let by = id.author;
        // A later word of the same node takes no withdrawal back: what was withdrawn stays so. Only one that is believed
        // no longer stops counting.
        let is_later = is.map(Live::order) > was.map(Live::order);
        if !is_later
            && let Some(entry) = self.entry_of(was)?
            && let Ok(Some(withdrawal)) = Withdrawal::read(entry.entry())
        {
            self.resource(&withdrawal.of().id(), |state| {
                state.withdrawals.remove(&by);
            })?;
        }
        let shelves: Vec<_> = if is_later { vec![*id] } else { self.shelves_of(&by) };
        for shelf in shelves {
            let standing = self.standing(&shelf, key)?;
            let Some(entry) = self.entry_of(standing.as_ref())? else { continue };
            let Ok(Some(withdrawal)) = Withdrawal::read(entry.entry()) else { continue };
            let resource = withdrawal.of();
            let Withdrawal { reason, title, .. } = withdrawal;
            let (sequence, time, visibility) = (entry.entry().sequence, entry.entry().time, entry.entry().visibility);
            let withdrawn = Withdrawn { sequence, time, reason, title, visibility };
            self.resource(&resource.id(), |state| state.withdraw(resource.author, by, withdrawn))?;
            self.blot(&resource)?;
        }
        Ok(())
    }

    fn revocation_stands(&mut self, id: &ShelfId, was: Option<&Live>, is: Option<&Live>, position: u64) -> Result<()> {
        let before = self.entry_of(was)?;
        let after = self.entry_of(is)?;
        let subjects = [&before, &after].into_iter().flatten().filter_map(|entry| Revocation::read(entry.entry()).ok());
        let believed: BTreeMap<NodeId, Option<Option<Sequence>>> =
            subjects.map(|(subject, _)| (subject, self.believed_to(&subject))).collect();
        if let Some(was) = was {
            for subject in believed.keys() {
                self.memory.book.forget_revocation(&id.author, subject, was.sequence);
            }
        }
        if let Some(entry) = &after {
            self.memory.note(entry);
        }
        for (subject, before) in believed {
            if self.believed_to(&subject) != before {
                self.settle_all(&subject, position)?;
            }
        }
        Ok(())
    }

    /// Up to which sequence a node is believed; none if it is not revoked.
    fn believed_to(&self, subject: &NodeId) -> Option<Option<Sequence>> {
        self.memory.revocation(subject).map(|(_, revocation)| revocation.last)
    }
}
