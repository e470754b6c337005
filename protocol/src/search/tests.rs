//! Whole searches: nodes with documents of one term, whose statistics are how often the term occurs and in how many.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::asker::{self, Asker, Scope};
use super::coordinator::{self, Coordinator, Outcome, Plan};
use super::merge;
use super::message::{Ask, Hit, HitList, Reply};
use crate::identity::NodeId;
use crate::time::Timestamp;

const DEADLINE_MS: u32 = 1_000;

fn node(number: usize) -> NodeId {
    NodeId([number as u8 + 1; 32])
}

/// How often the query's term occurs in each document of a node.
type Shelf = Vec<u8>;

fn statistics(shelf: &Shelf) -> Vec<u8> {
    let documents = shelf.iter().filter(|count| **count > 0).count() as u64;
    [documents.to_le_bytes(), (shelf.len() as u64).to_le_bytes()].concat()
}

fn read(statistics: &[u8]) -> Option<[u64; 2]> {
    let (numbers, []) = statistics.as_chunks::<8>() else { return None };
    Some([u64::from_le_bytes(*numbers.first()?), u64::from_le_bytes(*numbers.get(1)?)])
}

fn merged_statistics<'a>(all: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let sum = all.filter_map(read).fold([0, 0], |sum, next| [sum[0] + next[0], sum[1] + next[1]]);
    sum.map(u64::to_le_bytes).concat()
}

fn hits(number: usize, shelf: &Shelf, statistics: &[u8], limit: usize) -> HitList {
    let [documents, all] = read(statistics).unwrap();
    let weight = ((all as f32 - documents as f32 + 0.5) / (documents as f32 + 0.5) + 1.0).ln();
    let found = shelf.iter().enumerate().filter(|(_, count)| **count > 0).map(|(index, count)| Hit {
        score: weight * f32::from(*count) / (f32::from(*count) + 1.2),
        id: format!("{}-{number}", index * 31 % 97),
        shown: Vec::new(),
    });
    let found: Vec<Hit> = found.collect();
    let list = HitList { total: found.len() as u64, hits: found, facets: vec![number as u8] };
    HitList { hits: merge([&list], limit).0, ..list }
}

/// Plays a search in which some nodes are silent, refuse, or give statistics and then no hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Answers,
    Mute,
    Refuses,
    OnlyStatistics,
    SenselessStatistics,
}

fn play(shelves: &[(Shelf, Manner)], limit: usize) -> (Outcome, Timestamp) {
    let start = Timestamp(5_000);
    let (mut now, mut queue, mut outcome) = (start, Vec::new(), None);
    let plan = Plan { answerers: (0..shelves.len()).map(node).collect(), limit, deadline_ms: DEADLINE_MS };
    let number_of = |id: NodeId| usize::from(id.0[0]) - 1;
    let mut coordinator = Coordinator::start(now, &plan, &mut queue);
    while outcome.is_none() {
        let mut inputs = Vec::new();
        for output in std::mem::take(&mut queue) {
            match output {
                coordinator::Output::AskStatistics { node: id, .. } => {
                    let (shelf, manner) = &shelves[number_of(id)];
                    match manner {
                        Manner::Mute => {}
                        Manner::Refuses => inputs.push(coordinator::Input::Gone(id)),
                        Manner::SenselessStatistics => {
                            inputs.push(coordinator::Input::StatisticsFrom(id, vec![1, 2, 3]));
                        }
                        Manner::Answers | Manner::OnlyStatistics => {
                            inputs.push(coordinator::Input::StatisticsFrom(id, statistics(shelf)));
                        }
                    }
                }
                coordinator::Output::MergeStatistics(all) => {
                    let rejected = all.iter().filter(|(_, bytes)| read(bytes).is_none()).map(|(id, _)| *id).collect();
                    let statistics = merged_statistics(all.iter().map(|(_, bytes)| bytes.as_slice()));
                    inputs.push(coordinator::Input::Merged { statistics, rejected });
                }
                coordinator::Output::AskHits { node: id, statistics, .. } => {
                    let (shelf, manner) = &shelves[number_of(id)];
                    assert!(matches!(manner, Manner::Answers | Manner::OnlyStatistics));
                    if *manner == Manner::Answers {
                        inputs.push(coordinator::Input::HitsFrom(id, hits(number_of(id), shelf, &statistics, limit)));
                    }
                }
                coordinator::Output::Drop(_) => {}
                coordinator::Output::Finished(finished) => outcome = Some(finished),
            }
        }
        if inputs.is_empty() && outcome.is_none() {
            now = coordinator.next_tick().unwrap();
            inputs.push(coordinator::Input::Tick);
        }
        inputs.into_iter().for_each(|input| coordinator.handle(now, input, &mut queue));
    }
    assert_eq!(coordinator.next_tick(), None);
    (outcome.unwrap(), Timestamp(now.millis_since(start)))
}

