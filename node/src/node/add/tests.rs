//! What is refused leaves everything as it was; what is published is whole.
#![allow(clippy::unwrap_used)]

use kapok_http::port::{AddRequest, FailureKind, IngestMode, Viewer};

use super::super::testing::{TestNode, looks, of_paths, until};
use super::*;

const FIRST: &str = "第一份：平行四边形的面积";
const SECOND: &str = "第二份：三角形的面积";

/// Requests that are refused for what they say, of two files of one name.
fn refused_requests() -> Vec<(&'static str, AddRequest)> {
    let together = AddRequest { together: true, ..AddRequest::default() };
    vec![
        ("two files of one name", together.clone()),
        ("a word that is not in the vocabulary", AddRequest { subject: Some("炼金术".to_owned()), ..together.clone() }),
        ("a licence that there is not", AddRequest { license: Some("mine".to_owned()), ..AddRequest::default() }),
        ("a long title", AddRequest { title: Some("长".repeat(201)), ..AddRequest::default() }),
        ("a resource that there is not", AddRequest { replaces: Some("0".repeat(26)), ..AddRequest::default() }),
    ]
}

#[test]
fn a_refused_add_touches_no_file() {
    let node = TestNode::new();
    let paths = [node.file("甲/教案.txt", FIRST), node.file("乙/教案.txt", SECOND)];
    let before = paths.each_ref().map(|path| looks(path));
    for (why, request) in refused_requests() {
        for mode in [IngestMode::Move, IngestMode::Copy] {
            let files = of_paths(&[&paths[0], &paths[1]]);
            let request = AddRequest { paths: files.paths, mode, ..request.clone() };
            assert!(node.add(&request).is_err(), "{why}");
            assert_eq!(paths.each_ref().map(|path| looks(path)), before, "{why}");
            assert_eq!(node.blob_count(), 0, "{why}");
        }
    }
}

#[test]
fn a_refused_publication_leaves_the_uploads_where_they_stand() {
    let node = TestNode::new();
    let uploads = [node.upload("教案.txt", FIRST), node.upload("教案.txt", SECOND)];
    for (why, request) in refused_requests() {
        let request = AddRequest { uploads: uploads.to_vec(), ..request };
        assert!(node.add(&request).is_err(), "{why}");
        assert_eq!(node.blob_count(), 0, "{why}");
    }
    for upload in &uploads {
        let stands = node.app.upload(&Viewer::Owner, upload).unwrap();
        assert_eq!(stands.offset, stands.size);
        let published = node.added(&AddRequest { uploads: vec![upload.clone()], ..AddRequest::default() });
        assert_eq!(published.files[0].name, "教案.txt");
        assert!(node.app.upload(&Viewer::Owner, upload).is_err(), "an upload is used up when it is published");
    }
    assert!(node.holds(FIRST) && node.holds(SECOND));
}

/// Lets an add of a new version go as far as it gets before the resource that it replaces is taken back, and gives what
/// it was refused with.
fn taken_back_meanwhile(node: &TestNode, request: &AddRequest, meanwhile: impl FnOnce()) -> Failure {
    let original = node.added(&of_paths(&[&node.file("原来.txt", "原来的")]));
    let request = AddRequest { replaces: Some(original.id.clone()), ..request.clone() };
    let found = node.app.replaced(&Viewer::Owner, &original.id).unwrap();
    std::thread::scope(|scope| {
        let turn = node.app.versions_turn();
        let adding = scope.spawn(|| node.add(&request));
        until("the file gets its place", || node.holds(SECOND));
        meanwhile();
        let tombstone =
            Statement { key: found.key.entry_key(), visibility: found.visibility, body: None, person: None };
        node.app.catalogue.publish(vec![tombstone], now()).unwrap();
        drop(turn);
        adding.join().unwrap().unwrap_err()
    })
}

