//! A file is opened where it is not yet: it is fetched while it is read. That its end comes before the rest is seen over a
//! poor line (`tests/lab/tests/reading.rs`).

use kapok_tests::{Federation, Node};
use serde_json::Value;

use crate::support::{blob, eventually};

/// Bytes that nothing compresses.
fn film(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    blake3::Hasher::new().update(b"film").finalize_xof().fill(&mut bytes);
    bytes
}

fn add_film(node: &Node, content: &[u8]) -> Value {
    let path = node.file("光合作用.mp4", content);
    node.kapok(&["add", path.to_str().unwrap(), "--visibility", "public"])["resources"][0].take()
}

/// Whether anything was begun of a blob that is not here.
fn is_begun(node: &Node, blob: &str) -> bool {
    node.home().join("partial").join(format!("{blob}.data")).exists() || node.blob_path(blob).exists()
}

#[test]
fn a_film_of_the_county_is_opened_at_the_point_through_its_school() {
    let federation = Federation::of_four();
    let content = film(20_000_000);
    let resource = add_film(&federation.county, &content);
    federation.sync_all();
    let (point, blob) = (&federation.point, blob(&resource));
    let address = format!("/blobs/{blob}");

    let owner = point.owner();
    let head = owner.send("HEAD", &address, &[], Vec::new());
    assert_eq!((head.status, head.content_type.as_str()), (200, "video/mp4"));
    // Whoever may not have files fetched gets what is here, or comes anyway, and this does not.
    let mut teacher = point.browser();
    teacher.set_up(&point.setup, "王老师", "a long enough passphrase");
    let refused = point.browser().get(&address).problem(403);
    assert!(refused["detail"].as_str().unwrap().contains("does not fetch it"), "{refused}");
    assert!(!is_begun(point, blob) && !is_begun(&federation.school, blob), "nothing was fetched by then");

    let end = teacher.send("GET", &address, &[("range", "bytes=-65536")], Vec::new());
    assert_eq!(end.status, 206, "{}", end.text());
    assert!(end.body == content[content.len() - 65_536..]);
    let middle = owner.send("GET", &address, &[("range", "bytes=10000000-10500000")], Vec::new());
    assert!(middle.status == 206 && middle.body == content[10_000_000..=10_500_000]);
    let whole = owner.get(&address);
    assert!(whole.status == 200 && whole.body == content);
    assert!(eventually(|| point.blob_path(blob).exists()), "all of it was wanted while it was read");
    assert_eq!(point.browser().get(&address).status, 200, "what is here is for everybody");
}

#[test]
fn what_nobody_who_can_be_reached_has_is_refused_with_what_to_do() {
    let mut federation = Federation::of_four();
    let resource = add_film(&federation.county, &film(300_000));
    federation.sync_all();
    federation.school.stop();
    let problem = federation.point.owner().get(&format!("/blobs/{}", blob(&resource))).problem(503);
    assert!(problem["detail"].as_str().unwrap().contains("光合作用.mp4"), "{problem}");
    assert!(problem["remedy"].as_str().unwrap().contains("try again"), "{problem}");
}
