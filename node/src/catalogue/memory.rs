//! What is small enough to be kept in memory: members, shelves with their checksums, profiles and revocations.
//!
//! A federation of 300 nodes has about 1,000 shelves of 2 KiB.

use std::collections::BTreeMap;

use kapok_library::book::Book;
use kapok_library::profile::Profile;
use kapok_library::revocation::Revocation;
use kapok_protocol::entry::{Kind, Sequence, ShelfId, Verified};
use kapok_protocol::head::{Progress, VerifiedHead};
use kapok_protocol::identity::NodeId;
use kapok_protocol::lthash::LtHash;
use kapok_protocol::membership::{Certificate, Chain, MAX_CHAIN, Member};
use kapok_protocol::time::Timestamp;
use kapok_store::journal::Journal;
use kapok_store::view::View;

use super::record::Record;
use super::tables::{self, CERTIFICATE, LIVE, Live, SHELF, TOTALS, Totals};
use super::{CatalogueError, Result};

/// A shelf in memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Shelf {
    pub(super) head: Option<(u64, VerifiedHead)>,
    pub(super) progress: Progress,
    pub(super) changed_at: u64,
    pub(super) live: u64,
    pub(super) sum: LtHash,
    pub(super) mismatch: bool,
}

#[derive(Debug)]
pub(super) struct Memory {
    pub(super) me: NodeId,
    pub(super) certificates: BTreeMap<NodeId, (u64, Certificate)>,
    /// All whose chain holds, whether it has run out or not; worked out anew when a certificate comes.
    pub(super) members: BTreeMap<NodeId, Member>,
    pub(super) shelves: BTreeMap<ShelfId, Shelf>,
    pub(super) book: Book,
    pub(super) totals: Totals,
    /// The newest time that each node has signed in a head.
    heard: BTreeMap<NodeId, Timestamp>,
}

impl Memory {
    pub(super) fn new(me: NodeId) -> Self {
        Self {
            me,
            certificates: BTreeMap::new(),
            members: BTreeMap::new(),
            shelves: BTreeMap::new(),
            book: Book::default(),
            totals: Totals::default(),
            heard: BTreeMap::new(),
        }
    }

    /// What the view and the journal hold of it.
    pub(super) fn load(me: NodeId, view: &View, journal: &Journal) -> Result<Self> {
        let mut memory = Self::new(me);
        let read = |position| Record::from_bytes(&journal.read(position)?).map_err(CatalogueError::Damaged);
        for pair in view.all(CERTIFICATE) {
            let position = tables::decode(&pair?.1)?;
            let certificate = match read(position)? {
                Record::Certificate(certificate) => certificate,
                // One that came inside its issuer's entry.
                Record::Entry(entry) => match kapok_library::membership::certificate(entry.entry()) {
                    Ok(Some(certificate)) => certificate,
                    _ => continue,
                },
                _ => continue,
            };
            memory.certificates.insert(certificate.membership().subject, (position, certificate));
        }
        for pair in view.all(SHELF) {
            let (key, value) = pair?;
            let Some(id) = tables::read_shelf_key(&key) else { continue };
            let stored: tables::Shelf = tables::decode(&value)?;
            let head = match stored.head {
                Some(position) => match read(position)? {
                    Record::Head(head) => Some((position, head)),
                    _ => None,
                },
                None => None,
            };
            if let Some((_, head)) = &head {
                memory.hear(id.author, head.head().time);
            }
            let sum = LtHash::from_bytes(&stored.sum).unwrap_or_default();
            let tables::Shelf { progress, changed_at, live, mismatch, .. } = stored;
            memory.shelves.insert(id, Shelf { head, progress, changed_at, live, sum, mismatch });
            for kind in [Kind::PROFILE, Kind::REVOCATION] {
                let prefix = [tables::shelf_key(&id), kind.0.to_be_bytes().to_vec()].concat();
                for pair in view.prefix(LIVE, &prefix) {
                    let live: Live = tables::decode(&pair?.1)?;
                    if let Some(position) = live.position
                        && let Record::Entry(entry) = read(position)?
                    {
                        memory.note(&entry);
                    }
                }
            }
        }
        if let Some(totals) = view.get(TOTALS, b"")? {
            memory.totals = tables::decode(&totals)?;
        }
        memory.know_members();
        Ok(memory)
    }

