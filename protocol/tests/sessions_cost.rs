//! What sessions cost in bytes and in round trips, with 100,000 entries on both sides.
#![allow(clippy::unwrap_used)]

mod support;

use kapok_protocol::entry::ShelfId;
use kapok_protocol::head::{Head, Progress, VerifiedHead};
use kapok_protocol::identity::Keypair;
use kapok_protocol::lthash::LtHash;
use kapok_protocol::membership::Tier;
use kapok_protocol::replica::{Item, News, Replica};
use kapok_protocol::session::codec::{DICTIONARY, Packer};
use kapok_protocol::session::message::{Frame, Part};
use kapok_protocol::visibility::Visibility;
use support::corpus::{Author, Corpus};
use support::line::meet;
use support::memory::Memory;
use support::{START, admit, key};

const PUBLIC: Visibility = Visibility::Public;
const ENTRIES: u64 = 100_000;

/// A city and a county that know the same 100,000 entries of so many schools.
struct Pair {
    city: Memory,
    county: Memory,
    authors: Vec<Author>,
    corpus: Corpus,
}

fn state(author: &Keypair, progress: &Progress, sum: &LtHash) -> VerifiedHead {
    let shelf = ShelfId { author: author.id(), visibility: PUBLIC };
    let live = progress.0.values().sum();
    VerifiedHead::sign(author, Head { shelf, progress: progress.clone(), live, digest: sum.digest(), time: START })
}

impl Pair {
    fn of(schools: u64) -> Self {
        let root = key("root");
        let chain = admit(&root, &root, None, Tier::City, "city");
        let county = admit(&root, &key("city"), Some(&chain), Tier::County, "county");
        let mut city = Memory::new(key("city"), root.id(), &chain);
        let mut county = Memory::new(key("county"), root.id(), &county);
        let mut corpus = Corpus::new(1);
        let mut authors = Vec::new();
        for n in 0..schools {
            let name = format!("school{n}");
            let school = admit(&root, &key("city"), Some(&chain), Tier::School, &name);
            let mut author = corpus.author();
            (author.key, author.number) = (key(&name), ENTRIES / schools);
            let mut sum = LtHash::default();
            sum.add(blake3::hash(name.as_bytes()).as_bytes());
            let head = state(&author.key, &Progress([(author.incarnation, author.number)].into()), &sum);
            for node in [&mut city, &mut county] {
                node.store(school.certificates().iter().cloned().map(News::Certificate).collect());
                node.assume(head.clone(), sum.clone());
            }
            authors.push(author);
        }
        let mut pair = Self { city, county, authors, corpus };
        // The first time they compare everything; from then on they know up to where.
        meet([&mut pair.county, &mut pair.city], |_, _| {});
        pair
    }

    /// Schools publish, and the city hears of it.
    fn publish(&mut self, count: usize) {
        let schools = self.authors.len();
        for (n, author) in self.authors.iter_mut().enumerate() {
            let share = count / schools + usize::from(n < count % schools);
            let entries = (0..share).map(|_| self.corpus.resource(author)).collect();
            self.city.hear(entries, |progress, sum| state(&author.key, progress, sum));
        }
    }
}

#[test]
fn that_nothing_changed_is_known_after_one_round_trip_of_less_than_a_kilobyte() {
    let mut pair = Pair::of(128);
    let account = meet([&mut pair.county, &mut pair.city], |_, _| {});
    println!("nothing changed: {} B on the wire, {} half round trips", account.wire_bytes, account.half_trips);
    assert!(account.wire_bytes <= 600, "{} bytes", account.wire_bytes);
    // The third half is the opener's own Done on its way; it has finished before.
    assert!(account.half_trips <= 3, "{} half round trips", account.half_trips);
    assert_eq!(account.frames.len(), 4, "an Open and a Done each way");
}

#[test]
fn a_hundred_changes_among_a_hundred_thousand_entries_cost_48_kilobytes_and_three_round_trips() {
    for (schools, of_whom) in [(1, "one school"), (10, "ten schools"), (100, "a hundred schools")] {
        let mut pair = Pair::of(schools);
        pair.publish(100);
        let account = meet([&mut pair.county, &mut pair.city], |_, _| {});
        let (bytes, trips) = (account.wire_bytes, account.half_trips);
        println!("100 changes of {of_whom}: {bytes} B on the wire, {trips} half round trips");
        assert!(bytes <= 48 * 1024, "{bytes} bytes for 100 changes of {of_whom}");
        assert!(trips <= 6, "{trips} half round trips");
        assert!(account.stored_after[0] <= 4, "what changed is there after two round trips");
        assert!(pair.county.contents().len() == 100 && pair.county.shelves().len() == pair.city.shelves().len());
    }
}

