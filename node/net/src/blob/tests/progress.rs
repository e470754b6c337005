//! What is seen of transfers while they go on.

use kapok_protocol::blob::estimate::TimeLeft;
use kapok_protocol::blob::message::Urgency;

use super::*;
use crate::blob::{Flow, MAX_LISTED, Transfer};

/// Returns what is seen once it is so.
async fn seen(node: &Node, is_so: impl Fn(&[Transfer], &Flow) -> bool) -> (Arc<Vec<Transfer>>, Flow) {
    in_time(async {
        loop {
            let (transfers, flow) = (node.exchange.progress(), node.exchange.flow());
            if is_so(&transfers, &flow) {
                return (transfers, flow);
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_long_queue_what_is_under_way_is_listed_in_its_order_and_the_rest_is_counted() {
    let (city, county) = city_and_county().await;
    // It gives the first pieces and then stands still.
    let release = city.disk.stall_after(4);
    let large = city.disk.hold(&content(1));
    county.exchange.want(large, SIZE as u64, city.id, None, Urgency::Bulk, 0);
    let mut completions = county.exchange.completions();
    let count = 3 * MAX_LISTED as u64;
    for number in 0..count {
        let small = city.disk.hold(&number.to_le_bytes());
        county.exchange.want(small, 8, city.id, None, Urgency::Bulk, 1 + number);
    }
    let is_half_here = |transfers: &[Transfer], flow: &Flow| {
        flow.blobs_left == 1 + count && transfers.first().is_some_and(|first| first.done > 0)
    };
    let (transfers, flow) = seen(&county, is_half_here).await;
    assert!(transfers.len() <= MAX_LISTED);
    assert_eq!((transfers[0].blob, transfers[0].size, transfers[0].asked_for), (large, SIZE as u64, false));
    assert_eq!(transfers[0].from, BTreeSet::from([city.id]));
    assert_eq!(flow.bytes_left, SIZE as u64 + 8 * count - transfers[0].done);
    assert_eq!(
        (flow.stuck_count, flow.estimator.left(flow.bytes_left)),
        (0, TimeLeft::Unknown),
        "too little has moved"
    );
    drop(release);
    for _ in 0..=count {
        completions.recv().await.unwrap();
    }
    let (transfers, flow) = seen(&county, |_, flow| flow.blobs_left == 0).await;
    assert_eq!((transfers.len(), flow.bytes_left, flow.estimator.rate_bps()), (0, 0, 0));
    assert_eq!(flow.bytes_come, SIZE as u64 + 8 * count);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_nobody_gives_is_named() {
    let (city, county) = city_and_county().await;
    let nobodys = BlobId::of(b"x");
    county.exchange.want(nobodys, 1, city.id, None, Urgency::Bulk, 0);
    let (transfers, flow) = seen(&county, |_, flow| flow.stuck_count == 1).await;
    assert!(transfers.is_empty() && flow.stuck.contains(&nobodys));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_moves_once_the_link_is_gone() {
    let (city, county) = city_and_county().await;
    let release = city.disk.stall_after(4);
    let blob = city.disk.hold(&content(1));
    county.exchange.want(blob, SIZE as u64, city.id, None, Urgency::Bulk, 0);
    seen(&county, |transfers, _| transfers.first().is_some_and(|first| first.done > 0)).await;
    drop(release);
    city.stop().await;
    let (transfers, flow) = seen(&county, |transfers, _| transfers.iter().all(|transfer| transfer.rate_bps == 0)).await;
    if flow.blobs_left > 0 {
        assert!(transfers[0].done > 0, "what has come is still shown");
    }
}