    /// Whether a record says anything that is not known. What is a repetition takes no place in the journal.
    pub(super) fn is_news(&self, record: &Record) -> bool {
        match record {
            Record::Certificate(certificate) => {
                let known = self.certificates.get(&certificate.membership().subject);
                known.is_none_or(|(_, known)| certificate.supersedes(known))
            }
            Record::Head(head) => {
                let known = self.shelves.get(&head.head().shelf).and_then(|shelf| shelf.head.as_ref());
                known.is_none_or(|(_, known)| head.supersedes(known))
            }
            Record::Reached(shelf, progress) => {
                self.shelves.get(shelf).is_none_or(|known| !known.progress.covers_all(progress) || known.mismatch)
            }
            Record::Entry(_) | Record::Stub(..) | Record::TextArrived(_) => true,
        }
    }

    /// Profiles and revocations.
    pub(super) fn note(&mut self, entry: &Verified) {
        let (author, sequence) = (entry.entry().author, entry.entry().sequence);
        match entry.entry().key.kind {
            Kind::PROFILE => {
                let profile = entry.entry().body.as_deref().map(Profile::from_body);
                if let Some(Ok(profile)) = profile {
                    self.book.put_profile(author, sequence, entry.entry().time, profile);
                }
            }
            Kind::REVOCATION => {
                if let Ok((subject, revocation)) = Revocation::read(entry.entry()) {
                    self.book.put_revocation(author, sequence, subject, revocation);
                }
            }
            _ => {}
        }
    }

    /// The federation's root key: the issuer of the city's certificate in this node's own chain.
    pub(super) fn federation(&self) -> Option<NodeId> {
        self.certificates.get(&self.me).map(|(_, certificate)| certificate.membership().federation)
    }

    pub(super) fn chain(&self, id: &NodeId) -> Option<Chain> {
        let federation = self.federation()?;
        let mut chain = vec![self.certificates.get(id)?.1.clone()];
        while chain[0].membership().issuer != federation {
            if chain.len() == MAX_CHAIN {
                return None;
            }
            let issuer = chain[0].membership().issuer;
            chain.insert(0, self.certificates.get(&issuer)?.1.clone());
        }
        Some(Chain::new(chain))
    }

    /// Works out who is a member.
    pub(super) fn know_members(&mut self) {
        let Some(federation) = self.federation() else { return };
        let me = self.members.remove(&self.me);
        let known = self.certificates.keys().filter_map(|id| Some((*id, self.chain(id)?.lineage(&federation).ok()?)));
        let mut members: BTreeMap<_, _> = known.collect();
        // While it runs a node stays what it was, even where a new certificate above it breaks its chain: sessions go on.
        if let Some(me) = me {
            members.entry(self.me).or_insert(me);
        }
        self.members = members;
    }

    /// Notes the time of a head.
    pub(super) fn hear(&mut self, author: NodeId, time: Timestamp) {
        let heard = self.heard.entry(author).or_default();
        *heard = time.max(*heard);
    }

    /// How late it is at least, by which memberships are judged: the newest time that an ancestor has signed and that
    /// somebody else's signature has reached as well. So neither this node's clock nor any other one that runs years
    /// ahead makes anybody's membership end.
    ///
    /// The city has no ancestor and takes its own word, under the same condition.
    pub(super) fn signed_now(&self) -> Timestamp {
        let Some(chain) = self.chain(&self.me) else { return Timestamp::default() };
        let path: Vec<_> = chain.certificates().iter().map(Certificate::membership).collect();
        let above = path.len().saturating_sub(1).max(1);
        let of = |(level, membership): (usize, &&kapok_protocol::membership::Membership)| {
            let who = membership.subject;
            // What it issued counts like what it published; the root's word is the city's, whose clock it has.
            let issued = path.get(level + 1).map(|below| below.not_before).unwrap_or_default();
            let root = if level == 0 { membership.not_before } else { Timestamp::default() };
            let word = self.heard.get(&who).copied().unwrap_or_default().max(issued).max(root);
            let others = self.heard.iter().filter(|(id, _)| **id != who).map(|(_, time)| *time).max();
            word.min(others.unwrap_or_default())
        };
        path.iter().take(above).enumerate().map(of).max().unwrap_or_default()
    }

    pub(super) fn is_ancestor(&self, above: &NodeId, below: &NodeId) -> bool {
        match (self.members.get(above), self.members.get(below)) {
            (Some(above), Some(below)) => above.is_ancestor_of(below),
            _ => false,
        }
    }

    pub(super) fn revocation(&self, subject: &NodeId) -> Option<(NodeId, &Revocation)> {
        self.book.revocation(subject, |issuer| self.is_ancestor(issuer, subject))
    }

    pub(super) fn is_revoked(&self, author: &NodeId, sequence: Sequence) -> bool {
        self.revocation(author).is_some_and(|(_, revocation)| revocation.last.is_none_or(|last| sequence > last))
    }
}