#[test]
fn a_hundred_changes_of_the_side_that_is_called_cost_no_more_round_trips() {
    let mut pair = Pair::of(10);
    pair.publish(100);
    let account = meet([&mut pair.city, &mut pair.county], |_, _| {});
    assert!(account.half_trips <= 6, "{} half round trips", account.half_trips);
    assert!(account.wire_bytes <= 48 * 1024);
}

#[test]
fn what_a_peer_gave_is_not_offered_back_to_it() {
    let mut pair = Pair::of(100);
    pair.publish(100);
    meet([&mut pair.county, &mut pair.city], |_, _| {});
    // Now one thing is new at the county, which so far has only taken.
    let author = &mut pair.authors[0];
    let entry = pair.corpus.resource(author);
    pair.county.hear(vec![entry], |progress, sum| state(&author.key, progress, sum));
    let account = meet([&mut pair.county, &mut pair.city], |_, _| {});
    let heads: usize =
        account.frames.iter().map(|frame| if let Frame::Heads { heads, .. } = frame { heads.len() } else { 0 }).sum();
    assert_eq!(heads, 1, "the one that changed");
    assert!(account.wire_bytes < 2_500, "{} bytes", account.wire_bytes);
}

#[test]
fn what_is_published_during_a_session_is_announced_at_its_end_and_comes_with_the_next() {
    let mut pair = Pair::of(10);
    pair.publish(20);
    let author = &mut pair.authors[9];
    let mut late = Some(pair.corpus.resource(author));
    let account = meet([&mut pair.county, &mut pair.city], |half_trips, nodes| {
        // The city has named its heads by now.
        if half_trips == 3
            && let Some(entry) = late.take()
        {
            nodes[1].hear(vec![entry], |progress, sum| state(&author.key, progress, sum));
        }
    });
    let has_more = account.sessions.map(|session| session.unwrap().has_more());
    assert_eq!(has_more, [true, true], "both sides know that there is more");
    let next = meet([&mut pair.county, &mut pair.city], |_, _| {});
    assert_eq!(next.sessions.map(|session| session.unwrap().has_more()), [false, false]);
    assert_eq!(pair.county.contents().len(), 21);
    assert_eq!(pair.county.stored_twice + pair.city.stored_twice, 0);
}

fn items_frame(items: Vec<Item>) -> Frame {
    Frame::Items { parts: vec![Part { place: 0, items, reached: false }] }
}

#[test]
fn the_dictionary_halves_single_entries_that_it_was_not_trained_on() {
    let mut corpus = Corpus::new(7);
    for (in_a_session, at_most) in [(1, 0.62), (10, 0.80), (100, 0.97)] {
        let (mut with, mut without, mut plain) = (0, 0, 0);
        for _ in 0..20 {
            let mut author = corpus.author();
            let entries: Vec<_> = (0..in_a_session).map(|_| corpus.resource(&mut author)).collect();
            let items = entries.iter().map(|entry| Item::Entry(entry.signed().clone())).collect();
            let frame = items_frame(items);
            plain += frame.to_plain().len();
            with += Packer::default().pack(&frame).len();
            without += zstd::bulk::compress(&frame.to_plain(), 3).unwrap().len();
        }
        let count = 20 * in_a_session;
        println!(
            "{in_a_session} entries at a time: {} B plain, {} B by zstd alone, {} B with the dictionary, for each entry",
            plain / count,
            without / count,
            with / count
        );
        assert!((with as f64) < at_most * without as f64, "{with} of {without} bytes");
    }
    assert!(DICTIONARY.len() <= 16 * 1024);
}

#[test]
fn one_context_for_a_session_saves_what_entries_of_different_batches_have_in_common() {
    let mut corpus = Corpus::new(8);
    let mut author = corpus.author();
    let mut packer = Packer::default();
    let (mut together, mut apart) = (0, 0);
    for _ in 0..40 {
        let items = (0..5).map(|_| Item::Entry(corpus.resource(&mut author).signed().clone())).collect();
        let frame = items_frame(items);
        together += packer.pack(&frame).len();
        apart += Packer::default().pack(&frame).len();
    }
    println!("200 entries, 5 at a time: {apart} B each batch by itself, {together} B in one context");
    assert!(together * 100 < apart * 95);
}
