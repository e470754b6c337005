//! Downloads and uploads against each other, over a simulated network under a virtual clock.
//!
//! One receiver, several sources. Links have latency, lose their connection now and then, and the receiver restarts
//! with what it had on disk. A source may lie, refuse, fall silent, or fetch the blob only while it is asked.
#![allow(clippy::unwrap_used)]

mod reading;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::download::{self, Download, Fault, Reason, Wanted};
use super::message::{Answer, Refusal, Request, Urgency};
use super::piece::{PIECE_BYTES, PieceHasher, PieceList, piece_count, piece_len, piece_offset};
use super::recipe::{Copy, Recipe, copies, copies_in, expected_bytes, seeds};
use super::upload::{self, Range, Upload, Verdict};
use super::{BlobId, PieceSet};
use crate::identity::NodeId;
use crate::time::Timestamp;

const RECEIVER: NodeId = NodeId([0; 32]);

/// How a source behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Honest,
    /// Holds every second blob.
    Half,
    /// Flips bits in pieces.
    FalsePieces,
    /// Flips bits in piece lists.
    FalseLists,
    /// Says of everything that it is the beginning of what the receiver has.
    FalseRecipes,
    /// Says nothing.
    Mute,
    /// Fetches the blob piece by piece while it is asked for it, first what people wait for.
    Relay,
}

struct Blob {
    bytes: Vec<u8>,
    list: PieceList,
    /// What the receiver has of it: an older version.
    old: Option<Vec<u8>>,
    recipe: Option<Recipe>,
    false_recipe: Option<Recipe>,
}

/// The recipe of bytes, if they are worth one.
fn recipe_of(bytes: &[u8]) -> Option<Recipe> {
    let read = |offset: u64, len: usize| Some(bytes[offset as usize..][..len].to_vec());
    Recipe::make(bytes.len() as u64, read).ok()
}

fn blob(size: usize, seed: u64) -> Blob {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    let mut hasher = PieceHasher::new();
    hasher.update(&bytes);
    Blob { bytes, list: hasher.finish(), old: None, recipe: None, false_recipe: None }
}

impl Blob {
    /// Makes an older version of it: some bytes more at one place, some fewer at another, the end different.
    fn has_older_version(&mut self, random: &mut ChaCha8Rng) {
        let mut old = self.bytes.clone();
        for _ in 0..random.random_range(0..4) {
            let at = random.random_range(0..=old.len());
            let end = (at + random.random_range(0..3000)).min(old.len());
            old.splice(at..end, vec![7; random.random_range(0..500)]);
        }
        let local = recipe_of(&old);
        self.recipe = recipe_of(&self.bytes);
        self.false_recipe = self.recipe.as_ref().zip(local).and_then(|(recipe, local)| {
            let first = local.chunks()[0];
            let (mut bytes, mut rest) = (Vec::new(), recipe.size());
            // The length of the first chunk again and again, and at the end what remains.
            while rest > 0 {
                let len = (rest.min(u64::from(first.len))) as u32;
                bytes.extend([len as u8 | 0x80, (len >> 7) as u8 | 0x80, (len >> 14) as u8]);
                bytes.extend(first.hash);
                rest -= u64::from(len);
            }
            Recipe::from_bytes(&bytes, recipe.size()).ok()
        });
        self.old = Some(old);
    }
}

struct Source {
    manner: Manner,
    upload: Upload,
    connected: bool,
    /// When its line has sent what it was given.
    line_free_at: Timestamp,
    /// Pieces that a relay has fetched so far.
    fetched: BTreeMap<BlobId, PieceSet>,
    /// Who waits until a relay has all of a blob, and can make its recipe.
    awaits_recipe: Vec<(upload::Ticket, BlobId)>,
}

impl Source {
    fn recipe<'a>(&self, blob: &'a Blob) -> Option<&'a Recipe> {
        if self.manner == Manner::FalseRecipes { blob.false_recipe.as_ref() } else { blob.recipe.as_ref() }
    }
}

/// What is on the receiver's disk.
#[derive(Default)]
struct Disk {
    pieces: BTreeMap<(BlobId, u32), Vec<u8>>,
    lists: BTreeMap<BlobId, PieceList>,
    complete: BTreeSet<BlobId>,
}

