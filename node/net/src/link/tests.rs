//! Links between whole nodes on loopback, over catalogues in memory.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::AsyncReadExt as _;
use kapok_protocol::entry::Kind;
use kapok_protocol::hello;
use kapok_protocol::identity::{Keypair, NodeId};
use kapok_protocol::join;
use kapok_protocol::membership::{Certificate, Chain, Membership, Tier};
use kapok_protocol::replica::{Cursor, News, Replica};
use kapok_protocol::session::message::{Frame, MAX_FRAME_BYTES, PROTOCOL, State};
use kapok_protocol::time::Timestamp;
use kapok_protocol::visibility::Visibility;
use tokio::time::Instant;

use super::testbed::addresses;
use super::{Backend, Links, Need};
use crate::frame::{self, Limits};
use crate::swarm::{Config, Network};

/// What the replica below takes for now.
const START: Timestamp = Timestamp(1_790_000_000_000);

/// What nobody's catalogue looks like.
const DIFFERENT: State = State { whole: [9; 16], parts: [9; 48] };

#[allow(dead_code, unreachable_pub)]
#[path = "../../../../protocol/tests/support/memory.rs"]
mod memory;

use memory::Memory;

/// So that nodes that wait for each other fail a test, instead of holding it up.
async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), what).await.expect("nobody waits in vain")
}

/// A replica behind a lock, that notes what is stored.
struct Shelf {
    memory: Mutex<Memory>,
    /// How often a session was opened or answered.
    sessions: Mutex<usize>,
    slow: Mutex<Option<std::sync::mpsc::Receiver<()>>>,
    /// What happens in the moment in which a session is over and nobody was told yet.
    at_end: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Backend for Shelf {
    fn read(&self, reader: &mut dyn FnMut(&dyn Replica)) {
        reader(&*self.memory.lock().unwrap());
    }

    fn store(&self, news: Vec<News>) -> Result<(), String> {
        if let Some(gate) = &*self.slow.lock().unwrap()
            && news.iter().any(|news| matches!(news, News::Entry(_)))
        {
            // Until the other end is dropped.
            let _ = gate.recv();
        }
        self.memory.lock().unwrap().store(news);
        Ok(())
    }

    fn remembered(&self, peer: &NodeId) -> Option<Cursor> {
        *self.sessions.lock().unwrap() += 1;
        self.memory.lock().unwrap().remembered.get(peer).copied()
    }

    fn remember(&self, peer: &NodeId, cursor: Cursor) {
        self.memory.lock().unwrap().remembered.insert(*peer, cursor);
        if let Some(happens) = self.at_end.lock().unwrap().take() {
            happens();
        }
    }

    fn has_joined(&self) -> bool {
        true
    }

    fn admit(&self, _: NodeId, _: join::Request) -> join::Reply {
        join::Reply::Refused { reason: join::Refusal::Unknown }
    }
}

impl Shelf {
    fn publish(&self, name: u16) {
        let body = [u8::try_from(name % 251).unwrap(); 300];
        let mut memory = self.memory.lock().unwrap();
        memory.publish(Kind::RESOURCE, &name.to_be_bytes(), Visibility::Public, Some(&body), START);
    }
}

/// A node under test.
struct Node {
    links: Links,
    shelf: Arc<Shelf>,
}

impl Node {
    fn id(&self) -> NodeId {
        self.links.network().local()
    }

    fn publish(&self, name: u16) {
        self.shelf.publish(name);
    }

    fn entries(&self) -> usize {
        self.shelf.memory.lock().unwrap().contents().len()
    }

    fn sessions(&self) -> usize {
        *self.shelf.sessions.lock().unwrap()
    }

    fn stored_twice(&self) -> u64 {
        self.shelf.memory.lock().unwrap().stored_twice
    }