#[test]
fn what_cannot_be_published_after_all_is_taken_back() {
    let node = TestNode::new();
    let path = node.file("教案.txt", SECOND);
    let before = looks(&path);
    let moved = AddRequest { mode: IngestMode::Move, ..of_paths(&[&path]) };
    assert_eq!(taken_back_meanwhile(&node, &moved, || {}).kind, FailureKind::NotFound);
    assert_eq!(looks(&path), before);
    assert!(!node.holds(SECOND));

    let upload = node.upload("教案.txt", SECOND);
    let published = AddRequest { uploads: vec![upload.clone()], ..AddRequest::default() };
    assert_eq!(taken_back_meanwhile(&node, &published, || {}).kind, FailureKind::NotFound);
    assert!(!node.holds(SECOND));
    let stands = node.app.upload(&Viewer::Owner, &upload).unwrap();
    assert_eq!(stands.offset, stands.size);
    node.added(&published);
    assert!(node.holds(SECOND));
}

#[test]
fn what_another_resource_names_by_then_is_not_taken_back() {
    let node = TestNode::new();
    let path = node.file("教案.txt", SECOND);
    let before = looks(&path);
    let moved = AddRequest { mode: IngestMode::Move, ..of_paths(&[&path]) };
    taken_back_meanwhile(&node, &moved, || {
        node.added(&of_paths(&[&node.file("又一份.txt", SECOND)]));
    });
    assert_eq!(looks(&path), before);
    assert!(node.holds(SECOND));
    std::fs::write(&path, "改过了").unwrap();
    let verdict = node.app.blobs.verify(BlobId::of(SECOND.as_bytes())).unwrap();
    assert!(
        matches!(verdict, kapok_store::blobs::Verdict::Good { .. }),
        "the file still shares its bytes with the blob"
    );
}

#[test]
fn a_moved_file_is_gone_once_it_is_published() {
    let node = TestNode::new();
    let path = node.file("教案.txt", FIRST);
    node.added(&AddRequest { mode: IngestMode::Move, ..of_paths(&[&path]) });
    assert!(!path.exists() && node.holds(FIRST));
}

#[test]
fn new_versions_that_come_at_the_same_time_are_all_listed() {
    const AT_ONCE: u32 = 4;
    let node = TestNode::new();
    let first = node.added(&of_paths(&[&node.file("试卷.txt", "第 1 版")]));
    let file = |n| node.file(&format!("{n}/试卷.txt"), &format!("第 {n} 份"));
    let requests: Vec<_> =
        (0..AT_ONCE).map(|n| AddRequest { replaces: Some(first.id.clone()), ..of_paths(&[&file(n)]) }).collect();
    // All have stored their file before any of them is published.
    std::thread::scope(|scope| {
        let turn = node.app.versions_turn();
        let adding: Vec<_> = requests.iter().map(|request| scope.spawn(|| node.added(request))).collect();
        until("all files have their places", || (0..AT_ONCE).all(|n| node.holds(&format!("第 {n} 份"))));
        drop(turn);
        let mut versions: Vec<_> = adding.into_iter().map(|adding| adding.join().unwrap().version).collect();
        versions.sort_unstable();
        assert_eq!(versions, [2, 3, 4, 5]);
    });
    let resource = node.app.replaced(&Viewer::Owner, &first.id).unwrap().resource;
    let listed: Vec<u32> = resource.former.iter().map(|version| version.number).collect();
    assert_eq!((resource.version, listed), (5, vec![1, 2, 3, 4]));
}

#[test]
fn what_a_kill_has_left_of_a_published_upload_expires_and_no_other() {
    let node = TestNode::new();
    let staging = node.app.home.paths().staging();
    let (used_up, waiting) = (node.upload("一.txt", FIRST), node.upload("二.txt", SECOND));
    let meta = |token: &str| staging.join(format!("{token}.meta"));
    let long_ago = std::time::SystemTime::UNIX_EPOCH;
    for token in [&used_up, &waiting] {
        std::fs::File::options().write(true).open(meta(token)).unwrap().set_modified(long_ago).unwrap();
    }
    // As between the moment when the blob gets its place and the one when its upload is forgotten.
    std::fs::remove_file(staging.join(format!("{used_up}.upload"))).unwrap();
    node.app.expire_uploads();
    assert!(!meta(&used_up).exists());
    assert_eq!(node.app.upload(&Viewer::Owner, &waiting).unwrap().offset, SECOND.len() as u64);
}