fn shelf() -> impl Strategy<Value = Shelf> {
    prop::collection::vec(prop_oneof![Just(0u8), 0u8..5], 0..30)
}

fn manner() -> impl Strategy<Value = Manner> {
    prop_oneof![
        4 => Just(Manner::Answers),
        1 => Just(Manner::Mute),
        1 => Just(Manner::Refuses),
        1 => Just(Manner::OnlyStatistics),
        1 => Just(Manner::SenselessStatistics),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn all_nodes_together_find_what_one_central_index_finds(
        shelves in prop::collection::vec(shelf(), 1..9), limit in 1usize..30
    ) {
        let shelves: Vec<_> = shelves.into_iter().map(|shelf| (shelf, Manner::Answers)).collect();
        let (outcome, took) = play(&shelves, limit);

        let all = merged_statistics(shelves.iter().map(|(shelf, _)| statistics(shelf)).collect::<Vec<_>>().iter().map(Vec::as_slice));
        let mut central: Vec<Hit> =
            shelves.iter().enumerate().flat_map(|(number, (shelf, _))| hits(number, shelf, &all, usize::MAX).hits).collect();
        central.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap().then(a.id.cmp(&b.id)));
        prop_assert_eq!(outcome.total, central.len() as u64);
        central.truncate(limit);
        prop_assert_eq!(outcome.hits, central);
        prop_assert_eq!(outcome.answered.len(), shelves.len());
        prop_assert_eq!(outcome.statistics, all);
        prop_assert_eq!(took, Timestamp(0), "nobody waits when everybody has answered");
    }

    #[test]
    fn every_node_is_named_as_answered_or_missing_and_the_deadline_is_kept(
        shelves in prop::collection::vec((shelf(), manner()), 0..9)
    ) {
        let (outcome, took) = play(&shelves, 10);
        let answers = |number: &usize| shelves[*number].1 == Manner::Answers;
        let nodes = |answered: bool| (0..shelves.len()).filter(|number| answers(number) == answered).map(node).collect::<Vec<_>>();
        prop_assert_eq!(&outcome.answered, &nodes(true));
        prop_assert_eq!(&outcome.missing, &nodes(false));
        prop_assert!(took.0 < u64::from(DEADLINE_MS));
        prop_assert_eq!(outcome.facets.len(), outcome.answered.len());
    }
}

#[test]
fn what_comes_late_twice_or_from_strangers_changes_nothing() {
    let (mut out, now) = (Vec::new(), Timestamp(0));
    let plan = Plan { answerers: vec![node(0), node(1)], limit: 10, deadline_ms: DEADLINE_MS };
    let mut coordinator = Coordinator::start(now, &plan, &mut out);
    let list =
        |id: &str| HitList { hits: vec![Hit { score: 1.0, id: id.into(), shown: vec![] }], ..HitList::default() };
    for input in [
        coordinator::Input::HitsFrom(node(0), list("too early")),
        coordinator::Input::StatisticsFrom(node(7), vec![9]),
        coordinator::Input::StatisticsFrom(node(0), vec![1]),
        coordinator::Input::StatisticsFrom(node(0), vec![2]),
        coordinator::Input::Gone(node(1)),
        coordinator::Input::StatisticsFrom(node(1), vec![3]),
    ] {
        coordinator.handle(now, input, &mut out);
    }
    assert_eq!(out.last(), Some(&coordinator::Output::MergeStatistics(vec![(node(0), vec![1])])));
    for input in [
        coordinator::Input::Merged { statistics: vec![1], rejected: vec![] },
        coordinator::Input::HitsFrom(node(1), list("gone")),
        coordinator::Input::HitsFrom(node(0), list("right")),
        coordinator::Input::HitsFrom(node(0), list("again")),
        coordinator::Input::Tick,
    ] {
        coordinator.handle(now, input, &mut out);
    }
    let Some(coordinator::Output::Finished(outcome)) = out.pop() else { panic!("not finished: {out:?}") };
    assert_eq!(outcome.hits.iter().map(|hit| hit.id.as_str()).collect::<Vec<_>>(), ["right"]);
    assert_eq!((outcome.answered, outcome.missing), (vec![node(0)], vec![node(1)]));
}

