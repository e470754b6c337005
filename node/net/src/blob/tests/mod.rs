//! Exchanges between whole nodes on loopback, over blobs in memory.
#![allow(clippy::unwrap_used)]

mod ledger;
mod likeness;
mod neighbours;
mod progress;
mod reading;
mod relaying;
mod taking;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};

use kapok_protocol::blob::piece::{PieceHasher, PieceList, piece_len, piece_offset};
use kapok_protocol::blob::recipe::{HASH_BYTES, Recipe};
use kapok_protocol::blob::{BlobId, PieceSet};
use kapok_protocol::identity::NodeId;
use kapok_protocol::membership::Member;
use libp2p::Multiaddr;
use tokio::sync::watch;

use super::{Begun, BlobBackend, Exchange, Ledger};
use crate::link::Links;
use crate::link::testbed::{Federation, link};
use crate::swarm::LinkKind;

/// 5 MB: 20 pieces, the last one short.
const SIZE: usize = 5_000_000;

/// So that nodes that wait for each other fail a test, instead of holding it up.
async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(std::time::Duration::from_secs(60), what).await.expect("nobody waits in vain")
}

/// Bytes that differ everywhere and for each `seed`.
fn content(seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; SIZE];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

#[derive(Default)]
struct State {
    held: BTreeMap<BlobId, Vec<u8>>,
    /// Bytes and pieces of blobs on their way; outlive a restart.
    arriving: BTreeMap<BlobId, (Vec<u8>, PieceSet)>,
    lists: BTreeMap<BlobId, PieceList>,
    /// How much is there of pieces that are not whole.
    parts: BTreeMap<BlobId, BTreeMap<u32, usize>>,
    /// Begun and neither finished nor set aside.
    begun: BTreeSet<BlobId>,
    hidden_from: BTreeSet<NodeId>,
    addresses: BTreeMap<NodeId, Vec<Multiaddr>>,
    /// Reads until the disk stands still, and what it then waits for.
    stalls: Option<(usize, mpsc::Receiver<()>)>,
    finish_fails: bool,
    /// Pieces that there is room for.
    room_pieces: Option<usize>,
    /// It gives other bytes than it holds.
    lies: bool,
    /// Nodes that are not on the local network.
    far: BTreeSet<NodeId>,
    /// Its recipes say that everything is the same as everywhere.
    lies_in_recipes: bool,
    /// What everything new is a newer version of.
    older: Option<BlobId>,
}

/// The disk of a node.
struct Memory {
    federation: Federation,
    me: NodeId,
    state: Mutex<State>,
    pieces_written: watch::Sender<usize>,
    part_bytes_written: watch::Sender<usize>,
}

