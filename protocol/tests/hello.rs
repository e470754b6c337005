//! What introductions promise: who is spoken with, and how little is said among those who know each other.
#![allow(clippy::unwrap_used)]

mod support;

use kapok_protocol::hello::{Greeting, Introduction, Step, Stranger, known};
use kapok_protocol::membership::{Certificate, Chain, Tier};
use kapok_protocol::replica::{News, Replica};
use support::memory::Memory;
use support::{admit, key};

const AGENT: &str = "kapok/0.1.0";

/// A county and a school of it that have not heard of each other's certificates.
fn pair() -> [Memory; 2] {
    let root = key("root");
    let city = admit(&root, &root, None, Tier::City, "city");
    let county = admit(&root, &key("city"), Some(&city), Tier::County, "county");
    let school = admit(&root, &key("county"), Some(&county), Tier::School, "school");
    [Memory::new(key("county"), root.id(), &county), Memory::new(key("school"), root.id(), &school)]
}

fn news(chain: &Chain) -> Vec<News> {
    chain.certificates().iter().cloned().map(News::Certificate).collect()
}

/// Both have each other's chain in the catalogue.
fn acquainted() -> [Memory; 2] {
    let [mut county, mut school] = pair();
    let (of_county, of_school) = (county.chain(&county.key.id()).unwrap(), school.chain(&school.key.id()).unwrap());
    county.store(news(&of_school));
    school.store(news(&of_county));
    [county, school]
}

/// The caller (second) introduces itself to the first. Returns bytes said, half round trips until both are proven.
fn introduce([called, caller]: &[Memory; 2]) -> Result<(usize, usize), Stranger> {
    let (mut calling, first) = Introduction::call(called.key.id(), caller, AGENT)?;
    let mut answering = Introduction::answer(caller.key.id());
    let (mut bytes, mut halves, mut proven) = (0, 0, [false; 2]);
    let mut on_its_way = Some(first);
    while let Some(greeting) = on_its_way.take() {
        let encoded = greeting.to_bytes();
        (bytes, halves) = (bytes + encoded.len(), halves + 1);
        let greeting = Greeting::from_bytes(&encoded).unwrap();
        let (side, replica) = if halves % 2 == 1 { (&mut answering, called) } else { (&mut calling, caller) };
        let Step { proven: proof, say } = side.take(greeting, replica, AGENT)?;
        if let Some((member, _)) = proof {
            assert_eq!(member.id, if halves % 2 == 1 { caller.key.id() } else { called.key.id() });
            proven[halves % 2] = true;
        }
        on_its_way = say;
    }
    assert_eq!(proven, [true; 2]);
    Ok((bytes, halves))
}

#[test]
fn nodes_that_know_each_other_say_less_than_a_hundred_bytes_in_one_round_trip() {
    let (bytes, halves) = introduce(&acquainted()).unwrap();
    assert!(bytes < 100, "{bytes} bytes");
    assert_eq!(halves, 2);
}

#[test]
fn nodes_that_do_not_know_each_other_show_their_chains_in_one_round_trip() {
    // The county calls a school of which it has not heard.
    let [county, school] = pair();
    let (bytes, halves) = introduce(&[school, county]).unwrap();
    assert!(bytes > 700, "{bytes} bytes, five certificates among them");
    assert_eq!(halves, 2);
}

#[test]
fn who_is_not_known_where_it_expects_to_be_shows_its_chain_when_asked() {
    let [county, mut school] = pair();
    school.store(news(&county.chain(&county.key.id()).unwrap()));
    assert_eq!(introduce(&[county, school]).unwrap().1, 4);
}

#[test]
fn a_renewed_membership_is_shown_though_the_node_is_known() {
    let [county, mut school] = acquainted();
    let old = school.chain(&school.key.id()).unwrap();
    let renewed = old.certificates().last().unwrap().membership().clone();
    let renewed = Certificate::issue(&key("county"), kapok_protocol::membership::Membership { serial: 2, ..renewed });
    school.store(vec![News::Certificate(renewed)]);
    assert_eq!(introduce(&[county, school]).unwrap().1, 4, "the digest is that of the new chain");
}

#[test]
fn a_brief_greeting_does_not_let_in_who_was_revoked() {
    let [mut county, school] = acquainted();
    let last = minicbor::to_vec(kapok_protocol::entry::Sequence { incarnation: 1, number: 2 }).unwrap();
    county.publish(
        kapok_protocol::entry::Kind::REVOCATION,
        &school.key.id().0,
        kapok_protocol::visibility::Visibility::Federation,
        Some(&last),
        support::START,
    );
    assert_eq!(known(&school.key.id(), &county).unwrap_err(), Stranger::Revoked);
    assert_eq!(introduce(&[county, school]), Err(Stranger::Revoked));
}

#[test]
fn the_digest_of_another_nodes_chain_proves_nothing() {
    let [county, school] = acquainted();
    // Somebody with a key of its own who repeats what the school said.
    let (_, overheard) = Introduction::call(county.key.id(), &school, AGENT).unwrap();
    let step = Introduction::answer(key("nobody").id()).take(overheard, &county, AGENT).unwrap();
    assert_eq!(step, Step { proven: None, say: Some(Greeting::Unknown) });
    let whole = Introduction::answer(key("nobody").id());
    let hello = kapok_protocol::hello::Hello::of(&school, AGENT).unwrap();
    let mut whole = whole;
    assert_eq!(whole.take(Greeting::Whole(hello), &county, AGENT), Err(Stranger::OtherKey));
}

#[test]
fn greetings_out_of_turn_are_refused() {
    let [county, school] = acquainted();
    let mut answering = Introduction::answer(school.key.id());
    assert_eq!(answering.take(Greeting::Unknown, &county, AGENT), Err(Stranger::OutOfTurn));
    let (_, brief) = Introduction::call(county.key.id(), &school, AGENT).unwrap();
    answering.take(brief.clone(), &county, AGENT).unwrap();
    assert_eq!(answering.take(brief, &county, AGENT), Err(Stranger::OutOfTurn));
    answering.take(Greeting::Unknown, &county, AGENT).unwrap();
    assert_eq!(answering.take(Greeting::Unknown, &county, AGENT), Err(Stranger::OutOfTurn));
}
