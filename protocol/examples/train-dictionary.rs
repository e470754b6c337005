//! Trains the dictionary of catalogue sessions and writes it where the protocol embeds it.
//!
//! `cargo run -p kapok-protocol --example train-dictionary`. The samples are frames of invented entries
//! (`tests/support/corpus.rs`) of seeds that no test uses.
#![allow(clippy::unwrap_used)]

#[path = "../tests/support/corpus.rs"]
mod corpus;

use corpus::Corpus;
use kapok_protocol::replica::Item;
use kapok_protocol::session::message::{Frame, HeadItem, Part, Want};
use kapok_protocol::visibility::Visibility;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/session/entries.dict");
/// Larger ones saved less than 1 % more on entries that they were not trained on.
const DICTIONARY_BYTES: usize = 16 * 1024;
/// Seeds from here on are for training; tests use small ones.
const FIRST_SEED: u64 = 1_000_000;
const AUTHORS: u64 = 400;

fn main() {
    let mut samples = Vec::new();
    for seed in FIRST_SEED..FIRST_SEED + AUTHORS {
        let mut corpus = Corpus::new(seed);
        let mut author = corpus.author();
        let profile = corpus.profile(&mut author);
        let mut entries = vec![profile];
        entries.extend((0..8).map(|_| corpus.resource(&mut author)));
        let head = corpus.head(&author, Visibility::Public);
        let after = head.head().progress.clone();
        samples
            .push(Frame::Heads { heads: vec![HeadItem { head: head.signed().clone(), progress: None }], last: false });
        samples.push(Frame::Wants { wants: vec![Want { place: 0, after }], last: false });
        for entry in entries {
            let items = vec![Item::Entry(entry.signed().clone())];
            samples.push(Frame::Items { parts: vec![Part { place: 0, items, reached: true }] });
        }
    }
    let samples: Vec<_> = samples.iter().map(Frame::to_plain).collect();
    let dictionary = zstd::dict::from_samples(&samples, DICTIONARY_BYTES).unwrap();
    println!("{} samples, a dictionary of {} bytes: {FILE}", samples.len(), dictionary.len());
    std::fs::write(FILE, dictionary).unwrap();
}
