//! What a data folder promises: made once, held by one, never taken over, and refused with a remedy.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use super::*;
use crate::fs::ForgetfulFs;

fn disk() -> (ForgetfulFs, SharedFs, &'static Path) {
    let disk = ForgetfulFs::new();
    (disk.clone(), Arc::new(disk), Path::new("/srv/kapok"))
}

#[test]
fn a_folder_is_made_once_and_opened_after_a_power_cut() {
    let (disk, fs, root) = disk();
    assert!(matches!(Home::open(fs.clone(), root), Err(HomeError::NotAHome(_))));
    let home = Home::init(fs.clone(), root).unwrap();
    let key = home.paths().node_key();
    home.write_key(&key, b"secret").unwrap();
    assert!(matches!(home.write_key(&key, b"other"), Err(HomeError::KeyExists(_))));
    disk.crash(7);
    let home = Home::open(fs.clone(), root).unwrap();
    assert_eq!(home.read_key(&key).unwrap().unwrap(), b"secret");
    assert_eq!(home.read_key(&home.paths().root_key()).unwrap(), None);
    drop(home);
    assert!(matches!(Home::init(fs, root), Err(HomeError::AlreadyAHome(_))));
}

#[test]
fn an_init_cut_anywhere_can_be_done_again() {
    let (disk, fs, root) = disk();
    Home::init(fs, root).unwrap();
    let changes = disk.changes();
    for cut in 0..changes {
        let (disk, fs, root) = self::disk();
        disk.cut_power_after(cut);
        let unfinished = Home::init(fs.clone(), root);
        drop(unfinished);
        disk.crash(cut);
        match Home::init(fs.clone(), root) {
            Ok(_) => {}
            Err(HomeError::AlreadyAHome(_)) => drop(Home::open(fs, root).unwrap()),
            Err(e) => panic!("cut after {cut}: {e}"),
        }
    }
}

#[test]
fn a_folder_of_another_version_is_refused_untouched() {
    let (disk, fs, root) = disk();
    disk.put(&root.join("FORMAT"), b"kapok data folder 9\n");
    let before = (disk.files(), disk.changes());
    let error = Home::open(fs, root).unwrap_err();
    assert!(error.to_string().contains("kapok data folder 9"), "{error}");
    assert_eq!(before, (disk.files(), disk.changes()));
}

#[test]
fn a_folder_with_other_files_is_not_taken_over() {
    let (disk, fs, root) = disk();
    disk.put(&root.join("thesis.docx"), b"mine");
    let error = Home::init(fs, root).unwrap_err();
    assert!(error.to_string().contains("thesis.docx"), "{error}");
}

#[test]
fn a_second_process_is_told_who_holds_the_folder() {
    let (_, fs, root) = disk();
    let home = Home::init(fs.clone(), root).unwrap();
    let error = Home::open(fs.clone(), root).unwrap_err().to_string();
    assert!(error.contains(&format!("in use by another kapok (process {})", std::process::id())), "{error}");
    assert!(error.contains("choose another folder with --home"), "{error}");
    drop(home);
    assert!(Home::open(fs, root).is_ok());
}

#[test]
fn the_reserve_is_freed_for_a_full_disk_and_set_aside_again() {
    let (disk, fs, root) = disk();
    disk.set_room(Some(5 * RESERVE_BYTES));
    let home = Home::init(fs.clone(), root).unwrap();
    let before = fs.free_space(root).unwrap();
    assert!(home.free_reserve());
    assert_eq!(fs.free_space(root).unwrap(), before + RESERVE_BYTES);
    disk.set_room(Some(1000));
    assert!(!home.refill_reserve());
    disk.set_room(Some(5 * RESERVE_BYTES));
    assert!(home.refill_reserve());
}

#[test]
fn a_key_that_is_not_whole_is_refused_with_a_remedy_and_left_as_it_is() {
    let (disk, fs, root) = disk();
    let home = Home::init(fs, root).unwrap();
    let path = home.paths().node_key();
    let missing = home.node_key().unwrap_err().to_string();
    assert!(missing.contains("is missing") && missing.contains("\n  put it back from a backup"), "{missing}");
    for bytes in [&b""[..], &[7; 31], &[7; 33]] {
        disk.put(&path, bytes);
        let damaged = home.node_key().unwrap_err().to_string();
        let said = format!("{} has {} bytes, a key has 32", path.display(), bytes.len());
        assert!(damaged.contains(&said) && damaged.contains("\n  put it back from a backup"), "{damaged}");
        assert_eq!(home.read_key(&path).unwrap().unwrap(), bytes);
    }
    disk.put(&path, &[7; 32]);
    assert_eq!(home.node_key().unwrap(), [7; 32]);
}

