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
