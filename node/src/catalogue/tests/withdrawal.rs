//! Withdrawn resources leave no text behind, and do not come back.

use super::*;

/// Whether the text stands in any file of the journal.
fn journal_holds(dir: &Path, text: &str) -> bool {
    let files = std::fs::read_dir(dir.join("journal")).unwrap();
    files.flatten().any(|file| {
        let bytes = std::fs::read(file.path()).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

#[test]
fn all_versions_of_a_withdrawn_resource_leave_the_journals_of_all_nodes() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (city, school) = (open(here.path(), "city"), open(there.path(), "school"));
    publish(&school, 5, "第一版的标题", Visibility::Public);
    meet(&city, &school);
    publish(&school, 5, "第二版的标题", Visibility::Public);
    publish(&school, 6, "留下的标题", Visibility::Public);
    meet(&city, &school);
    withdraw(&city, &school, 5);
    meet(&city, &school);
    let shown = [seen(&city), seen(&school)];
    for (node, dir) in [(&city, here.path()), (&school, there.path())] {
        assert!(journal_holds(dir, "第一版的标题") && journal_holds(dir, "第二版的标题"));
        assert!(node.erase_withdrawn().unwrap() >= 2);
        assert_eq!(node.erase_withdrawn().unwrap(), 0);
        assert!(!journal_holds(dir, "第一版的标题") && !journal_holds(dir, "第二版的标题"));
        assert!(journal_holds(dir, "留下的标题"));
    }
    // What stands in the journal now adds up to the same catalogue.
    for (node, dir, name) in [(city, here.path(), "city"), (school, there.path(), "school")] {
        drop(node);
        std::fs::remove_dir_all(dir.join("view")).unwrap();
        let again = open(dir, name);
        assert!(shown.contains(&seen(&again)));
        assert!(again.reading().unwrap().shelves().iter().all(|(_, state)| !state.mismatch));
        assert_eq!(again.erase_withdrawn().unwrap(), 0);
    }
}

#[test]
fn what_comes_after_its_withdrawal_is_stored_as_a_stub() {
    let (here, there, third) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (city, school) = (open(here.path(), "city"), open(there.path(), "school"));
    let id = publish(&school, 5, "旧的标题", Visibility::Public);
    let old = entries(&school).remove(0);
    meet(&city, &school);
    withdraw(&city, &school, 5);
    city.erase_withdrawn().unwrap();
    // An old stick brings the entry once more, and a node that was away comes back.
    city.store(vec![News::Entry(old)]).unwrap();
    let away = open(third.path(), "city");
    meet(&away, &school);
    assert!(!journal_holds(here.path(), "旧的标题"));
    meet(&city, &school);
    for node in [&city, &school] {
        assert!(node.reading().unwrap().resource(&id).unwrap().is_none());
    }
}

#[test]
fn what_becomes_narrower_leaves_the_journals_of_those_who_may_not_see_it() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (city, school) = (open(here.path(), "city"), open(there.path(), "school"));
    publish(&school, 5, "给大家的标题", Visibility::Federation);
    meet(&city, &school);
    assert!(journal_holds(here.path(), "给大家的标题"));
    // As `add --replaces` does it: the wider shelf's entry is taken back in the same breath.
    let key = ResourceKey { author: school.id(), name: [5; 16] }.entry_key();
    let taken_back = Statement { key, visibility: Visibility::Federation, body: None, person: None };
    school.publish(vec![taken_back], NOW).unwrap();
    publish(&school, 5, "本校的标题", Visibility::School);
    meet(&city, &school);
    for node in [&city, &school] {
        assert!(node.erase_withdrawn().unwrap() >= 1);
    }
    assert!(!journal_holds(here.path(), "给大家的标题") && !journal_holds(here.path(), "本校的标题"));
    assert_eq!(seen(&school)[0].0, "本校的标题");
    assert!(seen(&city).is_empty());
}

#[test]
fn files_of_what_was_withdrawn_are_still_released_after_an_orderly_stop() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (city, school) = (open(here.path(), "city"), open(there.path(), "school"));
    publish(&school, 5, "坏的", Visibility::Public);
    meet(&city, &school);
    withdraw(&school, &school, 5);
    meet(&city, &school);
    let blob = BlobId::of("坏的".as_bytes());
    assert!(city.take_released().contains(&blob));
    city.close().unwrap();
    drop(city);
    let again = open(here.path(), "city");
    assert!(again.take_released().contains(&blob), "nobody has decided what becomes of it");
    again.forget_released(&[blob]).unwrap();
    again.close().unwrap();
    drop(again);
    assert!(open(here.path(), "city").take_released().is_empty());
}
