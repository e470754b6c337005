//! What sessions promise, over twenty nodes with loss, restarts and partitions.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use kapok_protocol::entry::{Key, Kind, Sequence, ShelfId};
use kapok_protocol::head::VerifiedHead;
use kapok_protocol::membership::Tier;
use kapok_protocol::replica::Replica;
use kapok_protocol::session::message::{Frame, Part, State, Want};
use kapok_protocol::session::{Fault, Input, Output, Session};
use kapok_protocol::visibility::Visibility;
use support::memory::Memory;
use support::network::Network;
use support::{START, admit, key};

const PUBLIC: Visibility = Visibility::Public;

/// City, 3 counties, each 3 schools with 2 points at the first: 1 + 3 + 9 + 6 = 19, and a school directly under
/// the city. Edges are the tree's.
fn federation(seed: u64) -> Network {
    let root = key("root");
    let city_chain = admit(&root, &root, None, Tier::City, "city");
    let mut nodes = vec![Memory::new(key("city"), root.id(), &city_chain)];
    let mut edges = Vec::new();
    let mut add = |parent: usize, chain: &kapok_protocol::membership::Chain, name: &str| {
        nodes.push(Memory::new(key(name), root.id(), chain));
        edges.push((parent, nodes.len() - 1));
        nodes.len() - 1
    };
    let direct = admit(&root, &key("city"), Some(&city_chain), Tier::School, "direct");
    add(0, &direct, "direct");
    for c in 0..3 {
        let county_name = format!("county{c}");
        let county_chain = admit(&root, &key("city"), Some(&city_chain), Tier::County, &county_name);
        let county = add(0, &county_chain, &county_name);
        for s in 0..3 {
            let school_name = format!("school{c}{s}");
            let school_chain = admit(&root, &key(&county_name), Some(&county_chain), Tier::School, &school_name);
            let school = add(county, &school_chain, &school_name);
            for p in 0..if s == 0 { 2 } else { 0 } {
                let point_name = format!("point{c}{p}");
                let chain = admit(&root, &key(&school_name), Some(&school_chain), Tier::Point, &point_name);
                add(school, &chain, &point_name);
            }
        }
    }
    let mut network = Network::new(nodes, edges, seed);
    for node in &mut network.nodes {
        node.publish(Kind::PROFILE, b"", Visibility::Federation, Some(b"hello"), START);
    }
    network
}

fn converged(network: &Network) -> bool {
    let truth: BTreeMap<_, _> = network
        .nodes
        .iter()
        .flat_map(|n| n.contents().into_iter().filter(|((shelf, _), _)| shelf.author == n.key.id()))
        .collect();
    network.nodes.iter().all(|node| {
        let me = node.me();
        let due: BTreeMap<_, _> = truth
            .iter()
            .filter(|((shelf, _), _)| {
                let author = network.nodes[network.index(&shelf.author)].me();
                shelf.visibility.admits(&me, &author)
            })
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        node.adds_up() && node.contents() == due
    })
}

fn run_until_converged(network: &mut Network, most_steps: usize) -> usize {
    for step in 0..most_steps {
        if step % 50 == 0 && converged(network) {
            return step;
        }
        network.step();
    }
    let short: Vec<_> = network.nodes.iter().filter(|n| !n.adds_up()).map(|n| n.me().name).collect();
    let counts: Vec<_> = network.nodes.iter().map(|n| (n.me().name, n.shelves().len(), n.contents().len())).collect();
    panic!("not converged after {most_steps} steps; not adding up: {short:?}; shelves and entries: {counts:?}");
}

fn run(seed: u64) -> Network {
    let mut network = federation(seed);
    network.loss = 0.05;
    for round in 0..3_000u64 {
        if network.chance(0.05) {
            let node = network.below(network.nodes.len());
            let name = [u8::try_from(network.below(12)).unwrap()];
            let visibility =
                [PUBLIC, Visibility::Federation, Visibility::County, Visibility::School, Visibility::Private]
                    [network.below(5)];
            let size = network.below(2_000);
            let body = network.bytes(size);
            let body = if network.chance(0.1) { None } else { Some(body) };
            network.nodes[node].publish(Kind::RESOURCE, &name, visibility, body.as_deref(), START.plus_millis(round));
        }
        if network.chance(0.01) {
            let node = network.below(network.nodes.len());
            network.take_down(node);
        }
        if network.chance(0.02) {
            let node = network.below(network.nodes.len());
            network.up[node] = true;
        }
        network.step();
    }
    network.loss = 0.0;
    network.up.fill(true);
    network
}

