//! A replica in memory, with the rules that a node's catalogue keeps.

use std::collections::{BTreeMap, BTreeSet};

use kapok_protocol::entry::{Entry, Key, Kind, Sequence, ShelfId, Verified};
use kapok_protocol::head::{Head, Progress, VerifiedHead};
use kapok_protocol::identity::{Keypair, NodeId};
use kapok_protocol::lthash::LtHash;
use kapok_protocol::membership::{Certificate, Chain, Member};
use kapok_protocol::replica::{Cursor, Item, News, Replica, ShelfState, Stub};
use kapok_protocol::time::Timestamp;
use kapok_protocol::visibility::Visibility;

#[derive(Clone, Debug)]
enum Live {
    Entry(Verified),
    Stub(Stub),
}

impl Live {
    fn sequence(&self) -> Sequence {
        match self {
            Self::Entry(entry) => entry.entry().sequence,
            Self::Stub(stub) => stub.sequence,
        }
    }
    fn hash(&self) -> [u8; 32] {
        match self {
            Self::Entry(entry) => entry.hash(),
            Self::Stub(stub) => stub.hash,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Shelf {
    live: BTreeMap<Key, Live>,
    sum: LtHash,
    head: Option<VerifiedHead>,
    progress: Progress,
    changed_at: u64,
    mismatch: bool,
}

#[derive(Clone, Debug)]
pub struct Memory {
    pub key: Keypair,
    pub federation: NodeId,
    certificates: BTreeMap<NodeId, (u64, Certificate)>,
    shelves: BTreeMap<ShelfId, Shelf>,
    revoked: BTreeMap<NodeId, Sequence>,
    /// Resource keys that a counted withdrawal took: (author, key).
    withdrawn: BTreeSet<(NodeId, Key)>,
    position: u64,
    pub incarnation: u64,
    number: u64,
    pub remembered: BTreeMap<NodeId, Cursor>,
    pub stored_twice: u64,
}

impl Memory {
    pub fn new(key: Keypair, federation: NodeId, chain: &Chain) -> Self {
        let mut memory = Self {
            key,
            federation,
            certificates: BTreeMap::new(),
            shelves: BTreeMap::new(),
            revoked: BTreeMap::new(),
            withdrawn: BTreeSet::new(),
            position: 0,
            incarnation: 1,
            number: 0,
            remembered: BTreeMap::new(),
            stored_twice: 0,
        };
        memory.store(chain.certificates().iter().cloned().map(News::Certificate).collect());
        memory
    }

    /// Publishes under (kind, name); `None` is a tombstone.
    pub fn publish(&mut self, kind: Kind, name: &[u8], visibility: Visibility, body: Option<&[u8]>, time: Timestamp) {
        self.number += 1;
        let entry = Entry {
            author: self.key.id(),
            sequence: Sequence { incarnation: self.incarnation, number: self.number },
            key: Key { kind, name: name.to_vec() },
            time,
            visibility,
            body: body.map(<[u8]>::to_vec),
            person: None,
        };
        let entry = Verified::sign(&self.key, entry).unwrap();
        let shelf = entry.shelf();
        self.put(entry);
        self.sign_head(shelf, time);
    }

    fn sign_head(&mut self, id: ShelfId, time: Timestamp) {
        let shelf = self.shelves.get_mut(&id).unwrap();
        let head = Head {
            shelf: id,
            progress: shelf.progress.clone(),
            live: shelf.live.len() as u64,
            digest: shelf.sum.digest(),
            time,
        };
        shelf.head = Some(VerifiedHead::sign(&self.key, head));
    }

    fn put(&mut self, entry: Verified) {
        let (id, key, sequence) = (entry.shelf(), entry.entry().key.clone(), entry.entry().sequence);
        if key.kind == Kind::REVOCATION {
            let target = NodeId(key.name.clone().try_into().unwrap());
            let body = entry.entry().body.clone().unwrap();
            let last: Sequence = minicbor::decode(&body).unwrap();
            self.revoked.insert(target, last);
        }
        if key.kind == Kind::WITHDRAWAL {
            let body = entry.entry().body.clone().unwrap();
            let (author, name): (NodeId, minicbor::bytes::ByteVec) = minicbor::decode(&body).unwrap();
            let counts = self.member(&author).zip(self.member(&id.author)).is_some_and(|(a, w)| w.is_ancestor_of(&a));
            if counts {
                self.withdraw(author, Key { kind: Kind::RESOURCE, name: name.into() });
            }
        }
        if key.kind == Kind::RESOURCE && self.withdrawn.contains(&(id.author, key.clone())) {
            let stub = Stub { key: key.clone(), sequence, hash: entry.hash() };
            self.insert(id, key, Live::Stub(stub));
        } else {
            self.insert(id, key, Live::Entry(entry));
        }
    }

    fn withdraw(&mut self, author: NodeId, key: Key) {
        for (_, shelf) in self.shelves.iter_mut().filter(|(id, _)| id.author == author) {
            if let Some(live @ Live::Entry(_)) = shelf.live.get_mut(&key) {
                *live = Live::Stub(Stub { key: key.clone(), sequence: live.sequence(), hash: live.hash() });
            }
        }
        self.withdrawn.insert((author, key));
    }

    fn insert(&mut self, id: ShelfId, key: Key, live: Live) {
        self.position += 1;
        let shelf = self.shelves.entry(id).or_default();
        if let Some(old) = shelf.live.get(&key) {
            if old.sequence() >= live.sequence() {
                self.stored_twice += 1;
                return;
            }
            shelf.sum.remove(&old.hash());
        }
        shelf.sum.add(&live.hash());
        // What comes out of its turn (urgent) does not move the progress of another's shelf.
        let in_turn =
            id.author == self.key.id() || !matches!(&live, Live::Entry(e) if e.entry().key.kind == Kind::REVOCATION);
        if in_turn {
            shelf.progress.advance(live.sequence());
        }
        shelf.changed_at = self.position;
        shelf.live.insert(key, live);
    }

    pub fn store(&mut self, news: Vec<News>) {
        for item in news {
            self.position += 1;
            match item {
                News::Certificate(certificate) => {
                    let known = self.certificates.get(&certificate.membership().subject);
                    if known.is_none_or(|(_, known)| certificate.supersedes(known)) {
                        self.certificates.insert(certificate.membership().subject, (self.position, certificate));
                    }
                }
                News::Head(head) => {
                    let shelf = self.shelves.entry(head.head().shelf).or_default();
                    shelf.head = Some(head);
                    shelf.changed_at = self.position;
                }
                News::Entry(entry) => self.put(entry),
                News::Stub { shelf, stub } => self.insert(shelf, stub.key.clone(), Live::Stub(stub)),
                News::Reached { shelf, progress } => {
                    let shelf = self.shelves.entry(shelf).or_default();
                    shelf.progress.merge(&progress);
                    shelf.changed_at = self.position;
                    let head = shelf.head.as_ref().unwrap().head();
                    shelf.mismatch = shelf.progress == head.progress && shelf.sum.digest() != head.digest;
                }
            }
        }
    }

    /// A shelf that is known as far as `head` says without its entries being here. Both sides of a test are given the
    /// same, so that a session between nodes of many entries needs not so many signatures.
    pub fn assume(&mut self, head: VerifiedHead, sum: LtHash) {
        self.position += 1;
        let shelf = self.shelves.entry(head.head().shelf).or_default();
        shelf.progress = head.head().progress.clone();
        (shelf.head, shelf.sum, shelf.changed_at) = (Some(head), sum, self.position);
    }

    /// Takes in what an author has published, from somebody else than the other side of the test.
    pub fn hear(&mut self, entries: Vec<Verified>, head: impl FnOnce(&Progress, &LtHash) -> VerifiedHead) {
        let Some(id) = entries.first().map(Verified::shelf) else { return };
        entries.into_iter().for_each(|entry| self.put(entry));
        let shelf = self.shelves.get_mut(&id).unwrap();
        shelf.head = Some(head(&shelf.progress, &shelf.sum));
    }

    /// Every live body that this replica can read, by author, visibility and key.
    pub fn contents(&self) -> BTreeMap<(ShelfId, Key), Option<Vec<u8>>> {
        let mut all = BTreeMap::new();
        for (id, shelf) in &self.shelves {
            for (key, live) in &shelf.live {
                if let Live::Entry(entry) = live {
                    all.insert((*id, key.clone()), entry.entry().body.clone());
                }
            }
        }
        all
    }

    /// No shelf whose checksum differs from what its author signed.
    pub fn adds_up(&self) -> bool {
        self.shelves.values().all(|s| {
            let head = s.head.as_ref().unwrap().head();
            s.progress == head.progress && s.sum.digest() == head.digest && s.live.len() as u64 == head.live
        })
    }

    /// Loses the live entries under a key without anybody noticing (a damaged disk).
    pub fn lose(&mut self, id: &ShelfId, key: &Key) {
        let shelf = self.shelves.get_mut(id).unwrap();
        let live = shelf.live.remove(key).unwrap();
        shelf.sum.remove(&live.hash());
        shelf.mismatch = true;
    }
}

impl Replica for Memory {
    fn me(&self) -> Member {
        self.member(&self.key.id()).unwrap()
    }
    fn federation(&self) -> NodeId {
        self.federation
    }
    fn signed_now(&self) -> Timestamp {
        super::START
    }
    fn member(&self, id: &NodeId) -> Option<Member> {
        self.chain(id)?.verify(&self.federation, self.signed_now()).ok()
    }
    fn certificates(&self, since: Option<u64>) -> Vec<Certificate> {
        let mut all: Vec<_> = self
            .certificates
            .values()
            .filter(|(at, _)| since.is_none_or(|since| *at >= since))
            .map(|(_, c)| c.clone())
            .collect();
        all.sort_by_key(|c| c.membership().tier);
        all
    }
    fn chain(&self, id: &NodeId) -> Option<Chain> {
        let mut chain = vec![self.certificates.get(id)?.1.clone()];
        while chain[0].membership().issuer != self.federation {
            if chain.len() > 4 {
                return None;
            }
            let issuer = chain[0].membership().issuer;
            chain.insert(0, self.certificates.get(&issuer)?.1.clone());
        }
        Some(Chain::new(chain))
    }
    fn shelves(&self) -> Vec<(ShelfId, ShelfState)> {
        self.shelves.keys().filter_map(|id| Some((*id, self.shelf(id)?))).collect()
    }
    fn shelf(&self, id: &ShelfId) -> Option<ShelfState> {
        let shelf = self.shelves.get(id)?;
        Some(ShelfState {
            head: shelf.head.clone()?,
            progress: shelf.progress.clone(),
            changed_at: shelf.changed_at,
            mismatch: shelf.mismatch,
        })
    }
    fn items(&self, shelf: &ShelfId, after: &Progress, max_bytes: usize) -> Vec<Item> {
        let Some(shelf) = self.shelves.get(shelf) else { return Vec::new() };
        let mut live: Vec<_> = shelf.live.values().filter(|l| !after.covers(l.sequence())).collect();
        live.sort_by_key(|l| l.sequence());
        let mut bytes = 0;
        let fits = |l: &&&Live| {
            let before = bytes;
            bytes += match l {
                Live::Entry(e) => e.signed().bytes.len() + 64,
                Live::Stub(_) => 64,
            };
            before < max_bytes
        };
        live.iter()
            .take_while(fits)
            .map(|l| match l {
                Live::Entry(e) => Item::Entry(e.signed().clone()),
                Live::Stub(s) => Item::Stub(s.clone()),
            })
            .collect()
    }
    fn urgent(&self) -> Vec<Verified> {
        let all = self.shelves.values().flat_map(|s| s.live.values());
        all.filter_map(|l| match l {
            Live::Entry(e) if e.entry().key.kind == Kind::REVOCATION => Some(e.clone()),
            _ => None,
        })
        .collect()
    }
    fn is_withdrawn(&self, shelf: &ShelfId, key: &Key) -> bool {
        self.withdrawn.contains(&(shelf.author, key.clone()))
    }
    fn is_revoked(&self, author: &NodeId, sequence: Sequence) -> bool {
        self.revoked.get(author).is_some_and(|last| sequence > *last)
    }
    fn cursor(&self) -> Cursor {
        let mut journal = [0; 16];
        journal.copy_from_slice(&self.key.id().0[..16]);
        // Where the next record will stand.
        Cursor { journal, position: self.position + 1 }
    }
}
