//! Publishing: this node's own entries, numbered and signed, with the heads that state them.

use kapok_protocol::entry::{Entry, Key, PersonId, Sequence, ShelfId, Verified};
use kapok_protocol::head::{Head, VerifiedHead};
use kapok_protocol::membership::{Certificate, Membership};
use kapok_protocol::time::Timestamp;
use kapok_protocol::visibility::Visibility;

use super::memory::Shelf;
use super::record::Record;
use super::{Catalogue, CatalogueError, Result};

/// What this node wants to say under one key.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) key: Key,
    pub(crate) visibility: Visibility,
    /// None is a tombstone.
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) person: Option<PersonId>,
}

impl Catalogue {
    /// Publishes statements: all of them or none, durable on return.
    ///
    /// `now` is the local clock; the entries' time is never before what this node has said or seen signed.
    pub(crate) fn publish(&self, statements: Vec<Statement>, now: Timestamp) -> Result<Vec<Verified>> {
        let writing = self.writing();
        self.get_level()?;
        let mut entries = Vec::with_capacity(statements.len());
        {
            let memory = self.memory();
            let own = memory.shelves.iter().filter(|(id, _)| id.author == self.id());
            // Others may know of a number that this node's disk has lost: it is not used twice.
            let stated = own.clone().filter_map(|(_, shelf)| shelf.head.as_ref()?.1.head().progress.last()).max();
            let last = own.clone().filter_map(|(_, shelf)| shelf.progress.last()).max().max(stated);
            // The first incarnation is the time of the first entry; a restored node begins a later one.
            let mut sequence = last.unwrap_or(Sequence { incarnation: now.0.max(1), number: 0 });
            let said = own.filter_map(|(_, shelf)| shelf.head.as_ref()).map(|(_, head)| head.head().time).max();
            let time = now.max(memory.signed_now()).max(said.unwrap_or_default());
            for statement in statements {
                sequence.number += 1;
                let Statement { key, visibility, body, person } = statement;
                let entry = Entry { author: self.id(), sequence, key, time, visibility, body, person };
                entries.push(Verified::sign(&self.key, entry)?);
            }
        }
        self.append_while(&writing, entries.iter().cloned().map(Record::Entry).collect())?;
        let shelves: std::collections::BTreeSet<_> = entries.iter().map(Verified::shelf).collect();
        let heads = shelves.iter().filter_map(|id| self.head_of(id, &entries)).map(Record::Head).collect();
        self.append_while(&writing, heads)?;
        Ok(entries)
    }

    fn head_of(&self, id: &ShelfId, entries: &[Verified]) -> Option<VerifiedHead> {
        let memory = self.memory();
        let shelf = memory.shelves.get(id)?;
        let time = entries.iter().map(|entry| entry.entry().time).max()?;
        let (progress, live, digest) = (shelf.progress.clone(), shelf.live, shelf.sum.digest());
        Some(VerifiedHead::sign(&self.key, Head { shelf: *id, progress, live, digest, time }))
    }

    /// Signs heads for own shelves whose newest entries have none: a crash came between the two.
    pub(crate) fn sign_missing_heads(&self, now: Timestamp) -> Result<()> {
        self.sign_heads(now, |shelf, head| !head.progress.covers_all(&shelf.progress))
    }

    /// Signs heads for own shelves that do not add up though others were asked: what is lost is lost everywhere.
    pub(crate) fn sign_what_is_left(&self, now: Timestamp) -> Result<()> {
        self.sign_heads(now, |shelf, head| !head.progress.covers_all(&shelf.progress) || shelf.mismatch)
    }

    fn sign_heads(&self, now: Timestamp, is_due: impl Fn(&Shelf, &Head) -> bool) -> Result<()> {
        let writing = self.writing();
        self.get_level()?;
        let heads: Vec<_> = {
            let memory = self.memory();
            let own = memory.shelves.iter().filter(|(id, _)| id.author == self.id());
            let unstated =
                own.filter(|(_, shelf)| shelf.head.as_ref().is_none_or(|(_, head)| is_due(shelf, head.head())));
            unstated
                .map(|(id, shelf)| {
                    let before = shelf.head.as_ref().map(|(_, head)| head.head().time).unwrap_or_default();
                    let (progress, live, digest) = (shelf.progress.clone(), shelf.live, shelf.sum.digest());
                    let time = now.max(before).max(memory.signed_now());
                    let head = Head { shelf: *id, progress, live, digest, time };
                    Record::Head(VerifiedHead::sign(&self.key, head))
                })
                .collect()
        };
        self.append_while(&writing, heads)
    }

    /// Issues a certificate for a child of this node.
    pub(crate) fn certify(&self, mut membership: Membership) -> Result<Certificate> {
        let memory = self.memory();
        let own = memory.certificates.get(&self.id()).ok_or(CatalogueError::NotAMember)?.1.membership().clone();
        let issued = memory.certificates.values().filter(|(_, c)| c.membership().issuer == self.id());
        membership.federation = own.federation;
        membership.issuer = self.id();
        membership.serial = issued.map(|(_, c)| c.membership().serial).max().unwrap_or(0) + 1;
        membership.scope = [own.scope, membership.scope].concat();
        membership.not_after = membership.not_after.min(own.not_after);
        Ok(Certificate::issue(&self.key, membership))
    }

    /// Signs with this node's key what is no entry (a request to join).
    pub(crate) fn keypair(&self) -> &kapok_protocol::identity::Keypair {
        &self.key
    }
}
