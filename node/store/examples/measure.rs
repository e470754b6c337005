//! Measures the store on this machine's disk: `cargo run --release -p kapok-store --example measure [DIR]`.
//!
//! Adding is compared with copying, hashing and syncing the same files one after the other, in the same run.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use kapok_store::blobs::{AddMode, Blobs};
use kapok_store::fs::{RealFs, SharedFs};
use kapok_store::home::Home;
use kapok_store::journal::{Journal, Options};
use kapok_store::view::{Batch, Table, View, ViewOptions};

const FILES: usize = 1000;
const FILE_BYTES: usize = 64 * 1024;
const ENTRIES: usize = 100_000;
const ENTRY_BYTES: usize = 400;

fn main() -> Result<(), Box<dyn Error>> {
    let parent = std::env::args_os().nth(1).map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(parent)?;
    let fs: SharedFs = Arc::new(RealFs);
    let home = Home::init(fs.clone(), &dir.path().join("home"))?;
    adding(&dir.path().join("in"), &dir.path().join("out"), &Blobs::open(fs.clone(), home.paths().clone())?)?;
    let journal = Journal::open(fs, &home.paths().shared_journal(), Options::default(), [1; 32])?;
    journal_and_view(&journal, &home.paths().catalogue())
}

/// Files of random bytes, so that neither disk nor hash can take a short cut.
fn adding(source: &Path, copies: &Path, blobs: &Blobs) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(source)?;
    fs::create_dir_all(copies)?;
    let mut bytes = vec![0; FILE_BYTES];
    let mut paths = Vec::new();
    for n in 0..FILES {
        blake3::Hasher::new().update(&n.to_le_bytes()).finalize_xof().fill(&mut bytes);
        let path = source.join(format!("{n}.bin"));
        fs::write(&path, &bytes)?;
        paths.push(path);
    }
    let start = Instant::now();
    for path in &paths {
        let copy = copies.join(path.file_name().unwrap_or_default());
        let mut hasher = blake3::Hasher::new();
        let mut out = fs::File::create(&copy)?;
        let content = fs::read(path)?;
        out.write_all(&content)?;
        out.sync_data()?;
        io::copy(&mut fs::File::open(&copy)?, &mut hasher)?;
        hasher.finalize();
    }
    fs::File::open(copies)?.sync_all()?;
    let plain = start.elapsed().as_secs_f64();
    let start = Instant::now();
    for outcome in blobs.add_batch(&paths, AddMode::Copy) {
        outcome?;
    }
    let added = start.elapsed().as_secs_f64();
    let rate = |seconds: f64| FILES as f64 / seconds;
    println!("copy, sync, hash   {:>9.0} files/s", rate(plain));
    println!("add_batch          {:>9.0} files/s   {:.2} times that", rate(added), plain / added);
    let start = Instant::now();
    for n in 0..FILES / 10 {
        blobs.add_reader(&mut &n.to_le_bytes().repeat(FILE_BYTES / 8)[..], None)?;
    }
    println!("add, one by one    {:>9.0} files/s", FILES as f64 / 10.0 / start.elapsed().as_secs_f64());
    Ok(())
}

fn journal_and_view(journal: &Journal, catalogue: &Path) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let payload = vec![7; ENTRY_BYTES];
    let batch: Vec<&[u8]> = vec![&payload; 1000];
    for _ in 0..ENTRIES / batch.len() {
        journal.append(&batch)?;
    }
    println!("append by 1,000    {:>9.0} entries/s", ENTRIES as f64 / start.elapsed().as_secs_f64());
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| (0..100).try_for_each(|_| journal.append(&[&payload]).map(|_| ())));
        }
    });
    println!("append by 32 threads {:>7.0} entries/s", 3200.0 / start.elapsed().as_secs_f64());
    let start = Instant::now();
    (0..200).try_for_each(|_| journal.append(&[&payload]).map(|_| ()))?;
    println!("append alone       {:>9.0} entries/s", 200.0 / start.elapsed().as_secs_f64());

    let before = resident_mb();
    let view = View::open(catalogue, ViewOptions::default())?;
    let empty = resident_mb();
    let start = Instant::now();
    let (mut batch, mut entries) = (Batch::new(), 0);
    for frame in journal.iter_from(journal.cursor(0))? {
        let frame = frame?;
        let key = blake3::hash(&frame.position.to_le_bytes());
        for table in 1..=3 {
            batch.insert(Table::new(table), key.as_bytes(), frame.position.to_le_bytes().to_vec());
        }
        entries += 1;
        if batch.len() >= 3000 {
            view.apply(std::mem::take(&mut batch), journal.cursor(frame.next))?;
        }
    }
    view.apply(batch, journal.end())?;
    println!("rebuild, 3 keys an entry {:>3.0} entries/s", f64::from(entries) / start.elapsed().as_secs_f64());
    println!("view on disk       {:>9} MB", view.disk_bytes() >> 20);
    println!(
        "resident           {before} MB, {empty} MB with an empty view, {} MB with {entries} entries",
        resident_mb()
    );
    let start = Instant::now();
    view.close()?;
    println!("close              {:>9.0} ms", start.elapsed().as_secs_f64() * 1000.0);
    let start = Instant::now();
    let view = View::open(catalogue, ViewOptions::default())?;
    println!("open               {:>9.0} ms", start.elapsed().as_secs_f64() * 1000.0);
    println!("resident           {} MB after opening", resident_mb());
    let start = Instant::now();
    let read = view.all(Table::new(2)).take(10_000).filter(Result::is_ok).count();
    println!("scan               {:>9.0} pairs/s", read as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

/// Memory of this process, where the system tells it.
fn resident_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) / 1024
}
