//! Staged, kept, settled or undone: nobody's file is lost on the way, and nothing is left of what came to nothing.
#![allow(clippy::unwrap_used)]

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::*;
use crate::blobs::{AddMode, Removal};
use crate::fs::{ForgetfulFs, Fs as _, RealFs};
use crate::home::Paths;

const LESSON: &[u8] = b"a lesson that somebody has spent an evening on";

struct Store {
    home: tempfile::TempDir,
    blobs: Blobs,
}

impl Store {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(Arc::new(RealFs), Paths::new(home.path())).unwrap();
        Self { home, blobs }
    }

    /// A person's file, with permissions and a time of its own.
    fn file(&self, name: &str) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, LESSON).unwrap();
        RealFs.set_mode(&path, 0o640).unwrap();
        let long_ago = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        path
    }

    fn stage(&self, path: &Path) -> Vec<Staged> {
        self.blobs.stage_batch(&[path.to_path_buf()], AddMode::Move).into_iter().map(Result::unwrap).collect()
    }

    fn upload(&self) -> Vec<Staged> {
        let mut upload = self.blobs.upload("token", Some(LESSON.len() as u64)).unwrap();
        upload.append(0, LESSON).unwrap();
        vec![upload.stage().unwrap()]
    }

    fn content(&self, id: BlobId) -> Vec<u8> {
        let mut content = Vec::new();
        self.blobs.reader(id).unwrap().read_to_end(&mut content).unwrap();
        content
    }

    /// Files of our own that lie about.
    fn staging(&self) -> usize {
        std::fs::read_dir(self.home.path().join("staging")).unwrap().count()
    }
}

/// Content, permissions and time.
fn looks(path: &Path) -> (Vec<u8>, u32, SystemTime) {
    let content = std::fs::read(path).unwrap();
    (content, RealFs.mode(path).unwrap(), std::fs::metadata(path).unwrap().modified().unwrap())
}

fn nobody(_: BlobId) -> bool {
    false
}

fn somebody(_: BlobId) -> bool {
    true
}

fn lesson() -> BlobId {
    BlobId::of(LESSON)
}

#[test]
fn a_file_that_is_moved_stays_where_it_is_until_the_blob_is_named() {
    let store = Store::new();
    let path = store.file("课件.pptx");
    let staged = store.stage(&path);
    assert!(!store.blobs.contains(lesson()).unwrap());
    let kept = store.blobs.keep(staged, &nobody).unwrap();
    assert_eq!(store.content(lesson()), LESSON);
    assert_eq!(std::fs::read(&path).unwrap(), LESSON);
    assert_eq!(RealFs.mode(&path).unwrap(), 0o444, "the blob can be written to by its other name");
    assert!(kept.settle().is_empty());
    assert!(!path.exists());
    assert_eq!(store.content(lesson()), LESSON);
}

#[cfg(unix)]
#[test]
fn a_moved_file_that_has_another_name_leaves_nothing_by_which_the_blob_can_be_written_to() {
    let store = Store::new();
    let path = store.file("课件.pptx");
    let other = store.home.path().join("也叫.pptx");
    std::fs::hard_link(&path, &other).unwrap();
    let before = looks(&other);
    assert!(store.blobs.keep(store.stage(&path), &nobody).unwrap().settle().is_empty());
    assert!(!path.exists() && store.staging() == 0);
    assert_eq!(looks(&other), before);
    std::fs::write(&other, b"changed by the other name").unwrap();
    assert_eq!(store.content(lesson()), LESSON);
}

#[test]
fn what_comes_to_nothing_leaves_a_moved_file_as_it_was_and_no_blob() {
    let store = Store::new();
    let path = store.file("课件.pptx");
    let before = looks(&path);
    drop(store.stage(&path));
    assert_eq!(looks(&path), before);
    drop(store.blobs.keep(store.stage(&path), &nobody).unwrap());
    assert_eq!(looks(&path), before);
    assert!(!store.blobs.contains(lesson()).unwrap() && store.staging() == 0);
}

#[test]
fn two_equal_files_come_to_nothing_together() {
    let store = Store::new();
    let (one, two) = (store.file("一.pptx"), store.file("二.pptx"));
    let before = looks(&one);
    let staged = store.stage(&one).into_iter().chain(store.stage(&two)).collect();
    drop(store.blobs.keep(staged, &nobody).unwrap());
    assert_eq!((looks(&one), looks(&two)), (before.clone(), before));
    assert!(!store.blobs.contains(lesson()).unwrap() && store.staging() == 0);
}

#[test]
fn a_moved_file_that_is_kept_after_all_shares_nothing_with_a_blob_that_others_need() {
    for named in [true, false] {
        let store = Store::new();
        let path = store.file("课件.pptx");
        let before = looks(&path);
        let kept = store.blobs.keep(store.stage(&path), if named { &somebody } else { &nobody }).unwrap();
        let pin = (!named).then(|| store.blobs.pin(lesson()));
        drop(kept);
        assert_eq!(looks(&path), before);
        std::fs::write(&path, b"changed later").unwrap();
        assert_eq!(store.content(lesson()), LESSON);
        assert_eq!(RealFs.mode(&store.blobs.path_of(lesson())).unwrap(), 0o444);
        drop(pin);
    }
}

