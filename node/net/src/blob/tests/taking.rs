//! Two nodes.

use kapok_protocol::blob::download::Allowance;
use kapok_protocol::blob::message::Urgency;

use super::*;
use crate::blob::FetchError;
use crate::link::testbed::link;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_blob_comes_whole_and_is_paid_for_once() {
    let (city, county) = city_and_county().await;
    let blob = city.disk.hold(&content(1));
    let mut completions = county.exchange.completions();
    county.exchange.fetch(blob, SIZE as u64, city.id, Urgency::Interactive, 0).await.unwrap();
    assert!(county.disk.held(&blob) == Some(content(1)));
    assert_eq!(completions.recv().await.unwrap(), blob);
    let ledger = county.exchange.ledger()[&city.id];
    assert_eq!((ledger.bytes_in, ledger.blobs_in, ledger.bytes_out), (whole_bytes(), 1, 0));
    assert!(ledger.wire_bytes_in > ledger.bytes_in && ledger.wire_bytes_out > 0);
    county.exchange.fetch(blob, SIZE as u64, city.id, Urgency::Interactive, 0).await.unwrap();
    assert_eq!(county.bytes_from(&city), whole_bytes(), "what is here is not fetched again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_empty_file_needs_nobody_to_send_anything() {
    let (city, county) = city_and_county().await;
    let blob = BlobId::of(&[]);
    county.exchange.fetch(blob, 0, city.id, Urgency::Interactive, 0).await.unwrap();
    assert_eq!(county.disk.held(&blob), Some(Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn knowing_a_hash_is_no_permission() {
    let (city, county) = city_and_county().await;
    let blob = city.disk.hold(&content(2));
    city.disk.state().hidden_from.insert(county.id);
    let refused = county.exchange.fetch(blob, SIZE as u64, city.id, Urgency::Interactive, 0).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("攀枝花市 does not give it to this node"), "{refused}");
    assert_eq!(county.bytes_from(&city), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_without_links_says_so() {
    let mut federation = Federation::new();
    let city = federation.city();
    let county = federation.county(city, "盐边县");
    let county = Node::start(&federation, county).await;
    let alone = county.exchange.fetch(BlobId::of(b"x"), 1, city, Urgency::Interactive, 0).await;
    assert_eq!(alone, Err(FetchError::Nobody));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_wanted_without_a_link_comes_with_the_link() {
    let (city, county) = unlinked_city_and_county().await;
    let blob = city.disk.hold(&content(3));
    let mut completions = county.exchange.completions();
    county.exchange.want(blob, SIZE as u64, city.id, None, Urgency::Bulk, 0);
    link(&county.links, &city.links).await;
    assert_eq!(completions.recv().await.unwrap(), blob);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn outside_the_window_only_what_a_person_waits_for_comes() {
    let (city, county) = city_and_far_county().await;
    let (subscribed, asked) = (city.disk.hold(&content(4)), city.disk.hold(&content(5)));
    let mut completions = county.exchange.completions();
    county.exchange.allow(Allowance::InteractiveOnly);
    county.exchange.want(subscribed, SIZE as u64, city.id, None, Urgency::Bulk, 0);
    county.exchange.fetch(asked, SIZE as u64, city.id, Urgency::Interactive, 0).await.unwrap();
    assert_eq!(completions.recv().await.unwrap(), asked);
    assert_eq!(county.bytes_from(&city), whole_bytes());
    county.exchange.allow(Allowance::Everything);
    assert_eq!(completions.recv().await.unwrap(), subscribed);
}
