//! Real processes on the real disk: a store that is killed at any moment, and two of them on one folder.
//!
//! The tests run this very program again as the process that is killed; it prints what was acknowledged to it.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use kapok_protocol::blob::BlobId;
use kapok_store::blobs::{Blobs, Verdict};
use kapok_store::fs::{RealFs, SharedFs};
use kapok_store::home::{Home, HomeError};
use kapok_store::journal::{Journal, Options};

/// Says to this program that it is the process to be killed, and where its folder is.
const HOME_VARIABLE: &str = "KAPOK_STORE_TEST_HOME";

fn real() -> SharedFs {
    Arc::new(RealFs)
}

/// Small segments, so that kills hit the change from one to the next.
fn options() -> Options {
    Options { segment_bytes: 20_000, ..Options::default() }
}

fn open_all(home: &Path) -> (Home, Journal, Blobs) {
    let home = Home::open(real(), home).unwrap();
    let journal = Journal::open(real(), &home.paths().shared_journal(), options(), [1; 32]).unwrap();
    let blobs = Blobs::open(real(), home.paths().clone()).unwrap();
    (home, journal, blobs)
}

fn start(home: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["the_process_that_is_killed", "--exact", "--nocapture", "--test-threads", "1"])
        .env(HOME_VARIABLE, home)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

#[test]
fn the_process_that_is_killed() {
    let Some(home) = std::env::var_os(HOME_VARIABLE) else {
        return;
    };
    let (_home, journal, blobs) = open_all(Path::new(&home));
    let mut out = std::io::stdout();
    for n in journal.end().position.. {
        let payload = n.to_string().repeat(usize::try_from(n % 50).unwrap() + 1);
        let position = journal.append(&[payload.as_bytes()]).unwrap()[0];
        writeln!(out, "\nentry {position} {payload}").unwrap();
        let content = payload.repeat(100);
        let added = blobs.add_reader(&mut content.as_bytes(), None).unwrap();
        writeln!(out, "\nblob {}", added.id).unwrap();
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9_at_any_moment() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("home");
    drop(Home::init(real(), &root).unwrap());
    let (mut entries, mut ids) = (Vec::new(), Vec::new());
    for kill in 0..12 {
        let mut child = start(&root);
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        // Early kills hit the start.
        for _ in 0..kill * kill {
            lines.read_line(&mut said).unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        lines.read_to_string(&mut said).unwrap();
        // The last line may be half of one.
        let whole = &said[..said.rfind('\n').map_or(0, |end| end + 1)];
        for line in whole.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["entry", position, payload] => entries.push((position.parse::<u64>().unwrap(), payload.to_owned())),
                ["blob", id] => ids.push(id.parse::<BlobId>().unwrap()),
                _ => {}
            }
        }
        let (_home, journal, blobs) = open_all(&root);
        for (position, payload) in &entries {
            assert_eq!(journal.read(*position).unwrap(), payload.as_bytes());
        }
        for id in &ids {
            assert!(matches!(blobs.verify(*id).unwrap(), Verdict::Good { .. }));
        }
        assert!(journal.damaged().is_empty());
        assert_eq!(std::fs::read_dir(root.join("staging")).unwrap().count(), 0);
    }
    assert!(entries.len() > 100 && ids.len() > 100);
}

#[test]
fn a_second_process_on_the_folder_is_told_who_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("home");
    drop(Home::init(real(), &root).unwrap());
    let mut child = start(&root);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap().starts_with("entry"));
    let error = Home::open(real(), &root).unwrap_err();
    assert!(matches!(&error, HomeError::InUse { pid: Some(pid), .. } if *pid == child.id()), "{error}");
    assert_eq!(
        error.to_string(),
        format!(
            "{} is in use by another kapok (process {})\n  stop it first, or choose another folder with --home",
            root.display(),
            child.id()
        )
    );
    child.kill().unwrap();
    child.wait().unwrap();
    // A killed process leaves no lock behind.
    assert!(Home::open(real(), &root).is_ok());
}

#[cfg(unix)]
#[test]
fn keys_can_be_read_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let home = Home::init(real(), &dir.path().join("home")).unwrap();
    let key = home.paths().node_key();
    home.write_key(&key, b"secret").unwrap();
    home.write_run_file("token", b"first").unwrap();
    home.write_run_file("token", b"second").unwrap();
    for path in [key, home.paths().run().join("token")] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(std::fs::read(home.paths().run().join("token")).unwrap(), b"second");
}
