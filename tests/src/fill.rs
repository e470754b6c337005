//! A node with many resources, made quickly: signed entries, written into the shared journal of a node that does not run.
//!
//! They are what a node that holds none of the files would have received: each is a real entry, signed by the node's own
//! key, and the node builds its catalogue and index from them as from any journal.

use std::sync::Arc;

use kapok_library::resource::{File, Resource};
use kapok_protocol::blob::BlobId;
use kapok_protocol::entry::{Entry, Key, Kind, Sequence, Verified};
use kapok_protocol::identity::Keypair;
use kapok_protocol::signed::Signed;
use kapok_protocol::time::Timestamp;
use kapok_protocol::visibility::Visibility;
use kapok_store::fs::{RealFs, SharedFs};
use kapok_store::home::Home;
use kapok_store::journal::{Journal, Options};

use crate::node::Node;

/// What a frame of the shared journal holds, as `node/src/catalogue/record.rs` writes it. Should the two ever differ,
/// the node does not show these resources, and the benchmark says so.
#[derive(minicbor::Encode)]
enum Record {
    #[n(0)]
    Entry(#[n(0)] Signed),
}

const TOPICS: [&str; 12] = [
    "平行四边形的面积",
    "分数的初步认识",
    "水的循环",
    "木棉花开",
    "光的反射",
    "等高线地形图",
    "观察日记",
    "节奏卡片",
    "力的合成",
    "种子发芽",
    "丝绸之路",
    "字母书写",
];
const SUBJECTS: [&str; 6] = ["math", "chinese", "english", "science", "music", "art"];
/// Frames that are made durable together.
const BATCH: usize = 1_000;
/// 2026-09-01, the first day of a school year.
const BEGIN_MS: u64 = 1_788_220_800_000;

/// Writes so many resources into the journal of a node that has not run yet.
///
/// # Panics
/// If they cannot be written.
pub fn fill(node: &Node, count: usize) {
    append(node, count, |key, number| {
        frame(key, number, Sequence { incarnation: BEGIN_MS, number: number as u64 + 1 }, "")
    });
}

/// Of a node that was filled with `count` resources and does not run, describes so many anew, spread over all of them.
///
/// # Panics
/// If they cannot be written.
pub fn fill_changed(node: &Node, count: usize, changed: usize) {
    let apart = count / changed.max(1);
    append(node, changed, |key, number| {
        // What the node has said itself since goes on in the first incarnation; this cannot be one of its numbers.
        let sequence = Sequence { incarnation: BEGIN_MS + 1, number: number as u64 + 1 };
        frame(key, number * apart, sequence, "已按课堂反馈修订。")
    });
}

fn append(node: &Node, count: usize, frame: impl Fn(&Keypair, usize) -> Vec<u8>) {
    let fs: SharedFs = Arc::new(RealFs);
    let home = Home::open(fs.clone(), &node.home()).unwrap();
    let secret = home.read_key(&home.paths().node_key()).unwrap().unwrap();
    let key = Keypair::from_secret(&secret.try_into().unwrap());
    let journal = Journal::open(fs, &home.paths().shared_journal(), Options::default(), [0; 32]).unwrap();
    for start in (0..count).step_by(BATCH) {
        let frames: Vec<Vec<u8>> = (start..count.min(start + BATCH)).map(|number| frame(&key, number)).collect();
        journal.append(&frames.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
    }
}

/// The entry of resource `number`.
fn frame(key: &Keypair, number: usize, sequence: Sequence, remark: &str) -> Vec<u8> {
    let time = Timestamp(BEGIN_MS + number as u64 * 1_000 + sequence.incarnation - BEGIN_MS);
    let hash = blake3::hash(&number.to_le_bytes());
    let topic = TOPICS[number % TOPICS.len()];
    let resource = Resource {
        title: format!("{topic}（第 {number} 份）"),
        description: format!("第 {number} 份资源的说明：{topic}，配教学设计、练习和板书，农村班级可直接使用。{remark}"),
        keywords: vec![topic.into(), "乡村".into(), format!("第{}组", number % 97)],
        subject: SUBJECTS[number % SUBJECTS.len()].into(),
        stage: "primary".into(),
        years: vec![u8::try_from(number % 6 + 1).unwrap()],
        kind: "courseware".into(),
        license: "CC-BY-4.0".into(),
        files: vec![File {
            name: format!("{topic}{number}.pptx"),
            size: 100_000 + number as u64,
            mime: "application/octet-stream".into(),
            blob: BlobId::of(hash.as_bytes()),
            text: None,
        }],
        version: 1,
        created: time,
        ..Resource::default()
    };
    let entry = Entry {
        author: key.id(),
        sequence,
        key: Key { kind: Kind::RESOURCE, name: hash.as_bytes()[..16].to_vec() },
        time,
        visibility: Visibility::Public,
        body: Some(resource.to_body()),
        person: None,
    };
    let verified = Verified::sign(key, entry).unwrap();
    minicbor::to_vec(Record::Entry(verified.signed().clone())).unwrap()
}
