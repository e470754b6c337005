//! What is in the journal is what is seen, however it got there.

use super::*;

#[test]
fn a_catalogue_made_anew_from_the_journal_is_the_same() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (city, school) = (open(here.path(), "city"), open(there.path(), "school"));
    for n in 0..40 {
        publish(&school, n % 30, &format!("教案 {n}"), Visibility::SHARED[usize::from(n % 3)]);
    }
    publish(&city, 1, "市里的", Visibility::Public);
    meet(&city, &school);
    withdraw(&city, &school, 3);
    meet(&school, &city);
    let (before, totals) = (seen(&city), city.reading().unwrap().totals());
    assert!(before.len() > 20);
    // Not closed in order, so the view is not believed; a fresh folder is no different.
    drop(city);
    std::fs::remove_dir_all(here.path().join("view")).unwrap();
    let again = open(here.path(), "city");
    assert_eq!(seen(&again), before);
    assert_eq!(again.reading().unwrap().totals(), totals);
    assert_eq!(seen(&school).len(), before.len(), "a school directly under the city shares its county");
}

#[test]
fn what_came_before_takes_no_second_place_in_the_journal() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (city, school) = (open(here.path(), "city"), open(there.path(), "school"));
    publish(&school, 1, "一", Visibility::Public);
    meet(&city, &school);
    let end = city.journal().end();
    let reading = school.reading().unwrap();
    let shelf = reading.shelves()[0].0;
    let items = reading.items(&shelf, &Default::default(), 1 << 20);
    for item in items {
        let Item::Entry(signed) = item else { continue };
        let entry = Verified::check(signed).unwrap();
        city.store(vec![News::Entry(entry)]).unwrap();
    }
    assert_eq!(city.journal().end(), end);
}

#[test]
fn a_withdrawal_by_an_ancestor_takes_a_resource_wherever_it_arrives_first() {
    for withdrawal_first in [true, false] {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (city, school) = (open(here.path(), "city"), open(there.path(), "school"));
        let id = publish(&school, 5, "坏的", Visibility::Public);
        if !withdrawal_first {
            meet(&city, &school);
        }
        withdraw(&city, &school, 5);
        meet(&city, &school);
        meet(&city, &school);
        for node in [&city, &school] {
            let reading = node.reading().unwrap();
            assert!(reading.resource(&id).unwrap().is_none());
            assert_eq!(reading.withdrawal(&id).unwrap().unwrap().1.reason, "错");
            assert!(reading.uses(&BlobId::of("坏的".as_bytes())).unwrap().is_empty());
            let adds_up = reading.shelves().iter().all(|(_, state)| !state.mismatch);
            assert!(adds_up, "what was withdrawn still counts in the checksum");
        }
    }
}

#[test]
fn a_new_version_takes_the_place_of_the_old_one_also_on_another_shelf() {
    let dir = tempfile::tempdir().unwrap();
    let city = open(dir.path(), "city");
    let id = publish(&city, 9, "旧的", Visibility::Public);
    assert_eq!(publish(&city, 9, "新的", Visibility::School), id);
    let reading = city.reading().unwrap();
    let found = reading.resource(&id).unwrap().unwrap();
    assert_eq!((found.resource.title.as_str(), found.visibility), ("新的", Visibility::School));
    assert!(reading.uses(&BlobId::of("旧的".as_bytes())).unwrap().is_empty());
    assert_eq!(reading.totals().1, 1);
}