#[test]
fn an_empty_format_is_not_taken_for_another_version() {
    let (disk, fs, root) = disk();
    disk.put(&root.join("FORMAT"), b"\n");
    let error = Home::open(fs.clone(), root).unwrap_err().to_string();
    assert!(error.contains("is empty") && error.contains("from a backup"), "{error}");
    assert!(matches!(Home::init(fs, root), Err(HomeError::AlreadyAHome(_))));
}

#[test]
fn a_format_that_is_missing_from_a_home_is_said_with_the_line_that_it_was() {
    let (disk, fs, root) = disk();
    let home = Home::init(fs.clone(), root).unwrap();
    home.write_key(&home.paths().node_key(), &[7; 32]).unwrap();
    disk.put(&home.paths().private_journal().join("0.seg"), b"accounts");
    drop(home);
    fs.remove(&root.join("FORMAT")).unwrap();
    let before = disk.files();
    for error in [Home::open(fs.clone(), root).unwrap_err(), Home::init(fs.clone(), root).unwrap_err()] {
        let error = error.to_string();
        assert!(error.contains("FORMAT is missing") && error.contains("“kapok data folder 1”"), "{error}");
    }
    assert_eq!(disk.files(), before);
    disk.put(&root.join("FORMAT"), format!("{FORMAT}\n").as_bytes());
    assert!(Home::open(fs, root).is_ok());
}

#[test]
fn a_format_that_is_no_text_is_shown_escaped() {
    let (disk, fs, root) = disk();
    for (bytes, shown) in [(&b"\x1b[2J\xff\x00"[..], r"“\x1b[2J\xff\x00”"), (b"kapok\ndata", r"“kapok\ndata”")]
    {
        disk.put(&root.join("FORMAT"), bytes);
        let error = Home::open(fs.clone(), root).unwrap_err().to_string();
        assert!(error.contains(shown), "{error}");
    }
}

#[test]
fn a_file_is_not_made_a_folder() {
    let (disk, fs, root) = disk();
    disk.put(root, b"thesis");
    for place in [root.to_path_buf(), root.join("deeper")] {
        for error in [Home::init(fs.clone(), &place).unwrap_err(), Home::open(fs.clone(), &place).unwrap_err()] {
            let error = error.to_string();
            assert!(error.contains("/srv/kapok is not a folder\n  choose another place"), "{error}");
        }
    }
}

#[test]
fn a_disk_that_can_only_be_read_is_said_so_with_a_remedy() {
    let (disk, fs, root) = disk();
    drop(Home::init(fs.clone(), root).unwrap());
    disk.set_disk_read_only(true);
    let error = Home::open(fs, root).unwrap_err().to_string();
    assert!(error.starts_with("cannot lock /srv/kapok/LOCK") && error.contains("mount it for writing"), "{error}");
}

#[test]
fn a_folder_that_was_not_finished_is_no_home() {
    let (_, fs, root) = disk();
    let unfinished = Home::begin(fs.clone(), root).unwrap();
    unfinished.home().write_key(&unfinished.home().paths().node_key(), &[7; 32]).unwrap();
    drop(unfinished);
    assert!(matches!(Home::open(fs.clone(), root), Err(HomeError::NotAHome(_))));
    drop(Home::begin(fs.clone(), root).unwrap().finish().unwrap());
    assert!(Home::open(fs, root).is_ok());
}

#[test]
fn who_finds_the_folder_locked_learns_what_for() {
    let (_, fs, root) = disk();
    drop(Home::init(fs.clone(), root).unwrap());
    for purpose in [Purpose::Serve, Purpose::Command] {
        let _home = Home::open_to(purpose, fs.clone(), root).unwrap();
        let refused = Home::open(fs.clone(), root).unwrap_err();
        assert!(matches!(refused, HomeError::InUse { purpose: said, .. } if said == purpose), "{refused}");
    }
}

#[cfg(unix)]
#[test]
fn keys_that_others_can_read_are_closed_and_said() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let home = Home::init(Arc::new(fs::RealFs), &dir.path().join("home")).unwrap();
    let path = home.paths().node_key();
    home.write_key(&path, &[7; 32]).unwrap();
    assert_eq!(home.close_keys(), []);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(home.close_keys(), [ExposedKey { path: path.clone(), closed: true }]);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(home.close_keys(), []);
}

#[cfg(unix)]
#[test]
fn what_is_nobody_elses_business_is_closed_to_others_also_in_a_folder_that_was_open() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("home");
    let closed = ["keys", "journal/private", "journal/audit", "staging", "run"].map(|name| root.join(name));
    let modes = || closed.each_ref().map(|folder| std::fs::metadata(folder).unwrap().permissions().mode() & 0o777);
    drop(Home::init(Arc::new(fs::RealFs), &root).unwrap());
    assert_eq!(modes(), [0o700; 5]);
    for folder in &closed {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    drop(Home::open(Arc::new(fs::RealFs), &root).unwrap());
    assert_eq!(modes(), [0o700; 5]);
}
