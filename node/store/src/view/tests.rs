#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::ops::Bound;

use super::*;

const NAMES: Table = Table::new(1);
const TIMES: Table = Table::new(2);

fn at(position: u64) -> Cursor {
    Cursor { journal: [3; 16], position }
}

fn open(dir: &Path) -> View {
    View::open(dir, ViewOptions::default()).unwrap()
}

fn key(n: u32) -> Vec<u8> {
    n.to_be_bytes().to_vec()
}

/// A view of `count` names and the same number of times, at position `count`.
fn filled(dir: &Path, count: u32) -> View {
    let view = open(dir);
    feed(&view, count);
    view
}

fn feed(view: &View, count: u32) {
    let mut batch = Batch::new();
    for n in 0..count {
        batch.insert(NAMES, &key(n), vec![u8::try_from(n % 251).unwrap(); 100]);
        batch.insert(TIMES, &key(n), b"time".to_vec());
    }
    view.apply(batch, at(u64::from(count))).unwrap();
}

fn keys(scan: Scan) -> Vec<Vec<u8>> {
    scan.map(|pair| pair.unwrap().0).collect()
}

/// The newest database in the view's folder.
fn database(dir: &Path) -> PathBuf {
    let names = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
    names.filter(|p| p.file_name().unwrap().to_str().unwrap().starts_with("db.")).max().unwrap()
}

#[test]
fn changes_and_position_are_seen_together_and_tables_are_apart() {
    let dir = tempfile::tempdir().unwrap();
    let view = open(dir.path());
    assert_eq!(view.position().unwrap(), None);
    feed(&view, 1000);
    assert_eq!(view.position().unwrap(), Some(at(1000)));
    assert_eq!(view.get(TIMES, &key(7)).unwrap().unwrap(), b"time");
    let mut batch = Batch::new();
    batch.remove(NAMES, &key(7));
    view.apply(batch, at(1001)).unwrap();
    assert_eq!(view.get(NAMES, &key(7)).unwrap(), None);
    assert_eq!(view.get(TIMES, &key(7)).unwrap().unwrap(), b"time");
    let expected: Vec<Vec<u8>> = (0..1000).filter(|n| *n != 7).map(key).collect();
    assert_eq!(keys(view.all(NAMES)), expected);
    assert_eq!(keys(view.all(NAMES).reversed()), expected.iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!(keys(view.all(TIMES)).len(), 1000);
    assert!(keys(view.all(Table::new(255))).is_empty());
}

#[test]
fn ranges_and_prefixes_give_what_a_map_gives() {
    let dir = tempfile::tempdir().unwrap();
    let view = filled(dir.path(), 700);
    let map: BTreeMap<Vec<u8>, ()> = (0..700).map(|n| (key(n), ())).collect();
    let (low, high) = (key(100), key(600));
    for from in [Bound::Included(&low[..]), Bound::Excluded(&low), Bound::Unbounded] {
        for to in [Bound::Included(&high[..]), Bound::Excluded(&high), Bound::Unbounded] {
            let expected: Vec<_> = map.range::<[u8], _>((from, to)).map(|(k, ())| k.clone()).collect();
            assert_eq!(keys(view.range(NAMES, from, to)), expected);
            let last_first: Vec<_> = expected.into_iter().rev().collect();
            assert_eq!(keys(view.range(NAMES, from, to).reversed()), last_first);
        }
    }
    assert!(keys(view.range(NAMES, Bound::Included(&high), Bound::Included(&low))).is_empty());
    assert!(keys(view.range(NAMES, Bound::Excluded(&low), Bound::Excluded(&low))).is_empty());
    assert_eq!(keys(view.prefix(NAMES, &[0, 0, 1])).len(), 256);
}

#[test]
fn an_orderly_stop_keeps_the_view_and_any_other_empties_it() {
    let dir = tempfile::tempdir().unwrap();
    let view = filled(dir.path(), 500);
    view.close().unwrap();
    assert!(matches!(view.get(NAMES, b""), Err(ViewError::Closed { .. })));
    let view = open(dir.path());
    assert_eq!(view.position().unwrap(), Some(at(500)));
    assert_eq!(keys(view.all(NAMES)).len(), 500);
    drop(view);
    let view = open(dir.path());
    assert_eq!(view.position().unwrap(), None);
    assert!(keys(view.all(NAMES)).is_empty());
}

#[test]
fn an_empty_view_is_kept_too() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).close().unwrap();
    let kept = database(dir.path());
    let view = open(dir.path());
    assert_eq!(view.position().unwrap(), None);
    assert_eq!(database(dir.path()), kept);
}

/// Damages a closed view; the view opens all the same, is either as it was or empty, and can be fed again.
/// (Whatever sled itself would make of the damage: it may well open and lack some keys.)
fn heals(damage: impl FnOnce(&Path)) {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 3000).close().unwrap();
    damage(dir.path());
    let view = open(dir.path());
    let read = view.all(NAMES).collect::<Result<Vec<_>, _>>();
    match (view.position(), read) {
        (Ok(Some(position)), Ok(pairs)) => assert_eq!((position, pairs.len()), (at(3000), 3000)),
        (Ok(None), Ok(pairs)) => assert!(pairs.is_empty()),
        (_, Err(ViewError::Damaged { .. })) => {
            assert!(matches!(view.apply(Batch::new(), at(1)), Err(ViewError::Damaged { .. })));
            view.reset().unwrap();
            assert_eq!(view.position().unwrap(), None);
        }
        (position, read) => panic!("{position:?} {:?}", read.err()),
    }
    feed(&view, 100);
    assert_eq!(view.get(NAMES, &key(50)).unwrap().unwrap(), vec![50; 100]);
    view.close().unwrap();
    assert_eq!(open(dir.path()).position().unwrap(), Some(at(100)));
}