    /// Dials the other and returns when both have seen each other's proof.
    async fn link(&self, other: &Self) {
        self.links.connect(other.id(), addresses(&other.links)).await.unwrap();
        other.links.prove(&self.id()).await.unwrap();
    }

    async fn sync(&self, with: &Self, need: Need) -> super::SyncReport {
        in_time(self.links.sync(with.id(), need)).await.unwrap()
    }
}

fn key(number: u8) -> Keypair {
    Keypair::from_secret(&[number; 32])
}

fn chain(above: Option<&Chain>, issuer: &Keypair, subject: &Keypair, tier: Tier, serial: u64) -> Chain {
    let mut scope = above.map_or_else(Vec::new, |c| c.certificates().last().unwrap().membership().scope.clone());
    scope.push(tier.to_string());
    let membership = Membership {
        federation: key(255).id(),
        subject: subject.id(),
        tier,
        name: tier.to_string(),
        region: String::new(),
        scope,
        issuer: issuer.id(),
        serial,
        staff_quota: 10,
        not_before: START,
        not_after: START.plus_millis(1_000_000),
    };
    let certificate = Certificate::issue(issuer, membership);
    above.map_or_else(|| Chain::new(vec![certificate.clone()]), |above| above.extended(certificate.clone()))
}

async fn start(own: &Keypair, chain: &Chain, knows: &[&Chain]) -> Node {
    let mut memory = Memory::new(own.clone(), key(255).id(), chain);
    for known in knows {
        memory.store(known.certificates().iter().cloned().map(News::Certificate).collect());
    }
    let listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()];
    let config =
        Config { secret: own.secret(), listen, agent: "kapok-test/0".to_owned(), neighbours: false, relay: false };
    let (network, _) = Network::start(config).await.unwrap();
    let memory = Mutex::new(memory);
    let shelf = Shelf { memory, sessions: Mutex::default(), slow: Mutex::default(), at_end: Mutex::default() };
    let shelf = Arc::new(shelf);
    let links = Links::start(network, shelf.clone(), "kapok-test/0".to_owned()).await.unwrap();
    Node { links, shelf }
}

