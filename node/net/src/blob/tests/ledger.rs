//! What each side says of the bytes between them.

use kapok_protocol::blob::message::Urgency;

use super::*;
use crate::link::testbed::link;

/// What has come to `receiver`, and what `sender` says was sent, after an orderly end.
async fn both(sender: &Node, receiver: Node) -> (Ledger, Ledger) {
    receiver.exchange.shutdown().await;
    // The desk deals with one thing after the other: with this, all before it was dealt with.
    let empty = BlobId::of(&[]);
    in_time(sender.exchange.fetch(empty, 0, sender.id, Urgency::Interactive, 0)).await.unwrap();
    (receiver.ledger(sender), sender.ledger(&receiver))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn both_sides_say_the_same_of_what_was_fetched() {
    let (city, county) = city_and_far_county().await;
    let blob = city.disk.hold(&content(1));
    in_time(county.exchange.fetch(blob, SIZE as u64, city.id, Urgency::Bulk, 0)).await.unwrap();
    let (county, city) = both(&city, county).await;
    assert_eq!((county.bytes_in, city.bytes_out), (whole_bytes(), whole_bytes()));
    assert_eq!((county.wan_bytes_in(), city.wan_bytes_out()), (whole_bytes(), whole_bytes()));
    assert_eq!((county.bytes_out, city.bytes_in), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn both_sides_say_the_same_of_what_was_cancelled() {
    let (city, county) = city_and_far_county().await;
    let (cancelled, wanted) = (city.disk.hold(&content(2)), city.disk.hold(&content(3)));
    let release = city.disk.stall_after(30);
    county.exchange.want(cancelled, SIZE as u64, city.id, None, Urgency::Bulk, 0);
    county.disk.written(2).await;
    county.exchange.unwant(cancelled);
    drop(release);
    in_time(county.exchange.fetch(wanted, SIZE as u64, city.id, Urgency::Bulk, 0)).await.unwrap();
    let (county, city) = both(&city, county).await;
    assert!(county.bytes_in > whole_bytes() + 2 * 256 * 1024, "what came of the cancelled one counts too");
    assert_eq!(county.bytes_in, city.bytes_out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn both_sides_say_the_same_after_a_cut() {
    let (city, county) = city_and_far_county().await;
    let blob = city.disk.hold(&content(4));
    let release = city.disk.stall_after(30);
    county.exchange.want(blob, SIZE as u64, city.id, None, Urgency::Bulk, 0);
    county.disk.written(2).await;
    county.links.network().disconnect(city.id).await;
    drop(release);
    let mut changes = county.links.changes();
    in_time(async {
        while county.links.member(&city.id).is_some() {
            changes.changed().await.unwrap();
        }
    })
    .await;
    link(&county.links, &city.links).await;
    in_time(county.exchange.fetch(blob, SIZE as u64, city.id, Urgency::Bulk, 0)).await.unwrap();
    let (county, city) = both(&city, county).await;
    assert_eq!(county.bytes_in, whole_bytes(), "no byte comes twice");
    assert_eq!(county.bytes_in, city.bytes_out);
}
