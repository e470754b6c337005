//! Searches across whole nodes on loopback, over indexes in memory.
#![allow(clippy::unwrap_used)]

use std::sync::Mutex;

use kapok_protocol::membership::Member;
use kapok_protocol::search::message::{Hit, HitList, Refusal};
use libp2p::Multiaddr;

use super::*;
use crate::link::testbed::{Federation, link};

/// Long enough for any machine; where somebody is waited for in vain, a test takes a part of it.
const DEADLINE: Duration = Duration::from_secs(5);

/// An index of titles. Its statistics are how many of them match; a hit's score is its length over all matches.
struct Index {
    federation: Federation,
    me: NodeId,
    answerers: Vec<NodeId>,
    titles: Vec<&'static str>,
    /// On whose behalf it was asked for hits.
    askers: Mutex<Vec<NodeId>>,
}

impl Index {
    fn matches<'a>(&'a self, query: &'a [u8]) -> impl Iterator<Item = &'static str> + 'a {
        let query = std::str::from_utf8(query).unwrap();
        self.titles.iter().copied().filter(move |title| title.contains(query))
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

impl SearchBackend for Index {
    fn me(&self) -> Option<Member> {
        self.federation.member(&self.me)
    }

    fn member(&self, id: &NodeId) -> Option<Member> {
        self.federation.member(id)
    }

    fn answerers(&self) -> Vec<NodeId> {
        self.answerers.clone()
    }

    fn statistics(&self, _: &Member, query: &[u8]) -> Result<Vec<u8>, String> {
        Ok((self.matches(query).count() as u64).to_be_bytes().to_vec())
    }

    fn hits(&self, asker: &Member, query: &[u8], statistics: &[u8], limit: usize) -> Result<HitList, String> {
        self.askers.lock().unwrap().push(asker.id);
        let all = number(statistics).ok_or("no number")?;
        let score = |title: &str| title.chars().count() as f32 / all as f32;
        let hits = self.matches(query).map(|title| Hit { score: score(title), id: title.into(), shown: Vec::new() });
        let hits: Vec<_> = hits.take(limit).collect();
        let total = self.matches(query).count() as u64;
        Ok(HitList { hits, total, facets: total.to_be_bytes().to_vec() })
    }

    fn merge_statistics(&self, _: &[u8], all: Vec<(NodeId, Vec<u8>)>) -> (Vec<u8>, Vec<NodeId>) {
        let rejected = all.iter().filter(|(_, bytes)| number(bytes).is_none()).map(|(node, _)| *node).collect();
        let sum: u64 = all.iter().filter_map(|(_, bytes)| number(bytes)).sum();
        (sum.to_be_bytes().to_vec(), rejected)
    }

    fn merge_facets(&self, all: Vec<Vec<u8>>) -> Vec<u8> {
        let sum: u64 = all.iter().filter_map(|bytes| number(bytes)).sum();
        sum.to_be_bytes().to_vec()
    }