/// The city, and a county that both know of, if they are acquainted.
async fn city_and_county(acquainted: bool) -> (Node, Node) {
    let of_city = chain(None, &key(255), &key(1), Tier::City, 1);
    let of_county = chain(Some(&of_city), &key(1), &key(2), Tier::County, 1);
    let knows: &[&Chain] = if acquainted { &[&of_county] } else { &[] };
    (start(&key(1), &of_city, knows).await, start(&key(2), &of_county, &[]).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_comes_up_brings_one_session_whoever_asks_for_it() {
    for acquainted in [true, false] {
        let (city, county) = city_and_county(acquainted).await;
        (0..50).for_each(|n| city.publish(n));
        (50..70).for_each(|n| county.publish(n));
        let asked = Instant::now();
        county.link(&city).await;
        // As the rounds of both sides do, and a person at once.
        let (by_city, by_county, by_person) = tokio::join!(
            city.sync(&county, Need::OnThisLink),
            county.sync(&city, Need::OnThisLink),
            county.sync(&city, Need::Since(asked))
        );
        assert_eq!((by_city.entries_in, by_city.entries_out), (20, 50));
        assert_eq!((by_county.entries_in, by_person.entries_in), (50, 50));
        assert_eq!((city.sessions(), county.sessions()), (1, 1), "acquainted: {acquainted}");
        assert_eq!((city.entries(), county.entries()), (70, 70));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_cross_transfer_each_entry_once() {
    let (city, county) = city_and_county(true).await;
    county.link(&city).await;
    county.sync(&city, Need::OnThisLink).await;
    city.sync(&county, Need::OnThisLink).await;
    for round in 0..20 {
        (0..30).for_each(|n| city.publish(round * 100 + n));
        (30..60).for_each(|n| county.publish(round * 100 + n));
        let now = Instant::now();
        tokio::join!(city.sync(&county, Need::Since(now)), county.sync(&city, Need::Since(now)));
    }
    assert_eq!((city.entries(), county.entries()), (20 * 60, 20 * 60));
    assert_eq!((city.stored_twice(), county.stored_twice()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_while_a_session_runs_gets_what_was_published_since_it_opened() {
    let (city, county) = city_and_county(true).await;
    (0..300).for_each(|n| city.publish(n));
    let (gate, slow) = std::sync::mpsc::channel();
    *county.shelf.slow.lock().unwrap() = Some(slow);
    county.link(&city).await;
    // The county has answered, and what comes is not stored before the gate opens.
    in_time(async {
        while county.sessions() == 0 || city.sessions() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    city.publish(1_000);
    let mut asks = std::pin::pin!(city.sync(&county, Need::Changes));
    assert!(futures::poll!(&mut asks).is_pending());
    drop(gate);
    asks.await;
    assert_eq!(county.entries(), 301);
    assert_eq!(county.stored_twice(), 0);
    assert!(city.sessions() <= 2, "the one that ran, and one more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_between_the_last_word_and_the_end_of_a_session_is_told_by_the_next() {
    let (city, county) = city_and_county(true).await;
    city.publish(1);
    county.link(&city).await;
    county.sync(&city, Need::OnThisLink).await;
    city.sync(&county, Need::OnThisLink).await;

    let (says, hears) = tokio::sync::oneshot::channel();
    let (links, shelf, peer) = (county.links.clone(), county.shelf.clone(), city.id());
    *county.shelf.at_end.lock().unwrap() = Some(Box::new(move || {
        shelf.publish(3);
        let mut asks = Box::pin(async move { links.sync(peer, Need::Changes).await });
        // It joins the session that is ending.
        assert!(asks.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_pending());
        let _ = says.send(tokio::spawn(asks));
    }));
    city.publish(2);
    city.sync(&county, Need::Changes).await;
    in_time(in_time(hears).await.unwrap()).await.unwrap().unwrap();
    assert_eq!((city.entries(), county.entries()), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_is_new_for_a_peer_nothing_is_sent_to_it() {
    let (city, county) = city_and_county(true).await;
    city.publish(1);
    county.link(&city).await;
    county.sync(&city, Need::OnThisLink).await;
    city.sync(&county, Need::OnThisLink).await;
    // What the county has just learnt of is a change there, but no news for the city.
    assert_eq!(county.sync(&city, Need::Changes).await, super::SyncReport::default());
    assert_eq!(county.sessions(), 1);
    county.publish(2);
    assert_eq!(county.sync(&city, Need::Changes).await.entries_out, 1);
    assert_eq!(city.entries(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_changed_an_unbroken_acquaintance_costs_a_few_hundred_bytes() {
    let (city, county) = city_and_county(true).await;
    (0..50).for_each(|n| city.publish(n));
    county.link(&city).await;
    county.sync(&city, Need::OnThisLink).await;
    let report = county.sync(&city, Need::Since(Instant::now())).await;
    assert_eq!((report.entries_in, report.entries_out), (0, 0));
    assert!(report.bytes_in + report.bytes_out < 260, "{report:?}");
}

/// A node whose network is there and whose hello never comes.
async fn mute(number: u8) -> Network {
    let listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()];
    let config =
        Config { secret: key(number).secret(), listen, agent: "mute".to_owned(), neighbours: false, relay: false };
    Network::start(config).await.unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn the_session_is_opened_in_the_flight_of_the_hello_and_gives_only_digests_before_it_is_answered() {
    let of_city = chain(None, &key(255), &key(1), Tier::City, 1);
    let of_county = chain(Some(&of_city), &key(1), &key(2), Tier::County, 1);
    // The city takes the streams and answers nothing.
    let city = mute(1).await;
    let (mut hellos, mut syncs) = (city.accept(hello::PROTOCOL).unwrap(), city.accept(PROTOCOL).unwrap());
    let county = start(&key(2), &of_county, &[]).await;
    county.publish(1);
    let addresses = city.listen_addresses();
    let links = county.links.clone();
    let connecting = tokio::spawn(async move { links.connect(key(1).id(), addresses).await.is_ok() });
    let (_, mut hello) = in_time(hellos.next()).await.unwrap();
    let (_, mut session) = in_time(syncs.next()).await.unwrap();
    let limits = Limits::new(MAX_FRAME_BYTES);
    let greeting = in_time(frame::read(&mut hello, &limits)).await.unwrap().unwrap();
    assert!(matches!(hello::Greeting::from_bytes(&greeting), Ok(hello::Greeting::Brief { .. })));
    let open = in_time(frame::read(&mut session, &limits)).await.unwrap().unwrap();
    assert!(matches!(Frame::from_plain(&open), Ok(Frame::Open { .. })));

    // It answers the session, but not the hello: with digests that differ, so that everything would be offered.
    let different = Frame::Open { state: DIFFERENT, known: None };
    frame::write(&mut session, &different.to_plain(), &limits).await.unwrap();
    let said = tokio::time::timeout(Duration::from_millis(500), session.read(&mut [0])).await;
    assert!(said.is_err(), "nothing more is said to whom has not proved itself");

    // Now it proves itself, and hears the rest.
    let mut introduction = hello::Introduction::answer(key(2).id());
    let mut catalogue = Memory::new(key(1), key(255).id(), &of_city);
    catalogue.store(of_county.certificates().iter().cloned().map(News::Certificate).collect());
    let greeting = hello::Greeting::from_bytes(&greeting).unwrap();
    let answer = introduction.take(greeting, &catalogue, "mute").unwrap().say.unwrap();
    frame::write(&mut hello, &answer.to_bytes(), &limits).await.unwrap();
    assert!(in_time(connecting).await.unwrap());
    assert!(in_time(frame::read(&mut session, &limits)).await.unwrap().is_some(), "heads");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_gets_no_answer_to_a_session() {
    let (city, _) = city_and_county(true).await;
    let stranger = mute(9).await;
    stranger.dial(city.id(), addresses(&city.links)).await.unwrap();
    let mut session = stranger.open(city.id(), PROTOCOL).await.unwrap();
    let limits = Limits::new(MAX_FRAME_BYTES);
    let open = Frame::Open { state: DIFFERENT, known: None };
    frame::write(&mut session, &open.to_plain(), &limits).await.unwrap();
    let answer = tokio::time::timeout(Duration::from_millis(500), frame::read(&mut session, &limits)).await;
    assert!(!matches!(answer, Ok(Ok(Some(_)))), "{answer:?}");
    assert_eq!(city.sessions(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_one_node_share_one_introduction() {
    let (city, county) = city_and_county(true).await;
    let calls = (0..8).map(|_| county.links.connect(city.id(), addresses(&city.links)));
    let members = in_time(futures::future::join_all(calls)).await;
    assert!(members.iter().all(|member| member.as_ref().is_ok_and(|member| member.id == city.id())));
    county.sync(&city, Need::OnThisLink).await;
    assert_eq!(county.sessions(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_membership_that_is_newer_than_the_catalogues_opens_the_session_anew() {
    let of_city = chain(None, &key(255), &key(1), Tier::City, 1);
    let of_county = chain(Some(&of_city), &key(1), &key(2), Tier::County, 1);
    let city = start(&key(1), &of_city, &[&of_county]).await;
    let renewed = chain(Some(&of_city), &key(1), &key(2), Tier::County, 2);
    let county = start(&key(2), &renewed, &[]).await;
    (0..5).for_each(|n| county.publish(n));
    city.link(&county).await;
    assert_eq!(city.sync(&county, Need::OnThisLink).await.entries_in, 5);
}
