//! Nodes that go away, and disks that fail.

use kapok_protocol::blob::message::{Answer, MAX_FRAME_BYTES, PROTOCOL, Refusal, Request, Route, Urgency, Want};

use super::*;
use crate::blob::FetchError;
use crate::frame::{self, Limits};
use crate::link::testbed::link;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn when_a_source_goes_away_another_goes_on_where_it_stopped() {
    let mut federation = Federation::new();
    let city = federation.city();
    let counties = [federation.county(city, "盐边县"), federation.county(city, "米易县")];
    let city = Node::start(&federation, city).await;
    let (county, other) = (Node::start(&federation, counties[0]).await, Node::start(&federation, counties[1]).await);
    county.disk.state().far.extend([city.id, other.id]);
    link(&county.links, &city.links).await;
    link(&county.links, &other.links).await;
    let blob = city.disk.hold(&content(1));
    other.disk.hold(&content(1));
    let release = city.disk.stall_after(16);
    let fetch = county.exchange.fetch(blob, SIZE as u64, city.id, Urgency::Bulk, 0);
    let leave = async {
        county.disk.written(3).await;
        city.links.shutdown().await;
        drop(release);
    };
    let (fetched, ()) = tokio::join!(fetch, leave);
    fetched.unwrap();
    assert!(county.disk.held(&blob) == Some(content(1)));
    let (of_city, of_other) = (county.bytes_from(&city), county.bytes_from(&other));
    assert!(of_city > 3 * 256 * 1024 && of_other > 0, "{of_city} from the first, {of_other} from the second");
    assert!(of_city + of_other <= whole_bytes(), "nothing comes twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_restart_only_the_rest_is_fetched() {
    let mut federation = Federation::new();
    let city = federation.city();
    let county = federation.county(city, "盐边县");
    let (city, county) = (Node::start(&federation, city).await, Node::start(&federation, county).await);
    link(&county.links, &city.links).await;
    let blob = city.disk.hold(&content(2));
    let release = city.disk.stall_after(16);
    let fetch = county.exchange.fetch(blob, SIZE as u64, city.id, Urgency::Bulk, 0);
    let leave = async {
        county.disk.written(3).await;
        city.links.shutdown().await;
        drop(release);
    };
    let (interrupted, ()) = tokio::join!(fetch, leave);
    assert_eq!(interrupted, Err(FetchError::Nobody));

    let (city, county) = (city.disk, county.stop().await);
    let kept = *county.pieces_written.borrow() as u64 * 256 * 1024;
    let parts = county.state().parts[&blob].values().sum::<usize>() as u64;
    assert!(county.state().lists.contains_key(&blob), "the piece list is kept");
    let (city, county) = (Node::start_on(&federation, city).await, Node::start_on(&federation, county).await);
    link(&county.links, &city.links).await;
    county.exchange.fetch(blob, SIZE as u64, city.id, Urgency::Bulk, 0).await.unwrap();
    assert!(county.disk.held(&blob) == Some(content(2)));
    assert_eq!(county.bytes_from(&city), SIZE as u64 - kept - parts, "neither pieces, nor parts of one, nor the list");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_has_come_of_a_piece_is_on_the_disk_before_anybody_stops_or_goes() {
    let (city, county) = city_and_county().await;
    let blob = city.disk.hold(&content(6));
    // Three frames are less than a piece.
    let release = city.disk.stall_after(3);
    let fetch = county.exchange.fetch(blob, SIZE as u64, city.id, Urgency::Bulk, 0);
    let wait = async {
        county.disk.part_bytes_written.subscribe().wait_for(|written| *written > 0).await.unwrap();
        assert_eq!(*county.disk.pieces_written.borrow(), 0);
        drop(release);
    };
    let (fetched, ()) = in_time(async { tokio::join!(fetch, wait) }).await;
    fetched.unwrap();
    assert!(county.disk.held(&blob) == Some(content(6)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_disk_that_becomes_full_keeps_what_is_there_and_the_rest_comes_when_there_is_room() {
    let (city, county) = city_and_county().await;
    let blob = city.disk.hold(&content(6));
    county.disk.state().room_pieces = Some(7);
    let fetch = || county.exchange.fetch(blob, SIZE as u64, city.id, Urgency::Bulk, 0);
    assert_eq!(in_time(fetch()).await, Err(FetchError::Store("the disk is full".to_owned())));
    // `written` asserts that no piece is written twice.
    assert_eq!(*county.disk.pieces_written.borrow(), 7);
    county.disk.state().room_pieces = None;
    in_time(fetch()).await.unwrap();
    assert!(county.disk.held(&blob) == Some(content(6)));
}

/// A school with its county and its city; both hold the blob.
async fn school_with_two_sources(seed: u64) -> (Node, Node, Node, BlobId) {
    let [city, county, school] = unlinked_three_tiers().await;
    school.disk.state().far.extend([city.id, county.id]);
    link(&school.links, &county.links).await;
    link(&school.links, &city.links).await;
    let blob = city.disk.hold(&content(seed));
    (city, county, school, blob)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_source_that_lies_wastes_little_and_the_next_one_gives_the_rest() {
    let (city, county, school, blob) = school_with_two_sources(7).await;
    county.disk.hold(&content(7));
    county.disk.state().lies = true;
    in_time(school.exchange.fetch(blob, SIZE as u64, city.id, Urgency::Bulk, 0)).await.unwrap();
    assert!(school.disk.held(&blob) == Some(content(7)));
    assert!(school.bytes_from(&city) <= whole_bytes());
    // A false list, which is of 640 bytes, is noticed at once, and what follows it in the window is cancelled.
    assert!(school.bytes_from(&county) <= 2 << 20, "{}", school.bytes_from(&county));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_parent_whose_disk_is_full_is_no_obstacle() {
    let (city, county, school, blob) = school_with_two_sources(8).await;
    link(&county.links, &city.links).await;
    county.disk.state().room_pieces = Some(0);
    in_time(school.exchange.fetch(blob, SIZE as u64, city.id, Urgency::Bulk, 0)).await.unwrap();
    assert_eq!((school.bytes_from(&city), school.bytes_from(&county)), (whole_bytes(), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_source_that_sends_nonsense_without_end_is_cut_off() {
    let mut federation = Federation::new();
    let city = federation.city();
    let county = federation.county(city, "盐边县");
    let (city, county) = (federation.start(city).await, Node::start(&federation, county).await);
    link(&county.links, &city).await;
    let home = city.network().local();
    let (blob, size) = (BlobId::of(&content(5)), SIZE as u64);
    county.exchange.want(blob, size, home, None, Urgency::Bulk, 0);
    let mut incoming = city.network().accept(PROTOCOL).unwrap();
    let (_, mut stream) = in_time(incoming.next()).await.unwrap();
    let limits = Limits::new(MAX_FRAME_BYTES);
    let nonsense = Answer::Piece { request: u32::MAX, index: 0, offset: 0, bytes: vec![0; 60_000] }.encode();
    let mut sent = 0;
    in_time(async {
        while frame::write(&mut stream, &nonsense, &limits).await.is_ok() {
            sent += 1;
        }
    })
    .await;
    // What both ends of the stream and the desk hold while it is decided.
    assert!(sent < 500, "{sent} frames were taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_disk_that_keeps_nothing_is_reported_and_not_tried_for_ever() {
    let (city, county) = city_and_county().await;
    let blob = city.disk.hold(&content(3));
    county.disk.state().finish_fails = true;
    let failed = county.exchange.fetch(blob, SIZE as u64, city.id, Urgency::Interactive, 0).await;
    assert_eq!(failed, Err(FetchError::Store("the disk is broken".to_owned())));
    county.disk.state().finish_fails = false;
    county.exchange.fetch(blob, SIZE as u64, city.id, Urgency::Interactive, 0).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_peer_that_ends_every_stream_is_not_waited_for_and_taken_up_when_it_answers() {
    let mut federation = Federation::new();
    let city = federation.city();
    let county = federation.county(city, "盐边县");
    let (city, county) = (federation.start(city).await, Node::start(&federation, county).await);
    link(&county.links, &city).await;
    let mut incoming = city.network().accept(PROTOCOL).unwrap();
    let refusing = tokio::spawn(async move { while incoming.next().await.is_some() {} });
    let home = city.network().local();
    let (blob, size) = (BlobId::of(&content(5)), SIZE as u64);
    let refused = in_time(county.exchange.fetch(blob, size, home, Urgency::Interactive, 0)).await;
    assert_eq!(refused, Err(FetchError::Refused("攀枝花市 breaks off".to_owned())));
    refusing.abort();
    let _ = refusing.await;

    let mut completions = county.exchange.completions();
    let disk = Memory::of(&federation, home);
    disk.hold(&content(5));
    let _exchange = Exchange::start(city.clone(), disk).unwrap();
    assert_eq!(in_time(completions.recv()).await.unwrap(), blob, "it stayed wanted");
}

/// A want as a node might send it that was not written by us.
fn want(request: u32, blob: BlobId, size: u64, route: Route) -> Request {
    Request::Want(Want {
        request,
        blob,
        size,
        list_from: None,
        from_piece: 0,
        from_offset: 0,
        count: 1,
        urgency: Urgency::Bulk,
        route,
        recipe_from: None,
        holes: Vec::new(),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_makes_no_sense_is_refused_and_the_next_request_is_served() {
    let mut federation = Federation::new();
    let city = federation.city();
    let county = federation.county(city, "盐边县");
    let city = Node::start(&federation, city).await;
    let county = federation.start(county).await;
    link(&county, &city.links).await;
    let blob = city.disk.hold(&content(4));
    let mut stream = county.network().open(city.id, PROTOCOL).await.unwrap();
    let limits = Limits::new(MAX_FRAME_BYTES);
    let (size, through) = (SIZE as u64, |hops| Route::ThroughTree { home: city.id, hops });
    for (request, refusal) in [
        (want(1, blob, size + 1, Route::Direct), Some(Refusal::Invalid)),
        (want(2, BlobId::of(b"unknown"), size, Route::Direct), Some(Refusal::NotHeld)),
        (want(3, BlobId::of(b"unknown"), size, through(1)), Some(Refusal::NotHeld)),
        (want(4, BlobId::of(b"unknown"), size, through(u8::MAX)), Some(Refusal::TooFar)),
        (want(5, blob, size, Route::Direct), None),
    ] {
        frame::write(&mut stream, &request.encode(), &limits).await.unwrap();
        let answer = Answer::decode(&frame::read(&mut stream, &limits).await.unwrap().unwrap()).unwrap();
        match refusal {
            Some(refusal) => assert!(matches!(answer, Answer::Refused { reason, .. } if reason == refusal)),
            None => assert!(matches!(answer, Answer::Piece { request: 5, index: 0, offset: 0, .. })),
        }
    }
}