#[test]
fn twenty_nodes_converge_after_loss_restarts_and_partitions() {
    for seed in 0..3 {
        let mut network = run(seed);
        let steps = run_until_converged(&mut network, 5_000);
        println!(
            "seed {seed}: {steps} steps, {} frames, {} bytes, {} sessions",
            network.traffic.frames, network.traffic.bytes, network.traffic.sessions
        );
    }
}

#[test]
fn one_seed_gives_one_run() {
    let traces: Vec<_> =
        (0..2).map(|_| run(77)).map(|n| (n.traffic.frames, n.traffic.bytes, n.nodes[3].cursor())).collect();
    assert_eq!(traces[0], traces[1]);
}

#[test]
fn when_nothing_changed_a_session_is_one_round_trip_of_few_bytes() {
    let mut network = federation(1);
    network.meet(0, 2);
    network.meet(0, 2);
    let before = (network.traffic.frames, network.traffic.bytes);
    network.meet(0, 2);
    assert_eq!(network.traffic.frames - before.0, 4, "an Open and a Done each way");
    assert!(network.traffic.bytes - before.1 < 260, "{} bytes", network.traffic.bytes - before.1);
}

#[test]
fn nothing_is_sent_twice_over_sessions_that_end() {
    let mut network = federation(2);
    for i in 0..500u16 {
        network.nodes[2].publish(Kind::RESOURCE, &i.to_be_bytes(), PUBLIC, Some(&[7; 300]), START);
    }
    network.meet(0, 2);
    network.meet(0, 2);
    network.meet(0, 1);
    network.meet(2, 0);
    assert!(network.nodes.iter().all(|n| n.stored_twice == 0));
    let shelf = ShelfId { author: network.nodes[2].key.id(), visibility: PUBLIC };
    assert_eq!(network.nodes[1].contents().keys().filter(|(s, _)| *s == shelf).count(), 500);
}

#[test]
fn a_broken_session_is_continued_after_any_entry() {
    let mut network = federation(3);
    for i in 0..2_000u16 {
        let body = network.bytes(400);
        network.nodes[2].publish(Kind::RESOURCE, &i.to_be_bytes(), PUBLIC, Some(&body), START);
    }
    network.edges = vec![(0, 2)];
    network.loss = 0.10;
    for _ in 0..2_000 {
        network.step();
    }
    assert!(network.traffic.sessions > 5, "the link broke {} times", network.traffic.sessions);
    assert_eq!(network.nodes[0].stored_twice, 0);
    assert!(network.nodes[0].contents().keys().filter(|(_, k)| k.kind == Kind::RESOURCE).count() == 2_000);
}

#[test]
fn a_schools_own_entries_reach_its_points_and_nobody_else() {
    let mut network = federation(4);
    let school = network.index(&key("school00").id());
    network.nodes[school].publish(Kind::RESOURCE, b"own", Visibility::School, Some(b"canary"), START);
    run_until_converged(&mut network, 20_000);
    let shelf = ShelfId { author: key("school00").id(), visibility: Visibility::School };
    let holders: Vec<_> = network.nodes.iter().filter(|n| n.shelf(&shelf).is_some()).map(|n| n.me().name).collect();
    assert_eq!(holders, ["school00", "point00", "point01"]);
}

#[test]
fn what_an_ancestor_withdrew_is_gone_and_does_not_come_back_from_a_node_that_was_away() {
    let mut network = federation(5);
    let (school, away) = (network.index(&key("school00").id()), network.index(&key("point00").id()));
    network.nodes[school].publish(Kind::RESOURCE, b"bad", PUBLIC, Some(b"content"), START);
    run_until_converged(&mut network, 20_000);
    network.take_down(away);
    let county = network.index(&key("county0").id());
    let target = minicbor::to_vec((key("school00").id(), minicbor::bytes::ByteVec::from(b"bad".to_vec()))).unwrap();
    network.nodes[county].publish(Kind::WITHDRAWAL, b"w", PUBLIC, Some(&target), START);
    run_without(&mut network, away);
    network.up[away] = true;
    for _ in 0..3_000 {
        network.step();
    }
    let gone = (
        ShelfId { author: key("school00").id(), visibility: PUBLIC },
        Key { kind: Kind::RESOURCE, name: b"bad".to_vec() },
    );
    for node in &network.nodes {
        assert!(!node.contents().contains_key(&gone), "{} still has it", node.me().name);
        assert!(node.adds_up(), "{}: the withdrawn entry's hash still counts", node.me().name);
    }
}

fn run_without(network: &mut Network, away: usize) {
    for _ in 0..3_000 {
        network.step();
        network.up[away] = false;
    }
}

