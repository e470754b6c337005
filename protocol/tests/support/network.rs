//! A network under a virtual clock: frames take time, links break, nodes are away.
//!
//! One seed gives one run. A frame on a broken link is lost together with its session, as on a real connection.

use std::collections::{BTreeMap, VecDeque};

use kapok_protocol::identity::NodeId;
use kapok_protocol::replica::Replica;
use kapok_protocol::session::codec::{Packer, Unpacker};
use kapok_protocol::session::{Input, Output, Session};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::memory::Memory;

#[derive(Default)]
pub struct Traffic {
    pub frames: u64,
    pub bytes: u64,
    pub sessions: u64,
    pub finished: u64,
}

struct Link {
    a: usize,
    b: usize,
    sessions: [Session; 2],
    packers: [Packer; 2],
    unpackers: [Unpacker; 2],
    /// Frames on their way to a (0) and to b (1), encoded.
    queues: [VecDeque<Vec<u8>>; 2],
}

pub struct Network {
    pub nodes: Vec<Memory>,
    pub up: Vec<bool>,
    /// Which node may speak with which (the tree, or anything).
    pub edges: Vec<(usize, usize)>,
    links: BTreeMap<usize, Link>,
    pub random: ChaCha8Rng,
    /// Chance that a frame breaks its link.
    pub loss: f64,
    pub traffic: Traffic,
}

impl Network {
    pub fn new(nodes: Vec<Memory>, edges: Vec<(usize, usize)>, seed: u64) -> Self {
        let up = vec![true; nodes.len()];
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { nodes, up, edges, links: BTreeMap::new(), random, loss: 0.0, traffic: Traffic::default() }
    }

    pub fn index(&self, id: &NodeId) -> usize {
        self.nodes.iter().position(|n| n.key.id() == *id).unwrap()
    }

    /// One step: perhaps a new session, then a frame on each link.
    pub fn step(&mut self) {
        let edge = self.random.random_range(0..self.edges.len());
        let (a, b) = self.edges[edge];
        if self.up[a] && self.up[b] && !self.links.contains_key(&edge) {
            self.connect(edge, a, b);
        }
        for edge in self.links.keys().copied().collect::<Vec<_>>() {
            self.advance(edge);
        }
    }

    /// A session between two nodes until it ends, whatever the loss.
    pub fn meet(&mut self, a: usize, b: usize) {
        self.connect(usize::MAX, a, b);
        while self.links.contains_key(&usize::MAX) {
            self.advance(usize::MAX);
        }
    }

    pub fn take_down(&mut self, node: usize) {
        self.up[node] = false;
        self.links.retain(|_, link| link.a != node && link.b != node);
    }

    fn connect(&mut self, edge: usize, a: usize, b: usize) {
        self.traffic.sessions += 1;
        // Hello has proved membership: each side has the other's chain.
        let chains = [
            self.nodes[b].chain(&self.nodes[b].key.id()).unwrap(),
            self.nodes[a].chain(&self.nodes[a].key.id()).unwrap(),
        ];
        for (node, chain) in [(a, &chains[0]), (b, &chains[1])] {
            let news = chain.certificates().iter().cloned().map(kapok_protocol::replica::News::Certificate);
            self.nodes[node].store(news.collect());
        }
        let session = |of: usize, with: usize| {
            let peer = self.nodes[with].me();
            Session::new(peer, self.nodes[of].remembered.get(&self.nodes[with].key.id()).copied())
        };
        let sessions = [session(a, b), session(b, a)];
        let (packers, unpackers, queues) = Default::default();
        let link = Link { a, b, sessions, packers, unpackers, queues };
        self.links.insert(edge, link);
        for side in 0..2 {
            self.feed(edge, side, Input::Opened);
        }
    }

    fn advance(&mut self, edge: usize) {
        for side in 0..2 {
            let Some(link) = self.links.get_mut(&edge) else { return };
            let frame = link.queues[side].pop_front();
            let room = link.queues[1 - side].len() < 4;
            if let Some(bytes) = frame {
                if self.random.random_bool(self.loss) {
                    self.links.remove(&edge);
                    return;
                }
                let frame = link.unpackers[side].unpack(&bytes).unwrap();
                self.feed(edge, side, Input::Frame(frame));
            } else if room && link.sessions[side].has_frames() {
                self.feed(edge, side, Input::Ready);
            }
        }
        let Some(link) = self.links.get(&edge) else { return };
        if link.sessions.iter().all(Session::is_finished) && link.queues.iter().all(VecDeque::is_empty) {
            self.links.remove(&edge);
            self.traffic.finished += 1;
        }
    }

    fn feed(&mut self, edge: usize, side: usize, input: Input) {
        let Some(link) = self.links.get_mut(&edge) else { return };
        let (me, peer) = if side == 0 { (link.a, link.b) } else { (link.b, link.a) };
        let mut out = Vec::new();
        link.sessions[side].handle(input, &self.nodes[me], &mut out);
        for output in out {
            match output {
                Output::Send(frame) => {
                    let link = self.links.get_mut(&edge).unwrap();
                    let bytes = link.packers[side].pack(&frame);
                    self.traffic.frames += 1;
                    self.traffic.bytes += bytes.len() as u64;
                    link.queues[1 - side].push_back(bytes);
                }
                Output::Store(news) => self.nodes[me].store(news),
                Output::Remember(cursor) => {
                    let peer = self.nodes[peer].key.id();
                    self.nodes[me].remembered.insert(peer, cursor);
                }
                Output::Finished => {}
                Output::Fault(fault) => panic!("an honest peer was found at fault: {fault}"),
            }
        }
    }

    pub fn chance(&mut self, of: f64) -> bool {
        self.random.random_bool(of)
    }

    pub fn below(&mut self, n: usize) -> usize {
        self.random.random_range(0..n)
    }

    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        self.random.fill_bytes(&mut bytes);
        bytes
    }
}
