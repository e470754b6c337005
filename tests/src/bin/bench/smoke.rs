//! The figures that every node must keep to: memory, idle CPU, size, start, adding.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use kapok_tests::{Node, documents, fill, kapok};

use crate::figures::Figures;
use crate::process::{anonymous_mb, idle_cpu_percent, resident_mb};

const IDLE: Duration = Duration::from_secs(20);
/// Until a node that has just come up is at rest.
const SETTLE: Duration = Duration::from_secs(5);
/// Requests of one kind that are measured.
const COUNTED: u32 = 20;
const ADDED_FILES: usize = 1_000;
const ADDED_BYTES: usize = 64 * 1024;
/// A hundred thousand entries are indexed within it on any machine that this is worth running on.
const REBUILD: Duration = Duration::from_secs(600);

pub(crate) fn run() -> ExitCode {
    let mut figures = Figures::default();
    println!("{} on {} cores", kapok().display(), std::thread::available_parallelism().map_or(1, usize::from));
    let size = std::fs::metadata(kapok()).unwrap().len() as f64 / 1e6;
    figures.at_most("release binary", size, 60.0, "MB");
    sample_library(&mut figures);
    many_entries(&mut figures, 10_000, None);
    many_entries(&mut figures, 100_000, Some(120.0));
    adding(&mut figures);
    figures.finish()
}

fn sample_library(figures: &mut Figures) {
    let mut node = Node::init("city", "攀枝花市电教馆");
    node.start();
    for document in documents() {
        let mut arguments = vec!["add".to_owned()];
        arguments.extend(document.files.iter().map(|path| path.to_str().unwrap().to_owned()));
        arguments.extend(document.arguments);
        node.kapok(&arguments);
    }
    let pid = node.pid().unwrap();
    Figures::beside("right after adding 33 sample resources: memory", resident_mb(pid), "MB");
    node.stop();
    node.start();
    assert!(!node.titles("平行四边形").is_empty());
    idle(figures, &node, "with the sample library", Some(80.0), true);
}

/// Memory and CPU of a node that nobody asks for anything.
fn idle(figures: &mut Figures, node: &Node, when: &str, promised_mb: Option<f64>, with_cpu: bool) {
    let pid = node.pid().unwrap();
    std::thread::sleep(SETTLE);
    let percent = idle_cpu_percent(pid, IDLE);
    if with_cpu {
        figures.at_most(&format!("idle CPU of one core over {} s, {when}", IDLE.as_secs()), percent, 0.1, "%");
    } else {
        Figures::beside(&format!("idle CPU of one core over {} s, {when}", IDLE.as_secs()), percent, "%");
    }
    match promised_mb {
        Some(promised) => figures.at_most(&format!("idle memory (RSS), {when}"), resident_mb(pid), promised, "MB"),
        None => Figures::beside(&format!("idle memory (RSS), {when}"), resident_mb(pid), "MB"),
    }
    Figures::beside("  of it anonymous", anonymous_mb(pid), "MB");
}

fn many_entries(figures: &mut Figures, count: usize, promised_mb: Option<f64>) {
    let mut node = Node::init("city", "攀枝花市电教馆");
    let began = Instant::now();
    fill(&node, count);
    Figures::beside(&format!("signing and writing {count} entries"), began.elapsed().as_secs_f64(), "s");
    let began = Instant::now();
    node.start();
    Figures::beside(&format!("ready with {count} entries and no views yet"), began.elapsed().as_secs_f64(), "s");
    until_searchable(&node, count);
    Figures::beside(&format!("catalogue and index of {count} entries built"), began.elapsed().as_secs_f64(), "s");
    Figures::beside("right after that: memory", resident_mb(node.pid().unwrap()), "MB");
    node.stop();
    let began = Instant::now();
    node.start();
    let ready = began.elapsed().as_secs_f64();
    figures.at_most(&format!("ready with {count} entries"), ready, 1.0, "s");
    until_searchable(&node, count);
    Figures::beside(&format!("everything of {count} entries found again"), began.elapsed().as_secs_f64(), "s");
    if promised_mb.is_some() {
        idle(figures, &node, &format!("with {count} entries"), promised_mb, true);
    }
    let began = Instant::now();
    let mut searches = 0_u32;
    while began.elapsed() < Duration::from_secs(3) {
        assert_eq!(node.owner().get("/api/v1/search?q=%E6%B0%B4%E7%9A%84%E5%BE%AA%E7%8E%AF&scope=local").status, 200);
        searches += 1;
    }
    let milliseconds = began.elapsed().as_secs_f64() * 1e3 / f64::from(searches);
    Figures::beside(&format!("a local search among {count} entries over HTTP"), milliseconds, "ms");
    counts(&node, count);
}