struct World {
    now: Timestamp,
    random: ChaCha8Rng,
    blobs: BTreeMap<BlobId, Blob>,
    sources: BTreeMap<NodeId, Source>,
    download: Download,
    disk: Disk,
    requests: VecDeque<(Timestamp, NodeId, Request)>,
    answers: VecDeque<(Timestamp, NodeId, Answer)>,
    /// When a source's stream takes one more frame.
    rooms: VecDeque<(Timestamp, NodeId)>,
    stuck: BTreeMap<BlobId, Vec<(NodeId, Reason)>>,
    penalties: Vec<(NodeId, Fault)>,
    latency_ms: u64,
    /// How fast the lines are; none where a frame takes a millisecond.
    bytes_per_second: Option<u64>,
    wants_sent: usize,
    /// Recipes by which older versions are used.
    plans: BTreeMap<BlobId, Recipe>,
    older_versions_vanish: bool,
}

impl World {
    fn new(seed: u64, latency_ms: u64, manners: &[Manner], sizes: &[usize]) -> Self {
        let blobs = sizes.iter().zip(seed..).map(|(size, seed)| blob(*size, seed));
        let sources = manners.iter().zip(1u8..).map(|(manner, number)| {
            let (fetched, awaits_recipe) = (BTreeMap::new(), Vec::new());
            let (upload, connected, line_free_at) = (Upload::new(), false, Timestamp::default());
            let source = Source { manner: *manner, upload, connected, line_free_at, fetched, awaits_recipe };
            (NodeId([number; 32]), source)
        });
        Self {
            now: Timestamp(1_000_000),
            random: ChaCha8Rng::seed_from_u64(seed),
            blobs: blobs.map(|blob| (blob.list.blob(), blob)).collect(),
            sources: sources.collect(),
            download: Download::new(),
            disk: Disk::default(),
            requests: VecDeque::new(),
            answers: VecDeque::new(),
            rooms: VecDeque::new(),
            stuck: BTreeMap::new(),
            penalties: Vec::new(),
            latency_ms,
            bytes_per_second: None,
            wants_sent: 0,
            plans: BTreeMap::new(),
            older_versions_vanish: false,
        }
    }

    fn tell_download(&mut self, input: download::Input) {
        let mut out = Vec::new();
        self.download.handle(self.now, input, &mut out);
        let mut answers = Vec::new();
        for output in out {
            match output {
                download::Output::Send(node, request) => {
                    self.wants_sent += usize::from(matches!(request, Request::Want(_)));
                    let request = Request::decode(&request.encode()).unwrap();
                    self.requests.push_back((self.now.plus_millis(self.latency_ms), node, request));
                }
                download::Output::WriteList(list) => {
                    self.disk.lists.insert(list.blob(), list);
                }
                download::Output::WritePiece { blob, index, offset, bytes } => {
                    assert_eq!(offset, piece_offset(index));
                    let twice = self.disk.pieces.insert((blob, index), bytes).is_some();
                    assert!(!twice, "piece {index} of {blob} was fetched twice");
                }
                download::Output::Complete(blob) => {
                    self.stuck.remove(&blob);
                    assert!(self.disk.complete.insert(blob), "{blob} was completed twice");
                }
                download::Output::Stuck { blob, reasons } => {
                    self.stuck.insert(blob, reasons);
                }
                download::Output::Penalise(node, fault) => self.penalties.push((node, fault)),
                // Its stream ends.
                download::Output::Shun(node) => self.answers.retain(|(_, from, _)| *from != node),
                download::Output::Plan { blob, recipe } => {
                    let present = self.present(blob);
                    let seeds = self.copies(blob, &recipe).map(|copies| seeds(recipe.size(), &copies, &present));
                    self.plans.insert(blob, recipe);
                    answers.push(download::Input::Planned { blob, seeds: seeds.unwrap_or_default() });
                }
                download::Output::Assemble { blob, index, filled } => {
                    let bytes = self.assemble(blob, index, &filled);
                    answers.push(download::Input::Assembled { blob, index, bytes });
                }
            }
        }
        answers.into_iter().for_each(|answer| self.tell_download(answer));
    }

    fn copies(&self, blob: BlobId, recipe: &Recipe) -> Option<Vec<Copy>> {
        let old = self.blobs[&blob].old.as_ref()?;
        Some(copies(recipe, &recipe_of(old)?))
    }

