//! What nothing names goes, and nothing else.
#![allow(clippy::unwrap_used)]

use kapok_http::port::{AddRequest, Viewer, WithdrawRequest};

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

#[test]
fn not_even_the_damaged_bytes_of_what_was_withdrawn_stay() {
    let node = TestNode::new();
    let first = node.added(&of_paths(&[&node.file("课件.txt", CONTENT)]));
    node.app.blobs.quarantine(BlobId::of(CONTENT.as_bytes())).unwrap();
    withdraw(&node, &first.id);
    assert_eq!(node.app.blobs.quarantined().unwrap(), []);
}

/// Steps until the sweep that is due at `now` is through.
fn sweep(node: &TestNode, now: Instant) {
    node.app.sweep_step_at(now);
    let under_way = || !matches!(node.app.collection.sweeping.lock().unwrap().walk, Walk::None);
    while under_way() {
        node.app.sweep_step_at(now);
    }
}

fn left_over(node: &TestNode) {
    node.app.blobs.add_reader(&mut CONTENT.as_bytes(), None).unwrap();
}

const HOUR: Duration = Duration::from_secs(60 * 60);

#[test]
fn what_a_killed_add_has_left_is_swept_and_everything_named_stays() {
    let node = TestNode::new();
    let first = node.added(&of_paths(&[&node.file("试卷.txt", "第一版")]));
    let second = AddRequest { replaces: Some(first.id), ..of_paths(&[&node.file("新/试卷.txt", "第二版")]) };
    node.added(&second);
    let named = node.blob_count();
    left_over(&node);
    let start = Instant::now();
    sweep(&node, start + HOUR);
    assert_eq!(node.blob_count(), named + 1, "it may belong to an add under way");
    // Somebody who is about to name it keeps it.
    let pin = node.app.blobs.pin(BlobId::of(CONTENT.as_bytes()));
    sweep(&node, start + 3 * HOUR);
    assert!(node.holds(CONTENT));
    drop(pin);
    sweep(&node, start + 100 * HOUR);
    sweep(&node, start + 102 * HOUR);
    assert!(!node.holds(CONTENT));
    assert!(node.holds("第一版") && node.holds("第二版") && node.blob_count() == named);
}

#[test]
fn nothing_is_swept_while_the_journal_is_damaged_or_holds_what_cannot_be_read() {
    let node = TestNode::new();
    node.added(&of_paths(&[&node.file("试卷.txt", "第一版")]));
    left_over(&node);
    // As a later version would write it.
    node.app.catalogue.journal().append(&[b"\x82\x18\x63\x00"]).unwrap();
    node.app.catalogue.catch_up().unwrap();
    let start = Instant::now();
    for hours in [1, 3, 5, 100, 102] {
        sweep(&node, start + hours * HOUR);
        assert!(node.holds(CONTENT), "after {hours} hours");
    }
}