/// What every page's head, the federation's page and the list of subscriptions ask for.
fn counts(node: &Node, count: usize) {
    node.kapok(&["subscribe", "--subject", "music"]);
    let owner = node.owner();
    for path in ["/api/v1/status", "/api/v1/members", "/api/v1/subscriptions"] {
        assert_eq!(owner.get(path).status, 200);
        let began = Instant::now();
        (0..COUNTED).for_each(|_| assert_eq!(owner.get(path).status, 200));
        let milliseconds = began.elapsed().as_secs_f64() * 1e3 / f64::from(COUNTED);
        Figures::beside(&format!("{path} among {count} entries"), milliseconds, "ms");
    }
    let file = node.file("一份.txt", "刚添加的一份");
    node.add(&file, &["--license", "CC0-1.0", "--visibility", "public"]);
    let began = Instant::now();
    assert_eq!(owner.get("/api/v1/members").status, 200);
    Figures::beside("  members right after one more", began.elapsed().as_secs_f64() * 1e3, "ms");
}

/// The counts alone, of a library that is large for a county.
pub(crate) fn run_counts() -> ExitCode {
    let count = 100_000;
    let mut node = Node::init("city", "攀枝花市电教馆");
    fill(&node, count);
    node.start();
    until_searchable(&node, count);
    counts(&node, count);
    Figures::beside("memory", resident_mb(node.pid().unwrap()), "MB");
    ExitCode::SUCCESS
}

/// Waits until the node knows and finds all of them.
fn until_searchable(node: &Node, count: usize) {
    let began = Instant::now();
    let owner = node.owner();
    loop {
        let status = owner.get("/api/v1/status");
        let found = owner.get("/api/v1/search?q=&scope=local&limit=1");
        if status.status == 200 && found.status == 200 {
            let (status, found) = (status.json(), found.json());
            if status["resources"] == count && found["total"] == count {
                return;
            }
            assert!(began.elapsed() < REBUILD, "not all {count} resources are there: {status} {found}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A thousand files of 64 KiB, against copying, hashing and syncing the same files one after the other.
fn adding(figures: &mut Figures) {
    let mut node = Node::init("city", "攀枝花市电教馆");
    node.start();
    let source = node.scratch("source");
    let mut bytes = vec![0; ADDED_BYTES];
    for number in 0..ADDED_FILES {
        // No two files alike, and nothing in them that a disk could compress.
        blake3::Hasher::new().update(&number.to_le_bytes()).finalize_xof().fill(&mut bytes);
        std::fs::write(source.join(format!("{number:04}.bin")), &bytes).unwrap();
    }
    // The source is on the disk before either begins.
    rustix::fs::sync();
    let reference = copy_hash_sync(&source, &node.scratch("reference"));
    let began = Instant::now();
    let added = node.kapok(&["add", source.to_str().unwrap(), "--license", "CC0-1.0", "--visibility", "public"]);
    let kapok = began.elapsed().as_secs_f64();
    assert_eq!(added["resources"].as_array().unwrap().len(), ADDED_FILES);
    let rate = |seconds: f64| ADDED_FILES as f64 / seconds;
    Figures::beside("cp + b3sum + fdatasync of 1,000 files of 64 KiB", rate(reference), "files/s");
    Figures::beside("kapok add of the same files, as 1,000 resources", rate(kapok), "files/s");
    figures.at_least("kapok add against cp + b3sum with the same fsyncs", reference / kapok, 0.3, "times");
}

/// What `cp`, `b3sum` and a sync of each file do, in one process: the fairest that is not Kapok.
fn copy_hash_sync(source: &Path, target: &Path) -> f64 {
    let began = Instant::now();
    for entry in std::fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        let content = std::fs::read(&path).unwrap();
        let copy = target.join(path.file_name().unwrap());
        let mut file = File::create(&copy).unwrap();
        file.write_all(&content).unwrap();
        file.sync_data().unwrap();
        // b3sum reads what cp has written.
        blake3::hash(&std::fs::read(&copy).unwrap());
    }
    File::open(target).unwrap().sync_all().unwrap();
    began.elapsed().as_secs_f64()
}