#[test]
fn a_truncated_database_heals() {
    for keep_percent in [0, 1, 30, 70, 99] {
        heals(|dir| {
            let db = database(dir).join("db");
            let len = fs::metadata(&db).unwrap().len();
            fs::OpenOptions::new().write(true).open(db).unwrap().set_len(len * keep_percent / 100).unwrap();
        });
    }
}

#[test]
fn a_database_with_flipped_bytes_heals() {
    for part in 0..12 {
        heals(|dir| {
            let db = database(dir).join("db");
            let mut bytes = fs::read(&db).unwrap();
            let from = bytes.len() * part / 12;
            bytes[from..].iter_mut().step_by(97).take(40).for_each(|b| *b ^= 0x55);
            fs::write(db, bytes).unwrap();
        });
    }
}

#[test]
fn whatever_sled_meets_when_it_opens_is_an_error_in_words_and_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 3000).close().unwrap();
    let db = database(dir.path());
    let bytes = fs::read(db.join("db")).unwrap();
    for part in 0..20 {
        let at = bytes.len() * part / 20;
        let mut altered = bytes.clone();
        altered[at..].iter_mut().step_by(13).take(100).for_each(|b| *b = !*b);
        for content in [altered, bytes[..at].to_vec()] {
            fs::write(db.join("db"), content).unwrap();
            let opened = folder::open_existing(&db, ViewOptions::default());
            if let Ok(engine) = opened {
                let all = (Bound::Unbounded, Bound::Unbounded);
                let _ = engine::guarded(|| engine.pairs(&all, false, 4000));
                engine::let_go(Arc::new(engine));
            }
        }
    }
}

#[test]
fn a_view_whose_files_are_missing_or_foreign_heals() {
    let each_file = |change: fn(&Path)| {
        move |dir: &Path| {
            for entry in fs::read_dir(database(dir)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    change(&path);
                }
            }
        }
    };
    heals(each_file(|path| fs::remove_file(path).unwrap()));
    heals(each_file(|path| fs::write(path, b"garbage").unwrap()));
    heals(each_file(|path| fs::write(path, b"").unwrap()));
    heals(|dir| fs::remove_dir_all(database(dir)).unwrap());
    heals(|dir| fs::write(dir.join("CLEAN"), b"77 nonsense").unwrap());
    heals(|dir| {
        let clean = fs::read_to_string(dir.join("CLEAN")).unwrap();
        fs::write(dir.join("CLEAN"), clean.replace(" 3000", " 5")).unwrap();
    });
    heals(|dir| fs::remove_file(database(dir).join("conf")).unwrap());
}

#[test]
fn what_a_kill_leaves_of_a_snapshot_is_removed_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 100).close().unwrap();
    fs::write(database(dir.path()).join("snap.0000000000000F00.generating"), b"half").unwrap();
    assert_eq!(open(dir.path()).position().unwrap(), Some(at(100)));
}

#[test]
fn a_panic_inside_the_database_makes_the_view_damaged_until_it_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let view = filled(dir.path(), 10);
    let failed = view.shared.with(|_| -> Result<(), String> { panic!("sled has lost its way") });
    assert!(matches!(&failed, Err(ViewError::Damaged { reason, .. }) if reason.contains("lost its way")), "{failed:?}");
    assert!(matches!(view.get(NAMES, &key(1)), Err(ViewError::Damaged { .. })));
    assert!(matches!(view.position(), Err(ViewError::Damaged { .. })));
    assert!(matches!(view.apply(Batch::new(), at(11)), Err(ViewError::Damaged { .. })));
    assert!(view.all(NAMES).next().unwrap().is_err());
    view.close().unwrap();
    view.reset().unwrap();
    feed(&view, 10);
    assert_eq!(keys(view.all(NAMES)).len(), 10);
}

#[test]
fn a_failed_database_is_kept_aside_once() {
    let dir = tempfile::tempdir().unwrap();
    let view = filled(dir.path(), 100);
    for _ in 0..3 {
        view.reset().unwrap();
        feed(&view, 100);
    }
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(names.len() <= 2, "{names:?}");
    assert!(names.contains(&"aside.3".into()), "{names:?}");
    view.close().unwrap();
    assert_eq!(open(dir.path()).position().unwrap(), Some(at(100)));
}

#[test]
fn a_folder_that_has_outgrown_its_content_is_made_anew() {
    assert!(!outgrown(64 << 20, 0));
    assert!(outgrown((64 << 20) + 1, 0));
    assert!(!outgrown(400 << 20, 100 << 20));
    assert!(outgrown(401 << 20, 100 << 20));
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path(), 100).close().unwrap();
    let kept = database(dir.path());
    fs::File::create(kept.join("ballast")).unwrap().set_len(65 << 20).unwrap();
    let options = ViewOptions { estimate_bytes: Some(1), ..ViewOptions::default() };
    let view = View::open(dir.path(), options).unwrap();
    assert_eq!(view.position().unwrap(), None);
    // Not for damage: nothing is kept of it.
    assert!(!kept.exists() || view.disk_bytes() < 1 << 20);
}

#[test]
fn readers_go_on_while_the_view_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let view = filled(dir.path(), 2000);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for n in 0..2000 {
                        match view.get(NAMES, &key(n)) {
                            Ok(found) => assert!(found.is_none_or(|v| v.len() == 100)),
                            Err(e) => assert!(matches!(e, ViewError::Damaged { .. }), "{e}"),
                        }
                    }
                })
            })
            .collect();
        view.reset().unwrap();
        feed(&view, 2000);
        readers.into_iter().for_each(|r| r.join().unwrap());
    });
    assert_eq!(keys(view.all(NAMES)).len(), 2000);
}
