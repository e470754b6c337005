//! Reading what is still arriving.

use kapok_protocol::blob::download::Allowance;
use kapok_protocol::blob::message::Urgency;
use kapok_protocol::blob::piece::piece_len;

use super::*;
use crate::blob::{FetchError, Reading};

/// The last piece of [`content`].
const LAST: u32 = 19;

/// The bytes of a piece of it.
fn piece(seed: u64, index: u32) -> Vec<u8> {
    let from = usize::try_from(piece_offset(index)).unwrap();
    content(seed)[from..from + piece_len(SIZE as u64, index)].to_vec()
}

async fn read(node: &Node, blob: BlobId, home: &Node, first: u32) -> Reading {
    in_time(node.exchange.read(blob, SIZE as u64, home.id, first..LAST + 1, false)).await.unwrap()
}

fn present(node: &Node, blob: BlobId) -> u32 {
    node.disk.state().arriving.get(&blob).map_or(0, |(_, present)| present.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_end_comes_first_and_then_the_rest() {
    let (city, county) = city_and_county().await;
    let blob = city.disk.hold(&content(1));
    // List and last piece, and two pieces more that may be on their way.
    let release = city.disk.stall_after(16);
    let mut reading = read(&county, blob, &city, LAST).await;
    assert!(in_time(reading.piece(LAST)).await.unwrap() == piece(1, LAST));
    assert!(county.disk.held(&blob).is_none());
    drop(release);
    let mut completions = county.exchange.completions();
    if county.disk.held(&blob).is_none() {
        in_time(completions.recv()).await.unwrap();
    }
    assert!(county.disk.held(&blob) == Some(content(1)), "while somebody reads, all of it is wanted");
    assert!(in_time(reading.piece(LAST)).await.unwrap() == piece(1, LAST), "also when it is whole by now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_end_comes_first_through_a_node_that_lacks_it() {
    let [city, county, school] = three_tiers().await;
    let blob = city.disk.hold(&content(2));
    let release = city.disk.stall_after(16);
    let mut reading = read(&school, blob, &city, LAST).await;
    assert!(in_time(reading.piece(LAST)).await.unwrap() == piece(2, LAST));
    for node in [&county, &school] {
        assert!(present(node, blob) <= 5, "{} of 20 pieces are here", present(node, blob));
    }
    drop(release);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_on_the_way_that_fetches_it_for_itself_turns_to_what_is_read() {
    let [city, county, school] = three_tiers().await;
    let blob = city.disk.hold(&content(3));
    let release = city.disk.stall_after(20);
    county.exchange.want(blob, SIZE as u64, city.id, None, Urgency::Bulk, 0);
    in_time(county.disk.written(1)).await;
    let said = county.ledger(&city).wire_bytes_out;
    let mut reading = read(&school, blob, &city, LAST).await;
    in_time(async {
        while county.ledger(&city).wire_bytes_out == said {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // From here on it reads what is waiting at the most, and little more.
    let next_release = city.disk.stall_after(30);
    drop(release);
    assert!(in_time(reading.piece(LAST)).await.unwrap() == piece(3, LAST));
    assert!(present(&county, blob) <= 12, "{} of 20 pieces are here", present(&county, blob));
    drop(next_release);
    let mut completions = county.exchange.completions();
    if county.disk.held(&blob).is_none() {
        in_time(completions.recv()).await.unwrap();
    }
    assert!(county.disk.held(&blob) == Some(content(3)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_film_is_read_from_end_to_end_while_it_arrives() {
    let [city, county, school] = three_tiers().await;
    let blob = city.disk.hold(&content(4));
    let mut reading = read(&school, blob, &city, 0).await;
    let mut bytes = Vec::new();
    for index in 0..=LAST {
        bytes.extend(in_time(reading.piece(index)).await.unwrap());
    }
    assert!(bytes == content(4));
    assert_eq!(school.bytes_from(&county), whole_bytes(), "each byte has come once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_guest_reads_what_comes_anyway_and_makes_nothing_come() {
    let (city, county) = city_and_county().await;
    let blob = city.disk.hold(&content(5));
    let guest = || county.exchange.read(blob, SIZE as u64, city.id, LAST..LAST + 1, true);
    assert_eq!(in_time(guest().await.unwrap().piece(LAST)).await, Err(FetchError::NotFetched));
    assert_eq!(county.bytes_from(&city), 0);
    let release = city.disk.stall_after(16);
    county.exchange.want(blob, SIZE as u64, city.id, None, Urgency::Bulk, 0);
    county.disk.written(1).await;
    county.exchange.allow(Allowance::InteractiveOnly);
    assert_eq!(in_time(guest().await.unwrap().piece(LAST)).await, Err(FetchError::NotFetched));
    county.exchange.allow(Allowance::Everything);
    let mut reading = guest().await.unwrap();
    drop(release);
    assert!(in_time(reading.piece(LAST)).await.unwrap() == piece(5, LAST));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_nobody_gives_is_said_at_once() {
    let (city, county) = city_and_county().await;
    let blob = BlobId::of(&content(6));
    let mut reading = read(&county, blob, &city, 0).await;
    let refused = in_time(reading.piece(0)).await.unwrap_err();
    assert!(matches!(&refused, FetchError::Refused(why) if why.contains("does not hold it")), "{refused}");
    city.links.shutdown().await;
    let mut arrivals = county.links.changes();
    in_time(async {
        while !county.links.proven().is_empty() {
            arrivals.changed().await.unwrap();
        }
    })
    .await;
    let nobody = county.exchange.read(blob, SIZE as u64, city.id, 0..1, false).await;
    assert_eq!(nobody.map(|_| ()), Err(FetchError::Nobody));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_disk_ends_the_reading_with_its_reason() {
    let (city, county) = city_and_county().await;
    let blob = city.disk.hold(&content(7));
    county.disk.state().room_pieces = Some(2);
    let mut reading = read(&county, blob, &city, 0).await;
    let mut index = 0;
    let failed = loop {
        match in_time(reading.piece(index)).await {
            Ok(_) => index += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(failed, FetchError::Store("the disk is full".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn more_readers_than_a_class_are_refused() {
    let (city, county) = city_and_county().await;
    let blob = city.disk.hold(&content(8));
    let release = city.disk.stall_after(1);
    let mut class = Vec::new();
    for _ in 0..32 {
        class.push(read(&county, blob, &city, 0).await);
    }
    let mut late = read(&county, blob, &city, 0).await;
    assert_eq!(in_time(late.piece(0)).await, Err(FetchError::TooManyReaders));
    class.pop();
    let mut next = read(&county, blob, &city, LAST).await;
    drop(release);
    assert!(in_time(next.piece(LAST)).await.unwrap() == piece(8, LAST));
}