    fn addresses(&self, _: &NodeId) -> Vec<Multiaddr> {
        Vec::new()
    }
}

/// A city with two counties and a school in the first of them.
struct Places {
    federation: Federation,
    city: NodeId,
    county: NodeId,
    other: NodeId,
    school: NodeId,
}

fn places() -> Places {
    let mut federation = Federation::new();
    let city = federation.city();
    let county = federation.county(city, "盐边县");
    let other = federation.county(city, "米易县");
    let school = federation.school(county, "红格小学");
    Places { federation, city, county, other, school }
}

impl Places {
    async fn start(&self, me: NodeId, titles: &[&'static str]) -> (Links, Searcher, Arc<Index>) {
        let answerers = match me {
            _ if me == self.city => vec![self.city, self.county, self.other],
            _ if me == self.school => Vec::new(),
            _ => vec![me],
        };
        let links = self.federation.start(me).await;
        let titles = titles.to_vec();
        let index =
            Arc::new(Index { federation: self.federation.clone(), me, answerers, titles, askers: Mutex::default() });
        let searcher = Searcher::start(links.clone(), index.clone()).unwrap();
        (links, searcher, index)
    }
}

fn found(reply: &Reply) -> Vec<&str> {
    reply.hits.iter().map(|hit| hit.id.as_str()).collect()
}

fn sorted(mut nodes: Vec<NodeId>) -> Vec<NodeId> {
    nodes.sort();
    nodes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_school_searches_all_counties_as_one() {
    let places = places();
    let (city, _, _) = places.start(places.city, &["平行四边形"]).await;
    let (county, _, county_index) = places.start(places.county, &["平行四边形的面积", "古诗"]).await;
    let (other, _, other_index) = places.start(places.other, &["平行四边形的面积与周长"]).await;
    let (school, searcher, _) = places.start(places.school, &[]).await;
    link(&county, &city).await;
    link(&other, &city).await;
    link(&school, &county).await;
    let reply = searcher.ask("平行四边形".into(), 2, DEADLINE).await;
    assert_eq!(found(&reply), ["平行四边形的面积与周长", "平行四边形的面积"]);
    assert_eq!((reply.total, number(&reply.facets), number(&reply.statistics)), (3, Some(3), Some(3)));
    assert_eq!(sorted(reply.answered), sorted(vec![places.city, places.county, places.other]));
    assert!(reply.missing.is_empty());
    // What may be shown depends on who asks, and that is the school, not the city that passes it on.
    assert_eq!(*county_index.askers.lock().unwrap(), [places.school]);
    assert_eq!(*other_index.askers.lock().unwrap(), [places.school]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_county_that_is_down_is_named_and_the_others_answer() {
    let places = places();
    let (city, _, _) = places.start(places.city, &["平行四边形"]).await;
    let (county, _, _) = places.start(places.county, &["平行四边形的面积"]).await;
    let (school, searcher, _) = places.start(places.school, &[]).await;
    link(&county, &city).await;
    link(&school, &county).await;
    let reply = searcher.ask("平行四边形".into(), 10, DEADLINE).await;
    assert_eq!(found(&reply), ["平行四边形的面积", "平行四边形"]);
    assert_eq!(sorted(reply.answered), sorted(vec![places.city, places.county]));
    assert_eq!(reply.missing, [places.other]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_county_that_falls_silent_is_not_waited_for_beyond_its_time() {
    let places = places();
    let (city, searcher, _) = places.start(places.city, &["平行四边形"]).await;
    let (county, _, _) = places.start(places.county, &["平行四边形的面积"]).await;
    // It takes the question and says nothing.
    let other = places.federation.start(places.other).await;
    let _silent = other.network().accept(ANSWER_PROTOCOL).unwrap();
    link(&county, &city).await;
    link(&other, &city).await;
    let reply = searcher.ask("平行四边形".into(), 10, DEADLINE).await;
    assert_eq!(found(&reply), ["平行四边形的面积", "平行四边形"]);
    assert_eq!(reply.missing, [places.other]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_county_whose_city_falls_silent_answers_what_it_can() {
    let places = places();
    let city = places.federation.start(places.city).await;
    let _silent = city.network().accept(ASK_PROTOCOL).unwrap();
    let (county, _, _) = places.start(places.county, &["平行四边形的面积"]).await;
    let (school, searcher, _) = places.start(places.school, &[]).await;
    link(&county, &city).await;
    link(&school, &county).await;
    let reply = searcher.ask("平行四边形".into(), 10, DEADLINE).await;
    assert_eq!(found(&reply), ["平行四边形的面积"]);
    assert_eq!(reply.answered, [places.county]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_is_alone_finds_nobody_and_does_not_wait() {
    let places = places();
    let (_links, searcher, _) = places.start(places.school, &[]).await;
    let reply = searcher.ask("平行四边形".into(), 10, DEADLINE).await;
    assert_eq!((reply.hits, reply.answered, reply.missing), (vec![], vec![], vec![]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_searches_in_the_name_of_another() {
    let places = places();
    let (county, _, county_index) = places.start(places.county, &["平行四边形"]).await;
    let school = places.federation.start(places.school).await;
    link(&school, &county).await;
    let limits = Limits::new(MAX_FRAME_BYTES);
    for path in [vec![places.other], vec![places.other, places.school], vec![places.school, places.county], vec![]] {
        let ask = Ask { query: "平行四边形".into(), limit: 10, deadline_ms: 5_000, path };
        let mut stream = school.network().open(places.county, ASK_PROTOCOL).await.unwrap();
        frame::write(&mut stream, &ask.encode(), &limits).await.unwrap();
        let answer = Answer::decode(&frame::read(&mut stream, &limits).await.unwrap().unwrap()).unwrap();
        assert_eq!(answer, Answer::Refused(Refusal::WrongPath));
    }
    assert!(county_index.askers.lock().unwrap().is_empty());
}