    /// Puts a piece together as the driver does. Now and then the older version is gone.
    fn assemble(&mut self, blob: BlobId, index: u32, filled: &[(usize, Vec<u8>)]) -> Option<Vec<u8>> {
        let size = self.blobs[&blob].list.size();
        let copies = self.copies(blob, &self.plans[&blob])?;
        if self.older_versions_vanish && self.random.random_ratio(1, 10) {
            return None;
        }
        let mut bytes = vec![0; piece_len(size, index)];
        for (to, from) in copies_in(size, &copies, index) {
            let len = to.len();
            bytes[to].copy_from_slice(&self.blobs[&blob].old.as_ref()?[from as usize..][..len]);
        }
        filled.iter().for_each(|(at, more)| bytes[*at..at + more.len()].copy_from_slice(more));
        Some(bytes)
    }

    /// The pieces that are on the receiver's disk.
    fn present(&self, blob: BlobId) -> PieceSet {
        let mut present = PieceSet::empty(piece_count(self.blobs[&blob].list.size()));
        (0..present.count()).filter(|index| self.disk.pieces.contains_key(&(blob, *index))).for_each(|index| {
            present.insert(index);
        });
        present
    }

    /// The receiver has an older version of every blob.
    fn all_are_new_versions(&mut self) {
        for blob in self.blobs.values_mut() {
            blob.has_older_version(&mut self.random);
        }
    }

