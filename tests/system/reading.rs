//! A film is played while it arrives: its end first, through a node that lacks it too.

use kapok_tests::{Federation, Node};
use serde_json::Value;

use crate::support::{blob, eventually};

/// Bytes that nothing compresses.
fn film(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(b"film").finalize_xof().fill(&mut bytes);
    bytes
}

/// Bytes of a blob that are at a node while it arrives.
fn arrived(node: &Node, blob: &str) -> u64 {
    let transfers = node.owner().get("/api/v1/transfers").json();
    let of_blob = transfers["transfers"].as_array().unwrap().iter().find(|transfer| transfer["blob"] == blob);
    of_blob.map_or(0, |transfer| transfer["done"].as_u64().unwrap())
}

fn add_film(node: &Node, content: &[u8]) -> Value {
    let path = node.file("光合作用.mp4", content);
    node.kapok(&["add", path.to_str().unwrap(), "--visibility", "public"])["resources"][0].take()
}

#[test]
fn the_end_of_a_film_comes_first_to_the_point_through_its_school() {
    const SIZE: usize = 20_000_000;
    const END: usize = 64 * 1024;
    let federation = Federation::of_four();
    let content = film(SIZE);
    let resource = add_film(&federation.county, &content);
    federation.sync_all();
    let address = format!("/blobs/{}", blob(&resource));
    // Two minutes for all of it.
    federation.county.kapok(&["config", "set", "net.rate_kbit_s", "1500"]);

    let owner = federation.point.owner();
    let head = owner.send("HEAD", &address, &[], Vec::new());
    assert_eq!((head.status, head.content_type.as_str()), (200, "video/mp4"));
    assert_eq!(arrived(&federation.point, blob(&resource)), 0, "to look fetches nothing");
    // Whoever may not have files fetched gets what is here, or comes anyway, and this does not.
    federation.point.browser().set_up(&federation.point.setup, "王老师", "a long enough passphrase");
    let refused = federation.point.browser().get(&address).problem(403);
    assert!(refused["detail"].as_str().unwrap().contains("does not fetch it"), "{refused}");
    assert_eq!(arrived(&federation.point, blob(&resource)), 0);

    let range = format!("bytes=-{END}");
    let end = owner.send("GET", &address, &[("range", &range)], Vec::new());
    assert_eq!(end.status, 206, "{}", end.text());
    assert!(end.body == content[SIZE - END..]);
    for node in [&federation.school, &federation.point] {
        let arrived = arrived(node, blob(&resource));
        assert!(arrived < SIZE as u64 / 4, "{arrived} bytes are at {}", node.name);
    }

    // A jump to the middle is followed as well, and by now all of it comes.
    let middle = owner.send("GET", &address, &[("range", "bytes=10000000-10000099")], Vec::new());
    assert!(middle.status == 206 && middle.body == content[10_000_000..10_000_100]);
    assert!(arrived(&federation.point, blob(&resource)) < SIZE as u64 / 2);
    federation.county.kapok(&["config", "set", "net.rate_kbit_s", ""]);
    let whole = owner.get(&address);
    assert!(whole.status == 200 && whole.body == content);
    assert!(eventually(|| federation.point.blob_path(blob(&resource)).exists()));
}

#[test]
fn a_film_that_nobody_who_can_be_reached_has_is_refused_with_what_to_do() {
    let mut federation = Federation::of_four();
    let resource = add_film(&federation.county, &film(300_000));
    federation.sync_all();
    federation.school.stop();
    let answer = federation.point.owner().get(&format!("/blobs/{}", blob(&resource)));
    let problem = answer.problem(503);
    assert!(problem["detail"].as_str().unwrap().contains("光合作用.mp4"), "{problem}");
    assert!(problem["remedy"].as_str().unwrap().contains("try again"), "{problem}");
}
