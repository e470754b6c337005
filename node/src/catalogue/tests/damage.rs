//! Full disks and views that lag: nothing is lost, and nothing is shown that is not there.

use super::*;

#[test]
fn a_full_disk_refuses_what_is_new_and_keeps_what_was() {
    let dir = tempfile::tempdir().unwrap();
    let city = open(dir.path(), "city");
    let id = publish(&city, 1, "先来的", Visibility::Public);
    let (before, end) = (seen(&city), city.journal().end());
    city.view.leave_free(u64::MAX);
    let refused = try_publish(&city, 2, "后来的").unwrap_err();
    assert!(refused.is_full(), "{refused}");
    assert_eq!(city.journal().end(), end, "it would wait unseen in the journal");
    city.catch_up().unwrap();
    assert_eq!(seen(&city), before);
    assert!(city.take_released().is_empty(), "no file is let go of");
    assert!(city.reading().unwrap().resource(&id).unwrap().is_some());
    city.view.leave_free(0);
    publish(&city, 2, "后来的", Visibility::Public);
    assert_eq!(seen(&city).len(), 2);
    city.close().unwrap();
    drop(city);
    assert_eq!(seen(&open(dir.path(), "city")).len(), 2);
}

#[test]
fn what_was_appended_and_not_applied_is_applied_before_anything_else() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (city, twin) = (open(here.path(), "city"), open(there.path(), "city"));
    // The journal of the first has an entry that its view never saw.
    publish(&twin, 1, "漏掉的", Visibility::Public);
    let entry = entries(&twin).remove(0);
    let sequence = entry.entry().sequence;
    city.journal().append(&[&crate::catalogue::Record::Entry(entry).to_bytes()]).unwrap();
    // While there is no room for it, nothing that would pass it over is taken.
    city.view.leave_free(u64::MAX);
    assert!(try_publish(&city, 2, "新的").unwrap_err().is_full());
    assert!(seen(&city).is_empty());
    city.view.leave_free(0);
    publish(&city, 2, "新的", Visibility::Public);
    let titles: Vec<_> = seen(&city).into_iter().map(|(title, ..)| title).collect();
    assert_eq!(titles, ["新的", "漏掉的"]);
    let newest = entries(&city).into_iter().map(|entry| entry.entry().sequence).max().unwrap();
    assert!(newest > sequence, "no number is used twice");
    city.close().unwrap();
    drop(city);
    assert_eq!(seen(&open(here.path(), "city")).len(), 2);
}

#[test]
fn a_catalogue_that_is_being_made_anew_answers_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let city = open(dir.path(), "city");
    publish(&city, 1, "一", Visibility::Public);
    city.view.leave_free(u64::MAX);
    city.reset().unwrap();
    assert!(city.catch_up().unwrap_err().is_full());
    assert!(city.reading().is_err(), "an empty view is not an empty library");
    assert!(try_publish(&city, 2, "二").is_err());
    city.view.leave_free(0);
    city.catch_up().unwrap();
    assert_eq!(seen(&city).len(), 1);
}

/// Flips a byte of these in the journal's files.
fn spoil(dir: &Path, text: &str) {
    for file in std::fs::read_dir(dir.join("journal")).unwrap().flatten() {
        let mut bytes = std::fs::read(file.path()).unwrap();
        let Some(at) = bytes.windows(text.len()).position(|window| window == text.as_bytes()) else { continue };
        bytes[at] ^= 1;
        std::fs::write(file.path(), bytes).unwrap();
        return;
    }
    panic!("{text} is not in the journal");
}

/// Cuts the journal where this text begins, as if the disk had gone back to an earlier state.
fn roll_back(dir: &Path, text: &str) {
    for file in std::fs::read_dir(dir.join("journal")).unwrap().flatten() {
        let bytes = std::fs::read(file.path()).unwrap();
        let Some(at) = bytes.windows(text.len()).position(|window| window == text.as_bytes()) else { continue };
        std::fs::write(file.path(), &bytes[..at]).unwrap();
        return;
    }
    panic!("{text} is not in the journal");
}

#[test]
fn what_a_disk_has_spoilt_comes_back_from_others() {
    // Of others, and of one's own.
    for spoilt in ["city", "school"] {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (city, school) = (open(here.path(), "city"), open(there.path(), "school"));
        for n in 1..=5 {
            publish(&school, n, &format!("第{n}份"), Visibility::Public);
        }
        meet(&city, &school);
        let all = seen(&school);
        assert_eq!(seen(&city), all);
        let dir = if spoilt == "city" { here.path() } else { there.path() };
        let (left, other) = if spoilt == "city" { (city, school) } else { (school, city) };
        left.close().unwrap();
        drop(left);
        spoil(dir, "第2份");
        let again = open(dir, spoilt);
        assert_eq!(seen(&again).len(), 4, "{spoilt}");
        meet(&again, &other);
        again.sign_what_is_left(NOW).unwrap();
        assert_eq!(seen(&again), all, "{spoilt}");
        meet(&again, &other);
        for node in [&again, &other] {
            assert!(node.reading().unwrap().shelves().iter().all(|(_, state)| !state.mismatch), "{spoilt}");
        }
    }
}

#[test]
fn a_node_whose_disk_went_back_takes_its_own_entries_from_others() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (city, school) = (open(here.path(), "city"), open(there.path(), "school"));
    for n in 1..=5 {
        publish(&school, n, &format!("第{n}份"), Visibility::Public);
    }
    meet(&city, &school);
    school.close().unwrap();
    drop(school);
    roll_back(there.path(), "第4份");
    let school = open(there.path(), "school");
    assert_eq!(seen(&school).len(), 3);
    meet(&school, &city);
    school.sign_what_is_left(NOW).unwrap();
    assert_eq!(seen(&school).len(), 5);
    publish(&school, 6, "第6份", Visibility::Public);
    meet(&school, &city);
    assert_eq!(seen(&city), seen(&school));
    assert_eq!(seen(&city).len(), 6);
}
