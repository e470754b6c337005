//! A federation on loopback, for the tests of what runs over links.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::Arc;

use kapok_protocol::entry::{Key, Sequence, ShelfId, Verified};
use kapok_protocol::head::Progress;
use kapok_protocol::identity::{Keypair, NodeId};
use kapok_protocol::join;
use kapok_protocol::membership::{Certificate, Chain, Member, Membership, Tier};
use kapok_protocol::replica::{Cursor, Item, News, Replica, ShelfState};
use kapok_protocol::time::Timestamp;
use libp2p::Multiaddr;

use super::{Backend, Links};
use crate::swarm::{Config, Network};

const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1000;

/// Who belongs to it, known to every node of it.
#[derive(Clone)]
pub(crate) struct Federation {
    root: Keypair,
    keys: BTreeMap<NodeId, Keypair>,
    chains: BTreeMap<NodeId, Chain>,
}

impl Federation {
    pub(crate) fn new() -> Self {
        Self { root: Keypair::from_secret(&[255; 32]), keys: BTreeMap::new(), chains: BTreeMap::new() }
    }

    pub(crate) fn city(&mut self) -> NodeId {
        self.admit(None, Tier::City, "攀枝花市")
    }

    pub(crate) fn county(&mut self, city: NodeId, name: &str) -> NodeId {
        self.admit(Some(city), Tier::County, name)
    }

    pub(crate) fn school(&mut self, county: NodeId, name: &str) -> NodeId {
        self.admit(Some(county), Tier::School, name)
    }

    fn admit(&mut self, parent: Option<NodeId>, tier: Tier, name: &str) -> NodeId {
        let number = u8::try_from(self.keys.len()).unwrap() + 1;
        let keys = Keypair::from_secret(&[number; 32]);
        let above = parent.map_or_else(|| Chain::new(Vec::new()), |parent| self.chains[&parent].clone());
        let issuer = parent.map_or(&self.root, |parent| &self.keys[&parent]);
        let mut scope = above.certificates().last().map_or_else(Vec::new, |above| above.membership().scope.clone());
        scope.push(name.to_owned());
        let membership = Membership {
            federation: self.root.id(),
            subject: keys.id(),
            tier,
            name: name.to_owned(),
            region: String::new(),
            scope,
            issuer: issuer.id(),
            serial: u64::from(number),
            staff_quota: 10,
            not_before: Timestamp(0),
            not_after: Timestamp(YEAR_MS),
        };
        let chain = above.extended(Certificate::issue(issuer, membership));
        let id = keys.id();
        self.keys.insert(id, keys);
        self.chains.insert(id, chain);
        id
    }

    pub(crate) fn member(&self, id: &NodeId) -> Option<Member> {
        self.chains.get(id).map(|chain| chain.verify(&self.root.id(), Timestamp(0)).unwrap())
    }

    /// Starts a node of it, which listens on loopback.
    pub(crate) async fn start(&self, id: NodeId) -> Links {
        let config = Config {
            secret: self.keys[&id].secret(),
            listen: vec!["/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()],
            agent: "kapok-test/0".to_owned(),
            neighbours: false,
            relay: false,
        };
        let (network, _) = Network::start(config).await.unwrap();
        let catalogue = Catalogue { federation: self.clone(), me: id };
        Links::start(network, Arc::new(catalogue), "kapok-test/0".to_owned()).await.unwrap()
    }
}

/// Connects two nodes, and returns when each has seen the other's proof.
pub(crate) async fn link(from: &Links, to: &Links) {
    from.connect(to.network().local(), addresses(to)).await.unwrap();
    to.prove(&from.network().local()).await.unwrap();
}

pub(crate) fn addresses(of: &Links) -> Vec<Multiaddr> {
    of.network().listen_addresses()
}

/// What a node knows of the federation: who belongs to it, and no entries.
struct Catalogue {
    federation: Federation,
    me: NodeId,
}

impl Backend for Catalogue {
    fn read(&self, reader: &mut dyn FnMut(&dyn Replica)) {
        reader(self);
    }

    fn store(&self, _: Vec<News>) -> Result<(), String> {
        Ok(())
    }

    fn remembered(&self, _: &NodeId) -> Option<Cursor> {
        None
    }

    fn remember(&self, _: &NodeId, _: Cursor) {}

    fn has_joined(&self) -> bool {
        true
    }

    fn admit(&self, _: NodeId, _: join::Request) -> join::Reply {
        join::Reply::Refused { reason: join::Refusal::Unknown }
    }
}

impl Replica for Catalogue {
    fn me(&self) -> Member {
        self.federation.member(&self.me).unwrap()
    }

    fn federation(&self) -> NodeId {
        self.federation.root.id()
    }

    fn signed_now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn member(&self, id: &NodeId) -> Option<Member> {
        self.federation.member(id)
    }

    fn certificates(&self, _: Option<u64>) -> Vec<Certificate> {
        Vec::new()
    }

    fn chain(&self, id: &NodeId) -> Option<Chain> {
        self.federation.chains.get(id).cloned()
    }

    fn shelves(&self) -> Vec<(ShelfId, ShelfState)> {
        Vec::new()
    }

    fn shelf(&self, _: &ShelfId) -> Option<ShelfState> {
        None
    }

    fn items(&self, _: &ShelfId, _: &Progress, _: usize) -> Vec<Item> {
        Vec::new()
    }

    fn urgent(&self) -> Vec<Verified> {
        Vec::new()
    }

    fn is_withdrawn(&self, _: &ShelfId, _: &Key) -> bool {
        false
    }

    fn is_revoked(&self, _: &NodeId, _: Sequence) -> bool {
        false
    }

    fn cursor(&self) -> Cursor {
        Cursor { journal: [0; 16], position: 0 }
    }
}