impl Memory {
    fn of(federation: &Federation, me: NodeId) -> Arc<Self> {
        Arc::new(Self {
            federation: federation.clone(),
            me,
            state: Mutex::default(),
            pieces_written: watch::Sender::default(),
            part_bytes_written: watch::Sender::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn hold(&self, bytes: &[u8]) -> BlobId {
        let blob = BlobId::of(bytes);
        self.state().held.insert(blob, bytes.to_vec());
        blob
    }

    fn held(&self, blob: &BlobId) -> Option<Vec<u8>> {
        self.state().held.get(blob).cloned()
    }

    /// The disk stands still after `reads` more reads, until the sender is dropped.
    fn stall_after(&self, reads: usize) -> mpsc::Sender<()> {
        let (release, stalled) = mpsc::channel();
        self.state().stalls = Some((reads, stalled));
        release
    }

    /// Returns when this many pieces were written.
    async fn written(&self, pieces: usize) {
        self.pieces_written.subscribe().wait_for(|written| *written >= pieces).await.unwrap();
    }
}

impl BlobBackend for Memory {
    fn may_receive(&self, peer: &Member, _: &BlobId) -> bool {
        !self.state().hidden_from.contains(&peer.id)
    }

    fn size(&self, blob: &BlobId) -> Option<u64> {
        self.state().held.get(blob).map(|bytes| bytes.len() as u64)
    }

    fn read(&self, blob: &BlobId, offset: u64, len: usize) -> Option<Vec<u8>> {
        let stalled = match &mut self.state().stalls {
            Some((0, _)) => true,
            Some((reads, _)) => {
                *reads -= 1;
                false
            }
            None => false,
        };
        let wait = if stalled { self.state().stalls.take() } else { None };
        if let Some((_, release)) = wait {
            let _ = release.recv();
        }
        let state = self.state();
        let bytes = state.held.get(blob).or_else(|| state.arriving.get(blob).map(|(bytes, _)| bytes))?;
        let from = usize::try_from(offset).unwrap();
        let mut read = bytes.get(from..(from + len).min(bytes.len()))?.to_vec();
        if let Some(first) = read.first_mut().filter(|_| state.lies) {
            *first ^= 1;
        }
        Some(read)
    }

    fn piece_list(&self, blob: &BlobId) -> Option<Vec<u8>> {
        let mut hasher = PieceHasher::new();
        hasher.update(self.state().held.get(blob)?);
        Some(hasher.finish().to_bytes())
    }

    fn recipe(&self, blob: &BlobId) -> Option<Recipe> {
        let state = self.state();
        if state.lies_in_recipes {
            // A hundred times the same 50,000 bytes.
            let chunk = [&[0xd0, 0x86, 0x03][..], &[0; HASH_BYTES]].concat();
            return Recipe::from_bytes(&chunk.repeat(100), SIZE as u64).ok();
        }
        let bytes = state.held.get(blob)?;
        Recipe::make(bytes.len() as u64, |offset, len| {
            let from = usize::try_from(offset).unwrap();
            Some(bytes[from..from + len].to_vec())
        })
        .ok()
    }

    fn older(&self, _: &BlobId) -> Option<BlobId> {
        self.state().older
    }

    fn begin(&self, blob: &BlobId, size: u64) -> Result<Begun, String> {
        let mut state = self.state();
        if state.room_pieces == Some(0) {
            return Err("the disk is full".to_owned());
        }
        assert!(state.begun.insert(*blob), "a blob is begun once at a time");
        let empty = || {
            let count = kapok_protocol::blob::piece::piece_count(size);
            (vec![0; usize::try_from(size).unwrap()], PieceSet::empty(count))
        };
        let (bytes, present) = state.arriving.entry(*blob).or_insert_with(empty).clone();
        let parts = state.parts.get(blob).cloned().unwrap_or_default();
        let beginning = |(index, len)| {
            let from = usize::try_from(piece_offset(index)).unwrap();
            (index, bytes[from..from + len].to_vec())
        };
        let parts = parts.into_iter().map(beginning).collect();
        Ok(Begun { present, list: state.lists.get(blob).cloned(), parts })
    }

    fn keep_list(&self, list: &PieceList) -> Result<(), String> {
        self.state().lists.insert(list.blob(), list.clone());
        Ok(())
    }

    fn write_part(&self, blob: &BlobId, index: u32, offset: u32, bytes: &[u8]) -> Result<(), String> {
        let mut state = self.state();
        assert!(state.begun.contains(blob), "only what was begun is written");
        let len = state.parts.entry(*blob).or_default().entry(index).or_default();
        assert!(offset == 0 || offset as usize == *len, "it goes on where it ended");
        *len = offset as usize + bytes.len();
        let (whole, _) = state.arriving.get_mut(blob).unwrap();
        let from = usize::try_from(piece_offset(index)).unwrap() + offset as usize;
        whole[from..from + bytes.len()].copy_from_slice(bytes);
        self.part_bytes_written.send_modify(|written| *written += bytes.len());
        Ok(())
    }

    fn write_piece(&self, blob: &BlobId, index: u32, bytes: &[u8]) -> Result<(), String> {
        let mut state = self.state();
        assert!(state.begun.contains(blob), "only what was begun is written");
        if let Some(room) = &mut state.room_pieces {
            *room = room.checked_sub(1).ok_or("the disk is full")?;
        }
        let (whole, present) = state.arriving.get_mut(blob).unwrap();
        assert_eq!(bytes.len(), piece_len(whole.len() as u64, index));
        let from = usize::try_from(piece_offset(index)).unwrap();
        whole[from..from + bytes.len()].copy_from_slice(bytes);
        assert!(present.insert(index), "a piece is fetched once");
        state.parts.entry(*blob).or_default().remove(&index);
        self.pieces_written.send_modify(|written| *written += 1);
        Ok(())
    }

    fn finish(&self, blob: &BlobId) -> Result<(), String> {
        let mut state = self.state();
        state.begun.remove(blob);
        if state.finish_fails {
            return Err("the disk is broken".to_owned());
        }
        let (bytes, present) = state.arriving.remove(blob).unwrap();
        assert!(present.is_full() && BlobId::of(&bytes) == *blob);
        state.held.insert(*blob, bytes);
        Ok(())
    }

    fn set_aside(&self, blob: &BlobId) {
        self.state().begun.remove(blob);
    }

    fn me(&self) -> Option<Member> {
        self.federation.member(&self.me)
    }

    fn member(&self, id: &NodeId) -> Option<Member> {
        self.federation.member(id)
    }

    fn addresses(&self, node: &NodeId) -> Vec<Multiaddr> {
        self.state().addresses.get(node).cloned().unwrap_or_default()
    }
}

/// A running node.
struct Node {
    id: NodeId,
    links: Links,
    exchange: Exchange,
    disk: Arc<Memory>,
}

impl Node {
    async fn start(federation: &Federation, id: NodeId) -> Self {
        Self::start_on(federation, Memory::of(federation, id)).await
    }

    /// Starts on a disk that may hold something already.
    async fn start_on(federation: &Federation, disk: Arc<Memory>) -> Self {
        let links = federation.start(disk.me).await;
        let of_disk = disk.clone();
        let kind = move |node: &NodeId| if of_disk.state().far.contains(node) { LinkKind::Wan } else { LinkKind::Lan };
        let exchange = Exchange::start_over(links.clone(), disk.clone(), Arc::new(kind)).unwrap();
        Self { id: disk.me, links, exchange, disk }
    }

    async fn stop(self) -> Arc<Memory> {
        self.exchange.shutdown().await;
        self.links.shutdown().await;
        self.disk
    }

    /// What was exchanged with `node`.
    fn ledger(&self, node: &Self) -> Ledger {
        self.exchange.ledger().get(&node.id).copied().unwrap_or_default()
    }

    /// Content bytes that came from `node`.
    fn bytes_from(&self, node: &Self) -> u64 {
        self.exchange.ledger().get(&node.id).map_or(0, |ledger| ledger.bytes_in)
    }
}

/// Two nodes that are linked.
async fn city_and_county() -> (Node, Node) {
    let (city, county) = unlinked_city_and_county().await;
    link(&county.links, &city.links).await;
    (city, county)
}

/// As [`city_and_county`], with a line that costs between them.
async fn city_and_far_county() -> (Node, Node) {
    let (city, county) = unlinked_city_and_county().await;
    city.disk.state().far.insert(county.id);
    county.disk.state().far.insert(city.id);
    link(&county.links, &city.links).await;
    (city, county)
}

async fn unlinked_city_and_county() -> (Node, Node) {
    let mut federation = Federation::new();
    let city = federation.city();
    let county = federation.county(city, "盐边县");
    (Node::start(&federation, city).await, Node::start(&federation, county).await)
}

/// A city, its county, and a school of it, each linked with the one above.
async fn three_tiers() -> [Node; 3] {
    let [city, county, school] = unlinked_three_tiers().await;
    link(&county.links, &city.links).await;
    link(&school.links, &county.links).await;
    [city, county, school]
}

async fn unlinked_three_tiers() -> [Node; 3] {
    let mut federation = Federation::new();
    let city = federation.city();
    let county = federation.county(city, "盐边县");
    let school = federation.school(county, "红格小学");
    [
        Node::start(&federation, city).await,
        Node::start(&federation, county).await,
        Node::start(&federation, school).await,
    ]
}

/// The blob's bytes and its piece list.
fn whole_bytes() -> u64 {
    SIZE as u64 + 20 * 32
}