#[test]
fn an_upload_that_comes_to_nothing_is_an_upload_again() {
    for needed in [false, true] {
        let store = Store::new();
        let kept = store.blobs.keep(store.upload(), &nobody).unwrap();
        let pin = needed.then(|| store.blobs.pin(lesson()));
        drop(kept);
        assert_eq!(store.blobs.contains(lesson()).unwrap(), needed);
        drop(pin);
        let upload = store.blobs.upload("token", None).unwrap();
        assert_eq!(upload.received(), LESSON.len() as u64);
        let kept = store.blobs.keep(vec![upload.stage().unwrap()], &nobody).unwrap();
        assert!(kept.settle().is_empty());
        assert_eq!(store.content(lesson()), LESSON);
        assert_eq!(store.staging(), 0);
    }
}

#[test]
fn a_file_that_took_the_name_meanwhile_is_not_removed() {
    let store = Store::new();
    let path = store.file("课件.pptx");
    let kept = store.blobs.keep(store.stage(&path), &nobody).unwrap();
    let other = store.file("别的.pptx");
    std::fs::rename(&other, &path).unwrap();
    assert!(matches!(kept.settle()[..], [BlobError::Changed(_)]));
    assert!(path.exists());
    assert_eq!(store.content(lesson()), LESSON);
}

#[test]
fn a_blob_that_was_written_to_through_its_old_name_does_not_pass_for_good() {
    let store = Store::new();
    let path = store.file("课件.pptx");
    let mut open = std::fs::File::options().write(true).open(&path).unwrap();
    let kept = store.blobs.keep(store.stage(&path), &nobody).unwrap();
    std::io::Write::write_all(&mut open, b"A").unwrap();
    assert!(matches!(kept.settle()[..], [BlobError::Changed(_)]));
    assert!(std::fs::read(&path).unwrap().starts_with(b"A lesson"));
    assert!(!store.blobs.contains(lesson()).unwrap());
    assert_eq!(RealFs.mode(&path).unwrap(), 0o640);
}

#[test]
fn nobody_removes_a_blob_that_is_pinned_or_named() {
    let store = Store::new();
    let remove = |named| store.blobs.remove_unless_named::<BlobError>(lesson(), || Ok(named)).unwrap();
    assert_eq!(remove(false), Removal::NotHeld);
    let kept = store.blobs.keep(store.stage(&store.file("课件.pptx")), &nobody).unwrap();
    assert_eq!(remove(false), Removal::Pinned);
    // Another add finds it here.
    let copies = store.blobs.stage_batch(&[store.file("又一份.pptx")], AddMode::Copy);
    let again = store.blobs.keep(copies.into_iter().map(Result::unwrap).collect(), &nobody).unwrap();
    assert!(again.added().all(|added| added.already_held));
    kept.settle();
    assert_eq!(remove(false), Removal::Pinned);
    again.settle();
    assert_eq!(remove(true), Removal::Named);
    assert_eq!(remove(false), Removal::Removed);
    // One that is arriving is wanted, too.
    let partial = store.blobs.partial(lesson(), LESSON.len() as u64).unwrap();
    partial.write_piece(0, LESSON).unwrap();
    partial.finish().unwrap();
    assert_eq!(remove(false), Removal::Pinned);
    drop(partial);
    assert_eq!(remove(false), Removal::Removed);
}

#[test]
fn a_power_cut_before_the_blob_is_named_leaves_the_moved_file() {
    let path = Path::new("/home/in/课件.pptx");
    let prepare = || {
        let disk = ForgetfulFs::new();
        disk.put(path, LESSON);
        let blobs = Blobs::open(Arc::new(disk.clone()), Paths::new("/home")).unwrap();
        (disk, blobs)
    };
    let work = |blobs: &Blobs| -> Result<(), BlobError> {
        let staged = blobs.stage_batch(&[path.to_path_buf()], AddMode::Move).into_iter().collect::<Result<_, _>>()?;
        let kept = blobs.keep(staged, &nobody)?;
        // Killed before anything is named or undone.
        std::mem::forget(kept);
        Ok(())
    };
    let (disk, blobs) = prepare();
    let first = disk.changes();
    work(&blobs).unwrap();
    for cut in first..=disk.changes() {
        for seed in 0..4 {
            let (disk, blobs) = prepare();
            disk.cut_power_after(cut);
            let _ = work(&blobs);
            disk.crash(seed * 1000 + cut);
            assert_eq!(disk.files().get(path).map(Vec::as_slice), Some(LESSON), "cut {cut} seed {seed}");
        }
    }
}
