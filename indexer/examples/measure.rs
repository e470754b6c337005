//! Measures the index on a made-up library: documents a second, query times, memory, disk.
//!
//!     cargo run --release -p kapok-indexer --example measure -- 100000

#![allow(clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use common::{Numbers, queries};
use kapok_indexer::{Change, Document, Facet, Index, Query, SetId};

/// Documents for each call of `apply`.
const BATCH: usize = 10_000;
const DESCRIPTION_CHARS: usize = 200;

fn document(number: usize) -> Document {
    let mut n = Numbers(number as u64);
    let title_words = 3 + n.below(4);
    let mut description = String::new();
    while description.chars().count() < DESCRIPTION_CHARS {
        description.push_str(n.word());
        // Characters at random too, as names and numbers are.
        description.extend((0..n.below(3)).filter_map(|_| char::from_u32(0x4E00 + n.below(3_000) as u32)));
        description.push(if n.below(6) == 0 { '。' } else { '，' });
    }
    Document {
        id: format!("{:026x}", u128::from(n.next()) << 40 | number as u128),
        title: n.words(title_words, ""),
        keywords: vec![n.word().to_owned(), n.word().to_owned()],
        description,
        text: String::new(),
        facets: BTreeMap::from([
            (Facet::Subject, vec![n.word().to_owned()]),
            (Facet::Grade, vec![format!("{}年级", n.below(9))]),
            (Facet::School, vec![format!("第{}小学", n.below(500))]),
        ]),
        time_ms: n.next() % 1_800_000_000_000,
    }
}

fn main() {
    let count: usize = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(100_000);
    let dir = tempfile::TempDir::new().unwrap();
    println!("memory at start: {}", memory());

    let begin = Instant::now();
    let parsed = Query::text("平行四边形").parse().unwrap();
    println!("dictionary loaded in {:.0} ms; memory {}", begin.elapsed().as_secs_f64() * 1e3, memory());

    let index = Index::open(dir.path()).unwrap();
    let sets = [SetId::new("county").unwrap()];
    let begin = Instant::now();
    for from in (0..count).step_by(BATCH) {
        let batch: Vec<Change> = (from..count.min(from + BATCH))
            .map(|at| Change::Put { set: sets[0].clone(), document: document(at) })
            .collect();
        index.apply(&batch, &from.to_le_bytes()).unwrap();
    }
    println!(
        "{count} documents indexed at {:.0} a second; memory {}",
        count as f64 / begin.elapsed().as_secs_f64(),
        memory()
    );
    println!("on disk: {} bytes a document", size(dir.path()) / count as u64);

    let begin = Instant::now();
    let one = Change::Put {
        set: sets[0].clone(),
        document: Document { title: "唯一".into(), id: "one".into(), ..Document::default() },
    };
    index.apply(&[one], b"one").unwrap();
    println!("one document more: visible after {:.0} ms", begin.elapsed().as_secs_f64() * 1e3);

    let mut times: Vec<f64> = Vec::new();
    let mut hits = 0;
    for text in queries(1_000) {
        let begin = Instant::now();
        let Ok(query) = Query::text(&text).parse() else { continue };
        hits += index.search_alone(&sets, &query, 20, 0).unwrap().total;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    println!(
        "{} queries, {} hits each: p50 {:.2} ms, p99 {:.2} ms; memory {}",
        times.len(),
        hits / times.len() as u64,
        at(0.5),
        at(0.99),
        memory()
    );
    drop(index);

    let begin = Instant::now();
    let index = Index::open(dir.path()).unwrap();
    println!("opened again in {:.0} ms", begin.elapsed().as_secs_f64() * 1e3);
    println!("平行四边形: {} hits", index.search_alone(&sets, &parsed, 20, 0).unwrap().total);
}

/// What the process holds, of that its own memory and not pages of files.
fn memory() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
    };
    format!("{} MB, of which {} MB are its own", field("VmRSS:"), field("RssAnon:"))
}

fn size(dir: &Path) -> u64 {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { size(&path) } else { fs::metadata(path).unwrap().len() }
        })
        .sum()
}