fn one_hit(score: f32, id: &str) -> HitList {
    HitList { hits: vec![Hit { score, id: id.into(), shown: vec![] }], total: 1, facets: id.as_bytes().to_vec() }
}

fn ask() -> Ask {
    Ask { query: b"q".to_vec(), limit: 10, deadline_ms: DEADLINE_MS, path: vec![node(5)] }
}

/// Ids, missing nodes, whether it is complete, whether it is final.
fn found(out: &mut Vec<asker::Output>) -> Option<(Vec<String>, Vec<NodeId>, bool, bool)> {
    out.drain(..).find_map(|output| match output {
        asker::Output::Found { outcome, is_final } => {
            let ids = outcome.hits.into_iter().map(|hit| hit.id).collect();
            Some((ids, outcome.missing, outcome.is_complete, is_final))
        }
        asker::Output::SearchHere(_) | asker::Output::AskParent(_) => None,
    })
}

#[test]
fn a_search_answers_from_here_at_once_and_again_when_the_others_have() {
    let (now, mut out) = (Timestamp(0), Vec::new());
    let mut asker = Asker::start(now, ask(), vec![node(0), node(1)], &mut out);
    assert_eq!(out, [asker::Output::SearchHere(Scope::Everything), asker::Output::AskParent(ask())]);
    out.clear();
    asker.handle(now, asker::Input::Found(one_hit(1.0, "here")), &mut out);
    assert_eq!(found(&mut out), Some((vec!["here".into()], vec![node(0), node(1)], false, false)));

    let HitList { hits, total, facets } = one_hit(3.0, "county");
    let (answered, missing) = (vec![node(0)], vec![node(1)]);
    let reply = Reply { hits, total, facets, statistics: vec![7], answered, missing: missing.clone() };
    asker.handle(now, asker::Input::Reply(reply), &mut out);
    assert_eq!(out, [asker::Output::SearchHere(Scope::Rest { missing, statistics: vec![7] })]);
    out.clear();
    asker.handle(now, asker::Input::Found(one_hit(5.0, "draft")), &mut out);
    assert_eq!(found(&mut out), Some((vec!["draft".into(), "county".into()], vec![node(1)], false, true)));
    assert_eq!(asker.next_tick(), None);
}

#[test]
fn without_a_reply_the_own_answer_stands_and_says_that_it_is_incomplete() {
    for input in [asker::Input::Failed, asker::Input::Tick] {
        let (start, mut out) = (Timestamp(0), Vec::new());
        let mut asker = Asker::start(start, ask(), vec![node(0)], &mut out);
        asker.handle(start, asker::Input::Found(one_hit(1.0, "here")), &mut out);
        out.clear();
        let now = if matches!(input, asker::Input::Tick) { asker.next_tick().unwrap() } else { start };
        asker.handle(now, input, &mut out);
        assert_eq!(found(&mut out), Some((vec!["here".into()], vec![node(0)], false, true)));
    }
}

#[test]
fn a_reply_that_overtakes_the_own_index_is_not_lost() {
    let (now, mut out) = (Timestamp(0), Vec::new());
    let mut asker = Asker::start(now, ask(), vec![node(0)], &mut out);
    asker.handle(now, asker::Input::Reply(Reply { answered: vec![node(0)], ..Reply::default() }), &mut out);
    asker.handle(now, asker::Input::Found(one_hit(1.0, "here")), &mut out);
    out.clear();
    asker.handle(now, asker::Input::Found(one_hit(1.0, "own")), &mut out);
    assert_eq!(found(&mut out), Some((vec!["own".into()], vec![], true, true)));
}

#[test]
fn the_shelves_of_this_test_are_told_apart() {
    // The search above proves nothing if local statistics gave the same order.
    let (few, many): (Shelf, Shelf) = (vec![1, 0, 0, 0], vec![2, 1, 1, 1]);
    let local: BTreeMap<_, _> =
        [(0, &few), (1, &many)].map(|(n, shelf)| (n, hits(n, shelf, &statistics(shelf), 9))).into();
    assert!(local[&0].hits[0].score > local[&1].hits[0].score, "scored locally the lesser document comes first");
    let (outcome, _) = play(&[(few, Manner::Answers), (many, Manner::Answers)], 9);
    assert_eq!(outcome.hits[0].id, local[&1].hits[0].id);
}
