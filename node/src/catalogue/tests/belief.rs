//! Revocations and clocks: what is believed does not depend on what came first.

use kapok_library::revocation::Revocation;
use kapok_protocol::entry::{Entry, Key, Sequence, Verified};
use kapok_protocol::hello::Hello;

use super::*;

const YEAR_MILLIS: u64 = 365 * 24 * 60 * 60 * 1000;

fn said_by(name: &str, number: u64, key_: Key, body: Option<Vec<u8>>) -> Verified {
    let author = key(name);
    let sequence = Sequence { incarnation: 7, number };
    let entry = Entry {
        author: author.id(),
        sequence,
        key: key_,
        time: NOW,
        visibility: Visibility::Public,
        body,
        person: None,
    };
    Verified::sign(&author, entry).unwrap()
}

fn resource_of_school(number: u64, name: u8, title: &str) -> Verified {
    let key_ = ResourceKey { author: key("school").id(), name: [name; 16] }.entry_key();
    said_by("school", number, key_, Some(described(title).to_body()))
}

fn revoked_by_city(number: u64, last: u64) -> Verified {
    let last = Some(Sequence { incarnation: 7, number: last });
    let body = Revocation { last, reason: "丢了".to_owned() }.to_body();
    said_by("city", number, Revocation::key(&key("school").id()), Some(body))
}

fn orders<T: Clone>(all: &[T]) -> Vec<Vec<T>> {
    if all.len() < 2 {
        return vec![all.to_vec()];
    }
    let mut orders = Vec::new();
    for first in 0..all.len() {
        let mut rest = all.to_vec();
        let taken = rest.remove(first);
        orders.extend(self::orders(&rest).into_iter().map(|order| [vec![taken.clone()], order].concat()));
    }
    orders
}

/// What is seen after these came one by one, and what a catalogue made from the same journal at once shows.
fn seen_after(order: &[Verified]) -> Vec<(String, Visibility, usize)> {
    let dir = tempfile::tempdir().unwrap();
    let county = open(dir.path(), "city");
    county.store(chain("school").certificates().iter().cloned().map(News::Certificate).collect()).unwrap();
    for entry in order {
        county.store(vec![News::Entry(entry.clone())]).unwrap();
    }
    let once = seen(&county);
    drop(county);
    std::fs::remove_dir_all(dir.path().join("view")).unwrap();
    assert_eq!(seen(&open(dir.path(), "city")), once, "made anew it is another one");
    once
}

#[test]
fn a_revocation_takes_the_same_whatever_came_first() {
    let all = [
        resource_of_school(1, 1, "一"),
        resource_of_school(2, 1, "一，改坏了"),
        resource_of_school(3, 2, "假的"),
        revoked_by_city(1, 1),
    ];
    for order in orders(&all) {
        let titles: Vec<_> = seen_after(&order).into_iter().map(|(title, ..)| title).collect();
        assert_eq!(titles, ["一"], "after {:?}", order.iter().map(|e| e.entry().sequence.number).collect::<Vec<_>>());
    }
}

#[test]
fn a_revocation_taken_back_gives_back_what_it_took() {
    let back = said_by("city", 2, Revocation::key(&key("school").id()), None);
    let all = [resource_of_school(1, 1, "一"), resource_of_school(2, 1, "二"), revoked_by_city(1, 1), back];
    for order in orders(&all) {
        let titles: Vec<_> = seen_after(&order).into_iter().map(|(title, ..)| title).collect();
        assert_eq!(titles, ["二"]);
    }
}

#[test]
fn a_revoked_nodes_withdrawal_counts_no_longer() {
    let resource = ResourceKey { author: key("school").id(), name: [1; 16] };
    let body = Withdrawal { author: resource.author, name: resource.name, reason: "坏".into(), title: "一".into() };
    let withdrawal = said_by("school", 2, Withdrawal::key(&resource.id()), Some(body.to_body()));
    // First the withdrawal, so that nothing of the resource is erased before the revocation comes.
    let order = [withdrawal, revoked_by_city(1, 1), resource_of_school(1, 1, "一")];
    let titles: Vec<_> = seen_after(&order).into_iter().map(|(title, ..)| title).collect();
    assert_eq!(titles, ["一"]);
}

/// Whether `node` would talk to `peer`.
fn admits(node: &Catalogue, peer: &Catalogue) -> bool {
    let reading = peer.reading().unwrap();
    let hello = Hello::of(&reading, "test").unwrap();
    hello.verify(&peer.id(), &node.reading().unwrap()).is_ok()
}

fn say(catalogue: &Catalogue, now: Timestamp) {
    let statement = Statement {
        key: Key { kind: kapok_protocol::entry::Kind(99), name: vec![1] },
        visibility: Visibility::Federation,
        body: Some(now.0.to_be_bytes().to_vec()),
        person: None,
    };
    catalogue.publish(vec![statement], now).unwrap();
}

#[test]
fn a_clock_that_runs_years_ahead_locks_nobody_out() {
    let later = NOW.plus_millis(10 * YEAR_MILLIS);
    for fast in ["city", "school"] {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let end = NOW.plus_millis(3 * YEAR_MILLIS);
        let (city, school) = (open_until(here.path(), "city", end), open_until(there.path(), "school", end));
        for node in [&city, &school] {
            say(node, if key(fast).id() == node.id() { later } else { NOW });
        }
        meet(&city, &school);
        meet(&school, &city);
        assert!(admits(&city, &school) && admits(&school, &city), "the clock of the {fast} is wrong");
        say(&school, NOW);
        assert_eq!(school.reading().unwrap().me().id, school.id());
    }
}

#[test]
fn a_membership_ends_when_its_ancestor_and_another_say_so_and_what_it_published_stays() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let city = open(here.path(), "city");
    let school = open_until(there.path(), "school", NOW.plus_millis(YEAR_MILLIS));
    publish(&school, 1, "留下的", Visibility::Public);
    meet(&city, &school);
    say(&city, NOW.plus_millis(3 * YEAR_MILLIS));
    assert!(admits(&city, &school), "one clock is no evidence");
    say(&school, NOW.plus_millis(3 * YEAR_MILLIS));
    meet(&city, &school);
    assert!(!admits(&city, &school));
    assert_eq!(seen(&city)[0].0, "留下的");
    publish(&school, 2, "自己的", Visibility::Public);
    assert_eq!(seen(&school).len(), 2, "local work goes on");
}
