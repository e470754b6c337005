//! What nothing names goes, and nothing else.
#![allow(clippy::unwrap_used)]

use kapok_http::port::{Viewer, WithdrawRequest};

use super::super::testing::{TestNode, of_paths};
use super::*;

const CONTENT: &str = "一份课件";

fn withdraw(node: &TestNode, id: &str) {
    let request = WithdrawRequest { reason: "有错".to_owned() };
    node.app.withdraw(&Viewer::Owner, id, &request).unwrap();
}

#[test]
fn a_withdrawal_during_an_add_of_the_same_file_leaves_the_file() {
    let node = TestNode::new();
    let blob = BlobId::of(CONTENT.as_bytes());
    let first = node.added(&of_paths(&[&node.file("课件.txt", CONTENT)]));
    // An add has found the file here and has published nothing yet.
    let pin = node.app.blobs.pin(blob);
    withdraw(&node, &first.id);
    assert!(node.holds(CONTENT));
    node.added(&of_paths(&[&node.file("又是它.txt", CONTENT)]));
    drop(pin);
    node.app.collect_released().unwrap();
    assert!(node.holds(CONTENT));
}

#[test]
fn a_file_that_was_pinned_when_it_was_released_goes_later() {
    let node = TestNode::new();
    let first = node.added(&of_paths(&[&node.file("课件.txt", CONTENT)]));
    let pin = node.app.blobs.pin(BlobId::of(CONTENT.as_bytes()));
    withdraw(&node, &first.id);
    node.app.collect_released().unwrap();
    assert!(node.holds(CONTENT));
    drop(pin);
    node.app.collect_released().unwrap();
    assert!(!node.holds(CONTENT));
}