    fn tell_upload(&mut self, node: NodeId, input: upload::Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let mut out = Vec::new();
            self.sources.get_mut(&node).unwrap().upload.handle(self.now, input, &mut out);
            for output in out {
                inputs.extend(self.carry_out(node, output));
            }
        }
    }

    /// Does for a source what its driver would do.
    fn carry_out(&mut self, node: NodeId, output: upload::Output) -> Option<upload::Input> {
        let source = self.sources.get_mut(&node).unwrap();
        match output {
            upload::Output::Check { ticket, blob, size, .. } => {
                let verdict = match self.blobs.get(&blob) {
                    Some(_) if source.manner == Manner::Half && blob.0[0] & 1 == 0 => {
                        Verdict::Refused(Refusal::NotHeld)
                    }
                    Some(_) if source.manner == Manner::Relay => {
                        let count = piece_count(size);
                        let present = source.fetched.entry(blob).or_insert_with(|| PieceSet::empty(count)).clone();
                        Verdict::Arriving { present }
                    }
                    Some(held) if held.list.size() == size => Verdict::Held,
                    Some(_) => Verdict::Refused(Refusal::Invalid),
                    None => Verdict::Refused(Refusal::NotHeld),
                };
                Some(upload::Input::Checked { ticket, verdict })
            }
            upload::Output::Read { ticket, blob, what } => {
                let held = &self.blobs[&blob];
                let (mut bytes, lies) = match what {
                    Range::Recipe { offset, len } => {
                        let recipe = source.recipe(held).unwrap();
                        (recipe.to_bytes()[offset..offset + len].to_vec(), false)
                    }
                    Range::List { offset, len } => {
                        (held.list.to_bytes()[offset..offset + len].to_vec(), source.manner == Manner::FalseLists)
                    }
                    Range::Blob { offset, len } => {
                        let offset = offset as usize;
                        (held.bytes[offset..offset + len].to_vec(), source.manner == Manner::FalsePieces)
                    }
                };
                if lies && !bytes.is_empty() {
                    let at = self.random.random_range(0..bytes.len());
                    bytes[at] ^= 1;
                }
                Some(upload::Input::Read { ticket, read: Ok(bytes) })
            }
            upload::Output::Send(peer, answer) => {
                assert_eq!(peer, RECEIVER);
                let frame = answer.encode();
                let answer = Answer::decode(&frame).unwrap();
                let (room_at, sent_at) = match self.bytes_per_second {
                    Some(rate) => {
                        let began_at = source.line_free_at.max(self.now);
                        source.line_free_at = began_at.plus_millis(frame.len() as u64 * 1000 / rate);
                        (source.line_free_at, source.line_free_at)
                    }
                    None => (self.now.plus_millis(1), self.now),
                };
                if answer.content_bytes() > 0 {
                    self.rooms.push_back((room_at, node));
                }
                if source.manner != Manner::Mute {
                    self.answers.push_back((sent_at.plus_millis(self.latency_ms), node, answer));
                }
                None
            }
            upload::Output::Recipe { ticket, blob } => {
                if source.fetched.get(&blob).is_some_and(|fetched| !fetched.is_full()) {
                    source.awaits_recipe.push((ticket, blob));
                    return None;
                }
                let bytes = source.recipe(&self.blobs[&blob]).map(|recipe| recipe.to_bytes().len());
                Some(upload::Input::Recipe { ticket, bytes })
            }
            upload::Output::Unneeded(_) | upload::Output::Awaited(_) => None,
            upload::Output::Penalise(peer, fault) => panic!("{peer} is blamed: {fault}"),
        }
    }

    fn connect(&mut self, node: NodeId) {
        let source = self.sources.get_mut(&node).unwrap();
        source.connected = true;
        let relays = source.manner == Manner::Relay;
        self.tell_download(download::Input::SourceUp { node, cost: u8::from(relays), relays });
        self.tell_upload(node, upload::Input::Room { peer: RECEIVER, frames: 4 });
    }

    fn disconnect(&mut self, node: NodeId) {
        self.sources.get_mut(&node).unwrap().connected = false;
        self.requests.retain(|(_, to, _)| *to != node);
        self.answers.retain(|(_, from, _)| *from != node);
        self.rooms.retain(|(_, from)| *from != node);
        self.tell_upload(node, upload::Input::Gone(RECEIVER));
        self.tell_download(download::Input::SourceDown(node));
    }

    fn connect_all(&mut self) {
        let nodes: Vec<NodeId> = self.sources.keys().copied().collect();
        nodes.into_iter().for_each(|node| self.connect(node));
    }

    /// Wants everything of everybody, and all of it arrives.
    fn everything_arrives(&mut self) {
        self.want_all();
        self.connect_all();
        self.run();
        self.assert_everything_arrived();
    }

    fn want_all(&mut self) {
        let wanted: Vec<(BlobId, u64)> = self.blobs.iter().map(|(id, blob)| (*id, blob.list.size())).collect();
        for (blob, size) in wanted {
            if self.disk.complete.contains(&blob) {
                continue;
            }
            let list = self.disk.lists.get(&blob).cloned();
            let wanted = Wanted::new(blob, size, Urgency::Bulk).unwrap().home(NodeId([9; 32]));
            let wanted = wanted.has_base(self.blobs[&blob].old.is_some()).resume(self.present(blob), list);
            self.tell_download(download::Input::Want(wanted));
        }
    }

    /// The receiver loses its memory and keeps its disk.
    fn restart(&mut self) {
        let nodes: Vec<NodeId> = self.sources.keys().copied().collect();
        nodes.into_iter().for_each(|node| self.disconnect(node));
        self.download = Download::new();
        self.want_all();
        self.connect_all();
    }

    /// Lets one thing happen: a frame arrives, a relay gets a piece, or time passes until something is due.
    fn step(&mut self) {
        let request_at = self.requests.front().map(|(at, ..)| *at);
        let answer_at = self.answers.front().map(|(at, ..)| *at);
        let room_at = self.rooms.front().map(|(at, _)| *at);
        let next = room_at.into_iter().chain(request_at).chain(answer_at).min();
        self.relays_fetch();
        self.now = self.now.max(next.unwrap_or_default());
        match next {
            Some(at) if room_at == Some(at) => {
                let (_, node) = self.rooms.pop_front().unwrap();
                self.tell_upload(node, upload::Input::Room { peer: RECEIVER, frames: 1 });
            }
            Some(at) if request_at == Some(at) => {
                let (_, node, request) = self.requests.pop_front().unwrap();
                self.tell_upload(node, upload::Input::Request(RECEIVER, request));
            }
            Some(_) => {
                let (_, node, answer) = self.answers.pop_front().unwrap();
                self.tell_download(download::Input::Answer(node, answer));
            }
            None => {
                let due = self.download.next_tick().unwrap_or(self.now);
                self.now = self.now.plus_millis(1).max(due.min(self.now.plus_millis(1_000)));
                self.tell_download(download::Input::Tick);
            }
        }
    }

    fn relays_fetch(&mut self) {
        let mut arrived = Vec::new();
        for (&node, source) in &mut self.sources {
            for (&blob, fetched) in &mut source.fetched {
                if !fetched.is_full() && self.random.random_ratio(1, 3) {
                    let awaited: Vec<u32> = source.upload.awaited(&blob).concat();
                    let missing: Vec<u32> =
                        if awaited.is_empty() { fetched.complement().iter().collect() } else { awaited };
                    let index = missing[self.random.random_range(0..missing.len())];
                    fetched.insert(index);
                    arrived.push((node, blob, index));
                }
            }
        }
        for (node, blob, index) in arrived {
            self.tell_upload(node, upload::Input::Arrived { blob, index });
            let source = self.sources.get_mut(&node).unwrap();
            if source.fetched[&blob].is_full() {
                let made = |waits: &mut (upload::Ticket, BlobId)| waits.1 == blob;
                let tickets: Vec<_> = source.awaits_recipe.extract_if(.., made).map(|(ticket, _)| ticket).collect();
                let bytes = source.recipe(&self.blobs[&blob]).map(|recipe| recipe.to_bytes().len());
                for ticket in tickets {
                    self.tell_upload(node, upload::Input::Recipe { ticket, bytes });
                }
            }
        }
    }

    fn run(&mut self) {
        for _ in 0..100_000 {
            if self.download.is_idle() && self.requests.is_empty() && self.answers.is_empty() {
                return;
            }
            self.step();
        }
        panic!("it does not come to an end: {:?}", self.download.totals());
    }

    fn assert_disk_is_true(&self) {
        for ((blob, index), bytes) in &self.disk.pieces {
            let held = &self.blobs[blob];
            let start = piece_offset(*index) as usize;
            assert_eq!(bytes, &held.bytes[start..start + piece_len(held.list.size(), *index)]);
        }
        for blob in &self.disk.complete {
            let pieces = self.disk.pieces.keys().filter(|(of, _)| of == blob).count();
            assert_eq!(pieces, piece_count(self.blobs[blob].list.size()) as usize);
        }
    }

    fn assert_everything_arrived(&self) {
        assert_eq!(self.disk.complete.len(), self.blobs.len(), "stuck: {:?}", self.stuck);
        let totals = self.download.totals();
        assert_eq!((totals.blobs_missing, totals.bytes_missing), (0, 0));
        self.assert_disk_is_true();
    }

    fn blob_bytes(&self) -> u64 {
        self.blobs.values().map(|blob| blob.list.size()).sum()
    }

    fn list_bytes(&self) -> u64 {
        self.blobs.values().map(|blob| PieceList::encoded_len(blob.list.size()) as u64).sum()
    }
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    let piece = PIECE_BYTES as usize;
    let size = prop_oneof![0usize..2000, (0usize..3).prop_map(move |past| piece + past - 1), 0..12 * piece];
    prop::collection::vec(size, 1..8)
}