#[test]
fn what_a_revoked_node_writes_afterwards_is_refused_everywhere() {
    let mut network = federation(6);
    let lost = network.index(&key("school10").id());
    network.nodes[lost].publish(Kind::RESOURCE, b"good", PUBLIC, Some(b"before"), START);
    run_until_converged(&mut network, 20_000);
    let county = network.index(&key("county1").id());
    let last = minicbor::to_vec(Sequence { incarnation: 1, number: 2 }).unwrap();
    network.nodes[county].publish(
        Kind::REVOCATION,
        &key("school10").id().0,
        Visibility::Federation,
        Some(&last),
        START,
    );
    network.nodes[lost].publish(Kind::RESOURCE, b"evil", PUBLIC, Some(b"after"), START);
    network.meet(county, lost);
    for _ in 0..2_000 {
        network.step();
    }
    for node in network.nodes.iter().filter(|n| n.key.id() != key("school10").id()) {
        let bodies: Vec<_> = node.contents().into_values().flatten().collect();
        assert!(bodies.contains(&b"before".to_vec()), "{}", node.me().name);
        assert!(!bodies.contains(&b"after".to_vec()), "{}", node.me().name);
    }
}

#[test]
fn a_shelf_that_does_not_add_up_is_listed_anew() {
    let mut network = federation(7);
    for i in 0..50u8 {
        network.nodes[2].publish(Kind::RESOURCE, &[i], PUBLIC, Some(&[i; 100]), START);
    }
    network.meet(0, 2);
    let shelf = ShelfId { author: network.nodes[2].key.id(), visibility: PUBLIC };
    network.nodes[0].lose(&shelf, &Key { kind: Kind::RESOURCE, name: vec![20] });
    assert!(!network.nodes[0].adds_up());
    // Its author changes something, so that the digests differ.
    network.nodes[2].publish(Kind::RESOURCE, &[99], PUBLIC, Some(b"new"), START);
    network.meet(0, 2);
    assert!(network.nodes[0].adds_up());
}

fn faults(session: &mut Session, frame: Frame, replica: &Memory) -> Option<Fault> {
    let mut out = Vec::new();
    session.handle(Input::Frame(frame), replica, &mut out);
    out.into_iter().find_map(|o| if let Output::Fault(fault) = o { Some(fault) } else { None })
}

fn open() -> Frame {
    Frame::Open { state: State { whole: [9; 16], parts: [9; 48] }, known: None }
}

#[test]
fn a_peer_that_asks_for_what_it_may_not_see_is_at_fault() {
    let mut network = federation(8);
    let (school, county) = (network.index(&key("school00").id()), network.index(&key("county0").id()));
    network.nodes[school].publish(Kind::RESOURCE, b"own", Visibility::School, Some(b"canary"), START);
    let peer = network.nodes[county].me();
    let shelf = ShelfId { author: key("school00").id(), visibility: Visibility::School };
    let mut session = Session::new(peer, None);
    let mut out = Vec::new();
    session.handle(Input::Opened, &network.nodes[school], &mut out);
    session.handle(Input::Frame(open()), &network.nodes[school], &mut out);
    let named = |frame: &Output| {
        matches!(frame, Output::Send(Frame::Heads { heads, .. }) if heads.iter().any(|item| {
            VerifiedHead::check(item.head.clone()).unwrap().head().shelf == shelf
        }))
    };
    assert!(!out.iter().any(named), "what the peer may not see is not offered");
    // And there is no other way to ask for it than by its place among what was offered.
    let offered = network.nodes[school].shelves().len() - 1;
    let want = Want { place: u32::try_from(offered).unwrap(), after: Default::default() };
    let fault = faults(&mut session, Frame::Wants { wants: vec![want], last: true }, &network.nodes[school]);
    assert_eq!(fault, Some(Fault::NotOffered(u32::try_from(offered).unwrap())));
}

#[test]
fn frames_out_of_turn_and_unasked_entries_are_faults() {
    let network = federation(9);
    for (frames, last) in [
        (vec![], Frame::Heads { heads: vec![], last: true }),
        (vec![open()], open()),
        (vec![open()], Frame::Items { parts: vec![Part { place: 0, items: vec![], reached: true }] }),
        (vec![open(), Frame::Heads { heads: vec![], last: true }], Frame::Heads { heads: vec![], last: true }),
        (vec![open()], Frame::Done { cursor: None, more: false }),
    ] {
        let mut session = Session::new(network.nodes[1].me(), None);
        session.handle(Input::Opened, &network.nodes[0], &mut Vec::new());
        for frame in frames {
            assert_eq!(faults(&mut session, frame, &network.nodes[0]), None);
        }
        assert!(faults(&mut session, last.clone(), &network.nodes[0]).is_some(), "{last:?}");
    }
}