fn manner() -> impl Strategy<Value = Manner> {
    prop_oneof![
        Just(Manner::Honest),
        Just(Manner::Half),
        Just(Manner::FalsePieces),
        Just(Manner::FalseLists),
        Just(Manner::FalseRecipes),
        Just(Manner::Mute),
        Just(Manner::Relay)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_blob_arrives_if_one_source_is_honest_whatever_the_others_do(
        seed in any::<u64>(), latency_ms in 1u64..700, others in prop::collection::vec(manner(), 0..4), sizes in sizes(),
        accidents in 0u32..12, are_new_versions in any::<bool>(), older_versions_vanish in any::<bool>(),
    ) {
        let manners = [&others[..], &[Manner::Honest]].concat();
        let mut world = World::new(seed, latency_ms, &manners, &sizes);
        world.older_versions_vanish = older_versions_vanish;
        if are_new_versions {
            world.all_are_new_versions();
        }
        let nodes: Vec<NodeId> = world.sources.keys().copied().collect();
        world.want_all();
        world.connect_all();
        for _ in 0..accidents {
            for _ in 0..world.random.random_range(0..60) {
                world.step();
            }
            world.somebody_reads_somewhere();
            if world.random.random_ratio(1, 4) {
                world.restart();
            } else {
                let node = nodes[world.random.random_range(0..nodes.len())];
                world.disconnect(node);
                for _ in 0..world.random.random_range(0..20) {
                    world.step();
                }
                world.connect(node);
            }
        }
        world.run();
        world.assert_everything_arrived();
    }

    #[test]
    fn what_nobody_gives_is_reported_with_reasons_and_nothing_false_is_stored(
        seed in any::<u64>(), manners in prop::collection::vec(manner(), 1..5), sizes in sizes(),
    ) {
        let mut world = World::new(seed, 50, &manners, &sizes);
        world.want_all();
        world.connect_all();
        world.run();
        world.assert_disk_is_true();
        for blob in world.blobs.keys() {
            let complete = world.disk.complete.contains(blob);
            prop_assert!(complete != world.stuck.contains_key(blob));
            prop_assert!(complete || world.stuck[blob].len() == manners.len());
        }
    }

    #[test]
    fn a_link_without_accidents_carries_each_byte_once(
        seed in any::<u64>(), sources in 1usize..4, relay in any::<bool>(), sizes in sizes(),
    ) {
        let manner = if relay { Manner::Relay } else { Manner::Honest };
        let mut world = World::new(seed, 300, &vec![manner; sources], &sizes);
        world.everything_arrives();
        prop_assert_eq!(world.download.totals().received_bytes, world.blob_bytes() + world.list_bytes());
        prop_assert_eq!(world.download.totals().wasted_bytes, 0);
        prop_assert!(world.penalties.is_empty());
    }

    #[test]
    fn a_liar_wastes_a_bounded_number_of_bytes(seed in any::<u64>(), lists in any::<bool>(), sizes in sizes()) {
        let liar = if lists { Manner::FalseLists } else { Manner::FalsePieces };
        let mut world = World::new(seed, 80, &[liar, Manner::Honest], &sizes);
        world.everything_arrives();
        // What it was asked for before its first false piece was noticed: at most a window and a run.
        prop_assert!(world.download.totals().wasted_bytes <= 6 << 20, "{:?}", world.download.totals());
        prop_assert!(world.penalties.iter().all(|(node, _)| *node == NodeId([1; 32])));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn of_new_versions_little_more_comes_than_what_changed(
        seed in any::<u64>(), relay in any::<bool>(), size in 1usize..12,
    ) {
        let manner = if relay { Manner::Relay } else { Manner::Honest };
        let mut world = World::new(seed, 300, &[manner], &[size * PIECE_BYTES as usize - 9]);
        world.all_are_new_versions();
        world.everything_arrives();
        let totals = world.download.totals();
        // Three edits, each in at most two chunks of 64 KiB.
        let changed = 3 * 2 * 64 * 1024 + 3000;
        let most = changed + world.list_bytes() + expected_bytes(world.blob_bytes());
        prop_assert!(totals.received_bytes <= most, "{totals:?}");
        prop_assert_eq!(totals.wasted_bytes, 0);
        prop_assert!(world.penalties.is_empty());
    }

    #[test]
    fn a_recipe_that_lies_costs_time_and_its_giver_a_place(seed in any::<u64>(), size in 2usize..12) {
        let mut world = World::new(seed, 80, &[Manner::FalseRecipes], &[size * PIECE_BYTES as usize]);
        world.all_are_new_versions();
        world.everything_arrives();
        let totals = world.download.totals();
        prop_assert!(totals.received_bytes <= world.blob_bytes() + world.list_bytes() + expected_bytes(world.blob_bytes()) + 2 * PIECE_BYTES);
        prop_assert_eq!(&world.penalties, &[(NodeId([1; 32]), Fault::WrongRecipe)]);
    }
}

#[test]
fn many_small_files_need_few_round_trips() {
    let mut world = World::new(1, 300, &[Manner::Honest], &[500; 200]);
    world.want_all();
    world.connect_all();
    let start = world.now;
    world.run();
    world.assert_everything_arrived();
    assert_eq!(world.wants_sent, 200);
    // One round trip, and one millisecond for each four frames that the sender's stream takes.
    assert_eq!(world.now.millis_since(start), 600 + 49, "all are asked for at once");
}

#[test]
fn the_list_of_a_larger_file_costs_no_round_trip_of_its_own() {
    let mut world = World::new(1, 300, &[Manner::Honest], &[2 * PIECE_BYTES as usize]);
    world.want_all();
    world.connect_all();
    let start = world.now;
    world.run();
    world.assert_everything_arrived();
    // One round trip, and two milliseconds until the sender's stream has taken nine frames.
    assert_eq!((world.wants_sent, world.now.millis_since(start)), (1, 600 + 2));
}

#[test]
fn a_link_that_drops_within_every_piece_still_gets_through() {
    let mut world = World::new(3, 10, &[Manner::Honest], &[5 * PIECE_BYTES as usize]);
    let node = NodeId([1; 32]);
    world.want_all();
    for _ in 0..11 {
        world.connect(node);
        // The request, room for more, and two frames: half a piece.
        let received = world.download.totals().received_bytes;
        while world.download.totals().received_bytes < received + PIECE_BYTES / 2 && !world.download.is_idle() {
            world.step();
        }
        world.disconnect(node);
    }
    world.assert_everything_arrived();
    assert_eq!(world.download.totals().received_bytes, world.blob_bytes() + world.list_bytes());
}

#[test]
fn sources_of_equal_cost_share_one_large_blob() {
    let mut world = World::new(5, 50, &[Manner::Honest; 3], &[40 * PIECE_BYTES as usize]);
    world.everything_arrives();
    for source in world.sources.values() {
        assert!(source.upload.sent_bytes() > world.blob_bytes() / 10, "{}", source.upload.sent_bytes());
    }
}
